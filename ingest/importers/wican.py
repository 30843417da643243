"""WiCAN: values that it decodes itself (AutoPID, CAN to JSON), answers of OBD-II it passes on, and its presence. Pure.

Forms as in meatpiHQ/wican-fw: docs/content/7.MQTT/Usage.md (``can/rx``, ``status``), 0.Config/6.Automate/1.Usage.md
(``_meta``) and 4.Supported_Parameters.md (names and units).
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ingest.foreign import UNKNOWN, Importer, Reading, ignored, one_row, read_object
from vehicle import signals
from vehicle.errors import ObdDataError, Reason, WireError
from vehicle.obd import PIDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

METRES_PER_KILOMETRE = 1000.0
RUNS_AT_A_MINUTE_MS = 50_000
"""``ts`` in a message of frames is the device's clock modulo a minute (main/mqtt.c), so equal content within less is
the same message."""
NOT_TAKEN = frozenset({"tx", "elm327"})
_ANSWERS = range(0x7E8, 0x7F0)
_ANSWERS_29 = range(0x18DAF100, 0x18DAF200)
"""Identifiers of answers to a tester, ISO 15765-4."""
_LIVE_DATA = 0x41
_MOST_IN_A_FRAME = 7

NAMES: Mapping[str, tuple[str, float]] = {
    "SPEED": (signals.SPEED, 1.0),
    "ODOMETER": (signals.ODOMETER, METRES_PER_KILOMETRE),
    "ENGINE_RPM": (signals.ENGINE_SPEED, 1.0),
    "COOLANT_TMP": (signals.COOLANT_TEMPERATURE, 1.0),
    "ENGINE_OIL_TEMP": (signals.OIL_TEMPERATURE, 1.0),
    "INTAKE_AIR_TMP": (signals.INTAKE_AIR_TEMPERATURE, 1.0),
    "TMP_A": (signals.AMBIENT_AIR_TEMPERATURE, 1.0),
    "FUEL": (signals.FUEL_LEVEL, 1.0),
    "THROTTLE": (signals.THROTTLE, 1.0),
    "MAF": (signals.MAF, 1.0),
    "LV_V": (signals.CONTROL_MODULE_VOLTAGE, 1.0),
    "SOC": ("Vehicle.OBD.HybridBatteryRemaining", 1.0),
}
"""Parameter of a vehicle profile -> signal, and what to multiply by to come to its unit."""
STANDARD = frozenset(
    {
        0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F, 0x10, 0x11, 0x1F, 0x21, 0x2F, 0x31, 0x33,
        0x42, 0x43, 0x45, 0x46, 0x47, 0x49, 0x4A, 0x4C, 0x5B, 0x5C, 0x5E,
    }
)  # fmt: skip
"""Standard PIDs whose single value WiCAN gives in the unit of SAE J1979, under a name such as ``0C-EngineRPM``."""
_PID_NAME = re.compile(r"([0-9A-F]{2})-\w+")

SETTINGS = """\
MQTT URL: mqtt://{host}   Port: {port}
MQTT user: {device}
MQTT password: {password}
MQTT TX topic: wican/{device}/can/tx
MQTT RX topic: wican/{device}/can/rx
MQTT status topic: wican/{device}/status
Automate, destination (MQTT topic): wican/{device}/autopid
"""


@dataclass(frozen=True, slots=True)
class _Frame:
    identifier: int
    data: bytes


def read(levels: tuple[str, ...], payload: bytes) -> Reading:
    """Presence, frames or named values, whichever the message holds.

    Raises:
        WireError: it is not JSON, or a frame is none.
    """
    if not levels or levels[-1] in NOT_TAKEN:
        return ignored()
    found = read_object(payload)
    if levels[-1] == "status":
        return _presence(found)
    if "frame" in found:
        return _frames(found)
    if "_meta" in found:  # values of an earlier reading, sent once more
        return ignored("cached_values")
    return _named(found)


def _presence(found: Mapping[str, Any]) -> Reading:
    status = found.get("status")
    if status not in ("online", "offline"):
        raise WireError(Reason.DECODE, f"status is {str(status)[:40]!r}, it is online or offline")
    return Reading(online=status == "online")


def _named(found: Mapping[str, Any]) -> Reading:
    values, unknown = {}, 0
    for name, value in found.items():
        signal = _signal_of(name)
        if signal is None:
            unknown += 1
        elif isinstance(value, bool) or not isinstance(value, int | float):
            raise WireError(Reason.DECODE, f"{name} is {str(value)[:40]!r}, a number is expected")
        else:
            values[signal[0]] = _number(name, value) * signal[1]
    return one_row(values, **{UNKNOWN: unknown})


def _signal_of(name: str) -> tuple[str, float] | None:
    standard = _PID_NAME.fullmatch(name)
    if standard is None:
        return NAMES.get(name)
    pid = int(standard[1], 16)
    return (PIDS[pid].fields[0].path, 1.0) if pid in STANDARD else None


def _number(name: str, value: float) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise WireError(Reason.RANGE, f"{name} is larger than any number of a car") from error


def _frames(found: Mapping[str, Any]) -> Reading:
    values: dict[str, float] = {}
    counts: Counter[str] = Counter()
    for frame in _each_frame(found["frame"]):
        if frame.identifier in _ANSWERS or frame.identifier in _ANSWERS_29:
            read_values, unread = _answer(frame.data)
            values |= read_values
            counts["unread_answer"] += unread
        else:
            counts["unknown_frame"] += 1
    made = one_row(values, **counts)
    return replace(made, repeated_within_ms=RUNS_AT_A_MINUTE_MS) if isinstance(found.get("ts"), int) else made


def _each_frame(rows: object) -> Iterator[_Frame]:
    if not isinstance(rows, list):
        raise WireError(Reason.DECODE, "frame is not a list")
    for row in rows:
        match row:
            case {"id": int() as identifier, "data": [*data]} if all(_is_byte(item) for item in data):
                yield _Frame(identifier, bytes(data))
            case _:
                raise WireError(Reason.DECODE, f"{str(row)[:80]} is no frame with id and data")


def _is_byte(item: object) -> bool:
    return type(item) is int and 0 <= item <= 0xFF  # noqa: PLR2004  a byte


def _answer(data: bytes) -> tuple[dict[str, float], int]:
    """Values of a single-frame answer of service 01, and 1 where it is another answer or one that cannot be read."""
    size = data[0] if data else 0
    if not 1 < size <= _MOST_IN_A_FRAME or len(data) <= size or data[1] != _LIVE_DATA:
        return {}, 1
    values: dict[str, float] = {}
    rest = data[2 : size + 1]
    while rest:
        pid = PIDS.get(rest[0])
        if pid is None:
            return values, 1
        try:
            raws = pid.decode(rest[1 : 1 + pid.length])
        except ObdDataError:
            return values, 1
        values |= {path: signals.signal(path).value(raw) for path, raw in raws.items()}
        rest = rest[1 + pid.length :]
    return values, 0


IMPORTER = Importer(kind="wican", filters=("wican/+/#",), read=read, settings=SETTINGS)
