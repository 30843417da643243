"""The table of causes that ships with the package, read; :mod:`diagnostics.suggestions.causes` ranks by it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from diagnostics.errors import ParameterError
from diagnostics.findings import Component

if TYPE_CHECKING:
    from collections.abc import Mapping

    from diagnostics.findings import Text

LEAK = 0.01
"""P(sign | cause) where the table names none: another fault, or a false alarm (our choice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """What was found: ``name`` is "detector.cause" or a trouble code."""

    name: str
    component: Component


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A cause of the table; ``signs`` are P(sign | cause) by the beginning of the sign's name."""

    key: str
    component: Component
    prior: float
    title: Text
    check: Text
    wait: Text
    signs: Mapping[str, float]

    def chance(self, sign: Sign) -> float:
        """P(sign | cause); the longest key that fits counts."""
        fitting = max((key for key in self.signs if sign.name.startswith(key)), key=len, default=None)
        return LEAK if fitting is None else self.signs[fitting]


@cache
def shipped() -> tuple[Known, ...]:
    """The table that ships with the package."""
    return read_causes((resources.files("diagnostics") / "causes.toml").read_text(encoding="utf-8"))


def read_causes(text: str) -> tuple[Known, ...]:
    """A table of causes from TOML.

    Raises:
        ParameterError: a cause lacks something, or a probability is not between 0 and 1.
    """
    tables: Mapping[str, Mapping[str, Any]] = msgspec.toml.decode(text)
    return tuple(_known(key, table) for key, table in tables.items())


def _known(key: str, table: Mapping[str, Any]) -> Known:
    missing = [name for name in ("component", "prior", "title", "check", "wait", "signs") if name not in table]
    if missing:
        raise ParameterError("causes.toml", f"{key} lacks {missing[0]}")
    wrong = [name for name, share in table["signs"].items() if not 0.0 < share < 1.0]
    if wrong:
        raise ParameterError("causes.toml", f"{key}: P({wrong[0]}) must be between 0 and 1")
    return Known(
        key=key, component=Component(table["component"]), prior=float(table["prior"]), title=table["title"],
        check=table["check"], wait=table["wait"], signs=MappingProxyType(dict(table["signs"])),
    )  # fmt: skip
