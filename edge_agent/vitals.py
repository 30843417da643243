"""How the device itself fares: processor temperature, free disk and memory, what waits in the spool, its supply.

Read from where Linux tells them (``/sys``, ``/proc``); what a machine does not tell is left out.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from vehicle.errors import SignalRangeError
from vehicle.signals import (
    DEVICE_FREE_DISK,
    DEVICE_FREE_MEMORY,
    DEVICE_PROCESSOR_TEMPERATURE,
    DEVICE_SUPPLY_VOLTAGE,
    DEVICE_WAITING_MESSAGES,
    signal,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edge_agent.store import Store

_MILLI, _MICRO = 1e-3, 1e-6
_ZONES, _SUPPLIES = "sys/class/thermal/thermal_zone*/temp", "sys/class/power_supply/*/voltage_now"
_MEMORY = "proc/meminfo"
_TOTAL, _AVAILABLE = "MemTotal", "MemAvailable"


async def of_device(store: Store, folder: Path) -> dict[str, int]:
    """What :func:`vitals` says of this machine, and of the spool in ``folder``."""
    _, _, waiting = await store.bounds()
    return await asyncio.to_thread(vitals, folder, waiting)


def vitals(folder: Path, waiting: int, root: Path = Path("/")) -> dict[str, int]:
    """Raw integers by path.

    Args:
        folder: where the spool is; its disk is the one that matters.
        waiting: messages in the spool.
        root: where ``sys`` and ``proc`` are.
    """
    found: dict[str, int] = {}
    for path, value in _values(folder, waiting, root):
        try:
            found[path] = signal(path).raw(value)
        except SignalRangeError:
            continue  # a sensor that says nonsense says nothing
    return found


def _values(folder: Path, waiting: int, root: Path) -> Iterator[tuple[str, float]]:
    yield DEVICE_WAITING_MESSAGES, waiting
    hottest = max(_numbers(root, _ZONES), default=None)
    if hottest is not None:
        yield DEVICE_PROCESSOR_TEMPERATURE, hottest * _MILLI
    supply = max(_numbers(root, _SUPPLIES), default=None)
    if supply is not None:
        yield DEVICE_SUPPLY_VOLTAGE, supply * _MICRO
    memory = _memory(root / _MEMORY)
    if memory.get(_TOTAL) and _AVAILABLE in memory:
        yield DEVICE_FREE_MEMORY, 100 * memory[_AVAILABLE] / memory[_TOTAL]
    try:
        disk = shutil.disk_usage(folder)
    except OSError:
        return
    yield DEVICE_FREE_DISK, 100 * disk.free / disk.total


def _numbers(root: Path, pattern: str) -> Iterator[int]:
    for path in sorted(root.glob(pattern)):
        try:
            yield int(path.read_text(encoding="ascii"))
        except (OSError, ValueError):
            continue  # a sensor that is there and cannot be read, as some zones of phones' processors are


def _memory(path: Path) -> Mapping[str, int]:
    """Sizes by name, in KiB."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return {}
    words = (line.split() for line in lines)
    return {parts[0].rstrip(":"): int(parts[1]) for parts in words if len(parts) > 1 and parts[1].isdecimal()}
