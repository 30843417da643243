"""Slows down guessing of passwords: so many tries a minute for an account and for an address. Time is handed in."""

from __future__ import annotations

from collections import deque

from api.errors import TooManyTriesError

PER_ACCOUNT = 10
"""Tries a minute for one account (RELIABILITY S7)."""
PER_ADDRESS = 60
WINDOW_S = 60.0
_MAX_KEYS = 10_000


class Throttle:
    """Remembers recent tries of this process."""

    def __init__(self) -> None:
        self._tries: dict[str, deque[float]] = {}

    def check(self, *, account: str, address: str, now_s: float) -> None:
        """Counts a try.

        Raises:
            TooManyTriesError: the account or the address had its share within the last minute.
        """
        if len(self._tries) > _MAX_KEYS:
            self._tries.clear()
        for key, most in ((f"account:{account.strip().lower()}", PER_ACCOUNT), (f"address:{address}", PER_ADDRESS)):
            recent = self._tries.setdefault(key, deque())
            while recent and recent[0] <= now_s - WINDOW_S:
                recent.popleft()
            if len(recent) >= most:
                raise TooManyTriesError(max(1, round(recent[0] + WINDOW_S - now_s)))
            recent.append(now_s)
