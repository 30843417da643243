"""The demo's cars over its month: each fault is found, and nothing is said that is not so.

The detectors know nothing of these cars: neither how they are built nor how their faults are made.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from diagnostics.features.columns import SIGNALS
from diagnostics.features.rows import Rows
from diagnostics.fleet import Fleet
from simulators.scenario import load
from simulators.time_lapse import SeenTrip, TimeLapse
from vehicle import signals

END = datetime(2026, 5, 1, 12, tzinfo=UTC)
DAYS = 30
EXPECTED = {
    "healthy": set(),
    "vacuum-leak": {"fuel_trim"},
    "battery-ageing": {"battery"},
    "thermostat-stuck-open": {"thermostat"},
}


def columns(trip: SeenTrip) -> np.ndarray:
    """What a device read, in physical values, ``(n_rows, n_signals)``."""
    values = np.full((trip.n_rows, len(SIGNALS)), np.nan)
    for at, path in enumerate(SIGNALS):
        row = signals.signal(path)
        if path not in trip.columns:
            continue
        raw = np.array([np.nan if cell is None else cell for cell in trip.columns[path]], dtype=float)
        values[:, at] = (raw * row.numerator + row.offset) / row.denominator
    return values


@pytest.fixture(name="month", scope="module")
def _month() -> tuple[dict, dict]:
    """By car: days of the month and detectors of what was found; and features of its trips."""
    lapse = TimeLapse([load(name) for name in EXPECTED], start=END - timedelta(days=DAYS), end=END)
    fleet, cars = Fleet(), list(EXPECTED)
    fleet.rows_of(cars)
    found, trips = {car: [] for car in cars}, {car: [] for car in cars}
    while driven := lapse.next_round():
        for place, trip in driven:
            times = trip.start_ms + 1000 * np.arange(trip.n_rows, dtype=np.int64)
            owner = np.full(trip.n_rows, place, dtype=np.int64)
            step = fleet.take(Rows(vehicle=owner, time_ms=times, values=columns(trip)))
            trips[cars[place]].append(step.trips)
            for alarm in step.alarms:
                day = DAYS - (END.timestamp() - alarm.found_ms / 1000) / 86_400
                found[cars[place]].append((round(day, 1), alarm.detector, alarm.cause))
    return found, trips


def test_what_is_found_is_what_is_broken(month: tuple[dict, dict]) -> None:
    """The fault's own detector names it after its onset; no other says anything; nothing has to be taken back."""
    found = month[0]
    assert {car: {detector for _, detector, _ in said} for car, said in found.items()} == EXPECTED
    assert [one for said in found.values() for one in said if one[2] < 0] == []
    for car, said in found.items():
        onset = min((fault.onset_day for fault in load(car).faults), default=0.0)
        assert all(day > onset for day, _, _ in said)


def test_each_start_is_seen_whole(month: tuple[dict, dict]) -> None:
    """Each trip that was driven is one trip: minutes of engine, rested before it, cranked lower than rested."""
    for seen in month[1].values():
        trips = [trip for trip in seen if len(trip)]
        assert len(trips) >= len(seen) - 1
        assert all(len(trip) == 1 for trip in trips)
        running, rested, cranked, soak = (
            np.concatenate([trip[name] for trip in trips])
            for name in ("running_s", "rest_volts", "crank_volts", "soak_s")
        )
        assert running.min() > 300.0
        assert np.nanmin(soak) > 600.0
        assert np.isnan(rested).mean() < 0.05
        assert np.nanmin(rested) > 12.0
        assert (cranked < rested)[~np.isnan(rested)].mean() > 0.9
