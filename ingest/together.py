"""Judging many opened batches at once: their rows are read as arrays, and what lies out of range is counted there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ingest.plausible import bounds_of
from ingest.unpacking import unpack_many

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ingest.unpacking import Block
    from ingest.validate import Accepted, Dead, Knowledge, Opened
    from vehicle.signal_set import SignalSet


def judge_opened(opened: Sequence[Opened], knowledge: Knowledge) -> list[Accepted | Dead]:
    """What each of the batches is, in their order: as :meth:`~ingest.validate.Opened.alone` says of each."""
    by_set: dict[str, list[int]] = {}
    for place, one in enumerate(opened):
        by_set.setdefault(one.signal_set.id, []).append(place)
    found: dict[int, Accepted | Dead] = {}
    for places in by_set.values():
        for within, verdict in _of_one_set([opened[place] for place in places], knowledge):
            found[places[within]] = verdict
    return [found[place] for place in range(len(opened))]


def _of_one_set(opened: Sequence[Opened], knowledge: Knowledge) -> Iterator[tuple[int, Accepted | Dead]]:
    signal_set = opened[0].signal_set
    blocks, odd = unpack_many([one.packed for one in opened], signal_set)
    for block in blocks:
        first, last = block.times_ms[:, 0].tolist(), block.times_ms[:, -1].tolist()
        outside = out_of_range(block, signal_set)
        for at, place in enumerate(block.which):
            yield place, opened[place].accepted((first[at], last[at]), outside.get(at, {}), knowledge)
    for place in odd:
        yield place, opened[place].alone(knowledge)


def out_of_range(block: Block, signal_set: SignalSet) -> Mapping[int, dict[str, int]]:
    """How many values of each signal lie outside its range, by place in the block; those without any are left out."""
    low, high = bounds_of(signal_set)
    outside = block.present & ((block.raw < low) | (block.raw > high))
    counts: dict[int, dict[str, int]] = {}
    if outside.any():
        many = outside.sum(axis=2)
        for at, column in zip(*(places.tolist() for places in np.nonzero(many)), strict=True):
            counts.setdefault(at, {})[f"range:{signal_set.paths[column]}"] = int(many[at, column])
    return counts
