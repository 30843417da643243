"""What can be wrong inside diagnostics.

DiagnosticsError
├── UnknownRowError      a finding or suggestion that is not there
├── StateMoveError       a suggestion cannot go from its state to the one asked for
├── NoRecordingError     no recorded drives where they were looked for
├── StateFormatError     stored state of another make than this program's
├── NoSolverError        a library that only scoring needs is not installed
├── ParameterError       a platform's table lacks a parameter or has one too many
├── MatterError          a matter of features that cannot stand beside the others
└── UnknownMeasurementError  a workshop's measurement that no detector asks for
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class DiagnosticsError(Exception):
    """Root of everything that diagnostics refuses."""


class UnknownRowError(DiagnosticsError):
    """A finding or suggestion that is not there."""

    def __init__(self, what: str, identity: str) -> None:
        self.what, self.identity = what, identity
        super().__init__(f"there is no {what} {identity!r}")


class StateMoveError(DiagnosticsError):
    """A suggestion cannot go from its state to the one asked for; nothing was changed."""

    def __init__(self, identity: str, state: str, wanted: str, allowed: tuple[str, ...]) -> None:
        self.identity, self.state, self.wanted, self.allowed = identity, state, wanted, allowed
        possible = ", ".join(allowed) or "nothing else"
        super().__init__(f"suggestion {identity} is {state} and cannot become {wanted}; it can become {possible}")


class NoRecordingError(DiagnosticsError):
    """There are no recorded drives where they were looked for."""

    def __init__(self, path: Path, why: str) -> None:
        self.path = path
        super().__init__(f"{path} {why}; --data names a folder with recordings, or ROADWORTHY_SHARED_DATA all of them")


class StateFormatError(DiagnosticsError):
    """Stored state of another make than this program's; the vehicle is to be replayed from its history."""

    def __init__(self, vehicle_id: str, found: str, expected: str) -> None:
        self.vehicle_id, self.found, self.expected = vehicle_id, found, expected
        super().__init__(f"state of vehicle {vehicle_id} has make {found}, this program's is {expected}")


class NoSolverError(DiagnosticsError):
    """A library that only scoring needs is not installed."""

    def __init__(self, library: str, extra: str) -> None:
        self.library, self.extra = library, extra
        super().__init__(f"{library} is needed for this score and is not installed: pip install '{extra}'")


class ParameterError(DiagnosticsError):
    """A platform's table lacks a parameter or has one too many."""

    def __init__(self, file: str, why: str) -> None:
        self.file = file
        super().__init__(f"parameters in {file}: {why}")


class MatterError(DiagnosticsError):
    """A matter of features that cannot stand beside the others."""

    def __init__(self, name: str, why: str) -> None:
        self.name = name
        super().__init__(f"matter of features: {name!r} {why}")


class UnknownMeasurementError(DiagnosticsError):
    """A workshop's measurement that no detector asks for."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        self.name = name
        super().__init__(f"measurement {name!r} is not known; known are {', '.join(known)}")
