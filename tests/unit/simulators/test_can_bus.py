"""Control units on a bus in this process: requests, long answers and the tester's flow control."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import can
import pytest

from simulators import can_bus
from simulators.can_bus import EcuOnCan, open_bus
from simulators.ecu import ENGINE_ID, TRANSMISSION_ID, Unit
from simulators.errors import PortError
from vehicle import signals
from vehicle.vin import Vin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

VIN = "LSVAA49J132030021"
UNITS = (
    Unit(answer_id=ENGINE_ID, values={signals.SPEED: 50.0}, vin=Vin.parse(VIN)),
    Unit(answer_id=TRANSMISSION_ID, values={signals.SPEED: 51.0}),
)
WAIT_S = 10.0


class Prober:
    """The other end of the bus."""

    def __init__(self, bus: can.BusABC, reader: can.AsyncBufferedReader) -> None:
        self._bus, self._reader = bus, reader

    def send(self, identifier: int, data: str, **options: bool) -> None:
        message = can.Message(
            arbitration_id=identifier, data=bytes.fromhex(data), **({"is_extended_id": False} | options)
        )
        self._bus.send(message)

    async def hear(self) -> tuple[int, str]:
        message = await asyncio.wait_for(self._reader.get_message(), WAIT_S)
        return message.arbitration_id, bytes(message.data).hex(" ").upper()


@contextlib.asynccontextmanager
async def on_bus(name: str) -> AsyncIterator[tuple[Prober, EcuOnCan]]:
    """A tester and the units on a virtual bus."""
    ecu, bus, reader = EcuOnCan(open_bus(f"virtual:{name}"), lambda: UNITS), open_bus(f"virtual:{name}"), None
    reader = can.AsyncBufferedReader()
    notifier = can.Notifier(bus, [reader], timeout=0.05, loop=asyncio.get_running_loop())
    running = asyncio.create_task(ecu.run())
    try:
        await asyncio.sleep(0)
        yield Prober(bus, reader), ecu
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        notifier.stop(timeout=1.0)
        bus.shutdown()
        ecu.close()


async def test_all_are_asked_and_each_alone() -> None:
    """7DF is answered by both units, 7E1 by the gearbox alone."""
    async with on_bus("asked") as (tester, _):
        tester.send(0x7DF, "02 01 0D")
        heard = {await tester.hear(), await tester.hear()}
        assert heard == {(0x7E8, "03 41 0D 32 AA AA AA AA"), (0x7E9, "03 41 0D 33 AA AA AA AA")}
        tester.send(0x7E1, "02 01 0D")
        assert await tester.hear() == (0x7E9, "03 41 0D 33 AA AA AA AA")


async def test_a_long_answer_waits_for_flow_control() -> None:
    """The VIN takes three frames: the first at once, one for a block of one after a wait, the last after the next."""
    async with on_bus("flow") as (tester, _):
        tester.send(0x7E0, "02 09 02")
        assert await tester.hear() == (0x7E8, "10 14 49 02 01 4C 53 56")
        tester.send(0x7E0, "31 00 00")
        tester.send(0x7E0, "30 01 00")
        assert (await tester.hear())[1].startswith("21 ")
        tester.send(0x7E0, "30 01 00")
        assert (await tester.hear())[1].startswith("22 ")


async def test_a_tester_without_room_ends_the_answer() -> None:
    """After an overflow nothing more of it comes; the next request is answered."""
    async with on_bus("overflow") as (tester, _):
        tester.send(0x7E0, "02 09 02")
        await tester.hear()
        tester.send(0x7E0, "32 00 00")
        tester.send(0x7E0, "02 01 0D")
        assert await tester.hear() == (0x7E8, "03 41 0D 32 AA AA AA AA")


async def test_without_flow_control_the_answer_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the unit goes on to answer."""
    monkeypatch.setattr(can_bus, "FLOW_CONTROL_S", 0.01)
    async with on_bus("dropped") as (tester, ecu):
        tester.send(0x7E0, "02 09 02")
        await tester.hear()
        async with asyncio.timeout(WAIT_S):
            while not all(task.done() for task in ecu._busy.values()):
                await asyncio.sleep(0.01)
        tester.send(0x7E0, "30 00 00")
        tester.send(0x7E0, "02 01 0D")
        assert await tester.hear() == (0x7E8, "03 41 0D 32 AA AA AA AA")


async def test_what_is_no_request_is_passed_over() -> None:
    """Extended identifiers, remote frames, broken lengths and other identifiers get no answer and do no harm."""
    async with on_bus("noise") as (tester, ecu):
        tester.send(0x7DF, "02 01 0D", is_extended_id=True)
        tester.send(0x7DF, "", is_remote_frame=True)
        tester.send(0x7DF, "07 01")
        tester.send(0x123, "02 01 0D")
        tester.send(0x7E1, "02 01 0D")
        assert await tester.hear() == (0x7E9, "03 41 0D 33 AA AA AA AA")
        assert ecu.requests == 1


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("can0", "is not a bus; write it as"),
        ("virtual:", "is not a bus"),
        ("nonsense:can0", "cannot be opened as a CAN bus"),
        ("udp_multicast:239.74.163.2:x", "has the port 'x', which is not a number"),
    ],
)
def test_addresses_that_are_none(address: str, words: str) -> None:
    """Each is refused with its own words."""
    with pytest.raises(PortError, match=words) as caught:
        open_bus(address)
    assert str(caught.value).startswith(address)
