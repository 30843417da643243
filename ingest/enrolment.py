"""The configuration file that a new device gets."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from ingest.errors import DeviceKindError, OutputExistsError, StoreError
from ingest.importing import IMPORTERS

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.devices import Credentials
    from ingest.settings import BrokerSettings

AGENT = "agent"
TLS_WANTED = "The server takes TLS only: switch it on at the device, or put a gateway that has it before the device.\n"


def render_agent_toml(made: Credentials, *, name: str, broker: BrokerSettings) -> str:
    """The text of an agent's configuration; strings are written as TOML reads them."""
    return (
        f"# Roadworthy agent {name!a}. Keep this file secret: it holds the device's password.\n"
        f"device = {json.dumps(made.device_id)}\n"
        f"password = {json.dumps(made.password)}\n"
        f"spool = {json.dumps(f'{name}.spool.db')}\n"
        f"\n[broker]\nhost = {json.dumps(broker.host)}\nport = {broker.port}\n"
    ) + _encryption(broker)


def render_foreign_settings(made: Credentials, *, name: str, kind: str, broker: BrokerSettings) -> str:
    """What a person enters at a foreign device of that kind.

    Raises:
        DeviceKindError: there is no importer for it.
    """
    if kind not in IMPORTERS:
        raise DeviceKindError(kind, [AGENT, *IMPORTERS])
    places = {"device": made.device_id, "password": made.password, "host": broker.host, "port": broker.port}
    head = f"# {kind} device {name!a}. Keep this file secret: it holds the device's password. See docs/importers.md.\n"
    return head + IMPORTERS[kind].settings.format(**places) + (TLS_WANTED if broker.tls else "")


def _encryption(broker: BrokerSettings) -> str:
    if not broker.tls:
        return ""
    return "tls = true\n" + (f"ca = {json.dumps(broker.ca)}\n" if broker.ca else "")


def write_private(path: Path, text: str, *, force: bool) -> None:
    """Writes a file that only its owner can read.

    Raises:
        OutputExistsError: the file exists and is not to be replaced.
        StoreError: it cannot be written there.
    """
    try:
        if path.exists():
            if not force:
                raise OutputExistsError(path)
            path.unlink()
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise StoreError(f"{path} cannot be written", error.strerror or str(error)) from error
