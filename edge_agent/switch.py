"""The one switch that makes the device listen only: by its settings, by the service desk, or by itself after harm.

What the desk or the agent itself decided survives a restart, in a file beside the spool. The settings are the owner's
last word: where they say listen only, nobody else can change it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import msgspec

from edge_agent.errors import ForbiddenRequestError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOG = logging.getLogger(__name__)


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided, and why."""

    listen_only: bool = False
    why: str = ""


class Switch:
    """Read before every single byte that leaves towards a car."""

    def __init__(self, path: Path | None = None, *, local: bool = False) -> None:
        self._path, self._local = path, local
        self._position = self._load()
        self.may_ask = asyncio.Event()
        """Set while requests may be sent."""
        self.turned: Callable[[], None] = lambda: None
        """Called after each decision."""
        self._tell()

    @property
    def listen_only(self) -> bool:
        """Whether nothing may be sent at all."""
        return self._local or self._position.listen_only

    @property
    def why(self) -> str:
        """Why nothing may be sent."""
        return "listen_only is set in this device's configuration" if self._local else self._position.why

    def turn(self, *, listen_only: bool, why: str) -> None:
        """Sets the switch for good.

        Raises:
            ForbiddenRequestError: the configuration says listen only, and it is to be turned off from elsewhere.
        """
        if self._local and not listen_only:
            raise ForbiddenRequestError("listen_only_off", f"{self.why}; only there can it be taken back")
        self._position = Position(listen_only=listen_only, why=why)
        if self._path is not None:
            written = self._path.with_name(f"{self._path.name}.new")
            written.write_bytes(msgspec.json.encode(self._position))
            written.replace(self._path)
        self._tell()
        self.turned()
        LOG.warning("listen only: %s (%s)", "on" if listen_only else "off", why)

    def _tell(self) -> None:
        if self.listen_only:
            self.may_ask.clear()
        else:
            self.may_ask.set()

    def _load(self) -> Position:
        if self._path is None or not self._path.exists():
            return Position()
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Position)
        except (msgspec.DecodeError, OSError) as error:
            LOG.warning("%s cannot be read (%s): listening only, until somebody says otherwise", self._path, error)
            return Position(listen_only=True, why=f"{self._path.name} cannot be read")
