"""J1939 as a source: a truck's engine on a virtual bus, and logs of one."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from typing import TYPE_CHECKING, Any

import can
import cantools
import pytest

from edge_agent.buses.base import open_source
from edge_agent.buses.j1939_hearing import OWN_DBC, OWN_MAP
from edge_agent.errors import ForbiddenRequestError, SourceError
from edge_agent.health import Health
from edge_agent.settings import Collect
from simulators.can_bus import open_bus
from simulators.j1939 import GROUPS, EngineOnCan, Truck, active_codes, broadcast
from vehicle import signals
from vehicle.dtc import SpnFmi
from vehicle.signals import signal
from vehicle.vin import Vin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from edge_agent.buses.base import Row, Source

VALUES = {
    signals.ENGINE_SPEED: 1250.25, signals.SPEED: 83.0, signals.COOLANT_TEMPERATURE: 91.0,
    signals.OIL_TEMPERATURE: 104.0, signals.OIL_PRESSURE: 352.0, signals.CONTROL_MODULE_VOLTAGE: 27.4,
    signals.FUEL_RATE: 18.35, signals.ODOMETER: 412_345_600.0, signals.AMBIENT_AIR_TEMPERATURE: -7.0,
    signals.BAROMETRIC_PRESSURE: 98.0, "Vehicle.OBD.TotalRunTime": 36_000.0, "Vehicle.OBD.ActualTorque": 43.0,
}  # fmt: skip
CODES = (SpnFmi(100, 1), SpnFmi(520_192, 31))
VIN = Vin.parse("LSVAA49J132030021")


@contextlib.asynccontextmanager
async def truck(now: Callable[[], Truck]) -> AsyncIterator[tuple[Source, can.BusABC, Health]]:
    """A source that listens to a simulated engine, and a bus on which others could be heard."""
    channel, health = f"virtual:{uuid.uuid4().hex}", Health()
    engine = EngineOnCan(open_bus(channel), now, vin_every_s=0.0)
    other = can.Bus(interface="virtual", channel=channel.partition(":")[2])
    source = open_source(f"j1939:{channel}", collect=Collect(period_ms=50), health=health)
    task = asyncio.create_task(engine.run())
    yield source, other, health
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await source.close()
    engine.close()
    other.shutdown()


async def until(source: Source, enough: Callable[[dict[str, int], list[Any]], bool]) -> tuple[dict[str, float], list]:
    """All values and events until there are enough of them."""
    seen: dict[str, int] = {}
    events: list[Any] = []
    stream = source.rows(skip=0, start_ms=None)
    async with asyncio.timeout(20):
        while not enough(seen, events):
            row = await anext(stream)
            seen.update(row.values)
            events += row.events
    await stream.aclose()  # type: ignore[attr-defined]
    return {path: signal(path).value(raw) for path, raw in seen.items()}, events


async def test_a_truck_is_heard() -> None:
    """All values as the engine has them, both codes out of packets, its lamps and VIN; not one frame is sent."""
    async with truck(lambda: Truck(values=VALUES, codes=CODES, vin=VIN)) as (source, other, health):
        values, events = await until(
            source, lambda seen, events: set(VALUES) <= set(seen) and {"dtc", "mil", "vin"} <= {k for k, _ in events}
        )
        heard = []
        while (message := other.recv(timeout=0)) is not None:
            heard.append(message.arbitration_id)
        answered = await source.ask("read_dtcs", lambda _: None)
        with pytest.raises(ForbiddenRequestError, match="listens only"):
            await source.ask("reset_ecu", lambda _: None)
    assert {path: values[path] for path in VALUES} == pytest.approx(VALUES, rel=1e-6)
    codes = [data["code"] for kind, data in events if kind == "dtc"]
    assert codes == ["SPN 100 FMI 1", "SPN 520192 FMI 31"]
    assert answered == {
        "codes": [{"ecu": "00", "code": code, "state": "active"} for code in codes], "ecus": ["00"],
    }  # fmt: skip
    assert [data for kind, data in events if kind == "vin"] == [{"vin": str(VIN)}]
    ((lamp),) = [data for kind, data in events if kind == "mil"]
    assert (lamp["on"], lamp["count"]) == (True, 2)
    ours = {one & ~0xFF for one in GROUPS} | {0x18FECA00, 0x18FEEC00, 0x1CECFF00, 0x1CEBFF00}
    assert {one & ~0xFF for one in heard} <= ours
    assert health.counts["packets_lost"] == 0


async def test_what_is_not_available_is_no_sample() -> None:
    """All ones, and the errors below, are never taken for numbers."""
    async with truck(lambda: Truck(values={signals.SPEED: 50.0})) as (source, other, health):
        for raw in (0xFB00, 0xFE00, 0xFFFF):
            data = bytes([0xFF]) + raw.to_bytes(2, "little") + bytes([0xFF] * 5)
            other.send(can.Message(arbitration_id=0x18FEF131, data=data, is_extended_id=True))
        values, _ = await until(source, lambda seen, _: signals.SPEED in seen)
    assert set(values) == {signals.SPEED}
    assert values[signals.SPEED] == 50.0
    assert health.counts["cells_refused"] == 0


def log_of(path: Path, frames: list[tuple[float, int, bytes]]) -> Path:
    """A candump log."""
    lines = (f"({1_700_000_000 + at:.6f}) can0 {identifier:08X}#{data.hex()}" for at, identifier, data in frames)
    path.write_text("\n".join([*lines, ""]))
    return path


async def rows_of(uri: str, health: Health | None = None, skip: int = 0) -> list[Row]:
    source = open_source(uri, collect=Collect(), health=health or Health())
    return [row async for row in source.rows(skip=skip, start_ms=0)]


async def test_a_log_of_a_truck(tmp_path: Path) -> None:
    """The same as from a bus; a code that goes is told; reading again gives the same rows."""
    frames = []
    for second in range(30):
        frames.append((second + 0.1, 0x18FEEE00, bytes([131]) + b"\xff" * 7))
        said = active_codes(CODES if second < 10 else CODES[:1])
        frames += [(second + 0.2 + 0.05 * at, *one) for at, one in enumerate(broadcast(0x18FECA00, said))]
    log = log_of(tmp_path / "truck.log", frames)
    rows = await rows_of(f"log:{log}?j1939=1")
    assert [signal(signals.COOLANT_TEMPERATURE).value(row.values[signals.COOLANT_TEMPERATURE]) for row in rows] == [
        91.0
    ] * 30
    events = [
        (row.time_ms, data["code"], data["present"]) for row in rows for kind, data in row.events if kind == "dtc"
    ]
    assert [(code, present) for _, code, present in events] == [
        ("SPN 100 FMI 1", True), ("SPN 520192 FMI 31", True), ("SPN 520192 FMI 31", False),
    ]  # fmt: skip
    assert await rows_of(f"log:{log}?j1939=1", skip=12) == rows[12:]


async def test_another_dbc_is_read_by_spn(tmp_path: Path) -> None:
    """Whatever it calls things: its numbers say what they are; an older unit's codes are read as the URI says."""
    dbc = tmp_path / "maker.dbc"
    dbc.write_text(
        'VERSION ""\nNS_ :\nBS_:\nBU_: X\n'
        f'BO_ {0x18FF10FE | 1 << 31} Proprietary: 8 X\n SG_ Temp : 8|8@1+ (1,-40) [0|0] "C" X\n'
        'BA_DEF_ SG_ "SPN" INT 0 524287;\nBA_DEF_DEF_ "SPN" 0;\n'
        f'BA_ "SPN" SG_ {0x18FF10FE | 1 << 31} Temp 110;\n'
    )
    frames = [(0.1, 0x10FF1027, bytes([0, 60, 0])), (0.2, 0x18FECA03, bytes.fromhex("00FF0097038AFFFF"))]
    log = log_of(tmp_path / "truck.log", frames)
    (row,) = await rows_of(f"log:{log}?j1939=1&dbc={dbc}&spn_version=1")
    assert row.values == {signals.COOLANT_TEMPERATURE: 60}
    assert row.events[0][1]["code"] == "SPN 1208 FMI 3"


async def test_what_is_broken_is_counted(tmp_path: Path) -> None:
    """A message with a packet missing, a DM1 that is too short, a VIN that is none."""
    opening, first, *_ = broadcast(0x18FECA00, active_codes(CODES))
    frames = [
        (0.1, *opening), (0.2, *first), (1.0, *first), (1.1, 0x18FECA00, b"\1"), (1.2, 0x18FEEC00, b"NOVIN*"),
        (1.3, 0x18FEF100, bytes(8)),
    ]  # fmt: skip
    health = Health()
    (*_, row) = await rows_of(f"log:{log_of(tmp_path / 'x.log', frames)}?j1939=1", health)
    assert row.values[signals.SPEED] == 0
    assert health.counts["packets_lost"] == 1
    assert health.counts["garbage:00"] == 2


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("j1939:can0", "j1939:INTERFACE:CHANNEL"),
        ("j1939:virtual:x?spn_version=4", "1, 2 or 3"),
        ("j1939:virtual:x?dbc=none.dbc", r"none\.dbc"),
        ("j1939:virtual:x?listen=1", "listen"),
    ],
)
def test_a_mistake_is_one_sentence(uri: str, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        open_source(uri, collect=Collect(), health=Health())


def test_a_map_that_fits_nothing_is_refused(tmp_path: Path) -> None:
    """A DBC without numbers needs a map with names."""
    dbc = tmp_path / "plain.dbc"
    dbc.write_text('VERSION ""\nNS_ :\nBS_:\nBU_: X\nBO_ 1 A: 8 X\n SG_ B : 0|8@1+ (1,0) [0|0] "" X\n')
    with pytest.raises(SourceError, match="wants no signal"):
        open_source(f"j1939:virtual:x?dbc={dbc}", collect=Collect(), health=Health())


def test_our_dbc_is_sound() -> None:
    """Cantools reads it strictly; no parameter stands twice, each has a number, each that the map wants is there."""
    database = cantools.database.load_file(OWN_DBC, strict=True)
    numbers = [found.spn for message in database.messages for found in message.signals]
    assert all(numbers)
    assert len(numbers) == len(set(numbers))
    assert {message.protocol for message in database.messages} == {"j1939"}
    wanted = {int(line.split(" ", 1)[0]) for line in OWN_MAP.read_text().splitlines() if line[:1].isdigit()}
    assert wanted <= set(numbers)
