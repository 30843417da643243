"""A block on its course through time: everything that it is made of, drawn once, and the days that come next."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from simulators.fleet import calendar, confounders, ecu, fates, garage, past, telematics, workshop
from simulators.fleet.arrays import floats
from simulators.fleet.charging import charged, draw_drivers
from simulators.fleet.climate import A_DAY_MS, draw_air
from simulators.fleet.cycles import library
from simulators.fleet.habits import draw_habits
from simulators.fleet.low_air import LowAir
from simulators.fleet.population import draw
from simulators.fleet.stepping import new_cars, own, readings
from simulators.fleet.watching import Caretaker

if TYPE_CHECKING:
    from simulators.fleet.arrays import Floats
    from simulators.fleet.charging import Drivers
    from simulators.fleet.cycles import Library
    from simulators.fleet.garage import Part
    from simulators.fleet.habits import Habits
    from simulators.fleet.ledger import Confounder, Reading
    from simulators.fleet.population import Block, Vehicles
    from simulators.fleet.sessions import Sessions
    from simulators.fleet.stepping import Cars
    from simulators.fleet.stress import Stress
    from simulators.fleet.telematics import Link

GOODS_KG = 320.0
"""Mean load of a van."""
USUAL_HILLS = 0.012
PERIOD = 28
"""Days that a run goes on with before the workshop looks at wear: the longer, the more even the lanes' work."""


@dataclass(slots=True)
class Course:
    """A block's cars and all that accompanies them."""

    block: Block
    vehicles: Vehicles
    parts: tuple[Part, ...]
    cars: Cars
    life: calendar.Life
    caretaker: Caretaker
    odd: confounders.Oddities
    link: Link
    drivers: Drivers
    towed: list[Confounder] = field(default_factory=list)
    seen: list[tuple[int, Floats, list[Floats]]] = field(default_factory=list)
    """Time, odometer km and what is left of each wearing part, month by month."""
    readings: list[Reading] = field(default_factory=list)
    """What could have been measured without error, month by month."""

    @property
    def memory(self) -> ecu.Memory:
        """Of the control units."""
        return self.caretaker.memory

    @property
    def odometer_km(self) -> Floats:
        """Of each car."""
        return floats(self._state("road").odometer_km)

    def _state(self, name: str) -> Any:
        at = next(at for at, part in enumerate(self.parts) if part.subsystem.name == name)
        return self.cars.states[at]

    def sessions(self, days: range) -> Sessions:
        """The drives of some days."""
        rng = self.block.chance(7, days.start)
        drives = calendar.drives(self.life, days, self.cars.since_ms, rng)
        self.towed.extend(confounders.towing(self.block, drives))
        if not self.link.electric:
            return drives
        until_ms = self.block.world.start_ms + days.stop * A_DAY_MS
        return charged(self.life, self.drivers, drives, self.cars.states, until_ms)

    def between(self, days: range) -> None:
        """What happens after the days are over: parts looked at, visits, oddities."""
        begin, now = (self.block.world.start_ms + day * A_DAY_MS for day in (days.start, days.stop))
        self.cars = self.caretaker.workshop.visits(self.cars, begin, now, self.odometer_km)
        unlearnt = self.caretaker.cleared(now)
        for vehicle in self.odd.between("code_clear", days):
            ecu.clear(self.memory, vehicle, now)
            unlearnt.append(vehicle)
        self.cars = confounders.unlearnt(self.cars, unlearnt, self.parts)
        self.cars = confounders.swapped(self, days, now)
        left = [life.left.copy() for life in self.caretaker.workshop.lives]
        self.seen.append((now, self.odometer_km, left))
        self.readings += self.caretaker.workshop.readings(self.cars, now)


def begin(block: Block, stress: Stress) -> Course:
    """A block on its first day."""
    vehicles = draw(block)
    rng, n = block.chance(8), block.n
    start_ms = np.full(n, block.world.start_ms, dtype=np.int64)
    air = draw_air(block.world.climates, block.world.start_ms, block.days, _of_run(block, 1))
    traces = library(_of_run(block, 2))
    parts = garage.parts(block.platform.powertrain)
    weather = air.weather(vehicles.climate, start_ms, vehicles.altitude_m)
    cars = own(new_cars(tuple(part.subsystem for part in parts), block.platform.parameters, start_ms, weather, rng))
    faults = fates.draw(block, vehicles, parts, cars.builds, own(cars).conditions)
    odd = confounders.draw(block)
    signals = (*readings(cars), *ecu.MEMORY_SIGNALS)
    life = calendar.Life(
        block=block, vehicles=vehicles, habits=_habits(block, vehicles, traces), library=traces, air=air,
        away=calendar.away_days(block), above_m=odd.altitude_m,
    )  # fmt: skip
    drivers, link = draw_drivers(n, block.chance(13)), telematics.link(block, vehicles, signals, stress)
    cars = past.fitted_anew(cars, parts, block.platform.powertrain)
    pace = past.pace(past.year_before(life), block.days, drivers if link.electric else None, cars, parts)
    vehicles = past.driven(vehicles, pace.km, block.chance(18))
    cars = _driven(cars, parts, vehicles)
    begun = past.begun(vehicles, parts, pace, block.chance(19))
    shop, cars = workshop.opened(vehicles, parts, faults, cars, begun, block.world.start_ms, block.chance(9))
    memory = ecu.fresh(tuple(readings(cars)), block.world.start_ms, n, block.chance(10))
    return Course(
        block=block, vehicles=vehicles, parts=parts, cars=cars, life=life,
        caretaker=Caretaker(vehicles, air, faults, shop, memory, np.full(n, fates.NEVER, dtype=np.int64), LowAir.of(n)),
        odd=odd, drivers=drivers, link=link,
    )  # fmt: skip


def _of_run(block: Block, purpose: int) -> np.random.Generator:
    """Chance that all blocks of a run have in common: the weather, the roads."""
    return np.random.default_rng([block.world.number, block.seed, 1 << 30, purpose])


def _driven(cars: Cars, parts: tuple[Part, ...], vehicles: Vehicles) -> Cars:
    """The cars with what they have on the clock."""
    states = list(cars.states)
    for at, part in enumerate(parts):
        if part.subsystem.name == "road":
            states[at] = replace(states[at], odometer_km=vehicles.odometer_km.astype(np.float64))
    return replace(cars, states=tuple(states))


def _habits(block: Block, vehicles: Vehicles, traces: Library) -> Habits:
    goods = GOODS_KG if block.platform.powertrain == "van" else 0.0
    habits = draw_habits(block.n, block.chance(11), traces, hilly=USUAL_HILLS, goods_kg=goods)
    hilly = floats([climate.hilliness for climate in block.world.climates])[vehicles.climate]
    return replace(habits, hilliness=habits.hilliness * hilly / np.float32(USUAL_HILLS))
