"""Lines of an ELM327 adapter, genuine or clone, into payloads by ECU (ELM327 data sheet, version 1.4b). Sans-IO.

Headers are switched on (``ATH1``), so that it shows which ECU spoke and each line is a CAN frame. Clones that ignore
this, or that go on echoing, are understood too. Older buses than CAN (J1850, ISO 9141, KWP) are not read here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edge_agent.errors import GarbledAnswerError
from edge_agent.protocols.isotp import Assembly

if TYPE_CHECKING:
    from edge_agent.protocols.obd import Heard

PROMPT = b">"
SETUP = ("ATE0", "ATL0", "ATS0", "ATH1")
MOST_BYTES = 16 * 1024
"""More without a prompt is a babbling line, not an answer (our choice; 4095 bytes of payload are 14 KiB of text)."""
COMPLAINTS = (
    "NO DATA", "UNABLE TO CONNECT", "BUS BUSY", "BUS ERROR", "CAN ERROR", "DATA ERROR", "RX ERROR", "FB ERROR",
    "BUFFER FULL", "STOPPED", "ACT ALERT", "LV RESET", "LP ALERT", "BUS INIT: ERROR", "ERR", "?",
)  # fmt: skip
RESTARTED = ("ELM327", "LV RESET")
"""Words of an adapter that has just begun anew, and forgotten its set-up."""
_HEX = re.compile(r"[0-9A-F]+")
_NUMBERED = re.compile(r"(?P<number>[0-9A-F]):(?P<data>[0-9A-F]*)")
_LENGTH_DIGITS = 3
_ID_11, _ID_29 = 3, 8


@dataclass(slots=True)
class Lines:
    """Bytes as they come, cut at the prompt."""

    _buffer: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> list[str]:
        """The texts that ended with a prompt; NUL bytes, which the data sheet says to ignore, are left out.

        Raises:
            GarbledAnswerError: no prompt for longer than any answer is.
        """
        self._buffer += data.replace(b"\0", b"")
        *whole, rest = self._buffer.split(PROMPT)
        self._buffer = bytearray(rest)
        if len(rest) > MOST_BYTES:
            self._buffer.clear()
            raise GarbledAnswerError("the adapter's line", bytes(rest[:32]), f"no prompt within {MOST_BYTES} bytes")
        return [text.decode("ascii", errors="replace") for text in whole]


@dataclass(frozen=True, slots=True)
class Reply:
    """What the adapter passed on, what it complained of, and the lines that mean nothing."""

    heard: tuple[Heard, ...] = ()
    complaint: str = ""
    garbled: tuple[str, ...] = ()
    restarted: bool = False


def read_reply(text: str, command: str) -> Reply:
    """The reply ``text`` (up to its prompt) to ``command``."""
    lines = _lines(text, command)
    complaint = next((word for line in lines for word in COMPLAINTS if line.startswith(word) or word in line[1:]), "")
    assemblies: dict[str, Assembly] = {}
    heard: list[Heard] = []
    garbled: list[str] = []
    unnamed: list[str] = []
    for line in lines:
        digits = line.replace(" ", "")
        if _NUMBERED.fullmatch(digits) or (len(digits) == _LENGTH_DIGITS and _HEX.fullmatch(digits)):
            unnamed.append(digits)
        elif _HEX.fullmatch(digits):
            _take(digits, assemblies, heard, garbled)
        elif not any(word in line for word in COMPLAINTS):
            garbled.append(line)
    heard += _numbered(unnamed, garbled)
    garbled += [f"{ecu}: its answer broke off" for ecu, assembly in assemblies.items() if assembly.open]
    return Reply(tuple(heard), complaint, tuple(garbled), any(word in text for word in RESTARTED))


def _lines(text: str, command: str) -> list[str]:
    stripped = (line.strip().upper() for line in re.split(r"[\r\n]+", text))
    told = (line.removeprefix("SEARCHING...").removeprefix("BUS INIT: ...OK").strip() for line in stripped)
    return [line for line in told if line and line.replace(" ", "") != command and line != "OK"]


def _take(digits: str, assemblies: dict[str, Assembly], heard: list[Heard], garbled: list[str]) -> None:
    """One line: with an 11-bit identifier its digits are odd in number, with a 29-bit one it starts 18DA."""
    odd = len(digits) % 2
    size = _ID_11 if odd else _ID_29 if digits.startswith("18DA") else 0
    if not size:
        heard.append(("", bytes.fromhex(digits)))
        return
    ecu = digits[:size]
    try:
        step = assemblies.setdefault(ecu, Assembly()).take(bytes.fromhex(digits[size:]))
    except GarbledAnswerError:
        garbled.append(digits)
        return
    if step.payload is not None:
        heard.append((ecu, step.payload))


def _numbered(lines: list[str], garbled: list[str]) -> list[Heard]:
    """A long answer as the adapter puts it together without headers: its length, then ``0:``, ``1:`` and so on."""
    if not lines:
        return []
    size = int(lines[0], 16) if ":" not in lines[0] else 0
    parts = [found for found in map(_NUMBERED.fullmatch, lines) if found]
    in_order = all(int(part["number"], 16) == number % 16 for number, part in enumerate(parts))
    digits = "".join(part["data"] for part in parts)
    if not size or not in_order or len(digits) % 2 or len(digits) < 2 * size:
        garbled += lines
        return []
    return [("", bytes.fromhex(digits)[:size])]
