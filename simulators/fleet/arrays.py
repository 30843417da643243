"""Values made of arrays with one entry a vehicle: taking some vehicles out and putting them back."""

from __future__ import annotations

from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Floats = npt.NDArray[np.floating[Any]]
"""float32 throughout; wider to the type checker, as numpy's annotations lose the width in mixed arithmetic."""
Indices = npt.NDArray[np.int64]

Value = TypeVar("Value")


def floats(values: npt.ArrayLike) -> Floats:
    """The same as float32, without a copy where it is that already."""
    return np.asarray(values, dtype=np.float32)


def full(n: int, value: float) -> Floats:
    """One number for each of ``n`` vehicles."""
    return np.full(n, value, dtype=np.float32)


def spread(rng: np.random.Generator, n: int, mean: float, sd: float, *, within: float = 3.0) -> Floats:
    """``n`` draws about ``mean`` with relative deviation ``sd``, lognormal, cut off at ``within`` deviations."""
    wild = np.clip(rng.standard_normal(n, dtype=np.float32), -within, within)
    return floats(mean * np.exp(sd * wild - sd * sd / 2.0))


def scatter(rng: np.random.Generator, n: int, mean: float, sd: float, *, within: float = 3.0) -> Floats:
    """``n`` draws about ``mean`` with deviation ``sd`` in its own unit, normal, cut off at ``within`` deviations."""
    return floats(mean + sd * np.clip(rng.standard_normal(n, dtype=np.float32), -within, within))


def by_place(values: npt.ArrayLike) -> Floats:
    """Numbers ``(n, k)``, of which each of the ``k`` places lies together: thrice as quick beside arrays ``(n,)``."""
    return np.asfortranarray(values, dtype=np.float32)


def _rows(array: npt.NDArray[Any], which: Indices | slice) -> npt.NDArray[Any]:
    """Rows of an array, places still lying together where they did."""
    lies_by_place = array.ndim > 1 and array.strides[0] < array.strides[-1]
    rows: npt.NDArray[Any] = array.T[..., which].T if lies_by_place else array[which]
    return rows


def _names(value: Any) -> Iterable[str]:
    """Names of a dataclass's fields, without the cost of ``dataclasses.fields``."""
    names: Iterable[str] = value.__dataclass_fields__
    return names


def _mapped(value: Value, change: Callable[[npt.NDArray[Any]], npt.NDArray[Any]]) -> Value:
    """The same dataclass with each array changed; what is neither array nor dataclass is kept."""
    parts = {}
    for name in _names(value):
        entry = getattr(value, name)
        if isinstance(entry, np.ndarray):
            entry = change(entry)
        elif is_dataclass(entry):
            entry = _mapped(entry, change)
        parts[name] = entry
    return type(value)(**parts)


def taken(value: Value, which: Indices | slice) -> Value:
    """A dataclass of arrays with the vehicles ``which`` alone; what is not an array is kept; dataclasses nest."""
    return _mapped(value, lambda array: array[which] if array.ndim == 1 else _rows(array, which))


def joined(values: Sequence[Value]) -> Value:
    """Dataclasses of arrays of one form as one, vehicles after vehicles; what is not an array is that of the first."""
    parts = {}
    for name in _names(values[0]):
        entries: list[Any] = [getattr(value, name) for value in values]
        if isinstance(entries[0], np.ndarray):
            parts[name] = np.concatenate(entries)
        else:
            parts[name] = joined(entries) if is_dataclass(entries[0]) else entries[0]
    return type(values[0])(**parts)


def put(value: Value, which: Indices | slice, part: Value) -> None:
    """Writes the vehicles of ``part`` to the places ``which`` of the arrays of ``value``, in place."""
    for name in _names(value):
        entry = getattr(value, name)
        if isinstance(entry, np.ndarray):
            entry[which] = getattr(part, name)
        elif is_dataclass(entry):
            put(entry, which, getattr(part, name))


def owned(value: Value) -> Value:
    """The same with arrays of its own that can be written to."""
    return _mapped(value, np.array)


def replaced(value: Value, which: Indices | slice, part: Value) -> Value:
    """The same with the vehicles ``which`` as in ``part``; ``value`` itself stays as it is."""
    copy = owned(value)
    put(copy, which, part)
    return copy


def when(mask: npt.NDArray[np.bool_], value: float = 1.0) -> Floats:
    """``value`` where the mask holds, else 0; a mask times a Python number would be float64."""
    chosen: Floats = mask * np.float32(value)
    return chosen


def averaged(before: Floats, seen: Floats, able: npt.NDArray[Any], weight: float) -> Floats:
    """A monitor's running average, moved by ``weight`` where it was ``able`` to test; NaN until it first was."""
    moved: Floats = before + weight * (seen - before) * able
    return np.where(np.isnan(before) & (able > 0), seen, moved)


def clamp(values: Floats, least: float | Floats, most: float | Floats) -> Floats:
    """The same within bounds; quicker than ``numpy.clip`` on the short arrays of a block."""
    within = np.maximum(values, least)
    return np.minimum(within, most, out=within)
