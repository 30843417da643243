"""What rows of a parked, charging and driving car say about tyres, wheels and the traction battery."""

from __future__ import annotations

import numpy as np
import pytest

from diagnostics.features import trips
from diagnostics.features.rows import Rows
from diagnostics.platforms import parameters_of, read_platforms
from vehicle import signals as s

MINUTE_MS = 60_000


def taken(time_ms: np.ndarray, columns: dict[str, np.ndarray], size: int) -> trips.Trips:
    """The trip of one car's rows, taken ``size`` at a time."""
    p, state = parameters_of(read_platforms(), ["electric"]), trips.initial(1)
    values = np.stack([np.broadcast_to(column, len(time_ms)) for column in columns.values()], axis=1)
    for at in range(0, len(time_ms), size):
        rows = slice(at, at + size)
        batch = Rows(
            vehicle=np.zeros(len(time_ms[rows]), dtype=np.int64), time_ms=time_ms[rows],
            values=values[rows].astype(np.float64), signals=tuple(columns),
        )  # fmt: skip
        _, _, state = trips.follow(batch, state, p)
    closed, _ = trips.close(state)
    return closed


@pytest.mark.parametrize("size", [1, 7, 200])
def test_a_charge_is_measured_though_its_current_stands_still(size: int) -> None:
    """An hour and a half at a steady 20 A is 30 Ah between the states of charge, however the rows come."""
    time_ms = 1_700_000_000_000 + MINUTE_MS * np.arange(91)
    found = taken(
        time_ms,
        {s.IS_CHARGING: np.ones(91), s.TRACTION_CURRENT: np.full(91, 20.0),
         s.TRACTION_CHARGE: np.linspace(30.0, 60.0, 91), s.TRACTION_TEMPERATURE: np.full(91, 12.0)},
        size,
    )  # fmt: skip
    assert found["charged_ah"][0] == pytest.approx(30.0, rel=1e-3)
    assert found["charged_percent"][0] == pytest.approx(30.0)
    assert found["charged_coldest"][0] == 12.0


def test_a_charge_with_missing_readings_is_not_told() -> None:
    """Where a quarter of an hour is missing twice, the sum would be short, so there is none."""
    minutes = np.concatenate([np.arange(20), np.arange(22.9, 40), np.arange(43.5, 60)])
    time_ms = (1_700_000_000_000 + MINUTE_MS * minutes).astype(np.int64)
    n = len(minutes)
    found = taken(
        time_ms, {s.IS_CHARGING: np.ones(n), s.TRACTION_CURRENT: np.full(n, 20.0), s.TRACTION_CHARGE: minutes}, 1000
    )
    assert not (found["charged_ah"] > 0.0).any()


def test_the_odometer_is_told_in_kilometres_and_cold_tyres_at_twenty_degrees() -> None:
    """After a night the tyre's pressure at 0 degC is brought to 20 degC; the counter of metres becomes kilometres."""
    start = 1_700_000_000_000
    night = 10 * 3600 * 1000
    time_ms = np.concatenate([start + 2000 * np.arange(100), start + night + 2000 * np.arange(100)])
    speed = np.concatenate([np.full(100, 30.0), [0.0], np.full(99, 30.0)])
    found = taken(
        time_ms,
        {s.SPEED: speed, s.ODOMETER: np.linspace(50_000_000.0, 50_010_000.0, 200),
         s.AMBIENT_AIR_TEMPERATURE: np.zeros(200), **{path: np.full(200, 220.0) for path in s.TYRE_PRESSURES}},
        1000,
    )  # fmt: skip
    assert found["odometer_km"][-1] == pytest.approx(50_010.0)
    assert found["tyre_fl_kpa"][-1] == pytest.approx((220.0 + 101.3) * 293.15 / 273.15 - 101.3, abs=0.1)


def test_a_wheel_without_signal_is_counted_while_the_others_roll() -> None:
    """Ten steady readings in which one wheel stands are ten lost readings of that wheel and none of the others."""
    time_ms = 1_700_000_000_000 + 2000 * np.arange(120)
    rolling = np.full(120, 50.0) + 0.1 * (np.arange(120) % 2)
    broken = np.where((np.arange(120) >= 60) & (np.arange(120) < 70), 0.0, rolling)
    speeds = dict(zip(s.WHEEL_SPEEDS, (rolling, broken, rolling, rolling), strict=True))
    found = taken(time_ms, {s.SPEED: rolling, **speeds}, 1000)
    assert found["wheel_fr_drops"][0] == 10.0
    assert found["wheel_fl_drops"][0] == 0.0


def test_a_pressure_read_before_its_temperature_is_left_out() -> None:
    """Of a car that tells tyre temperatures, a tyre whose temperature has not come yet has no pressure, others have."""
    start, night = 1_700_000_000_000, 10 * 3600 * 1000
    time_ms = np.concatenate([start + 2000 * np.arange(100), start + night + 2000 * np.arange(40)])
    missing = np.concatenate([np.full(100, 0.0), np.full(40, np.nan)])
    temperatures = dict(zip(s.TYRE_TEMPERATURES, (np.zeros(140), missing, np.zeros(140), np.zeros(140)), strict=True))
    found = taken(
        time_ms,
        {s.SPEED: np.full(140, 30.0), s.AMBIENT_AIR_TEMPERATURE: np.full(140, -15.0), **temperatures,
         **{path: np.full(140, 220.0) for path in s.TYRE_PRESSURES}},
        1000,
    )  # fmt: skip
    assert found["tyre_fl_kpa"][-1] == pytest.approx((220.0 + 101.3) * 293.15 / 273.15 - 101.3, abs=0.1)
    assert np.isnan(found["tyre_fr_kpa"][-1])
