"""What lost and late packets look like, and that it accuses nothing that is sound."""

from __future__ import annotations

import numpy as np

from diagnostics.detectors import (
    boost,
    implausible_sensor,
    missing_readings,
    oil_pressure,
    thermostat,
    tyre_pressure,
)
from tests.unit.diagnostics.one_car import boosts, late, nights, stops, told, tyres


def test_a_sensor_reads_wrong_only_where_it_is_wrong_by_the_same() -> None:
    """12 K on five starts; readings that came late, after the engine had warmed, are off by 12 to 60 K."""

    def starts(*off: float) -> list[dict[str, float]]:
        return [
            {"key_coolant_c": 15.0 + each, "key_intake_c": 15.0, "key_ambient_c": 15.0, "rest_volts": 12.6,
             "soak_s": 36_000.0}
            for each in off
        ]  # fmt: skip

    assert told(implausible_sensor.DETECTOR, starts(*[12.0, 13.0, 11.0] * 3), a_day=1) == ["coolant_implausible"]
    assert told(implausible_sensor.DETECTOR, starts(*[12.0, 30.0, 60.0, 20.0] * 4), a_day=1) == []


def test_pressures_of_the_drive_before_are_no_leak_when_they_end() -> None:
    """Two warm readings in a row are no refill where many come late, nor the cold ones after them a leak."""
    even = (300.0, 300.0, 300.0, 300.0)
    for seed in range(4):
        known = tyres(even, 40, seed=seed)
        assert told(tyre_pressure.DETECTOR, known + late(tyres(even, 300, seed=seed), 0.1, seed), a_day=2) == []
        leak = known + late(tyres(even, 50, leak=2.0, seed=seed), 0.1, seed)
        assert told(tyre_pressure.DETECTOR, leak, a_day=2)[0].endswith("_rl")


def test_boost_that_jumps_about_on_a_bad_line_is_not_weak() -> None:
    """One drive of eight is far off by chance, three in a row sooner or later; a hose that comes off is still said."""
    rng = np.random.default_rng(11)
    steady = boosts(0.5, 0.0, 55.0, 20)
    bad = [one | {"boost_gap": float(rng.normal(4.0, 6.0))} for one in boosts(0.0, 0.0, 55.0, 1000)]
    assert told(boost.DETECTOR, bad) == []
    assert told(boost.DETECTOR, bad + boosts(40.0, 0.0, 55.0, 3)) == ["underboost"]
    assert told(boost.DETECTOR, steady + boosts(12.0, 0.0, 55.0, 3)) == ["underboost"]


def test_a_start_that_was_not_seen_says_nothing_about_sensors() -> None:
    """Packets lost at the start leave readings of a running engine: charging voltage, a manifold sucked empty."""
    assert told(implausible_sensor.DETECTOR, nights(8, key_coolant_c=45.0)) == ["coolant_implausible"]
    assert told(implausible_sensor.DETECTOR, nights(8, key_coolant_c=45.0, rest_volts=14.2)) == []
    assert told(implausible_sensor.DETECTOR, nights(8, key_coolant_c=45.0, coolant_last=85.0)) == [
        "coolant_implausible"
    ]
    assert told(implausible_sensor.DETECTOR, nights(8, key_coolant_c=45.0, coolant_last=44.0)) == [], "of the evening"
    assert told(implausible_sensor.DETECTOR, nights(8, key_manifold_kpa=32.0)) == []
    assert told(implausible_sensor.DETECTOR, nights(8, key_manifold_kpa=60.0, rest_volts=14.2)) == []
    assert told(implausible_sensor.DETECTOR, nights(8, key_manifold_kpa=60.0)) == ["manifold_implausible"]
    assert told(implausible_sensor.DETECTOR, nights(8, key_manifold_kpa=90.0)) == ["manifold_implausible"]


def test_a_start_with_the_coolant_of_the_evening_says_nothing_of_the_others() -> None:
    """What came late with it may be the air of the evening too."""
    late_start = nights(8, key_coolant_c=80.0, coolant_last=80.0, key_intake_c=25.0, ambient_c=5.0)
    assert told(implausible_sensor.DETECTOR, late_start) == []
    seen = nights(8, coolant_last=80.0, key_intake_c=25.0, ambient_c=5.0)
    assert told(implausible_sensor.DETECTOR, seen) == ["intake_implausible"]


def test_a_coolant_that_had_nothing_to_lose_is_no_old_reading() -> None:
    """After a short drive that ended near the night's air the coolant counts, so that it tells which other is wrong."""
    short = nights(8, key_intake_c=22.0, key_oil_c=np.nan, coolant_last=11.0, ambient_c=10.0)
    assert told(implausible_sensor.DETECTOR, short) == ["intake_implausible"]


def test_readings_missing_on_a_bad_line_accuse_no_sensor() -> None:
    """Shares that jump about by half are the line's; the same loss on a quiet one is the sensor's."""
    rng = np.random.default_rng(3)
    sensors = ("throttle", "manifold", "volts", "intake", "coolant")
    bad = [{f"{name}_share": float(rng.uniform(0.4, 1.0)) for name in sensors} for _ in range(300)]
    quiet = [{f"{name}_share": 1.0 for name in sensors} for _ in range(30)]
    worse = [{f"{name}_share": 0.7 if name == "coolant" else 1.0 for name in sensors} for _ in range(12)]
    assert told(missing_readings.DETECTOR, bad) == []
    assert told(missing_readings.DETECTOR, quiet + worse) == ["coolant_missing"]


def test_slow_polls_on_a_line_that_loses_packets_accuse_no_sensor() -> None:
    """Of six answers a trip two to ten arrive by chance; a sensor whose answers then stay away is named."""
    rng = np.random.default_rng(8)

    def trips(n: int, coolant: float) -> list[dict[str, float]]:
        fast = [dict.fromkeys(("throttle_share", "manifold_share", "volts_share"), 1.0) for _ in range(n)]
        return [one | {"coolant_share": float(rng.poisson(coolant)) / 60.0} for one in fast]

    assert told(missing_readings.DETECTOR, trips(2000, 6.0)) == []
    assert told(missing_readings.DETECTOR, trips(100, 6.0) + trips(60, 1.0)) == ["coolant_missing"]


def test_an_engine_that_stops_and_starts_has_not_lost_its_oil_pressure() -> None:
    """Late readings at its stops, few or many a minute, are usual for it; readings all along a drive are not."""
    slow, fast = ({"running_s": 600.0, "oil_pressure_low": count} for count in (30.0, 280.0))
    for a_minute, bare in ((0.05, slow), (0.3, slow), (0.8, fast)):
        usual = stops(400, a_minute, seed=5)
        assert told(oil_pressure.DETECTOR, usual) == []
        assert told(oil_pressure.DETECTOR, [*usual, bare]) == ["none"], a_minute
    assert told(oil_pressure.DETECTOR, [slow]) == ["none"], "on a car of which nothing is known"
    few = {"running_s": 600.0, "oil_pressure_low": 5.0}
    assert told(oil_pressure.DETECTOR, [*stops(60, 0.0, seed=6), few]) == ["none"], "an engine that never stops"


def test_an_engine_that_stops_and_starts_clears_after_its_pressure_is_back() -> None:
    """Its stray readings do not keep the advice open; nor are those of the fault taken for usual."""
    usual, bare = stops(200, 0.3, seed=7), [{"running_s": 600.0, "oil_pressure_low": 30.0}] * 20
    assert told(oil_pressure.DETECTOR, [*usual, *bare, *usual, *bare]) == ["none", "none"]


def warm_ups(*first_c: float, gains: float = 1.0) -> list[dict[str, float]]:
    """Drives with 1 kg of air to 60 degC after nights at 5 degC, of which the first coolant reads so."""
    return [
        {"coolant_first": first, "warm_first_c": first, "coolant_last": 60.0, "ambient_c": 5.0, "soak_s": 36_000.0,
         "warm_gain_k": (60.0 - first) * gains, "warm_air_kg": 1.0, "warm_still_kks": 0.0, "warm_moving_kkm": 0.0}
        for first in first_c
    ]  # fmt: skip


def test_a_first_coolant_of_the_evening_before_is_no_open_thermostat() -> None:
    """Drives that begin with an old reading seem to gain nothing, and say nothing; too little gain is still named."""
    sound = warm_ups(*[5.0] * 30)
    assert told(thermostat.DETECTOR, sound + warm_ups(*[59.0, 5.0] * 20)) == []
    assert told(thermostat.DETECTOR, sound + warm_ups(*[59.0] * 20)) == []
    assert told(thermostat.DETECTOR, sound + warm_ups(*[59.0, 5.0] * 20, gains=0.4)) == ["stuck_open"]
