"""What was found and went by itself is harder to say again, for a while; an engine without oil is not."""

from __future__ import annotations

import numpy as np
import pytest

from diagnostics import passed
from diagnostics.detectors import (
    implausible_sensor,
    missing_readings,
    noisy_sensor,
    oil_pressure,
    stuck_sensor,
    thermostat,
)
from diagnostics.platforms import GENERIC, parameters_of, read_platforms
from tests.unit.diagnostics.one_car import DAY_MS, START_MS, nights, stops, told

STRAY = {"running_s": 600.0, "oil_pressure_low": 20.0}
DRY = {"running_s": 600.0, "oil_pressure_low": 300.0}
OFTEN, SELDOM = 8, 2
"""Drives a day: pressure is back within three hours; or on another half of the day."""


def test_stray_readings_that_passed_are_not_said_again_soon() -> None:
    """Nor are a few on a drive with pressure; far more of them, and two drives in a row without, are."""
    usual = stops(60, 0.1, seed=9)
    known = [*usual, STRAY, *usual[:12]]
    assert told(oil_pressure.DETECTOR, known, a_day=OFTEN) == ["none"]
    assert told(oil_pressure.DETECTOR, [*known, STRAY, *usual], a_day=OFTEN) == ["none"]
    assert told(oil_pressure.DETECTOR, [*known, STRAY | {"oil_pressure_low": 60.0}], a_day=OFTEN) == ["none"] * 2
    assert told(oil_pressure.DETECTOR, [*known, STRAY, STRAY], a_day=OFTEN) == ["none"] * 2
    shown = STRAY | {"idle_oil_pressure": 5.0}
    known = [*usual, shown, *usual[:12]]
    assert told(oil_pressure.DETECTOR, [*known, shown, shown, *usual], a_day=SELDOM) == ["none"]
    assert told(oil_pressure.DETECTOR, [*known, shown, shown, shown], a_day=SELDOM) == ["none"] * 2


def test_an_engine_without_oil_is_said_on_its_first_drive_whatever_passed_with_pressure() -> None:
    """Dry readings of drives that showed pressure hold back no drive that shows none."""
    shown = DRY | {"idle_oil_pressure": 5.0}
    known = [*stops(60, 0.1, seed=9), shown, *stops(12, 0.1, seed=10)]
    assert told(oil_pressure.DETECTOR, [*known, shown], a_day=OFTEN) == ["none"]
    assert told(oil_pressure.DETECTOR, [*known, DRY], a_day=OFTEN) == ["none"] * 2


def test_an_engine_that_was_mended_and_loses_its_oil_again_is_said_on_its_first_drive() -> None:
    """Nobody wrote the repair down: pressure was back the next day, so that the sender was not proved wrong."""
    known = [*stops(60, 0.1, seed=9), DRY, *stops(12, 0.1, seed=10)]
    assert told(oil_pressure.DETECTOR, known, a_day=SELDOM) == ["none"]
    assert told(oil_pressure.DETECTOR, [*known, DRY], a_day=SELDOM) == ["none"] * 2


def test_a_dry_drive_is_held_back_once_at_most_and_not_for_long() -> None:
    """The sender was well again within hours: a second dry drive is said, and the first one fifty drives later."""
    known = [*stops(60, 0.1, seed=9), DRY, *stops(12, 0.1, seed=10)]
    assert told(oil_pressure.DETECTOR, [*known, DRY], a_day=OFTEN) == ["none"]
    assert told(oil_pressure.DETECTOR, [*known, DRY, DRY], a_day=OFTEN) == ["none"] * 2
    assert told(oil_pressure.DETECTOR, [*known, *stops(50, 0.1, seed=11), DRY], a_day=OFTEN) == ["none"] * 2


def test_what_an_engine_shows_at_its_stops_is_known_beyond_an_oil_change() -> None:
    """The rate goes on; what was learned of the old oil does not, nor what passed: it may have been mended."""
    state = oil_pressure.initial(1) | {name: np.full(1, 2.0) for name in (*oil_pressure.DRY, "up")}
    kept = oil_pressure.renewed(state | {"dry_passed": np.full((1, 2), 2.0)}, np.zeros(1))
    assert {name: values.tolist() for name, values in kept.items()} == {
        "dry_readings": [2.0], "dry_minutes": [2.0],
    }  # fmt: skip


def test_what_passed_counts_for_its_own_cause_and_a_season() -> None:
    """The second cause is twice as hard to say for ninety days, the first is not; cars are apart."""
    state = passed.initial(2, 3) | {"active": np.array([1, -1])}
    state |= passed.after(state, np.array([True, False]), np.full(2, 5.0 * DAY_MS))
    assert passed.again(state, np.full(2, 95.0 * DAY_MS)).tolist() == [[1.0, passed.AGAIN, 1.0], [1.0] * 3]
    assert passed.again(state, np.full(2, 95.1 * DAY_MS)).tolist() == [[1.0] * 3] * 2


MOVES = {"running_s": 900.0, "rpm_range": 2000.0, "throttle_range": 40.0, "manifold_n": 500.0, "soak_s": 36_000.0,
         "coolant_n": 100.0, "manifold_range": 50.0, "coolant_range": 40.0}  # fmt: skip
SHARES = {f"{name}_share": 1.0 for name in ("throttle", "manifold", "volts", "intake", "coolant")}
QUIET = {"intake_jitter": 0.1, "coolant_jitter": 0.1, "ambient_c": 15.0}
WARM_UP = {"coolant_first": 5.0, "warm_first_c": 5.0, "coolant_last": 60.0, "ambient_c": 5.0, "soak_s": 36_000.0,
           "warm_gain_k": 55.0, "warm_air_kg": 1.0, "warm_still_kks": 0.0, "warm_moving_kkm": 0.0}  # fmt: skip
RULES = [
    pytest.param(stuck_sensor, "stuck_trips", MOVES, {"manifold_range": 0.0}, "manifold_stuck",
                 {"coolant_range": 0.0}, "coolant_stuck", id="stuck"),
    pytest.param(missing_readings, "missing_trips", SHARES, {"intake_share": 0.4}, "intake_missing",
                 {"coolant_share": 0.4}, "coolant_missing", id="missing"),
    pytest.param(noisy_sensor, "intake_jitter_trips", QUIET, {"intake_jitter": 6.0}, "intake_noisy",
                 {"coolant_jitter": 6.0}, "coolant_noisy", id="noisy"),
    pytest.param(implausible_sensor, "apart_starts", nights(1)[0], {"key_manifold_kpa": 85.0}, "manifold_implausible",
                 {"key_coolant_c": 45.0}, "coolant_implausible", id="implausible"),
    pytest.param(thermostat, "cold_trips", WARM_UP, {"warm_gain_k": 20.0}, "stuck_open", None, "", id="thermostat"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "parameter", "sound", "wrong", "key", "other", "other_key"), RULES)
def test_what_passed_needs_twice_as_much_for_a_season_and_nothing_else_does(
    module, parameter, sound, wrong, key, other, other_key
) -> None:
    """Of each detector that asks: not said at as much as the first time, said at twice, and so again after 90 days."""
    detector, least = module.DETECTOR, int(parameters_of(read_platforms(), [GENERIC])[parameter][0])
    first = [sound] * 40 + [sound | wrong] * least

    def said(*then: dict[str, float], days_later: float = 0.0) -> int:
        """How often it was told over such drives after the finding had passed, one a day."""
        drives = [*first, *[sound] * 30, *then]
        later = [days_later * (at >= len(drives) - len(then)) for at in range(len(drives))]
        timed = [
            {"started_ms": START_MS + (at + more) * DAY_MS, "ended_ms": START_MS + (at + more) * DAY_MS + 1_200_000}
            | drive
            for at, (drive, more) in enumerate(zip(drives, later, strict=True))
        ]
        return told(detector, timed).count(other_key if other is not None and then[0] == sound | other else key)

    assert told(detector, first)[-1] == key
    assert told(detector, first[:-1]).count(key) == 0
    assert said(*[sound | wrong] * (2 * least - 1)) == 1
    assert said(*[sound | wrong] * 2 * least) == 2
    assert said(*[sound | wrong] * least, days_later=90.0) == 2
    if other is not None:
        assert said(*[sound | other] * least) == 1
