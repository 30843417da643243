"""How many dead letters of one device are kept a minute; what a broken device sends beyond is only counted. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

MOST_A_MINUTE = 100
"""Enough to see what is wrong with a device; more says nothing new and fills the disk (our choice)."""
MINUTE_MS = 60_000
_MAX_DEVICES = 10_000


@dataclass(slots=True)
class Quarantine:
    """Counts dead letters by device in windows of a minute; what can be read of a device is never held back."""

    most: int = MOST_A_MINUTE
    _windows: dict[str, tuple[int, int]] = field(default_factory=dict)

    def count(self, device_id: str | None, now_ms: int) -> int:
        """Counts one more dead letter; how many there have been in this minute with it."""
        key, minute = device_id or "", now_ms // MINUTE_MS
        if len(self._windows) >= _MAX_DEVICES:
            self._windows = {one: window for one, window in self._windows.items() if window[0] == minute}
        last, count = self._windows.get(key, (minute, 0))
        count = count + 1 if last == minute else 1
        self._windows[key] = (minute, count)
        return count
