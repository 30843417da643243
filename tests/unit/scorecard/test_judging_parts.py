"""What the judge takes for stated of parts that a workshop replaced, and what it turns to see what more would find."""

from __future__ import annotations

import numpy as np

from diagnostics.features.trips import FEATURES
from scorecard.judging import _codes_said, _parameters, _standing
from scorecard.record import Cars, Code, Record, Trips
from scorecard.truth import DAY_MS


def test_nothing_is_stated_of_a_part_that_was_taken_out_since() -> None:
    """Until the next trip diagnosis has said nothing of the new one, so the judge counts nothing."""
    health = {
        "health": np.array([[0.1], [0.2]]), "rul_days": np.full((2, 1, 3), 5.0), "at_ms": np.array([[10.0], [10.0]]),
    }  # fmt: skip
    left = _standing(health, np.array([[[15.0]], [[5.0]]]), 20.0)
    assert np.isnan(left["health"][0, 0])
    assert np.isnan(left["rul_days"][0]).all()
    assert left["health"][1, 0] == 0.2


def test_only_limits_of_tests_are_scaled() -> None:
    """Infinite limits leave every other number of a platform as it is, what a pack loses in an hour among them."""
    one = np.array(["a"])
    record = Record(
        cars=Cars(platform=one, powertrain=np.array(["electric"]), age_days=np.zeros(1), odometer_km=np.zeros(1)),
        trips=Trips(vehicle=np.zeros(0, dtype=np.int64), values=np.zeros((0, 0)), names=()),
    )
    usual, without = _parameters(record, 1.0), _parameters(record, np.inf)
    infinite = {name for name in usual if not np.isfinite(without[name]).all()}
    assert {"pack_h", "trim_h", "thermostat_h"} <= infinite
    assert "pack_cooling_per_h" not in infinite
    assert all(name.endswith("_h") for name in infinite)
    for name in set(usual) - infinite:
        np.testing.assert_array_equal(without[name], usual[name])


def test_codes_that_drives_judge_are_left_to_their_detector_by_the_judge_too() -> None:
    """As the service does: of two hot cars one tells its battery's balance of heat."""
    values = np.full((2, len(FEATURES)), np.nan)
    for name, value in (("started_ms", 3.0 * DAY_MS), ("ended_ms", 3.02 * DAY_MS), ("running_s", 1_500.0)):
        values[:, FEATURES.index(name)] = value
    values[0, FEATURES.index("pack_rise_k")] = 4.0
    two = np.array(["a", "a"])
    codes = [
        Code(vehicle=vehicle, at_ms=day * DAY_MS, code="P0A7E", state="stored", present=present)
        for vehicle in range(2)
        for day, present in ((1.0, True), (2.0, False), (9.0, True))
    ]
    record = Record(
        cars=Cars(platform=two, powertrain=two, age_days=np.zeros(2), odometer_km=np.zeros(2)),
        trips=Trips(vehicle=np.arange(2), values=values, names=FEATURES), codes=tuple(codes),
    )  # fmt: skip
    assert [(one.vehicle, one.books) for one in _codes_said(record)] == [(1, True)]
