"""The platforms, climates and structures of the three worlds: sizes of a car class, no certain model (our choice)."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from simulators.errors import SimulatorError
from simulators.fleet.climate import Climate
from simulators.fleet.worlds import Structure, World, enriched, platform

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from simulators.fleet.population import Block
    from simulators.fleet.stress import Stress

DEVELOPMENT = World(
    name="development",
    number=101,
    start_ms=1_672_531_200_000,
    platforms=(
        platform(
            "dev_compact", "petrol", 0.4, mass_kg=1260.0, drag_area_m2=0.64, displacement_l=1.5, power_w=76_000.0,
            thermostat_c=88.0, opens_over_k=12.0, battery_ah=58.0, alternator_a=95.0, tyre_front_kpa=230.0,
            tyre_rear_kpa=220.0, wheel_sensors=0.6, flex=0.03,
        ),
        platform(
            "dev_town", "petrol", 0.2, mass_kg=1040.0, drag_area_m2=0.6, displacement_l=1.0, power_w=51_000.0,
            has_maf=0.0, idle_rpm=790.0, heat_j_per_k=92_000.0, radiator_w_per_k=900.0, thermostat_c=86.0, fan_c=96.0,
            battery_ah=45.0, battery_ohm=0.0064, alternator_a=90.0, tank_l=38.0, tyre_front_kpa=240.0,
            tyre_rear_kpa=240.0, tyre_radius_m=0.285, track_m=1.43, wheelbase_m=2.43, tpms=0.6, wheel_sensors=0.4,
        ),
        platform(
            "dev_saloon", "petrol_turbo", 0.22, mass_kg=1420.0, drag_area_m2=0.65, displacement_l=1.4,
            power_w=110_000.0, boost_kpa=85.0, gears=6.0, top_rpm_per_mps=62.0, automatic=0.7, thermostat_c=90.0,
            radiator_w_per_k=1350.0, battery_ah=68.0, agm=1.0, alternator_a=140.0, tank_l=55.0, tyre_front_kpa=250.0,
            tyre_rear_kpa=240.0, tyre_radius_m=0.32, wheel_sensors=0.75,
        ),
        platform(
            "dev_estate", "diesel", 0.14, mass_kg=1535.0, drag_area_m2=0.66, displacement_l=2.0, power_w=105_000.0,
            boost_kpa=130.0, efficiency=0.42, friction_kpa=125.0, idle_rpm=800.0, gears=6.0, top_rpm_per_mps=48.0,
            first_to_top=5.2, shift_rpm=1950.0, thermostat_c=88.0, heat_share=0.34, heat_j_per_k=152_000.0,
            radiator_w_per_k=1400.0, battery_ah=80.0, battery_ohm=0.0042, starter_ohm=0.0115, alternator_a=150.0,
            tyre_front_kpa=250.0, tyre_rear_kpa=250.0, tyre_radius_m=0.325,
        ),
        platform(
            "dev_van", "van", 0.07, mass_kg=1850.0, drag_area_m2=1.25, displacement_l=2.1, power_w=98_000.0,
            boost_kpa=125.0, efficiency=0.415, friction_kpa=128.0, idle_rpm=820.0, gears=6.0, top_rpm_per_mps=52.0,
            first_to_top=5.4, shift_rpm=2000.0, thermostat_c=86.0, heat_share=0.34, heat_j_per_k=165_000.0,
            radiator_w_per_k=1500.0, battery_ah=85.0, battery_ohm=0.004, starter_ohm=0.011, alternator_a=160.0,
            soot_limit_g=26.0, soot_most_g=52.0, ash_most_g=70.0, tank_l=75.0, tyre_front_kpa=300.0,
            tyre_rear_kpa=340.0, tyre_radius_m=0.335,
        ),
        platform(
            "dev_hybrid", "hybrid", 0.1, mass_kg=1410.0, drag_area_m2=0.62, displacement_l=1.8, power_w=71_000.0,
            battery_kwh=1.3, cells_in_series=56.0, thermostat_c=84.0, fan_c=97.0, tank_l=43.0, auxiliary_ah=40.0,
            tyre_front_kpa=230.0, tyre_rear_kpa=220.0, tyre_radius_m=0.317, wheel_sensors=0.8,
        ),
        platform(
            "dev_electric", "electric", 0.18, mass_kg=1720.0, drag_area_m2=0.65, battery_kwh=58.0, motor_w=110_000.0,
            cells_in_series=96.0, tyre_front_kpa=260.0, tyre_rear_kpa=260.0, tyre_radius_m=0.335, wheel_sensors=0.7,
            tpms=0.95,
        ),
    ),
    climates=(
        Climate(name="temperate", mean_c=10.5, season_c=9.0, daily_c=4.6, spread_c=3.4, wet=0.36),
        Climate(
            name="cold", mean_c=3.5, season_c=14.0, daily_c=4.2, spread_c=4.6, wet=0.32, humidity=0.74,
            altitude_m=260.0,
        ),
    ),
    structure=Structure(
        growth_power=1.0, gamma_variation=0.22, wiener_variation=0.08, small=0.16, noise=1.0, noise_persistence=0.55,
        bad_repair=0.05,
    ),
)  # fmt: skip

REHEARSAL = World(
    name="rehearsal",
    number=509,
    start_ms=1_696_118_400_000,
    platforms=(
        platform(
            "reh_family", "petrol", 0.26, mass_kg=1300.0, drag_area_m2=0.66, displacement_l=1.4, power_w=81_000.0,
            thermostat_c=89.0, opens_c=84.0, opens_over_k=11.0, fan_c=100.0, heat_j_per_k=118_000.0,
            radiator_w_per_k=1180.0, battery_ah=61.0, battery_ohm=0.005, alternator_a=110.0, regulator_v=14.4,
            smart=1.0, base_load_w=220.0, tank_l=48.0, trip_trim_percent=2.6, trim_persistence=0.4,
            tyre_front_kpa=225.0, tyre_rear_kpa=215.0, tyre_radius_m=0.31, vanish_kmh=2.6, wheel_sensors=0.7,
        ),
        platform(
            "reh_small", "petrol", 0.18, mass_kg=1110.0, drag_area_m2=0.63, displacement_l=1.2, power_w=63_000.0,
            has_maf=0.0, idle_rpm=730.0, thermostat_c=87.0, opens_c=82.0, fan_c=98.0, heat_j_per_k=99_000.0,
            radiator_w_per_k=1000.0, battery_ah=50.0, battery_ohm=0.0058, alternator_a=100.0, regulator_v=14.1,
            tank_l=42.0, filling=0.87, tyre_front_kpa=235.0, tyre_rear_kpa=225.0, tyre_radius_m=0.295, tpms=0.7,
            tpms_absolute=1.0, wheel_sensors=0.5, vanish_kmh=2.8, flex=0.05,
        ),
        platform(
            "reh_sport", "petrol_turbo", 0.24, mass_kg=1490.0, drag_area_m2=0.7, displacement_l=1.8,
            power_w=135_000.0, boost_kpa=95.0, gears=7.0, top_rpm_per_mps=60.0, automatic=0.75, thermostat_c=91.0,
            opens_over_k=13.0, fan_c=103.0, radiator_w_per_k=1420.0, battery_ah=74.0, agm=1.0, battery_ohm=0.0041,
            alternator_a=150.0, smart=1.0, regulator_v=14.3, tank_l=58.0, tyre_front_kpa=245.0, tyre_rear_kpa=255.0,
            tyre_radius_m=0.335, driven_front=0.0, front_weight=0.54, tpms_absolute=1.0, pad_front_mm=11.2,
        ),
        platform(
            "reh_tourer", "diesel", 0.14, mass_kg=1660.0, drag_area_m2=0.74, displacement_l=1.9, power_w=110_000.0,
            boost_kpa=140.0, efficiency=0.412, friction_kpa=128.0, idle_rpm=780.0, gears=7.0, top_rpm_per_mps=50.0,
            first_to_top=5.8, shift_rpm=1850.0, automatic=0.9, thermostat_c=86.0, opens_c=82.0, heat_share=0.335,
            heat_j_per_k=166_000.0, radiator_w_per_k=1520.0, battery_ah=86.0, battery_ohm=0.004, starter_ohm=0.0112,
            alternator_a=165.0, smart=1.0, regulator_v=14.35, egr=0.4, soot_limit_g=23.0, soot_most_g=46.0,
            ash_most_g=68.0, tank_l=62.0, tyre_front_kpa=245.0, tyre_rear_kpa=240.0, tyre_radius_m=0.34,
        ),
        platform(
            "reh_carrier", "van", 0.08, mass_kg=1920.0, drag_area_m2=1.32, displacement_l=2.0, power_w=95_000.0,
            boost_kpa=132.0, efficiency=0.408, friction_kpa=126.0, idle_rpm=800.0, gears=6.0, top_rpm_per_mps=54.0,
            first_to_top=5.5, shift_rpm=2050.0, thermostat_c=89.0, opens_over_k=13.0, heat_share=0.345,
            heat_j_per_k=161_000.0, radiator_w_per_k=1480.0, battery_ah=90.0, battery_ohm=0.0039, starter_ohm=0.0111,
            alternator_a=165.0, smart=1.0, regulator_v=14.3, egr=0.37, soot_limit_g=25.0, soot_most_g=50.0,
            tank_l=72.0, tyre_front_kpa=305.0, tyre_rear_kpa=350.0, tyre_radius_m=0.337,
        ),
        platform(
            "reh_hybrid", "hybrid", 0.12, mass_kg=1510.0, drag_area_m2=0.67, displacement_l=1.6, power_w=78_000.0,
            motor_w=80_000.0, battery_kwh=1.1, cells_in_series=60.0, battery_ohm=0.14, thermostat_c=86.0,
            opens_over_k=11.0, fan_c=98.0, has_maf=0.0, tank_l=46.0, auxiliary_ah=42.0, converter_v=14.4,
            target_charge=0.57, electric_w=11_500.0, tyre_front_kpa=235.0, tyre_rear_kpa=230.0, tyre_radius_m=0.325,
            wheel_sensors=0.75, pad_front_mm=11.0,
        ),
        platform(
            "reh_electric", "electric", 0.18, mass_kg=1800.0, drag_area_m2=0.68, battery_kwh=52.0, motor_w=125_000.0,
            cells_in_series=100.0, battery_ohm=0.085, converter_v=14.1, regen_w=70_000.0, heat_pump=1.0,
            isolation_ohm=2.8e6, auxiliary_ah=41.0, tyre_front_kpa=265.0, tyre_rear_kpa=275.0, tyre_radius_m=0.34,
            wheel_sensors=0.75, tpms=0.9, topped_below=0.55,
        ),
    ),
    climates=(
        Climate(
            name="warm", mean_c=18.4, season_c=8.4, daily_c=5.4, spread_c=2.8, wet=0.3, humidity=0.66,
            altitude_m=120.0, altitude_spread_m=90.0,
        ),
        Climate(
            name="plateau", mean_c=8.6, season_c=12.4, daily_c=7.0, spread_c=3.6, wet=0.22, humidity=0.55,
            altitude_m=820.0, altitude_spread_m=220.0, hilliness=0.032,
        ),
        Climate(name="coast", mean_c=12.8, season_c=6.0, daily_c=3.6, spread_c=3.0, wet=0.38, humidity=0.8),
    ),
    structure=Structure(
        growth_power=0.8, gamma_variation=0.26, wiener_variation=0.1, small=0.18, noise=1.2, noise_persistence=0.3,
        bad_repair=0.06,
    ),
)  # fmt: skip
"""Where what was chosen in the development world is tried before anything is reported, and what fails is mended."""

REPORTING = World(
    name="reporting",
    number=907,
    start_ms=1_704_067_200_000,
    platforms=(
        platform(
            "rep_hatch", "petrol", 0.36, mass_kg=1340.0, drag_area_m2=0.68, displacement_l=1.6, power_w=88_000.0,
            thermostat_c=84.0, opens_c=80.0, opens_over_k=9.0, fan_c=99.0, heat_j_per_k=131_000.0, heat_share=0.35,
            radiator_w_per_k=1260.0, battery_ah=64.0, battery_ohm=0.0047, alternator_a=120.0, regulator_v=14.3,
            smart=1.0, base_load_w=240.0, tank_l=50.0, trip_trim_percent=2.3, trim_persistence=0.3, storage_mg=105.0,
            tyre_front_kpa=220.0, tyre_rear_kpa=210.0, tyre_radius_m=0.316, tread_mm=8.1, vanish_kmh=3.0, flex=0.04,
            front_weight=0.61, pad_front_mm=10.5, pad_mm_per_gj=3.1,
        ),
        platform(
            "rep_saloon", "petrol", 0.2, mass_kg=1500.0, drag_area_m2=0.62, displacement_l=2.0, power_w=112_000.0,
            has_maf=0.0, gears=6.0, top_rpm_per_mps=64.0, automatic=0.8, thermostat_c=92.0, opens_c=87.0,
            opens_over_k=14.0, fan_c=101.0, battery_ah=72.0, battery_ohm=0.0043, alternator_a=130.0, regulator_v=14.2,
            tank_l=60.0, filling=0.9, tyre_front_kpa=235.0, tyre_rear_kpa=235.0, tyre_radius_m=0.327,
            driven_front=0.0, front_weight=0.52, tpms_absolute=1.0,
        ),
        platform(
            "rep_crossover", "petrol_turbo", 0.26, mass_kg=1560.0, drag_area_m2=0.78, displacement_l=1.5,
            power_w=124_000.0, boost_kpa=105.0, gears=7.0, top_rpm_per_mps=58.0, automatic=0.85, thermostat_c=93.0,
            opens_over_k=10.0, fan_c=102.0, radiator_w_per_k=1500.0, heat_share=0.39, battery_ah=70.0, agm=1.0,
            battery_ohm=0.0044, alternator_a=160.0, smart=1.0, regulator_v=14.1, tank_l=56.0, tyre_front_kpa=240.0,
            tyre_rear_kpa=230.0, tyre_radius_m=0.345, track_m=1.58, wheelbase_m=2.7, pad_front_mm=12.0,
        ),
        platform(
            "rep_offroad", "diesel", 0.1, mass_kg=1790.0, drag_area_m2=0.86, displacement_l=2.2, power_w=118_000.0,
            boost_kpa=150.0, efficiency=0.405, friction_kpa=135.0, idle_rpm=760.0, gears=8.0, top_rpm_per_mps=46.0,
            first_to_top=6.4, shift_rpm=1800.0, automatic=1.0, thermostat_c=84.0, opens_c=80.0, opens_over_k=10.0,
            smooth=1.0, heat_share=0.325, heat_j_per_k=182_000.0, radiator_w_per_k=1650.0, battery_ah=92.0,
            battery_ohm=0.0037, starter_ohm=0.0108, alternator_a=180.0, smart=1.0, regulator_v=14.2, egr=0.42,
            soot_limit_g=27.0, soot_most_g=50.0, ash_most_g=75.0, tank_l=64.0, tyre_front_kpa=240.0,
            tyre_rear_kpa=250.0, tyre_radius_m=0.36,
        ),
        platform(
            "rep_van", "van", 0.06, mass_kg=1980.0, drag_area_m2=1.4, displacement_l=1.9, power_w=92_000.0,
            boost_kpa=140.0, efficiency=0.41, friction_kpa=122.0, idle_rpm=850.0, gears=6.0, top_rpm_per_mps=56.0,
            first_to_top=5.6, shift_rpm=2100.0, thermostat_c=87.0, opens_over_k=14.0, heat_share=0.35,
            heat_j_per_k=158_000.0, radiator_w_per_k=1450.0, battery_ah=95.0, battery_ohm=0.0036, starter_ohm=0.0112,
            alternator_a=170.0, regulator_v=14.25, egr=0.35, soot_limit_g=24.0, soot_most_g=48.0, tank_l=70.0,
            tyre_front_kpa=310.0, tyre_rear_kpa=360.0, tyre_radius_m=0.34,
        ),
        platform(
            "rep_hybrid", "hybrid", 0.12, mass_kg=1620.0, drag_area_m2=0.73, displacement_l=2.0, power_w=88_000.0,
            motor_w=88_000.0, battery_kwh=1.6, cells_in_series=72.0, battery_ohm=0.15, thermostat_c=87.0,
            opens_over_k=12.0, fan_c=100.0, has_maf=0.0, tank_l=50.0, auxiliary_ah=45.0, converter_v=14.2,
            target_charge=0.6, electric_w=13_000.0, tyre_front_kpa=240.0, tyre_rear_kpa=240.0, tyre_radius_m=0.338,
            wheel_sensors=0.85, pad_front_mm=11.5,
        ),
        platform(
            "rep_electric", "electric", 0.18, mass_kg=1880.0, drag_area_m2=0.7, battery_kwh=64.0, motor_w=150_000.0,
            cells_in_series=108.0, battery_ohm=0.078, converter_v=14.3, regen_w=80_000.0, heat_pump=1.0,
            isolation_ohm=2.4e6, auxiliary_ah=38.0, tyre_front_kpa=270.0, tyre_rear_kpa=270.0, tyre_radius_m=0.345,
            wheel_sensors=0.8, tpms=0.95, driven_front=0.0, topped_below=0.52,
        ),
    ),
    climates=(
        Climate(
            name="hot_humid", mean_c=22.6, season_c=7.2, daily_c=4.0, spread_c=2.3, wet=0.42, humidity=0.78,
            altitude_m=40.0, altitude_spread_m=40.0,
        ),
        Climate(
            name="continental", mean_c=11.8, season_c=15.2, daily_c=6.1, spread_c=3.9, wet=0.24, humidity=0.58,
            altitude_m=420.0, altitude_spread_m=300.0, hilliness=0.028,
        ),
        Climate(name="mild", mean_c=15.2, season_c=6.4, daily_c=4.9, spread_c=2.6, wet=0.27, hilliness=0.024),
    ),
    structure=Structure(
        growth_power=1.35, gamma_variation=0.3, wiener_variation=0.11, small=0.2, noise=1.12, noise_persistence=0.4,
        bad_repair=0.07,
    ),
)  # fmt: skip

UNSEEN_CLIMATES = (
    Climate(name="alpine", mean_c=4.2, season_c=10.0, daily_c=6.4, spread_c=4.2, altitude_m=1350.0, hilliness=0.05),
    Climate(name="desert", mean_c=26.5, season_c=10.5, daily_c=8.2, spread_c=2.4, wet=0.05, humidity=0.3),
)
"""For the question what an unknown climate costs."""

UNSEEN_PLATFORMS: Mapping[str, Mapping[str, float]] = MappingProxyType({
    "petrol": {
        "mass_kg": 1180.0, "drag_area_m2": 0.71, "displacement_l": 1.2, "power_w": 62_000.0, "thermostat_c": 95.0,
        "opens_c": 91.0, "fan_c": 104.0, "heat_j_per_k": 101_000.0, "battery_ah": 50.0, "battery_ohm": 0.0058,
        "regulator_v": 14.5, "idle_rpm": 680.0, "tyre_front_kpa": 200.0, "tyre_rear_kpa": 210.0,
    },
    "petrol_turbo": {
        "mass_kg": 1650.0, "drag_area_m2": 0.74, "displacement_l": 2.0, "power_w": 150_000.0, "boost_kpa": 125.0,
        "gears": 8.0, "top_rpm_per_mps": 52.0, "automatic": 1.0, "thermostat_c": 86.0, "opens_c": 81.0, "smart": 1.0,
        "battery_ah": 80.0, "agm": 1.0, "alternator_a": 180.0, "tyre_front_kpa": 255.0, "tyre_rear_kpa": 275.0,
    },
    "diesel": {
        "mass_kg": 1390.0, "drag_area_m2": 0.69, "displacement_l": 1.6, "power_w": 85_000.0, "boost_kpa": 120.0,
        "efficiency": 0.415, "friction_kpa": 118.0, "idle_rpm": 790.0, "gears": 6.0, "top_rpm_per_mps": 54.0,
        "thermostat_c": 83.0, "opens_c": 79.0, "heat_share": 0.36, "heat_j_per_k": 136_000.0, "battery_ah": 72.0,
        "battery_ohm": 0.0045, "starter_ohm": 0.0124, "alternator_a": 140.0, "egr": 0.33, "soot_limit_g": 18.0,
    },
    "van": {
        "mass_kg": 2150.0, "drag_area_m2": 1.65, "displacement_l": 2.3, "power_w": 107_000.0, "boost_kpa": 145.0,
        "efficiency": 0.4, "friction_kpa": 132.0, "idle_rpm": 780.0, "gears": 6.0, "top_rpm_per_mps": 51.0,
        "thermostat_c": 90.0, "opens_c": 86.0, "heat_share": 0.33, "heat_j_per_k": 176_000.0, "battery_ah": 100.0,
        "battery_ohm": 0.0035, "starter_ohm": 0.0105, "alternator_a": 180.0, "soot_limit_g": 30.0, "soot_most_g": 58.0,
    },
    "hybrid": {
        "mass_kg": 1290.0, "drag_area_m2": 0.58, "displacement_l": 1.5, "power_w": 67_000.0, "battery_kwh": 0.9,
        "cells_in_series": 48.0, "battery_ohm": 0.12, "thermostat_c": 82.0, "fan_c": 95.0, "auxiliary_ah": 33.0,
        "converter_v": 13.8, "electric_w": 9_500.0, "tyre_front_kpa": 250.0, "tyre_rear_kpa": 240.0,
    },
    "electric": {
        "mass_kg": 1430.0, "drag_area_m2": 0.61, "battery_kwh": 42.0, "motor_w": 85_000.0, "cells_in_series": 84.0,
        "battery_ohm": 0.11, "converter_v": 14.0, "isolation_ohm": 4.1e6, "tyre_front_kpa": 240.0,
        "tyre_rear_kpa": 240.0,
    },
})  # fmt: skip
"""Parameters by powertrain for the question what an unknown platform costs."""

SET_POINTS, SET_POINTS_OFF = frozenset({"regulator_v", "converter_v", "thermostat_c", "opens_c", "fan_c"}), 0.05
"""Numbers that makes have nearly in common, and by how much they may be off: 12 V batteries live on 13.5 to 15 V, by
temperature and make, and thermostats open at 76 to 97 degC; what charges with 11 or 17 V, or holds an engine at 70 or
106 degC, is at fault, and no other make."""

WORLDS: Mapping[str, World] = MappingProxyType({each.name: each for each in (DEVELOPMENT, REHEARSAL, REPORTING)})


def world(name: str) -> World:
    """A world by its name, with ``:enriched`` behind it one with ten times as many faults.

    Raises:
        SimulatorError: there is none of that name.
    """
    base, _, kind = name.partition(":")
    if base not in WORLDS or kind not in {"", "enriched"}:
        known = ", ".join(f"{each}, {each}:enriched" for each in WORLDS)
        raise SimulatorError(f"there is no world {name!r}; there are {known}")
    return enriched(WORLDS[base]) if kind else WORLDS[base]


def stressed(block: Block, stress: Stress) -> Block:
    """The same block elsewhere, of other makes, or with numbers that are off."""
    where, make = block.world, block.platform
    if stress.unseen_climate:
        where = replace(where, climates=UNSEEN_CLIMATES)
    if stress.unseen_platform:
        make = replace(make, name="unknown", parameters=UNSEEN_PLATFORMS.get(make.powertrain, {}))
    if stress.mismatch:
        rng = block.chance(20)
        shares = {
            name: min(stress.mismatch, SET_POINTS_OFF) if name in SET_POINTS else stress.mismatch
            for name in make.parameters
        }
        off = {name: value * _off(shares[name], rng) for name, value in make.parameters.items()}
        make = replace(make, parameters=MappingProxyType(off))
    return replace(block, world=where, platform=make)


def _off(most: float, rng: np.random.Generator) -> float:
    return float(1.0 + most * rng.uniform(-1.0, 1.0))
