"""What no honest device sends: numbers that would break arithmetic or columns further down. Pure.

A wrong clock or a value out of range is not meant here; those are kept, mended or counted.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from vehicle.batch import EventKind
from vehicle.campaign import read_part
from vehicle.errors import MessageError, Reason, WireError
from vehicle.signals import CATALOGUE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vehicle.batch import Clocked, Event
    from vehicle.messages import State
    from vehicle.signal_set import SignalEntry, SignalSet

PATH = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)+")
"""A VSS path: at least two words joined by dots. History's own columns have no dot, so no device can name one."""
MAX_PATH = 150
LAST_MS = int(datetime(2200, 1, 1, tzinfo=UTC).timestamp() * 1000)
"""Times beyond are no clock's error but damage (our choice); so are times before 1970."""
MAX_SPAN_MS = 31 * 24 * 3600 * 1000
"""A batch spans a short time; more than a month is damage (our choice)."""
MAX_COUNTER = (1 << 63) - 1
MAX_SCALE = 1 << 31
MOST_REFUSED = 100
"""More campaigns than a device can ever be told of."""
_MAX_OFFSET = 1 << 53
_MAX_PRODUCT = 1 << 62
_LOWEST, _HIGHEST = -(1 << 63), (1 << 63) - 1


def check_times(what: Clocked, first_ms: int, last_ms: int) -> None:
    """Looks whether the believed times and the boot clock of a message are any clock's, even a wrong one's.

    Raises:
        WireError: they are damage.
    """
    if not 0 <= first_ms <= last_ms < LAST_MS:
        raise WireError(Reason.RANGE, f"its times, {first_ms} to {last_ms} ms, are not between 1970 and 2200")
    if last_ms - first_ms > MAX_SPAN_MS:
        days = (last_ms - first_ms) // (24 * 3600 * 1000)
        raise WireError(Reason.RANGE, f"its rows span {days} days, at most 31 are taken")
    if not (0 <= what.monotonic_ms < LAST_MS and 0 <= what.boot_id <= MAX_COUNTER):
        raise WireError(Reason.RANGE, f"boot {what.boot_id} at {what.monotonic_ms} ms is no boot and no boot clock")


def check_event(event: Event) -> None:
    """Looks whether an event that is stored apart by its fields has them.

    Raises:
        WireError: a part of a campaign's capture that does not hold together.
    """
    if event.kind != EventKind.CAMPAIGN:
        return
    try:
        part = read_part(event.data)
    except MessageError as error:
        raise WireError(Reason.DECODE, str(error)) from error
    numbers = (part.version, part.missed, part.begin_ms, part.end_ms, *part.fired.values())
    if not all(math.isfinite(number) and abs(number) < MAX_SCALE for number in numbers):
        raise WireError(Reason.RANGE, "a number of the campaign's capture is beyond all reason")
    if not all(PATH.fullmatch(path) and len(path) <= MAX_PATH for path in (*part.rows.columns, *part.fired)):
        raise WireError(Reason.UNKNOWN_SCHEMA, "a column of the campaign's capture is no VSS path, as Vehicle.Speed")


def check_state(state: State) -> None:
    """Looks whether the numbers of a birth or will can be stored.

    Raises:
        WireError: a counter or clock that no device can have.
    """
    counters = (state.epoch, state.boot_id, state.first, state.last, state.config_version)
    if not (all(0 <= counter <= MAX_COUNTER for counter in counters) and 0 <= state.monotonic_ms < LAST_MS):
        why = f"epoch {state.epoch}, boot {state.boot_id} or clock {state.monotonic_ms} ms cannot be a device's"
        raise WireError(Reason.RANGE, why)
    if len(state.refused) > MOST_REFUSED:
        raise WireError(Reason.RANGE, f"it refuses {len(state.refused)} campaigns, at most {MOST_REFUSED} are told")


def check_set(signal_set: SignalSet) -> None:
    """Looks whether a signal set can become columns of history.

    Raises:
        WireError: a path that is none or stands there twice, or a scale beyond all reason.
    """
    for entry in signal_set.entries:
        if len(entry.path) > MAX_PATH or not PATH.fullmatch(entry.path):
            raise WireError(Reason.UNKNOWN_SCHEMA, f"{entry.path[:MAX_PATH]!r} is not a VSS path, as Vehicle.Speed")
        if max(abs(entry.numerator), entry.denominator) >= MAX_SCALE or abs(entry.offset) >= _MAX_OFFSET:
            raise WireError(Reason.UNKNOWN_SCHEMA, f"the scale of {entry.path} is beyond all reason")
    if len(set(signal_set.paths)) < len(signal_set.paths):
        raise WireError(Reason.UNKNOWN_SCHEMA, f"signal set {signal_set.id} names a signal twice")


@lru_cache(maxsize=4096)
def raw_bounds(entry: SignalEntry) -> tuple[int, int]:
    """Smallest and largest raw value that a column may have.

    That is the catalogue's range for a signal that it knows, also at another resolution; for any other signal what
    64-bit arithmetic can hold.
    """
    row = CATALOGUE.get(entry.path)
    if row is None:
        limit = (_MAX_PRODUCT - abs(entry.offset)) // abs(entry.numerator)
        return -limit, limit
    if (row.numerator, row.denominator, row.offset) == (entry.numerator, entry.denominator, entry.offset):
        return row.raw_minimum, row.raw_maximum
    values = (Fraction(raw * row.numerator + row.offset, row.denominator) for raw in (row.raw_minimum, row.raw_maximum))
    ends = sorted((value * entry.denominator - entry.offset) / entry.numerator for value in values)
    return math.ceil(ends[0]), math.floor(ends[1])


def bounds_of(signal_set: SignalSet) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The bounds of each column of a set as 64-bit integers, each ``(n_columns, 1)``."""
    ends = [min(max(end, _LOWEST), _HIGHEST) for entry in signal_set.entries for end in raw_bounds(entry)]
    bounds = np.array(ends, np.int64).reshape(-1, 2, 1)
    return bounds[:, 0], bounds[:, 1]
