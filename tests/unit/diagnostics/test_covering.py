"""What a trip's sums become on a bad line: near what they would be, had all of it arrived."""

from __future__ import annotations

import numpy as np
import pytest

from diagnostics.features.covering import MOST, whole
from diagnostics.features.rows import Rows
from diagnostics.features.sums import COLUMNS, WIDTH, Sums
from diagnostics.features.trips import FEATURES
from diagnostics.fleet import Fleet
from vehicle import signals as s

START_MS = 1_760_000_000_000
WAY = ("km", "oil_dose", "tyre_work_km", "braking_joules_per_kg")
SIGNALS = (s.ENGINE_SPEED, s.SPEED, s.COOLANT_TEMPERATURE)


def a_drive(seconds: int = 1800) -> Rows:
    """A cold start, then town driving: up to 50 km/h and down to nothing, once a minute; the coolant is read seldom."""
    time_s = np.arange(0, seconds, 2)
    speed = 25.0 - 25.0 * np.cos(2.0 * np.pi * time_s / 60.0)
    coolant = np.where(time_s % 10 == 0, np.minimum(-5.0 + time_s / 10.0, 90.0), np.nan)
    values = np.stack([800.0 + 30.0 * speed, speed, coolant], axis=1)
    return Rows(
        vehicle=np.zeros(len(time_s), dtype=np.int64), time_ms=START_MS + time_s * 1000, values=values, signals=SIGNALS
    )


def batches_lost(rows: Rows, share: float, seed: int) -> Rows:
    """The rows without this share of the batches of ten seconds."""
    batch = (rows.time_ms - START_MS) // 10_000
    lost = np.random.default_rng(seed).random(int(batch.max()) + 1) < share
    lost[[0, -1]] = False  # how long a trip lasted is known by its first and last row alone
    kept = ~lost[batch]
    return Rows(vehicle=rows.vehicle[kept], time_ms=rows.time_ms[kept], values=rows.values[kept], signals=rows.signals)


def features(rows: Rows) -> dict[str, float]:
    """Features of the one trip."""
    fleet = Fleet(detectors=())
    car = fleet.rows_of(["car"])
    fleet.take(rows)
    trips = fleet.finish(car).trips
    assert len(trips) == 1
    return {name: float(trips.values[0, FEATURES.index(name)]) for name in WAY}


def test_a_third_of_the_batches_lost_costs_little_of_the_way_and_the_wear() -> None:
    """Over ten drives within a twentieth; a third of the braking is missing where nothing is made up for."""
    entire, seen = features(a_drive()), [features(batches_lost(a_drive(), 0.3, seed)) for seed in range(10)]
    for name in WAY:
        assert np.mean([each[name] for each in seen]) == pytest.approx(entire[name], rel=0.05), name


def test_where_nothing_is_lost_nothing_is_made_up() -> None:
    """Half an hour at 25 km/h in the mean is 12.5 km."""
    assert features(a_drive())["km"] == pytest.approx(12.5, rel=0.01)


def test_little_is_not_blown_up_without_end() -> None:
    """A trip of which a tenth arrived does not become ten times that tenth."""
    values = np.zeros((1, WIDTH))
    values[0, [COLUMNS[name] for name in ("metres", "active_ms", "missed_ms")]] = 1000.0, 60_000.0, 540_000.0
    assert whole(Sums(values=values), "metres")[0] == MOST * 1000.0


def kiosk(*, told: bool) -> Rows:
    """Five minutes of driving, nine with the key off in which nothing is sent, five of driving."""
    time_s = np.concatenate([np.arange(0, 300, 2), np.arange(840, 1140, 2)])
    run_s = np.where(time_s < 600, time_s, time_s - 840.0)
    values = [np.full(len(time_s), 2000.0), np.full(len(time_s), 60.0), np.full(len(time_s), 90.0), run_s]
    signals = (*SIGNALS, s.RUN_TIME) if told else SIGNALS
    return Rows(
        vehicle=np.zeros(len(time_s), dtype=np.int64), time_ms=START_MS + time_s * 1000,
        values=np.stack(values[: len(signals)], axis=1), signals=signals,
    )  # fmt: skip


@pytest.mark.parametrize("told", [True, False])
def test_a_stop_in_which_the_device_slept_is_no_driving(told: bool) -> None:
    """Ten minutes at 60 km/h are ten kilometres, whether or not the run time tells that the engine was started anew."""
    fleet = Fleet(detectors=())
    car = fleet.rows_of(["car"])
    trips = [fleet.take(kiosk(told=told)).trips, fleet.finish(car).trips]
    assert sum(float(each["km"].sum()) for each in trips) == pytest.approx(10.0, abs=0.5)


def test_what_is_made_up_for_does_not_depend_on_the_batches() -> None:
    """The same drive in one batch and row by row, the gaps between and within batches."""
    whole_drive = batches_lost(a_drive(600), 0.3, 4)
    fleet = Fleet(detectors=())
    car = fleet.rows_of(["car"])
    for at in range(len(whole_drive.time_ms)):
        one = slice(at, at + 1)
        fleet.take(Rows(vehicle=whole_drive.vehicle[one], time_ms=whole_drive.time_ms[one],
                        values=whole_drive.values[one], signals=SIGNALS))  # fmt: skip
    trips = fleet.finish(car).trips
    once = features(whole_drive)
    assert {name: float(trips[name][0]) for name in WAY} == once
