"""What can go wrong on the way into storage.

IngestError
├── DeviceNameError       a name that a device cannot have, or has already
├── DeviceKindError       a kind of device that there is no importer for
├── UnknownDeviceError    no device of that name
├── OutputExistsError     a file that would be overwritten
├── ColumnError           a signal that the history does not hold
├── TimeFormatError       a time that cannot be read
├── UnknownLetterError    no dead letter of that number
├── PortInUseError        another program listens there
├── ExposureError         a listener that the network could reach
├── BrokerLinkError       the broker is not there, refuses, or goes
├── WorkersError          several ingest workers where only one can be
└── StoreError            the database or the history folder cannot be used
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class IngestError(Exception):
    """Root of everything that ingest refuses."""


class DeviceNameError(IngestError):
    """A name that a device cannot have, or has already."""

    def __init__(self, name: str, why: str) -> None:
        self.name = name
        super().__init__(f"device name {name!r} {why}")


class DeviceKindError(IngestError):
    """A kind of device that there is no importer for."""

    def __init__(self, kind: str, known: Iterable[str]) -> None:
        self.kind = kind
        super().__init__(f"there is no kind of device {kind!r}; there are {', '.join(known)}")


class UnknownDeviceError(IngestError):
    """No device of that name; names the nearest."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.name = name
        names = sorted(known)
        close = get_close_matches(name, names, n=3, cutoff=0.4)
        hint = f"did you mean {', '.join(close)}?" if close else "see `roadworthy device list`"
        super().__init__(f"no device is called {name!r}; {hint}")


class OutputExistsError(IngestError):
    """A file that would be overwritten."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(f"{path} exists already; give another --out, or --force to replace it")


class ColumnError(IngestError):
    """A signal that the catalogue or the history does not hold, or that several match."""

    def __init__(self, name: str, why: str) -> None:
        self.name = name
        super().__init__(f"signal {name!r} {why}")


class TimeFormatError(IngestError):
    """A time that cannot be read."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(f"{text!r} is not a time; write it as 2026-11-23T08:00:00Z or 2026-11-23")


class UnknownLetterError(IngestError):
    """No dead letter of that number."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"there is no dead letter {number}; see `roadworthy dead-letters list`")


class PortInUseError(IngestError):
    """Another program listens there."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        super().__init__(f"port {port} on {host} is in use; end what listens there or set ROADWORTHY_BROKER_PORT")


class ExposureError(IngestError):
    """A listener that the network could reach; the embedded broker has no encryption."""

    def __init__(self, host: str) -> None:
        self.host = host
        super().__init__(
            f"the embedded broker listens on loopback only, not on {host}; put a TLS broker such as Mosquitto in front"
        )


class StoreError(IngestError):
    """The database or the history folder cannot be used."""

    def __init__(self, what: str, why: str) -> None:
        self.what = what
        super().__init__(f"{what}: {why}")


class PlainListenerError(IngestError):
    """Devices would send their passwords over a network without encryption."""

    def __init__(self, host: str) -> None:
        self.host = host
        super().__init__(f"devices would connect to {host} without encryption; give --tls-cert and --tls-key")


class SharedListenerError(IngestError):
    """Devices and the server's own clients on one listener, where a device could take the server's session."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            f"devices and the server's own clients would share {host}:{port}; give the server a port of its own with "
            "ROADWORTHY_INGEST_BROKER_PORT (or broker_port under [ingest])"
        )


class NotEmbeddedError(IngestError):
    """The embedded broker was asked for, and the settings say that another one is used."""

    def __init__(self) -> None:
        super().__init__(
            "the settings name another broker (`embedded` under [broker] is false); "
            "write its files with `roadworthy broker --export mosquitto --out FOLDER`"
        )


class BrokerLinkError(IngestError):
    """The broker is not there, refuses, or goes; ingest tries again by itself."""


class WorkersError(IngestError):
    """Several ingest workers were asked for, and the database takes one."""

    def __init__(self) -> None:
        super().__init__(
            "several ingest workers (`workers` above 1 or a `group` under [ingest]) need PostgreSQL; SQLite has one "
            "writer: set ROADWORTHY_DATABASE_URL to postgresql+psycopg://…, or leave workers at 1 and group empty"
        )
