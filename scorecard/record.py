"""What diagnosis saw of a fleet: trips with their features, trouble codes, workshop records; nothing of the truth."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scorecard.truth import Floats, Integers, Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Cars:
    """Of each vehicle ``(n,)``: platform, powertrain, age in days and odometer in km when the record begins."""

    platform: Words
    powertrain: Words
    age_days: Floats
    odometer_km: Floats

    def __len__(self) -> int:
        """How many."""
        return len(self.age_days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trips:
    """Closed trips ``(m,)``, each vehicle's in order of time: ``values`` ``(m, len(names))``."""

    vehicle: Integers
    values: Floats
    names: tuple[str, ...]

    def __getitem__(self, name: str) -> Floats:
        """One feature of every trip."""
        return self.values[:, self.names.index(name)]

    def __len__(self) -> int:
        """How many."""
        return len(self.vehicle)


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A trouble code that came or went."""

    vehicle: int
    at_ms: float
    code: str
    state: str
    present: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A component was repaired or renewed, as the workshop wrote down."""

    vehicle: int
    component: str
    at_ms: float


Measure = tuple[int, str, float, float]
"""What a workshop measured: vehicle, name, time in ms, value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """All that was seen of a fleet."""

    cars: Cars
    trips: Trips
    codes: tuple[Code, ...] = ()
    services: tuple[Service, ...] = ()
    start_ms: float = 0.0
    measured: tuple[Measure, ...] = field(default=())
