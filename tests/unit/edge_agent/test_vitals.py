"""The device's own health: read from where Linux tells it, and sent with what the car says."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from edge_agent.buses.base import Row
from edge_agent.clock import Clock
from edge_agent.health import Health
from edge_agent.recorder import Recorder
from edge_agent.settings import Collect
from edge_agent.vitals import vitals
from vehicle.signals import (
    DEVICE_FREE_DISK,
    DEVICE_FREE_MEMORY,
    DEVICE_PROCESSOR_TEMPERATURE,
    DEVICE_SUPPLY_VOLTAGE,
    DEVICE_WAITING_MESSAGES,
    SPEED,
    signal,
)

if TYPE_CHECKING:
    from pathlib import Path


def machine(root: Path, files: dict[str, str]) -> Path:
    """A machine that tells this much."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


FILES = {
    "sys/class/thermal/thermal_zone0/temp": "48123\n",
    "sys/class/thermal/thermal_zone1/temp": "61900\n",
    "sys/class/thermal/thermal_zone2/temp": "broken\n",
    "sys/class/power_supply/usb/voltage_now": "5080000\n",
    "proc/meminfo": "MemTotal:       1000000 kB\nMemFree:  100 kB\nMemAvailable:    250000 kB\nVmallocTotal: x\n",
}


def test_what_a_machine_tells(tmp_path: Path) -> None:
    """The hottest zone, the memory that is to be had, volts out of microvolts, the spool's disk."""
    found = vitals(tmp_path, 7, machine(tmp_path / "root", FILES))
    said = {path: signal(path).value(raw) for path, raw in found.items()}
    assert said.pop(DEVICE_FREE_DISK) == pytest.approx(50, abs=50)
    assert said == {
        DEVICE_PROCESSOR_TEMPERATURE: 62, DEVICE_FREE_MEMORY: 25, DEVICE_WAITING_MESSAGES: 7,
        DEVICE_SUPPLY_VOLTAGE: 5.08,
    }  # fmt: skip


def test_what_it_does_not_tell_is_left_out(tmp_path: Path) -> None:
    """No zero stands for what is not known; a sensor that says nonsense says nothing."""
    root = machine(tmp_path / "root", {"sys/class/thermal/thermal_zone0/temp": "999000000"})
    assert set(vitals(tmp_path / "gone", 0, root)) == {DEVICE_WAITING_MESSAGES}


class Silent:
    """A live source of one row and then silence, or a recording of a few rows."""

    uri, quality = "silent:", None

    def __init__(self, key: str | None) -> None:
        self.key = key

    async def rows(self, *, skip: int, start_ms: int | None) -> Any:
        """One row, and for a live source no other."""
        del skip
        yield Row(values={SPEED: 50}, time_ms=start_ms)
        while self.key is None:
            await asyncio.sleep(3600)


class Kept:
    """A store that keeps nothing but the values that came."""

    async def codes(self) -> list[Any]:
        return []

    async def position(self, key: str) -> None:
        del key

    async def latest_ms(self) -> None:
        return None

    async def keep_set(self, chosen: Any) -> None:
        del chosen

    async def append(self, entries: Any, position: Any, changes: Any) -> None:
        del entries, position, changes


async def taken(key: str | None, every_s: float, rows: int) -> list[dict[str, int]]:
    """The values of so many rows that a recorder takes, with a device that says 3 messages wait."""
    found: list[dict[str, int]] = []
    kept: Any = Kept()
    source: Any = Silent(key)
    collect = Collect(batch_seconds=0.01, device_every_s=every_s)
    recorder = Recorder(source, kept, Clock(), Health(), collect, None)

    async def said() -> dict[str, int]:
        return {DEVICE_WAITING_MESSAGES: 3}

    recorder.vitals = said
    enough = asyncio.Event()

    def take(time_ms: int, values: Any, quality: Any) -> None:
        del time_ms, quality
        found.append(dict(values))
        if len(found) >= rows:
            enough.set()

    recorder.taken = take
    running = asyncio.ensure_future(recorder.run())
    await asyncio.wait([running, asyncio.ensure_future(enough.wait())], timeout=10, return_when="FIRST_COMPLETED")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return found


async def test_a_silent_car_does_not_silence_the_device() -> None:
    """With the car's row first, then alone, each time that it is due."""
    first, *more = await taken(None, 0.02, 4)
    assert first == {SPEED: 50, DEVICE_WAITING_MESSAGES: 3}
    assert more == [{DEVICE_WAITING_MESSAGES: 3}] * 3


@pytest.mark.parametrize(("key", "every_s"), [("recording", 0.02), (None, 0.0)])
async def test_a_recording_or_a_device_that_is_told_so_says_nothing(key: str | None, every_s: float) -> None:
    """What was recorded long ago has nothing to do with this device's health."""
    assert await taken(key, every_s, 1) == [{SPEED: 50}]
