"""Plain JSON columns of a program or device that cannot count its messages: ``json/<device>``.

``{"time": [ms, …], "columns": {"Vehicle.Speed": [km/h or null, …]}}``: the form of the telemetry stream without epoch
and sequence. Times are epoch milliseconds, values are in the catalogue's unit. Pure.
"""

from __future__ import annotations

import msgspec

from ingest.foreign import UNKNOWN, Importer, Reading, ignored
from vehicle.errors import Reason, WireError
from vehicle.signals import CATALOGUE

SETTINGS = """\
Server: {host}, port {port}
User name and client id: {device}
Password: {password}
Publish on: json/{device}
Content: {{"time": [1795420800000], "columns": {{"Vehicle.Speed": [50]}}}}
"""


class _Columns(msgspec.Struct):
    time: list[int]
    columns: dict[str, list[float | None]]


def read(levels: tuple[str, ...], payload: bytes) -> Reading:
    """The columns; those of a signal that the catalogue lacks are counted.

    Raises:
        WireError: not that form.
    """
    if levels:
        return ignored()
    try:
        found = msgspec.json.decode(payload, type=_Columns)
    except (msgspec.DecodeError, RecursionError) as error:
        raise WireError(Reason.DECODE, f"JSON columns cannot be read: {error}") from error
    if any(len(column) != len(found.time) for column in found.columns.values()):
        raise WireError(Reason.DECODE, f"not every column has a value for each of the {len(found.time)} times")
    if not found.time:
        raise WireError(Reason.DECODE, "there are no times; give at least one row")
    known = {path: tuple(column) for path, column in found.columns.items() if path in CATALOGUE}
    unknown = len(found.columns) - len(known)
    counts = {UNKNOWN: unknown} if unknown else {}
    return Reading(times_ms=tuple(found.time), columns=known, counts=counts, repeated_within_ms=None)


IMPORTER = Importer(kind="json", filters=("json/+",), read=read, settings=SETTINGS)
