"""A car in real time: it drives on and on, a second a second, and its control units can be asked."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from simulators.drive_cycles import STYLES, drive_cycle
from simulators.ecu import ENGINE_ID, TRANSMISSION_ID, Behaviour, Unit, fitting
from simulators.engine import demand
from simulators.faults import condition_on
from simulators.sensors import measured
from simulators.time_lapse import OVERNIGHT_S, new_car
from simulators.vehicle import Inputs, after_parking, start_engine, step, trace_of
from vehicle import signals
from vehicle.dtc import Dtc, DtcState
from vehicle.vin import Vin

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from simulators.parameters import FloatArray
    from simulators.scenario import Scenario

CYCLE_S = 900
_TESTED = 0b111
_SUPPORTED = 0b11100101
TRANSMISSION_SIGNALS = (signals.SPEED, signals.CONTROL_MODULE_VOLTAGE)


class LiveCar:
    """A car of a scenario, as it is ``day`` days into its story, with the engine just started.

    ``codes`` are stored in its memory besides what its own tests would set.
    """

    def __init__(
        self, scenario: Scenario, *, rng: np.random.Generator, day: float = 0.0, codes: Iterable[Dtc] = (),
        vin: Vin | None = None, behaviour: Behaviour = Behaviour.NORMAL,
    ) -> None:  # fmt: skip
        self._rng, self._scenario = rng, scenario
        self._car = new_car(scenario)
        self._condition = condition_on(day, scenario.faults)
        self._codes = self._permanent = tuple(codes)
        self._vin = vin or Vin.parse(scenario.vin)
        self._behaviour = behaviour
        self._air = np.full(1, scenario.climate.mean_c)
        self._last_mps = np.zeros(1)
        self._cycle: FloatArray = np.zeros(0)
        self._at = 0
        self._start()
        self._values: Mapping[str, float] = {}
        self.tick()
        self._freeze = self._values

    def _start(self) -> None:
        ready = after_parking(
            self._car.state, np.full(1, OVERNIGHT_S), self._air, np.zeros(1), self._car.build, self._condition
        )
        _, self._car.state = start_engine(ready, self._car.build, self._condition)

    def tick(self) -> None:
        """One second passes."""
        build, speed = self._car.build, np.array([self._next_mps()])
        asked = demand(speed, speed - self._last_mps, np.zeros(1), build)
        self._last_mps = speed
        inputs = Inputs(
            demand=asked, ambient_c=self._air, baro_kpa=np.full(1, self._scenario.climate.baro_kpa),
            extra_load_w=np.full(1, 120.0), noise=self._rng.standard_normal((3, 1)),
        )  # fmt: skip
        self._car.state = step(self._car.state, inputs, build, self._condition, 1.0)
        self._values = self._sensed()

    def _next_mps(self) -> float:
        if self._at >= len(self._cycle):
            styles = self._scenario.habit.styles
            weights = np.array(list(styles.values()))
            style = STYLES[str(self._rng.choice(list(styles), p=weights / weights.sum()))]
            self._cycle, self._at = drive_cycle(style, CYCLE_S, self._rng), 0
        self._at += 1
        return float(self._cycle[self._at - 1])

    def _sensed(self) -> Mapping[str, float]:
        trace = {name: values[:, 0] for name, values in trace_of([self._car.state]).items()}
        follows, tank = float(self._condition.coolant_sensor_ohmic[0]), float(self._car.build.tank_l[0])
        full = measured(trace, self._rng, follows=follows, tank_l=tank)
        now = {path: float(values[0]) for path, values in full.items()}
        return MappingProxyType(fitting(now | self._status()))

    def _status(self) -> dict[str, float]:
        status = "Vehicle.OBD.Status."
        return {
            signals.MIL_ON: float(bool(self._codes)),
            signals.DTC_COUNT: float(len(self._codes)),
            f"{status}ContinuousMonitorsSupported": _TESTED,
            f"{status}MonitorsSupported": _SUPPORTED,
            "Vehicle.OBD.OBDStandards": 6.0,
            "Vehicle.OBD.FuelType": 1.0,
        }

    @property
    def values(self) -> Mapping[str, float]:
        """What the sensors say now, in the catalogue's units, by VSS path."""
        return self._values

    def units(self) -> tuple[Unit, Unit]:
        """The control units as they are now: engine and transmission."""
        stored = {DtcState.STORED: self._codes, DtcState.PERMANENT: self._permanent}
        engine = Unit(
            answer_id=ENGINE_ID, values=self._values, codes=stored, freeze=self._freeze, vin=self._vin,
            behaviour=self._behaviour, clear=self._clear,
        )  # fmt: skip
        shared = {path: self._values[path] for path in TRANSMISSION_SIGNALS}
        return engine, replace(engine, answer_id=TRANSMISSION_ID, values=shared, codes={}, freeze={}, vin=None)

    def _clear(self) -> None:
        """As SAE J1979 has service 04: stored codes go, permanent ones stay until their monitors pass."""
        self._codes = ()

    async def run(self, period_s: float = 1.0) -> None:
        """Lets time pass, a second every ``period_s``, until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += period_s
            await asyncio.sleep(max(0.0, due - loop.time()))
            self.tick()
