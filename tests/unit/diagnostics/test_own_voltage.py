"""A 12 V system that is off since the car is known: what is the car's own normal, and what is a fault all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.detectors import battery, charging, charging_failure
from diagnostics.features.trips import FEATURES, Trips
from diagnostics.platforms import GENERIC, parameters_of, read_platforms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from diagnostics.arrays import State
    from diagnostics.detector import Detector, Judgement

START_MS, TRIP_MS, DAY_MS = 1_750_000_000_000, 1_800_000, 86_400_000
UNDERVOLT_V = 11.6
TABLE = parameters_of(read_platforms(), [GENERIC])


def trip(number: int, volts: float, **more: float) -> Trips:
    """Half an hour at that running voltage, one of three a day."""
    began = START_MS + number * DAY_MS // 3
    low = volts < UNDERVOLT_V
    told = {
        "started_ms": began, "ended_ms": began + TRIP_MS, "running_s": TRIP_MS / 1000.0, "charging_volts": volts,
        "ambient_c": 20.0, "soak_s": 25_000.0, "undervolt_ms": began + 200_000 if low else np.nan,
        "undervolt_value": volts - 0.1 if low else np.nan,
    } | more  # fmt: skip
    values = np.full((1, len(FEATURES)), np.nan)
    for name, value in told.items():
        values[0, FEATURES.index(name)] = value
    return Trips(vehicle=np.arange(1), values=values)


def judged(detector: Detector, trips: Sequence[Trips]) -> tuple[list[Judgement], State]:
    """What is said after each trip of one car, and the state after the last."""
    state, said = detector.initial(1), []
    for one in trips:
        judgement, state = detector.step(one, state, TABLE)
        said.append(judgement)
    return said, state


def spoke(detector: Detector, trips: Sequence[Trips]) -> list[tuple[int, str]]:
    """What is raised, and after which trip."""
    said = [int(one.raised[0]) for one in judged(detector, trips)[0]]
    return [(number, detector.causes[cause].key) for number, cause in enumerate(said) if cause >= 0]


def around(volts: float, n: int, seed: int = 1) -> list[float]:
    """Running voltages of a regulator that holds one level, as trips of a car differ."""
    return (volts + 0.12 * np.random.default_rng(seed).standard_normal(n)).tolist()


def drives(volts: Sequence[float], **more: float) -> list[Trips]:
    """Trips at these running voltages."""
    return [trip(number, value, **more) for number, value in enumerate(volts)]


@pytest.mark.parametrize("sound", [1, 5, 200])
def test_an_alternator_that_dies_while_we_look_is_said_at_once(sound: int) -> None:
    """After one sound trip as after two hundred, on the very trip that is low."""
    assert spoke(charging_failure.DETECTOR, drives([*around(14.2, sound), 11.5])) == [(sound, "not_charging")]


@pytest.mark.parametrize("volts", [11.3, 11.5, 12.0, 12.6, 13.0])
def test_a_car_that_charges_low_since_we_know_it_is_not_accused(volts: float) -> None:
    """Half a year of three trips a day at the same level is what the car, or its voltmeter, is like."""
    trips = drives(around(volts, 550))
    assert spoke(charging_failure.DETECTOR, trips) == []
    assert spoke(charging.DETECTOR, trips) == []


@pytest.mark.parametrize("volts", [11.6, 12.4, 13.0])
def test_a_car_whose_normal_is_low_is_found_when_it_falls(volts: float) -> None:
    """A tenth lower is booked within two weeks; dead, it is said within a trip."""
    known = around(volts, 120)
    ((number, cause),) = spoke(charging.DETECTOR, drives([*known, *around(0.9 * volts, 42, seed=2)]))[-1:]
    assert cause == "low_voltage"
    assert 120 <= number < 162
    assert spoke(charging_failure.DETECTOR, drives([*known, 10.2])) == [(120, "not_charging")]


def test_an_alternator_that_was_dead_when_the_car_was_met_is_said_once_the_voltage_falls() -> None:
    """Its level alone says nothing, on the first trip; its fall does, on the third."""
    dead = drives([12.1, 11.5, 10.8, 10.3])
    assert spoke(charging_failure.DETECTOR, dead) == [(2, "not_charging")]


def test_what_no_regulator_gives_is_said_on_the_first_trip() -> None:
    """10.2 V is a battery at its end, whatever the car was like before."""
    assert spoke(charging_failure.DETECTOR, drives([10.2])) == [(0, "not_charging")]


def test_an_alternator_that_follows_the_load_is_not_taken_for_a_regulator() -> None:
    """12.0 V that jump about by half a volt are no normal: they are booked when the car has lived so for hours."""
    volts = (12.0 + 0.5 * np.random.default_rng(3).standard_normal(60)).tolist()
    assert "low_voltage" in {cause for _, cause in spoke(charging.DETECTOR, drives(volts))}


def test_a_finding_is_withdrawn_where_low_proves_to_be_the_cars_normal() -> None:
    """A fall in the first trips is said; that it then stays there for hours takes it back."""
    trips = drives([12.9, 12.9, 12.9, 11.5, *around(12.6, 60)])
    said, _ = judged(charging_failure.DETECTOR, trips)
    assert [number for number, one in enumerate(said) if one.raised[0] >= 0] == [3]
    assert any(one.cleared[0] for one in said)


def test_a_repair_does_not_make_a_known_car_unknown() -> None:
    """A bad repair of a car that was sound is said on its first trip; of one that was low it is learned anew."""
    for level, said in ((14.2, True), (11.5, False)):
        _, state = judged(charging_failure.DETECTOR, drives(around(level, 60)))
        renewed = charging_failure.DETECTOR.renewed
        assert renewed is not None
        anew = {**charging_failure.DETECTOR.initial(1), **renewed(state, np.array([START_MS]))}
        judgement, _ = charging_failure.DETECTOR.step(trip(60, 11.4), anew, TABLE)
        assert bool(judgement.raised[0] >= 0) is said


def test_a_battery_is_judged_in_the_volts_of_its_car() -> None:
    """A meter that reads a tenth low accuses no battery; that this battery then loses its charge is told."""
    share = 0.9
    sound = {"rest_volts": 12.5 * share, "crank_volts": 9.6 * share, "start_volts": 12.1 * share}
    empty = {"rest_volts": 11.6 * share, "crank_volts": 8.9 * share, "start_volts": 11.2 * share}
    known = drives(around(14.2 * share, 120), **sound)
    assert spoke(battery.DETECTOR, known) == []
    later = [trip(120 + number, 14.2 * share, **empty) for number in range(40)]
    assert "low_charge" in {cause for _, cause in spoke(battery.DETECTOR, [*known, *later])}


def test_a_battery_that_fails_in_a_sound_car_is_found_as_ever() -> None:
    """Rests of 11.5 V are booked within a week, also where no trip tells the running voltage."""
    low = {"rest_volts": 11.5, "crank_volts": 9.6, "start_volts": 11.1}
    for volts in (14.2, np.nan):
        (number, cause), *_ = spoke(battery.DETECTOR, drives([volts] * 21, **low))
        assert cause == "low_charge"
        assert number < 21


@pytest.mark.parametrize("volts", [15.6, 15.8, 16.4])
def test_a_car_that_charged_high_and_comes_back_to_the_usual_is_sound(volts: float) -> None:
    """A regulator that was too high when met, and was mended where nobody wrote it down."""
    trips = drives([*around(volts, 60), *around(14.2, 40, seed=2)])
    assert spoke(charging.DETECTOR, trips) == []
    assert spoke(charging_failure.DETECTOR, trips) == []


@pytest.mark.parametrize("volts", [12.4, 12.6, 13.0])
def test_a_car_that_charged_low_and_comes_back_to_the_usual_has_the_usual_limits(volts: float) -> None:
    """After a repair that nobody wrote down a fall is booked, and a failure said, as in a car that was always sound."""
    mended = [*around(volts, 60), *around(14.2, 100, seed=2)]
    said = spoke(charging.DETECTOR, drives([*mended, *around(12.4, 20, seed=3)]))
    booked = [number for number, cause in said if cause == "low_voltage"]
    assert booked
    assert 160 <= booked[0] < 165
    assert spoke(charging_failure.DETECTOR, drives([*mended, 11.5])) == [(160, "not_charging")]


def test_an_empty_battery_is_found_after_a_repair_of_the_alternator() -> None:
    """The repair is not of the battery, whose limits were those of a low regulator: the running voltage tells it."""
    full = {"rest_volts": 12.5, "crank_volts": 9.6, "start_volts": 12.1}
    mended = drives([*around(12.6, 120), *around(14.2, 60, seed=2)], **full)
    empty = [trip(180 + number, 14.2, rest_volts=11.5, crank_volts=9.6, start_volts=11.1) for number in range(20)]
    said = [number for number, cause in spoke(battery.DETECTOR, [*mended, *empty]) if cause == "low_charge"]
    assert said
    assert 180 <= said[0] < 190


def test_a_car_at_the_edge_of_the_usual_keeps_what_is_known_of_it() -> None:
    """A winter lifts its level across the edge by a quarter of a volt; the meter still reads low in spring."""
    share = 0.96
    rest = {"rest_volts": 12.5 * share, "crank_volts": 9.6 * share, "start_volts": 12.1 * share}
    levels = [*around(13.42, 60), *around(13.7, 60, seed=2), *around(13.42, 60, seed=3)]
    _, state = judged(battery.DETECTOR, drives(levels, **rest))
    assert state["own_share"][0] < 1.0


def test_a_failure_is_said_before_the_trip_tells_its_running_voltage() -> None:
    """A car that follows the load was followed for hours, so its low voltage says all from the first reading on."""
    followed = drives([11.7, 12.3] * 30, undervolt_ms=np.nan, undervolt_value=np.nan)
    began = trip(60, np.nan, undervolt_ms=START_MS + 20 * DAY_MS + 200_000, undervolt_value=11.3, running_s=150.0)
    assert spoke(charging_failure.DETECTOR, [*followed, began])[-1:] == [(60, "not_charging")]


@pytest.mark.parametrize("volts", [10.9, 15.9])
def test_a_trip_too_short_to_tell_teaches_nothing(volts: float) -> None:
    """The three detectors that ask know the same of a car, however many short trips it makes."""
    short = drives([volts] * 20, running_s=100.0)
    states = [judged(one, short)[1] for one in (charging.DETECTOR, charging_failure.DETECTOR, battery.DETECTOR)]
    assert [int(state["own_trips"][0]) for state in states] == [0, 0, 0]


@given(st.floats(11.0, 16.5), st.integers(0, 1000))
def test_no_steady_level_is_a_failure(volts: float, seed: int) -> None:
    """Whatever the level that a car holds from its first trip on, it is not told to stop."""
    assert spoke(charging_failure.DETECTOR, drives(around(volts, 90, seed))) == []


@given(st.floats(13.7, 15.0), st.integers(1, 60), st.floats(9.0, 11.5))
def test_every_sound_car_that_drops_is_told_to_stop(level: float, trips: int, volts: float) -> None:
    """However short it was known, and however high it charged."""
    assert spoke(charging_failure.DETECTOR, drives([*[level] * trips, volts])) == [(trips, "not_charging")]
