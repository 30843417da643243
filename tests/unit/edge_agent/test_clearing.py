"""Clearing codes: off by default; only for a car that stands, with names and consent; otherwise not a byte of it."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from edge_agent.buses.base import open_source
from edge_agent.errors import ForbiddenRequestError, NoAnswerError
from edge_agent.health import Health
from edge_agent.protocols.gate import CLEARS, Gate
from edge_agent.protocols.isotp import FUNCTIONAL, segment
from edge_agent.settings import Collect
from simulators.can_bus import EcuOnCan, open_bus
from simulators.ecu import Unit
from simulators.elm327 import Elm327
from vehicle.dtc import Dtc, DtcState
from vehicle.signals import ENGINE_SPEED, SPEED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.bus_traffic import Traffic

pytestmark = pytest.mark.shortened_times
STANDING = {SPEED: 0.0, ENGINE_SPEED: 0.0}
NAMED = {"advisor": "ann", "consent": "2026-11-24T08:00:00+00:00"}
A_WRITE = {"something else than a read in a single frame"}


class Car:
    """A car that remembers whether its codes were cleared."""

    def __init__(self, values: dict[str, float], *, on_uds: bool = False, can_clear: bool = True) -> None:
        self.values, self.on_uds, self.can_clear, self.cleared = values, on_uds, can_clear, 0

    def clear(self) -> None:
        self.cleared += 1

    def units(self) -> tuple[Unit, ...]:
        codes = {DtcState.STORED: () if self.cleared else (Dtc("P0420"),), DtcState.PERMANENT: (Dtc("P0420"),)}
        clear = self.clear if self.can_clear else None
        return (Unit(values=self.values, codes=codes, on_uds=self.on_uds, clear=clear),)


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_agent.live.ASLEEP_S", (0.05, 0.1))
    monkeypatch.setattr("edge_agent.live.LISTEN_S", 0.05)


@contextlib.asynccontextmanager
async def on_can(car: Car, *, may_clear: bool = True) -> AsyncIterator[Any]:
    """The car's source, read until the car is known."""
    bus = f"virtual:{uuid.uuid4().hex}"
    ecu = EcuOnCan(open_bus(bus), car.units)
    serving = asyncio.create_task(ecu.run())
    async with _reading(f"can:{bus}", may_clear=may_clear) as source:
        yield source
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving
    ecu.close()


@contextlib.asynccontextmanager
async def at_an_adapter(car: Car, scheme: str) -> AsyncIterator[Any]:
    elm, ready = Elm327(car.units), asyncio.Event()
    serving = asyncio.create_task(elm.run("127.0.0.1", 0, ready))
    await ready.wait()
    async with _reading(f"{scheme}:socket://127.0.0.1:{elm.port}", may_clear=True) as source:
        yield source
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving


@contextlib.asynccontextmanager
async def _reading(uri: str, *, may_clear: bool) -> AsyncIterator[Any]:
    source = open_source(uri, collect=Collect(period_ms=100), health=Health(), may_clear=may_clear)
    stream = source.rows(skip=0, start_ms=None)
    async with asyncio.timeout(40):
        while SPEED not in (await anext(stream)).values:
            pass
    yield source
    await stream.aclose()
    await source.close()


@pytest.mark.parametrize("on_uds", [False, True])
async def test_codes_are_cleared_once(bus_traffic: Traffic, *, on_uds: bool) -> None:
    """All conditions hold: what was there is read before, what is left afterwards; the gate is shut again."""
    car, said = Car(STANDING, on_uds=on_uds), []
    async with on_can(car) as source:
        found = await source.ask("clear_dtcs", said.append, NAMED)
    assert found["cleared"] == ["7E8"]
    assert {one["state"] for one in found["before"]} == {"stored", "permanent"}
    assert [one["state"] for one in found["codes"]] == ["permanent"]
    assert car.cleared == 1
    assert bus_traffic.breaches(times=False) == A_WRITE
    writes = [one for log in bus_traffic.frames.values() for one in log if one.asked and one.data[1] in {0x04, 0x14}]
    assert len(writes) == 1
    bus_traffic.frames.clear()


@pytest.mark.parametrize("scheme", ["elm327", "obd"])
async def test_through_an_adapter(scheme: str, bus_traffic: Traffic) -> None:
    """The same by an ELM327, by our driver and by python-OBD's: the one write is taken out, the rest is judged."""
    car, said = Car(STANDING), []
    async with at_an_adapter(car, scheme) as source:
        assert (await source.ask("clear_dtcs", said.append, NAMED))["cleared"] == ["7E8"]
    assert car.cleared == 1
    writes = [one for one in bus_traffic.behind_adapters if one.asked and one.data[1] in {0x04, 0x14}]
    assert len(writes) == 1
    bus_traffic.behind_adapters.remove(writes[0])


@pytest.mark.parametrize(
    ("values", "arguments", "says"),
    [
        ({SPEED: 3.0, ENGINE_SPEED: 0.0}, NAMED, "moves"),
        ({SPEED: 0.0, ENGINE_SPEED: 750.0}, NAMED, "engine runs"),
        ({SPEED: 0.0}, NAMED, "does not tell"),
        (STANDING, {"consent": "2026-11-24"}, "no advisor"),
        (STANDING, {"advisor": "ann"}, "consent"),
        (STANDING, {"advisor": ["ann"], "consent": True}, "no advisor"),
    ],
)
async def test_what_is_refused(values: dict[str, float], arguments: dict[str, Any], says: str) -> None:
    """A car that is driven, or that does not tell; nobody named; no consent. Nothing is sent but reads."""
    car = Car(values)
    async with on_can(car) as source:
        with pytest.raises(ForbiddenRequestError, match=says):
            await source.ask("clear_dtcs", lambda _: None, arguments)
    assert car.cleared == 0


async def test_it_is_off_by_default() -> None:
    """Without a line in the device's own configuration no consent helps."""
    car = Car(STANDING)
    async with on_can(car, may_clear=False) as source:
        with pytest.raises(ForbiddenRequestError, match="allow_clearing"):
            await source.ask("clear_dtcs", lambda _: None, NAMED)
    assert car.cleared == 0


async def test_a_car_that_does_not(bus_traffic: Traffic) -> None:
    """An ECU that does not clear is told of, and nothing is said to have been cleared."""
    async with on_can(Car(STANDING, can_clear=False)) as source:
        with pytest.raises(NoAnswerError, match="clear"):
            await source.ask("clear_dtcs", lambda _: None, NAMED)
    assert bus_traffic.breaches(times=False) == A_WRITE
    bus_traffic.frames.clear()


def test_the_gate_opens_once_and_for_nothing_else() -> None:
    """While it is open one request to clear passes; a second, another write and anything afterwards do not."""
    gate = Gate(may_clear=True)
    clear, write = segment(b"\x04")[0], segment(b"\x2e\x01\x00\x01")[0]
    with gate.clearing(b"\x04"):
        with pytest.raises(ForbiddenRequestError):
            gate.frame(FUNCTIONAL, write, extended=False)
        assert gate.frame(FUNCTIONAL, clear, extended=False) == clear
        with pytest.raises(ForbiddenRequestError):
            gate.frame(FUNCTIONAL, clear, extended=False)
    with gate.clearing(b"\x04"):
        pass
    with pytest.raises(ForbiddenRequestError):
        gate.line("04")
    for request in (b"\x2e\x01\x00\x01", b"\x14\xff\xff\xff", b"\x04\x00", b""):
        with pytest.raises(ForbiddenRequestError), gate.clearing(request):
            pass
    assert {b"\x04", b"\x14\xff\xff\x33"} == CLEARS
