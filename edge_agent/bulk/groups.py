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
_LONGEST_ID = EXTENDED - 1


class Groups:
    """Numbers the frames of a layout's groups by the message that they are."""

    def __init__(self, layout: Layout, number_of: Mapping[int, int]) -> None:
        groups = sorted(layout.groups)
        self._unknown = len(number_of)
        self._numbering = Numbering(groups)
        numbers = [number_of[layout.groups[one].key] for one in groups]
        self._numbers = np.array([*numbers, self._unknown], dtype=np.intp)

    def numbers(self, keys: Array) -> Array:
        """The number of each key's message (of its source before of any source), or the number after the last."""
        forms = _groups(keys)
        of_source = self._numbers[self._numbering.numbers(forms)]
        of_any = self._numbers[self._numbering.numbers(forms & ~np.uint32(SOURCE_MASK) | np.uint32(ANY_SOURCE))]
        found = np.where(of_source < self._unknown, of_source, of_any)
        return np.where(keys & np.uint32(EXTENDED) != 0, found, self._unknown)


def _groups(keys: Array) -> Array:
    """What :func:`edge_agent.protocols.j1939.group` says of each, shape and type of ``keys`` (uint32)."""
    addressed = (keys >> np.uint32(16)) & np.uint32(0xFF) < PDU2
    kept = np.where(addressed, np.uint32(_ADDRESSED_MASK), np.uint32(PGN_MASK))
    found: Array = keys & (kept | np.uint32(SOURCE_MASK))
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
