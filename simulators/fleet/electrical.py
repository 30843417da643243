"""The 12 V system of a car with an engine: lead-acid battery, starter, alternator with its regulator, consumers.

Battery: open-circuit voltage over charge, a little over temperature, and a surface charge that fades after a drive;
ohmic resistance that grows with cold, emptiness and age. Sulphate takes capacity while it stands discharged.
Alternator: holds the regulator's voltage while its current suffices, else the battery gives the rest. A smart regulator
charges in overrun and rests under load. The start is computed in steps of 20 ms.

Platform: ``battery_ah``, ``battery_ohm``, ``agm`` (1: absorbent mat), ``alternator_a``, ``regulator_v``, ``smart`` (1),
``base_load_w``, ``starter_ohm``, ``parasitic_a``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet.arrays import Floats, clamp, floats, full, scatter, spread, when
from simulators.fleet.faults import FaultKind
from simulators.fleet.subsystem import START_ROWS, Subsystem
from vehicle.signals import BATTERY_CURRENT, CONTROL_MODULE_VOLTAGE, ENGINE_SPEED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulators.fleet.faults import Bools
    from simulators.fleet.moment import Moment, Weather

EMPTY_V, SPAN_V, AGM_V = 11.82, 0.86, 0.12
OHM_PER_K = 0.0092
EMPTY_OHM = 0.75
SURFACE_V, SURFACE_S = 0.2, 5_400.0
CABLE_OHM = 0.0019
KEY_ON_A = 13.0
STARTER_BACK_V, INRUSH_S = 6.1, 0.065
STEP_S, STEPS = 0.02, 150
ENGAGES_S = 0.5
CRANKS_S = 0.62
STALLS_V = 7.4
"""Plateau below which the starter no longer turns the engine fast enough to fire (our choice)."""
FIRED_RPM = 1150.0
CRANKING_RPM = 205.0
TAKES_UP_S = 2.0
TRIP_V, STRAY_V, STRAYS_S = 0.115, 0.11, 20.0
"""Deviation of the voltage from trip to trip and within one, and how long it stays (our choice)."""
SEEN_S = 0.2
"""Lag of the control unit's own voltmeter."""
RUNS_UP_V_PER_S = 1.6
REGULATOR_V_PER_K = -0.0105
RESTING_V, RECUPERATING_V = 12.75, 14.75
SMART_FROM = 0.8
ACCEPTS_OVER = 0.4
SHAFT_EFFICIENCY = 0.58
CELSIUS_OF_CHARGE = 25.0
SELF_DISCHARGE_PER_DAY = 0.0012
SULPHATES_BELOW, SULPHATES_PER_DAY = 0.65, 0.0016
DAY_S = 86_400.0

GIVES = ("accessories_w", "electrical_load_w", "low_voltage_v")


@dataclass(frozen=True, slots=True, kw_only=True)
class ElectricalBuild:
    """As made; ``smart`` is 1 where the regulator lets the battery rest."""

    battery_ah: Floats
    battery_ohm: Floats
    full_v: Floats
    alternator_a: Floats
    regulator_v: Floats
    base_load_w: Floats
    starter_ohm: Floats
    parasitic_a: Floats
    smart: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class ElectricalCondition:
    """Age of the battery and health of what charges and cranks."""

    resistance: Floats
    """Internal resistance as a multiple of the new battery's."""
    capacity: Floats
    """Capacity as a part of the new battery's."""
    drain_a: Floats
    """Drawn on while standing beyond what belongs there."""
    alternator_kept: Floats
    regulator_offset_v: Floats
    starter_drag: Floats
    """Torque that the starter and engine resist with, 1 sound."""
    cable_ohm: Floats
    """Resistance of bad contacts."""
    meter_offset_v: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class ElectricalState:
    """Charge 0 to 1, voltages at the control unit, the battery's current (charging positive)."""

    charge: Floats
    surface_v: Floats
    battery_c: Floats
    voltage_v: Floats
    current_a: Floats
    field: Floats
    trip_v: Floats
    """What the regulator differs by on this trip."""
    stray_v: Floats
    """What consumers that come and go move the voltage by."""
    sulphated: Floats
    """Part of the capacity lost to sulphate."""
    lowest_v: Floats
    """Of the last start."""
    cranked_s: Floats
    not_started: Floats
    """Starts that failed so far; help came each time."""


def build(platform: Mapping[str, float], n: int, rng: np.random.Generator) -> ElectricalBuild:
    """Batteries of some makes; regulators within a tenth of a volt."""
    return ElectricalBuild(
        battery_ah=spread(rng, n, platform.get("battery_ah", 60.0), 0.08),
        battery_ohm=spread(rng, n, platform.get("battery_ohm", 0.0052), 0.09),
        full_v=full(n, EMPTY_V + SPAN_V + AGM_V * platform.get("agm", 0.0)),
        alternator_a=spread(rng, n, platform.get("alternator_a", 95.0), 0.04),
        regulator_v=scatter(rng, n, platform.get("regulator_v", 14.05), 0.08),
        base_load_w=spread(rng, n, platform.get("base_load_w", 210.0), 0.1),
        starter_ohm=spread(rng, n, platform.get("starter_ohm", 0.0155), 0.06),
        parasitic_a=spread(rng, n, platform.get("parasitic_a", 0.019), 0.35),
        smart=full(n, platform.get("smart", 0.0)),
    )


def sound(n: int, rng: np.random.Generator) -> ElectricalCondition:
    """A battery of some years that has much of its life before it."""
    return ElectricalCondition(
        resistance=clamp(scatter(rng, n, 1.16, 0.09), 1.0, 1.5),
        capacity=clamp(scatter(rng, n, 0.93, 0.035), 0.82, 1.0),
        drain_a=full(n, 0.0),
        alternator_kept=full(n, 1.0),
        regulator_offset_v=full(n, 0.0),
        starter_drag=spread(rng, n, 1.0, 0.05),
        cable_ohm=floats(np.abs(rng.normal(0.0, 0.0003, n))),
        meter_offset_v=scatter(rng, n, 0.0, 0.05),
    )


def begin(build: ElectricalBuild, weather: Weather) -> ElectricalState:
    """Nearly charged, at rest."""
    n = len(build.battery_ah)
    zero, charge = full(n, 0.0), full(n, 0.88)
    return ElectricalState(
        charge=charge, surface_v=zero, battery_c=weather.ambient_c, voltage_v=open_v(charge, zero + 20.0, build),
        current_a=zero, field=zero, trip_v=zero, stray_v=zero, sulphated=zero, lowest_v=zero, cranked_s=zero,
        not_started=zero,
    )  # fmt: skip


def open_v(charge: Floats, battery_c: Floats, build: ElectricalBuild) -> Floats:
    """Voltage at rest: falls faster near empty."""
    empty = 1.0 - charge
    return build.full_v - SPAN_V * empty * (0.82 + 0.18 * empty) + 0.0003 * (battery_c - CELSIUS_OF_CHARGE)


def resistance_ohm(state: ElectricalState, build: ElectricalBuild, condition: ElectricalCondition) -> Floats:
    """Internal resistance as the battery is."""
    empty = 1.0 - state.charge
    cold = np.exp(OHM_PER_K * (20.0 - state.battery_c))
    ohm: Floats = build.battery_ohm * condition.resistance * cold * (1.0 + EMPTY_OHM * empty * empty)
    return ohm


def capacity_as(state: ElectricalState, build: ElectricalBuild, condition: ElectricalCondition) -> Floats:
    """Charge that the battery takes from empty to full, ampere seconds; cold takes some of it."""
    cold = 1.0 - 0.006 * clamp(25.0 - state.battery_c, 0.0, 50.0)
    return build.battery_ah * (3600.0 * (1.0 - state.sulphated)) * condition.capacity * cold


def park(
    state: ElectricalState, build: ElectricalBuild, condition: ElectricalCondition, parked_s: Floats,
    weather: Weather, rng: np.random.Generator,
) -> ElectricalState:  # fmt: skip
    """What never sleeps draws on it; standing discharged leaves sulphate. Then the key is on, at rest."""
    days = parked_s * (1.0 / DAY_S)
    near = np.exp(-parked_s * (1.0 / 11_000.0))
    amps = build.parasitic_a + condition.drain_a + 0.25 * np.exp(-parked_s * (1.0 / 900.0))
    drawn = amps * parked_s / capacity_as(state, build, condition)
    self_drawn = SELF_DISCHARGE_PER_DAY * days * np.exp2((weather.ambient_c - 20.0) * 0.1)
    charge = clamp(state.charge - drawn - self_drawn, 0.01, 1.0)
    lacks = np.maximum(SULPHATES_BELOW - charge, 0.0)
    keep = 1.0 - 0.5 * clamp(parked_s * (1.0 / 3600.0), 0.0, 1.0)
    stood = replace(
        state,
        charge=charge,
        battery_c=weather.ambient_c + (state.battery_c - weather.ambient_c) * near,
        surface_v=state.surface_v * np.exp(-parked_s * (1.0 / SURFACE_S)),
        current_a=full(len(days), -KEY_ON_A),
        field=np.zeros_like(days),
        stray_v=np.zeros_like(days),
        trip_v=keep * state.trip_v + TRIP_V * np.sqrt(1.0 - keep * keep) * rng.standard_normal(len(days), np.float32),
        sulphated=np.minimum(state.sulphated + SULPHATES_PER_DAY * days * lacks, 0.7),
    )
    rest = open_v(charge, stood.battery_c, build) + stood.surface_v
    return replace(stood, voltage_v=rest - KEY_ON_A * resistance_ohm(stood, build, condition))


def start(
    state: ElectricalState, moment: Moment, build: ElectricalBuild, condition: ElectricalCondition,
    rng: np.random.Generator,
) -> tuple[ElectricalState, Mapping[str, Floats]]:  # fmt: skip
    """Cranks: voltage in steps of 20 ms, ``(n, STEPS)``, of which every fifth from a chance beginning is seen."""
    rest = open_v(state.charge, state.battery_c, build) + state.surface_v
    ohm = resistance_ohm(state, build, condition) + CABLE_OHM + condition.cable_ohm
    stiff = condition.starter_drag * (1.0 + 0.0075 * clamp(45.0 - moment.oil_c, 0.0, 75.0))
    back = STARTER_BACK_V / stiff
    plateau = rest - (rest - back) / (ohm + build.starter_ohm) * ohm
    failed = plateau < STALLS_V
    lasts = CRANKS_S * stiff * (10.5 / np.maximum(plateau, STALLS_V)) ** 2
    lasts = np.where(failed, 2.4, clamp(lasts * spread(rng, len(rest), 1.0, 0.18), 0.35, 2.4))
    passed = np.arange(STEPS, dtype=np.float32)[None, :] * np.float32(STEP_S) - np.float32(ENGAGES_S)
    cranking = (passed >= 0) & (passed < lasts[:, None])
    spun = back[:, None] * (1.0 - np.exp(-np.maximum(passed, 0.0) * (1.0 / INRUSH_S)))
    wave = 0.22 * np.sin(passed * 58.0 + rng.random((len(rest), 1), dtype=np.float32) * 6.0)
    amps = np.where(
        cranking, (rest[:, None] - spun) / (ohm + build.starter_ohm)[:, None] * (1.0 + 0.3 * wave), KEY_ON_A
    )
    volts = np.maximum(rest[:, None] - amps * ohm[:, None], 3.5)
    running = (passed >= lasts[:, None]) & ~failed[:, None]
    volts = np.where(
        running, np.minimum(volts + RUNS_UP_V_PER_S * (passed - lasts[:, None]), rest[:, None] + 0.9), volts
    )
    volts = _smoothed(volts)
    drawn = amps.sum(axis=1) * STEP_S / capacity_as(state, build, condition)
    phase = rng.integers(0, 5, len(rest))
    seen = phase[:, None] + 5 * np.arange(START_ROWS)
    after = _helped(replace(state, lowest_v=volts.min(axis=1), cranked_s=floats(lasts)), floats(drawn), failed)
    turning = np.where(cranking, CRANKING_RPM / stiff[:, None], np.where(running, FIRED_RPM, 0.0))
    return after, {
        CONTROL_MODULE_VOLTAGE: floats(np.take_along_axis(volts, seen, 1)) + condition.meter_offset_v[:, None],
        ENGINE_SPEED: floats(np.take_along_axis(turning, seen, 1)),
    }


def _smoothed(volts: Floats) -> Floats:
    """Volts ``(n, STEPS)`` as a voltmeter with some lag shows them."""
    shown = volts.copy()
    for at in range(1, volts.shape[1]):
        shown[:, at] = shown[:, at - 1] + (volts[:, at] - shown[:, at - 1]) * (STEP_S / SEEN_S)
    return shown


def _helped(state: ElectricalState, drawn: Floats, failed: Bools) -> ElectricalState:
    """After the start; who did not start was given a jump and some charge."""
    charge = clamp(state.charge - drawn, 0.01, 1.0)
    return replace(
        state,
        charge=np.where(failed, np.maximum(charge, np.float32(0.35)), charge),
        not_started=state.not_started + failed,
        field=np.zeros_like(charge),
    )


def _wanted_v(state: ElectricalState, moment: Moment, build: ElectricalBuild, condition: ElectricalCondition) -> Floats:
    """What the regulator aims at."""
    warm = 0.6 * moment.bonnet_c + 0.4 * moment.ambient_c
    plain = build.regulator_v + REGULATOR_V_PER_K * (warm - 25.0)
    if build.smart.any():
        resting = (state.charge > SMART_FROM) & (moment.fuel_cut <= 0) & (moment.run_s > 120.0)  # noqa: PLR2004
        eased = plain + (RESTING_V - plain) * (0.35 + when(moment.accel_mps2 > 0.15, 0.65))  # noqa: PLR2004
        held = np.where(resting, eased, np.where(moment.fuel_cut > 0, np.float32(RECUPERATING_V), plain))
        plain = np.where(build.smart > 0, held, plain)
    return plain + state.trip_v + condition.regulator_offset_v


def step(
    state: ElectricalState, moment: Moment, build: ElectricalBuild, condition: ElectricalCondition, dt_s: float,
    rng: np.random.Generator,
) -> ElectricalState:  # fmt: skip
    """A second of charging."""
    keeps = np.float32(np.exp(-dt_s / STRAYS_S))
    drawn = rng.standard_normal(len(state.charge), dtype=np.float32)
    stray = keeps * state.stray_v + np.float32(STRAY_V) * np.sqrt(1.0 - keeps * keeps) * drawn
    load_w = build.base_load_w + moment.consumers_w + 130.0 * moment.air_conditioning + 90.0 * moment.heater
    load_a = load_w / np.maximum(state.voltage_v, 9.0)
    field = state.field + (1.0 - state.field) * (dt_s / (TAKES_UP_S + dt_s))
    turned = moment.rpm / (moment.rpm + 620.0)
    able_a = build.alternator_a * condition.alternator_kept * field * (1.25 * turned)
    rest = open_v(state.charge, state.battery_c, build)
    ohm = 0.021 + 1.6 * resistance_ohm(state, build, condition)
    accepts = np.maximum(clamp((1.0 - state.charge) * (1.0 / ACCEPTS_OVER), 0.015, 1.0), state.charge < 0.02)  # noqa: PLR2004
    wanted = _wanted_v(state, moment, build, condition)
    held_a = np.maximum(wanted - rest, 0.0) / ohm * accepts
    short = able_a < load_a + held_a
    spare = able_a - load_a
    most = rest + spare * ohm / np.where(spare > 0, accepts, 1.0)
    volts = np.where(short, np.minimum(most, wanted), np.maximum(wanted, np.minimum(rest, wanted + 0.1))) + stray
    amps = np.where(short, spare, held_a)
    charge = clamp(state.charge + amps * dt_s / capacity_as(state, build, condition), 0.01, 1.0)
    sags = condition.cable_ohm * load_a
    moment.electrical_load_w, moment.low_voltage_v = load_w, volts
    moment.accessories_w = np.minimum(load_a + np.maximum(amps, 0.0), able_a) * volts * (1.0 / SHAFT_EFFICIENCY)
    return ElectricalState(
        charge=charge,
        surface_v=state.surface_v + (when(amps > -2.0, SURFACE_V) - state.surface_v) * (dt_s / (400.0 + dt_s)),  # noqa: PLR2004
        battery_c=state.battery_c
        + (0.65 * moment.ambient_c + 0.35 * moment.bonnet_c - state.battery_c) * (dt_s / 5000.0),
        voltage_v=np.maximum(volts - sags, 4.0),
        current_a=amps,
        stray_v=stray,
        field=field,
        trip_v=state.trip_v,
        sulphated=state.sulphated,
        lowest_v=state.lowest_v,
        cranked_s=state.cranked_s,
        not_started=state.not_started,
    )


def readings(state: ElectricalState, _build: ElectricalBuild, condition: ElectricalCondition) -> dict[str, Floats]:
    """Voltage at the control unit, and the battery sensor's current."""
    return {CONTROL_MODULE_VOLTAGE: state.voltage_v + condition.meter_offset_v, BATTERY_CURRENT: state.current_a}


def did_not_start(state: ElectricalState, _build: ElectricalBuild, _condition: ElectricalCondition) -> Bools:
    """The car has failed to start: by function, the end of the battery, or of what should have charged it."""
    return state.not_started > 0


def new_battery(state: ElectricalState, _build: ElectricalBuild, which: Bools) -> ElectricalState:
    """Another battery in the cars ``which``: charged, free of sulphate."""
    return replace(
        state,
        charge=np.where(which, np.maximum(state.charge, np.float32(0.9)), state.charge),
        sulphated=np.where(which, np.float32(0.0), state.sulphated),
        not_started=np.where(which, np.float32(0.0), state.not_started),
    )


_ENGINES = ("petrol", "petrol_turbo", "diesel", "van")
FAULTS = (
    FaultKind(
        name="battery ages", component="battery_12v", observability="A", field="resistance", sound=1.16, failed=7.0,
        also=(("capacity", 0.38),), law="gamma", growth_days=170.0, per_year=0.055, ageing=2.4, powertrains=_ENGINES,
        repair="battery replaced", failed_when=did_not_start, mended=new_battery,
    ),
    FaultKind(
        name="current is drawn on", component="battery_12v", observability="A", field="drain_a", sound=0.0, failed=0.7,
        law="step", growth_days=20.0, per_year=0.01, powertrains=_ENGINES, repair="consumer found, battery charged",
        failed_when=did_not_start, mended=new_battery,
    ),
    FaultKind(
        name="battery cable corrodes", component="battery_12v", observability="A", field="cable_ohm", sound=0.0002,
        failed=0.02, law="gamma", growth_days=180.0, per_year=0.004, ageing=1.8, powertrains=_ENGINES,
        repair="battery cable cleaned", failed_when=did_not_start, mended=new_battery,
    ),
    FaultKind(
        name="alternator weakens", component="charging", observability="A", field="alternator_kept", sound=1.0,
        failed=0.18, law="gamma", growth_days=75.0, per_year=0.012, ageing=2.0, powertrains=_ENGINES,
        repair="alternator replaced", mended=new_battery, codes=("P0562",),
    ),
    FaultKind(
        name="regulator drifts low", component="charging", observability="A", field="regulator_offset_v", sound=0.0,
        failed=-2.1, law="wiener", growth_days=120.0, per_year=0.004, ageing=1.5, powertrains=_ENGINES,
        repair="regulator replaced", mended=new_battery, codes=("P0562",),
    ),
    FaultKind(
        name="regulator overcharges", component="charging", observability="A", field="regulator_offset_v", sound=0.0,
        failed=2.2, law="wiener", growth_days=90.0, per_year=0.002, powertrains=_ENGINES,
        repair="regulator replaced", codes=("P0563",),
    ),
)  # fmt: skip

SUBSYSTEM = Subsystem(
    name="electrical", build=build, sound=sound, begin=begin, park=park, step=step, readings=readings, start=start
)  # fmt: skip
