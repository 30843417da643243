"""Our service with a part left out, and parts alone: each knows what it may know and no more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from diagnostics.features.trips import FEATURES
from scorecard.ablations import measured_too, own_past_only, peers_only, unmeasured
from scorecard.judging import opinion
from scorecard.record import Cars, Record, Trips
from scorecard.truth import DAY_MS

CARS, DAYS = 20, 300


def record(volts: np.ndarray) -> Record:
    """A trip a day of cars of one platform, with that voltage while driving ``(cars, days)``."""
    values = np.full((CARS * DAYS, len(FEATURES)), np.nan)
    values[:, FEATURES.index("ended_ms")] = np.tile(np.arange(1.0, DAYS + 1.0), CARS) * DAY_MS
    values[:, FEATURES.index("charging_volts")] = volts.ravel()
    values[:, FEATURES.index("measured_tread_mm")] = 5.0
    words, zeros = np.full(CARS, "a"), np.zeros(CARS)
    cars = Cars(platform=words, powertrain=np.full(CARS, "petrol"), age_days=zeros, odometer_km=zeros)
    trips = Trips(vehicle=np.repeat(np.arange(CARS), DAYS), values=values, names=FEATURES)
    return Record(cars=cars, trips=trips, measured=((0, "tread_mm", DAY_MS, 5.0),))


def test_the_own_past_alone_notices_a_change_and_not_a_difference() -> None:
    """Car 3 falls by 1 V on day 200; car 5 is 1 V below the others from the first day on."""
    volts = 14.2 + 0.1 * np.random.default_rng(1).standard_normal((CARS, DAYS))
    volts[5] -= 1.0
    volts[3, 200:] -= 1.0
    said = own_past_only(record(volts))
    assert set(said.vehicle.tolist()) == {3}
    assert set(said.component.tolist()) == {"charging"}
    assert said.at_ms.min() >= 200 * DAY_MS
    assert set(peers_only(record(volts)).vehicle.tolist()) <= {3, 5}


def test_peers_alone_notice_a_difference() -> None:
    """Car 5 is 1 V below the others from the first day on."""
    volts = 14.2 + 0.1 * np.random.default_rng(1).standard_normal((CARS, DAYS))
    volts[5] -= 1.0
    assert set(peers_only(record(volts)).vehicle.tolist()) == {5}


def test_workshops_that_measure_nothing_leave_all_else() -> None:
    """Measurements are gone from trips and from the list; voltages are not."""
    before = record(np.full((CARS, DAYS), 14.2))
    after = unmeasured(before)
    assert np.isnan(after.trips["measured_tread_mm"]).all()
    assert not after.measured
    assert not np.isnan(after.trips["charging_volts"]).any()
    assert not np.isnan(before.trips["measured_tread_mm"]).any()


def test_advice_that_comes_twice_as_early_comes_at_twice_the_life_left() -> None:
    """Oil that a workshop found at 25 % is left alone for twelve days, and advised where twice the life is asked."""
    oil = record(np.full((CARS, DAYS), 14.2))
    values = oil.trips.values.copy()
    first = np.arange(0, CARS * DAYS, DAYS)
    values[first, FEATURES.index("measured_oil_life_percent")] = 25.0
    for name, value in (("revolutions", 100.0), ("oil_dose", 100.0), ("soak_s", 3600.0)):
        values[:, FEATURES.index(name)] = value
    few = np.arange(CARS * DAYS) % DAYS < 12
    oil = replace(oil, trips=replace(oil.trips, vehicle=oil.trips.vehicle[few], values=values[few]))
    assert not [one for one in opinion(oil).said if one.component == "engine_oil"]
    early = opinion(oil, ahead=2.0).said
    assert {one.vehicle for one in early if one.component == "engine_oil"} == set(range(CARS))


def test_what_was_measured_too_stands_in_the_drive_that_follows() -> None:
    """Beside what workshops measured, once, and in no other car."""
    plain = record(np.full((CARS, DAYS), 14.2))
    plain.trips.values[:, FEATURES.index("previous_end_ms")] = plain.trips["ended_ms"] - DAY_MS
    taken = ((4, "pad_front_mm", 9.5 * DAY_MS, 6.25), (4, "nobody_asks", 9.5 * DAY_MS, 1.0))
    kept = (2, "pad_front_mm", 9.5 * DAY_MS, 7.0)
    plain = replace(plain, measured=(*plain.measured, kept, (4, "pad_front_mm", 9.5 * DAY_MS, 11.0)))
    found = measured_too(plain, taken)
    pads = found.trips["measured_pad_front_mm"]
    rows = np.flatnonzero(~np.isnan(pads))
    assert pads[rows].tolist() == [6.25]
    assert found.trips.vehicle[rows].tolist() == [4]
    assert found.trips["ended_ms"][rows].tolist() == [10.0 * DAY_MS]
    after = tuple((vehicle, name, at_ms + 1.0, value) for vehicle, name, at_ms, value in taken)
    assert found.measured == (plain.measured[0], kept, *after), "in place of what was measured then with an error"
    assert np.isnan(plain.trips["measured_pad_front_mm"]).all()
