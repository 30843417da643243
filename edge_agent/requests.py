"""Requests to the car from afar: questions put together, and their answers as plain data."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from edge_agent.errors import ForbiddenRequestError, GarbledAnswerError, NoAnswerError, RefusedError
from edge_agent.protocols.identity import CALIBRATION_IDS, NAME, VERIFICATION_NUMBERS, items
from edge_agent.protocols.monitors import MONITORS, monitor_results
from edge_agent.protocols.obd import INFORMATION
from edge_agent.protocols.readiness import readiness
from vehicle.dtc import Dtc
from vehicle.errors import ObdDataError
from vehicle.obd import BITMAP_PIDS, PID_OF, PIDS, supported_pids
from vehicle.signals import CATALOGUE, ENGINE_SPEED, SPEED

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from edge_agent.questions import Questions

    Progress = Callable[[str], None]
    Arguments = Mapping[str, Any]

FREEZE = 0x02
FREEZING_CODE = 0x02
"""The parameter of service 02 that names the code that froze the frame."""
FRAME = 0
"""The frame that every car must have (SAE J1979); others are the maker's."""
MOST_SIGNALS = 20
"""Of one request (our choice): some two seconds."""
_TOLD_OF_UNITS = {"name": NAME, "calibrations": CALIBRATION_IDS, "verification_numbers": VERIFICATION_NUMBERS}
EVERY = frozenset(range(256))
"""What a byte can name; the last bit of the last bitmap would be one more."""


async def _read_dtcs(questions: Questions, progress: Progress, _: Arguments) -> dict[str, Any]:
    progress("reading stored, pending and permanent codes (services 03, 07, 0A)")
    seen = await questions.codes()
    if not seen:
        raise NoAnswerError("03, 07, 0A (trouble codes)")
    counted = Counter(ecu for ecu, _ in seen)
    progress(f"{len(counted)} control units answered")
    return {
        "codes": [
            {"ecu": ecu, "code": str(code), "state": str(state)}
            for (ecu, state), codes in sorted(seen.items())
            for code in codes
        ],
        "ecus": sorted(counted),
    }


async def _read_vin(questions: Questions, progress: Progress, _: Arguments) -> dict[str, Any]:
    progress("reading the VIN (service 09)")
    vin = await questions.vin()
    if vin is None:
        raise NoAnswerError("09 02 (VIN)")
    return {"vin": str(vin)}


async def _read_readiness(questions: Questions, progress: Progress, _: Arguments) -> dict[str, Any]:
    progress("reading the monitors' readiness (service 01)")
    found = []
    for ecu, data in sorted((await questions.status()).items()):
        try:
            found.append({"ecu": ecu} | asdict(readiness(data)))
        except ObdDataError as error:
            questions.garbage(str(error))
    if not found:
        raise NoAnswerError("01 01 (readiness)")
    return {"readiness": found}


async def _read_freeze_frame(questions: Questions, progress: Progress, _: Arguments) -> dict[str, Any]:
    """Frame 0 of each ECU that holds one; none at all is an answer too."""
    progress("reading the freeze frame (service 02)")
    tail = bytes([FRAME])
    supported = await _supported(questions, FREEZE, tail)
    frames = []
    for ecu, pids in sorted(supported.items()):
        named = (await questions.read(bytes([FREEZE, FREEZING_CODE]) + tail, ecu)).get(ecu, b"")[2:4]
        if len(named) == 2 and any(named):  # noqa: PLR2004  a code is two bytes; zeroes say that there is no frame
            values = [one for pid in sorted(pids & PIDS.keys()) for one in await _frozen(questions, ecu, pid, tail)]
            frames.append({"ecu": ecu, "code": str(Dtc.from_bytes(named)), "values": values})
    return {"freeze_frames": frames, "ecus": sorted(supported)}


async def _frozen(questions: Questions, ecu: str, pid: int, tail: bytes) -> list[dict[str, Any]]:
    data = (await questions.read(bytes([FREEZE, pid]) + tail, ecu)).get(ecu)
    if data is None:
        return []
    try:
        raws = PIDS[pid].decode(data[2 : 2 + PIDS[pid].length])
    except ObdDataError as error:
        questions.garbage(str(error))
        return []
    return [{"signal": path, "value": CATALOGUE[path].value(raw)} for path, raw in raws.items()]


async def _read_monitors(questions: Questions, progress: Progress, _: Arguments) -> dict[str, Any]:
    progress("reading the results of on-board monitors (service 06)")
    supported = await _supported(questions, MONITORS)
    found = []
    for ecu, mids in sorted(supported.items()):
        for mid in sorted(mids - set(BITMAP_PIDS)):
            data = (await questions.read(bytes([MONITORS, mid]), ecu)).get(ecu)
            try:
                results = monitor_results(mid, data) if data is not None else ()
            except GarbledAnswerError as error:
                questions.garbage(str(error))
                continue
            found += [{"ecu": ecu} | asdict(one) | {"passed": one.passed} for one in results]
    return {"monitors": found, "ecus": sorted(supported)}


async def _supported(questions: Questions, service: int, tail: bytes = b"") -> dict[str, frozenset[int]]:
    """What each ECU names in the bitmaps of a service; the next bitmap is asked for only where one names it.

    Raises:
        NoAnswerError: no ECU answers for this service.
    """
    found: dict[str, frozenset[int]] = {}
    for base in BITMAP_PIDS:
        if base and not any(base in named for named in found.values()):
            break
        for ecu, data in (await questions.read(bytes([service, base]) + tail)).items():
            try:
                named = supported_pids(base, data[1 + len(tail) : 5 + len(tail)])
            except ObdDataError as error:
                questions.garbage(str(error))
                continue
            found[ecu] = found.get(ecu, frozenset()) | (named & EVERY)
    if not found:
        raise NoAnswerError(f"{service:02X} 00 (what this service tells)")
    return found


async def _read_units(questions: Questions, progress: Progress, _: Arguments) -> dict[str, Any]:
    """Name, calibrations and verification numbers of each unit, as far as it tells."""
    progress("reading what the control units are (service 09)")
    supported = await _supported(questions, INFORMATION)
    found = []
    for ecu, kinds in sorted(supported.items()):
        told = {name: await _items(questions, ecu, kind) for name, kind in _TOLD_OF_UNITS.items() if kind in kinds}
        found.append({"ecu": ecu} | told)
    return {"units": found}


async def _items(questions: Questions, ecu: str, kind: int) -> list[str]:
    data = (await questions.read(bytes([INFORMATION, kind]), ecu)).get(ecu)
    try:
        return items(data) if data is not None else []
    except GarbledAnswerError as error:
        questions.garbage(str(error))
        return []


async def _read_signals(questions: Questions, progress: Progress, arguments: Arguments) -> dict[str, Any]:
    """Each of ``signals`` once, from the first unit that has it; ``absent`` are those that no unit gives.

    Raises:
        ForbiddenRequestError: no signals are named, too many, or one that OBD-II does not have.
    """
    wanted = _wanted(arguments.get("signals"))
    progress("reading which parameters the car has (service 01)")
    supported = await questions.supported()
    found: dict[str, dict[str, Any]] = {}
    for pid in dict.fromkeys(PID_OF[path] for path in wanted):
        for ecu in (ecu for ecu, pids in sorted(supported.items()) if pid in pids):
            read = await _live(questions, ecu, pid)
            found |= {path: {"ecu": ecu} | one for path, one in read.items() if path in wanted and path not in found}
    return {
        "signals": [found[path] for path in wanted if path in found],
        "absent": [x for x in wanted if x not in found],
    }


def _wanted(named: object) -> list[str]:
    if not isinstance(named, list) or not 1 <= len(named) <= MOST_SIGNALS:
        raise ForbiddenRequestError("read_signals", f"it names 1 to {MOST_SIGNALS} signals in a list")
    strange = [str(one) for one in named if not isinstance(one, str) or one not in PID_OF]
    if strange:
        raise ForbiddenRequestError("read_signals", f"OBD-II has no signal {strange[0]}")
    return list(dict.fromkeys(named))


async def _live(questions: Questions, ecu: str, pid: int) -> dict[str, dict[str, Any]]:
    try:
        data = await questions.live(ecu, (pid,))
        raws = PIDS[pid].decode(data[pid]) if pid in data else {}
    except RefusedError:
        return {}
    except ObdDataError as error:
        questions.garbage(str(error))
        return {}
    rows = {path: CATALOGUE[path] for path in raws}
    return {
        path: {"signal": path, "value": row.value(raws[path]), "unit": row.unit.symbol} for path, row in rows.items()
    }


async def _clear_dtcs(questions: Questions, progress: Progress, arguments: Arguments) -> dict[str, Any]:
    """Clears codes, if the owner consents, somebody is named, and the car stands with its engine off.

    Raises:
        ForbiddenRequestError: one of the conditions does not hold, or cannot be known.
    """
    advisor, consent = arguments.get("advisor"), arguments.get("consent")
    if not (advisor and isinstance(advisor, str)) or not (consent and isinstance(consent, str)):
        raise ForbiddenRequestError("clear_dtcs", "it names no advisor, or no consent of the owner")
    progress("looking whether the car stands with its engine off")
    standing = await _read_signals(questions, progress, {"signals": [SPEED, ENGINE_SPEED]})
    if standing["absent"]:
        raise ForbiddenRequestError("clear_dtcs", "the car does not tell whether it stands with its engine off")
    if any(one["value"] for one in standing["signals"]):
        raise ForbiddenRequestError("clear_dtcs", "the car moves or its engine runs")
    before = await _read_dtcs(questions, progress, {})
    progress("clearing codes")
    done = await questions.clear_codes()
    if not done.data:
        refused = ", ".join(f"{ecu} with code {reason:02X}" for ecu, reason in sorted(done.refusals.items()))
        raise NoAnswerError(f"the request to clear codes{f', refused by {refused}' if refused else ''}")
    after = await _read_dtcs(questions, progress, {})
    return {"cleared": sorted(done.data), "before": before["codes"], "codes": after["codes"]}


REQUESTS: Mapping[str, Callable[[Questions, Progress, Arguments], Awaitable[dict[str, Any]]]] = {
    "read_dtcs": _read_dtcs,
    "read_vin": _read_vin,
    "read_freeze_frame": _read_freeze_frame,
    "read_readiness": _read_readiness,
    "read_monitors": _read_monitors,
    "read_units": _read_units,
    "read_signals": _read_signals,
    "clear_dtcs": _clear_dtcs,
}
"""What a bus can be asked for, by the name of the request."""

ON_UDS = frozenset({"read_dtcs", "read_vin", "read_readiness", "read_signals", "clear_dtcs"})
"""Those that a car that speaks SAE J1979-2 can be asked for, too."""
