"""A car on python-can's virtual bus, well behaved and not."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from typing import TYPE_CHECKING

import can
import pytest

from edge_agent.errors import ForbiddenRequestError, NoAnswerError, SourceError
from simulators.can_bus import EcuOnCan, open_bus
from simulators.ecu import Behaviour
from vehicle.signals import CATALOGUE, COOLANT_TEMPERATURE, ENGINE_SPEED, SPEED

from .conftest import VALUES, VIN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from edge_agent.campaigns.tap import Frame

pytestmark = [pytest.mark.usefixtures("short_pauses"), pytest.mark.shortened_times]
WANTED = {SPEED, ENGINE_SPEED, COOLANT_TEMPERATURE}


@pytest.fixture(name="short_pauses")
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_agent.live.PAUSE_S", (0.05, 0.1))
    monkeypatch.setattr("edge_agent.live.ASLEEP_S", (0.05, 0.1))
    monkeypatch.setattr("edge_agent.live.LISTEN_S", 0.05)
    monkeypatch.setattr("edge_agent.buses.can.FIRST_ANSWER_S", 0.2)


@pytest.fixture(name="bus")
def _bus() -> str:
    """The address of a bus of its own."""
    return f"virtual:{uuid.uuid4().hex}"


@contextlib.asynccontextmanager
async def answering(bus: str, *units: object) -> AsyncIterator[EcuOnCan]:
    """Control units on a bus."""
    ecu = EcuOnCan(open_bus(bus), lambda: units)
    task = asyncio.create_task(ecu.run())
    try:
        yield ecu
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        ecu.close()


@contextlib.contextmanager
def tapped(bus: str) -> list[can.Message]:
    """Everything that travels on a bus."""
    frames: list[can.Message] = []
    listener = open_bus(bus)
    notifier = can.Notifier(listener, [frames.append], timeout=0.05)
    try:
        yield frames
    finally:
        notifier.stop()
        listener.shutdown()


def seen(rows: list) -> set[str]:
    return {path for row in rows for path in row.values}


def happened(rows: list, kind: str) -> list[dict]:
    return [data for row in rows for name, data in row.events if name == kind]


def complete(rows: list) -> bool:
    return seen(rows) >= WANTED and len(happened(rows, "dtc")) >= 2 and bool(happened(rows, "vin"))


async def test_values_codes_and_identity(bus, unit, second_unit, opened, read, health) -> None:
    """Values are the catalogue's raw integers of what the ECU knows; codes, lamp and VIN come as events."""
    async with answering(bus, unit(), second_unit):
        rows = await asyncio.wait_for(read(opened(f"can:{bus}"), complete), 20)
    for path in WANTED:
        raws = {row.values[path] for row in rows if path in row.values}
        assert raws == {CATALOGUE[path].raw(VALUES[path])}
    assert happened(rows, "vin") == [{"vin": VIN}]
    assert {(data["code"], data["state"]) for data in happened(rows, "dtc")} == {
        ("P0301", "stored"),
        ("P0420", "pending"),
    }
    assert happened(rows, "mil") == [{"on": True, "count": 1}]
    assert health.counts["garbage"] == 0


async def test_what_travels_on_the_bus_is_reads_and_flow_control(bus, unit, opened, read) -> None:
    """Judged by a listener on the bus, not by our own gate."""
    with tapped(bus) as frames:
        async with answering(bus, unit()):
            await asyncio.wait_for(read(opened(f"can:{bus}"), complete), 20)
    ours = [frame for frame in frames if frame.arbitration_id < 0x7E8]
    assert ours
    for frame in ours:
        is_flow_control = frame.data[0] == 0x30
        assert is_flow_control or frame.data[1] in {0x01, 0x03, 0x07, 0x09, 0x0A}
        assert len(frame.data) == 8
    asked = {bytes(frame.data[2 : 1 + frame.data[0]]) for frame in ours if frame.data[1] == 0x01}
    assert {pid for pids in asked for pid in pids} <= {0x00, 0x20, 0x01, 0x0C, 0x0D, 0x05}


async def test_listening_only_sends_nothing(bus, unit, opened) -> None:
    """Not one frame; a request from afar is refused with the reason."""
    with tapped(bus) as frames:
        async with answering(bus, unit()):
            source = opened(f"can:{bus}", listen_only=True)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(source.rows(skip=0, start_ms=None)), 0.5)
            with pytest.raises(ForbiddenRequestError, match="listen_only"):
                await source.ask("read_dtcs", lambda _: None)
            await source.close()
    assert frames == []


@pytest.mark.parametrize(
    ("behaviour", "counted"),
    [
        (Behaviour.PENDING, ""),
        (Behaviour.ONE_PID, "refused"),
        (Behaviour.GARBAGE, "garbage"),
        (Behaviour.NO_DATA, "refused"),
    ],
)
async def test_one_bad_ecu_does_not_spoil_another(
    bus, unit, second_unit, opened, read, health, behaviour, counted
) -> None:
    """The transmission's speed comes, whatever the engine's unit does; what went wrong is counted."""
    async with answering(
        bus, unit(behaviour=behaviour, values={COOLANT_TEMPERATURE: 88.0, ENGINE_SPEED: 2000.0}), second_unit
    ):
        source = opened(f"can:{bus}")
        rows = await asyncio.wait_for(read(source, lambda rows: SPEED in seen(rows) and len(rows) >= 10), 20)
    assert SPEED in seen(rows)
    if counted:
        assert health.counts[counted] > 0
    if behaviour in {Behaviour.PENDING, Behaviour.ONE_PID}:
        assert seen(rows) >= WANTED


async def test_a_car_that_wakes_up(bus, unit, opened, read, health, caplog) -> None:
    """Silence is said once and counted; when the ignition comes on, rows come."""
    source = opened(f"can:{bus}")
    reading = asyncio.create_task(read(source, complete))
    while health.counts["asleep"] < 3:
        await asyncio.sleep(0.01)
    async with answering(bus, unit()):
        rows = await asyncio.wait_for(reading, 20)
    assert complete(rows)
    assert health.counts["silent"] >= 3
    assert [record.getMessage() for record in caplog.records if "ignition" in record.getMessage()] != []
    assert sum("ignition" in record.getMessage() for record in caplog.records) == 1


async def test_a_car_that_falls_silent_and_comes_back(bus, unit, opened, health) -> None:
    """The source goes on by itself; no row is repeated meanwhile."""
    stream = opened(f"can:{bus}").rows(skip=0, start_ms=None)
    async with answering(bus, unit()):
        await asyncio.wait_for(anext(stream), 20)
    reading = asyncio.create_task(_until_values(stream))
    while not health.counts["asleep"]:
        await asyncio.sleep(0.01)
    async with answering(bus, unit(values={SPEED: 7.0})):
        values = await asyncio.wait_for(reading, 20)
    assert values[SPEED] == CATALOGUE[SPEED].raw(7.0)
    await stream.aclose()


async def _until_values(stream) -> dict[str, int]:
    async for row in stream:
        if row.values.get(SPEED) == CATALOGUE[SPEED].raw(7.0):
            return row.values
    return {}


async def test_asked_from_afar(bus, unit, second_unit, opened) -> None:
    """Codes by unit and state, and the VIN, while polling goes on."""
    source = opened(f"can:{bus}")
    with pytest.raises(NoAnswerError):
        await source.ask("read_dtcs", lambda _: None)
    steps: list[str] = []
    async with answering(bus, unit(), second_unit):
        stream = source.rows(skip=0, start_ms=None)
        await asyncio.wait_for(anext(stream), 20)
        result = await source.ask("read_dtcs", steps.append)
        assert await source.ask("read_vin", steps.append) == {"vin": VIN}
        with pytest.raises(ForbiddenRequestError, match="read_dtcs, read_vin"):
            await source.ask("reset_ecu", steps.append)
        await stream.aclose()
    assert result["codes"] == [
        {"ecu": "7E8", "code": "P0420", "state": "pending"},
        {"ecu": "7E8", "code": "P0301", "state": "stored"},
    ]
    assert result["ecus"] == ["7E8", "7E9"]
    assert steps


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("can:can0", "can:INTERFACE:CHANNEL"),
        ("can:nonsense:0", "no interface 'nonsense'"),
        ("can:udp_multicast:239.74.163.2:x", "'x' is not a port"),
        ("can:virtual:a?bitrat=5", "bitrate"),
        ("can:virtual:a?bitrate=fast", "bitrate"),
    ],
)
def test_uris_that_name_no_bus(opened, uri: str, words: str) -> None:
    """The error names the URI and the mend."""
    with pytest.raises(SourceError, match=words) as caught:
        opened(uri)
    assert uri in str(caught.value)


def test_multicast_stays_on_this_machine(opened, monkeypatch) -> None:
    """The bus is opened with a hop limit of 0."""
    asked: dict[str, object] = {}

    def opening(**options: object) -> object:
        asked.update(options)
        raise OSError("enough")

    monkeypatch.setattr(can, "Bus", opening)
    stream = opened("can:udp_multicast:239.74.163.2:41234").rows(skip=0, start_ms=None)

    async def first() -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(anext(stream), 0.2)

    asyncio.run(first())
    assert (asked["hop_limit"], asked["port"], asked["channel"]) == (0, 41234, "239.74.163.2")


async def test_campaigns_hear_every_frame_while_they_want_them(bus, unit, opened, read) -> None:
    """All that travels, by others and by us, and none once it is not wanted any more."""
    source = opened(f"can:{bus}")
    heard: list[Frame] = []
    source.tap.frame = heard.append
    other = open_bus(bus)
    message = can.Message(arbitration_id=0x123, data=b"\x01\x02", is_extended_id=False)
    foreign = can.Message(arbitration_id=0x1ABCDEF0, data=b"\x03", is_extended_id=True)

    def asked(rows: list) -> bool:
        other.send(message)
        other.send(foreign)
        return len(rows) >= 5

    with tapped(bus) as frames:
        async with answering(bus, unit()):
            await asyncio.wait_for(read(source, asked), 20)
            assert heard == []
            source.tap.want({}, frames=True)
            await asyncio.wait_for(read(source, asked), 20)
            count = len(heard)
            source.tap.want({}, frames=False)
            await asyncio.wait_for(read(source, asked), 20)
    assert len(heard) == count
    said = {(frame.identifier, frame.data) for frame in heard if not frame.sent}
    assert {(0x123, b"\x01\x02"), (0x1ABCDEF0 | 1 << 31, b"\x03")} <= said
    asked_for = {frame.data for frame in heard if frame.sent}
    assert asked_for
    assert asked_for <= {bytes(frame.data) for frame in frames if frame.arbitration_id < 0x7E8}
    assert [frame.at_us for frame in heard] == sorted(frame.at_us for frame in heard)
    other.shutdown()


async def test_campaigns_hear_each_reading_and_set_its_rate(bus, unit, opened, read) -> None:
    """Readings are handed over as they come, at the rate that is wanted."""
    source = opened(f"can:{bus}")
    times: list[float] = []
    source.tap.hear = lambda values: times.append(asyncio.get_running_loop().time()) if SPEED in values else None
    source.tap.want({SPEED: 0.2}, frames=False)
    async with answering(bus, unit()):
        await asyncio.wait_for(read(source, lambda _: len(times) >= 6), 20)
