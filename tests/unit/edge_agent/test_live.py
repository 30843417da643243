"""The live source over a link that is told what to say."""

from __future__ import annotations

import asyncio

from edge_agent.buses.base import OpenRequest
from edge_agent.live import LiveSource
from vehicle.obd import supported_bitmap
from vehicle.signals import SPEED

ECU = "7E8"
DEAF = (0x03, 0x04, 0x05, 0x06, 0x07, 0x0A, 0x0B, 0x0C)


class OneAtATime:
    """A car that takes one parameter a request, and names eight that it never gives before the one that it does."""

    physical = False
    traffic_s = None

    def __init__(self) -> None:
        self.asked: list[bytes] = []

    async def exchange(self, request: bytes, ecu: str = "") -> list[tuple[str, bytes]]:
        del ecu
        self.asked.append(request)
        known = {
            b"\x01\x00": b"\x41\x00" + supported_bitmap(0, (*DEAF, 0x0D)),
            b"\x01\x0d": b"\x41\x0d\x32",
            b"\x03": b"\x43\x00",
        }
        return [(ECU, known[request])] if request in known else []

    def hear_all(self, wanted: bool) -> None:
        """There is nobody else."""

    async def woken(self, patience_s: float) -> bool:
        """Nothing tells that it wakes."""
        await asyncio.sleep(patience_s)
        return False

    async def close(self) -> None:
        """Nothing is open."""


async def test_parameters_that_stay_silent_are_no_sleeping_car(health, collect) -> None:
    """The car is asked what every car answers before it is taken to sleep; the speed comes, on the same connection."""
    link = OneAtATime()

    async def connect() -> OneAtATime:
        return link

    request = OpenRequest(uri="told:", path="", query={}, collect=collect, health=health)
    source = LiveSource(request, connect)
    async with asyncio.timeout(20):
        async for row in source.rows(skip=0, start_ms=None):
            if SPEED in row.values:
                break
    assert health.counts["reopened"] == 0
    assert len([one for one in link.asked if len(one) > 2]) <= 3
