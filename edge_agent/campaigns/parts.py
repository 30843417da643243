"""From a capture to the events that carry it: numbered parts, each well below the largest message. Pure."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeVar

import msgspec

from vehicle.batch import Event, EventKind
from vehicle.campaign import CapturePart, Frames, Rows
from vehicle.errors import WireError
from vehicle.wire import MAX_MESSAGE_BYTES, encode_event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from edge_agent.campaigns.tap import Frame
    from edge_agent.campaigns.trigger import Capture

ROWS_A_PART, FRAMES_A_PART = 2000, 4000
"""What a part begins with; it is halved until it fits (our choice: about 64 kB before compression)."""
_LARGEST = MAX_MESSAGE_BYTES * 3 // 4
_Item = TypeVar("_Item")


def events_of(capture: Capture, boot_id: int) -> list[tuple[Event, int]]:
    """The events of a capture, each with its size in bytes as a message."""
    rows = _in_parts(capture, capture.rows, ROWS_A_PART, lambda some: _part(capture, boot_id, rows=some))
    frames = _in_parts(capture, capture.frames, FRAMES_A_PART, lambda some: _part(capture, boot_id, frames=some))
    bodies = [*rows, *frames] or [_part(capture, boot_id)]
    numbered = [
        msgspec.structs.replace(body, part=number, parts=len(bodies)) for number, body in enumerate(bodies, start=1)
    ]
    events = [_event(capture, boot_id, body) for body in numbered]
    return [(event, _size(event)) for event in events]


def _in_parts(
    capture: Capture, items: Sequence[_Item], most: int, make: Callable[[Sequence[_Item]], CapturePart]
) -> list[CapturePart]:
    found = []
    for first in range(0, len(items), most):
        some = items[first : first + most]
        body = make(some)
        if len(some) > 1 and _size(_event(capture, 0, body)) > _LARGEST:
            found += _in_parts(capture, some, (len(some) + 1) // 2, make)
        else:
            found.append(body)
    return found


def _part(
    capture: Capture,
    boot_id: int,
    *,
    rows: Sequence[tuple[int, Mapping[str, int]]] = (),
    frames: Sequence[Frame] = (),
) -> CapturePart:
    campaign, trigger = capture.plan.campaign, capture.trigger
    return CapturePart(
        campaign=campaign.id, version=campaign.version, capture=_identity(capture, boot_id), part=1, parts=1,
        begin_ms=capture.begin_ms - trigger.at_ms, end_ms=capture.end_ms - trigger.at_ms, fired=dict(capture.fired),
        missed=capture.missed, cut=capture.cut, rows=_rows(capture, rows), frames=_frames(capture, frames),
    )  # fmt: skip


def _rows(capture: Capture, rows: Sequence[tuple[int, Mapping[str, int]]]) -> Rows:
    paths = [path for path in capture.plan.campaign.signals if any(path in values for _, values in rows)]
    return Rows(
        at_ms=[at_ms - capture.trigger.at_ms for at_ms, _ in rows],
        columns={path: [values.get(path) for _, values in rows] for path in paths},
    )


def _frames(capture: Capture, frames: Sequence[Frame]) -> Frames:
    return Frames(
        at_us=[frame.at_us - capture.trigger.at_ms * 1000 for frame in frames],
        ids=[frame.identifier for frame in frames],
        data=[frame.data.hex().upper() for frame in frames],
        sent=[at for at, frame in enumerate(frames) if frame.sent],
    )


def _identity(capture: Capture, boot_id: int) -> str:
    """Names the trigger: equal parts of one capture, different captures, on any device and boot."""
    campaign, trigger = capture.plan.campaign, capture.trigger
    text = f"{campaign.id}/{campaign.version}/{boot_id}/{trigger.monotonic_ms}/{trigger.at_ms}"
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _event(capture: Capture, boot_id: int, body: CapturePart) -> Event:
    trigger = capture.trigger
    return Event(
        kind=EventKind.CAMPAIGN, time_ms=trigger.time_ms, quality=trigger.quality, boot_id=boot_id,
        monotonic_ms=trigger.monotonic_ms, data=msgspec.to_builtins(body),
    )  # fmt: skip


def _size(event: Event) -> int:
    try:
        return len(encode_event(epoch=0, sequence=1, event=event))
    except WireError:
        return MAX_MESSAGE_BYTES + 1
