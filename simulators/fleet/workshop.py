"""Who comes to the workshop when, what is done there, and what of it is written down.

Cars that are kept by schedule come once a year or each 15 000 km; the others when something is broken. A workshop
measures what it sees, renews what is nearly worn, at times finds a fault that has not failed yet, and at times forgets
to write down what it did. Most of those who mend what is broken look the car over and measure too. After a failure the
car comes when its owner can no longer wait. The device is fitted there too, and what can be measured is measured then.
The service book that came with the car tells when its parts were last renewed, or that they are those that it was
delivered with, where somebody wrote it down.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet.arrays import floats, full
from simulators.fleet.climate import A_DAY_MS
from simulators.fleet.ledger import Reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from simulators.fleet.arrays import Floats, Indices
    from simulators.fleet.fates import Fate, Fates
    from simulators.fleet.faults import WearPart
    from simulators.fleet.garage import Part
    from simulators.fleet.population import Bools, Vehicles
    from simulators.fleet.stepping import Cars

WAITS_DAYS: Mapping[str, float] = MappingProxyType({
    "battery_12v": 0.6, "battery_12v_ev": 0.8, "charging": 1.0, "cooling": 0.8, "tyre_pressure": 0.4, "brakes": 4.0,
    "insulation": 1.0, "hv_thermal": 3.0, "transmission": 4.0, "misfire": 6.0, "boost": 8.0, "dpf": 4.0,
})  # fmt: skip
"""Median days from a functional failure to its repair (our choice); others wait longer."""
WAITS_OTHERWISE, WAITS_SPREAD = 14.0, 0.6
LAMP_WAITS_DAYS, IGNORES_LAMP = 16.0, 0.25
"""How long owners drive on with the lamp, and the share that does not come for it."""
COMES_AT_ONCE = 0.6
"""Share of those due that come within a period."""
YEARLY_DAYS, YEARLY_KM = 365.0, 15_000.0
FOUND_FROM, FOUND = 0.55, 0.4
"""From which level on a fault can be found at a visit, and how often it is."""
UNRECORDED, MISREAD = 0.08, 0.01
"""Share of work that nobody writes down, and of measurements that belong to another car (our choice)."""
LATE = 0.35
"""Share of worn parts that are not noticed at a visit."""
INSPECTS = 0.7
"""Share of cars that come with something broken or used up and are looked over and measured too: a dealer does that
free of charge at every visit, others mend what they were asked to (our choice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Work on a component, as it is written down."""

    vehicle: int
    component: str
    time_ms: int
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What a visit measured."""

    vehicle: int
    name: str
    time_ms: int
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Worn:
    """One life of a wearing part: from its fitting to its renewal, days and km at which it was used up."""

    vehicle: int
    part: WearPart
    fitted_ms: int
    noticeable_ms: int | None
    failed_ms: int | None
    renewed_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """Where a wearing part stands when a run begins ``(n,)``.

    How much is ``left``, for how many ``days`` it has been in the car, and how long ago the one ``before`` was fitted:
    NaN where it is the car's first.
    """

    left: Floats
    days: Floats
    before: Floats


@dataclass(slots=True)
class Life:
    """The present life of a wearing part in each car, ``(n,)``: -1 where something has not happened."""

    place: int
    """Index of its subsystem."""
    part: WearPart
    fitted_ms: Indices
    fitted_km: Floats
    noticeable_ms: Indices
    failed_ms: Indices
    due_ms: Indices
    left: Floats
    pace: Floats
    """What was lost a millisecond in the last time that did not end it; NaN before the first."""


@dataclass(slots=True)
class Workshop:
    """All visits of a block's cars; ``visits`` is called between the periods of a run."""

    vehicles: Vehicles
    parts: tuple[Part, ...]
    fates: Fates
    rng: np.random.Generator
    lives: list[Life]
    visit_ms: Indices
    visit_km: Floats
    services: list[Service] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    ended: list[Worn] = field(default_factory=list)
    mended: set[int] = field(default_factory=set)
    """Cars in which a fault was mended since the visits were looked at last."""

    def waits_ms(self, component: str) -> int:
        """How long an owner waits after a failure."""
        median = WAITS_DAYS.get(component, WAITS_OTHERWISE)
        return int(median * self.rng.lognormal(0.0, WAITS_SPREAD) * A_DAY_MS)

    def takes_in(self, cars: Cars, now_ms: int) -> None:
        """The device is fitted in a workshop, which measures what it measures at a visit: where each part stands."""
        everyone = np.ones(len(self.vehicles), dtype=np.bool_)
        for life in self.lives:
            self._measured(life, cars, everyone, now_ms)

    def note(self, vehicle: int, component: str, time_ms: int, what: str) -> None:
        """Writes work down, mostly."""
        if self.rng.random() >= UNRECORDED:
            self.services.append(Service(vehicle=vehicle, component=component, time_ms=time_ms, what=what))

    def repaired(self, fate: Fate, row: int, time_ms: int, cars: Cars) -> Cars:
        """The fault of the car in row ``row`` is mended."""
        self.note(fate.vehicle, fate.kind.component, time_ms, fate.kind.repair)
        self.mended.add(fate.vehicle)
        return self.fates.mended(fate, row, time_ms, cars)

    def visits(self, cars: Cars, before_ms: int, now_ms: int, odometer_km: Floats) -> Cars:
        """What happened between two times: parts looked at, visits by schedule, parts renewed that are used up."""
        for life in self.lives:
            self._look(life, cars, before_ms, now_ms)
        comes = self._comes(now_ms, odometer_km)
        if comes.any():
            cars = self._found(cars, comes, now_ms)
        renewing = [self._renewing(life, comes, now_ms, odometer_km) for life in self.lives]
        looked_over = comes | self._looked_over(renewing)
        for life, renew in zip(self.lives, renewing, strict=True):
            self._measured(life, cars, looked_over, now_ms)
            cars = self._renewed(life, cars, renew, now_ms, odometer_km)
        self.visit_ms[comes] = now_ms + int(YEARLY_DAYS * A_DAY_MS)
        self.visit_km[comes] = odometer_km[comes] + np.float32(YEARLY_KM)
        return cars

    def write_book(self, begun: Sequence[Begun], now_ms: int) -> None:
        """When the parts that a run begins with were fitted: at their last renewal, or when the car was delivered.

        Where nobody wrote down the last renewal, the book tells of the one before.
        """
        for life, stands in zip(self.lives, begun, strict=True):
            if life.part.lasting:
                continue
            written = self.rng.random(len(stands.days)) >= UNRECORDED
            days = np.where(written, stands.days, stands.before)
            for vehicle in np.flatnonzero(~np.isnan(days)):
                at = now_ms - int(float(days[vehicle]) * A_DAY_MS)
                self.services.append(
                    Service(vehicle=int(vehicle), component=life.part.component, time_ms=at, what=life.part.repair)
                )

    def _comes(self, now_ms: int, odometer_km: Floats) -> Bools:
        due = (self.visit_ms <= now_ms) | (self.visit_km <= odometer_km)
        comes: Bools = due & self.vehicles.cared & (self.rng.random(len(due)) < COMES_AT_ONCE)
        return comes

    def _looked_over(self, renewing: Sequence[Bools]) -> Bools:
        """Cars that something broken or used up has brought in, as far as those who mend it look at the rest."""
        here = np.zeros(len(self.vehicles), dtype=np.bool_)
        here[list(self.mended)] = True
        self.mended.clear()
        for renew in renewing:
            here |= renew
        looked: Bools = here & (self.rng.random(len(here)) < INSPECTS)
        return looked

    def _look(self, life: Life, cars: Cars, before_ms: int, now_ms: int) -> None:
        """How much is left, and when within the time a part became noticeable or was used up."""
        left = least_left(life.place, life.part, cars)
        for threshold, at in ((0.3, life.noticeable_ms), (0.0, life.failed_ms)):
            crossed = (at < 0) & (left <= threshold)
            share = np.clip((life.left - threshold) / np.maximum(_gone(life, left, now_ms - before_ms), 1e-6), 0.0, 1.0)
            at[crossed] = (before_ms + share * (now_ms - before_ms)).astype(np.int64)[crossed]
        for vehicle in np.flatnonzero((life.failed_ms >= 0) & (life.due_ms < 0)):
            life.due_ms[vehicle] = life.failed_ms[vehicle] + self.waits_ms(life.part.component)
        life.pace = np.where(left > 0.0, (life.left - left) / max(1, now_ms - before_ms), life.pace)
        life.left = left

    def _found(self, cars: Cars, comes: Bools, now_ms: int) -> Cars:
        """Faults that a visit finds before they fail."""
        for vehicle in np.flatnonzero(comes):
            for fate in list(self.fates.open(int(vehicle))):
                if fate.level(now_ms) >= FOUND_FROM and self.rng.random() < FOUND:
                    cars = self.repaired(fate, int(vehicle), now_ms, cars)
        return cars

    def _renewing(self, life: Life, comes: Bools, now_ms: int, odometer_km: Floats) -> Bools:
        part = life.part
        worn = comes & (life.left < part.renew_below) & (self.rng.random(len(comes)) >= LATE)
        by_time = (now_ms - life.fitted_ms) > part.interval_days * A_DAY_MS if part.interval_days else comes & False
        by_km = (odometer_km - life.fitted_km) > part.interval_km if part.interval_km else comes & False
        used_up = (life.due_ms >= 0) & (life.due_ms <= now_ms)
        renewing: Bools = worn | (comes & (by_time | by_km)) | used_up
        return renewing

    def _measured(self, life: Life, cars: Cars, comes: Bools, now_ms: int) -> None:
        part = life.part
        if part.measured is None or not part.measurement or not comes.any():
            return
        place = life.place
        true = part.measured(cars.states[place], cars.builds[place], cars.conditions[place])
        for vehicle in np.flatnonzero(comes):
            of = vehicle if self.rng.random() >= MISREAD else self.rng.integers(0, len(true))
            value = float(true[of]) + part.error * float(self.rng.standard_normal())
            self.measurements.append(
                Measurement(
                    vehicle=int(vehicle),
                    name=part.measurement,
                    time_ms=now_ms,
                    value=max(0.0, round(2.0 * value) / 2.0),
                )
            )

    def readings(self, cars: Cars, now_ms: int) -> Iterator[Reading]:
        """Every measurement of every car as it is, which nobody takes."""
        for life in self.lives:
            part, at = life.part, life.place
            if part.measured is not None and part.measurement:
                true = part.measured(cars.states[at], cars.builds[at], cars.conditions[at])
                for vehicle, value in enumerate(true.tolist()):
                    yield Reading(vehicle=vehicle, name=part.measurement, time_ms=now_ms, value=max(0.0, value))

    def renew(self, cars: Cars, component: str, vehicle: int, now_ms: int, odometer_km: Floats, *, left: float) -> Cars:
        """Other parts of a component in one car, with ``left`` of their use; it is written down like a service."""
        which = np.zeros(len(odometer_km), dtype=np.bool_)
        which[vehicle] = True
        for life in self.lives:
            if life.part.component == component:
                cars = self._renewed(life, cars, which, now_ms, odometer_km, left=left)
        return cars

    def _renewed(
        self, life: Life, cars: Cars, which: Bools, now_ms: int, odometer_km: Floats, *, left: float = 1.0
    ) -> Cars:
        if not which.any():
            return cars
        part, place = life.part, life.place
        for vehicle in np.flatnonzero(which):
            self.note(int(vehicle), part.component, now_ms, part.repair)
            self.ended.append(of_life(life, int(vehicle), now_ms))
        states = list(cars.states)
        states[place] = part.worn(states[place], cars.builds[place], which, full(len(which), left))
        life.fitted_ms[which], life.fitted_km[which] = now_ms, odometer_km[which]
        life.noticeable_ms[which] = life.failed_ms[which] = life.due_ms[which] = -1
        life.left[which] = left
        return replace(cars, states=tuple(states))


def of_life(life: Life, vehicle: int, renewed_ms: int | None) -> Worn:
    """The life of one car's part as it stands."""

    def known(times: Indices) -> int | None:
        return int(times[vehicle]) if times[vehicle] >= 0 else None

    return Worn(
        vehicle=vehicle, part=life.part, fitted_ms=int(life.fitted_ms[vehicle]),
        noticeable_ms=known(life.noticeable_ms), failed_ms=known(life.failed_ms), renewed_ms=renewed_ms,
    )  # fmt: skip


def _gone(life: Life, left: Floats, passed_ms: int) -> Floats:
    """What wore away in a time: of a part that ended in it what had worn the time before, as nothing is below none."""
    before = np.where(np.isnan(life.pace), 2.0 * life.left / max(1, passed_ms), life.pace) * passed_ms
    gone: Floats = np.where(left > 0.0, life.left - left, np.maximum(before, life.left))
    return gone


def least_left(place: int, part: WearPart, cars: Cars) -> Floats:
    """How much is left of the most worn of each car, ``(n,)``; ``place`` is the subsystem's."""
    left = part.left(cars.states[place], cars.builds[place], cars.conditions[place])
    return floats(left if left.ndim == 1 else left.min(axis=1))


def opened(
    vehicles: Vehicles, parts: tuple[Part, ...], fates: Fates, cars: Cars, begun: Sequence[Begun], now_ms: int,
    rng: np.random.Generator,
) -> tuple[Workshop, Cars]:  # fmt: skip
    """A workshop, and the cars with parts as worn as they have ``begun``, one entry a wearing part."""
    n = len(vehicles)
    lives, states = [], list(cars.states)
    for (place, wear), stands in zip(wearing(vehicles.powertrain, parts), begun, strict=True):
        states[place] = wear.worn(states[place], cars.builds[place], np.ones(n, dtype=np.bool_), stands.left)
        lives.append(_new_life(place, wear, stands, vehicles, now_ms))
    due = rng.random(n)
    shop = Workshop(
        vehicles=vehicles, parts=parts, fates=fates, rng=rng, lives=lives,
        visit_ms=now_ms + (due * YEARLY_DAYS * A_DAY_MS).astype(np.int64),
        visit_km=vehicles.odometer_km + floats(due * YEARLY_KM),
    )  # fmt: skip
    cars = replace(cars, states=tuple(states))
    shop.write_book(begun, now_ms)
    shop.takes_in(cars, now_ms)
    return shop, cars


def wearing(powertrain: str, parts: tuple[Part, ...]) -> Iterator[tuple[int, WearPart]]:
    """The wearing parts of cars of a powertrain, each with the place of its subsystem."""
    for place, part in enumerate(parts):
        for wear in part.wear:
            if powertrain in wear.powertrains:
                yield place, wear


def _new_life(place: int, wear: WearPart, stands: Begun, vehicles: Vehicles, now_ms: int) -> Life:
    n = len(vehicles)
    none = np.full(n, -1, dtype=np.int64)
    km_a_day = vehicles.odometer_km / np.maximum(vehicles.age_days, 1.0)
    return Life(
        place=place, part=wear, fitted_ms=now_ms - (stands.days * A_DAY_MS).astype(np.int64),
        fitted_km=vehicles.odometer_km - floats(stands.days * km_a_day),
        noticeable_ms=np.where(stands.left <= 0.3, now_ms, none),  # noqa: PLR2004 - as noticeable faults
        failed_ms=none.copy(), due_ms=none.copy(), left=stands.left, pace=np.full(n, np.nan),
    )  # fmt: skip
