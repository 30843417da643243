"""What is under way, and when it is sent again."""

from __future__ import annotations

import random

from edge_agent.window import FIRST_WAIT_S, LONGEST_WAIT_S, Window


def test_room_acknowledgement_and_refusal() -> None:
    window = Window(4)
    for sequence in (1, 2, 3, 4):
        window.sent(sequence, 0.0, random.Random(1))
    assert window.room() == 0
    window.acknowledged(1, [(3, 3)], [4])
    assert set(window.under_way) == {2}
    window.size = 0
    assert window.room() == 0


def test_what_is_not_acknowledged_is_sent_again() -> None:
    """After about a quarter of a minute, not before half of it."""
    window = Window(4)
    window.sent(1, 0.0, random.Random(1))
    assert window.give_up(FIRST_WAIT_S * 0.49) == 0
    assert window.give_up(FIRST_WAIT_S * 1.51) == 1
    assert window.room() == 4


def test_the_wait_has_an_end() -> None:
    """It doubles up to five minutes, so that a server that is back is found."""
    window, rng = Window(4), random.Random(1)
    for _ in range(40):
        window.sent(1, 0.0, rng)
    assert window.under_way[1].due_s <= 1.5 * LONGEST_WAIT_S


def test_the_backlog_has_half_of_the_window() -> None:
    """The other half stays free for live batches, and an acknowledgement makes room again."""
    window, rng = Window(4), random.Random(1)
    window.sent(1, 0.0, rng, backlog=True)
    window.sent(2, 0.0, rng)
    assert window.takes_backlog()
    window.sent(3, 0.0, rng, backlog=True)
    assert not window.takes_backlog()
    assert window.room() == 1
    window.acknowledged(1, [], [])
    assert window.takes_backlog()
