"""Which moves an appointment allows; everything about its transitions is in this table."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from api.errors import IllegalMoveError

if TYPE_CHECKING:
    from collections.abc import Mapping


class State(StrEnum):
    """Where an appointment is."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    CANCELLED = "cancelled"
    DONE = "done"


class Move(StrEnum):
    """What people or the system may do to it."""

    ACCEPT = "accept"
    MOVE = "move"
    DECLINE = "decline"
    RENEW = "renew"
    WITHDRAW = "withdraw"
    CANCEL = "cancel"
    FINISH = "finish"


MOVES: Mapping[State, Mapping[Move, State]] = MappingProxyType(
    {
        State.PROPOSED: {
            Move.ACCEPT: State.ACCEPTED,
            Move.MOVE: State.ACCEPTED,
            Move.DECLINE: State.DECLINED,
            Move.RENEW: State.PROPOSED,
            Move.WITHDRAW: State.WITHDRAWN,
        },
        State.ACCEPTED: {
            Move.MOVE: State.ACCEPTED,
            Move.CANCEL: State.CANCELLED,
            Move.FINISH: State.DONE,
        },
        State.DECLINED: {},
        State.WITHDRAWN: {},
        State.CANCELLED: {},
        State.DONE: {},
    }
)
"""State -> move -> new state; what is not here is illegal and changes nothing."""

OPEN = frozenset({State.PROPOSED, State.ACCEPTED})
"""States that hold a slot."""


def after(state: State, move: Move) -> State:
    """The state after a move.

    Raises:
        IllegalMoveError: the move is not possible in that state.
    """
    if move not in MOVES[state]:
        raise IllegalMoveError("appointment", state, move)
    return MOVES[state][move]
