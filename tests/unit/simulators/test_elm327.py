"""The adapter on its port: who may reach it, several testers, lines without end."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from simulators.ecu import Unit
from simulators.elm327 import LONGEST_LINE, Elm327, parse_address
from simulators.errors import PortError
from vehicle import signals

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

WAIT_S = 10.0


@contextlib.asynccontextmanager
async def listening() -> AsyncIterator[Elm327]:
    adapter = Elm327(lambda: [Unit(values={signals.SPEED: 50.0, signals.CONTROL_MODULE_VOLTAGE: 13.94})])
    ready = asyncio.Event()
    running = asyncio.create_task(adapter.run("127.0.0.1", 0, ready))
    try:
        await asyncio.wait_for(ready.wait(), WAIT_S)
        yield adapter
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def said(streams, line: str) -> str:
    reader, writer = streams
    writer.write(line.encode() + b"\r")
    text = await asyncio.wait_for(reader.readuntil(b">"), WAIT_S)
    return text.decode()


async def test_each_tester_has_its_own_settings() -> None:
    """One turns the echo off; the other still gets it. The voltage is the car's."""
    async with listening() as adapter:
        one, two = [await asyncio.open_connection("127.0.0.1", adapter.port) for _ in range(2)]
        await said(one, "ATE0")
        assert (await said(one, "ATRV")).split() == ["13.9V", ">"]
        assert (await said(two, "ATRV")).split() == ["ATRV", "13.9V", ">"]
        assert "41 0D 32" in await said(two, "010D")
        assert adapter.requests == 1
        for _, writer in (one, two):
            writer.close()


async def test_a_line_without_end_ends_the_connection_only() -> None:
    """The next tester is served."""
    async with listening() as adapter:
        reader, writer = await asyncio.open_connection("127.0.0.1", adapter.port)
        writer.write(b"0" * (4 * LONGEST_LINE))
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), WAIT_S) == b""
        writer.close()
        other = await asyncio.open_connection("127.0.0.1", adapter.port)
        assert "ELM327" in await said(other, "ATI")
        other[1].close()


async def test_a_port_that_is_taken() -> None:
    """Refused with the address."""
    async with listening() as adapter:
        with pytest.raises(PortError, match=f"127.0.0.1:{adapter.port} cannot be listened on"):
            await Elm327(list).run("127.0.0.1", adapter.port)


@pytest.mark.parametrize("text", ["127.0.0.1:35000", "localhost:0", "[::1]:35000"])
def test_this_machine_may_listen(text: str) -> None:
    host, port = parse_address(text)
    assert f"{host}:{port}" == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("35000", "is not host:port"),
        (":35000", "is not host:port"),
        ("127.0.0.1:", "is not host:port"),
        ("127.0.0.1:99999", "is not host:port"),
        ("127.0.0.1:x", "is not host:port"),
        ("0.0.0.0:35000", "can be reached from outside"),
        ("192.168.0.10:35000", "can be reached from outside"),
        ("example.org:35000", "can be reached from outside"),
    ],
)
def test_addresses_that_are_refused(text: str, words: str) -> None:
    with pytest.raises(PortError, match=words):
        parse_address(text)
