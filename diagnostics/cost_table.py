"""The table of costs that ships with the package, read; :mod:`diagnostics.suggestions.timing` reckons with it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import msgspec

from diagnostics.errors import ParameterError
from diagnostics.findings import Component

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Hours of a workshop: a planned repair, and one after a failure on the road."""

    planned: float
    unplanned: float

    @property
    def ratio(self) -> float:
        """How many times as much a failure costs."""
        return self.unplanned / self.planned


@cache
def costs() -> Mapping[Component, Cost]:
    """The table that ships with the package."""
    return read_costs((resources.files("diagnostics") / "costs.toml").read_text(encoding="utf-8"))


def read_costs(text: str) -> Mapping[Component, Cost]:
    """A table of costs from TOML.

    Raises:
        ParameterError: a component is missing, or a number is missing, negative, or nothing for a planned repair.
    """
    tables: Mapping[str, Mapping[str, float]] = msgspec.toml.decode(text)
    missing = [part for part in Component if part not in tables]
    if missing:
        raise ParameterError("costs.toml", f"lacks {missing[0]}; name its planned, strands and damage in hours")
    for part, table in tables.items():
        numbers = [table.get(name, -1.0) for name in ("planned", "strands", "damage")]
        if min(numbers) < 0.0 or numbers[0] == 0.0:
            raise ParameterError("costs.toml", f"{part} needs planned above 0, strands and damage of 0 or more")
    return {
        part: Cost(
            planned=tables[part]["planned"],
            unplanned=tables[part]["planned"] + tables[part]["strands"] + tables[part]["damage"],
        )
        for part in Component
    }
