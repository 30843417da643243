"""A simulated car to ask, and the request that opens a source."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from edge_agent.buses.base import Row, open_source
from edge_agent.health import Health
from edge_agent.settings import Collect
from simulators.ecu import ENGINE_ID, TRANSMISSION_ID, Unit
from vehicle import signals
from vehicle.dtc import Dtc, DtcState
from vehicle.vin import Vin

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.buses.base import Source

VIN = "LSVAA49J132030021"
VALUES = {
    signals.SPEED: 50.0,
    signals.ENGINE_SPEED: 2000.0,
    signals.COOLANT_TEMPERATURE: 88.0,
    signals.MIL_ON: 1.0,
    signals.DTC_COUNT: 1.0,
}


@pytest.fixture(name="health")
def _health() -> Health:
    return Health()


@pytest.fixture(name="collect")
def _collect() -> Collect:
    """A grid that is quick enough for tests."""
    return Collect(period_ms=100, codes_every_s=0.5)


@pytest.fixture(name="opened")
def _opened(health: Health, collect: Collect) -> Callable[..., Source]:
    """Opens a source by its URI."""

    def opening(uri: str, *, listen_only: bool = False) -> Source:
        return open_source(uri, collect=collect, health=health, listen_only=listen_only)

    return opening


@pytest.fixture(name="unit")
def _unit() -> Callable[..., Unit]:
    """An engine's control unit with three values, one code and a VIN; parts can be replaced."""

    def making(**changes: object) -> Unit:
        known = {
            "answer_id": ENGINE_ID, "values": VALUES, "vin": Vin.parse(VIN),
            "codes": {DtcState.STORED: (Dtc("P0301"),), DtcState.PENDING: (Dtc("P0420"),)},
        }  # fmt: skip
        return Unit(**(known | changes))  # type: ignore[arg-type]

    return making


@pytest.fixture(name="second_unit")
def _second_unit() -> Unit:
    return Unit(answer_id=TRANSMISSION_ID, values={signals.SPEED: 50.0})


async def read(source: Source, enough: Callable[[list[Row]], bool]) -> list[Row]:
    """Rows of a source until there are enough."""
    found: list[Row] = []
    stream = source.rows(skip=0, start_ms=None)
    try:
        async for row in stream:
            found.append(row)
            if enough(found):
                return found
    finally:
        await stream.aclose()  # type: ignore[attr-defined]
        await source.close()
    return found


@pytest.fixture(name="read")
def _read() -> Callable[..., object]:
    """Reads rows until there are enough, and closes."""
    return read


@pytest.fixture(name="free_port")
def _free_port() -> Callable[[], int]:
    """A free port of the loopback interface."""

    def finding() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    return finding
