"""One suite for every source: what the agent may expect, whatever wire leads to the car."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edge_agent.buses.base import SCHEMES, open_source
from edge_agent.errors import AgentError
from edge_agent.health import WORDS, Health
from edge_agent.settings import Collect
from simulators.can_bus import EcuOnCan, open_bus
from simulators.ecu import Unit
from simulators.elm327 import Elm327
from simulators.j1939 import EngineOnCan, Truck
from vehicle.batch import TimeQuality
from vehicle.signals import CATALOGUE, COOLANT_TEMPERATURE, SPEED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DBC = Path(__file__).parents[1] / "golden" / "dbc" / "codings.dbc"
RECORDING = next((Path(__file__).parents[2] / "simulators" / "recordings").glob("*.csv.gz"))
UNIT = Unit(values={SPEED: 50.0, COOLANT_TEMPERATURE: 88.0})


@contextlib.asynccontextmanager
async def _csv() -> AsyncIterator[str]:
    yield f"csv:{RECORDING}?map=carobd"


@contextlib.asynccontextmanager
async def _can() -> AsyncIterator[str]:
    bus = f"virtual:{uuid.uuid4().hex}"
    ecu = EcuOnCan(open_bus(bus), lambda: (UNIT,))
    task = asyncio.create_task(ecu.run())
    yield f"can:{bus}"
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    ecu.close()


@contextlib.asynccontextmanager
async def _j1939() -> AsyncIterator[str]:
    bus = f"virtual:{uuid.uuid4().hex}"
    engine = EngineOnCan(open_bus(bus), lambda: Truck(values=UNIT.values))
    task = asyncio.create_task(engine.run())
    yield f"j1939:{bus}"
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    engine.close()


@contextlib.asynccontextmanager
async def _elm327() -> AsyncIterator[str]:
    elm, ready = Elm327(lambda: (UNIT,)), asyncio.Event()
    task = asyncio.create_task(elm.run("127.0.0.1", 0, ready))
    await ready.wait()
    yield f"elm327:socket://127.0.0.1:{elm.port}"
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@contextlib.asynccontextmanager
async def _obd() -> AsyncIterator[str]:
    async with _elm327() as uri:
        yield uri.replace("elm327:", "obd:")


@contextlib.asynccontextmanager
async def _log() -> AsyncIterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        chosen, log = Path(folder) / "map.toml", Path(folder) / "drive.log"
        chosen.write_text(f'[signals]\n"Intel.Speed" = "{SPEED}"\n')
        log.write_text("".join(f"(17000000{at:02}.500000) can0 100#{at:02X}130000000000\n" for at in range(10, 60)))
        yield f"log:{log}?dbc={DBC}&map={chosen}"


SOURCES = {"csv": _csv, "can": _can, "j1939": _j1939, "log": _log, "elm327": _elm327, "obd": _obd}


def test_every_source_is_here() -> None:
    """Whoever adds a scheme adds it to this suite."""
    assert set(SOURCES) == set(SCHEMES)


@pytest.fixture(name="health")
def _health() -> Health:
    return Health()


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_rows(scheme: str, health: Health) -> None:
    """Raw integers within the catalogue's ranges; times only where the source has its own; counters with words."""
    async with SOURCES[scheme]() as uri:
        source = open_source(uri, collect=Collect(period_ms=50), health=health)
        rows, stream = [], source.rows(skip=0, start_ms=1_000)
        async with asyncio.timeout(20):
            while len(rows) < 5 or not any(SPEED in row.values for row in rows):
                rows.append(await anext(stream))
        await stream.aclose()
        await source.close()
    for row in rows:
        assert (row.time_ms is None) == (source.key is None)
        for path, raw in row.values.items():
            assert type(raw) is int
            assert CATALOGUE[path].raw(CATALOGUE[path].value(raw)) == raw
    assert source.uri == uri
    assert source.quality is None or isinstance(source.quality, TimeQuality)
    assert {name.partition(":")[0] for name in health.counts} <= set(WORDS)


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_closing(scheme: str, health: Health) -> None:
    """Before the first row, in the midst, and twice."""
    async with SOURCES[scheme]() as uri:
        source = open_source(uri, collect=Collect(period_ms=50), health=health)
        await source.close()
        stream = source.rows(skip=0, start_ms=1_000)
        await asyncio.wait_for(anext(stream), 20)
        await stream.aclose()
        await source.close()
        await source.close()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", ["clear_dtcs", "read_dtcs", "nonsense"])
async def test_what_cannot_be_asked_is_an_error_of_ours(scheme: str, name: str, health: Health) -> None:
    """A source that nothing has been read from has no car to ask; none takes a request that is no read."""
    async with SOURCES[scheme]() as uri:
        source = open_source(uri, collect=Collect(), health=health)
        with pytest.raises(AgentError) as caught:
            await source.ask(name, lambda _: None)
        await source.close()
    assert str(caught.value)


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_an_unknown_parameter_is_refused(scheme: str, health: Health) -> None:
    async with SOURCES[scheme]() as uri:
        joiner = "&" if "?" in uri else "?"
        with pytest.raises(AgentError, match="nonsense"):
            open_source(f"{uri}{joiner}nonsense=1", collect=Collect(), health=health)
