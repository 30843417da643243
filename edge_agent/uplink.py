"""From the spool to the server: three lanes, a window, and sending again until the server says it is stored."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import ssl
import time
from typing import TYPE_CHECKING

import aiomqtt

from edge_agent.window import Window
from vehicle.campaign import Config, read_config
from vehicle.errors import MessageError, TopicError
from vehicle.messages import Ack, Command, State, decode, encode
from vehicle.topics import DOWNLINK, Kind, parse_topic, topic
from vehicle.wire import Lane

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from edge_agent.clock import Clock
    from edge_agent.health import Health
    from edge_agent.settings import AgentSettings, Broker
    from edge_agent.spool import Record
    from edge_agent.store import Store
    from edge_agent.switch import Switch
    from vehicle.campaign import Refused
    from vehicle.messages import Reply

LOG = logging.getLogger(__name__)
RETRY_S = (0.2, 5.0)
FIRST_ACK_S = 5.0
IDLE_S = 1.0
LONGEST_PAUSE_S = 300.0
"""A server that asks for patience gets so much at most, in case what it asked was damaged (our choice)."""
MQTT_TIMEOUT_S = 10.0
KEEPALIVE_S = 30
GOODBYE_S = 2.0
"""An agent that is told to end waits so long for the broker to take its last word (our choice)."""
_GONE = encode(State(status="offline"))
VERSION = "0.1.0"


class Uplink:
    """The connection to the broker; comes back for ever, and loses nothing that is in the spool."""

    def __init__(self, settings: AgentSettings, store: Store, clock: Clock, health: Health) -> None:
        self._settings, self._store, self._clock, self._health = settings, store, clock, health
        self._window = Window(settings.limits.window)
        self._rng = random.Random()  # noqa: S311  jitter, not a secret
        self._wake = asyncio.Event()
        self._first_ack = asyncio.Event()
        self._server_ahead_ms: int | None = None
        self._paused_until_s = 0.0
        self.connected = asyncio.Event()
        self.on_config: Callable[[Config], Awaitable[bool]] | None = None
        self._listen_only: Callable[[], bool] = lambda: settings.listen_only
        self._said_listen_only = False
        self._turned = asyncio.Event()
        self.told: Callable[[], tuple[int, list[Refused]]] = lambda: (0, [])
        self.on_command: Callable[[Command, Callable[[Reply], Awaitable[None]]], Awaitable[None]] | None = None

    def wake(self) -> None:
        """Says that there is something to send."""
        self._wake.set()

    def follow(self, switch: Switch) -> None:
        """Says whether the device listens only as ``switch`` does, at once when that changes."""
        self._listen_only, switch.turned = lambda: switch.listen_only, self._turned.set

    @property
    def is_anchored(self) -> bool:
        """Whether the server has told its time since this agent started."""
        return self._server_ahead_ms is not None

    def server_now_ms(self) -> int:
        """The server's time, as far as an acknowledgement has told it; else what this machine believes."""
        now = self._clock.now()
        return now.believed_ms if self._server_ahead_ms is None else now.monotonic_ms + self._server_ahead_ms

    async def run(self) -> None:
        """Sends until cancelled; says once that the broker went and once that it is back."""
        delay_s, said = RETRY_S[0], False
        while not _cancelled():
            try:
                await self._run_connected()
            except* aiomqtt.MqttError as group:
                if self.connected.is_set():
                    delay_s, said = RETRY_S[0], False
                if not (said or _cancelled()):
                    host, port = self._settings.broker.host, self._settings.broker.port
                    LOG.warning("no connection to %s:%d (%s); trying again", host, port, group.exceptions[0])
                said = True
            self.connected.clear()
            await self._store.end_sending()
            await asyncio.sleep(delay_s * self._rng.uniform(0.5, 1.5))
            delay_s = min(2 * delay_s, RETRY_S[1])

    async def _run_connected(self) -> None:
        device = self._settings.device
        will = aiomqtt.Will(topic(device, Kind.STATE), _GONE, qos=1, retain=True)
        quiet = logging.getLogger("edge_agent.mqtt")
        quiet.setLevel(logging.ERROR)
        client = aiomqtt.Client(
            self._settings.broker.host, self._settings.broker.port, username=device, password=self._settings.password,
            identifier=device, will=will, keepalive=KEEPALIVE_S, timeout=MQTT_TIMEOUT_S, logger=quiet,
            tls_context=_encryption(self._settings.broker),
        )  # fmt: skip
        client.pending_calls_threshold = 10_000
        async with client:
            try:
                await self._converse(client)
            finally:
                if _cancelled():
                    await self._say_goodbye(client)

    async def _converse(self, client: aiomqtt.Client) -> None:
        async with asyncio.TaskGroup() as group:
            for kind in DOWNLINK:
                await client.subscribe(topic(self._settings.device, kind), qos=1)
            self._first_ack.clear()
            self._window.forget()
            await self._store.begin_sending()
            await self._announce(client)
            LOG.info("connected to %s:%d", self._settings.broker.host, self._settings.broker.port)
            self.connected.set()
            listening = group.create_task(self._listen(client, group), name="uplink.listen")
            group.create_task(self._send_all(client), name="uplink.send")
            group.create_task(self._tell_of_switch(client), name="uplink.switch")
            # Waited for in here: a task that fails after this block has ended leaves a cancellation behind that nobody
            # asked for (CPython before 3.13), and with it `run` would take a lost connection for its own end.
            await listening

    async def _say_goodbye(self, client: aiomqtt.Client) -> None:
        """Says what the will would say: of a client that leaves in order the broker forgets it.

        It waits no longer where the broker goes in the same moment, as all do when a machine is shut down.
        """
        try:
            async with asyncio.timeout(GOODBYE_S), asyncio.TaskGroup() as group:
                losing = group.create_task(_until_lost(client), name="uplink.goodbye")
                await client.publish(topic(self._settings.device, Kind.STATE), _GONE, qos=1, retain=True)
                losing.cancel()
        except* (aiomqtt.MqttError, TimeoutError) as group_of:
            LOG.info("ended without the broker's word that it knows: %s", group_of.exceptions[0])

    async def _announce(self, client: aiomqtt.Client) -> None:
        first, last, _ = await self._store.bounds()
        now = self._clock.now()
        config_version, refused = self.told()
        self._said_listen_only = self._listen_only()
        state = State(
            status="online", epoch=self._store.epoch, first=first, last=last, boot_id=self._clock.boot_id,
            monotonic_ms=now.monotonic_ms, believed_ms=now.believed_ms, quality=str(self._clock.quality),
            agent_version=VERSION, listen_only=self._said_listen_only, signal_sets=await self._store.sets(),
            config_version=config_version, refused=refused,
        )  # fmt: skip
        await client.publish(topic(self._settings.device, Kind.STATE), encode(state), qos=1, retain=True)

    async def _listen(self, client: aiomqtt.Client, group: asyncio.TaskGroup) -> None:
        async for message in client.messages:
            payload = bytes(message.payload)
            try:
                _, kind = parse_topic(str(message.topic))
                if kind is Kind.ACK:
                    await self._take_ack(client, decode(Ack, payload))
                elif kind is Kind.CONFIG and payload:
                    await self._take_config(client, read_config(payload))
                elif kind is Kind.COMMAND:
                    group.create_task(self._carry_out(client, decode(Command, payload)), name="uplink.command")
            except (MessageError, TopicError) as error:
                LOG.warning("the server sent something unreadable: %s", error)

    async def _take_ack(self, client: aiomqtt.Client, ack: Ack) -> None:
        if ack.server_time_ms:
            self._server_ahead_ms = ack.server_time_ms - self._clock.now().monotonic_ms
        if ack.epoch != self._store.epoch:
            return
        gone = await self._store.acknowledge(ack)
        rejected = [one.sequence for one in ack.rejected]
        self._health.add("acknowledged", gone)
        self._health.add("rejected", len(rejected))
        self._window.acknowledged(ack.upto, ack.ranges, rejected)
        self._window.size = max(1, min(ack.window, self._settings.limits.window))
        self._paused_until_s = time.monotonic() + min(max(0.0, ack.retry_after_s), LONGEST_PAUSE_S)
        if ack.need_sets:
            await self._announce(client)
            self._window.forget()
        self._first_ack.set()
        self._wake.set()

    async def _take_config(self, client: aiomqtt.Client, config: Config) -> None:
        if self.on_config is None:
            return
        try:
            if await self.on_config(config):
                await self._announce(client)
        except OSError as error:
            LOG.warning("what to collect cannot be kept (%s); the server will tell it again", error)

    async def _send_all(self, client: aiomqtt.Client) -> None:
        try:
            async with asyncio.timeout(FIRST_ACK_S):
                await self._first_ack.wait()
        except TimeoutError:
            LOG.info("the server has not answered yet; sending all the same")
        while not _cancelled():
            self._wake.clear()
            self._health.add("resent", self._window.give_up(time.monotonic()))
            if self._store.take_new_sets():
                await self._announce(client)
            pause_s = self._paused_until_s - time.monotonic()
            if pause_s > 0:
                await asyncio.sleep(pause_s)
            for record in await self._store.waiting(but=self._window.under_way.keys(), limit=self._window.room()):
                if record.lane is Lane.BACKLOG and not self._window.takes_backlog():
                    break  # events and live batches come first of what waits
                await self._send(client, record)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(IDLE_S):
                    await self._wake.wait()

    async def _tell_of_switch(self, client: aiomqtt.Client) -> None:
        """Apart from what is sent: that waits while the server asks for patience, and this is a word of safety."""
        while not _cancelled():
            await self._turned.wait()
            self._turned.clear()
            if self._said_listen_only != self._listen_only():
                await self._announce(client)

    async def _send(self, client: aiomqtt.Client, record: Record) -> None:
        kind = Kind.EVENT if record.is_event else Kind.TELEMETRY
        backlog = record.lane is Lane.BACKLOG
        self._window.sent(record.sequence, time.monotonic(), self._rng, backlog=backlog)
        await client.publish(topic(self._settings.device, kind), record.payload, qos=1)

    async def _carry_out(self, client: aiomqtt.Client, command: Command) -> None:
        async def reply(answer: Reply) -> None:
            await client.publish(topic(self._settings.device, Kind.REPLY), encode(answer), qos=1)

        if self.on_command is not None:
            await self.on_command(command, reply)


async def _until_lost(client: aiomqtt.Client) -> None:
    """Passes over what still comes, until the connection is lost.

    Raises:
        MqttError: it is.
    """
    async for _ in client.messages:
        pass


def _cancelled() -> bool:
    """Whether the end was asked for: an error while a connection closes may have taken the cancellation's place."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _encryption(broker: Broker) -> ssl.SSLContext | None:
    """Proves the server's name and certificate; None for a connection in the clear."""
    return ssl.create_default_context(cafile=broker.ca or None) if broker.tls else None
