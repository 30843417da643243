"""Raw CAN with a DBC as a source of samples: a recorded log, and a bus that is only listened to."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import can
import pytest

from edge_agent.buses.base import open_source
from edge_agent.errors import ForbiddenRequestError, SourceError
from edge_agent.health import Health
from edge_agent.settings import Collect
from vehicle.batch import TimeQuality
from vehicle.signals import COOLANT_TEMPERATURE, ENGINE_SPEED, SPEED, signal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_agent.buses.base import Row, Source
    from edge_agent.campaigns.tap import Frame

DBC = Path(__file__).parents[2] / "golden" / "dbc" / "codings.dbc"
MAP = f"""
[signals]
"Intel.Speed" = {{ path = "{SPEED}", scale = 2.0 }}
"Motorola.Rpm" = "{ENGINE_SPEED}"
"Multiplexed.Deep" = {{ path = "{COOLANT_TEMPERATURE}", offset = -40.0 }}
"""
START_MS = 1_700_000_000_000
SPEED_50 = "8813000000000000"
"""5000 hundredths of a km/h, the lowest byte first: 50, times two by the map."""


@pytest.fixture(name="chosen")
def _chosen(tmp_path: Path) -> Path:
    path = tmp_path / "map.toml"
    path.write_text(MAP)
    return path


def opened(log: Path, chosen: Path, more: str = "", *, health: Health | None = None) -> Source:
    """The log as a source with a grid of one second."""
    return open_source(f"log:{log}?dbc={DBC}&map={chosen}{more}", collect=Collect(), health=health or Health())


async def rows(source: Source, *, skip: int = 0, start_ms: int = 0) -> list[Row]:
    """All rows."""
    return [row async for row in source.rows(skip=skip, start_ms=start_ms)]


def values(row: Row) -> dict[str, float]:
    """A row's values in the catalogue's units."""
    return {path: signal(path).value(raw) for path, raw in row.values.items()}


async def test_a_log_becomes_rows_on_a_grid(tmp_path: Path, chosen: Path) -> None:
    """Several frames in a second make one row, its last values; a second without frames makes none."""
    log = tmp_path / "drive.log"
    log.write_text(
        "(1700000000.100000) can0 100#0000000000000000\n"
        f"(1700000000.200000) can0 100#{SPEED_50}\n"
        "(1700000000.900000) can0 101#1F40000000000000\n"
        "(1700000003.100000) can0 101#0FA0000000000000\n"
    )
    source = opened(log, chosen)
    found = await rows(source)
    assert [(row.time_ms, values(row)) for row in found] == [
        (START_MS + 1000, {SPEED: 100.0, ENGINE_SPEED: 2000.0}),
        (START_MS + 4000, {ENGINE_SPEED: 1000.0}),
    ]
    assert source.quality is TimeQuality.RECORDED
    assert [row.time_ms for row in await rows(source, skip=1)] == [START_MS + 4000]


async def test_a_multiplexed_signal_comes_with_its_page_only(tmp_path: Path, chosen: Path) -> None:
    """The multiplexers above it are read though nobody asked for them."""
    log = tmp_path / "drive.log"
    log.write_text("(1700000000.100000) can0 200#0200018200000000\n(1700000001.100000) can0 200#0000018200000000\n")
    found = await rows(opened(log, chosen))
    assert [values(row) for row in found] == [{COOLANT_TEMPERATURE: 90.0}, {}]


async def test_what_cannot_be_read_or_be_true_is_counted(tmp_path: Path, chosen: Path) -> None:
    """A bad line is an event with its place; a value outside its range is left out."""
    log = tmp_path / "drive.log"
    log.write_text("(1700000000.100000) can0 101#1F40\nbad\n(1700000002.200000) can0 100#FFFF000000000000\n")
    health = Health()
    found = await rows(opened(log, chosen, health=health))
    ((kind, what),) = [event for row in found for event in row.events]
    assert (kind, what["place"]) == ("unreadable", "line 2 (bad)")
    assert health.counts["rows_refused"] == 1
    assert health.counts[f"cells_refused:{SPEED}"] == 1


async def test_a_log_without_a_date_begins_when_it_is_told(tmp_path: Path, chosen: Path) -> None:
    """Its times count from the start that the agent kept, or that the URI gives."""
    log = tmp_path / "drive.log"
    log.write_text("(12.000000) can0 101#1F40\n(13.000000) can0 101#1F40\n")
    source: Any = opened(log, chosen, "&start=2023-11-14T22:13:20Z")
    assert source.start(START_MS + 5, None) == START_MS
    assert [row.time_ms for row in await rows(source, start_ms=START_MS)] == [START_MS + 1000, START_MS + 2000]
    assert opened(log, chosen).start(7, 9000) == 10_000


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "dbc=FILE"),
        ("?dbc={dbc}", "map=FILE"),
        ("?dbc=none.dbc&map={map}", r"none\.dbc"),
        ("?dbc={dbc}&map=none.toml", r"none\.toml"),
        ("?dbc={map}&map={map}", "cannot be read"),
        ("?dbc={dbc}&map={map}&start=soon", "is not a time"),
        ("?dbc={dbc}&map={wrong}", "Intel.Sped"),
        ("?dbc={dbc}&map={unknown}", "Vehicle.Sped"),
        ("?dbc={dbc}&map={mistyped}", "signal"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path: Path, chosen: Path, query: str, said: str) -> None:
    """It names the file or the word that is wrong."""
    (tmp_path / "drive.log").write_text("")
    maps = {"wrong": '"Intel.Sped" = "Vehicle.Speed"', "unknown": '"Intel.Speed" = "Vehicle.Sped"', "mistyped": "x = 1"}
    for name, line in maps.items():
        (tmp_path / name).write_text(f"[signals]\n{line}\n" if name != "mistyped" else "[signal]\n")
    filled = query.format(dbc=DBC, map=chosen, **{name: tmp_path / name for name in maps})
    with pytest.raises(SourceError, match=said):
        open_source(f"log:{tmp_path / 'drive.log'}{filled}", collect=Collect(), health=Health())


async def test_a_bus_is_listened_to_and_nothing_is_sent(chosen: Path) -> None:
    """Samples come from what others say; the source says nothing, and can't be asked."""
    channel = uuid.uuid4().hex
    car = can.Bus(interface="virtual", channel=channel)
    heard: list[can.Message] = []
    watcher = can.Bus(interface="virtual", channel=channel)
    source = open_source(
        f"can:virtual:{channel}?dbc={DBC}&map={chosen}", collect=Collect(period_ms=30), health=Health()
    )
    stream = source.rows(skip=0, start_ms=None)
    following = asyncio.ensure_future(anext(stream))
    sent = 0
    while not following.done():
        car.send(can.Message(arbitration_id=0x101, data=bytes.fromhex("1F40000000000000"), is_extended_id=False))
        car.send(can.Message(arbitration_id=0x7FF, data=b"\1", is_extended_id=False))
        sent += 2
        await asyncio.sleep(0.01)
    assert values(following.result()) == {ENGINE_SPEED: 2000.0}
    assert following.result().time_ms is None
    with pytest.raises(ForbiddenRequestError, match="listens only"):
        await source.ask("read_dtcs", lambda _: None)
    await stream.aclose()
    await source.close()
    while (message := watcher.recv(timeout=0)) is not None:
        heard.append(message)
    assert len(heard) == sent
    car.shutdown()
    watcher.shutdown()


async def test_a_bus_that_cannot_be_opened_is_tried_again(chosen: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interface that is not there is said once, and opened when it comes."""
    monkeypatch.setattr("edge_agent.buses.listen.PAUSE_S", (0.01, 0.02))
    tries: list[str] = []
    real = can.Bus

    def bus(**options: Any) -> can.BusABC:
        tries.append(options["channel"])
        if len(tries) < 3:
            raise OSError("not there")
        return real(**options)

    monkeypatch.setattr("edge_agent.buses.listen.can.Bus", bus)
    channel, health = uuid.uuid4().hex, Health()
    source = open_source(f"can:virtual:{channel}?dbc={DBC}&map={chosen}", collect=Collect(period_ms=20), health=health)
    stream = source.rows(skip=0, start_ms=None)
    following = asyncio.ensure_future(anext(stream))
    car = real(interface="virtual", channel=channel)
    while not following.done():
        car.send(can.Message(arbitration_id=0x101, data=bytes.fromhex("1F40"), is_extended_id=False))
        await asyncio.sleep(0.01)
    assert values(following.result()) == {ENGINE_SPEED: 2000.0}
    assert health.counts["reopened"] == 2
    await stream.aclose()
    car.shutdown()


async def test_campaigns_hear_a_bus_that_is_listened_to(chosen: Path) -> None:
    """Readings at once, and while frames are wanted also those that the map does not name."""
    channel = uuid.uuid4().hex
    source = open_source(
        f"can:virtual:{channel}?dbc={DBC}&map={chosen}", collect=Collect(period_ms=30), health=Health()
    )
    frames: list[Frame] = []
    readings: list[Mapping[str, int]] = []
    source.tap.frame, source.tap.hear = frames.append, readings.append
    source.tap.want({}, frames=True)
    car = can.Bus(interface="virtual", channel=channel)
    stream = source.rows(skip=0, start_ms=None)
    while not {0x101, 0x7FF} <= {frame.identifier for frame in frames}:
        following = asyncio.ensure_future(anext(stream))
        while not following.done():
            car.send(can.Message(arbitration_id=0x101, data=bytes.fromhex("1F40000000000000"), is_extended_id=False))
            car.send(can.Message(arbitration_id=0x7FF, data=b"\1", is_extended_id=False))
            await asyncio.sleep(0.01)
    assert {tuple(one) for one in readings} == {(ENGINE_SPEED,)}
    await stream.aclose()
    await source.close()
    car.shutdown()
