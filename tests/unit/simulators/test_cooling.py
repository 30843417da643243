"""Heat of the engine: what fuel and friction give is found again in block, coolant, oil and air."""

from __future__ import annotations

import numpy as np
import pytest

from simulators.cooling import OIL_J_PER_K, Heat, soaked, step_heat
from simulators.driving import draw_ride, drive
from simulators.engine import FUEL_J_PER_G
from simulators.parameters import PLATFORMS, as_new, build_cars
from simulators.vehicle import parked_car

CARS = 12


def warmed(platform: str = "compact", ambient_c: float = 25.0, minutes: int = 20, **faults: float) -> np.ndarray:
    """Coolant of some cars of a class on a drive in town, ``(n_cars, n_seconds)``, all of them cold before."""
    rng = np.random.default_rng(5)
    cars = build_cars(platform, CARS, rng)
    rides = [
        draw_ride("town", 60 * minutes, rng, ambient_c=ambient_c, baro_kpa=101.0, parked_s=36_000.0, last_offset=0.0)
        for _ in range(CARS)
    ]
    driven, _ = drive(parked_car(cars, ambient_c), rides, cars, as_new(CARS, **faults))
    return np.array([one.trace["heat.coolant_c"] for one in driven])


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_warm_up_in_town_takes_six_to_nine_minutes(platform: str) -> None:
    """From 25 °C the coolant of the median car is at 80 °C after so long, as the module says and real cars do."""
    minutes = np.argmax(warmed(platform) >= 80.0, axis=1) / 60.0
    assert 6.0 <= np.median(minutes) <= 9.0


def test_warm_coolant_stays_where_the_thermostat_holds_it() -> None:
    """After the warm-up it leaves the band between closed and fan only by little."""
    settled = warmed(minutes=30)[:, 20 * 60 :]
    assert settled.min() > 78.0
    assert settled.max() < 101.0


def test_a_thermostat_that_stays_open_runs_colder() -> None:
    """The more it leaks, the colder the engine settles."""
    means = [warmed(ambient_c=12.0, thermostat_leak=leak)[:, -300:].mean() for leak in (0.004, 0.15, 0.4)]
    assert means[0] > means[1] + 3.0 > means[2] + 9.0


def test_cold_air_makes_a_longer_warm_up() -> None:
    """At 0 °C the heater and the air take their share."""
    assert (warmed(ambient_c=0.0)[:, 480] + 10.0 < warmed(ambient_c=25.0)[:, 480]).all()


def test_friction_ends_as_heat() -> None:
    """In air as warm as all the metal, friction alone heats block and oil by all of its work."""
    cars, friction = build_cars("saloon", 1, np.random.default_rng(1)), np.full(1, 3000.0)
    air = np.full(1, 30.0)
    after = step_heat(soaked(air), np.zeros(1), friction, np.zeros(1), air, cars, as_new(1), 1.0)
    assert stored_j(after, cars) - stored_j(soaked(air), cars) == pytest.approx(3000.0)


def test_a_third_of_the_fuel_heats_block_and_coolant() -> None:
    """The share of petrol engines: a third to the work, a third to the coolant, a third to the exhaust."""
    cars, air = build_cars("saloon", 1, np.random.default_rng(1)), np.full(1, 30.0)
    after = step_heat(soaked(air), np.ones(1), np.zeros(1), np.zeros(1), air, cars, as_new(1), 1.0)
    assert 0.3 < (stored_j(after, cars) - stored_j(soaked(air), cars)) / FUEL_J_PER_G < 0.4


def stored_j(heat: Heat, cars) -> float:
    held = heat.block_c * cars.block_j_per_k + heat.coolant_c * cars.coolant_j_per_k + heat.oil_c * OIL_J_PER_K
    return float(held[0])
