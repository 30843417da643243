"""From frames to samples: a DBC file says what the frames mean, a map which of their signals are which of ours.

A map is a TOML file with a table ``[signals]``, from ``"Message.Signal"`` to a VSS path. Where the unit differs,
``{ path = "Vehicle.Speed", scale = 1.609344, offset = 0 }`` leads to the catalogue's.
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from edge_agent.decoders.dbc import load
from edge_agent.decoders.frame import FrameDecoder
from edge_agent.decoders.layout import Layout
from edge_agent.errors import DbcError, SourceError
from vehicle.errors import SettingsError, SignalRangeError, UnknownSignalError
from vehicle.settings import build, read_toml
from vehicle.signals import Signal, signal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edge_agent.decoders.layout import Message
    from edge_agent.health import Health


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The signal of the catalogue that a signal of the DBC is, as ``value * scale + offset``."""

    path: str
    scale: float = 1.0
    offset: float = 0.0


class SignalMap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What signals of the DBC are."""

    signals: dict[str, str | Target]


@dataclasses.dataclass(frozen=True, slots=True)
class _Wanted:
    """A signal of the catalogue and how to come to its value."""

    ours: Signal
    scale: float
    offset: float


class DbcMap:
    """Samples from frames."""

    def __init__(self, layout: Layout, wanted: Mapping[tuple[str, str], _Wanted], health: Health) -> None:
        names = {message for message, _ in wanted}
        kept = [message for message in layout.messages.values() if message.name in names]
        self._decoder = FrameDecoder(Layout(_only(message, wanted) for message in kept))
        self._wanted = {
            message.key: {name: target for (of, name), target in wanted.items() if of == message.name}
            for message in kept
        }
        self._health = health
        self.multiplexed = frozenset(
            message.key for message in kept if any(found.selection for found in message.signals)
        )
        """Those identifiers of which one frame does not hold what another does."""

    @property
    def keys(self) -> list[int]:
        """The identifiers that matter, with bit 31 set where they have 29 bits."""
        return list(self._wanted)

    def values(self, identifier: int, data: bytes, *, extended: bool) -> dict[str, int]:
        """Raw integers by VSS path; what lies outside a signal's range is counted and left out."""
        decoded = self._decoder.decode(identifier, data, extended=extended)
        if not decoded:
            return {}
        values = {}
        for name, target in self._wanted[identifier | (extended << 31)].items():
            value = decoded.get(name)
            if value is None:
                continue
            try:
                values[target.ours.path] = target.ours.raw(_finite(value * target.scale + target.offset))
            except (SignalRangeError, ValueError):
                self._health.add("cells_refused", detail=target.ours.path)
        return values


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(value)
    return value


def _only(message: Message, wanted: Iterable[tuple[str, str]]) -> Message:
    """A message with the signals that are wanted, and the multiplexers above them."""
    by_name = {found.name: found for found in message.signals}
    names = {name for of, name in wanted if of == message.name}
    above = list(names)
    while above:
        selection = by_name[above.pop()].selection
        if selection is not None and selection.by not in names:
            names.add(selection.by)
            above.append(selection.by)
    return dataclasses.replace(message, signals=tuple(by_name[name] for name in by_name if name in names))


def open_map(uri: str, dbc: str, chosen: str, health: Health) -> DbcMap:
    """The map of a source's query.

    Raises:
        SourceError: a file is missing or wrong, or the map names what DBC or catalogue do not have.
    """
    if not dbc or not chosen:
        raise SourceError(
            uri, "frames need dbc=FILE, which says what they mean, and map=FILE, which of them are wanted"
        )
    try:
        layout = load(_content(uri, dbc), source=dbc)
        text = _content(uri, chosen).decode("utf-8")
        found = build(SignalMap, read_toml(text, source=chosen), source=chosen)
    except (DbcError, SettingsError, UnicodeDecodeError) as error:
        raise SourceError(uri, str(error)) from error
    return DbcMap(layout, dict(_wanted(uri, layout, found)), health)


def _content(uri: str, name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise SourceError(uri, f"{name} cannot be read ({error.strerror})") from error


def _wanted(uri: str, layout: Layout, chosen: SignalMap) -> Iterable[tuple[tuple[str, str], _Wanted]]:
    there = {(message.name, found.name) for message in layout.messages.values() for found in message.signals}
    for name, given in chosen.signals.items():
        message, _, of = name.rpartition(".")
        if (message, of) not in there:
            raise SourceError(uri, f'the DBC has no signal {name!r}; write it as "Message.Signal"')
        target = Target(path=given) if isinstance(given, str) else given
        try:
            yield (message, of), _Wanted(signal(target.path), target.scale, target.offset)
        except UnknownSignalError as error:
            raise SourceError(uri, f"the map is wrong: {error}") from error
