"""The MQTT side of ingest: everything that devices send, kept until it is taken; acknowledgements and commands out."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec

from ingest.access import PROBE, SERVICE, service_password
from ingest.ending import is_cancelled
from ingest.errors import BrokerLinkError
from ingest.importing import FILTERS
from ingest.link import connected
from ingest.sharing import Probe, shared_filter
from ingest.waiting import Waiting, is_backlog
from vehicle.topics import PREFIX, STREAMS, UPLINK, Kind, topic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.lease import Lease
    from ingest.link import Link
    from ingest.packets import Message
    from ingest.settings import IngestSettings

LOG = logging.getLogger(__name__)
RETRY_S = (0.2, 5.0)
SHARED = (Kind.TELEMETRY, Kind.EVENT)
"""What any worker may take; the other streams are for the one that holds the lease, as their order counts."""


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """A message as it came, and when."""

    topic: str
    payload: bytes
    received_ms: int
    retained: bool = False


class Subscriber:
    """A connection to the broker that comes back by itself; what came is taken from it in order, the backlog last.

    A None stands before everything that comes over the next connection: who went meanwhile was not told. With a
    ``group`` in the settings each message comes to one of its workers, where the broker can do that; where it cannot,
    one worker listens and the others wait until it ends.
    """

    def __init__(self, settings: IngestSettings, lease: Lease) -> None:
        self._settings, self._lease = settings, lease
        self._link: Link | None = None
        self._rng = random.Random()  # noqa: S311  jitter, not a secret
        self._pending: Waiting[Arrival | None] = Waiting()
        self._some = asyncio.Event()
        self._probe: Probe | None = None
        self.connected = asyncio.Event()

    async def take(self, most: int) -> list[Arrival | None]:
        """What came, at most so many, the backlog behind the rest; waits until there is something."""
        await self.some()
        found = self._pending.take(most)
        if not len(self._pending):
            self._some.clear()
        if self._link is not None and self._pending.has_room:
            self._link.resume()
        return found

    async def some(self) -> None:
        """Waits until something has come."""
        await self._some.wait()

    @property
    def pending(self) -> int:
        """How many messages wait to be taken."""
        return len(self._pending)

    async def run(self) -> None:
        """Reads until cancelled; reconnects with jittered back-off, and says once that the broker went."""
        delay_s, told, lost = RETRY_S[0], False, True
        while not is_cancelled():
            if lost and self._keeps_presence:
                self._put(None)
            try:
                await self._read_connected()
            except* BrokerLinkError as group:
                if (self.connected.is_set() or not told) and not is_cancelled():
                    why = group.exceptions[0]
                    LOG.warning("no connection to the broker at %s:%d (%s); trying again", *self._address, why)
                told = True
            finally:
                lost = self.connected.is_set()
                delay_s = RETRY_S[0] if self.connected.is_set() else min(2 * delay_s, RETRY_S[1])
                self.connected.clear()
                self._link = None
            await asyncio.sleep(delay_s * self._rng.uniform(0.5, 1.5))

    @property
    def _keeps_presence(self) -> bool:
        return not self._settings.shared_group or self._lease.held.is_set()

    @property
    def _address(self) -> tuple[str, int]:
        return self._settings.broker_host, self._settings.broker_port

    async def _read_connected(self) -> None:
        sign_in = (f"{SERVICE}-{uuid4().hex[:8]}", SERVICE, service_password(self._settings.data_dir))
        async with connected(self._address, sign_in, self._receive) as link, asyncio.TaskGroup() as group:
            staying = group.create_task(link.stay(), name="ingest.link")
            self._link = link
            await self._listen(link)
            LOG.info("listening to devices at %s:%d", *self._address)
            self.connected.set()
            if self._settings.shared_group:
                group.create_task(self._follow_lease(link), name="ingest.leading")
            await staying

    async def _listen(self, link: Link) -> None:
        group = self._settings.shared_group
        if not group:
            for text in (*map(_filter, UPLINK), *FILTERS):
                await link.subscribe(text)
        elif await self._shares(link):
            for kind in SHARED:
                await link.subscribe(shared_filter(group, _filter(kind)))
        else:
            LOG.warning(
                "the broker delivers no shared subscriptions (one of ours needs the rules of `roadworthy broker "
                "--export mosquitto`): one worker listens, the others of group %s wait until it ends", group,
            )  # fmt: skip
            await self._lease.held.wait()
            for kind in SHARED:
                await link.subscribe(_filter(kind))

    async def _shares(self, link: Link) -> bool:
        self._probe = Probe()
        try:
            found = await self._probe.delivers(link)
        finally:
            self._probe = None
        if found:
            LOG.info("the broker shares messages among the workers of group %s", self._settings.shared_group)
        return found

    async def _follow_lease(self, link: Link) -> None:
        others = [*(_filter(kind) for kind in UPLINK if kind not in SHARED), *FILTERS]
        while not is_cancelled():
            await self._lease.held.wait()
            self._put(None)
            for text in others:
                await link.subscribe(text)
            await self._lease.lost.wait()
            for text in others:
                await link.unsubscribe(text)

    def _receive(self, messages: Sequence[Message]) -> None:
        now_ms = time.time_ns() // 1_000_000
        for one in messages:
            if self._probe is not None and one.topic.startswith(PROBE):
                self._probe.came()
            else:
                self._put(Arrival(one.topic, one.payload, now_ms, one.retained))
        if self._link is not None and self._pending.is_full:
            self._link.pause()

    def _put(self, arrival: Arrival | None) -> None:
        payload = b"" if arrival is None else arrival.payload
        self._pending.put(arrival, len(payload), backlog=is_backlog(payload))
        self._some.set()

    async def send(self, device: str, kind: Kind, payload: bytes) -> bool:
        """Publishes to a device; False where there is no connection now, in which case the device will ask again.

        Whether the broker has an acknowledgement is not waited for: a device that misses one sends again.
        """
        link = self._link
        if link is None:
            return False
        try:
            if kind == Kind.ACK:
                await link.publish(topic(device, kind), payload, confirmed=False)
            else:
                await link.publish(topic(device, kind), payload, retained=STREAMS[kind].retained)
        except BrokerLinkError:
            return False
        return True


def _filter(kind: Kind) -> str:
    return f"{PREFIX}/+/{kind}"
