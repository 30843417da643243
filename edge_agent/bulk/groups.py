"""Messages of J1939 in bulk: frames known by their parameter group, and messages in packets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge_agent.bulk.numbering import Numbering
from edge_agent.decoders.layout import EXTENDED
from edge_agent.protocols.j1939 import ANY_SOURCE, DESTINATION_MASK, PDU2, PGN_MASK, SOURCE_MASK, TP_CM, TP_DT
from edge_agent.protocols.j1939_transport import Reassembly

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_agent.bulk.frames import Frames
    from edge_agent.decoders.layout import Layout

Array: TypeAlias = NDArray[Any]
_PACKETS = (TP_CM << 8, TP_DT << 8)
_ADDRESSED_MASK = PGN_MASK & ~DESTINATION_MASK
_FORMAT_MASK = 0xFF_0000
_LONGEST_ID = EXTENDED - 1


class Groups:
    """Numbers the frames of a layout's groups by the message that they are."""

    def __init__(self, layout: Layout, number_of: Mapping[int, int]) -> None:
        groups = sorted(layout.groups)
        self._unknown = len(number_of)
        self._numbering = Numbering(groups)
        numbers = [number_of[layout.groups[one].key] for one in groups]
        self._numbers = np.array([*numbers, self._unknown], dtype=np.uint16)
        self._any_source_only = all(one & SOURCE_MASK == ANY_SOURCE for one in groups)

    def numbers(self, keys: Array) -> Array:
        """The number of each key's message (of its source before of any source), or the number after the last."""
        forms = _groups(keys)
        found = self._of(forms & ~np.uint32(SOURCE_MASK) | np.uint32(ANY_SOURCE))
        if not self._any_source_only:
            of_source = self._of(forms)
            found = np.where(of_source < self._unknown, of_source, found)
        found[keys < np.uint32(EXTENDED)] = self._unknown
        return found

    def _of(self, groups: Array) -> Array:
        found: Array = self._numbers.take(self._numbering.numbers(groups))
        return found


def _groups(keys: Array) -> Array:
    """What :func:`edge_agent.protocols.j1939.group` says of each, shape and type of ``keys`` (uint32)."""
    addressed = keys & np.uint32(_FORMAT_MASK) < np.uint32(PDU2 << 16)
    destinations = addressed * np.uint32(DESTINATION_MASK)
    found: Array = keys & np.uint32(PGN_MASK | SOURCE_MASK) & ~destinations
    return found


def are_packets(keys: Array) -> Array:
    """Which keys are those of the transport protocol."""
    kept = keys & np.uint32(_ADDRESSED_MASK)
    found: Array = (keys & np.uint32(EXTENDED) != 0) & ((kept == _PACKETS[0]) | (kept == _PACKETS[1]))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """Messages out of packets.

    ``frames`` are the positions of the packets that completed them, ascending, ``keys`` the identifiers that they would
    have as frames, both of shape ``(n,)``; ``data`` are their bytes.
    """

    frames: Array
    keys: Array
    data: list[bytes]


class Assembler:
    """Puts packets together, across calls too."""

    def __init__(self) -> None:
        self._reassembly = Reassembly()

    @property
    def lost(self) -> int:
        """Messages that did not become whole."""
        return self._reassembly.lost_count

    def take(self, frames: Frames, at: Array) -> Assembled:
        """The messages that the packets at these positions complete."""
        keys, times_s = (frames.keys[at] & np.uint32(_LONGEST_ID)).tolist(), (frames.times_us[at] / 1e6).tolist()
        places, found, data = [], [], []
        for place, key, time_s in zip(at.tolist(), keys, times_s, strict=True):
            part = frames.data[place, : int(frames.lengths[place])].tobytes()
            whole = self._reassembly.take(key, part, time_s)
            if whole is not None:
                places.append(place)
                found.append(whole.head.identifier | EXTENDED)
                data.append(whole.data)
        return Assembled(frames=np.array(places, np.intp), keys=np.array(found, np.uint32), data=data)


def rows_of(data: list[bytes], width: int) -> Array:
    """Messages as rows of bytes, shape ``(len(data), width)``, zeros behind their end; what is longer is cut."""
    content = b"".join(one[:width].ljust(width, b"\0") for one in data)
    return np.frombuffer(content, np.uint8).reshape(len(data), width)
