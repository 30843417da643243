"""Detectors of chassis, oil and traction battery: the fault is found in time, and sound years stay silent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from diagnostics.detectors import (
    battery_12v_ev,
    cell_imbalance,
    hv_thermal,
    insulation,
    tyre_pressure,
    wheel_bearing,
    wheel_speed_sensor,
)
from diagnostics.platforms import GENERIC, parameters_of, read_platforms
from diagnostics.wear import engine_oil, traction_battery
from tests.unit.diagnostics import chassis_years as years

if TYPE_CHECKING:
    from diagnostics.detector import Detector

CARS, SOUND_DAYS = 40, 200

SOUND = (
    (tyre_pressure.DETECTOR, years.tyres(), 1),
    (wheel_speed_sensor.DETECTOR, years.wheels(), 3),
    (cell_imbalance.DETECTOR, years.cells(), 2),
    (insulation.DETECTOR, years.insulation(), 2),
    (hv_thermal.DETECTOR, years.heat(), 2),
    (battery_12v_ev.DETECTOR, years.electric_12v(), 2),
    (traction_battery.MODEL, years.charges(0.02), 1),
)
"""Detector, sound cars, trips a day."""

FAULTY = (
    (tyre_pressure.DETECTOR, years.tyres(1.0), 1, ("leak_rl", "leak_soon_rl"), 30.0),
    (tyre_pressure.DETECTOR, years.tyres(5.0), 1, ("leak_rl", "leak_soon_rl"), 12.0),
    (wheel_speed_sensor.DETECTOR, years.wheels(lost=0.05), 3, ("lost_fr",), 20.0),
    (wheel_speed_sensor.DETECTOR, years.wheels(lost=0.05, days=0.1), 3, ("lost_fr",), 2.0),
    (wheel_speed_sensor.DETECTOR, years.wheels(gone=0.4), 3, ("weak_fr",), 30.0),
    (cell_imbalance.DETECTOR, years.cells(mv_a_day=0.4), 2, ("self_discharge", "weak_block"), 60.0),
    (cell_imbalance.DETECTOR, years.cells(mohm=0.5), 2, ("bad_joint",), 60.0),
    (insulation.DETECTOR, years.insulation(1.2), 2, ("falling", "low"), 60.0),
    (hv_thermal.DETECTOR, years.heat(lost=1.0), 2, ("warm",), 100.0),
    (hv_thermal.DETECTOR, years.heat(apart=5.0), 2, ("uneven",), 60.0),
    (battery_12v_ev.DETECTOR, years.electric_12v(0.6, 0.5), 2, ("ageing", "weak"), 80.0),
)
"""Detector, faulty cars, trips a day, the causes that are right, days by which nine of ten cars must be found."""


def parameters(n: int = CARS) -> dict[str, np.ndarray]:
    return parameters_of(read_platforms(), [GENERIC] * n)


def named(detector: Detector) -> str:
    return detector.name


@pytest.mark.parametrize(("detector", "year", "a_day"), SOUND, ids=[case[0].name for case in SOUND])
def test_sound_cars_raise_nothing(detector: Detector, year: years.Year, a_day: int) -> None:
    """Half a year of forty sound cars with autocorrelated features raises nothing at all."""
    first = years.raised(detector, year, parameters(), n=CARS, days=SOUND_DAYS, a_day=a_day, seed=1)
    assert np.isinf(first).all()


@pytest.mark.parametrize(
    ("detector", "year", "a_day", "right", "within_days"),
    FAULTY,
    ids=[f"{case[0].name}-{case[3][0]}-{case[4]:.0f}" for case in FAULTY],
)
def test_a_fault_is_found_in_time(
    detector: Detector, year: years.Year, a_day: int, right: tuple[str, ...], within_days: float
) -> None:
    """Nine of ten cars are told the right cause within the days, none before the fault begins."""
    first = years.raised(detector, year, parameters(), n=CARS, days=160, a_day=a_day, seed=2)
    mine = [at for at, cause in enumerate(detector.causes) if cause.key in right]
    delay = first[:, mine].min(axis=1) - years.BEGINS
    assert (first >= years.BEGINS).all()
    assert (delay <= within_days).mean() >= 0.9


def test_a_battery_that_fades_fast_is_found_and_one_that_ages_is_not() -> None:
    """Ten points a year are told within a year, in all cars; the line of the law is drawn with its date."""
    detector = traction_battery.MODEL
    first = years.raised(detector, years.charges(0.12), parameters(), n=CARS, days=365, a_day=1, seed=3)
    assert (first[:, 0] <= 330.0).mean() >= 0.9


def test_health_of_a_traction_battery_is_right_to_two_points() -> None:
    """After a year of charges the estimate is within two points of the truth in nine of ten cars."""
    detector, cars, n = traction_battery.MODEL, years.Cars(CARS, 4), CARS
    state, year = detector.initial(n), years.charges(0.03)
    for day in range(365):
        _, state = detector.step(years.trips(float(day), n, year(float(day), cars)), state, parameters())
    truth = cars.own("health", 0.93, 0.03) - 0.03
    assert (np.abs(np.asarray(state["level"]) - truth) < 0.02).mean() >= 0.9


def test_refilled_tyres_are_no_leak() -> None:
    """All tyres filled by 25 kPa on one day, and one tyre changed for another, raise nothing."""

    def year(day: float, cars: years.Cars) -> dict[str, np.ndarray]:
        found = years.tyres()(day, cars)
        filled = 25.0 if day > 70 else 0.0
        found = {name: found[name] + (filled if name.endswith("kpa") else 0.0) for name in found}
        return found | {"tyre_fl_kpa": found["tyre_fl_kpa"] + (18.0 if day > 110 else 0.0)}

    first = years.raised(tyre_pressure.DETECTOR, year, parameters(), n=CARS, days=180, a_day=1, seed=5)
    assert np.isinf(first).all()


def test_single_readings_that_jump_are_no_leak() -> None:
    """Each week one reading of a tyre is 30 kPa too high, as of a warm one: as a refill it would end in a leak."""

    def year(day: float, cars: years.Cars) -> dict[str, np.ndarray]:
        found = years.tyres()(day, cars)
        return found | {"tyre_fl_kpa": found["tyre_fl_kpa"] + (30.0 if day % 7 == 3 else 0.0)}

    first = years.raised(tyre_pressure.DETECTOR, year, parameters(), n=CARS, days=180, a_day=1, seed=5)
    assert np.isinf(first).all()


def test_oil_goes_on_from_what_a_workshop_said() -> None:
    """With a fifth of its life left, the oil of cars that hardly drive is due by time, when few days of it are left."""
    p = parameters()
    measured = np.where(np.arange(CARS) % 2 == 0, 20.0, np.nan)

    def year(day: float, cars: years.Cars) -> dict[str, np.ndarray]:
        del cars
        zero = np.zeros(CARS)
        told = measured if day < 1.0 else np.full(CARS, np.nan)
        return {
            "oil_dose": zero + 1.0, "revolutions": zero + 1.0, "km": zero + 1.0, "measured_oil_life_percent": told
        }  # fmt: skip

    first = years.raised(engine_oil.MODEL, year, p, n=CARS, days=160, a_day=1, seed=3)
    due = 0.2 * p["oil_days"] - p["oil_soon_days"]
    assert (p["oil_soon"] > 0.2).all()
    assert first[::2, 0] == pytest.approx(due[::2], abs=10.0)
    assert np.isinf(first[1::2]).all()


def test_bearings_are_only_ever_a_reminder() -> None:
    """The mileage reminds once, as a matter to watch, and says that a bearing cannot be judged from afar."""

    def year(day: float, cars: years.Cars) -> dict[str, np.ndarray]:
        return {"odometer_km": np.full(cars.n, 155_000.0 + 100.0 * day)}

    first = years.raised(wheel_bearing.DETECTOR, year, parameters(5), n=5, days=120, a_day=1, seed=6)
    assert (first[:, 0] == 50.0).all()
    (cause,) = wheel_bearing.DETECTOR.causes
    assert cause.severity == "monitor"
    assert "cannot be judged from afar" in cause.text["en"]
