"""python-OBD in front of a simulated adapter, and the gatekeeper between the two."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from edge_agent.buses.base import open_source
from edge_agent.buses.elm327 import Port
from edge_agent.buses.gatekeeper import Gatekeeper
from edge_agent.errors import SourceError
from edge_agent.health import Health
from edge_agent.polling import SPACING_S
from edge_agent.protocols.gate import Gate
from edge_agent.settings import Collect
from edge_agent.switch import Switch
from simulators.ecu import Behaviour, Unit
from simulators.elm327 import Elm327
from vehicle.dtc import Dtc, DtcState
from vehicle.signals import CONTROL_MODULE_VOLTAGE, COOLANT_TEMPERATURE, ENGINE_SPEED, SPEED
from vehicle.vin import Vin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from edge_agent.buses.base import Row

VALUES = {SPEED: 50.0, ENGINE_SPEED: 2000.0, COOLANT_TEMPERATURE: 88.0, CONTROL_MODULE_VOLTAGE: 14.1}
VIN = Vin.parse("LSVAA49J132003022")
"""Of its end python-OBD 0.7.3 would leave nothing: it strips zeroes, ones and twos."""


@contextlib.asynccontextmanager
async def source(units: Callable[[], tuple[Unit, ...]], health: Health) -> AsyncIterator[Any]:
    adapter, ready = Elm327(units), asyncio.Event()
    running = asyncio.create_task(adapter.run("127.0.0.1", 0, ready))
    await ready.wait()
    found = open_source(
        f"obd:socket://127.0.0.1:{adapter.port}", collect=Collect(period_ms=200), health=health, switch=Switch()
    )
    yield found
    await found.close()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def rows_until(stream: AsyncIterator[Row], *paths: str) -> list[Row]:
    rows: list[Row] = []
    async with asyncio.timeout(40):
        while not set(paths) <= {path for row in rows for path in row.values}:
            rows.append(await anext(stream))
    return rows


async def test_values_codes_and_a_whole_vin() -> None:
    """What the car tells comes through the library as through our own driver, whatever the VIN ends in."""
    codes = {DtcState.STORED: (Dtc("P0420"), Dtc("P0301"))}
    async with source(lambda: (Unit(values=VALUES, codes=codes, vin=VIN),), Health()) as car:
        stream = car.rows(skip=0, start_ms=None)
        rows = await rows_until(stream, SPEED, ENGINE_SPEED, COOLANT_TEMPERATURE)
        happened = [(kind, data) for row in rows for kind, data in row.events]
        assert ("vin", {"vin": str(VIN)}) in happened
        assert {data["code"] for kind, data in happened if kind == "dtc"} == {"P0420", "P0301"}
        assert {data["ecu"] for kind, data in happened if kind == "dtc"} == {"7E8"}
        await stream.aclose()


async def test_a_car_that_wakes_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """An adapter without a car is waited at; when the ignition comes on, rows come."""
    monkeypatch.setattr("edge_agent.live.ASLEEP_S", (0.05, 0.1))
    behaviour, health = [Behaviour.SILENT], Health()
    async with source(lambda: (Unit(values=VALUES, behaviour=behaviour[0]),), health) as car:
        stream = car.rows(skip=0, start_ms=None)
        reading = asyncio.create_task(rows_until(stream, SPEED))
        async with asyncio.timeout(30):
            while not health.counts["asleep"]:
                await asyncio.sleep(0.01)
        behaviour[0] = Behaviour.NORMAL
        assert await reading
        await stream.aclose()


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has not installed it is told how."""
    monkeypatch.setitem(sys.modules, "obd", None)
    with pytest.raises(SourceError, match=r"roadworthy\[elm\]"):
        open_source("obd:/dev/ttyUSB0", collect=Collect(), health=Health())


@pytest.mark.parametrize("uri", ["obd:COM3", "obd:socket://nowhere", "obd:/dev/ttyUSB0?boud=1"])
def test_addresses(uri: str) -> None:
    """What cannot be an adapter is refused before anything is opened."""
    with pytest.raises(SourceError, match="obd:"):
        open_source(uri, collect=Collect(), health=Health())


@contextlib.asynccontextmanager
async def keeping(switch: Switch) -> AsyncIterator[tuple[Gatekeeper, list[tuple[float, bytes]], int]]:
    """A gatekeeper, what reaches the adapter behind it and when, and the library's end of the terminal."""
    reader, written = asyncio.StreamReader(), []

    def write(raw: bytes) -> None:
        written.append((time.monotonic(), raw))
        reader.feed_data(b"OK\r\r>")

    keeper = Gatekeeper(Port(reader, write, lambda: None), Gate(switch))
    library = os.open(keeper.path, os.O_RDWR | os.O_NOCTTY)
    try:
        yield keeper, written, library
    finally:
        os.close(library)
        keeper.close()


async def said(library: int, line: bytes) -> bytes:
    os.write(library, line + b"\r")
    async with asyncio.timeout(5):
        answer = b""
        while b">" not in answer:
            answer += await asyncio.to_thread(os.read, library, 100)
    return answer


async def test_only_reads_reach_the_adapter() -> None:
    """What the library writes besides reads and set-up gets an adapter's question mark, and is remembered."""
    async with keeping(Switch()) as (keeper, written, library):
        for line in (b"AT SP 0", b"0100", b"ATRV"):
            assert b"OK" in await said(library, line)
        for line in (b"AT SH 7E0", b"04", b"ATMA", b"14FFFFFF"):
            assert b"?" in await said(library, line)
            assert keeper.refused is not None
        assert [raw for _, raw in written] == [b"ATSP0\r", b"0100\r", b"ATRV\r"]


async def test_listen_only_holds_for_the_library_too() -> None:
    """While the switch says so, not even set-up reaches the adapter."""
    async with keeping(Switch(local=True)) as (_, written, library):
        assert b"?" in await said(library, b"ATZ")
        assert written == []


async def test_the_budget_holds_for_the_library_too() -> None:
    """Between the end of one question and the next there is the pause of the polling contract."""
    async with keeping(Switch()) as (_, written, library):
        for _ in range(3):
            await said(library, b"0100")
        gaps = [later - earlier for (earlier, _), (later, _) in itertools.pairwise(written)]
        assert min(gaps) >= 0.9 * SPACING_S
