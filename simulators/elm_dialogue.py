"""What an ELM327 v1.5 says: text in, text out. No port and no clock.

After the public data sheet of the ELM327 ("ELM327 OBD to RS232 Interpreter"): AT commands change settings, hex digits
are a request, an empty line repeats the last command, ``?`` is what it does not understand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from simulators import isotp
from simulators.ecu import FUNCTIONAL_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

VERSION = "ELM327 v1.5"
DEVICE = "OBDII to RS232 Interpreter"
CAN_11_500 = "6"
PROMPT = ">"
_REQUEST = re.compile(r"[0-9A-F]+")
_HEADER = re.compile(r"SH([0-9A-F]{3}|[0-9A-F]{6})")
_SHORT_FRAME = 7
_ROW = 7

Answered: TypeAlias = "Sequence[tuple[int, bytes]]"
"""Identifier and payload of each answer, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the adapter is set; the defaults are those after ATZ."""

    echo: bool = True
    linefeeds: bool = True
    spaces: bool = True
    headers: bool = False
    formatting: bool = True
    automatic: bool = True
    found: bool = False
    """Whether the protocol has been found since it was set."""
    asked_id: int = FUNCTIONAL_ID
    answer_id: int | None = None
    last: str = ""

    @property
    def end(self) -> str:
        """What ends a line."""
        return "\r\n" if self.linefeeds else "\r"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the adapter says to a command, prompt included, and its settings after it."""

    text: str
    settings: Settings


def respond(line: str, settings: Settings, *, ask: Callable[[int, bytes], Answered], voltage_v: float) -> Said:
    """What the adapter says to one line; ``ask`` carries a payload to the car under an identifier."""
    command = "".join(line.upper().split()) or settings.last
    echo = line + "\r" if settings.echo else ""
    if command.startswith("AT"):
        answer, after = _setting(command[2:], settings, voltage_v)
    elif _REQUEST.fullmatch(command):
        answer, after = _request(command, settings, ask)
    else:
        answer, after = ["?"], settings
    shown = after if command in _RESETS else settings
    body = shown.end.join(answer)
    return Said(text=echo + body + shown.end * 2 + PROMPT, settings=replace(after, last=command))


_RESETS = frozenset({"ATZ", "ATWS", "ATD"})

_SWITCHES: Mapping[str, str] = MappingProxyType(
    {"E": "echo", "L": "linefeeds", "S": "spaces", "H": "headers", "CAF": "formatting"}
)
_ACCEPTED = re.compile(
    r"AL|NL|BI|PC|M[01]|AT[012]|ST[0-9A-F]{2}|CFC[01]|CEA|R[01]|V[01]|D[01]|FI|KW[01]|SS|TA[0-9A-F]{2}|FCS[HDM][0-9A-F]*"
    r"|CF[0-9A-F]{3}|CM[0-9A-F]{3}|CP[0-9A-F]{2}|BRT[0-9A-F]{2}|WM[0-9A-F]+|SW[0-9A-F]{2}|JE|JS"
)


def _setting(command: str, settings: Settings, voltage_v: float) -> tuple[list[str], Settings]:
    fixed = _information(command, settings, voltage_v)
    if fixed is not None:
        return [fixed], Settings() if command in {"Z", "WS"} else settings
    if command == "D":
        return ["OK"], Settings()
    changed = _switched(command, settings) or _addressed(command, settings)
    if changed is not None:
        return ["OK"], changed
    return (["OK"], settings) if _ACCEPTED.fullmatch(command) else (["?"], settings)


def _information(command: str, settings: Settings, voltage_v: float) -> str | None:
    auto = "A" if settings.automatic else ""
    known = {
        "Z": "\r\n" + VERSION,
        "WS": "\r\n" + VERSION,
        "I": VERSION,
        "@1": DEVICE,
        "DP": ("AUTO, " if auto else "") + "ISO 15765-4 (CAN 11/500)",
        "DPN": auto + CAN_11_500,
        "RV": f"{voltage_v:.1f}V",
        "IGN": "ON",
    }
    return known.get(command)


def _switched(command: str, settings: Settings) -> Settings | None:
    name = _SWITCHES.get(command[:-1])
    if name is None or command[-1] not in "01":
        return None
    switched: dict[str, Any] = {name: command[-1] == "1"}
    return replace(settings, **switched)


def _addressed(command: str, settings: Settings) -> Settings | None:
    """Protocol, header of requests, filter of answers."""
    if command in {"SP0", "SPA6", "TP0", "TPA6", "SP00"}:
        return replace(settings, automatic=True, found=False)
    if command in {"SP6", "TP6"}:
        return replace(settings, automatic=False, found=True)
    if header := _HEADER.fullmatch(command):
        return replace(settings, asked_id=int(header[1], 16) & 0x7FF)
    if command in {"AR", "CRA"}:
        return replace(settings, answer_id=None)
    if re.fullmatch(r"CRA[0-9A-F]{3}", command):
        return replace(settings, answer_id=int(command[3:], 16))
    return None


def _request(command: str, settings: Settings, ask: Callable[[int, bytes], Answered]) -> tuple[list[str], Settings]:
    """A request in hex; an odd last digit says after how many answers to stop waiting."""
    most = int(command[-1], 16) if len(command) % 2 else 0
    payload = bytes.fromhex(command[: len(command) // 2 * 2])
    if not 0 < len(payload) <= _SHORT_FRAME:
        return ["?"], settings
    answered = [(i, data) for i, data in ask(settings.asked_id, payload) if settings.answer_id in {None, i}]
    if most:
        answered = answered[:most]
    searching = ["SEARCHING..."] if settings.automatic and not settings.found else []
    if not answered:
        return [*searching, "UNABLE TO CONNECT" if searching else "NO DATA"], settings
    lines = [text for identifier, data in answered for text in _lines(identifier, data, settings)]
    return [*searching, *lines], replace(settings, found=True)


def _lines(identifier: int, payload: bytes, settings: Settings) -> list[str]:
    """One answer as it is shown: frames with header and length byte, or the payload alone, long ones numbered."""
    frames = isotp.all_frames(payload)
    if settings.headers or not settings.formatting:
        head = f"{identifier:03X}" + (" " if settings.spaces else "") if settings.headers else ""
        return [head + _hex(_trimmed(frame), settings) for frame in frames]
    if len(payload) <= _SHORT_FRAME:
        return [_hex(payload, settings)]
    gap = " " if settings.spaces else ""
    rows = [payload[:6], *(payload[at : at + _ROW] for at in range(6, len(payload), _ROW))]
    return [f"{len(payload):03X}", *(f"{number & 15:X}:{gap}{_hex(row, settings)}" for number, row in enumerate(rows))]


def _trimmed(frame: bytes) -> bytes:
    """A frame without its padding where its length is known."""
    return frame[: 1 + frame[0]] if frame[0] <= _SHORT_FRAME else frame


def _hex(data: bytes, settings: Settings) -> str:
    return (data.hex(" ") if settings.spaces else data.hex()).upper()
