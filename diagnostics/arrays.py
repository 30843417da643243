"""Kinds of arrays that the pure core speaks of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]
State: TypeAlias = Mapping[str, NDArray[np.generic]]
"""State of many vehicles: named arrays ``(n_vehicles, ...)``; never changed in place."""

Parameters: TypeAlias = Mapping[str, Floats]
"""Parameters by name, one value a vehicle: ``(n_vehicles,)``."""


def floats(values: NDArray[np.generic]) -> Floats:
    """A part of the state whose numbers are floats."""
    return np.asarray(values, dtype=np.float64)


def integers(values: NDArray[np.generic]) -> Integers:
    """A part of the state whose numbers are integers."""
    return np.asarray(values, dtype=np.int64)


def numbers(values: NDArray[np.generic]) -> Floats | Integers:
    """A part of the state as the kind of numbers that it holds."""
    return integers(values) if values.dtype.kind in "iu" else floats(values)


def filled(values: Floats, otherwise: float = 0.0) -> Floats:
    """Numbers with ``otherwise`` in the places of those that are not known (NaN)."""
    return np.where(np.isnan(values), otherwise, values)


def pushed(last: Floats, value: Floats) -> Floats:
    """The ``last`` values ``(..., k)``, newest first, with one more; NaN in ``value`` ``(...)`` is none."""
    moved = np.concatenate([value[..., None], last[..., :-1]], axis=-1)
    return np.where(np.isnan(value)[..., None], last, moved)


def in_a_row(beyond: Flags, told: Flags, before: NDArray[np.generic]) -> Integers:
    """Trips in a row that are ``beyond`` a limit, ``before`` this one so many; what is not ``told`` changes nothing."""
    old = integers(before)
    return np.where(told, np.where(beyond, old + 1, 0), old)


def picked(state: State, rows: Integers) -> dict[str, NDArray[np.generic]]:
    """The state of some vehicles, copied."""
    return {name: values[rows] for name, values in state.items()}


Array = TypeVar("Array", bound=NDArray[np.generic])


class _Chosen(Mapping[str, Array]):
    """Parameters or state of some vehicles, picked when they are asked for."""

    def __init__(self, whole: Mapping[str, Array], rows: Integers) -> None:
        self.whole, self.rows = whole, rows
        self._picked: dict[str, Array] = {}

    def __getitem__(self, name: str) -> Array:
        if name not in self._picked:
            picked: Array = self.whole[name][self.rows]  # type: ignore[assignment]  # of the same kind
            self._picked[name] = picked
        return self._picked[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.whole)

    def __len__(self) -> int:
        return len(self.whole)


def chosen(arrays: Mapping[str, Array], rows: Integers) -> Mapping[str, Array]:
    """The parameters or state of some vehicles; of some of these again they are picked at once."""
    if isinstance(arrays, _Chosen):
        return _Chosen(arrays.whole, arrays.rows[rows])
    return _Chosen(arrays, rows)


def columns_of(parameters: Parameters, name: str, parts: Sequence[str]) -> Floats:
    """Parameters ``PART_NAME`` of several parts, ``(n_vehicles, n_parts)``."""
    return np.stack([parameters[f"{part}_{name}"] for part in parts], axis=1)


def some(flags: Flags) -> Flags:
    """Of flags ``(n, ...)`` of each vehicle, one or several or none: whether any holds ``(n,)``."""
    return np.asarray(flags.any(axis=tuple(range(1, flags.ndim))), dtype=bool)


def every(flags: Flags) -> Flags:
    """Of several flags a vehicle ``(n, k)``: whether all hold ``(n,)``."""
    return np.asarray(flags.all(axis=1), dtype=bool)


def one_of(values: Floats, which: Integers) -> Floats:
    """Of several numbers a vehicle the one of a column: ``values`` ``(n, k)``, ``which`` ``(n,)``."""
    return np.asarray(np.take_along_axis(values, which[:, None], axis=1)[:, 0], dtype=np.float64)


def part_of(state: State, prefix: str) -> dict[str, NDArray[np.float64] | NDArray[np.int64]]:
    """Of a state that holds several of a kind the arrays whose names begin with ``prefix``, without it."""
    return {name.removeprefix(prefix): numbers(values) for name, values in state.items() if name.startswith(prefix)}


def prefixed(
    part: Mapping[str, NDArray[np.float64] | NDArray[np.int64]], prefix: str
) -> dict[str, NDArray[np.float64] | NDArray[np.int64]]:
    """The arrays of a part by the names that :func:`part_of` finds them by."""
    return {prefix + name: values for name, values in part.items()}
