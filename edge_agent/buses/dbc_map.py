"""From frames to samples: a DBC file says what the frames mean, a map which of their signals are which of ours.

A map is a TOML file with a table ``[signals]``, from ``"Message.Signal"`` to a VSS path. Where the unit differs,
``{ path = "Vehicle.Speed", scale = 1.609344, offset = 0 }`` leads to the catalogue's. For J1939 a table ``[spns]``
names parameters by their number instead, whatever a DBC calls them; those that a DBC lacks are passed over.
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from edge_agent.decoders.dbc import load
from edge_agent.decoders.frame import FrameDecoder
from edge_agent.decoders.layout import EXTENDED, Coding, Layout
from edge_agent.errors import DbcError, SourceError
from edge_agent.protocols.j1939 import largest_value
from vehicle.errors import SettingsError, SignalRangeError, UnknownSignalError
from vehicle.settings import build, read_toml
from vehicle.signals import Signal, signal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edge_agent.decoders.layout import Message
    from edge_agent.decoders.layout import Signal as DbcSignal
    from edge_agent.health import Health


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The signal of the catalogue that a signal of the DBC is, as ``value * scale + offset``."""

    path: str
    scale: float = 1.0
    offset: float = 0.0


class SignalMap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What signals of the DBC are, by name and by suspect parameter number."""

    signals: dict[str, str | Target] = {}
    spns: dict[str, str | Target] = {}


@dataclasses.dataclass(frozen=True, slots=True)
class _Wanted:
    """A signal of the catalogue and how to come to its value; what is above ``most`` in the DBC's unit is none."""

    ours: Signal
    scale: float
    offset: float
    most: float


class DbcMap:
    """Samples from frames."""

    def __init__(self, layout: Layout, wanted: Mapping[tuple[str, str], _Wanted], health: Health) -> None:
        names = {message for message, _ in wanted}
        kept = [message for message in layout.messages.values() if message.name in names]
        self._layout = Layout(_only(message, wanted) for message in kept)
        self._decoder = FrameDecoder(self._layout)
        self._wanted = {
            message.key: {name: target for (of, name), target in wanted.items() if of == message.name}
            for message in kept
        }
        self._health = health
        self._multiplexed = frozenset(
            message.key for message in kept if any(found.selection for found in message.signals)
        )

    @property
    def messages(self) -> list[Message]:
        """The messages that matter, with the signals that do."""
        return list(self._layout.messages.values())

    def is_multiplexed(self, key: int) -> bool:
        """Whether one frame of an identifier (bit 31 set where it has 29 bits) does not hold what another does."""
        if not self._multiplexed:
            return False
        message = self._layout.find(key & ~EXTENDED, extended=bool(key & EXTENDED))
        return message is not None and message.key in self._multiplexed

    def values(self, identifier: int, data: bytes, *, extended: bool) -> dict[str, int]:
        """Raw integers by VSS path; what lies outside a signal's range is counted and left out."""
        decoded = self._decoder.decode(identifier, data, extended=extended)
        message = self._layout.find(identifier, extended=extended) if decoded else None
        if not decoded or message is None:
            return {}
        values = {}
        for name, target in self._wanted[message.key].items():
            value = decoded.get(name)
            if value is None or value > target.most:
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


def open_map(uri: str, dbc: str, chosen: str, health: Health, *, j1939: bool = False) -> DbcMap:
    """The map of a source's query; with ``j1939`` all messages of 29 bits are taken for ones of J1939.

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
    layout = layout.by_group() if j1939 else layout
    wanted = dict(_by_number(uri, layout, found)) | dict(_by_name(uri, layout, found))
    if not wanted:
        raise SourceError(uri, f"the map {chosen} wants no signal that the DBC {dbc} has")
    return DbcMap(layout, wanted, health)


def _content(uri: str, name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise SourceError(uri, f"{name} cannot be read ({error.strerror})") from error


def _by_name(uri: str, layout: Layout, chosen: SignalMap) -> Iterable[tuple[tuple[str, str], _Wanted]]:
    there = {
        (message.name, found.name): (message, found)
        for message in layout.messages.values()
        for found in message.signals
    }
    for name, given in chosen.signals.items():
        message, _, of = name.rpartition(".")
        if (message, of) not in there:
            raise SourceError(uri, f'the DBC has no signal {name!r}; write it as "Message.Signal"')
        yield (message, of), _target(uri, given, *there[message, of])


def _by_number(uri: str, layout: Layout, chosen: SignalMap) -> Iterable[tuple[tuple[str, str], _Wanted]]:
    for message in layout.messages.values():
        for found in message.signals:
            given = chosen.spns.get(str(found.spn))
            if given is not None:
                yield (message.name, found.name), _target(uri, given, message, found)


def _target(uri: str, given: str | Target, message: Message, found: DbcSignal) -> _Wanted:
    target = Target(path=given) if isinstance(given, str) else given
    bounded = message.j1939 and found.coding is Coding.UNSIGNED and found.scale > 0
    most = found.value(largest_value(found.length)) if bounded else math.inf
    try:
        return _Wanted(signal(target.path), target.scale, target.offset, most)
    except UnknownSignalError as error:
        raise SourceError(uri, f"the map is wrong: {error}") from error
