"""What messages are: rows for the inbox, dead letters, or waiting for a signal set."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.plausible import check_set
from ingest.storage.frames import Stored, frame_of
from ingest.validate import Accepted, Dead, Knowledge, NeedsSet, judge
from tests.property_examples import examples
from vehicle import wire
from vehicle.batch import Batch, TimeQuality
from vehicle.errors import WireError
from vehicle.packing import pack_rows, put_varint, zigzag
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


def varint(value: int) -> bytes:
    out = bytearray()
    put_varint(out, value)
    return bytes(out)


def signed(value: int) -> bytes:
    return varint(zigzag(value))


def sealed(body: bytes, content: wire.Content = wire.Content.TELEMETRY) -> bytes:
    """A message whose envelope is right, whatever its body is; it belongs to sequence 4."""
    return wire._seal(content, wire.Lane.LIVE, 5, 4, body)


PARTS = {
    "set": bytes.fromhex(SET.id), "quality": b"\x04", "boot": varint(7), "clock": varint(1000), "rows": varint(2),
    "first": signed(NOW), "runs": varint(1) + varint(1) + varint(1000), "columns": varint(2), "forms": b"\x01\x01",
    "present": b"", "changed": b"\x02\x02", "values": signed(1) + signed(130),
    "different": varint(zigzag(1) - 1) + varint(zigzag(-130) - 1),
}  # fmt: skip
"""A good body of two rows and two columns, part by part."""


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
        ({"first": signed(-1)}, "range"),
        ({"first": signed(2**62)}, "range"),
        ({"first": signed(10**14)}, "range"),
        ({"first": signed(2**63 - 1)}, "decode"),
        ({"runs": varint(1) + varint(1) + varint(10**12)}, "range"),
        ({"runs": varint(1) + varint(1) + varint(0)}, "decode"),
        ({"runs": varint(1) + varint(0) + varint(5)}, "decode"),
        ({"runs": varint(1) + varint(10**9) + varint(1)}, "decode"),
        ({"runs": varint(0)}, "decode"),
        ({"runs": varint(2) + 2 * (varint(1) + varint(1))}, "decode"),
        ({"rows": varint(0)}, "decode"),
        ({"rows": varint(10**9)}, "decode"),
        ({"clock": varint(2**63)}, "range"),
        ({"boot": varint(2**64 - 1)}, "range"),
        ({"boot": b"\xff" * 9 + b"\x02"}, "decode"),
        ({"boot": b"\xff" * 1000}, "decode"),
        ({"columns": varint(1)}, "unknown_schema"),
        ({"columns": varint(2**63)}, "unknown_schema"),
        ({"forms": b"\x01\x03"}, "decode"),
        ({"forms": b"\x01\x02", "present": b"\x00"}, "decode"),
        ({"forms": b"\x01\x02", "present": b"\x04"}, "decode"),
        ({"forms": b"\x01\x02", "present": b"\x01"}, "decode"),
        ({"changed": b"\x01\x02"}, "decode"),
        ({"changed": b"\x02\xff"}, "decode"),
        ({"different": b""}, "decode"),
        ({"different": varint(0) + varint(0) + b"\x00"}, "decode"),
    ],
)
def test_damage_under_a_right_envelope(change: dict[str, bytes], reason: str) -> None:
    """What no device can mean is refused whole with its reason, and told to the sender by epoch and sequence."""
    assert isinstance(judged(sealed(b"".join(PARTS.values()))), Accepted)
    verdict = judged(sealed(b"".join((PARTS | change).values())))
    assert isinstance(verdict, Dead)
    assert (verdict.reason, verdict.epoch, verdict.sequence) == (reason, 5, 4)


@settings(max_examples=examples(300))
@given(st.dictionaries(st.sampled_from(sorted(PARTS)), st.binary(max_size=12), max_size=3))
def test_any_parts_are_judged(change: dict[str, bytes]) -> None:
    """Whatever stands in place of a part, the message is refused for a reason or becomes a frame."""
    verdict = judged(sealed(b"".join((PARTS | change).values())))
    assert isinstance(verdict, (Accepted, Dead, NeedsSet))
    if isinstance(verdict, Accepted):
        assert rows_of(verdict).height >= 1


def test_a_bomb_is_not_unpacked() -> None:
    """A few bytes that would unpack to gigabytes are refused by what they announce."""
    bomb = zstandard.ZstdCompressor().compress(b"\x00" * 50_000_000)
    header = wire._HEADER.pack(b"RW", 2, 1, 1, 5, 4, len(bomb))
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


COUNTERS = st.integers(0, 2**64 - 1) | st.integers(0, 300)
VALUES = st.integers(-(2**63), 2**63 - 1) | st.integers(-5, 300)
COLUMNS = st.lists(st.lists(VALUES, min_size=3, max_size=3).map(tuple), min_size=2, max_size=4)


@settings(max_examples=examples(200))
@given(
    which=st.sampled_from([SET, STRANGE]), boot=COUNTERS, quality=st.binary(min_size=1, max_size=1), clock=COUNTERS,
    first=VALUES | st.just(NOW), step=COUNTERS, columns=COLUMNS,
)  # fmt: skip
def test_what_is_accepted_can_be_framed(which, boot, quality, clock, first, step, columns) -> None:
    """Whatever numbers a body holds, what the judge accepts becomes a frame with values within range, and no error."""
    rows = pack_rows((first, first + step, first + 2 * step) if step else (first,) * 3, columns)
    verdict = judged(sealed(bytes.fromhex(which.id) + quality + varint(boot) + varint(clock) + rows))
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
