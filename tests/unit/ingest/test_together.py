"""Many batches judged and unpacked at once: exactly what each would be by itself."""

from __future__ import annotations

import dataclasses

import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.storage.frames import Stored, frame_of
from ingest.together import judge_opened
from ingest.unpacking import unpack_many
from ingest.validate import Accepted, Opened, look
from tests.property_examples import examples
from tests.unit.ingest.test_validate import DEVICE, KNOWN, NOW, PARTS, SET, STRANGE, sealed
from vehicle import wire
from vehicle.batch import Batch, TimeQuality
from vehicle.packing import pack_rows
from vehicle.topics import Kind, topic

BODY = b"".join(PARTS.values())
CELL = st.none() | st.integers(0, 300) | st.integers(-(2**63), 2**63 - 1)
STEPS = st.integers(1, 5) | st.integers(1, 10**9)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """The body of a sound batch of one of two sets; some of them are as long as others."""
    signal_set = draw(st.sampled_from([SET, STRANGE]))
    rows = draw(st.sampled_from([1, 2, 8, 9]))
    times = [NOW]
    for _ in range(rows - 1):
        times.append(times[-1] + draw(STEPS))
    columns = [draw(st.lists(CELL, min_size=rows, max_size=rows).map(tuple)) for _ in signal_set.entries]
    return bytes.fromhex(signal_set.id) + b"\x04\x07\x08" + pack_rows(times, columns)


DAMAGED = st.dictionaries(st.sampled_from(sorted(PARTS)), st.binary(max_size=12), max_size=3).map(
    lambda change: b"".join((PARTS | change).values())
)


def opened(body: bytes) -> Opened | None:
    """The batch as far as it can be judged alone; None where it can be judged whole."""
    kind = Kind.TELEMETRY
    found = look(DEVICE, kind, topic(DEVICE, kind), sealed(body), KNOWN, NOW, zstandard.ZstdDecompressor())
    return found if isinstance(found, Opened) else None


@settings(max_examples=examples(200))
@given(st.lists(bodies() | DAMAGED | st.just(BODY), max_size=12))
def test_together_is_as_alone(some: list[bytes]) -> None:
    """Sound batches, damaged ones and those of other lengths and sets, mixed: each is judged as it is by itself."""
    found = [one for body in some if (one := opened(body)) is not None]
    assert judge_opened(found, KNOWN) == [one.alone(KNOWN) for one in found]


@settings(max_examples=examples(200))
@given(st.lists(bodies(), max_size=12))
def test_rows_are_as_alone(some: list[bytes]) -> None:
    """What is read as arrays is value by value what is read one by one."""
    for signal_set in (SET, STRANGE):
        packed = [one.packed for body in some if (one := opened(body)) is not None and one.signal_set is signal_set]
        blocks, odd = unpack_many(packed, signal_set)
        assert sorted(odd + [place for block in blocks for place in block.which]) == list(range(len(packed)))
        for block in blocks:
            for at, place in enumerate(block.which):
                assert _batch(block, at) == _plain(packed[place].unpack(signal_set))


def _plain(batch: Batch) -> tuple[object, ...]:
    return batch.times_ms, batch.columns


def _batch(block, at: int) -> tuple[object, ...]:
    cells = zip(block.raw[at].tolist(), block.present[at].tolist(), strict=True)
    columns = tuple(
        tuple(raw if here else None for raw, here in zip(raws, there, strict=True)) for raws, there in cells
    )
    return tuple(block.times_ms[at].tolist()), columns


def test_what_is_common_is_read_as_arrays() -> None:
    """Batches of ordinary values do not take the slow way."""
    found = [one for _ in range(50) if (one := opened(BODY)) is not None]
    blocks, odd = unpack_many([one.packed for one in found], SET)
    assert (len(blocks), blocks[0].raw.shape, odd) == (1, (50, 2, 2), [])


@settings(max_examples=examples(100))
@given(st.lists(bodies(), max_size=8))
def test_a_frame_of_many_is_the_frames_of_each(some: list[bytes]) -> None:
    """Inbox rows of any sets and lengths become the samples that each of them becomes, in their order."""
    verdicts = [one.alone(KNOWN) for body in some if (one := opened(body)) is not None]
    rows = [stored(verdict, place) for place, verdict in enumerate(verdicts) if isinstance(verdict, Accepted)]
    sets = KNOWN.signal_sets
    whole = frame_of(rows, sets)
    for row in rows:
        alone = frame_of([row], sets)
        mine = whole.filter(whole["inbox_id"] == row.inbox_id).select(alone.columns)
        assert mine.equals(alone)
    assert whole.height == sum(frame_of([row], sets).height for row in rows)


def stored(verdict: Accepted, place: int) -> Stored:
    assert verdict.signal_set is not None
    return Stored(
        inbox_id=place, device_id=DEVICE, vehicle_id="car", epoch=5, sequence=place, shift_ms=place,
        signal_set_id=verdict.signal_set.id, payload=verdict.payload,
    )  # fmt: skip


def test_rows_keep_their_order_within_a_frame() -> None:
    """Batches of different lengths do not change places."""
    lengths = [2, 1, 2, 9, 1]
    rows = [_of_length(place, rows) for place, rows in enumerate(lengths)]
    frame = frame_of(rows, {SET.id: SET})
    assert frame["inbox_id"].to_list() == [place for place, rows in enumerate(lengths) for _ in range(rows)]


def _of_length(place: int, rows: int) -> Stored:
    batch = Batch(
        boot_id=1, quality=TimeQuality.RECORDED, monotonic_ms=0, signal_set_id=SET.id,
        times_ms=tuple(range(NOW, NOW + rows)), columns=(tuple(range(rows)), (None,) * rows),
    )  # fmt: skip
    payload = wire.encode_telemetry(epoch=5, sequence=place + 1, lane=wire.Lane.LIVE, batch=batch)
    found = look(DEVICE, Kind.TELEMETRY, topic(DEVICE, Kind.TELEMETRY), payload, KNOWN, NOW)
    assert isinstance(found, Opened)
    verdict = found.alone(KNOWN)
    assert isinstance(verdict, Accepted)
    return dataclasses.replace(stored(verdict, place), shift_ms=0)
