"""The JSON messages around telemetry: state, acknowledgement, command and reply.

Receivers ignore fields they do not know, so that newer senders are understood; a missing field takes its default.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from vehicle.campaign import Refused
from vehicle.errors import MessageError


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Birth (``online``) and last will (``offline``) of a device; retained.

    ``first`` and ``last`` are the sequences still in its spool (0 where it is empty); the clocks are those at sending.
    ``config_version`` is the version of what it was told to collect, ``refused`` what it does not carry out of that.
    """

    status: str
    epoch: int = 0
    first: int = 0
    last: int = 0
    boot_id: int = 0
    monotonic_ms: int = 0
    believed_ms: int = 0
    quality: str = "none"
    agent_version: str = ""
    listen_only: bool = False
    signal_sets: dict[str, list[list[str | int]]] = {}
    config_version: int = 0
    refused: list[Refused] = []


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """A sequence that went to dead letters, and why; it need not be sent again."""

    sequence: int
    reason: str


class Ack(msgspec.Struct, frozen=True, kw_only=True):
    """What the server holds durably of one epoch: all up to ``upto``, and the closed ranges above it.

    ``window`` is how many unacknowledged batches the device may have under way; ``need_sets`` asks it to announce
    signal sets again.
    """

    epoch: int
    upto: int
    ranges: list[tuple[int, int]] = []
    rejected: list[Rejected] = []
    server_time_ms: int = 0
    window: int = 64
    retry_after_s: float = 0.0
    need_sets: list[str] = []


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A request to a device; it must not be carried out after ``expires_ms`` (server time)."""

    id: str
    name: str
    arguments: dict[str, Any] = {}
    expires_ms: int


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """Progress or the answer to a command: status progress, done, refused, failed or expired."""

    id: str
    status: str
    result: dict[str, Any] = {}
    reason: str = ""


_Message = TypeVar("_Message", State, Ack, Command, Reply)


def encode(message: State | Ack | Command | Reply) -> bytes:
    """The message as JSON."""
    return msgspec.json.encode(message)


def decode(form: type[_Message], payload: bytes) -> _Message:
    """The message of that form in ``payload``.

    Raises:
        MessageError: not JSON, a field of another type, or a required field missing.
    """
    try:
        return msgspec.json.decode(payload, type=form)
    except msgspec.DecodeError as error:
        raise MessageError(form.__name__.lower(), str(error)) from error
