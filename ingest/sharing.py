"""Whether the broker hands each message of a shared subscription to one of its members: found out by trying.

What the broker grants says nothing: amqtt and NATS grant shared subscriptions and deliver nothing on them.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

from ingest.access import PROBE
from ingest.errors import BrokerLinkError

if TYPE_CHECKING:
    from ingest.link import Link

PROBE_PATIENCE_S = 2.0
"""A broker on the same network delivers within milliseconds (our choice)."""


class Probe:
    """One message to ourselves through a shared subscription that nobody else is in."""

    def __init__(self) -> None:
        self._token = secrets.token_hex(8)
        self._came = asyncio.Event()

    @property
    def topic(self) -> str:
        """The topic that it is sent on."""
        return f"{PROBE}/{self._token}"

    def came(self) -> None:
        """To be called when a message on its topic comes."""
        self._came.set()

    async def delivers(self, link: Link) -> bool:
        """Whether the message arrives.

        Raises:
            BrokerLinkError: the connection ended.
        """
        shared = shared_filter(f"probe-{self._token}", self.topic)
        try:
            await link.subscribe(shared)
            await link.publish(self.topic, b"?")
            async with asyncio.timeout(PROBE_PATIENCE_S):
                await self._came.wait()
            await link.unsubscribe(shared)
        except TimeoutError:
            return False
        except BrokerLinkError:
            if link.closed.done():
                raise
            return False
        return True


def shared_filter(group: str, topic_filter: str) -> str:
    """The filter of a shared subscription (MQTT 5, section 4.8.2); Mosquitto takes it from 3.1.1 clients too."""
    return f"$share/{group}/{topic_filter}"
