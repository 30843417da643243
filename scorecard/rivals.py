"""Services to be better than: the lamp, the schedule, the age of the car, fixed limits, a general anomaly detector.

Each sees the same record as ours and is counted by the same rules.
"""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from diagnostics.codes import explain
from scorecard.ageing import best_age
from scorecard.alerts import Said, alerts_of, mended
from scorecard.costs import PLANNED, UNPLANNED
from scorecard.judging import part_of
from scorecard.truth import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from scorecard.ageing import Weibull
    from scorecard.alerts import Alerts
    from scorecard.record import Record
    from scorecard.truth import Floats

STORED = "stored"
SCHEDULE: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "engine_oil": (15_000.0, 365.0), "air_filter": (30_000.0, 1460.0), "brakes": (45_000.0, 0.0),
        "tyre_wear": (40_000.0, 2190.0), "battery_12v": (0.0, 1825.0), "transmission": (90_000.0, 0.0),
    }
)  # fmt: skip
"""Interval in km and in days by component (0: none): what service booklets of passenger cars ask for (our choice)."""
PARTS_OF: Mapping[str, tuple[str, ...]] = MappingProxyType({"brakes": ("brakes_front", "brakes_rear")})
"""What is renewed apart within a component."""
LIMITS: tuple[tuple[str, str, str, float, int], ...] = (
    ("battery_12v", "crank_volts", "<", 9.6, 2),
    ("battery_12v_ev", "ev_rest_volts", "<", 12.0, 2),
    ("charging", "charging_volts", "<", 13.2, 3),
    ("thermostat", "settled_c", "<", 75.0, 2),
    ("cooling", "coolant_max", ">", 115.0, 1),
    ("fuel_air", "trim", ">", 20.0, 2),
    ("fuel_air", "trim", "<", -20.0, 2),
    ("catalyst", "catalyst_result", ">", 100.0, 2),
    ("oxygen_sensor", "front_oxygen_result", ">", 100.0, 2),
    ("evap", "evaporative_result", ">", 100.0, 2),
    ("egr", "egr_error", ">", 25.0, 2),
    ("boost", "boost_gap", ">", 20.0, 2),
    ("dpf", "dpf_soot_last", ">", 50.0, 1),
    ("transmission", "gearbox_max", ">", 130.0, 1),
    ("insulation", "insulation_low", "<", 200_000.0, 2),
    ("hv_thermal", "pack_hottest_c", ">", 55.0, 2),
    *(("tyre_pressure", f"tyre_{corner}_kpa", "<", 172.0, 1) for corner in ("fl", "fr", "rl", "rr")),
)
"""Component, feature, side, limit, trips in a row: what makers' workshop literature calls failed (load test 9.6 V;
charging below 13.2 V; coolant under 75 or over 115 degC; trims of 20 %; monitors at their limit; boost 20 kPa short;
soot 50 g; gearbox 130 degC; 500 ohm/V at 400 V; tyres 25 % below 230 kPa). For all cars alike, nothing is learned."""


def lamp(record: Record) -> Alerts:
    """The car's own control unit: an appointment for each code that it has stored."""
    return alerts_of(_by_code(record), mended(record))


def _by_code(record: Record) -> Iterator[Said]:
    for code in sorted(record.codes, key=lambda one: (one.vehicle, one.at_ms)):
        if code.state == STORED:
            component = str(explain(code.code).component)
            books = True if code.present else None
            yield Said(vehicle=code.vehicle, component=component, detector=code.code, at_ms=code.at_ms, books=books)


def schedule(record: Record, until_ms: float) -> Alerts:
    """The service booklet: an appointment when kilometres or days since the last service are used up."""
    parts = [(component, part) for component in SCHEDULE for part in PARTS_OF.get(component, (component,))]
    said = (one for component, part in parts for one in _due(record, component, part, until_ms))
    return alerts_of(said, mended(record))


def _due(record: Record, component: str, part: str, until_ms: float) -> Iterator[Said]:
    km_of, days_of = SCHEDULE[component]
    serviced: dict[int, list[float]] = {}
    for service in record.services:
        if service.component == part:
            serviced.setdefault(service.vehicle, []).append(service.at_ms)
    trips_of = _trips_by_vehicle(record)
    for vehicle in range(len(record.cars)):
        times = sorted(serviced.get(vehicle, []))
        within = [time for time in times if time > record.start_ms]
        ended_ms, km = trips_of.get(vehicle, (np.zeros(0), np.zeros(0)))
        for begin, end in zip([record.start_ms, *within], [*within, until_ms], strict=True):
            at_first = begin == record.start_ms
            before = _used(record, vehicle, times, (km_of, days_of)) if at_first else (0.0, 0.0)
            at = max(_used_up_ms(ended_ms, km, begin, before, km_of, days_of), begin)
            if at < end:
                says = partial(
                    Said, vehicle=vehicle, component=component, detector=f"schedule {part}", part=part_of(part)
                )
                yield says(at_ms=at, books=True)
                yield says(at_ms=end, books=None)


def _trips_by_vehicle(record: Record) -> dict[int, tuple[Floats, Floats]]:
    order = np.argsort(record.trips.vehicle, kind="stable")
    starts = np.flatnonzero(np.diff(record.trips.vehicle[order], prepend=-1))
    ended, km = record.trips["ended_ms"], record.trips["km"]
    return {
        int(record.trips.vehicle[rows[0]]): (ended[rows], np.cumsum(np.nan_to_num(km[rows])))
        for rows in np.split(order, starts[1:])
        if len(rows)
    }


def _used(record: Record, vehicle: int, times: Sequence[float], of: tuple[float, float]) -> tuple[float, float]:
    """Kilometres and days of the interval that were used up when the record began.

    Since the last service that the booklet tells of, at the car's mean kilometres a day; without one as if all had been
    done when it was due.
    """
    km, days = float(record.cars.odometer_km[vehicle]), float(record.cars.age_days[vehicle])
    earlier = [time for time in times if time <= record.start_ms]
    if earlier:
        since = (record.start_ms - earlier[-1]) / DAY_MS
        return km * since / max(days, 1.0), since
    return km % of[0] if of[0] else 0.0, days % of[1] if of[1] else 0.0


def _used_up_ms(
    ended_ms: Floats, km: Floats, begin: float, before: tuple[float, float], km_of: float, days_of: float
) -> float:
    by_days = begin + (days_of - before[1]) * DAY_MS if days_of else np.inf
    if not km_of or not len(km):
        return by_days
    start = float(np.interp(begin, ended_ms, km, left=0.0))
    at = int(np.searchsorted(km, start + km_of - before[0]))
    return min(by_days, float(ended_ms[at]) if at < len(km) else np.inf)


def by_age(record: Record, laws: Mapping[str, Weibull], until_ms: float) -> Alerts:
    """Age alone: an appointment at the age at which replacing costs least."""
    said = (one for component, law in laws.items() for one in _of_age(record, component, law, until_ms))
    return alerts_of(said, mended(record))


def _of_age(record: Record, component: str, law: Weibull, until_ms: float) -> Iterator[Said]:
    best = best_age(law, PLANNED[component], UNPLANNED[component])
    if best is None:
        return
    at_ms = record.start_ms + (best - record.cars.age_days) * DAY_MS
    for vehicle in np.flatnonzero((at_ms >= record.start_ms) & (at_ms < until_ms)):
        at = float(at_ms[vehicle])
        yield Said(vehicle=int(vehicle), component=component, detector="age", at_ms=at, books=True)


def fixed_limits(record: Record) -> Alerts:
    """Fixed limits on features, the same for every car; limits on features that there are not are left out."""
    return alerts_of(_beyond(record), mended(record))


def _beyond(record: Record) -> Iterator[Said]:
    for component, feature, side, limit, count in LIMITS:
        if feature in record.trips.names:
            values = record.trips[feature]
            exceeded = values < limit if side == "<" else values > limit
            yield from in_a_row(record, exceeded, component, f"{feature} {side} {limit:g}", count)


def in_a_row(record: Record, exceeded: np.ndarray, component: str, name: str, count: int) -> Iterable[Said]:
    """An appointment when ``exceeded`` (m,) held on ``count`` trips of a vehicle in a row; closed when it did not."""
    ended, run, open_now = record.trips["ended_ms"], 0, False
    last = -1
    for row, vehicle in enumerate(record.trips.vehicle):
        if vehicle != last:
            run, open_now, last = 0, False, int(vehicle)
        run = run + 1 if exceeded[row] else 0
        if run >= count and not open_now:
            open_now = True
            yield Said(vehicle=last, component=component, detector=name, at_ms=float(ended[row]), books=True)
        elif open_now and run == 0:
            open_now = False
            yield Said(vehicle=last, component=component, detector=name, at_ms=float(ended[row]), books=None)
