"""What the device was told to collect, and how much it did today; kept on disk, so that it holds without the server.

A small JSON file beside the spool, written anew as a whole and put in place of the old one.
"""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING

import msgspec

from vehicle.campaign import Config

if TYPE_CHECKING:
    from pathlib import Path

LOG = logging.getLogger(__name__)
DAY_MS = 86_400_000


class Use(msgspec.Struct, kw_only=True):
    """What a campaign used of its budget on a UTC day, counted from 1970."""

    day: int
    triggers: int = 0
    size: int = 0


class _Page(msgspec.Struct, kw_only=True):
    config: Config = Config(version=0)
    used: dict[str, Use] = {}
    latest_ms: int = 0


class Book:
    """One device's campaigns; what changed is durable when :meth:`replace` or :meth:`save` returns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._page = self._read()
        self._writing = asyncio.Lock()

    @property
    def config(self) -> Config:
        """What the device was told last."""
        return self._page.config

    @property
    def latest_ms(self) -> int:
        """The server's time when it was last noted; it is not earlier now, whatever this machine's clock says."""
        return self._page.latest_ms

    def note_time(self, server_ms: int) -> None:
        """Notes the server's time."""
        self._page.latest_ms = max(self._page.latest_ms, server_ms)

    async def replace(self, config: Config) -> None:
        """Takes what the device is told now; the use of campaigns that are gone is forgotten.

        Raises:
            OSError: the disk does not take it; what was told before holds.
        """
        ids = {campaign.id for campaign in config.campaigns}
        before, kept = self._page, {key: use for key, use in self._page.used.items() if key in ids}
        self._page = _Page(config=config, used=kept, latest_ms=before.latest_ms)
        try:
            await self.save()
        except OSError:
            self._page = before
            raise

    def used(self, campaign_id: str, now_ms: int) -> Use:
        """What a campaign has used on the day of ``now_ms``; to be added to."""
        day = now_ms // DAY_MS
        use = self._page.used.get(campaign_id)
        if use is None or use.day != day:
            use = self._page.used[campaign_id] = Use(day=day)
        return use

    async def save(self) -> None:
        """Writes it; when this returns it survives a power cut.

        Raises:
            OSError: the disk does not take it; what was there before stays.
        """
        async with self._writing:
            await asyncio.to_thread(self._write, msgspec.json.encode(self._page))

    def _write(self, content: bytes) -> None:
        new = self._path.with_name(self._path.name + ".new")
        with new.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)

    def _read(self) -> _Page:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Page)
        except FileNotFoundError:
            return _Page()
        except (OSError, msgspec.DecodeError) as error:
            LOG.warning("%s cannot be read (%s); campaigns begin anew when the server tells them", self._path, error)
            return _Page()
