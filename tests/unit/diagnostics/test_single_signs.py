"""What little evidence is worth: a code of one drive, a low trip, a filter filled by short trips, a misfit."""

from __future__ import annotations

import numpy as np

from diagnostics.detectors import (
    battery,
    battery_12v_ev,
    boost,
    cell_imbalance,
    charging,
    cooling,
    dpf,
    fuel_trim,
    hv_thermal,
    implausible_sensor,
    insulation,
    tyre_pressure,
    wheel_bearing,
)
from tests.unit.diagnostics.one_car import boosts, nights, told, tyres


def charges(*volts: float) -> list[dict[str, float]]:
    """Drives of twenty minutes that charge so, on days of 20 degC."""
    return [{"running_s": 1200.0, "charging_volts": each, "ambient_c": 20.0} for each in volts]


def test_a_regulator_that_overcharges_is_booked_well_before_the_cars_own_code() -> None:
    """Three drives in a row at 15.1 V; a single one in deep frost says nothing."""
    assert told(charging.DETECTOR, charges(*[14.3] * 30, 15.1, 14.5, *[15.1] * 3)) == ["high_voltage"]
    assert told(charging.DETECTOR, charges(*[14.3] * 30, 15.1, 15.1, 14.6, 15.1, 14.6)) == []


def test_a_regulator_that_gives_more_in_the_cold_or_always_is_no_fault() -> None:
    """Regulators are meant to charge higher in frost; a car that charges at 15.1 V from its first drive is so made."""
    frost = [drive | {"ambient_c": -18.0} for drive in charges(*[15.4] * 6)]
    warm = [drive | {"ambient_c": 22.0} for drive in charges(*[15.4] * 6)]
    assert told(charging.DETECTOR, charges(*[14.3] * 30) + frost) == []
    assert told(charging.DETECTOR, charges(*[14.3] * 30) + warm) == ["high_voltage"]
    assert told(charging.DETECTOR, charges(*[15.1] * 60)) == []
    assert told(charging.DETECTOR, charges(*[28.4] * 60)) == [], "two batteries in series, as trucks have"
    warm_start = [drive | {"ambient_c": np.nan, "coolant_first": 80.0} for drive in charges(*[15.2] * 6)]
    assert told(charging.DETECTOR, charges(*[14.3] * 30) + warm_start) == [], "a warm engine tells nothing of the air"


def insulates(*kohm: float, plugged: bool = False) -> list[dict[str, float]]:
    """Stretches with such a resistance of a 400 V system, driven or at the plug."""
    driven = {"charged_ah": 20.0, "speed_n": 0.0} if plugged else {"speed_n": 300.0}
    return [driven | {"insulation_log": np.log10(each * 1000.0), "insulation_bus_volts": 400.0} for each in kohm]


def test_a_fall_that_still_fills_the_battery_is_advice() -> None:
    """From 14.3 to 13.5 V the battery is kept full; at 13.0 V it is not, and that is an appointment."""
    normal = [14.3] * 20
    assert told(charging.DETECTOR, charges(*normal, *[13.5] * 12)) == ["fallen_voltage"]
    assert told(charging.DETECTOR, charges(*normal, *[13.0] * 12))[-1] == "low_voltage"
    at_times = [13.4, 13.15, 13.45, 13.5] * 10
    assert told(charging.DETECTOR, charges(*normal, *at_times)) == ["fallen_voltage"], "one trip alone books nothing"


def test_insulation_is_judged_by_what_the_car_itself_has_and_lost() -> None:
    """Posts lower the reading at the plug; a car that always reads low is not failing; a fall is booked."""
    sound = insulates(*[2000.0] * 40)
    assert told(insulation.DETECTOR, sound + insulates(*[150.0] * 6, plugged=True)) == []
    assert told(insulation.DETECTOR, insulates(*[330.0] * 60)) == []
    usual = insulates(*[900.0] * 10, plugged=True)
    assert told(insulation.DETECTOR, sound + usual + insulates(*[150.0] * 6, plugged=True)) == ["dangerous"]
    assert told(insulation.DETECTOR, sound + insulates(*[330.0] * 6))[-1] == "low"
    assert told(insulation.DETECTOR, sound + insulates(*[150.0] * 6))[-1] == "dangerous"


def test_an_alternator_that_breaks_down_at_times_is_an_advisory() -> None:
    """Three low drives among good ones, close together; the same three spread over months are chance."""
    close = [14.3] * 30 + [12.5, 14.3, 12.6, 14.2, 12.4]
    apart = [14.3] * 30 + ([12.5] + [14.3] * 40) * 3
    assert told(charging.DETECTOR, charges(*[13.05] * 40)) == [], "a car that always charges so"
    assert told(charging.DETECTOR, charges(*close)) == ["low_at_times"]
    assert told(charging.DETECTOR, charges(*apart)) == []


def crawls(air_c: float, rise_k: float, n: int, seed: int) -> list[dict[str, float]]:
    """Drives in town on which the warm coolant follows the air, and stands ``rise_k`` higher than it should."""
    draw = np.random.default_rng(seed)
    return [
        {"hot_slow_c": 87.0 + 0.2 * (air_c - 15.0) + rise_k + draw.normal(0.0, 1.0), "ambient_c": air_c}
        for _ in range(n)
    ]


def walks(gone: float) -> list[dict[str, float]]:
    """Drives of a car at 160,000 km that tells its wheels' speeds; one misses its signal at a walking pace."""
    wheels = {f"wheel_{corner}_walking_n": 20.0 for corner in ("fl", "fr", "rl", "rr")}
    wheels |= {f"wheel_{corner}_gone": 0.0 for corner in ("fl", "fr", "rl", "rr")}
    return [wheels | {"wheel_rl_gone": gone, "odometer_km": 159_000.0 + 30.0 * at} for at in range(40)]


def test_wheels_that_all_turn_in_step_speak_against_a_bearing_with_play() -> None:
    """The mileage alone reminds no car whose wheels were heard; a wheel that misses its signal does."""
    assert told(wheel_bearing.DETECTOR, walks(0.0)) == []
    assert told(wheel_bearing.DETECTOR, walks(1.0)) == ["inspection"]


def test_a_summer_is_no_fault_of_the_cooling() -> None:
    """From frost to a hot month a sound thermostat lets the coolant rise by 7 K; the same rise in cool air is said."""
    winter = crawls(-5.0, 0.0, 40, seed=1)
    assert told(cooling.DETECTOR, winter + crawls(30.0, 0.0, 80, seed=2)) == []
    assert told(cooling.DETECTOR, winter + crawls(-5.0, 7.0, 80, seed=2)) == ["fan_weak"]


def test_a_summer_without_a_sensor_for_the_air_is_told_by_the_nights() -> None:
    """After a night the coolant is as warm as the air; one that a bad line brings hot tells no warmth."""

    def nights_told(drives: list[dict[str, float]], night_c: float) -> list[dict[str, float]]:
        return [one | {"ambient_c": np.nan, "soak_s": 36_000.0, "coolant_first": night_c} for one in drives]

    winter = nights_told(crawls(-5.0, 0.0, 40, seed=1), -5.0)
    assert told(cooling.DETECTOR, winter + nights_told(crawls(30.0, 0.0, 80, seed=2), 30.0)) == []
    hotter = crawls(-5.0, 7.0, 80, seed=2)
    assert told(cooling.DETECTOR, winter + nights_told(hotter, -5.0)) == ["fan_weak"]
    assert told(cooling.DETECTOR, winter + nights_told(hotter, 88.0)) == ["fan_weak"]


def test_a_starter_is_slower_in_the_cold_and_no_worse_for_it() -> None:
    """From 25 to -15 degC a starter loses a fifth of its speed; the same loss in the warm is said."""
    draw = np.random.default_rng(5)

    def starts(air_c: float, slower: float, n: int) -> list[dict[str, float]]:
        return [
            {"soak_s": 36_000.0, "ambient_c": air_c, "coolant_first": air_c,
             "crank_rpm": 220.0 * float(np.exp(-slower + draw.normal(0.0, 0.03)))}
            for _ in range(n)
        ]  # fmt: skip

    warm = starts(25.0, 0.0, 60)
    assert told(battery.DETECTOR, warm + starts(-15.0, 0.2, 40)) == []
    assert told(battery.DETECTOR, warm + starts(25.0, 0.22, 40)) == ["slow_starter"]
    assert told(battery.DETECTOR, warm + [one | {"soak_s": 600.0} for one in starts(25.0, 0.22, 40)]) == []


def test_a_drift_that_one_drive_shows_is_not_advised() -> None:
    """It must last for hours: said a drive later where drives are eight hours apart, many later where they follow."""
    draw = np.random.default_rng(7)
    sound, lean = (
        [{"trim_load": shift + draw.normal(0.0, 1.0), "trim_idle": shift + draw.normal(0.0, 1.0)} for _ in range(n)]
        for shift, n in ((0.0, 40), (5.0, 40))
    )

    def drives_until_said(a_day: int) -> int:
        return next(n for n in range(1, 41) if told(fuel_trim.DETECTOR, sound + lean[:n], a_day=a_day))

    slow = drives_until_said(3)
    assert told(fuel_trim.DETECTOR, sound + lean[:slow]) == ["lean_drift"]
    assert told(fuel_trim.DETECTOR, sound + lean[: slow - 1] + sound[:5]) == []
    assert drives_until_said(48) >= slow + 10


def test_a_trip_beyond_what_the_lamp_allows_is_said_at_once_and_booked_the_second_time() -> None:
    """Idling is seldom; a leak that opens fast has no time for eight means of it."""
    sound = [{"trim_load": 0.0, "trim_idle": 1.0}] * 15
    assert told(fuel_trim.DETECTOR, [*sound, {"trim_idle": 30.0}]) == ["lean_drift"]
    assert told(fuel_trim.DETECTOR, [*sound, {"trim_idle": 30.0}, {"trim_idle": 33.0}]) == ["lean_drift", "lean"]
    assert told(fuel_trim.DETECTOR, [*sound, {"trim_load": -26.0}]) == ["rich_drift"]


def test_the_rise_of_a_cold_traction_battery_tells_nothing_of_its_cooling() -> None:
    """In frost the cabin's air warms it; what would be a pump that stopped is only said of a warm one."""
    frost = [stretch | {"pack_hottest_c": 5.0} for stretch in packs(0.0, 80, seed=1) + packs(0.9, 60, seed=2)]
    warm = [stretch | {"pack_hottest_c": 30.0} for stretch in packs(0.0, 80, seed=1) + packs(0.9, 60, seed=2)]
    assert told(hv_thermal.DETECTOR, frost) == []
    assert "warm" in told(hv_thermal.DETECTOR, warm)


def fills(km: float, n: int) -> list[dict[str, float]]:
    """Drives that leave the filter far too full."""
    return [{"km": km, "dpf_soot_first": 55.0, "dpf_soot_last": 55.5, "dpf_regen_s": 0.0} for _ in range(n)]


def test_a_filter_full_of_short_drives_is_not_called_blocked() -> None:
    """The driver is asked for a long drive; only where two of these left it as full is the filter booked."""
    assert told(dpf.DETECTOR, fills(5.0, 20)) == ["interrupted_regeneration"]
    assert told(dpf.DETECTOR, fills(5.0, 10) + fills(40.0, 2)) == ["interrupted_regeneration", "blocked"]


def packs(missing: float, n: int, seed: int) -> list[dict[str, float]]:
    """Stretches of an electric car whose coolant takes ``1 - missing`` of what the platform's table says."""
    draw = np.random.default_rng(seed)
    heat, cooling = draw.uniform(0.5, 2.0, n), draw.uniform(2.0, 6.0, n)
    rise = 1.2 * heat - 1.5 * (1.0 - missing) * cooling + draw.normal(0.0, 0.8, n)
    return [{"pack_heat_kaah": heat[at], "pack_cooling_kh": cooling[at], "pack_rise_k": rise[at]} for at in range(n)]


def test_a_balance_that_errs_from_the_first_is_no_fault_of_the_cooling() -> None:
    """A car that begins to be judged with a misfit keeps it unsaid; a pump that stops later is said."""
    assert told(hv_thermal.DETECTOR, packs(0.0, 50, seed=1) + packs(0.55, 120, seed=3)) == []
    assert "warm" in told(hv_thermal.DETECTOR, packs(0.0, 80, seed=1) + packs(0.9, 60, seed=2))


def rests(slope_mv: float, n: int) -> list[dict[str, float]]:
    """Rests of which the first block falls by so much each."""
    draw = np.random.default_rng(4)
    zeros = {f"cell_{block}_mv": 0.0 for block in range(2, 9)}
    return [
        zeros | {"cell_rest_volts": 3.8, "cell_1_mv": draw.normal(0.0, 0.8) - slope_mv * max(0, at - 20)}
        for at in range(n)
    ]


def test_blocks_that_part_slowly_are_left_alone() -> None:
    """Nine millivolts in half a year are ageing; nine in two months are a short."""
    assert told(cell_imbalance.DETECTOR, rests(0.05, 200), a_day=1) == []
    assert "self_discharge" in told(cell_imbalance.DETECTOR, rests(0.2, 80), a_day=1)


def parked(volts: tuple[float, ...], ambient_c: float, *, caught: bool = True) -> list[dict[str, float]]:
    """Looks at a parked electric car whose 12 V battery sags so at the key."""
    return [
        {"ev_rest_volts": 12.7, "ev_sag_volts": each if caught else 0.0, "ev_parked": 2.0, "ev_topups": 0.0,
         "ambient_c": ambient_c}
        for each in volts
    ]  # fmt: skip


def test_a_battery_that_sags_in_frost_is_not_taken_for_an_old_one() -> None:
    """As much sag at 20 degC is too much for any battery; at -15 degC a third of it is the cold."""
    assert told(battery_12v_ev.DETECTOR, parked((4.2,) * 40, -15.0)) == []
    assert told(battery_12v_ev.DETECTOR, parked((4.2,) * 40, 20.0)) == ["ageing"]


def test_looks_that_missed_the_dip_do_not_hide_a_battery_that_ages() -> None:
    """A reading of no sag was taken beside the dip and counts for nothing."""
    sound = [drive for _ in range(30) for drive in parked((0.6,), 20.0) + parked((0.0,), 20.0, caught=False)]
    worn = [drive for _ in range(20) for drive in parked((1.2,), 20.0) + parked((0.0,), 20.0, caught=False) * 4]
    assert told(battery_12v_ev.DETECTOR, sound + worn) == ["ageing"]


def test_a_device_that_sees_one_dip_in_five_still_shows_a_battery_that_ages() -> None:
    """What control units alone draw is no dip, so that its readings do not make the dip's normal uncertain."""
    missed = (0.35, 0.0, 0.35, 0.0)
    sound = [drive for _ in range(14) for drive in parked((1.4, *missed), 20.0)]
    worn = [drive for _ in range(12) for drive in parked((2.1, *missed), 20.0)]
    assert told(battery_12v_ev.DETECTOR, sound) == []
    assert told(battery_12v_ev.DETECTOR, sound + worn) == ["ageing"]


def started(fall: float, *, traction: bool) -> dict[str, float]:
    """A start of a car with an engine; its battery dips so far."""
    drive = {"rest_volts": 12.6, "crank_volts": 12.6 - fall, "ambient_c": 20.0, "soak_s": 40_000.0}
    return drive | ({"pack_hottest_c": 20.0, "bms_health_percent": 98.0} if traction else {})


def test_a_hybrid_car_s_battery_is_judged_at_its_start() -> None:
    """No starter turns, so the dip is the contactors'; of a car with a starter another detector speaks."""
    for traction, found in ((True, ["ageing"]), (False, [])):
        drives = [started(0.9, traction=traction)] * 25 + [started(1.8, traction=traction)] * 20
        assert told(battery_12v_ev.DETECTOR, drives) == found


def test_a_hybrid_car_whose_engine_speed_is_lost_does_not_look_parked_and_empty() -> None:
    """Where readings are lost, what its control units draw awake is no voltage at rest."""
    lost = {"ev_rest_volts": 11.5, "ev_sag_volts": 0.0, "ev_parked": 2.0, "ev_topups": 1.0, "pack_hottest_c": 20.0}
    assert told(battery_12v_ev.DETECTOR, [started(0.9, traction=True), *[lost] * 8]) == []
    assert told(battery_12v_ev.DETECTOR, [lost] * 8) == ["weak"], "of a car without an engine it is"


def test_other_tyres_at_less_pressure_are_no_leak() -> None:
    """All four fall at one reading, each by its own: the new ones are learned, and a leak of theirs is found."""
    before, after = tyres((330.0, 336.0, 374.0, 368.0), 60), (292.0, 297.0, 333.0, 345.0)
    assert told(tyre_pressure.DETECTOR, before + tyres(after, 60, seed=1), a_day=1) == []
    leaking = told(tyre_pressure.DETECTOR, before + tyres(after, 20, seed=1) + tyres(after, 40, leak=2.0), a_day=1)
    assert leaking[0].endswith("_rl")


def test_air_that_seems_lost_at_too_much_pressure_is_the_sensors_matter() -> None:
    """A leak cannot raise the pressure; with the pressure as commanded the same air is one."""
    sound = boosts(0.5, 0.0, 55.0, 30)
    assert told(boost.DETECTOR, sound + boosts(-8.0, 0.3, 55.0, 30)) == []
    assert told(boost.DETECTOR, sound + boosts(0.5, 0.3, 55.0, 30))[-1] == "charge_air_leak"


def test_vanes_that_stuck_before_the_car_was_known_are_said() -> None:
    """No sound turbocharger needs 88 points drive after drive, whatever was normal for the car; 75 are a van's."""
    assert len(told(boost.DETECTOR, boosts(0.5, 0.0, 88.0, 30))) == 1
    assert told(boost.DETECTOR, boosts(0.5, 0.0, 75.0, 30)) == []


def test_voltage_of_an_alternator_is_no_battery_at_rest() -> None:
    """A fall from 14.3 V to what the starter leaves is not the battery's: starts of a running engine raise nothing."""
    sound = {"soak_s": 36_000.0, "rest_volts": 12.6, "crank_plateau_volts": 10.3, "coolant_first": 20.0,
             "ambient_c": 20.0}  # fmt: skip
    lost, worn = sound | {"rest_volts": 14.3}, sound | {"crank_plateau_volts": 8.9}
    assert told(battery.DETECTOR, [sound] * 40 + [lost] * 30) == []
    assert told(battery.DETECTOR, [sound] * 40 + [worn] * 30) == ["weak_start"]
    truck = sound | {"rest_volts": 25.0}
    assert told(implausible_sensor.DETECTOR, nights(8, key_coolant_c=45.0, rest_volts=truck["rest_volts"])) != []


def test_two_tyres_that_lose_at_once_are_not_taken_for_other_tyres() -> None:
    """Only a fall of all four is another set; a pair on one side, driven over the same nails, is two leaks."""
    before = tyres((230.0, 230.0, 230.0, 230.0), 60)
    assert told(tyre_pressure.DETECTOR, before + tyres((190.0, 230.0, 190.0, 230.0), 40)) != []
    assert told(tyre_pressure.DETECTOR, before + tyres((212.0, 212.0, 212.0, 212.0), 40)) == []
