"""What can go wrong in the car.

AgentError
├── ConfigError             the agent's configuration cannot be taken
├── SourceError             a source cannot be opened or read
│   └── BusLostError        a bus or adapter went away; it will be opened again
├── ForbiddenRequestError   something that must never be sent to a car
├── NoAnswerError           an ECU was silent
├── HarmSuspectedError      codes came that may be our doing
├── RefusedError            an ECU refused, with its reason
├── GarbledAnswerError      bytes came that are no answer
├── SpoolError              the spool cannot be used
├── DbcError                a DBC file cannot be taken
├── LogError                a recorded log of frames cannot be read
└── TableError              a table of decoded signals cannot be written
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class AgentError(Exception):
    """Root of everything that the agent reports."""


class ConfigError(AgentError):
    """The agent's configuration cannot be taken."""

    def __init__(self, path: Path | str, why: str) -> None:
        self.path = path
        super().__init__(f"{path}: {why}")


class SourceError(AgentError):
    """A source cannot be opened or read."""

    def __init__(self, uri: str, why: str) -> None:
        self.uri = uri
        super().__init__(f"source {uri}: {why}")


class BusLostError(SourceError):
    """A bus or adapter went away; it will be opened again."""


class ForbiddenRequestError(AgentError):
    """Something that must never be sent to a car."""

    def __init__(self, request: bytes | str, why: str) -> None:
        self.request = request
        shown = request.hex(" ") if isinstance(request, bytes) else repr(request)
        super().__init__(f"not sent to the car: {shown}: {why}")


class NoAnswerError(AgentError):
    """An ECU was silent."""

    def __init__(self, request: str) -> None:
        self.request = request
        super().__init__(f"no ECU answers to {request}; is the ignition on?")


class HarmSuspectedError(AgentError):
    """Trouble codes of communication or chassis came while we were asking: it may be our doing."""

    def __init__(self, codes: Sequence[str]) -> None:
        self.codes = tuple(codes)
        super().__init__(
            f"new codes {', '.join(codes)} since this device asks: it listens only, until somebody says otherwise"
        )


class RefusedError(AgentError):
    """An ECU refused, with its reason (ISO 14229-1 negative response code)."""

    def __init__(self, request: str, nrc: int) -> None:
        self.request, self.nrc = request, nrc
        super().__init__(f"the ECU refused {request} with code {nrc:02X}")


class GarbledAnswerError(AgentError):
    """Bytes came that are no answer to what was asked."""

    def __init__(self, what: str, data: bytes, why: str) -> None:
        self.what, self.data = what, data
        super().__init__(f"{what} ({data.hex(' ') or 'no bytes'}) cannot be read: {why}")


class SpoolError(AgentError):
    """The spool cannot be used."""

    def __init__(self, path: Path, why: str) -> None:
        self.path = path
        super().__init__(f"spool {path}: {why}")


class DbcError(AgentError):
    """A DBC file cannot be taken."""

    def __init__(self, source: str, why: str) -> None:
        self.source = source
        super().__init__(f"DBC {source}: {why}")


class DidTableError(AgentError):
    """A table of data identifiers cannot be taken."""

    def __init__(self, path: Path | str, why: str) -> None:
        self.path = path
        super().__init__(f"table of identifiers {path}: {why}; see docs/did-tables.md")


class LogError(AgentError):
    """A recorded log of frames cannot be read."""

    def __init__(self, path: Path | str, why: str) -> None:
        self.path = path
        super().__init__(f"log {path}: {why}")


class TableError(AgentError):
    """A table of decoded signals cannot be written."""

    def __init__(self, path: Path, why: str) -> None:
        self.path = path
        super().__init__(f"table {path}: {why}")
