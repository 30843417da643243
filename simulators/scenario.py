"""Scenarios: which car, where and how it is driven, and what goes wrong with it; TOML files in ``scenarios/``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from simulators.drive_cycles import STYLES
from simulators.errors import ScenarioError
from simulators.faults import Fault, check
from simulators.parameters import PLATFORMS

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parent / "scenarios"


class Climate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Temperature of the air in °C: mean, half the difference of day and night, sd from day to day."""

    mean_c: float = 19.0
    daily_c: float = 5.0
    spread_c: float = 3.0
    baro_kpa: float = 100.8


class Habit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the car is used: trips a day, their minutes, and how often which style of driving."""

    trips_a_day: float = 2.4
    shortest_min: float = 9.0
    longest_min: float = 24.0
    styles: dict[str, float] = msgspec.field(default_factory=lambda: {"town": 0.55, "commute": 0.4, "motorway": 0.05})


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One car and its story. Plates and VINs are invented."""

    label: str
    plate: str
    vin: str
    model: str
    platform: str = "compact"
    seed: int = 1
    odometer_km: float = 24_000.0
    pad_mm: float = 9.0
    utc_offset_h: float = 8.0
    climate: Climate = Climate()
    habit: Habit = Habit()
    faults: list[Fault] = []


def names() -> tuple[str, ...]:
    """The scenarios that are shipped."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def load(name: str) -> Scenario:
    """A shipped scenario by its name, or one in a file of one's own.

    Raises:
        ScenarioError: there is none, or what it says cannot be taken.
    """
    path = FOLDER / f"{name}.toml" if name in names() else Path(name)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ScenarioError(name, f"is not there; there are {', '.join(names())}, or give a file") from error
    try:
        scenario = msgspec.toml.decode(content, type=Scenario)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ScenarioError(name, f"cannot be taken: {error}") from error
    _check(name, scenario)
    return scenario


def _check(name: str, scenario: Scenario) -> None:
    check(name, scenario.faults)
    tables: tuple[tuple[str, list[str], Mapping[str, object]], ...] = (
        ("platform", [scenario.platform], PLATFORMS),
        ("style", list(scenario.habit.styles), STYLES),
    )
    for what, given, known in tables:
        for word in given:
            if word not in known:
                raise ScenarioError(name, f"has a {what} {word!r}; there are {', '.join(known)}")
