"""When a model's own identifiers are asked for: each at its pace, one at a time, less and less where it fails. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_agent.polling import LONGEST_S
from edge_agent.protocols.obd import BUSY_REPEAT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.protocols.did_table import Identifier


@dataclass(slots=True)
class _Turn:
    identifier: Identifier
    due_s: float
    failures: int = 0


class DidPoller:
    """The turns of identifiers."""

    def __init__(self, identifiers: Iterable[Identifier], now_s: float) -> None:
        self._turns = [_Turn(one, now_s) for one in identifiers]

    def due(self, now_s: float) -> Identifier | None:
        """The most overdue one, if any is due."""
        first = min(self._turns, key=lambda turn: turn.due_s, default=None)
        return first.identifier if first is not None and first.due_s <= now_s else None

    def next_due_s(self) -> float:
        """When the next one will be due; infinity where there is none."""
        return min((turn.due_s for turn in self._turns), default=float("inf"))

    def answered(self, identifier: Identifier, now_s: float) -> None:
        """A value came."""
        turn = self._turn(identifier)
        turn.failures, turn.due_s = 0, max(turn.due_s + identifier.every_s, now_s)

    def failed(self, identifier: Identifier, now_s: float, *, refusal: int | None = None) -> None:
        """Silence or a refusal: the wait doubles; what is refused for good waits longest at once."""
        turn = self._turn(identifier)
        turn.failures += 1
        wait_s = min(LONGEST_S, identifier.every_s * 2**turn.failures)
        turn.due_s = now_s + (LONGEST_S if refusal not in (None, BUSY_REPEAT) else wait_s)

    def _turn(self, identifier: Identifier) -> _Turn:
        return next(turn for turn in self._turns if turn.identifier is identifier)
