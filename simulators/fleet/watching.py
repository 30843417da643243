"""Who lives beside the physics of a block: faults grow between drives, fail by function, and are mended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet.climate import A_DAY_MS
from simulators.fleet.ecu import clear
from simulators.fleet.fates import NEVER
from simulators.fleet.workshop import IGNORES_LAMP, LAMP_WAITS_DAYS, WAITS_SPREAD

if TYPE_CHECKING:
    from simulators.fleet.arrays import Indices
    from simulators.fleet.climate import Air
    from simulators.fleet.ecu import Code, Memory
    from simulators.fleet.fates import Fate, Fates
    from simulators.fleet.low_air import LowAir
    from simulators.fleet.moment import Weather
    from simulators.fleet.population import Vehicles
    from simulators.fleet.stepping import Cars
    from simulators.fleet.workshop import Workshop

IGNORED_DAYS = 120.0
"""After how long even those come who drive on with the lamp."""
CODED_FROM = 0.1
"""Level from which a code for its component is put down to a fault."""


@dataclass(slots=True)
class Caretaker:
    """The watch of a run; ``repair_ms`` (n,) is when each car next comes to be mended."""

    vehicles: Vehicles
    air: Air
    fates: Fates
    workshop: Workshop
    memory: Memory
    repair_ms: Indices
    air_in_tyres: LowAir
    to_clear: list[tuple[int, int]] = field(default_factory=list)
    """Cars whose codes are cleared, and when."""

    def begins(self, vehicle: Indices, time_ms: Indices, cars: Cars, rows: Indices | None = None) -> Cars:
        """Mends what is due and moves conditions on; ``rows`` of ``cars`` are these cars, all in order where none."""
        for at in np.flatnonzero(self.repair_ms[vehicle] <= time_ms):
            row = int(at if rows is None else rows[at])
            cars = self._mend(int(vehicle[at]), row, int(time_ms[at]), cars)
        return self.fates.applied(vehicle, time_ms, cars, rows)

    def _mend(self, vehicle: int, row: int, time_ms: int, cars: Cars) -> Cars:
        for fate in list(self.fates.open(vehicle)):
            if fate.repair_due_ms <= time_ms:
                at = max(fate.repair_due_ms, int(cars.since_ms[row]))
                cars = self.workshop.repaired(fate, row, min(at, time_ms), cars)
                self.to_clear.append((vehicle, at))
        self.repair_ms[vehicle] = min((fate.repair_due_ms for fate in self.fates.open(vehicle)), default=NEVER)
        return cars

    def weather(self, vehicle: Indices, time_ms: Indices) -> Weather | None:
        """The air about standing cars."""
        return self.air.weather(self.vehicles.climate[vehicle], time_ms, self.vehicles.altitude_m[vehicle])

    def ended(self, vehicle: Indices, time_ms: Indices, cars: Cars, rows: Indices | None = None) -> None:
        """Notes which faults have come to functional failure, and low tyres; ``rows`` as above."""
        for fate, at_ms in self.fates.functional(vehicle, time_ms, cars, rows):
            self.failed(fate, at_ms)
        self.air_in_tyres.look(vehicle, time_ms, cars, rows)

    def failed(self, fate: Fate, at_ms: int) -> None:
        """A fault has failed; its owner comes after a while."""
        fate.failed_ms = at_ms
        self._comes(fate, at_ms + self.workshop.waits_ms(fate.kind.component))

    def _comes(self, fate: Fate, at_ms: int) -> None:
        fate.repair_due_ms = min(fate.repair_due_ms, at_ms)
        self.repair_ms[fate.vehicle] = min(int(self.repair_ms[fate.vehicle]), fate.repair_due_ms)

    def coded(self, codes: list[Code]) -> None:
        """The control unit has stored codes: whose faults they tell, and whose owners come for the lamp.

        A lamp is a functional failure, as no inspection passes with it.
        """
        for code in codes:
            if code.state == "stored":
                meant = self._meant(code)
                for fate in meant:
                    self._told(fate, code)
                if not meant:
                    self.to_clear.append((code.vehicle, code.time_ms + int(LAMP_WAITS_DAYS * A_DAY_MS)))

    def _meant(self, code: Code) -> list[Fate]:
        near = [fate for fate in self.fates.open(code.vehicle) if fate.level(code.time_ms) >= CODED_FROM]
        near += [
            fate
            for fate in self.fates.ended[-200:]
            if fate.vehicle == code.vehicle and fate.repaired_ms is not None and fate.repaired_ms >= code.time_ms
        ]
        named = [fate for fate in near if code.code in fate.kind.codes]
        return named or [fate for fate in near if fate.kind.component == code.component]

    def _told(self, fate: Fate, code: Code) -> None:
        if fate.coded_ms is None:
            fate.coded_ms = code.time_ms
        if not code.lamp or fate.repaired_ms is not None:
            return
        if fate.failed_ms is None:
            fate.failed_ms = code.time_ms
        rng = self.workshop.rng
        waits = IGNORED_DAYS if rng.random() < IGNORES_LAMP else LAMP_WAITS_DAYS * rng.lognormal(0.0, WAITS_SPREAD)
        self._comes(fate, code.time_ms + int(waits * A_DAY_MS))

    def cleared(self, now_ms: int) -> list[int]:
        """Clears the codes of cars that were mended, or in which nothing was found; gives their indices."""
        due = [(vehicle, time_ms) for vehicle, time_ms in self.to_clear if time_ms <= now_ms]
        self.to_clear = [each for each in self.to_clear if each[1] > now_ms]
        cars = []
        for vehicle, time_ms in due:
            if self.memory.stored[vehicle].any():
                clear(self.memory, vehicle, time_ms)
                cars.append(vehicle)
        return cars
