"""The MQTT side of ingest: everything that devices send, into a bounded queue; acknowledgements and commands out."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

import aiomqtt

from ingest.access import SERVICE, service_password
from ingest.ending import is_cancelled
from vehicle.topics import PREFIX, STREAMS, UPLINK, Kind, topic

if TYPE_CHECKING:
    from ingest.settings import IngestSettings

LOG = logging.getLogger(__name__)
MAX_PENDING = 2000
"""Messages that wait for the database (our choice). When so many wait before and in our queue, what comes more is
dropped, which loses nothing: it is not acknowledged, so the devices send it again."""
RETRY_S = (0.2, 5.0)
_QUIET = logging.getLogger("ingest.mqtt")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message as it came, and when."""

    topic: str
    payload: bytes
    received_ms: int
    retained: bool = False


class Subscriber:
    """A connection to the broker that comes back by itself; ``arrivals`` is what came, and None where it was not there.

    The None stands before everything that comes over the next connection: who went meanwhile was not told.
    """

    def __init__(self, settings: IngestSettings) -> None:
        self._settings = settings
        self._client: aiomqtt.Client | None = None
        self._rng = random.Random()  # noqa: S311  jitter, not a secret
        self.arrivals: asyncio.Queue[Arrival | None] = asyncio.Queue(MAX_PENDING)
        self.connected = asyncio.Event()

    async def run(self) -> None:
        """Reads until cancelled; reconnects with jittered back-off, and says once that the broker went."""
        delay_s, told, lost = RETRY_S[0], False, True
        while not is_cancelled():
            if lost:
                await self.arrivals.put(None)
            try:
                await self._read_connected()
            except aiomqtt.MqttError as error:
                if (self.connected.is_set() or not told) and not is_cancelled():
                    LOG.warning("no connection to the broker at %s:%d (%s); trying again", *self._address, error)
                told = True
            finally:
                lost = self.connected.is_set()
                delay_s = RETRY_S[0] if self.connected.is_set() else min(2 * delay_s, RETRY_S[1])
                self.connected.clear()
                self._client = None
            await asyncio.sleep(delay_s * self._rng.uniform(0.5, 1.5))

    @property
    def _address(self) -> tuple[str, int]:
        return self._settings.broker_host, self._settings.broker_port

    async def _read_connected(self) -> None:
        _QUIET.setLevel(logging.ERROR)
        host, port = self._address
        client = aiomqtt.Client(
            host, port, username=SERVICE, password=service_password(self._settings.data_dir),
            identifier=f"{SERVICE}-{uuid4().hex[:8]}", logger=_QUIET, timeout=10,
            max_queued_incoming_messages=MAX_PENDING,
        )  # fmt: skip
        client.pending_calls_threshold = MAX_PENDING
        async with client:
            self._client = client
            for kind in UPLINK:
                await client.subscribe(f"{PREFIX}/+/{kind}", qos=1)
            LOG.info("listening to devices at %s:%d", host, port)
            self.connected.set()
            async for message in client.messages:
                now_ms = time.time_ns() // 1_000_000
                arrival = Arrival(str(message.topic), _bytes(message.payload), now_ms, retained=bool(message.retain))
                await self.arrivals.put(arrival)

    async def send(self, device: str, kind: Kind, payload: bytes) -> bool:
        """Publishes to a device; False where there is no connection now, in which case the device will ask again."""
        client = self._client
        if client is None:
            return False
        try:
            await client.publish(topic(device, kind), payload, qos=1, retain=STREAMS[kind].retained, timeout=10)
        except aiomqtt.MqttError:
            return False
        return True


def _bytes(payload: object) -> bytes:
    return bytes(payload) if isinstance(payload, (bytes, bytearray)) else str(payload).encode()
