"""Inbox rows as parts of history: the same values as readers of the inbox see, each in its day and bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.storage import parquet
from ingest.storage.frames import IDENTITY, Stored, frame_of
from ingest.storage.runs import DAY_MS, bucket_of, parts_of
from tests.property_examples import examples
from tests.unit.ingest.test_validate import STRANGE
from vehicle import wire
from vehicle.batch import Batch, TimeQuality
from vehicle.catalogue import ROWS
from vehicle.signal_set import SignalEntry, SignalSet
from vehicle.signals import COOLANT_TEMPERATURE, ENGINE_SPEED, SPEED

if TYPE_CHECKING:
    from vehicle.packing import Column

PLAIN = SignalSet.of([SPEED, ENGINE_SPEED])
WIDEST = SignalSet.of([max(ROWS, key=lambda row: row.raw_maximum).path, COOLANT_TEMPERATURE])
UNKNOWN = SignalSet((*PLAIN.entries[:1], SignalEntry("Vehicle.Acme.Thing", 3, 7, -1)))
SETS = {one.id: one for one in (PLAIN, WIDEST, UNKNOWN, STRANGE)}
MIDNIGHT = 20_600 * DAY_MS
CELL = st.none() | st.integers(-5, 300) | st.integers(-(2**63), 2**63 - 1)


@st.composite
def rows(draw: st.DrawFn) -> list[Stored]:
    """Inbox rows of several cars around two midnights, of sets at the catalogue's scale, beside it and at another."""
    made = []
    for number in range(draw(st.integers(1, 8))):
        chosen, length = draw(st.sampled_from(list(SETS.values()))), draw(st.sampled_from([1, 2, 9]))
        columns = tuple(tuple(draw(st.lists(CELL, min_size=length, max_size=length))) for _ in chosen.entries)
        first_ms = MIDNIGHT + draw(st.integers(-3, 3)) + DAY_MS * draw(st.integers(0, 1))
        car, shift_ms = f"car {draw(st.integers(0, 2))}", draw(st.sampled_from([0, 2]))
        made.append(stored(number, chosen, first_ms, columns, car=car, shift_ms=shift_ms))
    return made


def stored(
    number: int, chosen: SignalSet, first_ms: int, columns: tuple[Column, ...], *, car: str = "car", shift_ms: int = 0
) -> Stored:
    """The inbox row of a batch whose rows are a millisecond apart."""
    batch = Batch(
        boot_id=1, quality=TimeQuality.RECORDED, monotonic_ms=0, signal_set_id=chosen.id,
        times_ms=tuple(range(first_ms, first_ms + len(columns[0]))), columns=columns,
    )  # fmt: skip
    return Stored(
        inbox_id=number, device_id=f"of {car}", vehicle_id=car, epoch=5, sequence=number + 1, shift_ms=shift_ms,
        signal_set_id=chosen.id,
        payload=wire.encode_telemetry(epoch=5, sequence=number + 1, lane=wire.Lane.LIVE, batch=batch),
    )  # fmt: skip


@settings(max_examples=examples(150), deadline=None)
@given(rows())
def test_parts_hold_what_readers_of_the_inbox_see(tmp_path_factory, some: list[Stored]) -> None:
    """Written and read back, the parts are value by value the samples of the rows, and no path stands there twice."""
    path = tmp_path_factory.mktemp("part") / "one.parquet"
    whole = []
    for part in parts_of(some, SETS):
        parquet.write(part.frame, path)
        read = parquet.read(path)
        assert set(read["time"].dt.strftime("%Y-%m-%d")) == {part.day}
        assert {bucket_of(vehicle) for vehicle in read["vehicle_id"]} == {part.bucket}
        whole.append(read)
    found, wanted = pl.concat(whole, how="diagonal"), _with_values(frame_of(some, SETS))
    order = ["inbox_id", "time"]
    assert found.select(wanted.columns).sort(order).equals(wanted.sort(order))
    assert set(found.columns) == set(wanted.columns)


def _with_values(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(name for name in frame.columns if name in IDENTITY or frame[name].null_count() < frame.height)


def test_a_days_bucket_is_one_part() -> None:
    """Many rows of one car and day, of two sets, become one part: a run makes few files."""
    sets = [PLAIN, WIDEST] * 20
    made = [stored(number, chosen, MIDNIGHT + number, ((1,), (2,))) for number, chosen in enumerate(sets)]
    (part,) = parts_of(made, SETS)
    assert part.frame.height == len(made)
