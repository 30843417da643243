"""Kinds of arrays that the pure core speaks of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

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


def picked(state: State, rows: Integers) -> dict[str, NDArray[np.generic]]:
    """The state of some vehicles, copied."""
    return {name: values[rows] for name, values in state.items()}


def columns_of(parameters: Parameters, name: str, parts: Sequence[str]) -> Floats:
    """Parameters ``PART_NAME`` of several parts, ``(n_vehicles, n_parts)``."""
    return np.stack([parameters[f"{part}_{name}"] for part in parts], axis=1)
