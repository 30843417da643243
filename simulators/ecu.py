"""Control units that answer OBD-II requests (SAE J1979 and J1979-2 on CAN): a function of request and car.

It is pure but for clearing codes, which is the car's own affair (:attr:`Unit.clear`).
A request to all (identifier 7DF) that a unit cannot answer stays unanswered, as the standard asks; one to the unit
itself gets a negative response.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from vehicle import signals
from vehicle.dtc import DtcState, encode_dtcs
from vehicle.obd import BITMAP_PIDS, PID_OF, PIDS, supported_bitmap
from vehicle.vin import encode_vin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from vehicle.dtc import Dtc
    from vehicle.vin import Vin

FUNCTIONAL_ID = 0x7DF
ENGINE_ID, TRANSMISSION_ID = 0x7E8, 0x7E9
REQUEST_OFFSET = 8
"""A unit listens eight below the identifier with which it answers."""
POSITIVE = 0x40
NEGATIVE = 0x7F
FREEZING_CODE = 0x02
"""The parameter that names the code that froze a frame."""
MOST_PIDS = 6
"""How many parameters one request may name."""

_STATE_OF_SERVICE = MappingProxyType({0x03: DtcState.STORED, 0x07: DtcState.PENDING, 0x0A: DtcState.PERMANENT})
READ_DATA, READ_CODES = 0x22, 0x19
CLEAR, CLEAR_ON_UDS = b"\x04", b"\x14\xff\xff\x33"
_OBD_PIDS, _OBD_VIN = 0xF400, 0xF802
_STATUS = MappingProxyType({DtcState.PENDING: 0x04, DtcState.STORED: 0x08})
_CALIBRATION = b"RW-SIM-2026.1"
_VERIFICATION = bytes.fromhex("1791BC82")
_ECU_NAME = b"ECM\0-EngineControl"
_MISFIRE_MONITORS = (0xA1, 0xA2)


class Refusal(int):
    """Why a request is refused: a negative response code of ISO 14229."""


SERVICE_NOT_SUPPORTED = Refusal(0x11)
SUBFUNCTION_NOT_SUPPORTED = Refusal(0x12)
WRONG_LENGTH = Refusal(0x13)
REQUEST_OUT_OF_RANGE = Refusal(0x31)
RESPONSE_PENDING = Refusal(0x78)


class Behaviour(StrEnum):
    """How well a unit behaves."""

    NORMAL = "normal"
    SILENT = "silent"
    """It answers nothing."""
    NO_DATA = "no_data"
    """It says what it supports, and then gives nothing."""
    GARBAGE = "garbage"
    """It answers bytes that mean nothing."""
    PENDING = "pending"
    """It asks for time (negative response 78) before each answer."""
    ONE_PID = "one_pid"
    """It answers requests for one parameter only."""
    SLOW = "slow"
    """It takes a quarter of a second for each answer."""
    OUT_OF_ORDER = "out_of_order"
    """It answers several parameters in another order than they were asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What a control unit knows: values in the catalogue's units by VSS path, codes by state, identity."""

    answer_id: int = ENGINE_ID
    values: Mapping[str, float] = field(default_factory=dict)
    codes: Mapping[DtcState, tuple[Dtc, ...]] = field(default_factory=dict)
    freeze: Mapping[str, float] = field(default_factory=dict)
    """Values when the first stored code was set."""
    on_uds: bool = False
    """Whether it tells what OBD-II tells on UDS (SAE J1979-2), and nothing in the older way."""
    clear: Callable[[], object] | None = None
    """What clearing its codes does; without it the service is refused."""
    identifiers: Mapping[int, bytes] = field(default_factory=dict)
    """The maker's own data by identifier (service 22)."""
    vin: Vin | None = None
    behaviour: Behaviour = Behaviour.NORMAL

    @property
    def request_id(self) -> int:
        """The identifier on which it alone is asked."""
        return self.answer_id - REQUEST_OFFSET


def answers(request: bytes, unit: Unit, *, functional: bool = True) -> tuple[bytes, ...]:
    """The payloads with which ``unit`` answers ``request``, in order; none if it stays silent."""
    if unit.behaviour is Behaviour.SILENT or not request:
        return ()
    if unit.behaviour is Behaviour.GARBAGE:
        return (bytes((byte * 73 + 41) & 0xFF for byte in request) + b"\xde\xad",)
    found = _answer(request, unit)
    if isinstance(found, Refusal):
        return () if functional else (_negative(request, found),)
    if unit.behaviour is Behaviour.PENDING:
        return _negative(request, RESPONSE_PENDING), found
    return (found,)


def _negative(request: bytes, why: Refusal) -> bytes:
    return bytes([NEGATIVE, request[0], why])


def _answer(request: bytes, unit: Unit) -> bytes | Refusal:
    service, rest = request[0], request[1:]
    if unit.behaviour is Behaviour.NO_DATA and (service != 0x01 or rest[:1] not in {b"\0", b"\x20", b"\x40"}):
        return SERVICE_NOT_SUPPORTED
    if service in _STATE_OF_SERVICE and not unit.on_uds:
        codes = unit.codes.get(_STATE_OF_SERVICE[service], ())
        return bytes([service + POSITIVE]) + encode_dtcs(codes)
    if request == (CLEAR_ON_UDS if unit.on_uds else CLEAR) and unit.clear is not None:
        unit.clear()
        return bytes([service + POSITIVE])
    if service == READ_DATA and (unit.on_uds or unit.identifiers):
        return _data_by_identifier(rest, unit)
    if service == READ_CODES and unit.on_uds:
        return _codes_on_uds(rest, unit)
    readers = {} if unit.on_uds else {0x01: _live, 0x02: _frozen, 0x06: _monitors, 0x09: _information}
    return readers[service](rest, unit) if service in readers else SERVICE_NOT_SUPPORTED


def _live(pids: bytes, unit: Unit) -> bytes | Refusal:
    if not 1 <= len(pids) <= (1 if unit.behaviour is Behaviour.ONE_PID else MOST_PIDS):
        return WRONG_LENGTH
    parts = [bytes([pid]) + data for pid in pids if (data := parameter(pid, unit.values)) is not None]
    if unit.behaviour is Behaviour.OUT_OF_ORDER:
        parts.reverse()
    return b"\x41" + b"".join(parts) if parts else SUBFUNCTION_NOT_SUPPORTED


def _frozen(asked: bytes, unit: Unit) -> bytes | Refusal:
    """Service 02: parameter and frame number; only frame 0 exists. Parameter 02 is the code that froze it."""
    if len(asked) != 2:  # noqa: PLR2004  parameter and frame
        return WRONG_LENGTH
    pid, frame = asked
    stored = unit.codes.get(DtcState.STORED, ())
    if frame != 0 or not (stored or pid in BITMAP_PIDS):
        return SUBFUNCTION_NOT_SUPPORTED
    data = stored[0].to_bytes() if pid == FREEZING_CODE and stored else parameter(pid, unit.freeze)
    return SUBFUNCTION_NOT_SUPPORTED if data is None else bytes([0x42, pid, frame]) + data


def parameter(pid: int, values: Mapping[str, float]) -> bytes | None:
    """Answer bytes of one parameter of service 01, or None where the car does not have it."""
    have = pids_of(values)
    if pid in BITMAP_PIDS:
        more = {base for base in BITMAP_PIDS if base and any(number > base for number in have)}
        bitmap = supported_bitmap(pid, have | more)
        return bitmap if pid == 0 or any(bitmap) else None
    return (
        PIDS[pid].encode({f.path: values[f.path] for f in PIDS[pid].fields if f.path in values})
        if pid in have
        else None
    )


def pids_of(values: Mapping[str, float]) -> frozenset[int]:
    """The parameters of service 01 that carry these signals."""
    return frozenset(PID_OF[path] for path in values if path in PID_OF)


def _monitors(asked: bytes, unit: Unit) -> bytes | Refusal:
    """Service 06: the bitmap of monitors and the misfire counts of the last trips (TID 0B), which is all we keep."""
    if len(asked) != 1:
        return WRONG_LENGTH
    monitor = asked[0]
    if monitor in BITMAP_PIDS:
        more = {base for base in BITMAP_PIDS if monitor < base < _MISFIRE_MONITORS[0]}
        return b"\x46" + asked + supported_bitmap(monitor, {*_MISFIRE_MONITORS, *more})
    if monitor not in _MISFIRE_MONITORS:
        return SUBFUNCTION_NOT_SUPPORTED
    count = 24 if any(code.code.startswith("P030") for code in unit.codes.get(DtcState.STORED, ())) else 0
    return b"\x46" + asked + b"\x0b\x24" + count.to_bytes(2, "big") + b"\x00\x00" + b"\xff\xff"


def _information(asked: bytes, unit: Unit) -> bytes | Refusal:
    if len(asked) != 1:
        return WRONG_LENGTH
    items = {0x04: _CALIBRATION.ljust(16, b"\0"), 0x06: _VERIFICATION, 0x0A: _ECU_NAME.ljust(20, b"\0")}
    known = {kind: b"\x01" + item for kind, item in items.items()}
    if unit.vin is not None:
        known[0x02] = encode_vin(unit.vin)
    if asked[0] == 0:
        return b"\x49" + asked + supported_bitmap(0, known)
    return b"\x49" + asked + known[asked[0]] if asked[0] in known else SUBFUNCTION_NOT_SUPPORTED


def _data_by_identifier(asked: bytes, unit: Unit) -> bytes | Refusal:
    """Service 22: the maker's own identifiers and, on UDS, what services 01 and 09 would tell (F4xx, F8xx)."""
    if not asked or len(asked) % 2:
        return WRONG_LENGTH
    named = [int.from_bytes(asked[at : at + 2], "big") for at in range(0, len(asked), 2)]
    parts = [one.to_bytes(2, "big") + data for one in named if (data := _identified(one, unit)) is not None]
    return b"\x62" + b"".join(parts) if parts else REQUEST_OUT_OF_RANGE


def _identified(identifier: int, unit: Unit) -> bytes | None:
    if identifier in unit.identifiers:
        return unit.identifiers[identifier]
    group, one = identifier & 0xFF00, identifier & 0xFF
    if unit.on_uds and group == _OBD_PIDS:
        return parameter(one, unit.values)
    if unit.on_uds and identifier == _OBD_VIN and unit.vin is not None:
        return str(unit.vin).encode("ascii")
    return None


def _codes_on_uds(asked: bytes, unit: Unit) -> bytes | Refusal:
    """Service 19: emission-related codes by status and severity (42 33), and permanent ones (55 33)."""
    status = {
        code: sum(bit for state, bit in _STATUS.items() if code in unit.codes.get(state, ())) for code in _coded(unit)
    }
    if asked[:2] == b"\x42\x33" and len(asked) == 4:  # noqa: PLR2004  masks of status and severity
        found = [b"\x02" + code.to_three_bytes() + bytes([bits]) for code, bits in status.items() if bits & asked[2]]
        return b"\x59\x42\x33\x0c\x1e\x04" + b"".join(found)
    if asked == b"\x55\x33":
        permanent = unit.codes.get(DtcState.PERMANENT, ())
        found = [code.to_three_bytes() + bytes([status[code]]) for code in permanent]
        return b"\x59\x55\x33\x0c\x04" + b"".join(found)
    return SUBFUNCTION_NOT_SUPPORTED


def _coded(unit: Unit) -> list[Dtc]:
    return sorted({code for codes in unit.codes.values() for code in codes})


def asked_of(identifier: int, units: Iterable[Unit]) -> tuple[Unit, ...]:
    """The units that a request with this identifier is for."""
    return tuple(unit for unit in units if identifier in {FUNCTIONAL_ID, unit.request_id})


def fitting(values: Mapping[str, float]) -> dict[str, float]:
    """Values held within what their signals can express."""
    rows = {path: signals.signal(path) for path in values}
    return {path: min(rows[path].maximum, max(rows[path].minimum, value)) for path, value in values.items()}
