"""Many devices in one process of their own, to put load on ingest: they send as told, keep what is not acknowledged.

Told what it is by one line of JSON on its input, and then a step a line, it answers each with a line. A device of it
does what the protocol asks for (docs/protocol.md): birth with its signal set, QoS 1, a window, sending again, deleting
only what is acknowledged. The packets of a phase are made before it begins, so that it takes little from the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import sys
import time
import zlib
from collections import deque
from typing import TYPE_CHECKING

import msgspec

from ingest.errors import BrokerLinkError
from ingest.link import connected
from ingest.packets import publish
from vehicle.messages import Ack, State, decode, encode
from vehicle.topics import Kind, topic
from vehicle.wire import Lane

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.link import Link
    from ingest.packets import Message

TICK_S = 0.01
RESEND_S = 10.0
MOST_PREPARED = 200_000
"""Packets made before a phase; more are made as they are sent (our choice, some 80 MB)."""
EPOCH = 1
_MOST_IDS = 0xFFFF
_IDENTITY, _SEQUENCE_AT, _LANE_AT, _HEADER, _CRC_END = struct.Struct(">Q"), 13, 4, 25, 29


class Account(msgspec.Struct, frozen=True):
    """How one device signs in."""

    id: str
    password: str


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Who the devices are, and what they send.

    ``backlog`` is how many batches each device has waiting from the start; they go in what the window leaves, at most
    ``backlog_share`` of it.
    """

    host: str
    port: int
    devices: list[Account]
    batches: list[bytes]
    signal_sets: dict[str, list[list[str | int]]]
    window: int = 64
    backlog: int = 0
    backlog_share: float = 0.5
    drain_s: float = 60.0


class Step(msgspec.Struct, frozen=True):
    """What to do next: batches a second of all devices together, for so many seconds."""

    rate: float
    seconds: float


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a phase; ``waits_s`` are seconds from sending a live batch first to its acknowledgement, sorted."""

    rate: float
    seconds: float
    sent: int
    held_back: int
    acknowledged: int
    resent: int
    cpu_s: float
    waits_s: list[float]
    backlog_left: int
    drain_s: float


def numbered(batch: bytes, sequence: int, lane: int) -> bytes:
    """The message with another sequence and lane; its checksum follows."""
    head = bytearray(batch[:_HEADER])
    head[_LANE_AT] = lane
    _IDENTITY.pack_into(head, _SEQUENCE_AT, sequence)
    body = batch[_CRC_END:]
    return bytes(head) + zlib.crc32(body, zlib.crc32(head)).to_bytes(4, "big") + body


class Device:
    """One device: its connection, and what it still has."""

    def __init__(self, account: Account, order: Order, number: int) -> None:
        self._account, self._order, self._number = account, order, number
        self.link: Link | None = None
        self.backlog = deque(range(1, order.backlog + 1))
        self._old_under_way = 0
        self._next = order.backlog + 1
        self.under_way: dict[int, tuple[float, float]] = {}
        self.waits_s: list[float] = []
        self.acknowledged = self.resent = 0
        self.settled = asyncio.Event()
        self._packets: dict[int, bytes] = {}

    def prepare(self, count: int) -> None:
        """Makes the packets of the next ``count`` live batches."""
        self._packets = {sequence: self._packet(sequence) for sequence in range(self._next, self._next + count)}

    async def run(self) -> None:
        """Stays connected until cancelled."""
        where = (self._order.host, self._order.port)
        sign_in = (self._account.id, self._account.id, self._account.password)
        while True:
            with contextlib.suppress(BrokerLinkError):
                async with connected(where, sign_in, self._heard) as link:
                    await link.subscribe(topic(self._account.id, Kind.ACK))
                    state = State(status="online", epoch=EPOCH, first=1, boot_id=1, signal_sets=self._order.signal_sets)
                    await link.publish(topic(self._account.id, Kind.STATE), encode(state))
                    self.link = link
                    await link.stay()
            self.link = None
            self.settled.clear()
            await asyncio.sleep(0.5)

    def _heard(self, messages: Sequence[Message]) -> None:
        self.settled.set()
        now_s = time.monotonic()
        for one in messages:
            ack = decode(Ack, one.payload)
            done = [sequence for sequence in self.under_way if _is_held(sequence, ack)]
            for sequence in done:
                begun_s, _ = self.under_way.pop(sequence)
                self.acknowledged += 1
                if sequence > self._order.backlog:
                    self.waits_s.append(now_s - begun_s)
                else:
                    self._old_under_way -= 1
        self._send_old()

    def _send_old(self) -> None:
        most = int(self._order.window * self._order.backlog_share)
        while self.backlog and self._old_under_way < most and len(self.under_way) < self._order.window:
            self._old_under_way += 1
            self._send(self.backlog.popleft())

    def offer(self) -> bool:
        """Sends one more live batch; False where the window or the connection takes none."""
        if self.link is None or not self.settled.is_set() or len(self.under_way) >= self._order.window:
            return False
        self._send(self._next)
        self._next += 1
        return True

    def go(self) -> None:
        """Sends what waits from before, and again what was not acknowledged in time."""
        now_s = time.monotonic()
        for sequence, (_, sent_s) in list(self.under_way.items()):
            if now_s - sent_s > RESEND_S and self.link is not None:
                self.resent += 1
                self._send(sequence)
        if self.settled.is_set():
            self._send_old()

    def _send(self, sequence: int) -> None:
        now_s = time.monotonic()
        begun_s = self.under_way.get(sequence, (now_s, now_s))[0]
        self.under_way[sequence] = (begun_s, now_s)
        if self.link is not None:
            self.link.write(self._packets.pop(sequence, b"") or self._packet(sequence))

    def _packet(self, sequence: int) -> bytes:
        lane = Lane.BACKLOG if sequence <= self._order.backlog else Lane.LIVE
        batch = self._order.batches[(sequence + self._number) % len(self._order.batches)]
        return publish(
            sequence % _MOST_IDS + 1, topic(self._account.id, Kind.TELEMETRY), numbered(batch, sequence, lane)
        )


def _is_held(sequence: int, ack: Ack) -> bool:
    return sequence <= ack.upto or any(first <= sequence <= last for first, last in ack.ranges)


class Load:
    """All devices."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._devices = [Device(account, order, number) for number, account in enumerate(order.devices)]
        self._turn = 0

    async def run(self) -> None:
        """Connects, and then does what each line of the input says and answers with a line, until the input ends."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(device.run()) for device in self._devices]
            for device in self._devices:
                await device.settled.wait()
            _say(b"ready")
            while line := await asyncio.to_thread(sys.stdin.buffer.readline):
                step = msgspec.json.decode(line, type=Step)
                _say(msgspec.json.encode(await self._phase(step.rate, step.seconds)))
            for task in tasks:
                task.cancel()

    async def _phase(self, rate: float, seconds: float) -> Phase:
        for device in self._devices:
            device.waits_s, device.acknowledged, device.resent = [], 0, 0
            device.prepare(min(MOST_PREPARED, int(rate * seconds)) // len(self._devices) + 1)
        begun_s, cpu_s, sent, held_back = time.monotonic(), time.process_time(), 0, 0
        drained_s = 0.0
        looked_s = begun_s
        while (now_s := time.monotonic()) < begun_s + seconds:
            due = int((now_s - begun_s) * rate) - sent - held_back
            for _ in range(due):
                self._turn = (self._turn + 1) % len(self._devices)
                offered = self._devices[self._turn].offer()
                sent, held_back = sent + offered, held_back + (not offered)
            if now_s - looked_s > 1.0:
                looked_s = now_s
                for device in self._devices:
                    device.go()
            if not drained_s and self._old() == 0:
                drained_s = now_s - begun_s
                if self._order.backlog:
                    break
            await asyncio.sleep(TICK_S)
        whole_s = time.monotonic() - begun_s
        acknowledged = sum(device.acknowledged for device in self._devices)
        await self._drain()
        return Phase(
            rate=rate, seconds=whole_s, sent=sent, held_back=held_back, acknowledged=acknowledged,
            resent=sum(device.resent for device in self._devices), cpu_s=time.process_time() - cpu_s,
            waits_s=sorted(wait for device in self._devices for wait in device.waits_s),
            backlog_left=self._old(), drain_s=drained_s,
        )  # fmt: skip

    def _old(self) -> int:
        return sum(len(device.backlog) + device._old_under_way for device in self._devices)  # noqa: SLF001  same module

    async def _drain(self) -> None:
        end_s = time.monotonic() + self._order.drain_s
        while any(device.under_way for device in self._devices) and time.monotonic() < end_s:
            for device in self._devices:
                device.go()
            await asyncio.sleep(0.2)


def _say(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    asyncio.run(Load(msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)).run())
