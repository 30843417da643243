"""Whether a browser's request comes from a page of ours. Pure: the headers are handed in."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

OURS = frozenset({"same-origin", "none"})
"""Values of Sec-Fetch-Site for our own pages, and for an address that somebody typed."""
_PORTS = {"http": 80, "https": 443}


def is_foreign(headers: Mapping[str, str], public_url: str) -> bool:
    """Whether the browser says that another site made the request; a program that says nothing is no browser.

    Sec-Fetch-Site counts where it is sent, since no proxy changes it. Older browsers send Origin, which is compared
    with the address that they asked for (Host, which a proxy may have replaced) and with ``public_url``.
    """
    site = headers.get("Sec-Fetch-Site")
    if site:
        return site not in OURS
    origin = headers.get("Origin")
    if origin is None:
        return False
    came_from = _place(origin)
    scheme = origin.partition(":")[0]
    return came_from is None or came_from not in (_place(f"{scheme}://{headers.get('Host', '')}"), _place(public_url))


def _place(url: str) -> tuple[str, int] | None:
    """Host and port of a URL; None where it has none, as with the origin ``null``."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (parts.hostname, port) if parts.hostname and port else None
