"""What one listener makes of frames: samples, and what happened. A bus that is listened to and a log share it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from edge_agent.decoders.layout import EXTENDED
from edge_agent.protocols.j1939 import ANY_SOURCE, DESTINATION_MASK, PGN_MASK, SOURCE_MASK, is_addressed

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from edge_agent.buses.dbc_map import DbcMap
    from edge_agent.decoders.layout import Message
    from edge_agent.watch import Happening

CodeKey = tuple[str, str, str]
"""Unit, code, state."""
_MASKS = {False: 0x7FF, True: 0x1FFF_FFFF}


class Heard(NamedTuple):
    """What a frame led to: raw integers by VSS path, and happenings."""

    values: Mapping[str, int]
    happened: Sequence[Happening] = ()


class Hearing(Protocol):
    """One listener. Identifiers come as keys: with bit 31 set where they have 29 bits."""

    @property
    def filters(self) -> list[dict[str, Any]]:
        """Which frames matter, as python-can's drivers are told."""
        ...

    def needs_each(self, key: int) -> bool:
        """Whether all frames of an identifier matter, and not just the last one of a period."""
        ...

    def take(self, key: int, data: bytes, at_s: float) -> Heard:
        """What a frame leads to; ``at_s`` is when it came, on any clock that runs on."""
        ...

    def recall(self, codes: Collection[CodeKey]) -> None:
        """Tells which codes were there when the agent last ran."""
        ...

    def answer(self, name: str) -> dict[str, Any] | None:
        """The answer to a request such as ``read_dtcs`` from what was heard so far; None if that does not hold it."""
        ...


class DbcHearing:
    """Samples only, each frame by itself."""

    def __init__(self, mapped: DbcMap) -> None:
        self._mapped = mapped

    @property
    def filters(self) -> list[dict[str, Any]]:
        """The identifiers of the messages that the map wants, or their groups."""
        return [filter_of(message) for message in self._mapped.messages]

    def needs_each(self, key: int) -> bool:
        """A multiplexer makes the frames of one identifier differ."""
        return self._mapped.is_multiplexed(key)

    def take(self, key: int, data: bytes, at_s: float) -> Heard:
        """The samples in a frame."""
        del at_s
        return Heard(self._mapped.values(key & ~EXTENDED, data, extended=bool(key & EXTENDED)))

    def recall(self, codes: Collection[CodeKey]) -> None:
        """A DBC knows no codes."""

    def answer(self, name: str) -> dict[str, Any] | None:
        """Samples answer no request."""
        del name
        return None


def filter_of(message: Message) -> dict[str, Any]:
    """Lets the frames of a message through."""
    if message.j1939:
        source = message.identifier & SOURCE_MASK
        return group_filter(message.identifier >> 8 & 0x3FFFF, None if source == ANY_SOURCE else source)
    return {"can_id": message.identifier, "can_mask": _MASKS[message.extended], "extended": message.extended}


def group_filter(pgn: int, source: int | None = None) -> dict[str, Any]:
    """Lets a parameter group of J1939 through, from everyone or from one source."""
    mask = PGN_MASK & ~(DESTINATION_MASK if is_addressed(pgn) else 0) | (0 if source is None else SOURCE_MASK)
    return {"can_id": (pgn << 8 | (source or 0)) & mask, "can_mask": mask, "extended": True}
