"""amqtt's broker with the gaps closed that matter to us; each is named where it is closed (amqtt 0.12.1).

Nothing of a client's session is touched before its password was checked, a client that connects anew displaces its
old connection quietly, one that falls silent is let go, one that takes its leave is heard to the end, nobody is handed
retained messages of others, and packets have a size.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from amqtt.adapters import StreamReaderAdapter, StreamWriterAdapter
from amqtt.broker import Broker
from amqtt.contexts import Action
from amqtt.errors import MQTTError
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler

if TYPE_CHECKING:
    from collections.abc import ItemsView, Iterator

    from amqtt.adapters import ReaderAdapter, WriterAdapter
    from amqtt.contexts import BrokerConfig, ListenerConfig
    from amqtt.mqtt.disconnect import DisconnectPacket
    from amqtt.session import ApplicationMessage, Session

MAX_PACKET_BYTES = 1024 * 1024
"""Larger packets end the connection (our choice). Messages above the protocol's 128 KiB but below this still reach
ingest, which sets them apart with a word; a broker without any limit could be filled with one packet of 256 MB."""
KEEP_ALIVE_FACTOR = 1.5
"""MQTT 3.1.1, 3.1.2.10: a client is given one and a half times its keep-alive; amqtt gives it no more than once."""
CONNECT_PATIENCE_S = 10.0
HEARD_OUT_S = 5.0
"""So long a connection that is displaced may take to have what came over it handed on (our choice)."""
_REFUSED = 0x80
"""MQTT 3.1.1, 3.9.3: this subscription failed."""


class GuardedBroker(Broker):
    """The broker of amqtt, guarded."""

    def __init__(self, config: BrokerConfig) -> None:
        super().__init__(config)
        # amqtt waits for plugins while it goes through its subscriptions, and trips over one that comes meanwhile.
        self._subscriptions = Subscriptions()
        self._ending = False

    async def shutdown(self) -> None:
        """Ends the broker and every connection."""
        self._ending = True
        await super().shutdown()

    async def stream_connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listener_name: str
    ) -> None:
        """A client has opened a connection.

        It is closed however it ends: amqtt forgets one whose first packet makes no sense, and it would stay half open.
        """
        try:
            await self._client_connected(listener_name, _LimitedReader(reader), StreamWriterAdapter(writer))
        finally:
            writer.close()

    async def _initialize_client_session(
        self, reader: ReaderAdapter, writer: WriterAdapter, remote_address: str, remote_port: int
    ) -> tuple[BrokerProtocolHandler, Session]:
        """Reads CONNECT and admits the client; amqtt would hand over the session first and ask for the password then.

        Sessions are always clean: the spool is the session, and one kept in memory would be lost with it.
        """
        try:
            async with asyncio.timeout(CONNECT_PATIENCE_S):
                handler, session = await _Handler.init_from_connect(reader, writer, self.plugins_manager)
        except TimeoutError as error:
            await writer.close()
            raise MQTTError(f"{remote_address}:{remote_port} opened a connection and said nothing") from error
        if not await self._authenticate(session, self._listener):
            handler.attach(session, reader, writer)
            await handler.mqtt_connack_authorize(authorize=False)
            await writer.close()
            raise MQTTError(f"refused {session.username} at {remote_address}:{remote_port}")
        session.clean_session, session.parent = True, 0
        session.keep_alive = int(session.keep_alive * KEEP_ALIVE_FACTOR)
        if session.client_id is not None:
            await self.displace(session.client_id)
        return handler, session

    @property
    def _listener(self) -> ListenerConfig:
        return self.listeners_config["default"]

    async def displace(self, client_id: str) -> None:
        """Ends a client's connection without its last will; amqtt would leave it open when the client comes anew."""
        session, handler = self._sessions.get(client_id, (None, None))
        if session is not None and handler is not None and session.transitions.is_connected():
            session.will_flag = False
            await _cut(handler)
            await _heard_out(session)
        await self._delete_session(client_id)

    async def add_subscription(self, subscription: tuple[str, int], session: Session) -> int:
        """Subscribes a session, in the place of an earlier one of the same client.

        amqtt tells sessions by their client id: what a displaced one had asked for would be taken for the new one's,
        and its messages would go to a connection that is dead.
        """
        taken = await super().add_subscription(subscription, session)
        if self._sessions.get(session.client_id or "", (None, None))[0] is not session:
            self._del_subscription(subscription[0], session)
            return _REFUSED
        if taken != _REFUSED:
            subscribers = self._subscriptions.setdefault(subscription[0], [])
            subscribers[:] = [one for one in subscribers if one[0].client_id != session.client_id]
            subscribers.append((session, taken))
        return taken

    async def _cleanup_session(self, client_id: str) -> None:
        """Forgets a session that is over; the client may have come anew since amqtt looked."""
        session, _ = self._sessions.get(client_id, (None, None))
        if self._ending or session is None or not session.transitions.is_connected():
            await super()._cleanup_session(client_id)

    def _del_subscription(self, a_filter: str, session: Session) -> int:
        """Ends a session's subscription, and not that of a later session of the same client."""
        subscribers = self._subscriptions.get(a_filter, [])
        mine = [one for one in subscribers if one[0] is session]
        for one in mine:
            subscribers.remove(one)
        return len(mine)

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        """Hands out what is retained; at each connection amqtt does so for the subscriptions of everybody."""
        if await self._topic_filtering(session, subscription[0], Action.SUBSCRIBE):
            await super()._publish_retained_messages_for_subscription(subscription, session)


class _Handler(BrokerProtocolHandler):
    """One connection; its end is told when everything that came over it has been handed on.

    amqtt confirms a message before it hands it on, and forgets those that still wait when it sees the end.
    """

    _handing_on = False

    async def mqtt_deliver_next_message(self) -> ApplicationMessage | None:
        """The next message to hand on; whoever asks for it is done with the one before."""
        if self._handing_on and self.session is not None:
            self.session.delivered_message_queue.task_done()
        message = await super().mqtt_deliver_next_message()
        self._handing_on = message is not None
        return message

    async def wait_disconnect(self) -> DisconnectPacket | None:
        """Waits for the end of the connection, and until nothing of it waits to be handed on."""
        farewell = await super().wait_disconnect()
        if self.session is not None:
            await self.session.delivered_message_queue.join()
        return farewell

    def handle_read_timeout(self) -> None:
        """Lets a client go that was silent for longer than its keep-alive; amqtt would keep it, its will unsent."""
        if self._disconnect_waiter is not None and not self._disconnect_waiter.done():
            self._disconnect_waiter.set_result(None)


async def _cut(handler: BrokerProtocolHandler) -> None:
    """Ends a connection; closed first, so that a client in the middle of sending cannot keep its reader busy."""
    await handler.handle_connection_closed()
    if handler.writer is not None:
        with contextlib.suppress(OSError, TimeoutError):
            await handler.writer.close()
    await handler.stop()


async def _heard_out(session: Session) -> None:
    """Waits until what a client sent has been handed on, and drops what is left after a while."""
    queue = session.delivered_message_queue
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(HEARD_OUT_S):
            await queue.join()
    while not queue.empty():  # amqtt would empty it and never say that they are done
        queue.get_nowait()
        queue.task_done()


class _LimitedReader(StreamReaderAdapter):
    """Ends the connection when a packet announces more than it may hold."""

    async def read(self, n: int = -1) -> bytes:
        if n > MAX_PACKET_BYTES:
            raise ConnectionAbortedError(f"a packet of {n} bytes, at most {MAX_PACKET_BYTES} are taken")
        return await super().read(n)


class Subscriptions(dict[str, list[tuple["Session", int]]]):
    """Subscriptions by topic filter that may change while somebody goes through them.

    The lists are copied too: when a client goes, the next in its list would move up and miss the message.
    """

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(super().keys()))

    def items(self) -> ItemsView[str, list[tuple[Session, int]]]:  # type: ignore[override]  # dict_items cannot be named
        """Every filter with who had subscribed to it when this was called."""
        return {topic_filter: list(subscribers) for topic_filter, subscribers in super().items()}.items()
