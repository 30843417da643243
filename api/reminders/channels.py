"""How a message reaches a person: through apprise, by the person's URLs; a file where there is none.

The file channel is a scheme of ours: it leaves each message as a text file named by the message's stable id, so that
sending twice leaves one file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import apprise
from apprise.decorators import notify
from apprise.manager_plugins import NotificationManager

from api.errors import ChannelError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from api.reminders.texts import Message

SCHEME = "roadworthyfile"


class Channels:
    """Sends messages; ``folder`` is where the file channel leaves them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        if SCHEME not in NotificationManager():  # type: ignore[no-untyped-call]  # apprise is half annotated
            notify(on=SCHEME, name="Roadworthy file")(_write)  # type: ignore[no-untyped-call]  # apprise's decorator

    def send(self, message: Message, *, message_id: str, urls: Sequence[str]) -> None:
        """Sends to all ``urls``, or to the file channel where there are none.

        Raises:
            ChannelError: a channel did not take it; it should be sent again with the same id.
        """
        sender = apprise.Apprise()
        wrong = [url for url in urls if not sender.add(url)]
        if wrong:
            raise ChannelError("{count} of the person's channels cannot be used; correct their URLs", count=len(wrong))
        if not urls:
            path = self._folder / f"{message_id}.txt"
            sender.add(f"{SCHEME}://localhost/?{urlencode({'file': str(path)})}")
        if not sender.notify(title=message.subject, body=message.body):
            raise ChannelError("a channel did not take the message")


def _write(body: str, title: str, *_: Any, meta: Mapping[str, Any], **__: Any) -> bool:
    path = Path(meta["qsd"]["file"])
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(f"{title}\n\n{body}\n", encoding="utf-8")
    temporary.replace(path)
    return True
