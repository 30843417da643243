"""A versioned, ordered selection of signals that batches refer to by an id made of its content."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

from vehicle.errors import MessageError
from vehicle.signals import signal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MAX_ENTRIES = 1000


@dataclass(frozen=True, slots=True)
class SignalEntry:
    """A column of a batch: the value is ``(raw * numerator + offset) / denominator`` in the signal's unit."""

    path: str
    numerator: int
    denominator: int
    offset: int

    def value(self, raw: int) -> float:
        """Physical value of ``raw``."""
        return (raw * self.numerator + self.offset) / self.denominator


@dataclass(frozen=True)
class SignalSet:
    """The columns of a batch, in order; equal content has an equal id on every machine."""

    entries: tuple[SignalEntry, ...]

    @classmethod
    def of(cls, paths: Iterable[str]) -> Self:
        """The set of these catalogue signals, at the catalogue's resolution.

        Raises:
            UnknownSignalError: a path that the catalogue does not hold.
        """
        rows = [signal(path) for path in paths]
        return cls(tuple(SignalEntry(row.path, row.numerator, row.denominator, row.offset) for row in rows))

    @cached_property
    def id(self) -> str:
        """16 hex digits: the start of the SHA-256 of the announced form, as compact JSON."""
        text = json.dumps(self.announced(), separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def paths(self) -> tuple[str, ...]:
        """VSS paths of the columns."""
        return tuple(entry.path for entry in self.entries)

    def announced(self) -> list[list[str | int]]:
        """The form in which a device announces the set: a list of ``[path, numerator, denominator, offset]``."""
        return [[entry.path, entry.numerator, entry.denominator, entry.offset] for entry in self.entries]

    @classmethod
    def from_announced(cls, rows: Sequence[Sequence[object]]) -> Self:
        """The set that a device announced; paths that our catalogue lacks are kept, so newer devices are understood.

        Raises:
            MessageError: a row is not a path and three integers, or there are too many.
        """
        if len(rows) > _MAX_ENTRIES:
            raise MessageError("signal set", f"{len(rows)} columns, at most {_MAX_ENTRIES} are taken")
        entries = []
        for row in rows:
            match row:
                case [str() as path, int() as numerator, int() as denominator, int() as offset] if (
                    numerator and denominator > 0
                ):
                    entries.append(SignalEntry(path, numerator, denominator, offset))
                case _:
                    raise MessageError("signal set", f"{row!r} is not [path, numerator, denominator, offset]")
        return cls(tuple(entries))
