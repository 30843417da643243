"""How a message reaches a person: through apprise, by the person's URLs; a file where there is none.

``roadworthy-file://FOLDER`` is ours: it leaves each message as a text file named by the message's stable id, so that
sending twice writes the same file once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import apprise
from apprise.decorators import notify

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from api.reminders.texts import Message

SCHEME = "roadworthyfile"


class ChannelError(Exception):
    """A message that no channel took."""


class Channels:
    """Sends messages; ``folder`` is where the file channel leaves them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # The id travels in the subject's place of apprise's meta data; the closure keeps this instance's folder.
        self._current = ""
        notify(on=SCHEME, name="Roadworthy file")(self._write)

    def send(self, message: Message, *, message_id: str, urls: Sequence[str]) -> None:
        """Sends to all ``urls``, or to the file channel where there are none.

        Raises:
            ChannelError: a channel did not take it; it should be sent again with the same id.
        """
        sender = apprise.Apprise()
        wrong = [url for url in urls if not sender.add(url)]
        if wrong:
            raise ChannelError(f"{len(wrong)} of the person's channels cannot be used; correct their URLs")
        if not urls:
            sender.add(f"{SCHEME}://{quote(message_id)}")
        self._current = message_id
        if not sender.notify(title=message.subject, body=message.body):
            raise ChannelError("a channel did not take the message")

    def _write(self, body: str, title: str, *_: Any, **__: Any) -> bool:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{self._current}.txt"
        temporary = path.with_suffix(".tmp")
        temporary.write_text(f"{title}\n\n{body}\n", encoding="utf-8")
        temporary.replace(path)
        return True
