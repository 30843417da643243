"""Batches for load: 27 signals, 30 rows a second apart, values that walk slowly and now and then are not read."""

from __future__ import annotations

import random

from ingest.plausible import raw_bounds
from vehicle import wire
from vehicle.batch import Batch, TimeQuality
from vehicle.signal_set import SignalEntry, SignalSet
from vehicle.signals import CATALOGUE

SIGNALS, ROWS, ROW_MS = 27, 30, 1000
SAMPLES = SIGNALS * ROWS
START_MS = 1_763_888_400_000
_SEEN = 0.9
_STEP = 0.002


def signal_set() -> SignalSet:
    """The first 27 signals of the catalogue."""
    return SignalSet.of(list(CATALOGUE)[:SIGNALS])


def messages(count: int, *, seed: int = 20261123) -> list[bytes]:
    """Messages of ``count`` batches, one after the other in time, all with epoch 1 and sequence 1."""
    rng = random.Random(seed)  # noqa: S311  data, not a secret
    chosen = signal_set()
    places = [rng.uniform(0.3, 0.7) for _ in chosen.entries]
    return [_message(rng, chosen, places, number) for number in range(count)]


def _message(rng: random.Random, chosen: SignalSet, places: list[float], number: int) -> bytes:
    columns = tuple(_column(rng, entry, places, at) for at, entry in enumerate(chosen.entries))
    first_ms = START_MS + number * ROWS * ROW_MS
    batch = Batch(
        boot_id=1, quality=TimeQuality.NTP, monotonic_ms=number * ROWS * ROW_MS, signal_set_id=chosen.id,
        times_ms=tuple(first_ms + row * ROW_MS for row in range(ROWS)), columns=columns,
    )  # fmt: skip
    return wire.encode_telemetry(epoch=1, sequence=1, lane=wire.Lane.LIVE, batch=batch)


def _column(rng: random.Random, entry: SignalEntry, places: list[float], at: int) -> tuple[int | None, ...]:
    low, high = raw_bounds(entry)
    column: list[int | None] = []
    for _ in range(ROWS):
        places[at] = min(0.9, max(0.1, places[at] + rng.gauss(0.0, _STEP)))
        column.append(round(low + places[at] * (high - low)) if rng.random() < _SEEN else None)
    return tuple(column)
