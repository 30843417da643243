"""Positions: sentences of a receiver, and that nothing is read without leave."""

from __future__ import annotations

import asyncio
import contextlib
from functools import reduce
from operator import xor
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent import position
from edge_agent.errors import ConfigError
from edge_agent.position import WATCH, Position, Receiver
from edge_agent.protocols.nmea import Fix, fix
from vehicle.signals import ALTITUDE, HEADING, LATITUDE, LONGITUDE, signal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


def sentence(body: str) -> bytes:
    """The body with its checksum."""
    return f"${body}*{reduce(xor, body.encode(), 0):02X}\r\n".encode()


RMC = sentence("GNRMC,083559.00,A,3113.82600,N,12128.41400,E,0.004,77.5,230326,,,A")
GGA = sentence("GPGGA,092725.00,3113.82600,S,12128.41400,W,1,08,1.01,499.6,M,48.0,M,,")


def test_sentences() -> None:
    """Degrees and minutes become degrees, south and west negative; each kind says what it knows."""
    assert fix(RMC) == Fix(
        latitude=pytest.approx(31.230433, abs=1e-6), longitude=pytest.approx(121.473567, abs=1e-6), heading=77.5
    )
    assert fix(GGA) == Fix(
        latitude=pytest.approx(-31.230433, abs=1e-6), longitude=pytest.approx(-121.473567, abs=1e-6), altitude_m=499.6
    )


@pytest.mark.parametrize(
    "line",
    [
        sentence("GNRMC,083559.00,V,,,,,,,230326,,,N"),
        sentence("GPGGA,092725.00,,,,,0,00,99.99,,,,,,"),
        sentence("GNRMC,083559.00,A,3160.00000,N,12128.41400,E,0.004,77.5,230326,,,A"),
        sentence("GNRMC,083559.00,A,9113.00000,N,12128.41400,E,0.004,77.5,230326,,,A"),
        sentence("GNRMC,083559.00,A,3113.82600,X,12128.41400,E,0.004,,230326,,,A").replace(b"X", b"\xff"),
        sentence("GPGSV,3,1,11,03,03,111,00"),
        RMC.replace(b"77.5", b"78.5"),
        RMC[:-6],
        b"",
        b'{"class":"VERSION"}\r\n',
    ],
)
def test_what_is_no_fix(line: bytes) -> None:
    """Without one, out of range, another kind, a wrong checksum, cut off, gpsd's own words."""
    assert fix(line) is None


@given(st.binary(max_size=200) | st.text(max_size=90).map(lambda body: sentence(body.replace("\ud800", ""))))
def test_any_line_is_read_or_left(line: bytes) -> None:
    """Nothing raises."""
    fix(line)


@given(st.floats(-89.99, 89.99), st.floats(-179.99, 179.99))
def test_places_survive(latitude: float, longitude: float) -> None:
    """To a tenth of a metre or so, whatever the hemisphere."""

    def angle(value: float, digits: int) -> str:
        degrees, rest = divmod(abs(value), 1)
        return f"{int(degrees):0{digits}d}{min(rest * 60, 59.999999):09.6f}"

    north, east = "NS"[latitude < 0], "EW"[longitude < 0]
    found = fix(sentence(f"GPRMC,1,A,{angle(latitude, 2)},{north},{angle(longitude, 3)},{east},0,,1,,,A"))
    assert found is not None
    assert found.latitude == pytest.approx(latitude, abs=2e-6)
    assert found.longitude == pytest.approx(longitude, abs=2e-6)


@pytest.mark.parametrize("text", ["gps0", "gpsd://", "socket://host", "gpsd://host:99999", "http://host:1"])
def test_a_receiver_that_is_none(text: str) -> None:
    with pytest.raises(ConfigError, match="gpsd://127"):
        Receiver.parse(text)


@contextlib.asynccontextmanager
async def gpsd(heard: list[bytes]) -> AsyncIterator[int]:
    """Says its version, and NMEA once it is asked for it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'{"class":"VERSION"}\r\n')
        heard.append(await reader.readline())
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(RMC + GGA.replace(b",S,", b",N,") + sentence(GGA[1:-5].decode()))
                await writer.drain()
                await asyncio.sleep(0.01)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_receiver_is_read_while_it_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its port is not opened before, and when leave is taken back nothing that was heard is given out."""
    monkeypatch.setattr(position, "LOOK_S", 0.01)
    heard: list[bytes] = []
    leave = [False]
    async with gpsd(heard) as port:
        followed = Position(Receiver.parse(f"gpsd://127.0.0.1:{port}"), lambda: leave[0])
        running = asyncio.ensure_future(followed.run())
        await asyncio.sleep(0.1)
        assert (heard, followed.values()) == ([], {})
        leave[0] = True
        seen: dict[str, int] = {}
        await until(lambda: seen.update(followed.values()) or {LATITUDE, LONGITUDE, ALTITUDE, HEADING} <= set(seen))
        assert heard == [WATCH]
        assert signal(LONGITUDE).value(seen[LONGITUDE]) in {121.473567, -121.473567}
        assert signal(ALTITUDE).value(seen[ALTITUDE]) == 499.6
        await asyncio.sleep(0.05)
        leave[0] = False
        assert followed.values() == {}
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_receiver_that_is_gone_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said once and does not end the agent."""
    monkeypatch.setattr(position, "PAUSE_S", 0.01)
    followed = Position(Receiver.parse("/dev/no-receiver-here"), lambda: True)
    running = asyncio.ensure_future(followed.run())
    await until(lambda: "no position" in caplog.text)
    await asyncio.sleep(0.1)
    assert not running.done()
    assert caplog.text.count("no position") == 1
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("turns", range(8))
async def test_an_end_that_comes_with_a_sentence_is_an_end(monkeypatch: pytest.MonkeyPatch, turns: int) -> None:
    """However near to each other the two come, the agent ends."""
    reader = asyncio.StreamReader()

    async def opened(_: Receiver) -> tuple[asyncio.StreamReader, Callable[[], object]]:
        return reader, lambda: None

    monkeypatch.setattr(position, "_opened", opened)
    followed = Position(Receiver.parse("gpsd://127.0.0.1:2947"), lambda: True)
    running = asyncio.ensure_future(followed.run())
    reader.feed_data(RMC)
    await until(followed.values)
    reader.feed_data(RMC)
    for _ in range(turns):
        await asyncio.sleep(0)
    running.cancel()
    done, _ = await asyncio.wait([running], timeout=1)
    running.cancel()
    assert done == {running}
