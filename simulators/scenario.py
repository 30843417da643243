"""Named stories of cars: which car, how it is driven, and what goes wrong when. One TOML file each."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

import msgspec

from simulators.drive_cycles import STYLES
from simulators.errors import ScenarioError
from simulators.faults import NAMES, Plan
from vehicle.errors import SettingsError
from vehicle.settings import build, read_toml

if TYPE_CHECKING:
    from collections.abc import Iterator


class Growth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fault that grows from nothing at ``onset_day`` to ``severity`` at ``full_day`` of the story."""

    fault: str
    severity: float
    onset_day: float = 0.0
    full_day: float = 0.0


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A car's story; ``plate``, ``model`` and ``vin`` are made up."""

    model: str
    plate: str
    vin: str
    says: dict[str, str]
    style: str = "town"
    seed: int = 1
    ambient_c: float = 16.0
    odometer_km: float = 61_000.0
    pad_mm: float = 9.0
    growth: list[Growth] = []

    def plans(self) -> list[Plan]:
        """The faults' growth as the physics takes it."""
        return [
            Plan(fault=one.fault, severity=one.severity, onset_day=one.onset_day, full_day=one.full_day)
            for one in self.growth
        ]


def names() -> Iterator[str]:
    """The scenarios that are shipped, by name."""
    folder = resources.files("simulators") / "scenarios"
    yield from sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load(name: str) -> Scenario:
    """The scenario of that name.

    Raises:
        ScenarioError: there is none, or it names a fault or a style that does not exist.
    """
    if name not in set(names()):
        raise ScenarioError(name, f"does not exist; there are {', '.join(names())}")
    text = (resources.files("simulators") / "scenarios" / f"{name}.toml").read_text(encoding="utf-8")
    try:
        found = build(Scenario, read_toml(text, source=name), source=name)
    except SettingsError as error:
        raise ScenarioError(name, f"cannot be read: {error}") from error
    wrong = [one.fault for one in found.growth if one.fault not in NAMES]
    if wrong:
        raise ScenarioError(name, f"names {wrong[0]!r}, which cannot go wrong here; {', '.join(NAMES)} can")
    if found.style not in STYLES:
        raise ScenarioError(name, f"drives {found.style!r}; there are {', '.join(STYLES)}")
    return found
