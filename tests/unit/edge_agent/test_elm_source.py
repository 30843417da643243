"""An adapter on a TCP port or a serial line, well behaved and not."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import tty
from typing import TYPE_CHECKING

import pytest

from edge_agent.errors import SourceError
from simulators.ecu import Behaviour
from simulators.elm327 import Elm327
from vehicle.signals import CATALOGUE, COOLANT_TEMPERATURE, ENGINE_SPEED, SPEED

from .conftest import VALUES, VIN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.usefixtures("short_pauses")
WANTED = {SPEED, ENGINE_SPEED, COOLANT_TEMPERATURE}


@pytest.fixture(name="short_pauses")
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_agent.live.PAUSE_S", (0.05, 0.1))
    monkeypatch.setattr("edge_agent.live.ASLEEP_S", (0.05, 0.1))
    monkeypatch.setattr("edge_agent.buses.elm327.RESET_S", 1.0)
    monkeypatch.setattr("edge_agent.buses.elm327.ANSWER_S", 1.0)


@contextlib.asynccontextmanager
async def adapter(*units: object) -> AsyncIterator[str]:
    """A simulated adapter; the URI that leads to it."""
    elm, ready = Elm327(lambda: units), asyncio.Event()
    task = asyncio.create_task(elm.run("127.0.0.1", 0, ready))
    await ready.wait()
    try:
        yield f"elm327:socket://127.0.0.1:{elm.port}"
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@contextlib.asynccontextmanager
async def saying(*answers: bytes) -> AsyncIterator[str]:
    """A port that says the next of ``answers`` to each line, then the last one for ever; empty: it hangs up."""
    left = list(answers)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                await reader.readuntil(b"\r")
                answer = left.pop(0) if len(left) > 1 else left[0]
                if not answer:
                    break
                writer.write(answer)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield f"elm327:socket://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def seen(rows: list) -> set[str]:
    return {path for row in rows for path in row.values}


def happened(rows: list, kind: str) -> list[dict]:
    return [data for row in rows for name, data in row.events if name == kind]


def complete(rows: list) -> bool:
    return seen(rows) >= WANTED and len(happened(rows, "dtc")) >= 2 and bool(happened(rows, "vin"))


async def test_values_codes_and_identity(unit, second_unit, opened, read) -> None:
    """What the ECU knows comes through the adapter's text exactly."""
    async with adapter(unit(), second_unit) as uri:
        rows = await asyncio.wait_for(read(opened(uri), complete), 20)
    for path in WANTED:
        assert {row.values[path] for row in rows if path in row.values} == {CATALOGUE[path].raw(VALUES[path])}
    assert happened(rows, "vin") == [{"vin": VIN}]
    assert {data["code"] for data in happened(rows, "dtc")} == {"P0301", "P0420"}


@pytest.mark.parametrize(
    ("behaviour", "counted"),
    [
        (Behaviour.NO_DATA, "complaints"),
        (Behaviour.GARBAGE, "garbage"),
        (Behaviour.ONE_PID, ""),
        (Behaviour.PENDING, ""),
    ],
)
async def test_one_bad_ecu_does_not_spoil_another(unit, second_unit, opened, read, health, behaviour, counted) -> None:
    """NO DATA, garbage, one parameter at a time, "pending": counted, and the other ECU's speed comes."""
    bad = unit(behaviour=behaviour, values={COOLANT_TEMPERATURE: 88.0, ENGINE_SPEED: 2000.0})
    async with adapter(bad, second_unit) as uri:
        rows = await asyncio.wait_for(read(opened(uri), lambda rows: SPEED in seen(rows) and len(rows) >= 10), 20)
    assert SPEED in seen(rows)
    if counted:
        assert health.counts[counted] > 0


@pytest.mark.parametrize(("named", "again"), [(b"A6", "ATSPA6"), (b"AA", "ATSPAA"), (b"?", "ATSP0")])
async def test_the_protocol_that_was_found_is_tried_first(opened, short_pauses, named: bytes, again: str) -> None:
    """The adapter searches at first; when it was away it begins with what it had found, and may search again."""
    del short_pauses
    chosen: list[str] = []
    requests: list[str] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                line = (await reader.readuntil(b"\r")).decode().strip()
                chosen.extend([line] if line.startswith("ATSP") else [])
                requests.extend([] if line.startswith("AT") else [line])
                if len(requests) == 2 and not line.startswith("AT"):  # after one answer the line breaks
                    break
                said = {"ATZ": b"ELM327 v1.5", "ATDPN": named, "0100": b"7E8064100983B0011"}.get(line, b"OK")
                writer.write(said + b"\r\r>")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    source = opened(f"elm327:socket://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    reading = asyncio.create_task(anext(source.rows(skip=0, start_ms=None)))
    async with asyncio.timeout(20):
        while len(chosen) < 2:
            await asyncio.sleep(0.01)
    reading.cancel()
    await asyncio.wait([reading])
    server.close()
    assert chosen[:2] == ["ATSP0", again]


async def test_a_serial_line(unit, opened, read) -> None:
    """A pseudo-terminal in front of the simulated adapter stands for USB and Bluetooth."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    async with adapter(unit()) as uri:
        port = int(uri.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        loop = asyncio.get_running_loop()
        loop.add_reader(ours, lambda: writer.write(os.read(ours, 4096)))

        async def back() -> None:
            while data := await reader.read(4096):
                os.write(ours, data)

        copying = asyncio.create_task(back())
        rows = await asyncio.wait_for(read(opened(f"elm327:{os.ttyname(theirs)}"), complete), 20)
        loop.remove_reader(ours)
        copying.cancel()
        writer.close()
    assert complete(rows)
    os.close(theirs)
    os.close(ours)


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ((b"",), "closed the line"),
        ((b"\x00",), "said nothing to ATZ"),
        ((b"\xff\xfe\xfd" * 6000,), "no prompt"),
        ((b"ELM327 v1.5\r\r>", b""), "closed the line"),
        ((b"ELM327 v1.5\r\r>", b"?\r\r>"), "no ECU answers"),
        ((b"ELM327 v1.5\r\r>", *[b"OK\r\r>"] * 5, b"NO DATA\r\r>"), "no ECU answers"),
        ((b"ELM327 v1.5\r\r>", *[b"OK\r\r>"] * 5, b"garbage\r\r>"), "no ECU answers"),
        ((b"ELM327 v1.5\r\r>", *[b"OK\r\r>"] * 5, b"\r\rELM327 v1.5\r\r>"), "began anew"),
    ],
)
async def test_bad_adapters_are_named_and_tried_again(opened, health, caplog, answers, words) -> None:
    """Each has its words, said in the log; the source goes on trying and ends nothing."""
    async with saying(*answers) as uri:
        source = opened(uri)
        reading = asyncio.create_task(anext(source.rows(skip=0, start_ms=None)))
        while health.counts["reopened"] + health.counts["asleep"] < 2:
            assert not reading.done(), reading
            await asyncio.sleep(0.01)
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading
    assert any(words in record.getMessage() for record in caplog.records), caplog.text


async def test_an_adapter_that_is_plugged_in_later(unit, opened, read, health, free_port) -> None:
    """Nothing listens at first; once the adapter is there, rows come."""
    port = free_port()
    reading = asyncio.create_task(read(opened(f"elm327:socket://127.0.0.1:{port}"), complete))
    while health.counts["reopened"] < 2:
        await asyncio.sleep(0.01)
    elm, ready = Elm327(lambda: (unit(),)), asyncio.Event()
    serving = asyncio.create_task(elm.run("127.0.0.1", port, ready))
    assert complete(await asyncio.wait_for(reading, 20))
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving


async def test_a_question_that_was_broken_off_does_not_shift_the_answers(unit, opened) -> None:
    """After a request from afar that ran out of time, the next answers still belong to their questions."""
    async with adapter(unit()) as uri:
        source = opened(uri)
        stream = source.rows(skip=0, start_ms=None)
        await asyncio.wait_for(anext(stream), 20)
        for _ in range(5):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(source.ask("read_dtcs", lambda _: None), 0.01)
        assert await source.ask("read_vin", lambda _: None) == {"vin": VIN}
        found = await source.ask("read_dtcs", lambda _: None)
        await stream.aclose()
    assert {one["code"] for one in found["codes"]} == {"P0301", "P0420"}


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("elm327:ttyUSB0", "/dev/ttyUSB0"),
        ("elm327:socket://", "socket://HOST:PORT"),
        ("elm327:socket://host", "socket://HOST:PORT"),
        ("elm327:socket://host:99999", "socket://HOST:PORT"),
        ("elm327:/dev/ttyUSB0?baudd=1", "baud"),
    ],
)
def test_uris_that_name_no_adapter(opened, uri: str, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        opened(uri)


async def test_a_device_that_is_not_there(opened, health, caplog) -> None:
    """It is named, and tried again, since an adapter may be plugged in later."""
    reading = asyncio.create_task(anext(opened("elm327:/dev/no-such-adapter").rows(skip=0, start_ms=None)))
    while health.counts["reopened"] < 2:
        await asyncio.sleep(0.01)
    reading.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await reading
    assert (
        "/dev/no-such-adapter cannot be opened" in caplog.text
        or "/dev/no-such-adapter: cannot be opened" in caplog.text
    )
