"""Trucks, buses and machines: SAE J1939 on a CAN bus, by listening alone. Nothing is sent, not even an address claimed.

``j1939:INTERFACE:CHANNEL[?bitrate=N][&dbc=FILE][&map=FILE][&spn_version=1|2|3]``, as ``j1939:socketcan:can0``. Without
``dbc`` and ``map`` the usual parameter groups are read by our own. ``spn_version`` is how
units write an SPN that are older than version 4 of the standard, and do not say it themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from edge_agent.buses.address import bus_options
from edge_agent.buses.base import parameters
from edge_agent.buses.dbc_map import open_map
from edge_agent.buses.j1939_hearing import J1939Hearing, files, spn_version
from edge_agent.buses.listen import ListeningSource

if TYPE_CHECKING:
    from edge_agent.buses.base import OpenRequest


class Query(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of the URI."""

    bitrate: int | None = None
    dbc: str = ""
    map: str = ""
    spn_version: int = 3


def open_source(request: OpenRequest) -> ListeningSource:
    """The bus that the URI names, listened to.

    Raises:
        SourceError: the URI names no interface and channel, or a file is missing or wrong.
    """
    query = parameters(Query, request)
    options = bus_options(request, query.bitrate)
    mapped = open_map(request.uri, *files(query.dbc, query.map), request.health, j1939=True)
    request.tap.has_frames = True
    return ListeningSource(
        request, options, J1939Hearing(mapped, request.health, spn_version(request.uri, query.spn_version))
    )
