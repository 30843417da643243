"""What can be wrong with a word of the vocabulary.

VehicleError
├── UnknownSignalError   a path that the catalogue does not hold
├── SignalRangeError     a value that its signal cannot have
├── ObdDataError         answer bytes that do not fit their PID
├── DtcError             a trouble code that is not one
├── VinError             a vehicle identification number that is not one
├── TopicError           a topic outside our scheme
├── SettingsError        settings that cannot be taken
├── MessageError         a JSON message that cannot be read
├── ConditionError       a condition that cannot be read
├── CampaignError        a collection campaign that cannot be taken
└── WireError            telemetry or event bytes that cannot be read
"""

from __future__ import annotations

from difflib import get_close_matches
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class VehicleError(Exception):
    """Root of everything that the vocabulary refuses."""


class UnknownSignalError(VehicleError):
    """A path that the catalogue does not hold; names the nearest paths."""

    def __init__(self, path: str, known: Iterable[str]) -> None:
        self.path = path
        self.nearest = tuple(get_close_matches(path, list(known), n=3, cutoff=0.4))
        hint = f"; did you mean {', '.join(self.nearest)}?" if self.nearest else "; see docs/reference/signals.md"
        super().__init__(f"signal {path!r} is not in the catalogue{hint}")


class SignalRangeError(VehicleError):
    """A value that its signal cannot have."""

    def __init__(self, path: str, value: float, minimum: float, maximum: float, unit: str) -> None:
        self.path, self.value, self.minimum, self.maximum = path, value, minimum, maximum
        super().__init__(f"{path} is {value}, outside {minimum:g} to {maximum:g} {unit}".rstrip())


class ObdDataError(VehicleError):
    """Answer bytes that do not fit their PID."""

    def __init__(self, what: str, data: bytes, expected: str) -> None:
        self.what, self.data = what, data
        super().__init__(f"{what} answered {len(data)} bytes ({data.hex(' ')}), expected {expected}")


class DtcError(VehicleError):
    """A trouble code that is not one."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(
            f"{text!r} is not a trouble code; it is P, C, B or U, a digit 0 to 3 and three hex digits, as P0420, "
            "or SPN 0 to 524287 and FMI 0 to 31, as SPN 100 FMI 1"
        )


class VinError(VehicleError):
    """A vehicle identification number that is not one."""

    def __init__(self, text: str, why: str) -> None:
        self.text = text
        super().__init__(f"{text!r} is not a VIN: {why}")


class TopicError(VehicleError):
    """A topic outside our scheme."""

    def __init__(self, topic: str, why: str) -> None:
        self.topic = topic
        super().__init__(f"topic {topic!r}: {why}; topics are roadworthy/v1/<device>/<kind>")


class SettingsError(VehicleError):
    """Settings that cannot be taken: names the file or variable, and the mend."""

    def __init__(self, source: str, why: str) -> None:
        self.source = source
        super().__init__(f"{source} {why}")


class MessageError(VehicleError):
    """A JSON message that cannot be read."""

    def __init__(self, kind: str, why: str) -> None:
        self.kind = kind
        super().__init__(f"{kind} message cannot be read: {why}")


class ConditionError(VehicleError):
    """A condition that cannot be read: ``column`` is the place, from 1.

    The sentence is kept apart from the values in it, so that it can be said in another language.
    """

    def __init__(self, column: int, sentence: str, **values: object) -> None:
        self.column, self.sentence, self.values = column, sentence, values
        super().__init__(f"column {column}: {self.why}")

    @property
    def why(self) -> str:
        """What is wrong, and what would be right."""
        return self.sentence.format(**self.values)


class CampaignError(VehicleError):
    """A collection campaign that cannot be taken: ``place`` names the field, ``column`` the place in a condition."""

    def __init__(self, place: str, sentence: str, *, column: int | None = None, **values: object) -> None:
        self.place, self.column, self.sentence, self.values = place, column, sentence, values
        super().__init__(f"{place}{f', column {column}' if column else ''}: {self.why}")

    @property
    def why(self) -> str:
        """What is wrong, and what would be right."""
        return self.sentence.format(**self.values)


class Reason(StrEnum):
    """Why a message was set apart; the word in acknowledgements, dead letters and counters."""

    ENVELOPE = "envelope"
    CRC = "crc"
    TOO_LARGE = "too_large"
    UNKNOWN_VERSION = "unknown_version"
    UNKNOWN_SCHEMA = "unknown_schema"
    DECODE = "decode"
    RANGE = "range"
    IDENTITY_MISMATCH = "identity_mismatch"
    UNKNOWN_DEVICE = "unknown_device"
    CONFLICT = "conflict"
    RATE = "rate"
    SOURCE = "source"


class WireError(VehicleError):
    """Telemetry or event bytes that cannot be read.

    ``epoch`` and ``sequence`` are set where the envelope could still be read, so that the sender can be told.
    """

    def __init__(self, reason: Reason, why: str, *, epoch: int | None = None, sequence: int | None = None) -> None:
        self.reason, self.why, self.epoch, self.sequence = reason, why, epoch, sequence
        where = f"batch {sequence} of epoch {epoch}: " if sequence is not None else ""
        super().__init__(f"{where}{why}")
