"""What keeps false advice away, or lets true advice through, holds for a time only and forgets what is over."""

from __future__ import annotations

import numpy as np
import pytest

from diagnostics.detectors import fuel_trim, missing_readings, oil_pressure, tyre_pressure, wheel_bearing
from tests.unit.diagnostics.one_car import late, stops, told, tyres

EVEN = (230.0, 230.0, 230.0, 230.0)


@pytest.mark.parametrize("leak", [4.0, 6.0, 9.0, 14.0])
def test_a_tyre_that_leaks_fast_is_said_within_ten_readings(leak: float) -> None:
    """No two of its readings agree to 8 kPa, but each is lower than the one before, and its lamp is near."""
    found = told(tyre_pressure.DETECTOR, tyres(EVEN, 60) + tyres(EVEN, 10, leak=leak, seed=1), a_day=1)
    assert found, "nothing said"
    assert all(key.endswith("_rl") for key in found)


@pytest.mark.parametrize("leak", [3.0, 4.0, 6.0])
def test_a_tyre_that_leaks_fast_on_a_bad_line_is_said(leak: float) -> None:
    """One reading in ten came late before; five lower ones in a row are a leak, however far apart they lie."""
    for seed in range(6):
        known = tyres(EVEN, 40, seed=seed) + late(tyres(EVEN, 60, seed=seed), 0.1, seed)
        found = told(tyre_pressure.DETECTOR, known + tyres(EVEN, 40, leak=leak, seed=seed + 9), a_day=1)
        assert found, seed
        assert all(key.endswith("_rl") for key in found)


def test_a_leak_is_not_taken_for_a_bad_line() -> None:
    """Readings of a tyre that falls by 9 kPa each are no stray ones: where it then goes flat, two agree at once."""
    drives = tyres(EVEN, 60) + tyres(EVEN, 4, leak=9.0, seed=1) + tyres((230.0, 230.0, 140.0, 230.0), 3, seed=2)
    assert told(tyre_pressure.DETECTOR, drives, a_day=1)[-1].endswith("_rl")


@pytest.mark.parametrize("a_minute", [1.0, 1.5, 2.0])
def test_an_engine_without_oil_is_said_however_seldom_it_is_read(a_minute: float) -> None:
    """Twenty minutes of which every reading is dry, on a car of which nothing is known."""
    dry = {"running_s": 1200.0, "oil_pressure_low": 20.0 * a_minute}
    assert told(oil_pressure.DETECTOR, [dry]) == ["none"]
    assert told(oil_pressure.DETECTOR, [dry | {"idle_oil_pressure": 2.0}]) == ["none"], "20 kPa told and no more"


def test_a_hybrid_that_runs_dry_all_along_is_said() -> None:
    """Its stops give 0.8 readings a minute without pressure; four a minute on a drive that shows none are no stops."""
    dry = {"running_s": 1200.0, "oil_pressure_low": 80.0}
    assert told(oil_pressure.DETECTOR, [*stops(200, 0.8, seed=5), dry]) == ["none"]


def test_many_readings_without_pressure_are_not_learned_as_usual() -> None:
    """Short drives that are dry all along say nothing each, and do not raise what a longer one is allowed."""
    short, longer = ({"running_s": 60.0 * minutes, "oil_pressure_low": minutes} for minutes in (8.0, 20.0))
    assert told(oil_pressure.DETECTOR, [short] * 60 + [longer]) == ["none"]


def wheels(first_km: float, last_km: float, **changed: float) -> list[dict[str, float]]:
    """A drive each 100 km of a car that hears all its wheels at a walking pace."""
    heard = {f"wheel_{corner}_walking_n": 20.0 for corner in ("fl", "fr", "rl", "rr")}
    heard |= {f"wheel_{corner}_gone": 0.0 for corner in ("fl", "fr", "rl", "rr")}
    return [heard | {"odometer_km": float(km)} | changed for km in np.arange(first_km, last_km, 100.0)]


def test_wheels_that_were_tight_at_one_round_do_not_silence_the_next() -> None:
    """Not reminded at 160,000 km; with play from 170,000 km on it is at 260,000 and at 360,000 km."""
    drives = wheels(100_000.0, 170_000.0) + wheels(170_000.0, 400_000.0, wheel_rr_gone=1.0)
    assert told(wheel_bearing.DETECTOR, drives) == ["inspection"] * 2


def test_wheels_that_are_no_longer_told_speak_against_nothing() -> None:
    """What was heard a hundred drives ago is forgotten, and the mileage reminds."""
    silent = [{"odometer_km": float(km)} for km in np.arange(150_000.0, 163_000.0, 100.0)]
    assert told(wheel_bearing.DETECTOR, wheels(140_000.0, 150_000.0) + silent) == ["inspection"]


def test_a_reminder_of_a_wheel_that_is_missing_does_not_say_that_nothing_is_wrong() -> None:
    """The same words go to a car whose mileage is the only reason and to one whose wheel is missing alone."""
    (cause,) = wheel_bearing.DETECTOR.causes
    assert "nothing says" not in cause.text["en"]
    assert "并无迹象" not in cause.text["zh"]


def shares(n: int, coolant: float) -> list[dict[str, float]]:
    """Drives on which all but the coolant answer always."""
    whole = {f"{name}_share": 1.0 for name in ("throttle", "manifold", "volts", "intake")}
    return [whole | {"coolant_share": coolant} for _ in range(n)]


def test_as_many_sound_drives_do_not_have_to_undo_a_year_of_short_ones() -> None:
    """What is short half of the time only is not said, of a car that was short for a year and is mended either."""
    known, other = shares(30, 1.0), (shares(2, 0.3) + shares(2, 1.0)) * 12
    assert told(missing_readings.DETECTOR, known + other) == []
    year = known + shares(300, 0.6) + shares(60, 1.0)
    assert told(missing_readings.DETECTOR, year + other) == ["coolant_missing"]
    assert told(missing_readings.DETECTOR, year + shares(12, 0.4)) == ["coolant_missing"] * 2


def test_trims_at_both_ends_are_not_twice_the_same_fault() -> None:
    """From one end to the other is said each time and booked never; twice on one side is booked."""
    sound = [{"trim_load": 0.0, "trim_idle": 1.0}] * 15
    lean, rich = {"trim_load": 26.0}, {"trim_load": -26.0}
    assert told(fuel_trim.DETECTOR, [*sound, rich, lean]) == ["rich_drift", "lean_drift"]
    assert told(fuel_trim.DETECTOR, [*sound, lean, rich]) == ["lean_drift"]
    assert told(fuel_trim.DETECTOR, [*sound, lean, {"trim_idle": -26.0}, rich]) == ["lean_drift"]
    assert told(fuel_trim.DETECTOR, [*sound, rich, rich]) == ["rich_drift", "rich"]
