"""The wire: what goes in comes out, and nothing that is damaged gets through."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vehicle import wire
from vehicle.batch import Batch, Event, TimeQuality
from vehicle.errors import Reason, WireError
from vehicle.signal_set import SignalSet
from vehicle.signals import COOLANT_TEMPERATURE, ENGINE_SPEED, SPEED

SET = SignalSet.of([SPEED, ENGINE_SPEED, COOLANT_TEMPERATURE])
COUNTER = st.integers(1, 2**63 - 1)


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    rows = draw(st.integers(1, 40))
    steps = draw(st.lists(st.integers(1, 10**6), min_size=rows - 1, max_size=rows - 1))
    times = [draw(st.integers(0, 2**42))]
    for step in steps:
        times.append(times[-1] + step)
    cell = st.none() | st.integers(0, 65535) | st.integers(-(2**63), 2**63 - 1)
    column = st.lists(cell, min_size=rows, max_size=rows).map(tuple)
    return Batch(
        boot_id=draw(st.integers(0, 2**63 - 1)),
        quality=draw(st.sampled_from(TimeQuality)),
        monotonic_ms=draw(st.integers(0, 2**42)),
        signal_set_id=SET.id,
        times_ms=tuple(times),
        columns=tuple(draw(column) for _ in SET.entries),
    )


def sealed(batch: Batch, sequence: int = 1) -> bytes:
    return wire.encode_telemetry(epoch=7, sequence=sequence, lane=wire.Lane.LIVE, batch=batch)


EXAMPLE = Batch(
    boot_id=3,
    quality=TimeQuality.NTP,
    monotonic_ms=5_000,
    signal_set_id=SET.id,
    times_ms=(1_000, 2_000, 3_000),
    columns=((50, None, 52), (None, None, None), (90, 91, 92)),
)


@given(batches(), COUNTER, COUNTER)
def test_batch_round_trip(batch: Batch, epoch: int, sequence: int) -> None:
    """A batch comes back as it was, with its identity."""
    message = wire.encode_telemetry(epoch=epoch, sequence=sequence, lane=wire.Lane.BACKLOG, batch=batch)
    envelope = wire.decode_envelope(message)
    assert (envelope.epoch, envelope.sequence, envelope.lane) == (epoch, sequence, wire.Lane.BACKLOG)
    assert wire.open_batch(envelope.body).signal_set_id == SET.id
    assert wire.decode_batch(envelope.body, SET) == batch


def test_event_round_trip() -> None:
    """An event comes back as it was, in the event lane."""
    event = Event(
        kind="dtc",
        time_ms=5,
        quality=TimeQuality.RTC,
        boot_id=1,
        monotonic_ms=2,
        data={"code": "P0301", "present": True},
    )
    envelope = wire.decode_envelope(wire.encode_event(epoch=1, sequence=2, event=event))
    assert (envelope.lane, envelope.content) == (wire.Lane.EVENT, wire.Content.EVENT)
    assert wire.decode_event(envelope.body) == event


@given(st.data())
def test_any_changed_byte_is_noticed(data: st.DataObject) -> None:
    """No single changed byte of a message passes for a message."""
    message = bytearray(sealed(EXAMPLE))
    place = data.draw(st.integers(0, len(message) - 1))
    message[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(WireError):
        wire.decode_envelope(bytes(message))


@given(st.integers(0, len(sealed(EXAMPLE)) - 1))
def test_any_truncation_is_noticed(length: int) -> None:
    """No beginning of a message passes for a message."""
    with pytest.raises(WireError) as caught:
        wire.decode_envelope(sealed(EXAMPLE)[:length])
    assert caught.value.reason is Reason.ENVELOPE


@given(st.binary(max_size=300))
def test_foreign_bytes_are_refused_by_our_own_error(payload: bytes) -> None:
    """Whatever arrives, the answer is a WireError, never another exception."""
    with pytest.raises(WireError):
        wire.decode_batch(wire.decode_envelope(payload).body, SET)


@given(st.binary(max_size=200))
def test_foreign_bodies_are_refused_by_our_own_error(body: bytes) -> None:
    """A body that is not one is a WireError, also after a good header."""
    with pytest.raises(WireError):
        wire.decode_batch(body, SET)
    with pytest.raises(WireError):
        wire.decode_event(body)


def test_oversized_message_is_refused() -> None:
    """A message over the limit is refused before it is looked at."""
    with pytest.raises(WireError) as caught:
        wire.decode_envelope(sealed(EXAMPLE) + bytes(wire.MAX_MESSAGE_BYTES))
    assert caught.value.reason is Reason.TOO_LARGE


def test_newer_version_is_named_and_identified() -> None:
    """A message of another version says so, and the sender can be told which one it was."""
    message = bytearray(sealed(EXAMPLE, sequence=41))
    message[2] = 9
    with pytest.raises(WireError) as caught:
        wire.decode_envelope(bytes(message))
    assert (caught.value.reason, caught.value.sequence) == (Reason.UNKNOWN_VERSION, 41)


def test_another_signal_set_is_refused() -> None:
    """A batch is not read with the columns of another set."""
    envelope = wire.decode_envelope(sealed(EXAMPLE))
    with pytest.raises(WireError) as caught:
        wire.decode_batch(envelope.body, SignalSet.of([SPEED]))
    assert caught.value.reason is Reason.UNKNOWN_SCHEMA


def test_json_columns_become_a_batch() -> None:
    """The plain JSON form is read; a value out of range is a gap and nothing else is lost."""
    text = {
        "epoch": 1,
        "sequence": 2,
        "time": [1000, 2000],
        "columns": {SPEED: [50, 999], ENGINE_SPEED: [800.25, None]},
    }
    epoch, sequence, chosen, batch = wire.decode_json_columns(json.dumps(text).encode())
    assert (epoch, sequence, chosen.paths) == (1, 2, (SPEED, ENGINE_SPEED))
    assert batch.columns == ((50, None), (3201, None))


@pytest.mark.parametrize(
    "change",
    [{"time": []}, {"time": [2, 1]}, {"columns": {SPEED: [1]}}, {"columns": {"Vehicle.Spede": [1, 2]}}, {"epoch": "x"}],
)
def test_json_columns_that_do_not_fit_are_refused(change: dict[str, object]) -> None:
    """Lengths, order, names and types of the JSON form are checked."""
    text = {"epoch": 1, "sequence": 2, "time": [1000, 2000], "columns": {SPEED: [50, 51]}} | change
    with pytest.raises(WireError):
        wire.decode_json_columns(json.dumps(text).encode())
