"""Mosquitto in the place of the embedded broker: its configuration, credentials and topic rules, from what we know."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ingest.access import PROBE, SERVICE
from ingest.errors import PlainListenerError, SharedListenerError, StoreError
from ingest.exposure import is_loopback
from ingest.importing import FILTERS, IMPORTERS
from ingest.passwords import hash_password
from ingest.storage.tables import devices
from vehicle.topics import DOWNLINK, PREFIX, UPLINK

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LARGEST_MESSAGE = 256 * 1024
"""Twice the protocol's limit: what is a little too large still reaches ingest, which says so (our choice)."""
IN_FLIGHT = 100
GROUP = "mosquitto"
CONFIGURATION, PASSWORDS, SERVICE_PASSWORDS, RULES = "mosquitto.conf", "passwords", "service-passwords", "acl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listeners:
    """Where devices connect and where the server's own clients do; ``certificate`` and ``key`` make the first TLS."""

    devices: tuple[str, int]
    service: tuple[str, int]
    certificate: Path | None = None
    key: Path | None = None


def export(connection: sa.Connection, folder: Path, *, service_password: str, listeners: Listeners) -> list[Path]:
    """Writes what Mosquitto needs into ``folder``; to be repeated, with a SIGHUP, after each enrolment or revocation.

    Raises:
        PlainListenerError: a listener without TLS could be reached from other machines.
        SharedListenerError: both listeners are the same.
        StoreError: a file cannot be written there.
    """
    folder = folder.resolve()
    query = sa.select(devices.c.id, devices.c.password_hash).where(devices.c.revoked_at.is_(None))
    hashes = {row.id: row.password_hash for row in connection.execute(query.order_by(devices.c.id))}
    texts = {
        PASSWORDS: _passwords(hashes),
        SERVICE_PASSWORDS: _passwords({SERVICE: hash_password(service_password)}),
        RULES: rules(),
        CONFIGURATION: configuration(folder, listeners),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o770)
        _hand_over(folder)
        return [_write(folder / name, text) for name, text in texts.items()]
    except OSError as error:
        raise StoreError(f"{folder} cannot be written", error.strerror or str(error)) from error


def configuration(folder: Path, listeners: Listeners) -> str:
    """The text of ``mosquitto.conf``: two listeners, one for devices and one for the server's own clients.

    Raises:
        PlainListenerError: a listener without TLS could be reached from other machines.
        SharedListenerError: both listeners are the same.
    """
    secure = listeners.certificate is not None and listeners.key is not None
    for host, encrypted in ((listeners.devices[0], secure), (listeners.service[0], False)):
        if not encrypted and not is_loopback(host):
            raise PlainListenerError(host)
    if listeners.devices == listeners.service:
        raise SharedListenerError(*listeners.service)
    lines = [
        "# Written by `roadworthy broker --export mosquitto`; written again, it is replaced.",
        "per_listener_settings true",
        "persistence true",
        f"persistence_location {folder}/",
        # By default it drops what goes beyond 1,000 without a word.
        "max_queued_messages 0",
        f"max_inflight_messages {IN_FLIGHT}",
        f"message_size_limit {LARGEST_MESSAGE}",
        "",
        *_listener(listeners.devices, folder / PASSWORDS, folder / RULES),
        # Otherwise a device could take another's session by its client id.
        "use_username_as_clientid true",
    ]
    if secure:
        lines += [f"certfile {listeners.certificate}", f"keyfile {listeners.key}", "tls_version tlsv1.2"]
    return "\n".join([*lines, "", *_listener(listeners.service, folder / SERVICE_PASSWORDS, folder / RULES), ""])


def _listener(address: tuple[str, int], passwords: Path, acl: Path) -> list[str]:
    host, port = address
    return [
        f"listener {port} {host}",
        "allow_anonymous false",
        f"password_file {passwords}",
        f"acl_file {acl}",
    ]


def rules() -> str:
    """The text of the rules file: a device its own topics, the server all of ours; the same as :mod:`ingest.access`.

    Beyond that the server may ask whether shared subscriptions are delivered, which the embedded broker has not.
    """
    own = [f"pattern write {PREFIX}/%u/{kind}" for kind in UPLINK]
    own += [f"pattern read {PREFIX}/%u/{kind}" for kind in DOWNLINK]
    own += [f"pattern write {kind}/%u{below}" for kind in IMPORTERS for below in ("", "/#")]
    service = [f"topic read {PREFIX}/+/{kind}" for kind in UPLINK]
    service += [f"topic write {PREFIX}/+/{kind}" for kind in DOWNLINK]
    service += [f"topic read {text}" for text in FILTERS]
    service += [f"topic {way} {PROBE}/+" for way in ("read", "write")]
    return "\n".join([*own, "", f"user {SERVICE}", *service, ""])


def _passwords(hashes: Mapping[str, str]) -> str:
    return "".join(f"{name}:{password_hash}\n" for name, password_hash in hashes.items())


def _write(path: Path, text: str) -> Path:
    """Replaces the file in one step, so that a broker that reads it meanwhile never sees half of it."""
    draft = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    _hand_over(draft)
    draft.chmod(0o640)
    draft.replace(path)
    return path


def _hand_over(path: Path) -> None:
    """Lets Debian's user of the broker read the file, where there is one and we may."""
    with contextlib.suppress(LookupError, PermissionError):
        shutil.chown(path, group=GROUP)
