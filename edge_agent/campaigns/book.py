"""What the device was told to collect, and how much it did today; kept on disk, so that it holds without the server.

A small JSON file beside the spool, written anew as a whole and put in place of the old one.
"""

from __future__ import annotations

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


class Book:
    """One device's campaigns; :meth:`save` makes what changed durable."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._page = self._read()

    @property
    def config(self) -> Config:
        """What the device was told last."""
        return self._page.config

    def replace(self, config: Config) -> None:
        """Takes what the device is told now; the use of campaigns that are gone is forgotten."""
        ids = {campaign.id for campaign in config.campaigns}
        self._page = _Page(config=config, used={key: use for key, use in self._page.used.items() if key in ids})

    def used(self, campaign_id: str, now_ms: int) -> Use:
        """What a campaign has used on the day of ``now_ms``; to be added to."""
        day = now_ms // DAY_MS
        use = self._page.used.get(campaign_id)
        if use is None or use.day != day:
            use = self._page.used[campaign_id] = Use(day=day)
        return use

    def save(self) -> None:
        """Writes it; when this returns it survives a power cut.

        Raises:
            OSError: the disk does not take it; what was there before stays.
        """
        new = self._path.with_name(self._path.name + ".new")
        with new.open("wb") as file:
            file.write(msgspec.json.encode(self._page))
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
