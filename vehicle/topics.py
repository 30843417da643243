"""All streams of the system: ``roadworthy/v1/{device}/{kind}``, who may publish what, and what is retained."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from vehicle.errors import TopicError

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "roadworthy/v1"
DEVICE_ID = re.compile(r"[a-z0-9-]{8,64}")
_LEVELS = 4


class Kind(StrEnum):
    """The last level of a topic."""

    TELEMETRY = "telemetry"
    EVENT = "event"
    STATE = "state"
    REPLY = "reply"
    ACK = "ack"
    COMMAND = "command"
    CONFIG = "config"


@dataclass(frozen=True, slots=True)
class Stream:
    """One kind of topic: whether the device sends it, whether the broker keeps the last message, and what it is."""

    from_device: bool
    retained: bool
    purpose: str


STREAMS: Mapping[Kind, Stream] = MappingProxyType(
    {
        Kind.TELEMETRY: Stream(from_device=True, retained=False, purpose="batches of samples"),
        Kind.EVENT: Stream(from_device=True, retained=False, purpose="trouble codes, lamp, gaps, unreadable input"),
        Kind.STATE: Stream(from_device=True, retained=True, purpose="birth with clocks and signal sets; last will"),
        Kind.REPLY: Stream(from_device=True, retained=False, purpose="progress and answers to commands"),
        Kind.ACK: Stream(from_device=False, retained=False, purpose="what the server holds durably"),
        Kind.COMMAND: Stream(from_device=False, retained=False, purpose="requests such as reading codes now"),
        Kind.CONFIG: Stream(from_device=False, retained=True, purpose="what the device shall collect"),
    }
)
"""Every stream; the broker's rules, the agent's subscriptions and docs/protocol.md follow from it."""

_KINDS: Mapping[str, Kind] = MappingProxyType({str(one): one for one in Kind})
UPLINK = tuple(kind for kind, stream in STREAMS.items() if stream.from_device)
DOWNLINK = tuple(kind for kind, stream in STREAMS.items() if not stream.from_device)


def topic(device: str, kind: Kind) -> str:
    """The topic of a device's stream.

    Raises:
        TopicError: ``device`` is not a device id.
    """
    if not DEVICE_ID.fullmatch(device):
        raise TopicError(f"{PREFIX}/{device}/{kind}", "a device id is 8 to 64 of a-z, 0-9 and '-'")
    return f"{PREFIX}/{device}/{kind}"


def parse_topic(text: str) -> tuple[str, Kind]:
    """Device and kind of a topic.

    Raises:
        TopicError: another prefix, device id or kind than ours.
    """
    levels = text.split("/")
    if len(levels) != _LEVELS or not text.startswith(PREFIX + "/"):
        raise TopicError(text, "it is not of our scheme")
    device, kind = levels[2:]
    if not DEVICE_ID.fullmatch(device):
        raise TopicError(text, "a device id is 8 to 64 of a-z, 0-9 and '-'")
    found = _KINDS.get(kind)
    if found is None:
        raise TopicError(text, f"there is no stream {kind!r}; there are {', '.join(Kind)}")
    return device, found
