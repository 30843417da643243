"""Parameters of detectors by platform, from the table ``platforms.toml`` that ships with the package."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from diagnostics.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from diagnostics.arrays import Floats

GENERIC = "generic"


def read_platforms(text: str | None = None) -> dict[str, dict[str, float]]:
    """Each platform's parameters, complete: what it does not name is taken from ``generic``.

    Raises:
        ParameterError: there is no generic table, a value is not a number, or a name is not in the generic table.
    """
    shipped = resources.files("diagnostics") / "platforms.toml"
    tables: Mapping[str, Any] = msgspec.toml.decode(text if text is not None else shipped.read_text(encoding="utf-8"))
    if GENERIC not in tables:
        raise ParameterError(GENERIC, "is missing; it must hold every parameter")
    for platform, table in tables.items():
        for name, value in table.items():
            if name not in tables[GENERIC]:
                raise ParameterError(platform, f"{name!r} is not in the generic table")
            if not isinstance(value, float | int):
                raise ParameterError(platform, f"{name!r} is {value!r}, a number is needed")
    return {
        platform: {name: float(value) for name, value in {**tables[GENERIC], **table}.items()}
        for platform, table in tables.items()
    }


def parameters_of(platforms: Mapping[str, Mapping[str, float]], of_vehicles: Iterable[str]) -> dict[str, Floats]:
    """Parameters by name, one value a vehicle, of vehicles whose platforms are given."""
    chosen = [platforms.get(name, platforms[GENERIC]) for name in of_vehicles]
    return {name: np.array([table[name] for table in chosen]) for name in platforms[GENERIC]}
