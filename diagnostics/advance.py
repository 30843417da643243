"""One step of everything: samples of many vehicles in, alarms and the next state out. Pure; no loop over vehicles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from diagnostics.arrays import chosen, floats, integers, picked, some
from diagnostics.features import trips as trip_features
from diagnostics.prognosis.dose import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from diagnostics.arrays import Flags, Floats, Integers, Parameters
    from diagnostics.detector import Detector, Judgement
    from diagnostics.features.rows import Rows
    from diagnostics.features.trips import Trips
    from diagnostics.measurements import Measurements

FleetState: TypeAlias = "Mapping[str, Mapping[str, NDArray[np.generic]]]"
"""State by part: ``trips``, ``health`` and each detector by its name; arrays ``(n_vehicles, ...)``."""

TRIPS, HEALTH = "trips", "health"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something was found (``cause`` its index) or has cleared (-1) in a vehicle, given by its row in the state."""

    vehicle: int
    detector: str
    cause: int
    since_ms: int
    found_ms: int
    confidence: float
    numbers: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What came of a step: alarms in order of time, trips that ended, the next state, and whose it is."""

    touched: Integers
    alarms: tuple[Alarm, ...]
    trips: Trips
    state: dict[str, dict[str, NDArray[np.generic]]]


def initial(detectors: Sequence[Detector], n_vehicles: int) -> dict[str, dict[str, NDArray[np.generic]]]:
    """State of vehicles of which nothing was seen."""
    shape = (n_vehicles, len(detectors))
    health: dict[str, NDArray[np.generic]] = {
        "health": np.full(shape, np.nan),
        "rul_days": np.full((*shape, 3), np.nan),
        "at_ms": np.full(shape, np.nan),
        "trip_ms": np.full(shape, np.nan),
    }
    parts: dict[str, dict[str, NDArray[np.generic]]] = {
        TRIPS: dict(trip_features.initial(n_vehicles)),
        HEALTH: health,
    }
    return parts | {detector.name: dict(detector.initial(n_vehicles)) for detector in detectors}


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What workshops told of the vehicles of a state.

    ``services_ms`` ``(n_vehicles, n_detectors, k)``: when what a detector watches was repaired or replaced, NaN never.
    ``measured``: what was measured.
    """

    services_ms: Floats
    measured: Measurements


def advance(rows: Rows, state: FleetState, p: Parameters, detectors: Sequence[Detector], workshop: Workshop) -> Step:
    """Takes rows into account; every vehicle of ``state`` has some, later than all before. Changes nothing given."""
    closed, still_open, after = trip_features.follow(rows, state[TRIPS], p)
    closed, still_open = workshop.measured.put(closed), workshop.measured.put(still_open)
    parts = {name: {key: value.copy() for key, value in part.items()} for name, part in state.items()}
    parts[TRIPS] = dict(after)
    alarms = _judge_closed(closed, parts, p, detectors, workshop) if detectors else []
    for number, detector in enumerate(detectors):
        if detector.at_once and len(still_open):
            more, known = _begin_anew(still_open, number, detector, parts, workshop)
            alarms += more
            alarms += _judge_open(known, number, detector, parts, p)
    return Step(
        touched=np.arange(len(state[TRIPS]["seen_ms"])),
        alarms=tuple(sorted(alarms, key=_order)),
        trips=closed,
        state=parts,
    )


def finish(state: FleetState, p: Parameters, detectors: Sequence[Detector], workshop: Workshop) -> Step:
    """Ends the trips still open, as a long silence would."""
    closed, after = trip_features.close(state[TRIPS])
    closed = workshop.measured.put(closed)
    parts = {name: {key: value.copy() for key, value in part.items()} for name, part in state.items()}
    parts[TRIPS] = dict(after)
    alarms = _judge_closed(closed, parts, p, detectors, workshop)
    return Step(
        touched=np.arange(len(state[TRIPS]["seen_ms"])),
        alarms=tuple(sorted(alarms, key=_order)),
        trips=closed,
        state=parts,
    )


def judge(closed: Trips, state: FleetState, p: Parameters, detectors: Sequence[Detector], workshop: Workshop) -> Step:
    """Has detectors look at trips that were kept, sorted by vehicle, then time, later than all before."""
    closed = workshop.measured.put(closed)
    parts = {name: {key: value.copy() for key, value in part.items()} for name, part in state.items()}
    alarms = _judge_closed(closed, parts, p, detectors, workshop)
    return Step(
        touched=np.arange(len(state[TRIPS]["seen_ms"])),
        alarms=tuple(sorted(alarms, key=_order)),
        trips=closed,
        state=parts,
    )


def _order(alarm: Alarm) -> tuple[int, int, str]:
    return alarm.vehicle, alarm.found_ms, alarm.detector


def _judge_closed(
    closed: Trips,
    parts: dict[str, dict[str, NDArray[np.generic]]],
    p: Parameters,
    detectors: Sequence[Detector],
    workshop: Workshop,
) -> list[Alarm]:
    """Judges all vehicles' first trips together, then all second ones: a loop over trips of one vehicle at most.

    Detectors that are shown the same trips judge them together.
    """
    alarms: list[Alarm] = []
    n = len(parts[HEALTH]["trip_ms"])
    parts[HEALTH] = {key: np.asfortranarray(values) for key, values in parts[HEALTH].items()}  # written by detector
    amid = [_amid(closed, column, each, p, workshop) for column, each in enumerate(detectors)]
    for own, columns in _together([_shown(closed, at, each, parts, workshop) for at, each in enumerate(detectors)]):
        for turn in _turns(closed.vehicle[own]):
            rows = own[turn]
            trips = closed.only(rows)
            mine = p if len(trips) == n else chosen(p, trips.vehicle)  # sorted and each once: nothing has to be picked
            for column in columns:
                told = _newly(amid[column][rows], trips, detectors[column], parts, mine)
                if told is None:
                    alarms += _judge_turn(trips, column, detectors[column], parts, mine, workshop)
                elif len(told):
                    its = chosen(mine, told)
                    alarms += _judge_turn(trips.only(told), column, detectors[column], parts, its, workshop)
            parts[HEALTH]["trip_ms"][np.ix_(trips.vehicle, np.array(columns))] = trips["ended_ms"][:, None]
    last = np.flatnonzero(np.diff(closed.vehicle, append=-1))
    parts[HEALTH]["trip_ms"][closed.vehicle[last]] = closed["ended_ms"][last, None]
    return alarms


def _together(shown: Sequence[Flags]) -> list[tuple[Integers, list[int]]]:
    """Trips that detectors are shown, by flags ``(n_trips,)`` of each, and the detectors that are shown just these."""
    columns: dict[bytes, list[int]] = {}
    for column, flags in enumerate(shown):
        columns.setdefault(flags.tobytes(), []).append(column)
    return [(np.flatnonzero(shown[same[0]]), same) for same in columns.values()]


def _judge_turn(
    trips: Trips,
    column: int,
    detector: Detector,
    parts: dict[str, dict[str, NDArray[np.generic]]],
    p: Parameters,
    workshop: Workshop,
) -> list[Alarm]:
    """Has a detector judge one trip of each of some vehicles, whose parameters ``p`` are, and keeps the state after."""
    alarms, known = _begin_anew(trips, column, detector, parts, workshop)
    part = parts[detector.name]
    everyone = len(trips) == len(parts[HEALTH]["trip_ms"])
    judgement, after = detector.step(known, part if everyone else picked(part, trips.vehicle), p)
    if everyone:
        part.update({key: np.array(values) for key, values in after.items()})  # others may hold what it gave
    else:
        for key, values in after.items():
            part[key][trips.vehicle] = values
    _note_health(parts[HEALTH], column, trips.vehicle, trips["ended_ms"], judgement)
    return alarms + _alarms(trips, detector, judgement)


def _shown(
    closed: Trips,
    column: int,
    detector: Detector,
    parts: dict[str, dict[str, NDArray[np.generic]]],
    workshop: Workshop,
) -> Flags:
    """Trips ``(n_trips,)`` that a detector has to be shown: those that tell it anything.

    Also all of a vehicle that is new to it or whose part was ever serviced: something may begin anew with any of them.
    """
    if detector.told is None:
        return np.ones(len(closed), dtype=bool)
    new = np.isnan(floats(parts[HEALTH]["trip_ms"])[:, column])
    new |= some(~np.isnan(workshop.services_ms[:, column]))
    return np.asarray(new[closed.vehicle] | detector.told(closed, parts[detector.name]), dtype=bool)


def _amid(closed: Trips, column: int, detector: Detector, p: Parameters, workshop: Workshop) -> Flags:
    """Trips ``(n_trips,)`` that may say what those around them say, of cars whose part was never serviced."""
    if detector.repeats is None:
        return np.zeros(len(closed), dtype=bool)
    served = some(~np.isnan(workshop.services_ms[:, column]))
    return detector.repeats.amid(closed, chosen(p, closed.vehicle)) & ~served[closed.vehicle]


def _newly(
    amid: Flags,
    trips: Trips,
    detector: Detector,
    parts: dict[str, dict[str, NDArray[np.generic]]],
    p: Parameters,
) -> Integers | None:
    """Those of a turn's trips that do not repeat what the trips around them say; None where that is all of them.

    Of the others the state is kept here.
    """
    if detector.repeats is None or not amid.any():
        return None
    at = np.flatnonzero(amid)
    if len(at) < len(trips):
        trips, p = trips.only(at), chosen(p, at)
    part = parts[detector.name]
    passing, changes = detector.repeats.passes(trips, chosen(part, trips.vehicle), p)
    for key, values in changes.items():
        part[key][trips.vehicle[passing]] = values[passing]
    anew = ~amid
    anew[at] = ~passing
    return np.flatnonzero(anew)


def _begin_anew(
    trips: Trips,
    column: int,
    detector: Detector,
    parts: dict[str, dict[str, NDArray[np.generic]]],
    workshop: Workshop,
) -> tuple[list[Alarm], Trips]:
    """Forgets what is known of a part that was serviced since the trip before; what was found of it has cleared.

    Also the trips without what was measured before that service: that was the part which was taken out.
    """
    services_ms = workshop.services_ms
    if services_ms.shape[2] == 0:
        return [], trips
    part, trip_ms = parts[detector.name], floats(parts[HEALTH]["trip_ms"])
    mine = services_ms[trips.vehicle, column]
    served = np.where(mine <= trips["started_ms"][:, None], mine, -np.inf).max(axis=1, initial=-np.inf)
    trips = _by_book(trips, served, trip_ms[trips.vehicle, column], detector, part, workshop.measured)
    anew = np.flatnonzero(served > trip_ms[trips.vehicle, column])
    rows = trips.vehicle[anew]
    parts[HEALTH]["trip_ms"][rows, column] = trips["started_ms"][anew]
    if len(rows) == 0:
        return [], trips
    for stated in ("health", "rul_days"):  # of the part that was taken out
        parts[HEALTH][stated][rows, column] = np.nan
    lasting = integers(part["active"])[rows] >= 0
    goes_on = detector.renewed(picked(part, rows), served[anew]) if detector.renewed is not None else {}
    for key, values in (detector.initial(len(rows)) | goes_on).items():
        part[key][rows] = values
    alarms = [
        Alarm(vehicle=int(row), detector=detector.name, cause=-1, since_ms=int(at), found_ms=int(at), confidence=1.0,
              numbers={})
        for row, at in zip(rows[lasting], served[anew][lasting], strict=True)
    ]  # fmt: skip
    if detector.measured is None:
        return alarms, trips
    return alarms, workshop.measured.without_older(trips, detector.measured, anew, served[anew])


def _by_book(
    trips: Trips, served: Floats, trip_ms: Floats, detector: Detector, part: dict[str, NDArray[np.generic]],
    measured: Measurements,
) -> Trips:  # fmt: skip
    """First trips without what was measured of parts that were replaced after it, as the service book says.

    A detector that asks is told how long the part had been in the car when it was measured, or, where nothing is, when
    the car was first seen.
    """
    at = np.flatnonzero(np.isfinite(served) & np.isnan(trip_ms))
    if not len(at):
        return trips
    seen = looked = trips["started_ms"][at]
    if detector.measured is not None:
        looked = measured.last_ms(trips, detector.measured, at)
    rows = trips.vehicle[at]
    for hook, at_ms in ((detector.fitted, looked), (detector.dated, seen)):
        if hook is not None:
            days = (at_ms - served[at]) / DAY_MS
            for key, values in hook(picked(part, rows), np.where(days > 0.0, days, np.nan)).items():
                part[key][rows] = values
    return trips if detector.measured is None else measured.without_older(trips, detector.measured, at, served[at])


def _judge_open(
    trips: Trips, column: int, detector: Detector, parts: dict[str, dict[str, NDArray[np.generic]]], p: Parameters
) -> list[Alarm]:
    """Only what is found counts while a trip goes on; everything else waits for its end."""
    mine = chosen(p, trips.vehicle)
    part = parts[detector.name]
    judgement, after = detector.step(trips, picked(part, trips.vehicle), mine)
    raised = judgement.raised >= 0
    part["active"][trips.vehicle] = np.where(raised, after["active"], part["active"][trips.vehicle])
    found = trips.vehicle[raised]
    parts[HEALTH]["health"][found, column] = judgement.health[raised]
    parts[HEALTH]["at_ms"][found, column] = judgement.found_ms[raised]
    return [alarm for alarm in _alarms(trips, detector, judgement) if alarm.cause >= 0]


def _turns(vehicle: Integers) -> list[Integers]:
    """All vehicles' first trips, all second ones, and so on; ``vehicle`` is sorted."""
    starts = np.flatnonzero(np.diff(vehicle, prepend=-1))
    lengths = np.diff(np.append(starts, len(vehicle)))
    turn = np.arange(len(vehicle)) - np.repeat(starts, lengths)
    order = np.argsort(turn, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(turn[order])) + 1) if len(vehicle) else []


def _note_health(
    health: dict[str, NDArray[np.generic]], column: int, vehicle: Integers, at_ms: Floats, judgement: Judgement
) -> None:
    seen = np.flatnonzero(judgement.observable & ~np.isnan(judgement.health))
    mine = vehicle[seen]
    health["health"][mine, column] = judgement.health[seen]
    health["at_ms"][mine, column] = at_ms[seen]
    if judgement.rul_days is not None:
        health["rul_days"][mine, column] = judgement.rul_days[seen]


def _alarms(trips: Trips, detector: Detector, judgement: Judgement) -> list[Alarm]:
    loud = np.flatnonzero((judgement.raised >= 0) | judgement.cleared)
    return [
        Alarm(
            vehicle=int(trips.vehicle[row]),
            detector=detector.name,
            cause=int(judgement.raised[row]),
            since_ms=_ms(judgement.since_ms[row], trips["started_ms"][row]),
            found_ms=_ms(judgement.found_ms[row], trips["ended_ms"][row]),
            confidence=float(judgement.confidence[row]),
            numbers={name: float(values[row]) for name, values in judgement.numbers.items()},
        )
        for row in loud
    ]


def _ms(value: float, otherwise: float) -> int:
    return int(otherwise if np.isnan(value) else value)
