"""Data by identifier and codes by UDS: bytes, tables of identifiers, and cars that speak nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.buses.base import open_source
from edge_agent.buses.did_files import open_table
from edge_agent.did_polling import DidPoller
from edge_agent.errors import DidTableError, ForbiddenRequestError, GarbledAnswerError
from edge_agent.health import Health
from edge_agent.protocols import did_table, uds
from edge_agent.settings import Collect
from simulators.can_bus import EcuOnCan, open_bus
from simulators.ecu import Unit, answers
from vehicle.dtc import Dtc, DtcState
from vehicle.signals import (
    CONTROL_MODULE_VOLTAGE,
    COOLANT_TEMPERATURE,
    DTC_COUNT,
    ENGINE_SPEED,
    MIL_ON,
    OIL_TEMPERATURE,
    SPEED,
)
from vehicle.vin import Vin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from edge_agent.buses.base import Row

VALUES = {
    SPEED: 50.0,
    ENGINE_SPEED: 2000.0,
    COOLANT_TEMPERATURE: 88.0,
    CONTROL_MODULE_VOLTAGE: 14.1,
    MIL_ON: 1.0,
    DTC_COUNT: 2.0,
}
CODES = {
    DtcState.STORED: (Dtc("P0420"), Dtc("C1234-4A")),
    DtcState.PENDING: (Dtc("P0301"), Dtc("P0420")),
    DtcState.PERMANENT: (Dtc("P0420"),),
}
VIN = Vin.parse("LSVAA49J132003021")
TABLE = """
model = "A car of ours"
source = "made up for this test"

[[identifier]]
id = 0x0201
ecu = 0x7E1
length = 3
every_s = 0.1

[identifier.signals]
"Vehicle.Powertrain.CombustionEngine.EngineOil.Temperature" = { first_bit = 8, bits = 12, scale = 0.5, offset = -40 }
"""


@pytest.fixture(name="table")
def _table(tmp_path: Path) -> Path:
    path = tmp_path / "ours.toml"
    path.write_text(TABLE)
    return path


@given(st.dictionaries(st.integers(0, 0xFFFF), st.binary(min_size=1, max_size=5), min_size=1, max_size=3))
def test_data_round_trip(parts: dict[int, bytes]) -> None:
    """What an answer holds for each identifier comes out of it; cut anywhere, it is refused or shorter."""
    data = b"".join(identifier.to_bytes(2, "big") + value for identifier, value in parts.items())
    lengths = {identifier: len(value) for identifier, value in parts.items()}
    assert uds.data_of(lengths, data) == parts
    assert len(uds.data_request(sorted(parts))) == 1 + 2 * len(parts)
    for end in range(len(data)):
        with contextlib.suppress(GarbledAnswerError):
            assert uds.data_of(lengths, data[:end]).items() <= parts.items()


@given(st.binary(max_size=40))
def test_any_list_of_codes_is_read_or_refused(data: bytes) -> None:
    """No bytes make the reader stumble."""
    for request in (uds.CONFIRMED_AND_PENDING, uds.PERMANENT_CODES, uds.CODES_BY_STATUS):
        with contextlib.suppress(GarbledAnswerError):
            uds.codes_of(request, data)


def test_codes_with_states_and_failure_types() -> None:
    """Stored and pending ones come in one answer, permanent ones in another; the type of failure is kept."""
    unit = Unit(codes=CODES, on_uds=True)
    found: dict[DtcState, Any] = {}
    for request in (uds.CONFIRMED_AND_PENDING, uds.PERMANENT_CODES):
        (answer,) = answers(request, unit)
        found |= {state: set(codes) for state, codes in uds.codes_of(request, answer[1:]).items()}
    assert found == {state: set(codes) for state, codes in CODES.items()}


def test_by_status_as_any_unit_has_it() -> None:
    """Service 19 02: three bytes and a status each."""
    data = bytes.fromhex("02 FF D2 34 4A 08 01 01 00 0C")
    read = uds.codes_of(uds.CODES_BY_STATUS, data)
    assert read == {DtcState.STORED: (Dtc("U1234-4A"), Dtc("P0101")), DtcState.PENDING: (Dtc("P0101"),)}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("id = 0x0201", "id = 0x10201"), "two bytes"),
        (("ecu = 0x7E1", "ecu = 0x123"), "7E0 to 7E7"),
        (("length = 3", "length = 2"), "outside the 16 bits"),
        (("every_s = 0.1", "every_s = 0.01"), "every_s"),
        (("EngineOil.Temperature", "EngineOil.Temprature"), "EngineOil.Temperature"),
        (("length = 3", "lenght = 3"), "lenght"),
        (("[[identifier]]", "[[identifier"), "ours.toml"),
    ],
)
def test_a_bad_table(table: Path, change: tuple[str, str], says: str) -> None:
    """The file, the identifier and the mend are named."""
    table.write_text(TABLE.replace(*change))
    with pytest.raises(DidTableError, match=says):
        open_table(str(table))


def test_values_of_a_table(table: Path) -> None:
    """Bits become the catalogue's raw values; what the catalogue cannot hold is named instead."""
    (identifier,) = open_table(str(table)).identifiers
    assert did_table.decode(identifier, bytes.fromhex("02 01 FF 10 4F")) == ({OIL_TEMPERATURE: 130}, [])
    assert did_table.decode(identifier, bytes.fromhex("02 01 00 FF F0")) == ({}, [OIL_TEMPERATURE])


def test_pace_of_identifiers(table: Path) -> None:
    """Each at its pace; what is refused for good is left for five minutes."""
    (identifier,) = open_table(str(table)).identifiers
    poller = DidPoller([identifier], 10.0)
    assert poller.due(10.0) is identifier
    poller.answered(identifier, 10.0)
    assert poller.next_due_s() == pytest.approx(10.1)
    assert poller.due(10.05) is None
    poller.failed(identifier, 10.2)
    assert poller.next_due_s() == pytest.approx(10.4)
    poller.failed(identifier, 10.5, refusal=0x31)
    assert poller.next_due_s() == pytest.approx(310.5)


@contextlib.asynccontextmanager
async def source(*units: Unit, **options: str) -> AsyncIterator[Any]:
    bus = f"virtual:{uuid.uuid4().hex}"
    ecu = EcuOnCan(open_bus(bus), lambda: units)
    running = asyncio.create_task(ecu.run())
    query = "&".join(f"{name}={value}" for name, value in options.items())
    found = open_source(f"can:{bus}?{query}", collect=Collect(period_ms=100), health=Health())
    yield found
    await found.close()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    ecu.close()


async def rows_until(stream: AsyncIterator[Row], *paths: str) -> list[Row]:
    rows: list[Row] = []
    async with asyncio.timeout(20):
        while not set(paths) <= {path for row in rows for path in row.values}:
            rows.append(await anext(stream))
    return rows


async def test_a_car_that_speaks_j1979_2_only() -> None:
    """It is found by itself, and gives values, codes, its VIN, and answers from afar; what is not read so is said."""
    async with source(Unit(values=VALUES, codes=CODES, vin=VIN, on_uds=True)) as car:
        stream = car.rows(skip=0, start_ms=None)
        rows = await rows_until(stream, SPEED, ENGINE_SPEED, COOLANT_TEMPERATURE)
        happened = [(kind, data) for row in rows for kind, data in row.events]
        assert ("vin", {"vin": str(VIN)}) in happened
        told = {(data["code"], data["state"]) for kind, data in happened if kind == "dtc"}
        assert told == {(str(code), str(state)) for state, codes in CODES.items() for code in codes}
        said: list[str] = []
        codes = (await car.ask("read_dtcs", said.append))["codes"]
        assert {one["code"] for one in codes} == {"P0420", "P0301", "C1234-4A"}
        assert (await car.ask("read_readiness", said.append))["readiness"]
        with pytest.raises(ForbiddenRequestError, match="J1979-2"):
            await car.ask("read_monitors", said.append)
        await stream.aclose()


async def test_a_models_own_identifiers(table: Path) -> None:
    """What a table names is read beside what every car has, from the unit that has it."""
    own = Unit(answer_id=0x7E9, identifiers={0x0201: bytes.fromhex("00 10 40")})
    async with source(Unit(values=VALUES), own, dids=str(table)) as car:
        stream = car.rows(skip=0, start_ms=None)
        rows = await rows_until(stream, OIL_TEMPERATURE, SPEED)
        assert {row.values[OIL_TEMPERATURE] for row in rows if OIL_TEMPERATURE in row.values} == {130}
        await stream.aclose()


async def test_a_table_that_is_not_there() -> None:
    """It is said before anything is asked."""
    with pytest.raises(DidTableError, match=r"nowhere\.toml"):
        open_source("can:virtual:x?dids=nowhere.toml", collect=Collect(), health=Health())
