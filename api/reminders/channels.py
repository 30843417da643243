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

from api.errors import ChannelError, InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from api.reminders.texts import Message

SCHEME = "roadworthyfile"
FILE = ""
"""In place of a URL: the file channel."""


class Channels:
    """Sends messages; ``folder`` is where the file channel leaves them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        if SCHEME not in NotificationManager():  # type: ignore[no-untyped-call]  # apprise is half annotated
            notify(on=SCHEME, name="Roadworthy file")(_write)  # type: ignore[no-untyped-call]  # apprise's decorator

    def send(self, message: Message, *, message_id: str, url: str) -> None:
        """Sends by one URL, or by the file channel for :data:`FILE`.

        Raises:
            ChannelError: the channel did not take it; it should be sent again with the same id.
        """
        sender = apprise.Apprise()
        path = self._folder / f"{message_id}.txt"
        if not sender.add(url or f"{SCHEME}://localhost/?{urlencode({'file': str(path)})}"):
            raise ChannelError("the channel {url} cannot be used; correct its URL", url=disguised(url))
        if not sender.notify(title=message.subject, body=message.body):
            raise ChannelError("the channel {url} did not take the message", url=disguised(url))


def check(urls: Sequence[str]) -> None:
    """Lets URLs pass that apprise understands, one service each.

    Raises:
        InvalidRequestError: one of them is not understood.
    """
    for url in urls:
        sender = apprise.Apprise()
        if not sender.add(url) or len(sender) != 1:
            raise InvalidRequestError(
                "apprise does not understand the channel {url}; one URL such as mailto://… or ntfys://… is needed",
                url=disguised(url),
            )


def disguised(url: str) -> str:
    """A URL without what may be secret in it."""
    scheme, found, _ = url.partition("://")
    return f"{scheme}://…" if found else "…"


def _write(body: str, title: str, *_: Any, meta: Mapping[str, Any], **__: Any) -> bool:
    path = Path(meta["qsd"]["file"])
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(f"{title}\n\n{body}\n", encoding="utf-8")
    temporary.replace(path)
    return True
