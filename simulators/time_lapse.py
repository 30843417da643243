"""Weeks of a few cars' driving in seconds, as an OBD tester would have seen them. All cars step together.

A day has two trips, the first after a night. The clock of the rows runs from ``end`` back over the days, so that the
last trip ends just before ``end``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from simulators import electrical, parameters, sensing
from simulators.drive_cycles import STYLES, trip
from simulators.faults import Faults, at_day
from simulators.monitors import Memory, TripFacts, after_trip, judge
from simulators.vehicle import Outputs, State, Surroundings, new_state, park, step
from vehicle import signals as s

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from simulators.parameters import Floats, Parameters
    from simulators.scenario import Scenario

CRANK_S = 2
KEY_ON_S = 2
STARTS = (time(7, 40), time(17, 55))
NIGHT_H, DAY_H = 13.5, 9.8
TRIP_OFFSET_CORRELATION = 0.37
SHORT_RIPPLE_PERCENT = 0.55


@dataclass(frozen=True, slots=True)
class Trip:
    """One car's trip: the time of its first row (ms since 1970 UTC), a row a second, and what its ECU told."""

    car: int
    start_ms: int
    rows: list[dict[str, int]]
    events: tuple[tuple[str, dict[str, Any]], ...]


def trips(
    scenarios: Sequence[Scenario], *, end: datetime, days: int, trip_seconds: int = 720, day_zero: int = 0
) -> Iterator[Trip]:
    """Trips of all cars in order of time, over ``days`` days that end at ``end``; a story's day 0 is the first.

    ``trip_seconds`` is the length of every trip, so that the cars can step together.
    """
    world = _World(scenarios, trip_seconds)
    first_day = (end - timedelta(days=days)).date()
    for day in range(days + 1):
        for number, start_time in enumerate(STARTS):
            start = datetime.combine(first_day + timedelta(days=day), start_time, end.tzinfo)
            if start + timedelta(seconds=trip_seconds + 60) > end or start < end - timedelta(days=days):
                continue
            yield from world.drive(start, day_zero + day, NIGHT_H if number == 0 else DAY_H)


class _World:
    """The cars' state between trips."""

    def __init__(self, scenarios: Sequence[Scenario], trip_seconds: int) -> None:
        self._scenarios, self._seconds = scenarios, trip_seconds
        self._rngs = [np.random.default_rng(scenario.seed) for scenario in scenarios]
        drawn = [parameters.draw(1, rng) for rng in self._rngs]
        self._p: Parameters = parameters.joined(drawn)
        self._plans = [scenario.plans() for scenario in scenarios]
        count = len(scenarios)
        odometer = np.array([1000.0 * scenario.odometer_km for scenario in scenarios])
        pads = np.array([scenario.pad_mm for scenario in scenarios])
        self._state: State = new_state(count, ambient_c=12.0, odometer_m=odometer, pad_mm=pads)
        self._offset = np.zeros(count)
        self._memory = [Memory() for _ in scenarios]

    def drive(self, start: datetime, day: int, parked_h: float) -> Iterator[Trip]:
        """One trip of each car."""
        faults = at_day(self._plans, float(day))
        ambient = self._weather(day, start)
        self._state = park(self._state, parked_h, ambient_c=ambient, p=self._p, faults=faults)
        fresh = self._normal(1.0)
        share = TRIP_OFFSET_CORRELATION
        self._offset = share * self._offset + np.sqrt(1 - share**2) * self._p.trim_wander_percent * fresh
        began_c = self._state.coolant_c
        columns = self._columns(ambient, faults)
        for car, scenario in enumerate(self._scenarios):
            mine = {path: values[:, car] for path, values in columns.items() if path != _PRESENT}
            events = self._ecu(car, mine, began_c[car], faults)
            rows = sensing.rows(mine, columns[_PRESENT][:, car])
            shifted = start + timedelta(minutes=7 * (scenario.seed % 5))
            yield Trip(car, int(shifted.timestamp() * 1000), rows, events)

    def _columns(self, ambient: float, faults: Faults) -> dict[str, Floats]:
        before = self._before_start(ambient, faults)
        speeds = np.stack(
            [trip(STYLES[one.style], self._seconds, rng) for one, rng in zip(self._scenarios, self._rngs, strict=True)]
        )
        recorded = [before[at] for at in range(len(before))]
        count = len(self._scenarios)
        heater = np.full(count, max(0.0, 18.0 - ambient) * 3.0)
        ripple = np.stack([rng.normal(0.0, SHORT_RIPPLE_PERCENT, self._seconds) for rng in self._rngs])
        noise = np.stack([rng.normal(0.0, 0.035, self._seconds) for rng in self._rngs])
        stuck_c = self._state.coolant_c.copy()
        for second in range(self._seconds):
            around = Surroundings(
                speed_mps=speeds[:, second], ambient_c=ambient, baro_kpa=101.0, heater_w_per_k=heater,
                trim_offset=self._offset, trim_ripple=ripple[:, second], voltage_noise=noise[:, second],
            )  # fmt: skip
            self._state, out = step(self._state, around, self._p, faults)
            recorded.append(_sample(self._state, out, ambient, second + 1, faults, stuck_c))
        paths = recorded[-1].keys()
        return {path: np.stack([row[path] for row in recorded]) for path in paths}

    def _before_start(self, ambient: float, faults: Faults) -> list[dict[str, Floats]]:
        """Key on with the engine still, then cranking: the voltage is what the poll happens to catch of the dip."""
        count = len(self._scenarios)
        zero = np.zeros(count)
        found = []
        drag = 1.0 + max(0.0, 20.0 - ambient) * 0.008
        for second in range(KEY_ON_S + CRANK_S):
            cranking = second >= KEY_ON_S
            phase = np.array([rng.random() for rng in self._rngs])
            rest = electrical.open_circuit_v(self._state.charge, ambient) - 0.12
            turning = electrical.cranking_v(self._state.charge, ambient, drag, phase, self._p, faults)
            voltage = turning if cranking else rest
            still = _still(self._state, ambient, voltage)
            still[s.ENGINE_SPEED] = zero + (210.0 + 40.0 * phase if cranking else 0.0)
            found.append(still)
        return found

    def _ecu(
        self, car: int, columns: dict[str, Floats], began_c: float, faults: Faults
    ) -> tuple[tuple[str, dict[str, Any]], ...]:
        coolant = columns[s.COOLANT_TEMPERATURE]
        trim = columns[s.SHORT_TERM_FUEL_TRIM_1] + columns[s.LONG_TERM_FUEL_TRIM_1]
        facts = TripFacts(
            seconds=float(len(coolant)),
            started_cold=began_c < 40.0,  # noqa: PLR2004  an ordinary cold start
            warmest_coolant_c=float(coolant.max()),
            trim_percent=float(trim[len(trim) // 2 :].mean()),
            highest_voltage=float(columns[s.CONTROL_MODULE_VOLTAGE][60:].max()),
            misfire=bool(faults.misfire[car] > 0.5),  # noqa: PLR2004  half of the growth
        )
        before, after = self._memory[car], after_trip(self._memory[car], judge(facts))
        self._memory[car] = after
        events: list[tuple[str, dict[str, Any]]] = []
        for state in ("pending", "stored"):
            old, new = getattr(before, state), getattr(after, state)
            changed = [(code, True) for code in sorted(new - old)] + [(code, False) for code in sorted(old - new)]
            events += [
                ("dtc", {"ecu": "7E8", "code": code, "state": state, "present": present}) for code, present in changed
            ]
        if before.lamp != after.lamp:
            events.append(("mil", {"on": after.lamp, "count": len(after.stored)}))
        return tuple(events)

    def _weather(self, day: int, start: datetime) -> float:
        base = float(np.mean([scenario.ambient_c for scenario in self._scenarios]))
        noon = 3.0 if start.hour > 12 else -2.0  # noqa: PLR2004  afternoons are warmer
        return base + noon + 2.5 * float(np.sin(day / 4.3))

    def _normal(self, scale: float) -> Floats:
        return np.array([rng.normal(0.0, scale) for rng in self._rngs])


_PRESENT = "present"


def _sample(
    state: State, out: Outputs, ambient: float, second: int, faults: Faults, stuck_c: Floats
) -> dict[str, Floats]:
    found = _still(state, ambient, out.voltage)
    stuck = faults.coolant_sensor_stuck
    found[s.COOLANT_TEMPERATURE] = np.where(stuck > 0.5, stuck_c, state.coolant_c)  # noqa: PLR2004  half grown
    found[s.ENGINE_SPEED] = out.power.engine_rpm
    found[s.SPEED] = state.speed_mps * 3.6
    found[s.ENGINE_LOAD] = out.power.load_percent
    found[s.MAF] = out.power.air_g_s
    found[s.MAP] = out.power.map_kpa
    found[s.THROTTLE] = out.power.throttle_percent
    found[s.RUN_TIME] = np.full_like(out.voltage, float(second))
    closed = (state.coolant_c > 35.0) & (out.power.overrun == 0.0)  # noqa: PLR2004  as in mixture
    found[s.FUEL_SYSTEM_STATUS] = np.where(closed, 2.0, np.where(out.power.overrun > 0.0, 4.0, 1.0))
    found[s.COMMANDED_EVAP] = np.where(state.coolant_c > 70.0, 12.0 + 8.0 * (second % 90 < 40), 0.0)  # noqa: PLR2004
    return found


def _still(state: State, ambient: float, voltage: Floats) -> dict[str, Floats]:
    zero = np.zeros_like(voltage)
    return {
        _PRESENT: zero + 1.0,
        s.ENGINE_SPEED: zero,
        s.SPEED: zero,
        s.CONTROL_MODULE_VOLTAGE: voltage,
        s.RUN_TIME: zero,
        s.ENGINE_LOAD: zero,
        s.MAF: zero,
        s.MAP: zero + 101.0,
        s.THROTTLE: zero + 13.0,
        s.SHORT_TERM_FUEL_TRIM_1: state.short_trim,
        s.LONG_TERM_FUEL_TRIM_1: state.long_trim,
        s.COOLANT_TEMPERATURE: state.coolant_c,
        s.INTAKE_AIR_TEMPERATURE: state.intake_c,
        s.OIL_TEMPERATURE: state.oil_c,
        s.AMBIENT_AIR_TEMPERATURE: zero + ambient,
        s.BAROMETRIC_PRESSURE: zero + 101.0,
        s.FUEL_LEVEL: 100.0 * state.fuel_l / 50.0,
        s.ODOMETER: state.odometer_m,
        s.CATALYST_TEMPERATURE_11: state.catalyst_c,
        s.FUEL_SYSTEM_STATUS: zero,
        s.COMMANDED_EVAP: zero,
    }
