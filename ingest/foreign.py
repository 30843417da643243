"""What an importer of a foreign device's messages is, and what it makes of one. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vehicle.errors import Reason, WireError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_BYTES = 128 * 1024
"""As large as a message of our own protocol may be."""
REPEATED_WITHIN_MS = 2_000
"""Equal content without a time of its own, come again within this, is one message sent twice (our choice).

esp-mqtt, which WiCAN is built on, sends again after 1 s what was not acknowledged (its message_retransmit_timeout).
"""
UNKNOWN = "unknown_metric"
OTHER = "other_message"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a message says: physical values on a grid of times, whether its device is there, what was counted.

    ``times_ms`` is empty where the message holds no time: then it has one row, taken when it came. ``columns`` holds
    physical values by VSS path, in the catalogue's unit. Equal content that comes again within ``repeated_within_ms``
    is a duplicate; None is as long as the server remembers.
    """

    times_ms: tuple[int, ...] = ()
    columns: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)
    online: bool | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    repeated_within_ms: int | None = REPEATED_WITHIN_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Importer:
    """One kind of foreign device.

    ``kind`` is its word at enrolment and the first level of its topics; the second is the id of the enrolled device.
    ``filters`` are what the server listens to. ``read`` takes the levels below the id and the content, and raises a
    WireError where it cannot be read. ``settings`` are what a person enters at the device, with the places
    ``{device}``, ``{password}``, ``{host}`` and ``{port}``.
    """

    kind: str
    filters: tuple[str, ...]
    read: Callable[[tuple[str, ...], bytes], Reading]
    settings: str


def one_row(values: Mapping[str, float], **counts: int) -> Reading:
    """The reading of values that were taken when the message came."""
    columns = {path: (value,) for path, value in values.items()}
    return Reading(columns=columns, counts={name: count for name, count in counts.items() if count})


def ignored(name: str = OTHER) -> Reading:
    """The reading of a message that holds nothing for us: it is counted."""
    return Reading(counts={name: 1})


def read_object(payload: bytes) -> dict[str, Any]:
    """The JSON object that a message is.

    Raises:
        WireError: it is none.
    """
    try:
        found = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise WireError(Reason.DECODE, f"it is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise WireError(Reason.DECODE, f"it is a JSON {type(found).__name__}, an object is expected")
    return found
