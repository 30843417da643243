"""Bytes a sample on the wire, beside JSON rows and float32 columns, each with zstd: recorded drives, batch by batch.

Ours is the whole message, header and checksum included; the peers are bare bodies, which is their favour. All carry
the same batches, one zstd frame each, at the same level.
"""

from __future__ import annotations

import json
import math
import struct
import time
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import zstandard

from benchmarks.drives import recorded
from benchmarks.result import Result
from vehicle.wire import Lane, decode_batch, decode_envelope, encode_telemetry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vehicle.batch import Batch
    from vehicle.signal_set import SignalSet

    Form = Callable[[SignalSet, Batch], bytes]

_Made = TypeVar("_Made")
NAME = "wire"
LEVEL = 9
EPOCH = 1 << 62
ROUNDS = 3


def measure() -> Result:
    """The figures.

    Raises:
        NoInputError: there is no recorded drive.
    """
    drives = recorded()
    pairs = drives.batches
    encoded, encode_s = _best(lambda: [_message(number, batch) for number, (_, batch) in enumerate(pairs, start=1)])
    decoded, decode_s = _best(lambda: _read_back(encoded, [chosen for chosen, _ in pairs]))
    peers, peer_s = {}, {}
    for name, form in {"json_zstd": as_json_rows, "float32_zstd": as_float32_columns}.items():
        packed, peer_s[name] = _best(partial(_packed, form, pairs))
        peers[name] = sum(map(len, packed)) / drives.samples
    return Result(
        bench=NAME,
        unit="bytes/sample",
        ours=sum(map(len, encoded)) / drives.samples,
        peers=peers,
        equal=decoded == [batch for _, batch in pairs],
        input=str(drives),
        detail={
            "encoded_batches_per_second": round(len(pairs) / encode_s),
            "decoded_batches_per_second": round(len(pairs) / decode_s),
            "peers_encoded_batches_per_second": {name: round(len(pairs) / spent) for name, spent in peer_s.items()},
            "bytes_a_batch": round(sum(map(len, encoded)) / len(pairs)),
        },
    )


def _packed(form: Form, pairs: Sequence[tuple[SignalSet, Batch]]) -> list[bytes]:
    pack = zstandard.ZstdCompressor(level=LEVEL).compress
    return [pack(form(chosen, batch)) for chosen, batch in pairs]


def as_json_rows(chosen: SignalSet, batch: Batch) -> bytes:
    """A JSON object a row, the commonest way."""
    lines = []
    for at, time_ms in enumerate(batch.times_ms):
        pairs = zip(chosen.entries, batch.columns, strict=True)
        values = {entry.path: entry.value(raw) for entry, column in pairs if (raw := column[at]) is not None}
        lines.append({"time": time_ms, **values})
    return json.dumps(lines, separators=(",", ":")).encode()


def as_float32_columns(chosen: SignalSet, batch: Batch) -> bytes:
    """Times as 64-bit integers, then a column of float32 a signal, NaN where there is no value."""
    rows = len(batch.times_ms)
    parts = [struct.pack(f"<{rows}q", *batch.times_ms)]
    for entry, column in zip(chosen.entries, batch.columns, strict=True):
        values = [math.nan if raw is None else entry.value(raw) for raw in column]
        parts.append(struct.pack(f"<{rows}f", *values))
    return b"".join(parts)


def _message(number: int, batch: Batch) -> bytes:
    return encode_telemetry(epoch=EPOCH + number, sequence=number, lane=Lane.LIVE, batch=batch)


def _read_back(messages: Sequence[bytes], sets: Sequence[SignalSet]) -> list[Batch]:
    return [decode_batch(decode_envelope(one).body, chosen) for one, chosen in zip(messages, sets, strict=True)]


def _best(work: Callable[[], _Made]) -> tuple[_Made, float]:
    """What it makes, and the seconds of its quickest run: the others were disturbed."""
    spent = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        made = work()
        spent.append(time.perf_counter() - begun)
    return made, min(spent)
