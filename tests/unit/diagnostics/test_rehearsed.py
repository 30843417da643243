"""What the rehearsal's fleet taught: things that sound cars do and that look like faults."""

from __future__ import annotations

import numpy as np
import pytest

from diagnostics.detectors import battery, battery_12v_ev, boost, dpf, noisy_sensor, oil_pressure, thermostat
from diagnostics.features.trips import FEATURES, Trips
from diagnostics.platforms import parameters_of, read_platforms
from diagnostics.wear import engine_oil
from tests.unit.diagnostics.one_car import KIND, boosts, life, told


def jitters(*volts: float) -> list[dict[str, float]]:
    """Drives on mild days whose voltage goes up and down by so much a reading."""
    return [{"volts_jitter": each, "ambient_c": 16.0} for each in volts]


def test_a_smart_alternator_is_no_bad_contact() -> None:
    """It rests the battery on some drives and not on others; only what no regulator does is said of it."""
    draw = np.random.default_rng(1)
    usual = jitters(*draw.choice([0.1, 0.12, 0.3], 30))
    assert told(noisy_sensor.DETECTOR, usual + jitters(*[0.55] * 60)) == []
    assert told(noisy_sensor.DETECTOR, usual + jitters(*[1.4] * 30)) == ["volts_noisy"]
    assert told(noisy_sensor.DETECTOR, jitters(*[0.04] * 30, *[0.2] * 30)) == ["volts_noisy"], "a plain one's"


def warm_ups(n: int, *, air_kg: float = 1.0, gained: float = 1.0, **more: float) -> list[dict[str, float]]:
    """Drives from 5 to 60 degC, with so much metered air and so much gained for the heat."""
    return [
        {"coolant_first": 5.0, "warm_first_c": 5.0, "coolant_last": 60.0, "ambient_c": 5.0, "soak_s": 36_000.0,
         "warm_gain_k": 55.0 * gained, "warm_air_kg": air_kg, "warm_still_kks": 0.0, "warm_moving_kkm": 0.0} | more
        for _ in range(n)
    ]  # fmt: skip


def test_an_air_meter_that_was_cleaned_has_not_opened_the_thermostat() -> None:
    """It read a third too little, which the control unit made up for; the same fuel warms the engine as ever."""
    dirty = warm_ups(40, air_kg=0.67, trim=50.0)
    assert told(thermostat.DETECTOR, dirty + warm_ups(40, air_kg=1.0, trim=0.0)) == []
    leaks = warm_ups(40, air_kg=1.0, trim=0.0, gained=0.68)
    assert told(thermostat.DETECTOR, dirty + leaks) == ["partly_open"]
    passed = [*dirty, *leaks, *warm_ups(20, air_kg=1.0, trim=0.0), *leaks, *leaks]
    assert told(thermostat.DETECTOR, passed) == ["partly_open", "partly_open"], "what passed and stays is said again"
    drives = [one | {"trim": float("nan")} if number % 2 else one for number, one in enumerate(dirty)]
    assert told(thermostat.DETECTOR, drives) == [], "of drives that tell no trim the one before holds"


def test_an_engine_that_warms_up_as_ever_has_no_open_thermostat() -> None:
    """A long descent cools it all the same; where nothing tells of the warm-up, the temperature speaks alone."""
    sound = warm_ups(40, settled_c=88.0)
    cold = {"settled_c": 66.0}
    now_and_then = [*warm_ups(5, **cold), cold, *warm_ups(3, settled_c=88.0)] * 12
    assert told(thermostat.DETECTOR, sound + now_and_then) == []
    assert told(thermostat.DETECTOR, sound + warm_ups(30, **cold)) == ["stuck_open"], "day after day it is no hill"
    assert told(thermostat.DETECTOR, sound + warm_ups(30, gained=0.4, **cold))[-1] == "stuck_open"
    assert told(thermostat.DETECTOR, sound + [cold] * 30)[-1] == "stuck_open"


def starts(n: int, fired: float, seed: int) -> list[dict[str, float]]:
    """Cold starts of which a reading just after firing is so much below that at rest, more or less."""
    draw = np.random.default_rng(seed)
    return [
        {"soak_s": 36_000.0, "rest_volts": 12.6, "coolant_first": 20.0, "ambient_c": 20.0,
         "start_volts": 12.6 - fired * float(np.exp(draw.normal(0.0, 0.1)))}
        for _ in range(n)
    ]  # fmt: skip


def test_a_reading_in_the_starter_s_turning_ages_no_battery() -> None:
    """Now and then the first reading is taken too early; a fall that grows for good is said."""
    older = starts(40, 0.4, 90) + starts(60, 0.46, 93)
    assert told(battery.DETECTOR, older + starts(1, 2.4, 94)) == []
    assert told(battery.DETECTOR, starts(40, 0.4, 91) + starts(30, 0.8, 92)) == ["ageing"]
    assert told(battery.DETECTOR, starts(40, 0.4, 95) + starts(30, 2.4, 96)) == ["ageing"], "a cable that breaks"


def test_one_start_that_reads_high_is_no_ageing_and_two_in_a_row_are() -> None:
    """A single reading by a third high, once the sum was full, said so; the next one took it back."""
    known = starts(40, 0.4, 91) + starts(4, 0.46, 92)
    by_turns = [one for at in range(25) for one in starts(1, 0.62, 100 + at) + starts(1, 0.46, 200 + at)]
    assert told(battery.DETECTOR, known + by_turns) == []
    assert told(battery.DETECTOR, known + by_turns + starts(1, 0.62, 99)) == []
    assert told(battery.DETECTOR, known + by_turns + starts(2, 0.62, 99)) == ["ageing"]
    rested = [{"soak_s": 36_000.0, "rest_volts": 12.6}] * 30
    again = known + by_turns + starts(2, 0.62, 99) + rested + starts(12, 0.8, 98)
    assert told(battery.DETECTOR, again) == ["ageing", "ageing"], "starts that tell no resistance let it go"


def looks(n: int, dip: float, seed: int) -> list[dict[str, float]]:
    """So many starts whose dip is seen, each after two whose dip is missed; the voltage just after firing is sound."""
    draw = np.random.default_rng(seed)
    found = starts(3 * n, 0.4, seed)
    return [
        one if at % 3 else one | {"crank_volts": 12.6 - dip * float(np.exp(draw.normal(0.0, 0.03)))}
        for at, one in enumerate(found)
    ]


def test_starts_whose_dip_is_missed_do_not_speak_for_the_dip() -> None:
    """A resistance that only the starter's turning shows is told though most looks come too late for it."""
    assert told(battery.DETECTOR, looks(60, 2.2, 5) + looks(20, 3.2, 6)) == ["ageing"]


def regenerations(n: int, drives: int) -> list[dict[str, float]]:
    """So many, each after so many drives of 25 km, that clean the filter."""
    filling = [{"dpf_soot_last": 2.0 + 22.0 * at / drives, "km": 25.0} for at in range(1, drives)]
    return [*filling, {"dpf_soot_last": 2.0, "dpf_regen_soot": 24.0, "dpf_regen_s": 600.0, "km": 25.0}] * n


def test_regenerations_at_half_their_usual_distance_come_with_use_and_at_a_third_with_soot() -> None:
    """Town and winter halve it; four at a third in turn are an engine that soots."""
    known = regenerations(8, 20)
    assert told(dpf.DETECTOR, known + regenerations(12, 9)) == []
    assert told(dpf.DETECTOR, known + regenerations(6, 6) + regenerations(4, 20)) == []
    assert told(dpf.DETECTOR, known + regenerations(7, 6)) == ["soots"]


def test_hundreds_of_short_drives_of_an_engine_that_stops_have_a_few_dry_ones_by_chance() -> None:
    """Three readings in ten minutes are dry; on half a year's drives too short to show pressure none is an alarm."""
    draw = np.random.default_rng(3)

    def drives(n: int) -> list[dict[str, float]]:
        minutes = draw.uniform(2.0, 8.0, n)
        dry = draw.poisson(0.3 * minutes).astype(float)
        return [{"running_s": 60.0 * long, "oil_pressure_low": none}
                for long, none in zip(minutes.tolist(), dry.tolist(), strict=True)]  # fmt: skip

    assert [told(oil_pressure.DETECTOR, drives(300)) for _ in range(12)] == [[]] * 12
    lost = {"running_s": 360.0, "oil_pressure_low": 36.0}
    assert told(oil_pressure.DETECTOR, [*drives(100), lost]) == ["none"]


@pytest.mark.parametrize(("revolutions", "said"), [(160_000.0, True), (80_000.0, False)])
def test_oil_that_is_used_up_fast_is_advised_a_little_earlier(revolutions: float, said: bool) -> None:
    """With a quarter of its life left it lasts two months in one car and four in the other."""
    drive = {"oil_dose": revolutions, "revolutions": revolutions, "km": 40.0}
    first = drive | {"measured_oil_life_percent": 45.0}
    days = int(0.19 * 33_500_000.0 / revolutions)
    assert bool(told(engine_oil.MODEL, [first, *[drive] * days], a_day=1)) is said


def test_a_car_without_an_engine_is_never_told_of_oil() -> None:
    """Days pass in it as in any other; with an engine that turned they would use oil up."""
    drive = {"km": 30.0, "soak_s": 80_000.0, "revolutions": 0.0, "oil_dose": 0.0}
    assert told(engine_oil.MODEL, [drive] * 900, a_day=1) == []
    turns = drive | {"revolutions": 1.0, "oil_dose": 1.0}
    assert told(engine_oil.MODEL, [turns] * 900, a_day=1) != []


def test_what_stands_of_oil_in_a_car_without_an_engine_is_taken_back() -> None:
    """Advice from before that was known; oil that a workshop found used up is not forgotten at the next key-on."""
    model, p = engine_oil.MODEL, parameters_of(read_platforms(), [KIND])
    key_on = {
        "oil_dose": 0.0,
        "revolutions": 0.0,
        "soak_s": 80_000.0,
        "ended_ms": 600.0 * 86.4e6,
        "started_ms": 600.0 * 86.4e6,
    }
    values = np.full((1, len(FEATURES)), np.nan)
    for name, value in key_on.items():
        values[0, FEATURES.index(name)] = value
    trips = Trips(vehicle=np.zeros(1, dtype=np.int64), values=values)
    stands = model.initial(1) | {"active": np.zeros(1, dtype=np.int64), "began_ms": np.zeros(1), "day_ms": np.zeros(1)}
    assert model.step(trips, stands, p)[0].cleared.tolist() == [True]
    assert model.step(trips, stands | {"told": np.full(1, 0.95)}, p)[0].cleared.tolist() == [False]


def test_air_that_always_seems_to_leave_is_this_car_s_normal() -> None:
    """High up a light foot leaves little fresh air at part load; what a car was met with, or what grows, is said."""
    quiet = boosts(0.0, 0.225, 50.0, 40)
    jumps = [*boosts(0.0, 0.25, 50.0, 5), *boosts(0.0, 0.2, 50.0, 5)] * 6
    assert told(boost.DETECTOR, quiet + jumps) == []
    assert told(boost.DETECTOR, quiet + boosts(0.0, 0.31, 50.0, 4)) == ["charge_air_leak"]


@pytest.mark.parametrize("air", [0.25, 0.27, 0.4])
def test_a_leak_that_a_car_was_met_with_stays_said(air: float) -> None:
    """That it has become this car's normal takes nothing back, nor do drives that show less or tell no air."""
    draw = np.random.default_rng(2)
    scattered = air + np.where(np.arange(200) < 3, 0.0, draw.normal(0.0, 0.03, 200))
    met = [one for each in scattered for one in boosts(0.0, float(each), 50.0, 1)]
    met[10::3] = [one | {"charge_air_excess": np.nan} for one in met[10::3]]
    assert life(boost.DETECTOR, met) == ["charge_air_leak"]
    assert life(boost.DETECTOR, met + boosts(0.0, 0.05, 50.0, 20)) == ["charge_air_leak", "cleared"]


def test_a_gap_that_passes_is_taken_back_though_air_is_near_its_limit() -> None:
    """Air only holds what was said of air."""
    near = boosts(0.0, 0.223, 50.0, 40)
    assert life(boost.DETECTOR, near + boosts(14.0, 0.25, 50.0, 6) + boosts(0.0, 0.25, 50.0, 40))[-1] == "cleared"


def test_a_leak_of_a_car_whose_sound_normal_is_near_the_limit_ends_when_it_is_mended() -> None:
    """Also where nobody wrote the repair down."""
    normal, leak = boosts(0.0, 0.223, 50.0, 40), boosts(0.0, 0.3, 50.0, 30)
    assert life(boost.DETECTOR, normal + leak + boosts(0.0, 0.223, 50.0, 60)) == ["charge_air_leak", "cleared"]


def test_far_beyond_any_normal_air_leaks_whatever_was_learned() -> None:
    """A hose that was pushed on again, and slips off later, is said again though the leak was this car's normal."""
    met = boosts(0.0, 0.4, 50.0, 20) + boosts(0.0, 0.2, 50.0, 60)
    assert life(boost.DETECTOR, met) == ["charge_air_leak", "cleared"]
    assert told(boost.DETECTOR, met + boosts(0.0, 0.4, 50.0, 4)) == ["charge_air_leak"] * 2


def keys(*falls: float) -> list[dict[str, float]]:
    """Starts of a hybrid car after a night at 20 degC whose voltage falls by so much at the key."""
    return [
        {"rest_volts": 12.6, "crank_volts": 12.6 - fall, "ambient_c": 20.0, "pack_hottest_c": 20.0, "soak_s": 36_000.0}
        for fall in falls
    ]


def test_a_deep_dip_that_is_seldom_caught_does_not_age_a_battery() -> None:
    """A hybrid's is 1 V by most readings and 2.9 V by one in five; what brings the key to 9 V is said."""
    assert told(battery_12v_ev.DETECTOR, keys(*[1.0, 1.05, 0.95, 1.0, 2.9] * 20)) == []
    assert told(battery_12v_ev.DETECTOR, keys(*[0.8, 0.85, 0.75, 0.8, 3.6] * 20)) == ["ageing"]
    assert told(battery_12v_ev.DETECTOR, keys(*[3.6] * 20)) == ["ageing"]
