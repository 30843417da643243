"""What rows of the engine's signals come to as features of a trip: the physics that was put in comes out again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from diagnostics.features.rows import Rows
from diagnostics.fleet import Fleet
from vehicle import signals as s

if TYPE_CHECKING:
    from diagnostics.features.trips import Trips

START_MS, SOAK_MS, STEP_MS = 1_760_000_000_000, 30_000_000, 2000


def drive(minutes: float, **paths: np.ndarray | float) -> dict[str, np.ndarray]:
    """A steady warm drive, a row each two seconds; ``paths`` are constants of :mod:`vehicle.signals` by name."""
    n = int(minutes * 60_000 / STEP_MS)
    usual = {"ENGINE_SPEED": 2000.0, "SPEED": 80.0, "COOLANT_TEMPERATURE": 88.0, "RUN_TIME": 2.0 * np.arange(1, n + 1)}
    return {getattr(s, name): np.broadcast_to(value, n).astype(float) for name, value in (usual | paths).items()}


def trip(columns: dict[str, np.ndarray], *, rest: dict[str, float] | None = None, end: dict[str, float] | None = None,
         thin: int = 1) -> Trips:  # fmt: skip
    """The trip of one car: a reading at rest, the drive, a reading after the key; ``thin`` polls."""
    n = len(columns[s.SPEED])
    paths = tuple({**columns, **(rest or {}), **(end or {})})
    values = np.full((n + 2, len(paths)), np.nan)
    for place, path in enumerate(paths):
        if path in columns:
            values[1:-1, place] = columns[path]
            if thin > 1 and path not in (s.RUN_TIME, s.ENGINE_SPEED):
                values[1:-1, place][np.arange(n) % thin != place % thin] = np.nan
        for row, given in ((0, rest), (-1, end)):
            if given is not None and path in given:
                values[row, place] = given[path]
    values[0, paths.index(s.ENGINE_SPEED)] = 0.0
    values[-1, paths.index(s.ENGINE_SPEED)] = 0.0
    time = START_MS + SOAK_MS + STEP_MS * np.arange(n + 2)
    fleet = Fleet()
    rows = fleet.rows_of(["car"])
    fleet.take(Rows(vehicle=np.repeat(rows, n + 2), time_ms=time, values=values, signals=paths))
    return fleet.finish(rows).trips


def only(trips: Trips, name: str) -> float:
    (value,) = trips[name]
    return float(value)


def test_results_read_after_the_key_belong_to_the_drive() -> None:
    """Monitors and misfire counts come once, at key-off, and stand in the trip that just ended."""
    end = {s.CATALYST_RESULT: 41.5, s.EVAPORATIVE_RESULT: 20.0, s.MISFIRES[0]: 2.0, s.MISFIRES[2]: 30.0}
    found = trip(drive(5.0), end=end)
    assert (only(found, "catalyst_result"), only(found, "evap_result")) == (41.5, 20.0)
    assert np.isnan(only(found, "rear_oxygen_result"))
    assert (only(found, "misfires"), only(found, "misfire_3")) == (32.0, 30.0)
    assert np.isnan(only(found, "misfire_2"))


def test_the_egr_error_counts_only_while_the_command_stands() -> None:
    """Transients of a moving command, however large, are left out."""
    n = 300
    command = np.where(np.arange(n) % 10 < 5, 20.0, 60.0)
    error = np.where(np.abs(np.diff(command, prepend=20.0)) > 0.0, 55.0, -12.0)
    found = trip(drive(10.0, COMMANDED_EGR=command, EGR_ERROR=error))
    assert only(found, "egr_error") == pytest.approx(-12.0, abs=0.5)
    assert only(found, "egr_command") == pytest.approx(40.0, abs=5.0)


@pytest.mark.parametrize("thin", [1, 3])
def test_missing_boost_is_stated_at_sea_level(thin: int) -> None:
    """12 kPa missing at 80 kPa outside are 15.2 kPa at sea level, whether signals come together or in turn."""
    found = trip(drive(10.0, BOOST_COMMANDED=180.0, BOOST=168.0, BAROMETRIC_PRESSURE=80.0, TURBOCHARGER_CONTROL=55.0),
                 thin=thin)  # fmt: skip
    assert only(found, "boost_gap") == pytest.approx(12.0 * 101.3 / 80.0, abs=0.1)
    assert only(found, "boost_control") == pytest.approx(55.0, abs=0.5)


def test_without_boost_nothing_is_said_of_it() -> None:
    """A drive that never asks for boost has no gap, and so has one on a high mountain."""
    assert np.isnan(only(trip(drive(5.0, BOOST_COMMANDED=105.0, BOOST=90.0)), "boost_gap"))
    high = trip(drive(5.0, BOOST_COMMANDED=150.0, BOOST=120.0, BAROMETRIC_PRESSURE=60.0))
    assert np.isnan(only(high, "boost_gap"))


def test_air_that_leaves_after_the_meter_shows_under_boost_only() -> None:
    """10 % more metered air while boosted is an excess of ln 1.1 against the part load of the same drive."""
    boosted = np.arange(600) % 60 < 30
    pressure = np.where(boosted, 170.0, 60.0)
    air = 2e-5 * pressure * 2000.0 / 300.0 * 1000.0 * np.where(boosted, 1.1, 1.0)
    found = trip(drive(20.0, MAP=pressure, MAF=air, INTAKE_AIR_TEMPERATURE=26.85, BAROMETRIC_PRESSURE=100.0,
                       BOOST=pressure, BOOST_COMMANDED=pressure))  # fmt: skip
    assert only(found, "charge_air_excess") == pytest.approx(np.log(1.1), abs=0.01)


@pytest.mark.parametrize("hot", [180.0, 380.0])
def test_the_filters_resistance_is_that_of_the_filter_not_of_the_load(hot: float) -> None:
    """Twice the resistance is ln 2 more at any load and temperature; the sensor's offset does not count."""
    air = 20.0 + 15.0 * (1.0 + np.sin(np.arange(600) / 40.0))
    kelvin = hot + 273.15
    flow = 1e6 * 1.82e-5 * (kelvin / 293.15) ** 0.7 * air / 1000.0 * 287.0 * kelvin / 100_000.0
    found = []
    for resistance in (500.0, 1000.0):
        pressure = resistance * flow + 200.0
        columns = drive(20.0, FILTER_PRESSURE=pressure, FILTER_TEMPERATURE=hot, MAF=air, BAROMETRIC_PRESSURE=100.0)
        found.append(only(trip(columns, rest={s.FILTER_PRESSURE: 200.0}), "dpf_k"))
    assert found[0] == pytest.approx(np.log(500.0), abs=0.02)
    assert found[1] - found[0] == pytest.approx(np.log(2.0), abs=0.01)


def test_a_regeneration_that_the_key_breaks_off_is_open() -> None:
    """Its soot at the start, its length and that it did not end are known."""
    n = 300
    burning = (np.arange(n) >= 200).astype(float)
    soot = np.where(burning > 0.0, 26.0 - 0.05 * (np.arange(n) - 200), 26.0)
    found = trip(drive(10.0, FILTER_REGENERATING=burning, FILTER_SOOT=soot))
    assert only(found, "dpf_regen_open") == 1.0
    assert only(found, "dpf_regen_s") == pytest.approx(200.0, abs=5.0)
    assert only(found, "dpf_regen_soot") == pytest.approx(26.0, abs=0.1)
    assert only(found, "dpf_soot_last") == pytest.approx(21.05, abs=0.1)


def test_ratios_are_told_gear_by_gear() -> None:
    """Third and fifth gear, each while it was engaged and steady; shifts in between do not disturb."""
    gear = np.where(np.arange(600) % 100 < 50, 3.0, 5.0)
    output = np.full(600, 1500.0)
    turbine = output * np.where(gear == 3.0, 1.6, 0.9)
    found = trip(drive(20.0, GEAR=gear, GEARBOX_OUTPUT_SPEED=output, TURBINE_SPEED=turbine, ENGINE_SPEED=turbine + 20.0,
                       GEARBOX_TEMPERATURE=95.0))  # fmt: skip
    assert only(found, "gear_ratio_3") == pytest.approx(np.log(1.6), abs=1e-3)
    assert only(found, "gear_ratio_5") == pytest.approx(np.log(0.9), abs=1e-3)
    assert np.isnan(only(found, "gear_ratio_4"))
    assert only(found, "converter_slip") == pytest.approx(20.0, abs=1.0)
    assert only(found, "gearbox_dose_h") == pytest.approx(2.0 * 20.0 / 60.0, rel=0.02)


def test_hot_gearbox_fluid_is_timed() -> None:
    """Twelve minutes above 130 degC are 720 s."""
    heat = np.where(np.arange(600) < 360, 135.0, 110.0)
    found = trip(drive(20.0, GEARBOX_TEMPERATURE=heat))
    assert only(found, "gearbox_hot_s") == pytest.approx(720.0, abs=10.0)
    assert only(found, "gearbox_max") == 135.0


def test_the_warm_fluid_is_compared_with_the_coolant() -> None:
    """Only once both have warmed up: 103 degC against 88 degC are 15 K."""
    heat = np.where(np.arange(900) * 2.0 < 600.0, 40.0, 103.0)
    found = trip(drive(30.0, GEARBOX_TEMPERATURE=heat))
    assert only(found, "fluid_excess") == pytest.approx(15.0, abs=0.5)


def test_oil_pressure_is_stated_at_one_speed_and_temperature() -> None:
    """200 kPa at 900 rpm and 95 degC are ln 200 + 0.1 - ln(900 / 800); a running engine without any is counted."""
    idle = trip(drive(20.0, ENGINE_SPEED=900.0, SPEED=0.0, OIL_PRESSURE=200.0, OIL_TEMPERATURE=95.0))
    assert only(idle, "idle_oil_pressure") == pytest.approx(np.log(200.0) + 0.1 - np.log(900.0 / 800.0), abs=1e-3)
    assert only(idle, "oil_pressure_low") == 0.0
    dry = trip(drive(5.0, OIL_PRESSURE=np.where(np.arange(150) < 120, 350.0, 10.0)))
    assert only(dry, "oil_pressure_low") == 30.0


def test_the_depression_at_full_throttle_is_stated_at_one_engine_speed() -> None:
    """4 kPa at 4000 rpm, whatever the speeds at which it was read; a turbocharged engine has none."""
    rpm = 3000.0 + 1500.0 * (np.arange(300) % 2)
    wide = {"THROTTLE": 85.0, "ENGINE_SPEED": rpm, "BAROMETRIC_PRESSURE": 100.0}
    lost = only(trip(drive(10.0, MAP=100.0 - 4.0 * (rpm / 4000.0) ** 2, **wide)), "intake_depression")
    assert lost == pytest.approx(4.0, abs=0.01)
    assert np.isnan(only(trip(drive(10.0, MAP=160.0, **wide)), "intake_depression"))


def test_air_is_weighed_by_meter_or_by_pressure() -> None:
    """20 g/s for ten minutes are 12 kg; without a meter the cylinders' filling stands for it."""
    assert only(trip(drive(10.0, MAF=20.0)), "intake_air_kg") == pytest.approx(12.0, rel=0.02)
    filled = trip(drive(10.0, MAP=60.0, INTAKE_AIR_TEMPERATURE=26.85))
    assert only(filled, "intake_air_kg") == pytest.approx(0.0523 * 60.0 * 2000.0 / 300.0 * 600.0 / 1000.0, rel=0.02)


def test_oil_without_a_sensor_follows_the_coolant_slowly() -> None:
    """A start at -10 degC ages the oil more than one of the warm engine, and full speed more than cruising."""
    warm = np.minimum(88.0, -10.0 + 0.4 * np.arange(600))
    cold = only(trip(drive(20.0, COOLANT_TEMPERATURE=warm)), "oil_dose")
    hot = only(trip(drive(20.0)), "oil_dose")
    fast = only(trip(drive(20.0, ENGINE_SPEED=5000.0)), "oil_dose")
    assert cold > 1.3 * hot
    assert fast > 2.5 * hot * 1.5
    assert hot == pytest.approx(2000.0 * 20.0, rel=0.02)
