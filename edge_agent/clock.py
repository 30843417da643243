"""The clocks of this machine: what it believes the time is, how sure, and the boot's own clock."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

from vehicle.batch import TimeQuality

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_SYNCHRONISED = Path("/run/systemd/timesync/synchronized")


@dataclass(frozen=True, slots=True)
class Moment:
    """``believed_ms`` since 1970 UTC, ``monotonic_ms`` since boot, also while asleep."""

    believed_ms: int
    monotonic_ms: int


class Clock:
    """Reads this machine's clocks."""

    def __init__(self) -> None:
        text = _BOOT_ID.read_text() if _BOOT_ID.exists() else str(time.time_ns() - time.monotonic_ns())
        digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
        self.boot_id = int.from_bytes(digest, "big") >> 1
        self.quality = TimeQuality.NTP if _SYNCHRONISED.exists() else TimeQuality.RTC

    def now(self) -> Moment:
        """Both clocks at once."""
        boot = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
        return Moment(time.time_ns() // 1_000_000, time.clock_gettime_ns(boot) // 1_000_000)
