"""Our own service on a record: detectors over all trips, month by month; what they say, state and predict."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from diagnostics.advance import HEALTH, Workshop, initial, judge
from diagnostics.cause_table import Sign
from diagnostics.codes import explain
from diagnostics.detector import Observability
from diagnostics.features.trips import FEATURES, MEASUREMENTS
from diagnostics.features.trips import Trips as ClosedTrips
from diagnostics.findings import Severity
from diagnostics.fleet import all_detectors
from diagnostics.measurements import Measured, Measurements
from diagnostics.platforms import kind_of, parameters_of, read_platforms
from diagnostics.prognosis import chance
from diagnostics.suggestions.causes import group_of, sign_name, suspects
from diagnostics.suggestions.standing import RUN_OF, run_of
from diagnostics.trouble_codes import HEALS, episodes
from diagnostics.trouble_codes import NAME as CODES
from scorecard.alerts import Said
from scorecard.truth import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from diagnostics.advance import Alarm
    from diagnostics.arrays import Parameters
    from diagnostics.detector import Detector
    from diagnostics.findings import Component
    from diagnostics.suggestions.standing import Run
    from scorecard.record import Measure, Record
    from scorecard.truth import Floats, Integers

BOOKED = frozenset({Severity.STOP_NOW, Severity.SOON})
MONTH_DAYS = 28
"""As the ledger's, which tells what is left of parts at their ends."""
STORED = "stored"
OIL_ADVICE = ("oil_soon", "oil_soon_days", "oil_early", "oil_early_days")
"""Parameters that say how early a change of oil is advised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What a detector stated of each vehicle at the end of a month ``(n,)``; NaN where nothing."""

    at_ms: float
    detector: str
    component: str
    health: Floats
    life_days: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """All that detectors said of a fleet, in order of vehicle and time, and what they stated at the ends of months."""

    said: tuple[Said, ...]
    stated: tuple[Stated, ...]


def opinion(
    record: Record,
    *,
    detectors: Sequence[Detector] | None = None,
    scale: float = 1.0,
    ahead: float = 1.0,
    codes: bool = True,
) -> Opinion:
    """Runs the detectors, those of trouble codes too if ``codes``.

    For the trade-offs: ``scale`` multiplies the limits of all sequential tests; infinite, none of them speaks.
    ``ahead`` multiplies the part of oil's life, and its days, at which a change is advised, and is the power of the
    probability at which a part that wears is: the more of it, the earlier.
    """
    chosen = tuple(detectors) if detectors is not None else all_detectors()
    n = len(record.cars)
    state = initial(chosen, n)
    parameters = _parameters(record, scale, ahead)
    workshop = Workshop(services_ms=_services(record, chosen), measured=_measured(record))
    alarms: list[Alarm] = []
    stated: list[Stated] = []
    for end_ms, trips in _months(record):
        step = judge(trips, state, parameters, chosen, workshop)
        state = step.state
        alarms += step.alarms
        stated += _state(_standing(state[HEALTH], workshop.services_ms, end_ms), chosen, end_ms)
    said = [*_said(alarms, chosen), *(_codes_said(record) if codes else ())]
    in_order = sorted(said, key=lambda one: (one.vehicle, one.at_ms))
    parts = {detector.name: detector.component for detector in chosen}
    return Opinion(said=tuple(_suspecting(in_order, parts)), stated=tuple(stated))


def _suspecting(said: Iterable[Said], parts: Mapping[str, Component]) -> Iterator[Said]:
    """Adds which components diagnosis suspects, given all of the vehicle that it said and that still stands."""
    standing: dict[str, Sign] = {}
    vehicle = -1
    for one in said:
        if one.vehicle != vehicle:
            standing, vehicle = {}, one.vehicle
        if one.books is None:
            standing.pop(one.detector, None)
            yield one
            continue
        name = sign_name(one.detector.split(" ")[0], one.cause)
        own = Sign(name=name, component=parts.get(one.detector) or explain(one.cause).component)
        standing[one.detector] = own
        found = suspects(group_of(list(standing.values()), own))
        yield replace(one, suspects=tuple(dict.fromkeys(word(str(component)) for component in found)))


def word(component: str) -> str:
    """The ledger's word for a component: diagnosis tells the axles of brakes apart, the ledger does not."""
    return chance.FITTED_AS.get(component, component)


def part_of(component: str) -> str:
    """What diagnosis tells apart within the ledger's component, empty where nothing."""
    return component if word(component) != component else ""


def _parameters(record: Record, scale: float, ahead: float = 1.0) -> Parameters:
    kinds = [kind_of(str(a), str(b)) for a, b in zip(record.cars.platform, record.cars.powertrain, strict=True)]
    found = parameters_of(read_platforms(), kinds)
    limits = [name for name in found if name.endswith("_h") and not name.endswith("_per_h")]  # not what is an hour's
    found |= {name: found[name] * scale for name in limits}
    found |= {name: value**ahead for name, value in found.items() if name.endswith("_measure_p")}
    return found | {name: found[name] * ahead for name in OIL_ADVICE}


def _services(record: Record, detectors: Sequence[Detector]) -> Floats:
    """``(n, n_detectors, k)``: when what each detector watches was repaired, NaN filled up."""
    by_vehicle: dict[tuple[int, str], list[float]] = {}
    for service in record.services:
        by_vehicle.setdefault((service.vehicle, service.component), []).append(service.at_ms)
    most = max((len(times) for times in by_vehicle.values()), default=0)
    table = np.full((len(record.cars), len(detectors), most), np.nan)
    columns: dict[str, list[int]] = {}
    for at, detector in enumerate(detectors):
        columns.setdefault(str(detector.component), []).append(at)
    for (vehicle, component), times in by_vehicle.items():
        for at in columns.get(component, []):
            table[vehicle, at, : len(times)] = sorted(times)
    return table


def _measured(record: Record) -> Measurements:
    """What workshops measured, with its time: nothing is to be believed of a part that was taken out after that."""
    return measurements(record.measured, len(record.cars))


def measurements(taken: Iterable[Measure], n: int) -> Measurements:
    """Those of ``n`` vehicles in the form in which detectors are given them, as far as these ask for any."""
    lists: list[list[Measured]] = [[] for _ in range(n)]
    for vehicle, name, at_ms, value in taken:
        if name in MEASUREMENTS:
            lists[vehicle].append(Measured.of(name, int(at_ms), value))
    return Measurements.of(lists)


def _months(record: Record) -> Iterator[tuple[float, ClosedTrips]]:
    """The trips of each month in order of vehicle and time, with the month's end."""
    trips = record.trips
    if trips.names != FEATURES:
        raise ValueError("the trips were made by other features than this program's")
    month = np.floor((trips["ended_ms"] - record.start_ms) / (MONTH_DAYS * DAY_MS)).astype(np.int64)
    for number in range(int(month.max(initial=-1)) + 1):
        rows = np.flatnonzero(month == number)
        end_ms = record.start_ms + (number + 1) * MONTH_DAYS * DAY_MS
        yield end_ms, ClosedTrips(vehicle=trips.vehicle[rows], values=trips.values[rows])


def _standing(health: Mapping[str, NDArray[Any]], services_ms: Floats, end_ms: float) -> dict[str, np.ndarray]:
    """What is stated without that of parts replaced since the last trip: of the new ones nothing was said yet."""
    gone = np.any((services_ms > health["at_ms"][:, :, None]) & (services_ms <= end_ms), axis=2)
    return {
        "health": np.where(gone, np.nan, health["health"]),
        "rul_days": np.where(gone[:, :, None], np.nan, health["rul_days"]),
    }


def _state(part: Mapping[str, np.ndarray], detectors: Sequence[Detector], end_ms: float) -> Iterator[Stated]:
    for at, detector in enumerate(detectors):
        health = np.asarray(part["health"][:, at], dtype=np.float64).copy()
        if (~np.isnan(health)).any():
            yield Stated(
                at_ms=end_ms, detector=detector.name, component=word(str(detector.component)), health=health,
                life_days=np.asarray(part["rul_days"][:, at], dtype=np.float64).copy(),
            )  # fmt: skip


def _said(alarms: Sequence[Alarm], detectors: Sequence[Detector]) -> Iterator[Said]:
    by_name = {detector.name: detector for detector in detectors}
    for alarm in sorted(alarms, key=lambda one: (one.vehicle, one.found_ms)):
        detector = by_name[alarm.detector]
        yield Said(
            vehicle=alarm.vehicle,
            component=word(str(detector.component)),
            detector=detector.name,
            at_ms=float(alarm.found_ms),
            books=_books(detector, alarm.cause) if alarm.cause >= 0 else None,
            part=part_of(str(detector.component)),
            cause=detector.causes[alarm.cause].key if alarm.cause >= 0 else "",
        )


def _books(detector: Detector, cause: int) -> bool:
    """Whether a finding leads to an appointment; what is only indirectly seen never does."""
    return detector.observability is not Observability.INDIRECT and detector.causes[cause].severity in BOOKED


def _codes_said(record: Record) -> Iterator[Said]:
    """What the detector of trouble codes makes of the car's own."""
    changes: dict[tuple[int, str], list[tuple[float, bool]]] = {}
    for code in sorted(record.codes, key=lambda one: one.at_ms):
        if code.state == STORED or not code.present:
            changes.setdefault((code.vehicle, code.code), []).append((code.at_ms, code.present))
    for (vehicle, name), moments in changes.items():
        says = partial(
            Said, vehicle=vehicle, component=word(str(explain(name).component)), detector=f"{CODES} {name}",
            cause=name,
        )  # fmt: skip
        driven = _driven(record, vehicle) if name in HEALS else ()
        for began_ms, ended_ms, severity in episodes(name, moments, driven):
            yield says(at_ms=began_ms, books=severity in BOOKED)
            if ended_ms is not None:
                yield says(at_ms=ended_ms, books=None)


def _driven(record: Record, vehicle: int) -> Sequence[Run]:
    """The drives of a vehicle."""
    mine = np.flatnonzero(record.trips.vehicle == vehicle)
    places = [record.trips.names.index(name) for name in RUN_OF]
    runs = (run_of(trip) for trip in record.trips.values[mine[:, None], places].tolist())
    return [run for run in runs if run is not None]


def heard(opinion_of: Opinion, component: str, at_ms: float, n_vehicles: int) -> chance.Heard:
    """What is known of a component of each vehicle at the end of a month."""
    advised, booked = _open_at(opinion_of.said, component, at_ms, n_vehicles)
    health, life = np.full(n_vehicles, np.nan), np.full((n_vehicles, 3), np.nan)
    for one in opinion_of.stated:
        if one.component == component and one.at_ms == at_ms:
            health = np.fmin(health, one.health)
            sooner = ~np.isnan(one.life_days[:, 1]) & ~(one.life_days[:, 1] >= life[:, 1])
            life = np.where(sooner[:, None], one.life_days, life)
    return chance.Heard(advised=advised, booked=booked, health=health, life_days=life)


def _open_at(said: Sequence[Said], component: str, at_ms: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    live: dict[tuple[int, str], bool] = {}
    for one in said:
        if one.component == component and one.at_ms <= at_ms:
            if one.books is None:
                live.pop((one.vehicle, one.detector), None)
            else:
                live[one.vehicle, one.detector] = live.get((one.vehicle, one.detector), False) or one.books
    advised, booked = np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
    for (vehicle, _), books in live.items():
        booked[vehicle] |= books
        advised[vehicle] = True
    return advised & ~booked, booked


def of_component(opinion_of: Opinion, component: str) -> Opinion:
    """The part of an opinion that is about one component; smaller, and as good for :func:`heard`."""
    return replace(
        opinion_of,
        said=tuple(one for one in opinion_of.said if one.component == component),
        stated=tuple(one for one in opinion_of.stated if one.component == component),
    )


def months_of(n_days: float, start_ms: float) -> Integers:
    """Ends of whole months of a record."""
    return np.array([int(start_ms + (k + 1) * MONTH_DAYS * DAY_MS) for k in range(int(n_days // MONTH_DAYS))])
