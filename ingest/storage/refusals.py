"""The dead letters that messages become when they are to be stored, each with its sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest.validate import Accepted, Dead, NeedsSet
from vehicle.errors import Reason
from vehicle.topics import Kind, topic
from vehicle.wire import Content

if TYPE_CHECKING:
    from datetime import datetime

MAX_DEAD_BYTES = 256 * 1024
"""Of a larger message only the beginning is kept; no broker of ours lets one through."""
MAX_SENTENCE = 1000


def without_set(verdict: NeedsSet) -> Dead:
    """A batch whose signal set never came."""
    sentence = f"signal set {verdict.signal_set_id} was never announced on the device's state topic"
    return Dead(
        device_id=verdict.device_id, topic=verdict.topic, reason=Reason.UNKNOWN_SCHEMA, sentence=sentence,
        payload=verdict.payload, epoch=verdict.epoch, sequence=verdict.sequence,
    )  # fmt: skip


def conflict(verdict: Accepted) -> Dead:
    """A message under an identity that another one has."""
    sentence = f"batch {verdict.sequence} of epoch {verdict.epoch} came again with other content; the first is kept"
    return Dead(
        device_id=verdict.device_id, topic=_topic_of(verdict), reason=Reason.CONFLICT, sentence=sentence,
        payload=verdict.payload, epoch=verdict.epoch, sequence=verdict.sequence,
    )  # fmt: skip


def unreadable(verdict: Accepted) -> Dead:
    """What a device could not read, as it tells it in an event."""
    data = verdict.event.data if verdict.event is not None else {}
    sentence = f"{data.get('source', 'a source')}, {data.get('place', 'somewhere')}: {data.get('reason', 'unreadable')}"
    payload = str(data.get("text", "")).encode()
    topic_text = _topic_of(verdict)
    return Dead(device_id=verdict.device_id, topic=topic_text, reason=Reason.SOURCE, sentence=sentence, payload=payload)


def too_many(dead: Dead, most: int) -> Dead:
    """The last of a minute that is kept: it says that more came."""
    sentence = f"more than {most} dead letters in a minute; the rest of this minute's are counted and not kept"
    return Dead(device_id=dead.device_id, topic=dead.topic, reason=Reason.RATE, sentence=sentence, payload=b"")


def _topic_of(verdict: Accepted) -> str:
    return topic(verdict.device_id, Kind.EVENT if verdict.content is Content.EVENT else Kind.TELEMETRY)


def letter(dead: Dead, now: datetime) -> dict[str, Any]:
    """The row of a dead letter."""
    return {
        "device_id": dead.device_id,
        "topic": dead.topic,
        "reason": str(dead.reason),
        "sentence": dead.sentence.replace("\x00", "\N{REPLACEMENT CHARACTER}")[:MAX_SENTENCE],
        "received_at": now,
        "size": len(dead.payload),
        "payload": dead.payload[:MAX_DEAD_BYTES],
    }
