"""What happens now is stored before the backlog, and the backlog still gets its part."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingest.waiting import BACKLOG_PART, MOST, MOST_BYTES, Waiting, is_backlog
from vehicle.wire import Lane


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 20))
def test_all_come_out_once_and_each_in_its_order(lanes: list[bool], most: int) -> None:
    """Whatever the mixture and however many are taken at once."""
    waiting: Waiting[tuple[bool, int]] = Waiting()
    for number, backlog in enumerate(lanes):
        waiting.put((backlog, number), 1, backlog=backlog)
    found: list[tuple[bool, int]] = []
    while len(waiting):
        taken = waiting.take(most)
        assert 0 < len(taken) <= most
        found += taken
    for backlog in (True, False):
        mine = [number for lane, number in found if lane is backlog]
        assert mine == [number for number, lane in enumerate(lanes) if lane is backlog]


def test_neither_starves() -> None:
    """With plenty of both, most of what is taken is live, and the backlog has its part."""
    waiting: Waiting[str] = Waiting()
    for _ in range(100):
        waiting.put("old", 1, backlog=True)
        waiting.put("live", 1)
    taken = waiting.take(40)
    assert taken.count("old") == 40 // BACKLOG_PART
    assert taken.count("live") == 40 - 40 // BACKLOG_PART


def test_it_is_full_by_number_or_bytes() -> None:
    """And has room again at half."""
    waiting: Waiting[int] = Waiting()
    waiting.put(1, MOST_BYTES)
    assert waiting.is_full
    waiting.take(1)
    assert waiting.has_room
    for number in range(MOST):
        waiting.put(number, 0)
    assert waiting.is_full
    waiting.take(MOST // 2)
    assert not waiting.is_full
    assert not waiting.has_room
    waiting.take(1)
    assert waiting.has_room


def test_the_header_says_what_is_backlog(make) -> None:
    """Of telemetry by its lane; JSON and garbage count as now."""
    assert is_backlog(make.message(1, lane=Lane.BACKLOG))
    assert not is_backlog(make.message(1))
    assert not is_backlog(b'{"epoch": 1}')
    assert not is_backlog(b"")
