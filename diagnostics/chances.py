"""The table of chances that ships with the package, read and written (:mod:`diagnostics.prognosis.chance`)."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

import msgspec

from diagnostics.errors import ParameterError
from diagnostics.prognosis.chance import TERMS, Chances

if TYPE_CHECKING:
    from collections.abc import Mapping


def read_chances(text: str | None = None) -> Chances:
    """The table that ships with the package, or another.

    Raises:
        ParameterError: a term or the common intercept is missing.
    """
    shipped = resources.files("diagnostics") / "chances.toml"
    tables: Mapping[str, Any] = msgspec.toml.decode(text if text is not None else shipped.read_text(encoding="utf-8"))
    missing = [name for name in TERMS if name not in tables.get("weights", {})]
    if missing or "other" not in tables:
        raise ParameterError("chances.toml", f"lacks {missing[0] if missing else 'other'}; let the judge fit it anew")
    own = {name: dict(weights) for name, weights in tables.get("own", {}).items()}
    lacking = [name for name, weights in own.items() if not set(TERMS) <= set(weights)]
    if lacking:
        raise ParameterError("chances.toml", f"lacks a weight of {lacking[0]}; let the judge fit it anew")
    return Chances(
        intercepts=dict(tables.get("intercepts", {})), other=float(tables["other"]), weights=dict(tables["weights"]),
        own=own,
    )  # fmt: skip


def written(table: Chances) -> str:
    """The table as TOML."""
    words = "# Log odds of failing within 30 days; fitted by the judge on development fleets."
    head = f"{words}\nother = {table.other:.4f}\n"
    parts = [("weights", table.weights), ("intercepts", table.intercepts)]
    parts += [(f"own.{name}", weights) for name, weights in sorted(table.own.items())]
    return head + "".join(
        f"\n[{name}]\n" + "".join(f"{key} = {value:.4f}\n" for key, value in sorted(values.items()))
        for name, values in parts
    )
