"""What is held: contiguous beginning and ranges."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from ingest.sequence import Held

SEQUENCES = st.sets(st.integers(1, 60))


@given(st.lists(SEQUENCES, max_size=8))
def test_any_order_of_adding_holds_the_same(groups: list[set[int]]) -> None:
    """Whatever order sequences come in, what is held is their union, written one way only."""
    step_by_step, at_once = Held(), Held().add(set().union(*groups))
    for group in groups:
        step_by_step = step_by_step.add(group)
    assert step_by_step == at_once
    assert [n for n in range(1, 62) if n in at_once] == sorted(set().union(*groups))


@given(SEQUENCES)
def test_ranges_are_sorted_and_apart_and_above(found: set[int]) -> None:
    """Ranges never touch each other nor the beginning, so a device can rely on their form."""
    held = Held().add(found)
    edges = [(0, held.upto), *held.ranges]
    assert all(first <= last for first, last in held.ranges)
    assert all(below[1] + 1 < above[0] for below, above in itertools.pairwise(edges))


@given(SEQUENCES, SEQUENCES)
def test_adding_again_changes_nothing(first: set[int], second: set[int]) -> None:
    """Adding is idempotent."""
    held = Held().add(first).add(second)
    assert held.add(first) == held


def test_an_example() -> None:
    """1, 2 and 5 to 6 are held; 3 and 4 close the hole."""
    held = Held().add([2, 5, 1, 6])
    assert held == Held(2, ((5, 6),))
    assert held.add([4, 3]) == Held(6)


@given(SEQUENCES, st.integers(-1, 61))
def test_what_will_not_come_is_settled(found: set[int], upto: int) -> None:
    """A device that dropped what came before leaves no hole behind; what is held above stays as it was."""
    settled = Held().add(found).settle(upto)
    assert settled == Held().add(found | set(range(1, upto + 1)))
