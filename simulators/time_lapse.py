"""Weeks of driving in seconds: trips of cars from a day in the past until now, as a device would have seen them.

All cars of a :class:`TimeLapse` are driven side by side in the arrays of one step, which costs hardly more than one
car; what each does depends only on its own scenario.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from simulators.cooling import HEAT_TO_BLOCK, HEAT_TO_COOLANT
from simulators.driving import draw_ride, drive
from simulators.engine import FUEL_J_PER_G, STOICHIOMETRIC
from simulators.faults import condition_on
from simulators.parameters import build_cars, together
from simulators.sensors import KEY_ON_S, measured, polled, with_start
from simulators.trips import planned_trips
from simulators.trouble_codes import Change, Memory, judge, tests
from simulators.vehicle import join, parked_car, split
from vehicle import signals

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from simulators.driving import Driven, Ride
    from simulators.parameters import Condition, Parameters
    from simulators.scenario import Scenario
    from simulators.trips import Trip
    from simulators.vehicle import State

OVERNIGHT_S = 10 * 3600.0
MS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One second: raw values by VSS path that were read anew, and happenings (kind, data) as the wire names them."""

    values: Mapping[str, int]
    time_ms: int | None
    events: tuple[tuple[str, dict[str, Any]], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenTrip:
    """One trip as a device saw it: a column of raw values or None a signal, one row a second from ``start_ms`` on.

    ``truth`` is what no device can know: pad thickness mm, state of charge, state of repair.
    """

    start_ms: int
    columns: Mapping[str, Sequence[int | None]]
    changes: tuple[Change, ...]
    truth: Mapping[str, float]

    @property
    def n_rows(self) -> int:
        """Seconds from key on to key off."""
        return len(self.columns[signals.SPEED])

    def rows(self) -> Iterator[Row]:
        """Row after row, with the trip's begin and end and what the ECU set as events."""
        events: dict[int, list[tuple[str, dict[str, Any]]]] = {0: [("trip", {"on": True})]}
        for change in self.changes:
            events.setdefault(change.row, []).append((change.kind, change.data))
        events.setdefault(self.n_rows - 1, []).append(("trip", {"on": False}))
        paths = list(self.columns)
        for at, cells in enumerate(zip(*self.columns.values(), strict=True)):
            values = {path: cell for path, cell in zip(paths, cells, strict=True) if cell is not None}
            yield Row(values=values, time_ms=self.start_ms + at * MS, events=tuple(events.get(at, ())))


@dataclass(slots=True)
class Car:
    """One car on its way through time."""

    scenario: Scenario
    build: Parameters
    state: State
    memory: Memory = field(default_factory=Memory)
    offset: float = 0.0
    stood_since: datetime | None = None
    waiting: deque[Trip] = field(default_factory=deque)


def new_car(scenario: Scenario) -> Car:
    """The car of a scenario, parked, before its first trip."""
    build = build_cars(scenario.platform, 1, np.random.default_rng([scenario.seed, 3]))
    state = parked_car(build, scenario.climate.mean_c, odometer_km=scenario.odometer_km, pad_mm=scenario.pad_mm)
    return Car(scenario=scenario, build=build, state=state)


class TimeLapse:
    """Cars driven side by side from ``start`` to ``end``; :meth:`next_round` drives the next trip of each."""

    def __init__(self, scenarios: Sequence[Scenario], *, start: datetime, end: datetime) -> None:
        self.start = start
        self.cars = [new_car(scenario) for scenario in scenarios]
        for car in self.cars:
            car.waiting.extend(planned_trips(car.scenario, start=start, end=end))

    def next_round(self) -> list[tuple[int, SeenTrip]]:
        """The next trip of each car that has one left, with the car's place in the list; empty at the end."""
        driving = [(place, car, car.waiting.popleft()) for place, car in enumerate(self.cars) if car.waiting]
        if not driving:
            return []
        seen = drive_together([(car, trip) for _, car, trip in driving])
        return [(place, trip) for (place, _, _), trip in zip(driving, seen, strict=True)]


def trips(scenario: Scenario, *, start: datetime, end: datetime) -> Iterator[SeenTrip]:
    """The trips of one car, in order."""
    lapse = TimeLapse([scenario], start=start, end=end)
    while found := lapse.next_round():
        yield found[0][1]


def drive_together(driving: Sequence[tuple[Car, Trip]]) -> list[SeenTrip]:
    """Drives one trip with each car and moves the cars on in time."""
    drawn = [_ride(car, trip) for car, trip in driving]
    repair = [condition_on(trip.day, car.scenario.faults) for car, trip in driving]
    cars = [car for car, _ in driving]
    happened, state = drive(
        join([car.state for car in cars]), [ride for ride, _ in drawn], together([car.build for car in cars]),
        together(repair),
    )  # fmt: skip
    seen = []
    for (car, trip), (ride, rng), condition, driven, after in zip(
        driving, drawn, repair, happened, split(state), strict=True
    ):
        car.state, car.offset, car.stood_since = after, ride.offset, trip.start
        seen.append(_seen(car, trip, ride, driven, condition, rng))
    return seen


def _ride(car: Car, trip: Trip) -> tuple[Ride, np.random.Generator]:
    rng = np.random.default_rng([car.scenario.seed, 7, trip.number])
    stood_s = OVERNIGHT_S if car.stood_since is None else (trip.start - car.stood_since).total_seconds()
    ride = draw_ride(
        trip.style, trip.duration_s, rng, ambient_c=trip.ambient_c, baro_kpa=car.scenario.climate.baro_kpa,
        parked_s=stood_s, last_offset=car.offset,
    )  # fmt: skip
    return ride, rng


def _seen(car: Car, trip: Trip, ride: Ride, driven: Driven, condition: Condition, rng: np.random.Generator) -> SeenTrip:
    full = measured(
        driven.trace, rng, follows=float(condition.coolant_sensor_ohmic[0]), tank_l=float(car.build.tank_l[0])
    )
    before = car.memory
    car.memory, changes = judge(
        before, tests(full, driven.trace["misfires"], parked_s=ride.parked_s, warm_air_g_per_k=_warm_air(car))
    )
    with_key = with_start(full, driven, rng)
    n_rows = len(with_key[signals.SPEED])
    shifted = tuple(
        Change(row=min(n_rows - 1, change.row + KEY_ON_S + 1), kind=change.kind, data=change.data) for change in changes
    )
    with_key |= _lamp(before, shifted, n_rows)
    return SeenTrip(
        start_ms=int(trip.start.timestamp()) * MS,
        columns=polled(with_key, rng),
        changes=shifted,
        truth=_truth(driven, condition),
    )


def _warm_air(car: Car) -> float:
    """Calibration of the warm-up test: heat that a kelvin takes, from fuel and its air, with a margin of 1.6."""
    joules = float(car.build.block_j_per_k[0] + car.build.coolant_j_per_k[0])
    return 1.6 * joules * STOICHIOMETRIC / (FUEL_J_PER_G * (HEAT_TO_BLOCK + HEAT_TO_COOLANT))


def _lamp(before: Memory, changes: Sequence[Change], n_rows: int) -> dict[str, Any]:
    on, count = np.full(n_rows, float(before.mil)), np.full(n_rows, float(len(before.stored)))
    for change in changes:
        if change.kind == "mil":
            on[change.row :], count[change.row :] = float(change.data["on"]), float(change.data["count"])
    return {signals.MIL_ON: on, signals.DTC_COUNT: count}


def _truth(driven: Driven, condition: Condition) -> dict[str, float]:
    last = {"pad_mm": "brakes.pad_mm", "charge": "power.charge", "hottest_c": "heat.coolant_c"}
    found = {name: float(driven.trace[path][-1]) for name, path in last.items()}
    found["hottest_c"] = float(driven.trace["heat.coolant_c"].max())
    return found | {"battery_resistance": float(condition.battery_resistance[0])}


def physical(row: Row) -> dict[str, float]:
    """A row's values in the catalogue's units."""
    return {path: signals.signal(path).value(value) for path, value in row.values.items()}
