"""What a car's own past says about it: its restlessness, its thermostat, that its parts are still in use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import truncnorm

from diagnostics.detectors import cell_imbalance, fuel_trim, noisy_sensor, thermostat, tyre_pressure
from diagnostics.features.trips import FEATURES, Trips
from diagnostics.platforms import kind_of, parameters_of, read_platforms
from diagnostics.prognosis.crossing import still_ahead
from diagnostics.wear import brake_pads_front

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from diagnostics.detector import Detector, Judgement

START_MS, DAY_MS = 1_750_000_000_000, 86_400_000
KIND = kind_of("", "")


def lived(detector: Detector, drives: Mapping[str, np.ndarray]) -> Iterator[Judgement]:
    """What is judged trip by trip, three a day; features are ``(cars, trips)``, and there are no others."""
    cars, trips = next(iter(drives.values())).shape
    state, p = detector.initial(cars), parameters_of(read_platforms(), [KIND] * cars)
    for number in range(trips):
        values = np.full((cars, len(FEATURES)), np.nan)
        at = START_MS + number * DAY_MS // 3
        values[:, FEATURES.index("started_ms")], values[:, FEATURES.index("ended_ms")] = at, at + 1_200_000
        for name, value in drives.items():
            values[:, FEATURES.index(name)] = value[:, number]
        judgement, state = detector.step(Trips(vehicle=np.arange(cars), values=values), state, p)
        yield judgement


def first_raised(detector: Detector, drives: Mapping[str, np.ndarray]) -> np.ndarray:
    """The trip at which something is first raised of each car, NaN never."""
    raised = np.array([judgement.raised >= 0 for judgement in lived(detector, drives)])
    return np.where(raised.any(axis=0), raised.argmax(axis=0), np.nan)


def one_car(trips: int, **features: float) -> dict[str, np.ndarray]:
    """Drives of one car that are all alike."""
    return {name: np.full((1, trips), value) for name, value in features.items()}


def trims(cars: int, trips: int, *, sd: float, phi: float, seed: int) -> dict[str, np.ndarray]:
    """Trims whose trips follow each other with that autocorrelation, per cent."""
    rng = np.random.default_rng(seed)
    x = np.zeros((cars, trips))
    x[:, 0] = sd * rng.standard_normal(cars)
    for number in range(1, trips):
        x[:, number] = phi * x[:, number - 1] + sd * np.sqrt(1.0 - phi**2) * rng.standard_normal(cars)
    return {"trim_load": x, "trim_idle": x + 0.8 * rng.standard_normal((cars, trips))}


def test_trims_that_wander_by_themselves_are_no_drift() -> None:
    """Four months of a hundred cars whose trips follow each other at 0.5; and 7 % more is still found in most."""
    calm = trims(100, 400, sd=2.2, phi=0.5, seed=3)
    assert np.sum(~np.isnan(first_raised(fuel_trim.DETECTOR, calm))) <= 2
    shifted = {name: value + 7.0 * (np.arange(400) >= 200) for name, value in calm.items()}
    found = first_raised(fuel_trim.DETECTOR, shifted)
    assert np.mean((found >= 200) & (found < 260)) >= 0.8


def test_a_car_whose_trips_do_not_follow_each_other_is_found_early() -> None:
    """5 % is plain there: within twelve trips in four of five cars."""
    calm = trims(100, 60, sd=1.4, phi=0.0, seed=4)
    assert np.isnan(first_raised(fuel_trim.DETECTOR, calm)).all()
    shifted = {name: value + 5.0 * (np.arange(60) >= 40) for name, value in calm.items()}
    found = first_raised(fuel_trim.DETECTOR, shifted)
    assert np.mean((found >= 40) & (found < 52)) >= 0.8


def test_an_alternator_at_its_limit_in_the_cold_is_no_bad_contact() -> None:
    """The same jitter that is said on mild days."""
    jitter = np.where(np.arange(60) < 30, 0.06, 0.25)[None, :]
    for air_c, said in ((-4.0, False), (16.0, True)):
        drives = {"volts_jitter": jitter, "ambient_c": np.full_like(jitter, air_c)}
        assert bool(~np.isnan(first_raised(noisy_sensor.DETECTOR, drives)[0])) is said, air_c


def test_a_thermostat_that_regulates_low_is_no_open_one() -> None:
    """70 degC in all weathers is how the car is made; 60 to 70 with the weather is not."""
    rng = np.random.default_rng(5)
    steady = 70.0 + 0.8 * rng.standard_normal((1, 60))
    assert np.isnan(first_raised(thermostat.DETECTOR, {"settled_c": steady})[0])
    with_weather = 64.0 + 5.0 * rng.standard_normal((1, 60))
    assert first_raised(thermostat.DETECTOR, {"settled_c": with_weather})[0] < 20
    fallen = steady - 13.0 * (np.arange(60) >= 30)
    assert 30 <= first_raised(thermostat.DETECTOR, {"settled_c": fallen})[0] < 40


def test_a_thermostat_that_holds_steady_below_any_other_is_open() -> None:
    """60 degC in all weathers is said once; a sound car that regulates at 70 has all of its health."""
    rng = np.random.default_rng(6)
    assert first_raised(thermostat.DETECTOR, {"settled_c": 60.0 + 0.8 * rng.standard_normal((1, 60))})[0] < 20
    *_, judgement = lived(thermostat.DETECTOR, {"settled_c": 70.0 + 0.5 * rng.standard_normal((1, 20))})
    assert judgement.health[0] > 0.8


def test_a_bad_contact_is_not_taken_back_because_it_turned_cold() -> None:
    """Where the voltage is not judged it says neither."""
    jitter = np.where(np.arange(120) < 30, 0.06, 0.25)[None, :]
    drives = {"volts_jitter": jitter, "coolant_jitter": np.full_like(jitter, 0.1)}
    drives["ambient_c"] = np.where(np.arange(120) < 60, 16.0, -4.0)[None, :]
    judged = list(lived(noisy_sensor.DETECTOR, drives))
    assert sum(int(one.raised[0] >= 0) for one in judged) == 1
    assert not any(one.cleared[0] for one in judged)


def test_one_cold_reading_among_three_is_no_cold_day() -> None:
    """An outside sensor that is stuck at -40 degC does not silence the voltage."""
    jitter = np.where(np.arange(60) < 30, 0.06, 0.25)[None, :]
    drives = {"volts_jitter": jitter, "ambient_c": np.full_like(jitter, -40.0)}
    drives |= {name: np.full_like(jitter, 16.0) for name in ("key_ambient_c", "key_intake_c")}
    assert ~np.isnan(first_raised(noisy_sensor.DETECTOR, drives)[0])


def test_blocks_and_tyres_of_a_car_that_reads_badly_are_judged_by_its_own_spread() -> None:
    """Several times the usual noise accuses nobody; a block that falls behind by 1 mV a day is found within a month."""
    rng = np.random.default_rng(7)
    for sd, fall, said in ((6.0, 0.0, False), (1.0, 1.0, True)):
        noise = {f"cell_{number}_mv": sd * rng.standard_normal((40, 120)) for number in range(1, 9)}
        noise["cell_3_mv"] = noise["cell_3_mv"] - fall * np.maximum(np.arange(120) - 30, 0) / 3.0
        found = first_raised(cell_imbalance.DETECTOR, noise | {"cell_rest_volts": np.full((40, 120), 3.7)})
        assert np.isnan(found).mean() == (0.0 if said else 1.0)
    noise = {f"tyre_{corner}_kpa": 240.0 + 4.0 * rng.standard_normal((40, 240)) for corner in ("fl", "fr", "rl", "rr")}
    told = {"tyre_compensated": np.ones((40, 240)), "soak_s": np.full((40, 240), 36_000.0)}
    assert np.isnan(first_raised(tyre_pressure.DETECTOR, noise | told)).mean() >= 0.9


def test_pads_in_use_have_not_reached_their_limit_unless_they_were_measured_so() -> None:
    """Measured at 2.1 of 2.0 mm there are days left at the least; measured at 1.5 there may be none."""
    lives = {}
    for measured in (2.1, 1.5):
        drives = one_car(90, speed_n=500.0, moving_s=1000.0, km=20.0, braking_joules_per_kg=500.0)
        drives["measured_pad_front_mm"] = np.where(np.arange(90) == 1, measured, np.nan)[None, :]
        *_, judgement = lived(brake_pads_front.MODEL, drives)
        lives[measured] = judgement.rul_days[0]
    assert lives[2.1][1] > 20.0
    assert lives[1.5][1] == 0.0


def test_where_it_regulates_low_warming_up_says_nothing() -> None:
    """Below 75 degC such a thermostat is open already: less is gained there in summer, and nothing is wrong."""
    gain = np.where(np.arange(80) < 40, 40.0, 18.0)[None, :]
    same = {"warm_gain_k": gain, "warm_air_kg": np.ones_like(gain)}
    same |= {name: np.zeros_like(gain) for name in ("warm_still_kks", "warm_moving_kkm")}
    for settled_c, said in ((71.0, False), (88.0, True)):
        found = first_raised(thermostat.DETECTOR, same | {"settled_c": np.full_like(gain, settled_c)})
        assert bool(~np.isnan(found[0])) is said, settled_c


@given(distance=st.floats(-3.0, 20.0), sd=st.floats(0.05, 5.0))
def test_what_is_still_ahead_is_a_normal_that_is_cut_off(distance: float, sd: float) -> None:
    """Mean and variance are those of scipy's, wherever it is not cut off in its far tail."""
    below = -distance / sd
    mean, variance = still_ahead(np.array([distance]), np.array([sd**2]))
    if below > 6.0:
        assert 0.0 <= mean[0] < sd
        return
    cut = truncnorm(below, np.inf, loc=distance, scale=sd)
    np.testing.assert_allclose([mean[0], variance[0]], [cut.mean(), cut.var()], rtol=1e-4, atol=1e-6)
