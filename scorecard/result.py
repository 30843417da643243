"""A score as JSON and back: plain values, NaN as null."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec

from scorecard.errors import NotThatFileError

if TYPE_CHECKING:
    from pathlib import Path


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A figure with its 95 % interval; null where there was nothing to count."""

    value: float | None
    low: float | None
    high: float | None


class ComponentRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a service found of one component, and what it said wrongly."""

    observability: str
    failures: int
    sudden: int
    found: Figure
    lead_days: Figure
    right: int
    neutral: int
    false_bookings: int
    false_advisories: int
    coverage: Figure | None = None


class KindRow(msgspec.Struct, frozen=True, kw_only=True):
    """Failures of a kind, those found before, and the others by why: no signal, told too late, not told."""

    component: str
    kind: str
    observability: str
    failures: int
    found: int
    unseen: int
    late: int
    silent: int


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """A whole card."""

    world: str
    stress: str
    vehicles: int
    years: float
    seed: int
    vehicle_years: float
    driven_hours: float
    faults: int
    failures: int
    figures: dict[str, Figure]
    components: dict[str, ComponentRow]
    peers: dict[str, dict[str, Figure]]
    ablations: dict[str, dict[str, Figure]]
    trade_off: list[tuple[float, float | None, float | None]]
    """Limits scaled by the first: recall of classes A and B, false alarms a vehicle-year."""
    wear_trade_off: list[tuple[float, float | None, float | None]] = []
    """The same, advice on parts that wear so many times as early."""
    reliability: list[tuple[float, float, int]]
    """Predicted chance of failing within 30 days, share that did, how many: by bins of equal count."""
    not_detectable: list[str]
    kinds: list[KindRow] = []
    """Gradual failures of classes A and B."""


def plain(value: Any) -> Any:
    """The same with NaN and infinities as None, dataclasses and mappings as dicts."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return value


def score_of(values: dict[str, Any]) -> Score:
    """The card of plain or computed values."""
    return msgspec.convert(plain(values), Score)


def printed(score: Score) -> str:
    """One JSON object; the figures stand at its top level, as whoever reads it by name expects."""
    whole: dict[str, Any] = msgspec.to_builtins(score)
    figures = whole.pop("figures")
    return msgspec.json.format(msgspec.json.encode(figures | whole)).decode()


def read(path: Path) -> Score:
    """The card that :func:`printed` wrote.

    Raises:
        NotThatFileError: the file is no card, or not there.
    """
    try:
        return _card(msgspec.json.decode(path.read_bytes(), type=dict[str, Any]))
    except (OSError, msgspec.MsgspecError) as error:
        raise NotThatFileError(path, "score fleet --out FILE", error) from error


def _card(whole: dict[str, Any]) -> Score:
    known = set(Score.__struct_fields__)
    figures = {name: value for name, value in whole.items() if name not in known}
    return msgspec.convert({"figures": figures, **{name: whole[name] for name in known if name in whole}}, Score)
