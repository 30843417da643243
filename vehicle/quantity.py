"""The class of a signal: path, unit, range and the arithmetic between raw integers and values."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from vehicle.errors import SignalRangeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vehicle.units import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One quantity of a vehicle.

    The value is ``(raw * numerator + offset) / denominator`` in ``unit``; ``raw`` is an integer of ``bits`` bits.
    With integers all the way, equal raws give equal floats everywhere, and decimal resolutions come out exact.
    """

    path: str
    unit: Unit
    numerator: int = 1
    denominator: int = 1
    offset: int = 0
    bits: int = 8
    signed: bool = False
    english: str
    chinese: str
    states: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def raw_minimum(self) -> int:
        """Smallest raw value."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def raw_maximum(self) -> int:
        """Largest raw value."""
        return (1 << (self.bits - (1 if self.signed else 0))) - 1

    @property
    def minimum(self) -> float:
        """Smallest value, in ``unit``."""
        return self.value(self.raw_minimum)

    @property
    def maximum(self) -> float:
        """Largest value, in ``unit``."""
        return self.value(self.raw_maximum)

    @property
    def resolution(self) -> float:
        """Step between neighbouring values, in ``unit``."""
        return self.numerator / self.denominator

    @property
    def decimals(self) -> int:
        """How many decimals tell neighbouring values apart when people read them."""
        return max(0, math.ceil(-math.log10(self.resolution)))

    def value(self, raw: int) -> float:
        """Physical value of ``raw``, in ``unit``."""
        return (raw * self.numerator + self.offset) / self.denominator

    def raw(self, value: float) -> int:
        """Raw integer nearest to ``value``.

        Raises:
            SignalRangeError: ``value`` is not finite, or further than half a step outside the range.
        """
        if math.isfinite(value):
            raw = round((value * self.denominator - self.offset) / self.numerator)
            if self.raw_minimum <= raw <= self.raw_maximum:
                return raw
        raise SignalRangeError(self.path, value, self.minimum, self.maximum, self.unit.symbol)
