"""The table of what is held, by device and epoch: read and written for many devices at once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ingest.sequence import Held
from ingest.storage.tables import received

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

Key = tuple[str, int]
MOST_NAMES = 500
"""Ids in one query; SQLite takes 32,766 parameters (sqlite.org/limits.html); fewer is our choice."""
_KEEP = sa.text(
    "INSERT INTO received (device_id, epoch, upto, ranges) VALUES (:device_id, :epoch, :upto, :ranges) "
    "ON CONFLICT (device_id, epoch) DO UPDATE SET upto = excluded.upto, ranges = excluded.ranges"
)


def in_parts(names: Collection[str]) -> Iterator[list[str]]:
    """The names in order, at most :data:`MOST_NAMES` at once."""
    ordered = sorted(names)
    for start in range(0, len(ordered), MOST_NAMES):
        yield ordered[start : start + MOST_NAMES]


def held_of_many(connection: sa.Connection, keys: Iterable[Key]) -> dict[Key, Held]:
    """What is held of each epoch of each device; empty where nothing is.

    Whoever goes on to write what follows from it has called :func:`~ingest.storage.database.take_turn` before.
    """
    found = dict.fromkeys(keys, Held())
    c = received.c
    for names in in_parts({device for device, _ in found}):
        for row in connection.execute(sa.select(received).where(c.device_id.in_(names))):
            if (row.device_id, row.epoch) in found:
                ranges = tuple((first, last) for first, last in row.ranges)
                found[row.device_id, row.epoch] = Held(row.upto, ranges)
    return found


def held_of(connection: sa.Connection, device_id: str, epoch: int) -> Held:
    """What is held of an epoch of a device."""
    return held_of_many(connection, [(device_id, epoch)]).get((device_id, epoch), Held())


def keep_held(connection: sa.Connection, held: Mapping[Key, Held]) -> None:
    """Writes down what is held now."""
    rows = [
        {"device_id": device, "epoch": epoch, "upto": one.upto, "ranges": json.dumps(one.ranges)}
        for (device, epoch), one in held.items()
    ]
    if rows:
        connection.execute(_KEEP, rows)
