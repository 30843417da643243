"""Which bus a URI names: an interface of python-can, a channel of it, and its speed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_agent.buses.python_can import can
from edge_agent.errors import SourceError

if TYPE_CHECKING:
    from edge_agent.buses.base import OpenRequest

MULTICAST = "udp_multicast"


def bus_options(request: OpenRequest, bitrate: int | None) -> dict[str, Any]:
    """What python-can opens the bus of ``SCHEME:INTERFACE:CHANNEL`` with; multicast with a hop limit of 0.

    Raises:
        SourceError: the URI names no interface and channel, or an interface that python-can does not have.
    """
    interface, colon, channel = request.path.partition(":")
    if not colon or not channel:
        scheme = request.uri.partition(":")[0]
        raise SourceError(request.uri, f"write it as {scheme}:INTERFACE:CHANNEL, as {scheme}:socketcan:can0")
    if interface not in can.VALID_INTERFACES:
        raise SourceError(request.uri, f"python-can has no interface {interface!r}; see `can_viewer --help`")
    options: dict[str, Any] = {"interface": interface, "channel": channel}
    if bitrate is not None:
        options["bitrate"] = bitrate
    return options | _multicast(request, channel) if interface == MULTICAST else options


def _multicast(request: OpenRequest, channel: str) -> dict[str, Any]:
    group, colon, port = channel.partition(":")
    if not colon:
        return {"channel": group, "hop_limit": 0}
    if not port.isdecimal():
        raise SourceError(request.uri, f"{port!r} is not a port")
    return {"channel": group, "hop_limit": 0, "port": int(port)}
