"""The table of an appointment's moves."""

from __future__ import annotations

import itertools

import pytest

from api.appointments.states import MOVES, OPEN, Move, State, after
from api.errors import IllegalMoveError


def test_every_state_has_its_row() -> None:
    """No state is missing in the table."""
    assert set(MOVES) == set(State)


@pytest.mark.parametrize(("state", "move"), list(itertools.product(State, Move)))
def test_a_move_is_in_the_table_or_refused(state: State, move: Move) -> None:
    """A move leads where the table says; any other is refused with state and move."""
    if move in MOVES[state]:
        assert after(state, move) is MOVES[state][move]
        return
    with pytest.raises(IllegalMoveError) as caught:
        after(state, move)
    assert (caught.value.state, caught.value.move) == (state, move)
    assert caught.value.status == 409


def test_what_has_ended_stays_so() -> None:
    """No move leads out of a state that holds no slot."""
    assert {state for state in State if not MOVES[state]} == set(State) - OPEN


def test_people_are_never_overruled() -> None:
    """The system can withdraw what it proposed, but not what people agreed."""
    assert Move.WITHDRAW in MOVES[State.PROPOSED]
    assert Move.WITHDRAW not in MOVES[State.ACCEPTED]


def test_every_state_can_be_reached() -> None:
    """No state is only in the list."""
    reached = {state for row in MOVES.values() for state in row.values()}
    assert reached == set(State)
