"""What is known of a trouble code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from diagnostics.findings import Component, Severity, Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What is known of a code.

    ``severity`` is how bad it is when confirmed; ``generic`` tells that only rules apply.
    """

    code: str
    title: Text
    meaning: Text
    causes: Mapping[str, tuple[str, ...]]
    check_first: Text
    severity: Severity
    component: Component
    generic: bool = False
