"""The table of what is held, by device and epoch: read and written for many devices at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ingest.sequence import Held
from ingest.storage.many import of_names, write_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import sqlalchemy as sa

Key = tuple[str, int]
_READ = "SELECT device_id, epoch, upto, CAST(ranges AS TEXT) FROM received WHERE device_id IN {names}"
_KEEP = (
    "INSERT INTO received (device_id, epoch, upto, ranges) {rows} "
    "ON CONFLICT (device_id, epoch) DO UPDATE SET upto = excluded.upto, ranges = excluded.ranges"
)
_FORMS = ("TEXT", "BIGINT", "BIGINT", "JSON")
_NO_RANGES = "[]"
Ranges = tuple[tuple[int, int], ...]


def held_of_many(connection: sa.Connection, keys: Iterable[Key]) -> dict[Key, Held]:
    """What is held of each epoch of each device; empty where nothing is.

    Whoever goes on to write what follows from it has called :func:`~ingest.storage.database.take_turn` before.
    """
    found = dict.fromkeys(keys, Held())
    for device, epoch, upto, ranges in of_names(connection, _READ, {device for device, _ in found}):
        if (device, epoch) in found:
            found[device, epoch] = Held(upto, () if ranges == _NO_RANGES else msgspec.json.decode(ranges, type=Ranges))
    return found


def held_of(connection: sa.Connection, device_id: str, epoch: int) -> Held:
    """What is held of an epoch of a device."""
    return held_of_many(connection, [(device_id, epoch)]).get((device_id, epoch), Held())


def keep_held(connection: sa.Connection, held: Mapping[Key, Held]) -> None:
    """Writes down what is held now."""
    rows = [
        (device, epoch, one.upto, msgspec.json.encode(one.ranges).decode() if one.ranges else _NO_RANGES)
        for (device, epoch), one in held.items()
    ]
    write_rows(connection, _KEEP, _FORMS, rows)
