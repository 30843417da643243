"""Detectors of the engine's matters on drawn trips: silent through vehicle-years of sound cars, sure of their faults.

Trips of one car resemble each other (correlation 0.4), cars differ among each other, and odd trips are among them. The
faults grow as the physics says. How large the noise is, is an assumption of the test, not of the field.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

from diagnostics.detectors import boost, catalyst, dpf, egr, evap, misfire, oil_pressure, oxygen_sensor, transmission
from diagnostics.platforms import GENERIC, parameters_of, read_platforms
from diagnostics.wear import air_filter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Scenario = Callable[["World", np.ndarray], Mapping[str, np.ndarray]]

    from diagnostics.detector import Detector, Judgement

DAY_MS, TRIPS_A_DAY, CARS, YEAR = 86_400_000.0, 2, 150, 365
PHI = 0.4


class Drawn(dict):
    """Trips by feature; a feature that nobody drew is NaN."""

    def __len__(self) -> int:
        return len(self["ended_ms"])

    def __missing__(self, name: str) -> np.ndarray:
        return np.full(len(self["ended_ms"]), np.nan)

    def only(self, which: np.ndarray) -> Drawn:
        """Some of the trips."""
        return Drawn({name: values[which] for name, values in self.items()})


@dataclass
class World:
    """Cars that resemble themselves from trip to trip."""

    rng: np.random.Generator
    cars: int
    noise: dict[str, np.ndarray]
    own: dict[str, np.ndarray]

    def series(self, name: str, mean: float, between: float, within: float) -> np.ndarray:
        """The next trip's values: each car has a normal of its own."""
        own = self.own.setdefault(name, mean + between * self.rng.standard_normal(self.cars))
        before = self.noise.setdefault(name, self.rng.standard_normal(self.cars))
        self.noise[name] = PHI * before + np.sqrt(1.0 - PHI**2) * self.rng.standard_normal(self.cars)
        return own + within * self.noise[name]


def _misfire(world: World, level: np.ndarray) -> dict[str, np.ndarray]:
    """Poisson counts at a rate of the car, rough roads that triple it, means of ten drives; the fault is cylinder 3."""
    revolutions = world.rng.uniform(8_000.0, 60_000.0, world.cars)
    rate = np.exp(world.series("rate", np.log(2e-4), 0.6, 0.3))
    rough = np.where(world.rng.random(world.cars) < 0.03, 8.0, 1.0)
    counts = world.rng.poisson((rate * rough * revolutions / 2.0)[:, None] * np.ones(4)).astype(float)
    counts[:, 2] += world.rng.poisson(level * 0.02 * revolutions / 2.0)
    mean = world.own.setdefault("mean", np.zeros((world.cars, 4)))
    world.own["mean"] = 0.9 * mean + 0.1 * counts
    read = np.round(world.own["mean"])
    found = {f"misfire_{one + 1}": read[:, one] for one in range(4)}
    return found | {"misfires": read.sum(axis=1), "revolutions": revolutions}


def _result(name: str) -> Scenario:
    def scenario(world: World, level: np.ndarray) -> dict[str, np.ndarray]:
        """A monitor's result about 40 % of its limit, told in four of five trips; the fault takes it to the limit."""
        result = world.series(name, 40.0, 8.0, 6.0) + 60.0 * level
        told = world.rng.random(world.cars) < 0.8
        odd = np.where(world.rng.random(world.cars) < 0.002, 50.0, 0.0)
        return {name: np.where(told, np.round(result + odd, 1), np.nan)}

    return scenario


def _evap(world: World, level: np.ndarray) -> dict[str, np.ndarray]:
    """A leak test in one of four trips; the tank is filled now and then."""
    result = world.series("evap", 35.0, 8.0, 8.0) + 90.0 * level
    told = world.rng.random(world.cars) < 0.25
    tank = world.own.setdefault("tank", np.full(world.cars, 60.0))
    filled = tank < 15.0
    first = np.where(filled, 95.0, tank)
    world.own["tank"] = first - 4.0
    return {"evap_result": np.where(told, result, np.nan), "fuel_first": first, "fuel_last": first - 4.0}


def _egr(world: World, level: np.ndarray) -> dict[str, np.ndarray]:
    return {"egr_error": world.series("egr", 0.0, 5.0, 4.0) - 40.0 * level}


def _boost(world: World, level: np.ndarray) -> dict[str, np.ndarray]:
    """A charge-air leak: pressure missing, air beyond what the cylinders take."""
    told = world.rng.random(world.cars) < 0.5
    found = {
        "boost_gap": world.series("gap", 0.5, 1.5, 1.6) + 25.0 * level,
        "charge_air_excess": world.series("air", 0.05, 0.05, 0.02) + 0.25 * level,
        "boost_control": world.series("control", 45.0, 8.0, 3.0) + 20.0 * level,
    }
    return {name: np.where(told, values, np.nan) for name, values in found.items()}


def _dpf(world: World, level: np.ndarray) -> dict[str, np.ndarray]:
    """Soot fills up and is burnt at 24 g or more; K follows soot and ash; the fault is ash."""
    km = world.rng.uniform(8.0, 60.0, world.cars)
    soot = world.own.setdefault("soot", world.rng.uniform(0.0, 20.0, world.cars))
    start = soot.copy()
    soot = soot + km * 0.045 * np.exp(world.series("habit", 0.0, 0.1, 0.2))
    burns = (soot >= 24.0) & (world.rng.random(world.cars) < 0.7)
    world.own["soot"] = np.where(burns, 3.0, soot)
    k = world.series("k", 20.0, 0.2, 0.1) + 0.02 * world.own["soot"] + 1.2 * level
    return {
        "dpf_k": k, "dpf_soot_first": start, "dpf_soot_last": np.round(world.own["soot"], 1), "km": km,
        "dpf_regen_soot": np.where(burns, soot, np.nan), "dpf_regen_s": np.where(burns, 700.0, 0.0),
        "dpf_regen_open": np.zeros(world.cars),
    }  # fmt: skip


def _gearbox(world: World, level: np.ndarray) -> dict[str, np.ndarray]:
    """Ratios with the rounding of their readings; the fault lets clutches slip by 8 % in the end."""
    found = {
        f"gear_ratio_{gear}": world.series(f"gear{gear}", 1.2 - 0.25 * gear, 0.0, 0.003) + 0.08 * level
        for gear in range(2, 7)
    }
    return found | {
        "converter_slip": world.series("lock", 12.0, 6.0, 8.0),
        "fluid_excess": world.series("excess", 4.0, 3.0, 3.0),
        "gearbox_max": world.series("heat", 92.0, 5.0, 4.0),
        "gearbox_hot_s": np.zeros(world.cars),
    }


def _cooler(world: World, level: np.ndarray) -> dict[str, np.ndarray]:
    return {"fluid_excess": world.series("excess", 4.0, 3.0, 3.0) + 40.0 * level,
            "gearbox_max": world.series("heat", 92.0, 5.0, 4.0) + 30.0 * level}  # fmt: skip


def _oil_pressure(world: World, level: np.ndarray) -> dict[str, np.ndarray]:
    """Oil that gets thinner with age by a tenth, and a pump that wears."""
    return {
        "idle_oil_pressure": world.series("idle", 5.0, 0.1, 0.04) - 0.8 * level,
        "cruise_oil_pressure": world.series("cruise", 5.8, 0.1, 0.03) - 0.3 * level,
        "oil_pressure_low": np.zeros(world.cars),
    }


def _air_filter(world: World, level: np.ndarray) -> dict[str, np.ndarray]:
    told = world.rng.random(world.cars) < 0.5
    lost = world.series("lost", 3.0, 0.8, 0.7) + 5.0 * level
    return {"intake_air_kg": np.full(world.cars, 12.0), "intake_depression": np.where(told, lost, np.nan)}


CASES: dict[str, tuple[Detector, Scenario]] = {
    "misfire": (misfire.DETECTOR, _misfire),
    "catalyst": (catalyst.DETECTOR, _result("catalyst_result")),
    "oxygen_sensor": (oxygen_sensor.DETECTOR, _result("front_oxygen_result")),
    "evap": (evap.DETECTOR, _evap),
    "egr": (egr.DETECTOR, _egr),
    "egr_monitor": (egr.DETECTOR, _result("egr_result")),
    "boost": (boost.DETECTOR, _boost),
    "dpf": (dpf.DETECTOR, _dpf),
    "transmission": (transmission.DETECTOR, _gearbox),
    "gearbox_cooler": (transmission.DETECTOR, _cooler),
    "oil_pressure": (oil_pressure.DETECTOR, _oil_pressure),
    "air_filter": (air_filter.MODEL, _air_filter),
}
cases = pytest.mark.parametrize("case", CASES)


def live(case: str, *, days: int, seed: int, level: Callable[[float], float], cars: int = CARS) -> list[Judgement]:
    """Judgements of every trip of some cars; ``level`` 0 to 1 of the fault by day."""
    detector, scenario = CASES[case]
    world = World(np.random.default_rng(seed), cars, {}, {})
    p = parameters_of(read_platforms(), [GENERIC] * cars)
    p = {name: p[name] for name in detector.parameters}
    state, judged = detector.initial(cars), []
    for number in range(days * TRIPS_A_DAY):
        day = number / TRIPS_A_DAY
        at = np.full(cars, 1.7e12 + day * DAY_MS)
        trips = Drawn({"started_ms": at - 1.5e6, "ended_ms": at, "km": np.full(cars, 20.0)})
        trips.update(scenario(world, np.full(cars, level(day))))
        judgement, state = detector.step(trips, state, p)
        judged.append(judgement)
    return judged


@cases
def test_years_of_sound_cars_raise_nothing(case: str) -> None:
    """150 vehicle-years at two trips a day: not one finding."""
    raised = np.array([judgement.raised for judgement in live(case, days=YEAR, seed=1, level=lambda _: 0.0)])
    assert int((raised >= 0).sum()) == 0


@cases
def test_a_fault_that_grows_is_found_weeks_before_it_fails(case: str) -> None:
    """From day 120 it grows to failure at day 240: nearly all cars are named, half of them 21 days ahead or more."""
    judged = live(case, days=240, seed=2, level=lambda day: max(0.0, (day - 120.0) / 120.0), cars=60)
    raised = np.array([judgement.raised for judgement in judged]) >= 0
    assert not raised[: 120 * TRIPS_A_DAY].any()
    found = raised.any(axis=0)
    lead_days = 240.0 - raised.argmax(axis=0) / TRIPS_A_DAY
    assert found.mean() >= 0.95
    assert np.median(lead_days[found]) >= 21.0


@cases
def test_after_a_repair_it_clears_by_itself(case: str) -> None:
    """Whatever was found at failure is cleared within 60 days of soundness, and not raised again."""
    judged = live(case, days=240, seed=3, level=lambda day: float(60.0 <= day < 120.0) * 0.9, cars=40)
    raised = np.array([judgement.raised for judgement in judged]) >= 0
    cleared = np.array([judgement.cleared for judgement in judged])
    assert raised.any(axis=0).mean() >= 0.95
    assert (cleared.sum(axis=0) >= raised.any(axis=0)).all()
    assert not raised[130 * TRIPS_A_DAY :].any()
