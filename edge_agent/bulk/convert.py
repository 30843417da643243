"""From raw numbers to values, many signals in one call, with the results that Python's own arithmetic would give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge_agent.decoders.layout import Coding, Conversion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_agent.decoders.layout import Signal

Array: TypeAlias = NDArray[Any]
_WHOLE = ("u1", "i1", "u2", "i2", "u4", "i4", "i8", "u8")
"""Types of whole numbers, the smallest first."""
_EXACT = 1 << 53
"""Up to here each whole number is a float64."""


def raw_range(signal: Signal) -> tuple[int, int]:
    """Smallest and largest raw number of a signal in whole numbers."""
    if signal.coding is Coding.SIGNED:
        return -(1 << (signal.length - 1)), (1 << (signal.length - 1)) - 1
    return 0, (1 << signal.length) - 1


def result_type(signal: Signal) -> str:
    """What numpy calls the type of a signal's values; "object" where only Python's own numbers are exact."""
    if signal.coding is Coding.FLOAT:
        return "f8"
    ends = raw_range(signal)
    if signal.conversion is Conversion.REAL:
        inexact = isinstance(signal.scale, int) and max(map(abs, ends)) * abs(signal.scale) > _EXACT
        return "object" if inexact else "f8"
    if signal.conversion is Conversion.NONE:
        return _smallest(ends)
    scale, offset = int(signal.scale), int(signal.offset)
    products = [end * scale for end in ends]
    return _smallest([*ends, scale, offset, *products, *(product + offset for product in products)])


def _smallest(numbers: Sequence[int]) -> str:
    limits = ((name, np.iinfo(name)) for name in _WHOLE)
    fitting = (name for name, info in limits if info.min <= min(numbers) and max(numbers) <= info.max)
    return next(fitting, "object")


@dataclass(frozen=True, slots=True, kw_only=True)
class Converter:
    """What turns the raw numbers of several signals, shape ``(signals, frames)``, into values of one type.

    ``float_bytes`` is the size of a raw number that is a float itself, else 0. ``scales`` and ``offsets`` have shape
    ``(signals, 1)``, or are None where all are 1 or 0.
    """

    kind: str
    float_bytes: int = 0
    scales: Array | None = None
    offsets: Array | None = None

    def values(self, raw: Array) -> Array:
        """The values, shape ``(signals, frames)``."""
        if not self.float_bytes:
            return self._scaled(raw)
        with np.errstate(invalid="ignore", over="ignore"):  # what a car sends may be no number at all
            return self._scaled(raw.astype(f"u{self.float_bytes}", copy=False).view(f"f{self.float_bytes}"))

    def _scaled(self, rows: Array) -> Array:
        if self.scales is not None and self.kind == "f8":
            rows = np.multiply(rows, self.scales, dtype="f8")
        else:
            rows = rows.astype(self.kind, copy=False)
            if self.scales is not None:
                rows = rows * self.scales
        return rows if self.offsets is None else np.add(rows, self.offsets)


def converter(signals: Sequence[Signal]) -> Converter:
    """The converter of signals that have type, coding and conversion in common."""
    first = signals[0]
    kind = result_type(first)
    float_bytes = first.length // 8 if first.coding is Coding.FLOAT else 0
    if first.conversion is Conversion.NONE:
        return Converter(kind=kind, float_bytes=float_bytes)
    number = float if kind == "f8" else int
    scales = np.array([[number(signal.scale)] for signal in signals], dtype=kind)
    offsets = np.array([[number(signal.offset)] for signal in signals], dtype=kind)
    return Converter(
        kind=kind,
        float_bytes=float_bytes,
        scales=scales if (scales != 1).any() else None,
        offsets=offsets if (offsets != 0).any() or (scales < 0).any() or float_bytes else None,
    )
