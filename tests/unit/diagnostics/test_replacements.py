"""A replacement and a measurement of one visit: which of them speaks of the part that is now in the car."""

from __future__ import annotations

import numpy as np
import pytest

from diagnostics.advance import HEALTH, Workshop, initial, judge
from diagnostics.features.trips import FEATURE_AT, FEATURES, Trips
from diagnostics.measurements import Measured, Measurements
from diagnostics.platforms import GENERIC, parameters_of, read_platforms
from diagnostics.wear import brake_pads_front, engine_oil

DAY_MS = 86_400_000
CHANGED_DAY, DAYS = 40, 60


def driven(days: int = DAYS) -> Trips:
    """A trip a day of an hour."""
    values = np.full((days, len(FEATURES)), np.nan)
    at = np.arange(days) * float(DAY_MS)
    told = {
        "started_ms": at, "ended_ms": at + 3_600_000.0, "previous_end_ms": np.append(np.nan, at[:-1] + 3_600_000.0),
        "soak_s": np.append(np.nan, np.full(days - 1, 82_800.0)), "oil_dose": 60_000.0, "revolutions": 60_000.0,
        "km": 40.0, "speed_n": 3000.0, "moving_s": 3000.0, "braking_joules_per_kg": 8000.0,
    }  # fmt: skip
    for name, column in told.items():
        values[:, FEATURE_AT[name]] = column
    return Trips(vehicle=np.zeros(days, dtype=np.int64), values=values)


def judged(detector, *measured: tuple[str, float, float], served_day: float | None = CHANGED_DAY):
    """Health at the end, and the alarms after the visit."""
    parameters = parameters_of(read_platforms(), [GENERIC])
    served = np.full((1, 1, 0 if served_day is None else 1), (served_day or 0.0) * DAY_MS - 1.0)
    told = [Measured.of(name, int(day * DAY_MS - 2), value) for name, day, value in measured]
    workshop = Workshop(services_ms=served, measured=Measurements.of([told]))
    step = judge(driven(), initial((detector,), 1), parameters, (detector,), workshop)
    after = [one for one in step.alarms if one.found_ms > CHANGED_DAY * DAY_MS and one.cause >= 0]
    return float(step.state[HEALTH]["health"][0, 0]), after


@pytest.mark.parametrize(
    ("detector", "name", "old", "new"),
    [(engine_oil.MODEL, "oil_life_percent", 3.0, 96.0), (brake_pads_front.MODEL, "pad_front_mm", 2.1, 10.5)],
)
def test_what_was_measured_before_a_replacement_is_of_the_old_part(detector, name, old, new) -> None:
    """Measured, then replaced: the part is new. Without a replacement the same measurement is believed."""
    health, alarms = judged(detector, (name, CHANGED_DAY, old))
    assert health > 0.85
    assert not alarms
    worn, _ = judged(detector, (name, CHANGED_DAY, old), served_day=None)
    assert worn < 0.3
    told, _ = judged(detector, (name, CHANGED_DAY, old), (name, CHANGED_DAY + 2, new))
    assert told > 0.85


def test_a_measurement_after_a_replacement_is_of_the_new_part() -> None:
    """Other pads were fitted, which were not new: what is measured later counts."""
    health, _ = judged(brake_pads_front.MODEL, ("pad_front_mm", CHANGED_DAY + 0.001, 6.0))
    assert health < 0.75
