"""Who may do what at the broker: a device its own topics, the server everything of ours. Pure but for the passwords."""

from __future__ import annotations

import contextlib
import os
import secrets
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from ingest.importing import FILTERS, place_of
from vehicle.errors import TopicError
from vehicle.topics import PREFIX, STREAMS, Kind, parse_topic

if TYPE_CHECKING:
    from pathlib import Path

SERVICE = "roadworthy-service"
"""User name of the server's own clients; no device id looks like it, since ids are hexadecimal."""
PROBE = "roadworthy/service/probe"
"""Topics below it are the server's own, to find out whether a broker delivers shared subscriptions."""
SERVICE_FILE = "service-credential"


def may_publish(user: str, topic: str) -> bool:
    """Whether ``user`` may publish on ``topic``: a device on its own uplink, the server on downlinks.

    On the topics of foreign devices each may publish below its own id, and the server nothing: some of these topics
    are orders to the device, such as frames to send into the car.
    """
    foreign = place_of(topic)
    if foreign is not None:
        return foreign.device_id == user
    try:
        device, kind = parse_topic(topic)
    except TopicError:
        return False
    if user == SERVICE:
        return not STREAMS[kind].from_device
    return device == user and STREAMS[kind].from_device


def may_subscribe(user: str, topic_filter: str) -> bool:
    """Whether ``user`` may subscribe: a device to its own downlinks one by one, the server to any uplink of ours."""
    if user == SERVICE:
        return topic_filter in {*FILTERS, *(f"{PREFIX}/+/{kind}" for kind in Kind if STREAMS[kind].from_device)}
    try:
        device, kind = parse_topic(topic_filter)
    except TopicError:
        return False
    return device == user and not STREAMS[kind].from_device


def may_receive(user: str, topic: str) -> bool:
    """Whether a message on ``topic`` may be handed to ``user``; the last gate before delivery."""
    if place_of(topic) is not None:
        return user == SERVICE
    try:
        device, kind = parse_topic(topic)
    except TopicError:
        return False
    return STREAMS[kind].from_device if user == SERVICE else (device == user and not STREAMS[kind].from_device)


def service_password(data_dir: Path) -> str:
    """The password of the server's own clients, made at the first start and kept readable by its owner only.

    Broker and ingest may start in the same moment: the file is there with its password or not at all, and of two that
    make one, the first counts for both.
    """
    path = data_dir / SERVICE_FILE
    data_dir.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        with NamedTemporaryFile("w", dir=data_dir, prefix=f".{SERVICE_FILE}-", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32))
            file.flush()
            with contextlib.suppress(FileExistsError):
                os.link(file.name, path)
    return path.read_text(encoding="ascii").strip()
