"""When samples of a car with a wrong clock were really taken. Pure.

Anchor: at the birth message the server knows its own time and the device's boot clock together, so
``offset_ms = server time - boot clock`` places everything of that boot, also what was recorded before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from vehicle.batch import TimeQuality

TOLERANCE_MS = 5 * 60 * 1000
"""A believed time within five minutes of the anchored one is left as it is (our choice)."""
FLOOR_MS = int(datetime(2015, 1, 1, tzinfo=UTC).timestamp() * 1000)
"""No device of ours is older; an earlier time is a clock that never was set (our choice)."""
TRUSTED = frozenset({TimeQuality.GNSS, TimeQuality.NTP, TimeQuality.RECORDED})


@dataclass(frozen=True, slots=True)
class Placement:
    """``shift_ms`` to add to believed times; ``corrected`` by an anchor; ``suspect`` where nothing better is known."""

    shift_ms: int = 0
    corrected: bool = False
    suspect: bool = False


_AS_BELIEVED, _AS_BELIEVED_THOUGH_ABSURD = Placement(), Placement(suspect=True)


def place(
    *, first_ms: int, last_ms: int, monotonic_ms: int, quality: TimeQuality, anchor_offset_ms: int | None, now_ms: int
) -> Placement:
    """Where the rows that the device believes to be from ``first_ms`` to ``last_ms`` belong.

    ``monotonic_ms`` is the boot clock at the first row. A trusted clock is believed unless it is absurd.
    """
    absurd = first_ms < FLOOR_MS or last_ms > now_ms + TOLERANCE_MS
    if quality is TimeQuality.RECORDED or (quality in TRUSTED and not absurd):
        return _AS_BELIEVED_THOUGH_ABSURD if absurd else _AS_BELIEVED
    if anchor_offset_ms is not None:
        shift = anchor_offset_ms + monotonic_ms - first_ms
        if first_ms + shift >= FLOOR_MS and last_ms + shift <= now_ms + TOLERANCE_MS:
            return Placement(shift_ms=shift, corrected=True) if abs(shift) > TOLERANCE_MS else _AS_BELIEVED
    if absurd:
        return Placement(shift_ms=now_ms - last_ms, suspect=True)
    return _AS_BELIEVED
