"""The maintenance booklet that ships with the package, read; used by :mod:`diagnostics.suggestions.schedule`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import msgspec

from diagnostics.errors import ParameterError
from diagnostics.findings import Component
from diagnostics.platforms import POWERTRAINS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from diagnostics.findings import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A job of the booklet: due after ``km`` (None: never by distance) or ``days``, whichever is first.

    ``severe``: hard use counts more. ``component``: what of diagnosis begins anew with it.
    """

    key: str
    title: Text
    km: float | None
    days: float
    severe: bool
    powertrains: tuple[str, ...]
    component: Component | None


@cache
def booklet() -> Mapping[str, Item]:
    """The table that ships with the package."""
    return read_booklet((resources.files("diagnostics") / "maintenance.toml").read_text(encoding="utf-8"))


def read_booklet(text: str) -> Mapping[str, Item]:
    """A booklet from TOML.

    Raises:
        ParameterError: an item lacks its title, days, severe or powertrains, or names a powertrain that does not exist.
    """
    tables: Mapping[str, Mapping[str, Any]] = msgspec.toml.decode(text)
    return {key: _item(key, table) for key, table in tables.items()}


def _item(key: str, table: Mapping[str, Any]) -> Item:
    missing = [name for name in ("title", "days", "severe", "powertrains") if name not in table]
    if missing:
        raise ParameterError("maintenance.toml", f"{key} lacks {missing[0]}")
    unknown = sorted(set(table["powertrains"]) - set(POWERTRAINS))
    if unknown:
        raise ParameterError("maintenance.toml", f"{key} names {unknown[0]!r}; there are {', '.join(POWERTRAINS)}")
    part = table.get("component")
    return Item(
        key=key, title=table["title"], km=table.get("km"), days=float(table["days"]), severe=bool(table["severe"]),
        powertrains=tuple(table["powertrains"]), component=None if part is None else Component(part),
    )  # fmt: skip
