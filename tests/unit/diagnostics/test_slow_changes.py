"""What goes on slowly for a year, or swings with the season or the drive, beside what is a fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from diagnostics.detectors import battery_12v_ev, cell_imbalance, charging, hv_thermal, transmission
from diagnostics.features.trips import FEATURE_AT, FEATURES, Trips
from diagnostics.platforms import parameters_of, read_platforms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from diagnostics.detector import Detector

DAY_MS = 86_400_000.0
CARS = 6


def causes(
    detector: Detector, days: int, told: Callable[[int, np.random.Generator], Mapping[str, object]], every: float = 1.0
) -> list[list[tuple[float, str]]]:
    """By car the days on which something was raised, and what; ``told(number, rng)`` gives a trip's features."""
    p = parameters_of(read_platforms(), ["generic"] * CARS)
    state, rng = detector.initial(CARS), np.random.default_rng(7)
    found: list[list[tuple[float, str]]] = [[] for _ in range(CARS)]
    for number in range(int(days / every)):
        values = np.full((CARS, len(FEATURES)), np.nan)
        day = number * every
        for name, value in {"started_ms": day * DAY_MS, "ended_ms": day * DAY_MS + 1.8e6, **told(number, rng)}.items():
            values[:, FEATURE_AT[name]] = value
        judgement, state = detector.step(Trips(vehicle=np.arange(CARS), values=values), state, p)
        for car in np.flatnonzero(judgement.raised >= 0).tolist():
            found[car].append((day, detector.causes[int(judgement.raised[car])].key))
    return found


def dips(day: int, growth: float, rng: np.random.Generator, volts: float = 1.1) -> dict[str, object]:
    del day
    return {
        "ev_sag_volts": volts * np.exp(growth + rng.normal(0.0, 0.05, CARS)), "ambient_c": 20.0, "pack_hottest_c": 20.0,
        "soak_s": 4e4,
    }  # fmt: skip


def test_a_shallow_dip_that_age_deepens_over_a_year_is_not_said() -> None:
    """A tenth of a volt a season, from 1.1 V: a 12 V battery goes on so for a year and more."""
    found = causes(battery_12v_ev.DETECTOR, 330, lambda day, rng: dips(day, 0.0013 * day, rng))
    assert found == [[]] * CARS


def test_a_deep_dip_that_age_deepens_is_said() -> None:
    """The same growth of a dip that comes to 2 V and more is the end."""
    found = causes(battery_12v_ev.DETECTOR, 330, lambda day, rng: dips(day, 0.0013 * day, rng, volts=1.7))
    assert all(said and said[0][1] == "ageing" for said in found)


def test_a_dip_that_deepens_at_once_is_said_also_after_it_grew_slowly() -> None:
    """Half a year of age, then a third deeper overnight: within three weeks."""
    found = causes(
        battery_12v_ev.DETECTOR, 240, lambda day, rng: dips(day, 0.0008 * day + (0.4 if day >= 180 else 0.0), rng)
    )
    assert all(said and 180 <= said[0][0] <= 201 for said in found)


def blocks(day: int, fallen_mv: float, rng: np.random.Generator) -> dict[str, object]:
    del day
    away = {
        f"cell_{block}_mv": rng.normal(0.0, 0.8, CARS) - (fallen_mv if block == 3 else 0.0) for block in range(1, 9)
    }
    return {"cell_rest_volts": 3.7, **away}


@pytest.mark.parametrize(("mv_month", "days", "said"), [(1.9, 350, False), (4.5, 250, True)], ids=["ages", "fails"])
def test_a_block_is_weak_where_it_falls_faster_than_sound_ones_drift(mv_month: float, days: int, *, said: bool) -> None:
    """20 mV in a year is age; as much in half of one is a weak block."""
    found = causes(
        cell_imbalance.DETECTOR, days, lambda day, rng: blocks(day, mv_month * max(0.0, day - 40.0) / 30.0, rng)
    )
    assert [bool(each) for each in found] == [said] * CARS


def running(volts: object) -> dict[str, object]:
    return {"charging_volts": volts, "running_s": 1_800.0, "ambient_c": 15.0}


def smart(number: int, rng: np.random.Generator) -> dict[str, object]:
    """Rests on half of the drives, and on the tenth ten in a row."""
    rests = (rng.random(CARS) < 0.5) | (number % 100 >= 90)
    return running(np.where(rests, 13.5, 14.5) + rng.normal(0.0, 0.08, CARS))


def test_a_smart_alternator_that_rests_for_ten_drives_is_sound() -> None:
    """Drives of this car have always differed by a volt."""
    assert causes(charging.DETECTOR, 200, smart, every=0.4) == [[]] * CARS


@pytest.mark.parametrize("begins", [16, 150])
def test_an_alternator_that_begins_to_fail_on_every_other_drive_is_said(begins: int) -> None:
    """A car whose first drives were alike is not excused by the spread of its fault."""

    def told(number: int, rng: np.random.Generator) -> dict[str, object]:
        weak = number >= begins and number % 2
        return running((13.4 if weak else 14.2) + rng.normal(0.0, 0.08, CARS))

    found = causes(charging.DETECTOR, 100, told, every=0.4)
    assert all(said and begins * 0.4 <= said[0][0] <= (begins + 25) * 0.4 for said in found)


def fluid(day: float, excess_k: float, air_c: float, rng: np.random.Generator) -> dict[str, object]:
    del day
    return {"fluid_excess": excess_k + rng.normal(0.0, 2.0, CARS), "ambient_c": air_c, "gearbox_max": 90.0}


@pytest.mark.parametrize(("air_c", "said"), [(35.0, False), (0.0, True)], ids=["summer", "cooler"])
def test_fluid_that_summer_warms_accuses_no_cooler(air_c: float, *, said: bool) -> None:
    """13 K more than in the winter that taught the normal, in air 35 K warmer; in the same air it is the cooler."""

    def told(number: int, rng: np.random.Generator) -> dict[str, object]:
        later = number >= 60
        return fluid(number, 13.0 if later else 0.0, air_c if later else 0.0, rng)

    found = causes(transmission.DETECTOR, 300, told)
    assert [bool(each) for each in found] == [said] * CARS


def test_one_hard_pass_accuses_no_cooling() -> None:
    """Three stretches far harder than those that taught the balance are three witnesses and no more."""

    def told(number: int, rng: np.random.Generator) -> dict[str, object]:
        hard = number in {90, 91, 92}
        heat, cooling = (10.0, 10.0) if hard else (1.0, 0.3)
        rise = 7.0 if hard else 1.2 * heat - 1.5 * cooling
        return {
            "pack_heat_kaah": heat, "pack_cooling_kh": cooling, "pack_rise_k": rise + rng.normal(0.0, 0.6, CARS),
            "pack_hottest_c": 30.0,
        }  # fmt: skip

    assert causes(hv_thermal.DETECTOR, 130, told) == [[]] * CARS
