"""What messages are: rows for the inbox, dead letters, or waiting for a signal set."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime

import msgspec
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.plausible import check_set
from ingest.storage.frames import Stored, frame_of
from ingest.validate import Accepted, Dead, Knowledge, NeedsSet, judge
from vehicle import wire
from vehicle.batch import Batch, TimeQuality
from vehicle.errors import WireError
from vehicle.signal_set import SignalSet
from vehicle.signals import COOLANT_TEMPERATURE, ENGINE_SPEED, SPEED
from vehicle.topics import Kind, topic

DEVICE = "0123456789abcdef"
SET = SignalSet.of([SPEED, COOLANT_TEMPERATURE])
STRANGE = SignalSet.from_announced(
    [
        ["Vehicle.New.Thing", -3, 7, 5],
        [SPEED, 1, 10, 0],
        [ENGINE_SPEED, -1, 4, 64000],
        ["Vehicle.Big", 2**31 - 1, 1, 2**52],
    ]
)
KNOWN = Knowledge(vehicles={DEVICE: "car"}, signal_sets={SET.id: SET, STRANGE.id: STRANGE}, anchors={})
NOW = int(datetime(2026, 11, 23, 9, tzinfo=UTC).timestamp() * 1000)


def judged(payload: bytes, kind: Kind = Kind.TELEMETRY, knowledge: Knowledge = KNOWN):
    return judge(DEVICE, kind, topic(DEVICE, kind), payload, knowledge, NOW)


def rows_of(verdict: Accepted):
    row = Stored(
        inbox_id=1, device_id=DEVICE, vehicle_id="car", epoch=verdict.epoch, sequence=verdict.sequence,
        shift_ms=verdict.placement.shift_ms, signal_set_id=verdict.signal_set.id, payload=verdict.payload,
    )  # fmt: skip
    return frame_of([row], {verdict.signal_set.id: verdict.signal_set})


def sealed(body: list[object], content: wire.Content = wire.Content.TELEMETRY) -> bytes:
    """A message whose envelope is right, whatever its body is; it belongs to sequence 4."""
    lane = wire.Lane.LIVE
    return wire._seal(content, lane, 5, 4, msgspec.msgpack.encode(body))


def test_a_good_batch(make) -> None:
    """Identity, times and digest come out; nothing is counted."""
    verdict = judged(make.message(2))
    assert isinstance(verdict, Accepted)
    assert (verdict.vehicle_id, verdict.epoch, verdict.sequence) == ("car", 5, 2)
    assert (verdict.first_ms, verdict.last_ms) == (make.NOW_MS + 3000, make.NOW_MS + 5000)
    assert verdict.counts == {}


def test_unknown_device(make) -> None:
    """A device that is not enrolled, or no longer, is not acknowledged: no identity in the verdict."""
    nobody = dataclasses.replace(KNOWN, vehicles={})
    verdict = judged(make.message(1), knowledge=nobody)
    assert isinstance(verdict, Dead)
    assert (verdict.reason, verdict.sequence) == ("unknown_device", None)
    assert "device add" in verdict.sentence


def test_unknown_set(make) -> None:
    """A batch of a set that was not announced waits for it."""
    ignorant = dataclasses.replace(KNOWN, signal_sets={})
    verdict = judged(make.message(1), knowledge=ignorant)
    assert isinstance(verdict, NeedsSet)
    assert (verdict.epoch, verdict.sequence, verdict.signal_set_id) == (5, 1, SET.id)


def test_content_on_the_wrong_topic(make) -> None:
    """Telemetry on the event topic and the reverse are refused with their identity."""
    for payload, kind in ((make.message(1), Kind.EVENT), (make.event(1), Kind.TELEMETRY)):
        verdict = judged(payload, kind)
        assert isinstance(verdict, Dead)
        assert (verdict.reason, verdict.epoch, verdict.sequence) == ("envelope", 5, 1)


def test_values_out_of_range_are_counted_gaps(make) -> None:
    """One bad value becomes a gap with a count; the row's other values and the other rows stay."""
    verdict = judged(make.message(1, columns=((10, 300, -1), (130, 256, 0))))
    assert isinstance(verdict, Accepted)
    assert verdict.counts == {f"range:{SPEED}": 2, f"range:{COOLANT_TEMPERATURE}": 1}
    assert rows_of(verdict)[SPEED].to_list() == [10, None, None]
    assert rows_of(verdict)[COOLANT_TEMPERATURE].to_list() == [90, None, -40]


def test_another_resolution_has_the_same_range() -> None:
    """A device that sends speed in tenths may send 255 km/h and no more, like one that sends whole ones."""
    batch = {"columns": ((0,) * 2, (2550, 2551), (64000, 0), (1, 2)), "times_ms": (NOW, NOW + 1)}
    made = wire.encode_telemetry(epoch=5, sequence=1, lane=wire.Lane.LIVE, batch=strange(**batch))
    verdict = judged(made)
    assert isinstance(verdict, Accepted)
    assert verdict.counts == {f"range:{SPEED}": 1}
    assert rows_of(verdict)[SPEED].to_list() == [255.0, None]
    assert rows_of(verdict)[ENGINE_SPEED].to_list() == [0.0, 16000.0]


def strange(**changes: object):
    values = {"boot_id": 1, "quality": TimeQuality.RECORDED, "monotonic_ms": 0, "signal_set_id": STRANGE.id}
    return Batch(**(values | changes))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({4: -1}, "range"),
        ({4: 2**62}, "range"),
        ({4: 10**14}, "range"),
        ({5: [1, 10**12]}, "range"),
        ({5: [1, 0]}, "decode"),
        ({5: [2, -5]}, "decode"),
        ({5: [10**9, 1]}, "decode"),
        ({5: [1]}, "decode"),
        ({3: -1}, "range"),
        ({3: 2**63}, "range"),
        ({1: -1}, "range"),
        ({1: 2**64 - 1}, "range"),
        ({6: [[b"", [1, 2]]]}, "unknown_schema"),
        ({6: [[b"", [1, 2, 3]], [b"", [1, 2]]]}, "decode"),
        ({6: [[b"\xff", [1]], [b"", [1, 2]]]}, "decode"),
        ({6: [[b"\x01\x02", [1]], [b"", [1, 2]]]}, "decode"),
        ({6: "columns"}, "decode"),
        ({0: 17}, "decode"),
    ],
)
def test_damage_under_a_right_envelope(change: dict[int, object], reason: str) -> None:
    """What no device can mean is refused whole with its reason, and told to the sender by epoch and sequence."""
    body = [SET.id, 7, 4, 1000, NOW, [1, 1000], [[b"", [1, 2]], [b"", [130, 0]]]]
    assert isinstance(judged(sealed(body)), Accepted)
    for index, value in change.items():
        body[index] = value
    verdict = judged(sealed(body))
    assert isinstance(verdict, Dead)
    assert (verdict.reason, verdict.epoch, verdict.sequence) == (reason, 5, 4)


def test_a_bomb_is_not_unpacked() -> None:
    """A few bytes that would unpack to gigabytes are refused by what they announce."""
    bomb = zstandard.ZstdCompressor().compress(b"\x00" * 50_000_000)
    header = wire._HEADER.pack(b"RW", 1, 1, 1, 5, 4, len(bomb))
    verdict = judged(header + wire._CRC.pack(wire._checksum(header, bomb)) + bomb)
    assert isinstance(verdict, Dead)
    assert (verdict.reason, verdict.sequence) == ("decode", 4)


@pytest.mark.parametrize("where", [0, 2, 3, 10, 20, 23, 27, 40, -1])
def test_a_changed_byte_is_noticed(make, where: int) -> None:
    """Wherever a byte was changed on the way, the message is not taken."""
    payload = bytearray(make.message(1))
    payload[where] ^= 0x55
    assert isinstance(judged(bytes(payload)), Dead)


@given(st.binary(max_size=200))
def test_any_bytes_are_judged(payload: bytes) -> None:
    """No input makes the judge stumble."""
    for kind in (Kind.TELEMETRY, Kind.EVENT):
        assert isinstance(judged(payload, kind), Dead)


INTEGERS = st.integers(-(2**63), 2**64 - 1) | st.integers(-5, 300)
COLUMNS = st.lists(st.tuples(st.just(b""), st.lists(INTEGERS, min_size=3, max_size=3)), min_size=2, max_size=4)


@settings(max_examples=200)
@given(
    which=st.sampled_from([SET, STRANGE]), boot=INTEGERS, quality=INTEGERS, clock=INTEGERS,
    first=INTEGERS | st.just(NOW), step=INTEGERS, columns=COLUMNS,
)  # fmt: skip
def test_what_is_accepted_can_be_framed(which, boot, quality, clock, first, step, columns) -> None:
    """Whatever numbers a body holds, what the judge accepts becomes a frame with values within range, and no error."""
    verdict = judged(sealed([which.id, boot, quality, clock, first, [2, step], columns]))
    assert isinstance(verdict, (Accepted, Dead))
    if isinstance(verdict, Accepted):
        frame = rows_of(verdict)
        assert frame.height == 3
        if SPEED in frame.columns:
            assert all(value is None or 0 <= value <= 255 for value in frame[SPEED])
        lost = sum(verdict.counts.get(f"range:{path}", 0) for path in which.paths)
        assert lost == sum(frame[path].null_count() for path in which.paths)


JSON_GOOD = {"epoch": 1, "sequence": 2, "time": [NOW, NOW + 1000], "columns": {SPEED: [50, None]}}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"columns": {SPEED: [50]}}, "decode"),
        ({"columns": {"Vehicle.Sped": [50, 51]}}, "unknown_schema"),
        ({"time": [NOW, NOW]}, "decode"),
        ({"time": []}, "decode"),
        ({"time": [-5, 5]}, "range"),
        ({"time": [NOW, 10**17]}, "range"),
        ({"time": "now"}, "decode"),
    ],
)
def test_bad_json_is_told_by_identity(change: dict[str, object], reason: str) -> None:
    """JSON columns that cannot be taken are refused by epoch and sequence wherever those can be read."""
    verdict = judged(json.dumps(JSON_GOOD | change).encode())
    assert isinstance(verdict, Dead)
    assert verdict.reason == reason
    if change != {"time": "now"}:
        assert (verdict.epoch, verdict.sequence) == (1, 2)


@pytest.mark.parametrize(
    "change", [{"sequence": 0}, {"sequence": 2**70}, {"epoch": -1}, {"epoch": 2**63}, {"sequence": True}]
)
def test_json_without_counters_is_not_told(change: dict[str, object]) -> None:
    """An identity that cannot be is not acted upon."""
    verdict = judged(json.dumps(JSON_GOOD | change).encode())
    assert isinstance(verdict, Dead)
    assert verdict.sequence is None


def test_json_gaps_are_told_from_values_out_of_range() -> None:
    """A null is a gap; a value that the signal cannot have is a gap with a count."""
    verdict = judged(json.dumps(JSON_GOOD | {"columns": {SPEED: [1e300, None]}}).encode())
    assert isinstance(verdict, Accepted)
    assert verdict.counts == {f"range:{SPEED}": 1}


def test_json_events_are_refused() -> None:
    """The plain form is for telemetry only."""
    assert isinstance(judged(json.dumps(JSON_GOOD).encode(), Kind.EVENT), Dead)


@pytest.mark.parametrize(
    "path", ["time", "inbox_id", "", "Vehicle", "Vehicle..Speed", "Vehicle.Speed\n", "V." + "x" * 200]
)
def test_a_set_cannot_name_historys_own_columns(path: str) -> None:
    """Paths that are no VSS paths are refused, so that no device can break history's files."""
    with pytest.raises(WireError, match="is not a VSS path"):
        check_set(SignalSet.from_announced([[path, 1, 1, 0]]))


def test_a_set_names_a_signal_once_and_scales_it_sanely() -> None:
    """Twice the same signal, or a scale that overflows, is refused."""
    check_set(SET)
    check_set(STRANGE)
    for rows in (
        [[SPEED, 1, 1, 0], [SPEED, 1, 2, 0]],
        [[SPEED, 2**31, 1, 0]],
        [[SPEED, 1, 2**31, 0]],
        [[SPEED, 1, 1, 2**53]],
    ):
        with pytest.raises(WireError):
            check_set(SignalSet.from_announced(rows))
