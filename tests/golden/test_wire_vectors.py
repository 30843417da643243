"""The wire format holds still: the messages in wire_vectors.json are read, and written, as they were once agreed.

The vectors are for other implementations too; docs/protocol.md explains them. What is compared of a written message is
its header and its unpacked body: another zstd release may pack the same body into other bytes.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import pytest
import zstandard

from vehicle import wire
from vehicle.batch import Batch, Event, TimeQuality
from vehicle.errors import WireError
from vehicle.signal_set import SignalSet
from vehicle.signals import COOLANT_TEMPERATURE, ENGINE_SPEED, SPEED

VECTORS = Path(__file__).with_name("wire_vectors.json")
EPOCH = 0x0102030405060708
SET = SignalSet.of([SPEED, ENGINE_SPEED, COOLANT_TEMPERATURE])
NINE_ROWS = tuple(1_763_888_400_000 + step for step in (0, 1000, 2000, 3000, 4500, 5500, 6500, 7500, 8500))
HEADER_BYTES = 25
CRC_BYTES = 4


def batch(times_ms: tuple[int, ...], *columns: tuple[int | None, ...]) -> Batch:
    return Batch(
        boot_id=41,
        quality=TimeQuality.NTP,
        monotonic_ms=120_000,
        signal_set_id=SET.id,
        times_ms=times_ms,
        columns=columns,
    )


BATCHES = {
    "one row, all signals": (1, wire.Lane.LIVE, batch(NINE_ROWS[:1], (50,), (6_003,), (130,))),
    "nine rows, an uneven step, a slow signal with nulls": (
        2,
        wire.Lane.LIVE,
        batch(
            NINE_ROWS,
            (50, 51, 53, 53, 52, 50, 47, 40, 31),
            (6_003, 6_100, 6_250, 6_249, 6_180, 6_000, 5_700, 4_900, 3_801),
            (130, None, None, None, None, 131, None, None, None),
        ),
    ),
    "a signal that was never read, in the backlog": (
        2**62,
        wire.Lane.BACKLOG,
        batch(NINE_ROWS[:3], (0, 0, 0), (None, None, None), (None, None, 255)),
    ),
    "values that go down, far and beyond zero": (
        5,
        wire.Lane.LIVE,
        batch(NINE_ROWS[:3], (200, 0, -7), (2**63 - 1, -(2**63), 0), (None, 5, 5)),
    ),
}

EVENTS = {
    "a stored trouble code": (
        3,
        Event(
            kind="dtc",
            time_ms=NINE_ROWS[0],
            quality=TimeQuality.GNSS,
            boot_id=41,
            monotonic_ms=120_000,
            data={"ecu": "7E8", "code": "P0301", "state": "stored", "present": True},
        ),
    ),
    "a gap": (
        4,
        Event(
            kind="gap",
            time_ms=NINE_ROWS[1],
            quality=TimeQuality.NONE,
            boot_id=42,
            monotonic_ms=5,
            data={"first": 10, "last": 19, "count": 10, "reason": "spool full"},
        ),
    ),
}


def written() -> dict[str, Any]:
    """The vectors as the code of today writes them."""
    good = []
    for name, (sequence, lane, sample) in BATCHES.items():
        message = wire.encode_telemetry(epoch=EPOCH, sequence=sequence, lane=lane, batch=sample)
        good.append(vector(name, message, {"times_ms": sample.times_ms, "columns": sample.columns}))
    for name, (sequence, event) in EVENTS.items():
        message = wire.encode_event(epoch=EPOCH, sequence=sequence, event=event)
        good.append(vector(name, message, {"kind": event.kind, "data": event.data}))
    return {"signal_set": {"id": SET.id, "announced": SET.announced()}, "good": good, "bad": list(damaged(good))}


def vector(name: str, message: bytes, content: dict[str, Any]) -> dict[str, Any]:
    envelope = wire.decode_envelope(message)
    identity = {"epoch": envelope.epoch, "sequence": envelope.sequence, "lane": envelope.lane.name.lower()}
    body = zstandard.ZstdDecompressor().decompress(envelope.body)
    return {"name": name, **identity, **content, "body_unpacked": body.hex(), "message": message.hex()}


BAD_BODIES = {
    "unpacked body: nothing in it": "",
    "unpacked body: a set id and no more": SET.id,
    "unpacked body: no rows": f"{SET.id}01290100000003",
    "unpacked body: a number that never ends": f"{SET.id}01{'ff' * 30}",
    "unpacked body: steps for more rows than there are": f"{SET.id}01290102000105010300000000",
    "unpacked body: a step of nothing": f"{SET.id}01290102000101000300000000",
    "unpacked body: a form that does not exist": f"{SET.id}0129010100000304000000",
    "unpacked body: two columns for a set of three": f"{SET.id}012901010000020000",
    "unpacked body: a change before the first value": f"{SET.id}01290101000003010000010200",
    "unpacked body: a byte left over": f"{SET.id}0129010100000300000000",
}


def damaged(good: list[dict[str, Any]]) -> list[dict[str, Any]]:
    message = bytes.fromhex(good[0]["message"])
    flipped = bytes([*message[:-1], message[-1] ^ 1])
    forms = {
        "empty": b"",
        "shorter than a header": message[:28],
        "another magic": b"XX" + message[2:],
        "version 1": message[:2] + b"\x01" + message[3:],
        "cut short": message[:-1],
        "one bit of the last byte changed": flipped,
        "one bit of the sequence changed": message[:20] + bytes([message[20] ^ 2]) + message[21:],
        "too large": message + bytes(wire.MAX_MESSAGE_BYTES),
    } | {name: in_a_message(body) for name, body in BAD_BODIES.items()}
    return [
        {"name": name, "reason": reason_of(form), **({} if name == "too large" else {"message": form.hex()})}
        for name, form in forms.items()
    ]


def reason_of(message: bytes) -> str:
    with pytest.raises(WireError) as caught:
        wire.decode_batch(wire.decode_envelope(message).body, SET)
    return caught.value.reason


def in_a_message(body: str) -> bytes:
    return wire._seal(wire.Content.TELEMETRY, wire.Lane.LIVE, EPOCH, 6, bytes.fromhex(body))


@pytest.fixture(name="vectors", scope="module")
def _vectors(update_golden: bool) -> dict[str, Any]:
    """The agreed vectors."""
    if update_golden:
        VECTORS.write_text(json.dumps(written(), indent=1) + "\n", encoding="utf-8")
    found: dict[str, Any] = json.loads(VECTORS.read_text(encoding="utf-8"))
    return found


def test_agreed_messages_are_read_as_agreed(vectors: dict[str, Any]) -> None:
    """Every good vector gives its identity and its content."""
    for agreed in vectors["good"]:
        envelope = wire.decode_envelope(bytes.fromhex(agreed["message"]))
        assert (envelope.epoch, envelope.sequence) == (agreed["epoch"], agreed["sequence"])
        if envelope.content is wire.Content.TELEMETRY:
            read = wire.decode_batch(envelope.body, SignalSet.from_announced(vectors["signal_set"]["announced"]))
            assert [list(read.times_ms), [list(c) for c in read.columns]] == [agreed["times_ms"], agreed["columns"]]
        else:
            event = wire.decode_event(envelope.body)
            assert (event.kind, event.data) == (agreed["kind"], agreed["data"])


def test_the_document_suffices_to_read_them(vectors: dict[str, Any]) -> None:
    """A reader made from docs/protocol.md alone, in plain steps, reads every telemetry vector to its content."""
    for agreed in vectors["good"]:
        if "columns" in agreed:
            times, columns = read_by_the_document(bytes.fromhex(agreed["message"]))
            assert [times, columns] == [agreed["times_ms"], agreed["columns"]], agreed["name"]


def read_by_the_document(message: bytes) -> tuple[list[int], list[list[int | None]]]:
    """Section 2, step by step; shares nothing with the package."""
    assert (message[:2], message[2], message[3]) == (b"RW", 2, 1)
    assert int.from_bytes(message[21:25], "big") == len(message) - 29
    assert zlib.crc32(message[:25] + message[29:]) == int.from_bytes(message[25:29], "big")
    body = iter(zstandard.ZstdDecompressor().decompress(message[29:]))

    def varint() -> int:
        value = shift = 0
        while True:
            byte = next(body)
            value += (byte % 128) * 2**shift
            shift += 7
            if byte < 128:
                return value

    def signed(value: int) -> int:
        return value // 2 if value % 2 == 0 else -(value // 2) - 1

    def bits(rows: int) -> list[bool]:
        mask = [next(body) for _ in range(-(-rows // 8))]
        return [bool(mask[row // 8] >> row % 8 & 1) for row in range(rows)]

    assert bytes(next(body) for _ in range(8)).hex() == SET.id
    next(body), varint(), varint()  # quality, boot, boot clock
    rows, times = varint(), [signed(varint())]
    for _ in range(varint()):
        count, step = varint(), varint()
        times += [times[-1] + step * (at + 1) for at in range(count)]
    forms = [next(body) for _ in range(varint())]
    present = [bits(rows) if form == 2 else [form == 1] * rows for form in forms]
    changed = [bits(rows) if form else [False] * rows for form in forms]
    first = [signed(varint()) if form else 0 for form in forms]
    columns: list[list[int | None]] = []
    for here, change, value in zip(present, changed, first, strict=True):
        column: list[int | None] = []
        for row in range(rows):
            if change[row]:
                value = (value + signed(varint() + 1) + 2**63) % 2**64 - 2**63  # noqa: PLW2901
            column.append(value if here[row] else None)
        columns.append(column)
    assert next(body, None) is None
    return times, columns


def test_messages_are_written_as_agreed(vectors: dict[str, Any]) -> None:
    """The code of today writes the agreed bodies behind the agreed headers."""
    for agreed, today in zip(vectors["good"], written()["good"], strict=True):
        assert today["body_unpacked"] == agreed["body_unpacked"], agreed["name"]
        ours, theirs = bytes.fromhex(today["message"]), bytes.fromhex(agreed["message"])
        assert ours[: HEADER_BYTES - CRC_BYTES] == theirs[: HEADER_BYTES - CRC_BYTES], agreed["name"]


def test_damaged_messages_are_refused_for_the_agreed_reason(vectors: dict[str, Any]) -> None:
    """Every bad vector is refused, with its reason."""
    for agreed in vectors["bad"]:
        message = bytes.fromhex(agreed["message"]) if "message" in agreed else bytes(wire.MAX_MESSAGE_BYTES + 1)
        assert reason_of(message) == agreed["reason"], agreed["name"]


def test_the_announced_set_has_the_agreed_id(vectors: dict[str, Any]) -> None:
    """The id of a signal set follows from its announced form."""
    assert SignalSet.from_announced(vectors["signal_set"]["announced"]).id == vectors["signal_set"]["id"]
