"""A model's data identifiers (service 22 of UDS), from a file: which unit has them, and what signals are in the bytes.

docs/did-tables.md describes the file. Nothing is asked for that no file names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from edge_agent.errors import DidTableError
from edge_agent.protocols.isotp import is_request_id
from edge_agent.protocols.uds import data_of
from vehicle.errors import SettingsError, SignalRangeError, UnknownSignalError
from vehicle.settings import build, read_toml
from vehicle.signals import signal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SHORTEST_S = 0.1
_LARGEST_IDENTIFIER, _LARGEST_STANDARD_ID, _MOST_BYTES = 0xFFFF, 0x7FF, 4092
_MOST_BITS = 64


class Place(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a signal stands: ``first_bit`` counts from the first byte's most significant bit, as in SAE J1979.

    The value is ``number * scale + offset`` in the catalogue's unit; the numbers in ``absent`` say that there is none.
    """

    first_bit: int
    bits: int
    signed: bool = False
    scale: float = 1.0
    offset: float = 0.0
    absent: tuple[int, ...] = ()


class Identifier(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One identifier: ``ecu`` is where its unit listens, ``length`` how many bytes it answers."""

    id: int
    ecu: int
    length: int
    every_s: float = 5.0
    signals: dict[str, Place]


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    model: str
    source: str
    identifier: list[Identifier]


@dataclass(frozen=True, slots=True)
class DidTable:
    """The identifiers of a model of car."""

    model: str = ""
    identifiers: tuple[Identifier, ...] = ()

    @property
    def names(self) -> frozenset[int]:
        """The identifiers as numbers: what the gate lets through."""
        return frozenset(one.id for one in self.identifiers)


def parse(text: str, path: Path) -> DidTable:
    """The table in the text of a file.

    Raises:
        DidTableError: it cannot be read, or a row cannot be meant so.
    """
    try:
        found = build(_File, read_toml(text, source=str(path)), source=str(path))
    except SettingsError as error:
        raise DidTableError(path, str(error).removeprefix(f"{path} ")) from error
    for one in found.identifier:
        _check(path, one)
    keys = [(one.ecu, one.id) for one in found.identifier]
    if len(set(keys)) < len(keys):
        raise DidTableError(path, "it names an identifier of a unit twice")
    return DidTable(found.model, tuple(found.identifier))


def _check(path: Path, one: Identifier) -> None:
    where = f"identifier {one.id:04X}"
    if not 0 <= one.id <= _LARGEST_IDENTIFIER:
        raise DidTableError(path, f"{where} has more than two bytes")
    if not is_request_id(one.ecu, extended=one.ecu > _LARGEST_STANDARD_ID):
        raise DidTableError(path, f"{where} is of unit {one.ecu:X}; units listen on 7E0 to 7E7 or 18DAxxF1")
    if not 1 <= one.length <= _MOST_BYTES or one.every_s < SHORTEST_S:
        raise DidTableError(path, f"{where}: length is 1 to {_MOST_BYTES} bytes, every_s at least {SHORTEST_S:g}")
    for name, place in one.signals.items():
        try:
            signal(name)
        except UnknownSignalError as error:
            raise DidTableError(path, f"{where}: {error}") from error
        if not (place.first_bit >= 0 and 1 <= place.bits <= _MOST_BITS and _ends(place) <= 8 * one.length):
            raise DidTableError(path, f"{where}: {name} lies outside the {8 * one.length} bits of the answer")


def _ends(place: Place) -> int:
    return place.first_bit + place.bits


def decode(one: Identifier, data: bytes) -> tuple[dict[str, int], Sequence[str]]:
    """Raw values of the catalogue by VSS path, and the paths whose value the catalogue cannot hold.

    ``data`` follows the service byte of the answer.

    Raises:
        GarbledAnswerError: it is no answer for this identifier.
    """
    whole = int.from_bytes(data_of({one.id: one.length}, data).get(one.id, b"").rjust(one.length, b"\0"), "big")
    found, outside = {}, []
    for name, place in one.signals.items():
        number = whole >> 8 * one.length - _ends(place) & (1 << place.bits) - 1
        if number in place.absent:
            continue
        if place.signed and number >> place.bits - 1:
            number -= 1 << place.bits
        try:
            found[name] = signal(name).raw(number * place.scale + place.offset)
        except SignalRangeError:
            outside.append(name)
    return found, outside
