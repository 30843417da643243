"""A full spool has fewer rows of what is old, and says so; what may have been sent is never changed."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.spool import Entry, Gone, Record, Spool
from edge_agent.thinning import ONE_IN, thinned, thinned_message
from vehicle.batch import Batch, TimeQuality
from vehicle.signal_set import SignalSet
from vehicle.signals import CATALOGUE
from vehicle.wire import Lane, decode_batch, decode_envelope, encode_telemetry

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 30
SET = SignalSet.of(sorted(CATALOGUE)[:12])
QUOTA = 512 * 1024


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    gaps = draw(st.lists(st.integers(1, 5000), min_size=1, max_size=45))
    times_ms = [1_700_000_000_000]
    for gap_ms in gaps[1:]:
        times_ms.append(times_ms[-1] + gap_ms)
    column = st.lists(st.none() | st.integers(-9, 9), min_size=len(gaps), max_size=len(gaps)).map(tuple)
    columns = draw(st.lists(column, min_size=1, max_size=3))
    return batch(times_ms, columns)


def batch(times_ms: list[int], columns: list[tuple[int | None, ...]]) -> Batch:
    return Batch(
        boot_id=7, quality=TimeQuality.NTP, monotonic_ms=500, signal_set_id=SET.id, times_ms=tuple(times_ms),
        columns=tuple(columns),
    )  # fmt: skip


@given(batches())
def test_a_row_stands_for_ten(whole: Batch) -> None:
    """Each row has the last value that was read since the row before, at its own time; no signal goes altogether."""
    few = thinned(whole)
    assert len(few.times_ms) == -(-len(whole.times_ms) // ONE_IN)
    assert few.times_ms[-1] == whole.times_ms[-1]
    assert few.times_ms[0] - few.monotonic_ms == whole.times_ms[0] - whole.monotonic_ms
    for old, new in zip(whole.columns, few.columns, strict=True):
        since = -1
        for time_ms, value in zip(few.times_ms, new, strict=True):
            read = [v for t, v in zip(whole.times_ms, old, strict=True) if since < t <= time_ms and v is not None]
            assert value == (read[-1] if read else None)
            since = time_ms


def test_what_cannot_be_read_stays_as_it_is() -> None:
    """A message of a set that is gone, or none at all, is no reason to lose anything."""
    whole = encode_telemetry(epoch=1, sequence=2, lane=Lane.LIVE, batch=drive(random.Random(1)))
    assert thinned_message(whole, {}) == (whole, 0)
    assert thinned_message(b"no message", {SET.id: SET}) == (b"no message", 0)


def drive(chance: random.Random) -> Batch:
    """Half a minute of a car, of which nothing can be compressed."""
    columns = [tuple(chance.randrange(256) for _ in range(ROWS)) for _ in SET.entries]
    return batch([1_700_000_000_000 + 1000 * row for row in range(ROWS)], columns)


def told(gone: Gone) -> Entry:
    text = json.dumps([gone.first, gone.last, gone.count, gone.rows]).encode()
    return Entry(Lane.EVENT, lambda _epoch, _sequence: text)


def live(chance: random.Random) -> Entry:
    made = drive(chance)
    return Entry(
        Lane.LIVE, lambda epoch, number: encode_telemetry(epoch=epoch, sequence=number, lane=Lane.LIVE, batch=made)
    )


def opened(path: Path) -> Spool:
    spool = Spool(path, max_bytes=QUOTA, gap=told)
    spool.keep_set(SET.id, SET.announced())
    return spool


def contents(spool: Spool) -> tuple[dict[int, Record], list[list[int | None]]]:
    """The batches that wait, by sequence, and what gaps tell."""
    waiting = spool.waiting(but=(), limit=10**6)
    gaps = [json.loads(one.payload) for one in waiting if one.is_event]
    return {one.sequence: one for one in waiting if not one.is_event}, gaps


def rows_of(record: Record) -> int:
    return len(decode_batch(decode_envelope(record.payload).body, SET).times_ms)


def test_a_full_spool_is_thinned_before_anything_is_dropped(tmp_path: Path) -> None:
    """Without a connection every batch stays, the oldest with a tenth of their rows; gaps tell how many rows went."""
    chance, spool = random.Random(20261127), opened(tmp_path / "spool.db")
    for _ in range(2400):  # what would fill it once and a half
        spool.append([live(chance)])
    here, gaps = contents(spool)
    assert gaps
    assert all(rows is not None for *_, rows in gaps)
    assert len(here) == 2400
    few = {sequence for sequence, one in here.items() if rows_of(one) < ROWS}
    assert sum(rows for *_, rows in gaps) == 2400 * ROWS - sum(map(rows_of, here.values()))
    assert sum(count for _, _, count, _ in gaps) == len(few)
    assert max(few) < min(here.keys() - few)
    assert all(decode_envelope(one.payload).sequence == sequence for sequence, one in here.items())


def test_what_may_have_been_sent_is_never_changed(tmp_path: Path) -> None:
    """It stays whole or is dropped, also after a kill with a connection; what comes without one is thinned."""
    chance, path = random.Random(5), tmp_path / "spool.db"
    spool = opened(path)
    for _ in range(300):
        spool.append([live(chance)])
    spool.begin_sending()
    for _ in range(300):
        spool.append([live(chance)])
    before, _ = contents(spool)
    spool.close()  # killed: the end of the connection was never noted
    spool = opened(path)
    for _ in range(1600):
        spool.append([live(chance)])
    after, gaps = contents(spool)
    assert any(rows is not None for *_, rows in gaps)
    assert {number: after[number].payload for number in before.keys() & after.keys()} == {
        number: one.payload for number, one in before.items() if number in after
    }
    spool.begin_sending()
    spool.end_sending()
    quiet = max(after)
    for _ in range(1200):
        spool.append([live(chance)])
    last, _ = contents(spool)
    assert all(last[number].payload == after[number].payload for number in after.keys() & last.keys())
    assert any(rows_of(one) < ROWS for number, one in last.items() if number > quiet)
