"""Whether a condition is true, look by look, over the latest values of signals. Pure: the time is handed in.

Three-valued: a signal that was never read, or whose last reading is too old, is unknown, and so is what follows from it
(``not`` of unknown is unknown; ``and`` with something false is false all the same). Unknown is never true.
"""

from __future__ import annotations

import math
import operator
from types import MappingProxyType
from typing import TYPE_CHECKING

from vehicle.expression import (
    Always,
    Arithmetic,
    Changed,
    Comparison,
    Crossing,
    Held,
    Joined,
    Negative,
    Not,
    Number,
    Reading,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vehicle.expression import Quantity, Truth

Known = tuple[float, int]
"""A value in the catalogue's unit, and when it was read, in milliseconds of the clock of the looks."""


class Watcher:
    """A condition under watch; remembers what ``for``, ``changed``, ``rises above`` and ``falls below`` need.

    ``stale_ms`` is the age above which a reading says nothing any more. Looks come in the order of time.
    """

    def __init__(self, condition: Truth, stale_ms: int) -> None:
        self._condition, self._stale_ms = condition, stale_ms
        self._since: dict[int, int] = {}
        self._before: dict[int, float] = {}
        self._at_ms = 0
        self._known: Mapping[str, Known] = {}

    def look(self, at_ms: int, known: Mapping[str, Known]) -> bool | None:
        """Whether the condition is true at ``at_ms``; None where that is not known. ``known`` is by VSS path."""
        self._at_ms, self._known = at_ms, known
        return self._truth(self._condition)

    def _truth(self, node: Truth) -> bool | None:
        match node:
            case Always():
                found: bool | None = True
            case Comparison(sign, left, right):
                found = _compare(sign, self._value(left), self._value(right))
            case Not(of):
                inner = self._truth(of)
                found = None if inner is None else not inner
            case Joined():
                found = self._joined(node)
            case Crossing():
                found = self._crossing(node)
            case Changed():
                found = self._changed(node)
            case Held():
                found = self._held(node)
        return found

    def _joined(self, node: Joined) -> bool | None:
        # All are looked at, since some remember.
        found = [self._truth(part) for part in node.parts]
        decisive = node.word == "or"
        if decisive in found:
            return decisive
        return None if None in found else not decisive

    def _crossing(self, node: Crossing) -> bool | None:
        side = _compare(">" if node.rises else "<", self._value(node.left), self._value(node.right))
        before = self._replace(node, side)
        return None if side is None or before is None else bool(side and not before)

    def _changed(self, node: Changed) -> bool | None:
        value = self._value(Reading(node.path))
        before = self._replace(node, value)
        return None if value is None or before is None else value != before

    def _held(self, node: Held) -> bool | None:
        inner = self._truth(node.of)
        if not inner:
            self._since.pop(id(node), None)
            return inner
        since_ms = self._since.setdefault(id(node), self._at_ms)
        return self._at_ms - since_ms >= node.seconds * 1000

    def _replace(self, node: Truth, now: float | None) -> float | None:
        """What was remembered for a node at the look before; ``now`` is remembered, and nothing where it is unknown."""
        earlier = self._before.pop(id(node), None)
        if now is not None:
            self._before[id(node)] = now
        return earlier

    def _value(self, node: Quantity) -> float | None:
        match node:
            case Number(value):
                return value
            case Reading(path):
                value, read_ms = self._known.get(path, (math.nan, 0))
                return None if math.isnan(value) or self._at_ms - read_ms > self._stale_ms else value
            case Negative(of):
                inner = self._value(of)
                return None if inner is None else -inner
            case Arithmetic(sign, left, right):
                return _calculate(sign, self._value(left), self._value(right))


_COMPARE: Mapping[str, Callable[[float, float], bool]] = MappingProxyType(
    {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne}
)
_CALCULATE: Mapping[str, Callable[[float, float], float]] = MappingProxyType(
    {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
)


def _compare(sign: str, left: float | None, right: float | None) -> bool | None:
    return None if left is None or right is None else _COMPARE[sign](left, right)


def _calculate(sign: str, left: float | None, right: float | None) -> float | None:
    if left is None or right is None or (sign == "/" and right == 0):
        return None
    found = _CALCULATE[sign](left, right)
    return found if math.isfinite(found) else None
