"""What travels: columns of samples of one device over a short time, and single happenings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


class TimeQuality(StrEnum):
    """Where a device's idea of the time comes from, best first; ``recorded`` is a log's own time."""

    GNSS = "gnss"
    NTP = "ntp"
    SERVER = "server"
    RTC = "rtc"
    RECORDED = "recorded"
    NONE = "none"


class EventKind(StrEnum):
    """What happened."""

    DTC = "dtc"
    """A trouble code appeared or went: ``ecu``, ``code``, ``state``, ``present``; of trucks also ``count``, how
    often it came, and ``spn_version`` where how the SPN is written was assumed."""
    MIL = "mil"
    """The malfunction lamp: ``on``, ``count``; of trucks also ``ecu`` and ``lamps``."""
    GAP = "gap"
    """Batches that the device had to drop: ``first``, ``last``, ``count``, ``reason``; with ``rows``, how many rows
    went of batches that it keeps."""
    UNREADABLE = "unreadable"
    """Input that the device could not read: ``source``, ``place``, ``reason``, ``text``."""
    VIN = "vin"
    """The car's identity: ``vin``."""
    CLOCK_ANCHOR = "clock_anchor"
    """Good time became known: ``utc_ms``, ``monotonic_ms``, ``quality``."""
    POLLING_STOPPED = "polling_stopped"
    """The device asks the car nothing any more, because that may have done harm: ``codes``, ``reason``."""
    TRIP = "trip"
    """Engine on or off: ``on``."""
    CAMPAIGN = "campaign"
    """A part of what a trigger of a collection campaign collected: see :class:`vehicle.campaign.CapturePart`."""


class Clocked(Protocol):
    """What says when it is from: a batch, packed or not, or an event."""

    @property
    def boot_id(self) -> int:
        """The boot of the device."""

    @property
    def monotonic_ms(self) -> int:
        """The clock of that boot, at the first row."""

    @property
    def quality(self) -> TimeQuality:
        """Where the device's time comes from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Samples on a grid of times, one column a signal of the set.

    ``times_ms`` (``(n_rows,)``, epoch milliseconds UTC as the device believes, strictly increasing) and ``columns``
    (``(n_signals,)`` of ``(n_rows,)`` raw integers, ``None`` where nothing was read anew). ``monotonic_ms`` is the
    boot's clock at the first row, so that a wrong wall clock can be mended later.
    """

    boot_id: int
    quality: TimeQuality
    monotonic_ms: int
    signal_set_id: str
    times_ms: tuple[int, ...]
    columns: tuple[tuple[int | None, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One happening; ``data`` holds plain JSON values as :class:`EventKind` says for its kind.

    ``kind`` is a plain string, so that a newer device's kinds survive an older server.
    """

    kind: str
    time_ms: int
    quality: TimeQuality
    boot_id: int
    monotonic_ms: int
    data: dict[str, Any]
