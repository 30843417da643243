"""The ECU's own checks, at the end of each trip: a code is pending after one bad trip and stored after the second.

They are what a car's makers give it, and know nothing of our service. Limits are of the size that service manuals
name (for instance Suzuki: 75 °C within about 15 minutes; Ford: 25 % of trim), rounded, our choice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

WARM_TRIP_S = 420.0
GOOD_TRIPS_TO_HEAL = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class TripFacts:
    """What the ECU saw of a trip."""

    seconds: float
    started_cold: bool
    warmest_coolant_c: float
    trim_percent: float
    highest_voltage: float
    misfire: bool


@dataclass(frozen=True, slots=True)
class Memory:
    """Codes by how many bad trips in a row they have seen, and how many good ones since; two bad ones store a code."""

    bad: Mapping[str, int] = field(default_factory=dict)
    good: Mapping[str, int] = field(default_factory=dict)

    @property
    def stored(self) -> frozenset[str]:
        """Codes that are confirmed."""
        return frozenset(code for code, count in self.bad.items() if count > 1)

    @property
    def pending(self) -> frozenset[str]:
        """Codes that were seen once."""
        return frozenset(code for code, count in self.bad.items() if count == 1)

    @property
    def lamp(self) -> bool:
        """Whether the malfunction lamp is on."""
        return bool(self.stored)


def judge(facts: TripFacts) -> frozenset[str]:
    """Codes whose check failed on this trip."""
    failed = {
        "P0128": facts.started_cold and facts.seconds > WARM_TRIP_S and facts.warmest_coolant_c < 71.0,  # noqa: PLR2004
        "P0171": facts.trim_percent > 25.0,  # noqa: PLR2004
        "P0562": facts.highest_voltage < 12.3,  # noqa: PLR2004
        "P0217": facts.warmest_coolant_c > 119.0,  # noqa: PLR2004
        "P0301": facts.misfire,
    }
    return frozenset(code for code, is_bad in failed.items() if is_bad)


def after_trip(memory: Memory, failed: frozenset[str]) -> Memory:
    """The memory after a trip on which the checks of ``failed`` failed."""
    bad, good = dict(memory.bad), dict(memory.good)
    for code in failed:
        bad[code], good[code] = bad.get(code, 0) + 1, 0
    for code in set(bad) - failed:
        good[code] = good.get(code, 0) + 1
        if bad[code] == 1 or good[code] >= GOOD_TRIPS_TO_HEAL:
            del bad[code], good[code]
    return Memory(MappingProxyType(bad), MappingProxyType(good))
