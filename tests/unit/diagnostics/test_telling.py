"""Leaving out what tells a detector nothing changes neither what is found nor one bit of what is known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from diagnostics.advance import Step, Workshop, initial, judge
from diagnostics.features.trips import FEATURES, Trips
from diagnostics.fleet import all_detectors
from diagnostics.measurements import Measurements
from diagnostics.platforms import parameters_of, read_platforms
from diagnostics.prognosis.dose import DAY_MS, day_begins
from diagnostics.telling import Repeats, either, tells, vehicles_that_tell
from tests.contracts.test_detectors import trips as sound_trips

if TYPE_CHECKING:
    from diagnostics.arrays import Floats
    from diagnostics.detector import Detector

KINDS = ["petrol", "electric", "hybrid", "diesel", "electric", "petrol_turbo", "van"]
SERVED_MS = 1.7e12 + 3.4 * DAY_MS


def lot(seed: int) -> Trips:
    """Sorted trips of cars of several kinds, of some many and of some few, most of them telling little."""
    rng = np.random.default_rng(seed)
    parts = [sound_trips(number, rng) for number in range(30)]
    vehicle = np.concatenate([part.vehicle for part in parts])
    values = np.concatenate([part.values for part in parts])
    lost = rng.random(values.shape) < rng.choice([0.0, 0.9, 1.0], size=(len(values), 1))
    times = [FEATURES.index(name) for name in ("started_ms", "ended_ms", "previous_end_ms")]
    lost[:, times] = False
    driven = rng.random(len(vehicle)) < np.linspace(0.1, 1.0, len(KINDS))[vehicle]
    counts = [name.endswith(("_n", "km", "revolutions", "_dose")) for name in FEATURES]
    values = np.where(lost, np.where(counts, 0.0, np.nan), values)
    rows = np.lexsort((values[:, times[1]], vehicle))
    rows = rows[driven[rows]]
    return Trips(vehicle=vehicle[rows], values=values[rows])


def judged(detectors: tuple[Detector, ...], closed: Trips) -> Step:
    """All trips in two steps; of the third car something was served in between."""
    services_ms = np.full((len(KINDS), len(detectors), 1), np.nan)
    services_ms[2] = SERVED_MS
    workshop = Workshop(services_ms=services_ms, measured=Measurements.of([]))
    p, state = parameters_of(read_platforms(), KINDS), initial(detectors, len(KINDS))
    early = closed["ended_ms"] < 1.7e12 + 5.0 * DAY_MS
    first = judge(closed.only(early), state, p, detectors, workshop)
    last = judge(closed.only(~early), first.state, p, detectors, workshop)
    return replace(last, alarms=first.alarms + last.alarms)


def test_judging_only_what_tells_something_gives_the_same_bits() -> None:
    """Alarms and states are those of detectors that are shown every trip."""
    sparing = all_detectors()
    shown_all = tuple(replace(detector, told=None, repeats=None) for detector in sparing)
    for seed in range(3):
        one, all_of_them = judged(sparing, lot(seed)), judged(shown_all, lot(seed))
        assert repr(one.alarms) == repr(all_of_them.alarms)
        for name, part in all_of_them.state.items():
            for key, values in part.items():
                assert one.state[name][key].tobytes() == values.tobytes(), (name, key)


def few(**columns: list[float]) -> Trips:
    """Two trips of a first car and two of a second one."""
    values = np.full((4, len(FEATURES)), np.nan)
    for name, numbers in columns.items():
        values[:, FEATURES.index(name)] = numbers
    return Trips(vehicle=np.array([0, 0, 1, 1]), values=values)


def topping_up(seed: int) -> Trips:
    """The same, and after some drives many charges of minutes: some series of them hot, some where insulation fails."""
    rng = np.random.default_rng(seed)
    all_trips = lot(seed)
    drives = all_trips.only(rng.random(len(all_trips)) < 0.3)
    n_each = rng.integers(0, 12, len(drives))
    of = np.repeat(np.arange(len(drives)), n_each)
    at_ms = drives["ended_ms"][of] + 60_000.0 * (1 + np.arange(len(of)) - np.searchsorted(of, of))
    hot, failed = rng.random((2, len(drives))) < 0.3
    charges = np.full((len(of), len(FEATURES)), np.nan)
    charge: dict[str, float | Floats] = {
        "started_ms": at_ms - 60_000.0, "ended_ms": at_ms, "previous_end_ms": at_ms - 60_000.0, "charged_ah": 0.12,
        "pack_hottest_c": np.where(hot, 70.0, 20.0)[of], "pack_heat_kaah": 0.002, "speed_n": 0.0, "km": 0.0,
        "insulation_log": np.where(failed, 3.0, 6.0)[of] + rng.normal(0.0, 0.1, len(of)), "ambient_c": 12.0,
        "odometer_km": drives["odometer_km"][of], "oil_dose": 0.0, "revolutions": 0.0,
    }  # fmt: skip
    for name, numbers in charge.items():
        charges[:, FEATURES.index(name)] = numbers
    vehicle, values = np.append(all_trips.vehicle, drives.vehicle[of]), np.concatenate([all_trips.values, charges])
    rows = np.lexsort((values[:, FEATURES.index("ended_ms")], vehicle))
    return Trips(vehicle=vehicle[rows], values=values[rows])


def test_trips_in_a_row_that_say_the_same_are_judged_first_and_last() -> None:
    """Alarms and states are those of detectors that judge every charge; and some are left out."""
    sparing = all_detectors()
    judge_all = tuple(replace(detector, repeats=None) for detector in sparing)
    found: set[str] = set()
    for seed in range(3):
        closed = topping_up(seed)
        one, all_of_them = judged(sparing, closed), judged(judge_all, closed)
        found |= {alarm.detector for alarm in one.alarms}
        assert repr(one.alarms) == repr(all_of_them.alarms)
        for name, part in all_of_them.state.items():
            for key, values in part.items():
                assert one.state[name][key].tobytes() == values.tobytes(), (name, key)
    assert {"hv_thermal", "insulation"} <= found


def test_repeats_lie_between_others_of_their_car() -> None:
    """Neither the first nor the last in a row, nor beside another's."""
    repeats = Repeats(
        alike=lambda trips, _p: trips["km"] == 0.0,
        passes=lambda trips, _state, _p: (np.ones(len(trips), dtype=bool), {}),
    )
    values = np.zeros((8, len(FEATURES)))
    values[5, FEATURES.index("km")] = 3.0
    row = Trips(vehicle=np.array([0, 0, 0, 0, 1, 1, 1, 1]), values=values)
    assert repeats.amid(row, {}).tolist() == [False, True, True, False, False, False, False, False]
    assert repeats.amid(row.only(np.zeros(0, dtype=np.int64)), {}).tolist() == []
    assert repeats.amid(row.only(np.array([0])), {}).tolist() == [False]


def test_a_trip_tells_by_what_is_known_or_counted() -> None:
    """A feature tells where it is not NaN, what is counted where it is not zero either, and an unknown state always."""
    found = few(settled_c=[np.nan, 80.0, np.nan, np.nan], km=[0.0, 0.0, 3.0, np.nan])
    state = {"level": np.array([1.0, np.nan])}
    assert tells(("settled_c",))(found, state).tolist() == [False, True, False, False]
    assert tells((), ("km",))(found, state).tolist() == [False, False, True, False]
    assert tells((), unknown="level")(found, state).tolist() == [False, False, True, True]
    assert either(tells(("settled_c",)), tells((), ("km",)))(found, state).tolist() == [False, True, True, False]


def test_a_vehicle_tells_with_all_its_trips() -> None:
    """One trip that tells is enough, or something in the state that still goes on."""
    found = few(settled_c=[np.nan, 80.0, np.nan, np.nan])
    told = vehicles_that_tell(("settled_c",), ("waiting",))
    assert told(found, {"waiting": np.array([0, 0])}).tolist() == [True, True, False, False]
    assert told(found, {"waiting": np.array([0, 2])}).tolist() == [True, True, True, True]
    assert told(found, {"waiting": np.array([[0, 0], [0, 1]])}).tolist() == [True, True, True, True]


def test_no_trips_tell_nothing() -> None:
    """As where no trip of a step has ended yet."""
    none = few().only(np.zeros(0, dtype=np.int64))
    state = {"level": np.array([[np.nan], [1.0]]), "day_ms": np.array([np.nan, 0.0])}
    for told in (tells(("km",), unknown="level"), vehicles_that_tell(("km",), ("level",)), day_begins):
        assert told(none, state).tolist() == []


def test_a_day_begins_with_the_first_trip_after_its_end() -> None:
    """By the grid of days of each vehicle, whatever trips lie before."""
    found = few(ended_ms=[0.9 * DAY_MS, 1.1 * DAY_MS, 2.5 * DAY_MS, 2.6 * DAY_MS])
    assert day_begins(found, {"day_ms": np.array([0.0, 1.0 * DAY_MS])}).tolist() == [False, True, True, False]
