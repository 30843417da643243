"""The embedded broker: amqtt in process, on loopback only, with a credential and a topic rule for every device.

What it acknowledges is not durable and need not be: the acknowledgement that counts is ingest's own (docs/adr).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import hmac
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from amqtt.contexts import Action, BrokerConfig
from amqtt.errors import BrokerError
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin

from ingest.access import SERVICE, may_publish, may_receive, may_subscribe, service_password
from ingest.errors import ExposureError, IngestError, PortInUseError, StoreError
from ingest.exposure import is_loopback
from ingest.guarded_broker import GuardedBroker
from ingest.passwords import password_matches
from ingest.storage.database import migrate, open_database, reading
from ingest.storage.tables import devices

if TYPE_CHECKING:
    from collections.abc import Callable

    from amqtt.session import Session

    from ingest.settings import BrokerSettings

LOG = logging.getLogger(__name__)
REVOCATION_EVERY_S = 2.0
NOISY = ("amqtt", "transitions")
ENDING_PATIENCE_S = 10.0
"""So long clients may take to be let go at the end; one in the middle of sending can hold amqtt up (our choice)."""
_MAX_CONNECTIONS = 5000


class Doorkeeper:
    """Checks passwords against the devices table, and knows who was revoked."""

    def __init__(self, settings: BrokerSettings) -> None:
        self._engine = open_database(settings.database_url)
        migrate(self._engine, "ingest")
        self._service = service_password(settings.data_dir)
        self._verified: dict[str, tuple[str, bytes]] = {}
        self._revoked: frozenset[str] = frozenset()

    async def admits(self, client_id: str | None, user: str | None, password: str | None) -> bool:
        """Whether these credentials are good; a device's client id must be its own id."""
        if not user or not password or not client_id:
            return False
        if user == SERVICE:
            return client_id.startswith(f"{SERVICE}-") and hmac.compare_digest(password, self._service)
        if client_id != user:
            return False
        return await asyncio.to_thread(self._is_device, user, password)

    def _is_device(self, user: str, password: str) -> bool:
        with reading(self._engine) as connection:
            query = sa.select(devices.c.password_hash).where(devices.c.id == user, devices.c.revoked_at.is_(None))
            stored = connection.execute(query).scalar()
        if stored is None:
            return False
        seen = (stored, hashlib.sha256(password.encode()).digest())
        if self._verified.get(user) != seen and not password_matches(stored, password):
            return False
        self._verified[user] = seen
        return True

    def is_revoked(self, user: str) -> bool:
        """Whether the device lost its right to connect, as of the last look."""
        return user in self._revoked

    async def look_for_revoked(self) -> frozenset[str]:
        """Reads anew who is revoked."""
        self._revoked = await asyncio.to_thread(self._read_revoked)
        return self._revoked

    def _read_revoked(self) -> frozenset[str]:
        with reading(self._engine) as connection:
            query = sa.select(devices.c.id).where(devices.c.revoked_at.is_not(None))
            return frozenset(connection.execute(query).scalars())

    def close(self) -> None:
        """Lets the database go."""
        self._engine.dispose()


class CredentialPlugin(BaseAuthPlugin):
    """amqtt's question "may this client connect?", put to the doorkeeper."""

    @dataclass
    class Config:
        """Handed over by the broker below."""

        doorkeeper: Any = None

    async def authenticate(self, *, session: Session) -> bool | None:
        """Whether the client may connect."""
        doorkeeper: Doorkeeper = self.config.doorkeeper
        if session.will_flag and not may_publish(session.username or "", session.will_topic or ""):
            # amqtt publishes a last will without asking the topic plugin.
            LOG.info("refused a connection as %s: its last will is on %s", session.username, session.will_topic)
            return False
        admitted = await doorkeeper.admits(session.client_id, session.username, session.password)
        if not admitted:
            LOG.info("refused a connection as %s: unknown, revoked or wrong password", session.username)
        return admitted


class TopicPlugin(BaseTopicPlugin):
    """amqtt's question "may this client use that topic?", answered by the rules of :mod:`ingest.access`."""

    @dataclass
    class Config:
        """Handed over by the broker below."""

        doorkeeper: Any = None

    async def topic_filtering(
        self, *, session: Session | None = None, topic: str | None = None, action: Action | None = None
    ) -> bool | None:
        """Whether the client may publish on, subscribe to or be handed the topic."""
        user = (session.username if session else None) or ""
        if topic is None or self.config.doorkeeper.is_revoked(user):
            return False
        rule = {Action.PUBLISH: may_publish, Action.SUBSCRIBE: may_subscribe, Action.RECEIVE: may_receive}
        return action in rule and rule[action](user, topic)


async def run(settings: BrokerSettings, *, stop: asyncio.Event, ready: Callable[[], None] | None = None) -> None:
    """The broker until ``stop`` is set.

    Raises:
        ExposureError: the host is not a loopback address.
        PortInUseError: another program listens there.
    """
    if not is_loopback(settings.host):
        raise ExposureError(settings.host)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    doorkeeper = await asyncio.to_thread(Doorkeeper, settings)
    broker = GuardedBroker(_config(settings, doorkeeper))
    try:
        await broker.start()
    except BrokerError as error:
        doorkeeper.close()
        raise _start_error(settings, error) from error
    LOG.info("broker listens on %s:%d", settings.host, settings.port)
    if ready is not None:
        ready()
    try:
        await _watch_revocations(broker, doorkeeper, stop)
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ENDING_PATIENCE_S):
                await broker.shutdown()
        doorkeeper.close()


def _start_error(settings: BrokerSettings, error: BrokerError) -> IngestError:
    cause = error.__cause__
    if isinstance(cause, OSError) and cause.errno == errno.EADDRINUSE:
        return PortInUseError(settings.host, settings.port)
    return StoreError(f"the broker cannot listen on {settings.host}:{settings.port}", str(cause or error))


def _config(settings: BrokerSettings, doorkeeper: Doorkeeper) -> BrokerConfig:
    ours = f"{CredentialPlugin.__module__}"
    listener = {"type": "tcp", "bind": f"{settings.host}:{settings.port}", "max_connections": _MAX_CONNECTIONS}
    config = BrokerConfig.from_dict({"listeners": {"default": listener}, "plugins": {}})
    config.plugins = {
        f"{ours}.CredentialPlugin": {"doorkeeper": doorkeeper},
        f"{ours}.TopicPlugin": {"doorkeeper": doorkeeper},
    }
    return config


async def _watch_revocations(broker: GuardedBroker, doorkeeper: Doorkeeper, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            for device in await doorkeeper.look_for_revoked():
                await broker.displace(device)
        except sa.exc.DBAPIError:
            LOG.exception("could not look for revoked devices; trying again")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(REVOCATION_EVERY_S):
                await stop.wait()


__all__ = ["CredentialPlugin", "Doorkeeper", "TopicPlugin", "run"]
