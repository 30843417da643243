"""Slows down guessing of passwords: so many tries a minute for an account and for an address. Time is handed in."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager, suppress
from threading import Lock
from typing import TYPE_CHECKING

from api.errors import TooManyTriesError

if TYPE_CHECKING:
    from collections.abc import Iterator

PER_ACCOUNT = 10
"""Tries a minute for one account (our choice: a person mistypes less often, a guesser needs thousands)."""
PER_ADDRESS = 60
WINDOW_S = 60.0
_MAX_KEYS = 10_000


class Throttle:
    """Remembers recent tries of this process; requests of several threads may ask at once."""

    def __init__(self) -> None:
        self._tries: dict[str, deque[float]] = {}
        self._lock = Lock()

    def check(self, *, account: str, address: str, now_s: float) -> None:
        """Counts a try.

        Raises:
            TooManyTriesError: the account or the address had its share within the last minute.
        """
        with self._lock:
            if len(self._tries) > _MAX_KEYS:
                self._forget(now_s)
            for key, most in zip(_keys(account, address), (PER_ADDRESS, PER_ACCOUNT), strict=True):
                self._count(key, most, now_s)

    @contextmanager
    def trying(self, *, account: str, address: str, now_s: float) -> Iterator[None]:
        """Counts the try that is made within, until it has succeeded: who knows the password guesses nothing.

        Raises:
            TooManyTriesError: as :meth:`check`.
        """
        self.check(account=account, address=address, now_s=now_s)
        yield
        with self._lock:
            for key in _keys(account, address):
                with suppress(ValueError):  # forgotten meanwhile
                    self._tries.get(key, deque()).remove(now_s)

    def _count(self, key: str, most: int, now_s: float) -> None:
        recent = self._tries.setdefault(key, deque())
        while recent and recent[0] <= now_s - WINDOW_S:
            recent.popleft()
        if len(recent) >= most:
            raise TooManyTriesError(max(1, round(recent[0] + WINDOW_S - now_s)))
        recent.append(now_s)

    def _forget(self, now_s: float) -> None:
        # Only what is over: forgetting all would let a flood of names reopen a guarded account.
        self._tries = {key: tries for key, tries in self._tries.items() if tries and tries[-1] > now_s - WINDOW_S}


def _keys(account: str, address: str) -> tuple[str, str]:
    return f"address:{address}", f"account:{account.strip().lower()}"
