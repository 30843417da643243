"""Tyres: the gas in them and its warmth, leaks, refills, tread, and the radius on which they roll.

Pressure is that of an ideal gas in a constant volume, so it follows the temperature of the tyre, which rolling,
braking and the air set. Gas is lost through the rubber, twice as fast every 20 K, and through leaks in proportion to
the gauge pressure. Tread wears with the energy of slip: along, by drive and braking at their wheels; across, by
cornering; and by toe all the time. The size of heat, losses and wear is our choice within what tests of cars report:
20 to 25 K at motorway speed, 4 to 9 kPa lost a month, about 0.1 mm of tread in 1000 km. Owners pump their tyres up now
and then, and soon after the lamp has come on that more than one soft tyre lights; who has one soft tyre has a hole.

Reads of the platform ``tyre_front_kpa``, ``tyre_rear_kpa`` (gauge, cold), ``tyre_radius_m``, ``mass_kg``,
``front_weight``, ``driven_front`` (part of the traction), ``tread_mm``, ``tpms`` (part of cars that show pressures),
``tpms_absolute`` (1: the sensor takes off a standard atmosphere instead of the air's pressure). Wheels are in the order
front left, front right, rear left, rear right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet.arrays import Floats, by_place, floats, full, scatter, spread
from simulators.fleet.faults import FaultKind, WearPart
from simulators.fleet.subsystem import Subsystem
from vehicle.signals import TYRE_PRESSURES, TYRE_TEMPERATURES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulators.fleet.faults import Bools
    from simulators.fleet.moment import Moment, Weather

WHEELS = 4
REFERENCE_K = 293.15
STANDARD_KPA = 101.325
HEAT_J_PER_K = 21_000.0
"""Tyre and rim with what air they hold."""
COOLING_W_PER_K, COOLING_PER_MPS = 9.0, 1.15
"""Convection at rest, and more for each metre a second."""
WET_COOLING = 1.5
DISC_W_PER_K = 0.9
"""From a brake disc through the hub and the air in the rim."""
ROLLING = 0.0085
SLIP_STIFFNESS, CORNER_STIFFNESS = 24.0, 13.5
"""Force per slip, and per radian of slip angle, as a multiple of the wheel's load (small slip)."""
BRAKED_FRONT = 0.7
LATERAL_LEAST = 0.25
"""Mean square of the sideways acceleration that straight roads ask for by camber and wind, (m/s²)²: our choice."""
LOSS_DOUBLES_K = 20.0
RADIUS_PER_KPA = 4.2e-5
"""Part of the rolling radius for a kilopascal: a quarter of the pressure is 0.2 to 0.3 % of the radius."""
GROWTH_PER_MPS2 = 1.1e-6
"""Growth of the radius with the square of the speed."""
MEAN_WORN_MM = 3.0
"""Wear at which the nominal radius, with which the control unit reckons, is right."""
LEGAL_MM = 1.6
FLAT_KPA = 150.0
LAMP_PART, SOFT_PART = 0.75, 0.8
"""Parts of the placard's pressure at which a tyre lights the lamp (FMVSS 138) and at which others are soft too."""
LAMP_DAYS = 8.0  # mean time from the lamp to the air pump (our choice)
LOW_PART, FILLED_PART = 0.8, 0.86
"""A car is low on air from a fifth below the placard's cold pressure (UN R141 asks for a warning at a fifth below that
of the warm tyre; cold is our choice), until no tyre is below the other."""
G = 9.81


@dataclass(frozen=True, slots=True, kw_only=True)
class TyreBuild:
    """Down to ``made`` ``(n, 4)``, then ``(n,)``.

    ``placard_kpa`` gauge, ``load_n`` and its inverse, ``driven`` and ``braked`` parts of the force, ``loses`` part of
    the gauge pressure lost in a second at 20 °C, ``bias_kpa`` of the pressure sensor, ``made`` how fast the wheel turns
    as it was made (1 nominal); ``per_radius_mm`` is 1 / radius.
    """

    placard_kpa: Floats
    load_n: Floats
    per_load: Floats
    driven: Floats
    braked: Floats
    loses: Floats
    bias_kpa: Floats
    made: Floats
    per_radius_mm: Floats
    tread_mm: Floats
    mm_per_mj: Floats
    refilled_days: Floats
    """Mean time between the owner's visits to the air pump."""
    shows: Floats
    """1 where the car shows pressures."""
    absolute: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class TyreCondition:
    """``leak`` part of the gauge pressure lost in a day through a hole or valve, ``toe_rad`` misalignment: (n, 4)."""

    leak: Floats
    toe_rad: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class TyreState:
    """``gas_kpa`` is the absolute pressure that the gas would have at 20 °C. All ``(n, 4)`` but ``baro_kpa``.

    ``lost_kpa``, ``slip_j`` count since the car last stood: they are small against what they change.
    """

    gas_kpa: Floats
    lost_kpa: Floats
    tyre_c: Floats
    worn_mm: Floats
    slip_j: Floats
    baro_kpa: Floats
    cold_part: Floats
    """What pressure was before the last drive, had the tyre been as cold as the air, as a part of the placard's."""


def build(platform: Mapping[str, float], n: int, rng: np.random.Generator) -> TyreBuild:
    """Tyres of ``n`` cars of a platform."""
    front, driven = platform.get("front_weight", 0.58), platform.get("driven_front", 1.0)
    weight = platform.get("mass_kg", 1400.0) * G
    load_n = _axles(n, weight * front / 2.0, weight * (1.0 - front) / 2.0)
    return TyreBuild(
        placard_kpa=_axles(n, platform.get("tyre_front_kpa", 230.0), platform.get("tyre_rear_kpa", 220.0)),
        load_n=load_n,
        per_load=1.0 / load_n,
        driven=_axles(n, driven / 2.0, (1.0 - driven) / 2.0),
        braked=_axles(n, BRAKED_FRONT / 2.0, (1.0 - BRAKED_FRONT) / 2.0),
        loses=by_place(_each(spread(rng, n * WHEELS, 1.0, 0.15)) * spread(rng, n, 9.0e-4 / 86_400.0, 0.35)[:, None]),
        bias_kpa=_each(scatter(rng, n * WHEELS, 0.0, 2.5)),
        made=_each(scatter(rng, n * WHEELS, 1.0, 0.0006)),
        per_radius_mm=full(n, 0.001 / platform.get("tyre_radius_m", 0.31)),
        tread_mm=spread(rng, n, platform.get("tread_mm", 7.8), 0.04),
        mm_per_mj=spread(rng, n, platform.get("tread_mm_per_mj", 0.033), 0.25),
        refilled_days=spread(rng, n, 150.0, 0.6),
        shows=floats(rng.random(n) < platform.get("tpms", 0.8)),
        absolute=full(n, platform.get("tpms_absolute", 0.0)),
    )


def _axles(n: int, front: float, rear: float) -> Floats:
    return by_place(np.tile([front, front, rear, rear], (n, 1)))


def _each(values: Floats) -> Floats:
    return by_place(values.reshape(-1, WHEELS))


def sound(n: int, rng: np.random.Generator) -> TyreCondition:
    """Tyres without holes; nobody's wheels are aligned perfectly."""
    return TyreCondition(leak=by_place(np.zeros((n, WHEELS))), toe_rad=_each(spread(rng, n * WHEELS, 0.0022, 0.4)))


def begin(build: TyreBuild, weather: Weather) -> TyreState:
    """New tyres at the placard's pressure, as warm as the air."""
    ambient_c = _each(np.repeat(weather.ambient_c, WHEELS))
    return TyreState(
        gas_kpa=filled(build, ambient_c, weather.baro_kpa),
        lost_kpa=np.zeros_like(ambient_c),
        tyre_c=ambient_c,
        worn_mm=np.zeros_like(ambient_c),
        slip_j=np.zeros_like(ambient_c),
        baro_kpa=weather.baro_kpa,
        cold_part=np.ones_like(ambient_c),
    )


def filled(build: TyreBuild, tyre_c: Floats, baro_kpa: Floats) -> Floats:
    """The gas of tyres that show the placard's pressure at ``tyre_c`` (n, 4)."""
    return floats((build.placard_kpa + baro_kpa[:, None]) * (REFERENCE_K / (tyre_c + 273.15)))


def pressure_kpa(state: TyreState) -> Floats:
    """Absolute pressure, ``(n, 4)``."""
    absolute: Floats = (state.gas_kpa - state.lost_kpa) * ((state.tyre_c + 273.15) * (1.0 / REFERENCE_K))
    return absolute


def gauge_kpa(state: TyreState) -> Floats:
    """Pressure above that of the air, ``(n, 4)``."""
    return floats(np.maximum(pressure_kpa(state) - state.baro_kpa[:, None], np.float32(0.0)))


def step(
    state: TyreState, moment: Moment, build: TyreBuild, condition: TyreCondition, dt_s: float,
    rng: np.random.Generator,
) -> TyreState:  # fmt: skip
    """The tyres ``dt_s`` later; gives ``turning``."""
    del rng
    gauge = pressure_kpa(state) - moment.baro_kpa[:, None]
    leaks = condition.leak * np.float32(1.0 / 86_400.0)
    leaks += build.loses
    leaks *= gauge
    leaks *= np.float32(dt_s)
    pull = _pull(moment, build)
    moment.turning = _turning(state, moment, build, gauge, pull)
    return TyreState(
        gas_kpa=state.gas_kpa,
        lost_kpa=leaks + state.lost_kpa,
        tyre_c=_warmed(state, moment, build, gauge, dt_s),
        worn_mm=state.worn_mm,
        slip_j=state.slip_j + _slip_w(moment, build, condition, pull) * np.float32(dt_s),
        baro_kpa=moment.baro_kpa,
        cold_part=state.cold_part,
    )


def _warmed(state: TyreState, moment: Moment, build: TyreBuild, gauge: Floats, dt_s: float) -> Floats:
    """Temperature ``dt_s`` later: rolling (more with little pressure), brakes, and the air stream."""
    soft = np.maximum(gauge, np.float32(25.0))
    np.divide(build.placard_kpa, soft, out=soft)
    np.sqrt(soft, out=soft)
    soft *= build.load_n
    soft *= (np.float32(ROLLING) * moment.speed_mps)[:, None]
    soft += (moment.disc_c - state.tyre_c) * np.float32(DISC_W_PER_K)
    per_k = np.float32(COOLING_PER_MPS) * moment.speed_mps
    per_k *= np.float32(1.0) + np.float32(WET_COOLING - 1.0) * moment.wet
    per_k += np.float32(COOLING_W_PER_K)
    settled = soft / per_k[:, None] + moment.ambient_c[:, None]
    near = np.exp(per_k * np.float32(-dt_s / HEAT_J_PER_K))
    warmed: Floats = settled + (state.tyre_c - settled) * near[:, None]
    return warmed


def _pull(moment: Moment, build: TyreBuild) -> Floats:
    """Force along over the load of each wheel, forwards positive, ``(n, 4)``."""
    per_speed = floats(1.0 / np.maximum(moment.speed_mps, np.float32(1.0)))
    at_motor = np.maximum(moment.wheel_power_w, np.float32(0.0)) - moment.regen_w
    pull: Floats = (at_motor * per_speed)[:, None] * build.driven
    pull -= (moment.friction_brake_w * per_speed)[:, None] * build.braked
    pull *= build.per_load
    return pull


def _turning(state: TyreState, moment: Moment, build: TyreBuild, gauge: Floats, pull: Floats) -> Floats:
    """Turns of the wheel against those of a new one at the placard's pressure that does not slip, ``(n, 4)``."""
    turning: Floats = gauge - build.placard_kpa
    turning *= np.float32(-RADIUS_PER_KPA)
    turning += (state.worn_mm - np.float32(MEAN_WORN_MM)) * build.per_radius_mm[:, None]
    turning += build.made
    turning += pull * np.float32(1.0 / SLIP_STIFFNESS)
    turning -= (moment.speed_mps * moment.speed_mps * np.float32(GROWTH_PER_MPS2))[:, None]
    return turning


def _slip_w(moment: Moment, build: TyreBuild, condition: TyreCondition, pull: Floats) -> Floats:
    """Power that each contact patch loses to slip, W; cornering loads wheels alike."""
    across = moment.lateral_mps2 * moment.lateral_mps2
    across += np.float32(LATERAL_LEAST)
    across *= np.float32(1.0 / (G * G * CORNER_STIFFNESS))
    lost = condition.toe_rad * condition.toe_rad
    lost *= np.float32(CORNER_STIFFNESS)
    lost += across[:, None]
    lost += pull * pull * np.float32(1.0 / SLIP_STIFFNESS)
    lost *= build.load_n
    lost *= moment.speed_mps[:, None]
    return lost


def park(
    state: TyreState, build: TyreBuild, condition: TyreCondition, parked_s: Floats, weather: Weather,
    rng: np.random.Generator,
) -> TyreState:  # fmt: skip
    """After standing: cooled, some gas gone, perhaps refilled; what the drive wore is put down."""
    ambient = weather.ambient_c[:, None]
    near = np.exp(parked_s * np.float32(-COOLING_W_PER_K / HEAT_J_PER_K))[:, None]
    tyre_c = floats(ambient + (state.tyre_c - ambient) * near)
    baro = weather.baro_kpa[:, None] * (REFERENCE_K / (ambient + 273.15))
    rate = build.loses * np.exp2((ambient - 20.0) / LOSS_DOUBLES_K) + condition.leak / 86_400.0
    gas = state.gas_kpa - state.lost_kpa
    gas = baro + (gas - baro) * np.exp(-rate * parked_s[:, None])
    days = np.where(_lamp_for_air(state, build), np.float32(LAMP_DAYS), build.refilled_days)
    visits = rng.random(len(parked_s), dtype=np.float32) < -np.expm1(parked_s / (days * np.float32(-86_400.0)))
    gas = np.where(visits[:, None], np.maximum(gas, filled(build, tyre_c, weather.baro_kpa)), gas)
    cold = gas * ((ambient + 273.15) * (1.0 / REFERENCE_K)) - weather.baro_kpa[:, None]
    return TyreState(
        gas_kpa=floats(gas),
        lost_kpa=np.zeros_like(state.lost_kpa),
        tyre_c=tyre_c,
        worn_mm=worn_mm(state, build),
        slip_j=np.zeros_like(state.slip_j),
        baro_kpa=weather.baro_kpa,
        cold_part=floats(cold / build.placard_kpa),
    )


def _lamp_for_air(state: TyreState, build: TyreBuild) -> Bools:
    """Whether the lamp was lit before the last drive, by tyres that are soft together."""
    by_pressure = np.sort(state.cold_part, axis=1)
    lit: Bools = (build.shows > 0.5) & (by_pressure[:, 0] < LAMP_PART) & (by_pressure[:, 1] < SOFT_PART)  # noqa: PLR2004 - a flag
    return lit


def holed(condition: TyreCondition) -> Bools:
    """Whether a tyre of the car leaks, ``(n,)``."""
    return np.asarray(np.logical_or.reduce(condition.leak > 0.0, axis=1))


def low_part(state: TyreState) -> Floats:
    """``cold_part`` of the softest tyre, ``(n,)``."""
    return floats(state.cold_part.min(axis=1))


def worn_mm(state: TyreState, build: TyreBuild) -> Floats:
    """Tread worn off so far, ``(n, 4)``."""
    return floats(state.worn_mm + state.slip_j * (build.mm_per_mj * np.float32(1e-6))[:, None])


def tread_mm(state: TyreState, build: TyreBuild) -> Floats:
    """Tread left, ``(n, 4)``."""
    return floats(np.maximum(build.tread_mm[:, None] - worn_mm(state, build), np.float32(0.0)))


def readings(state: TyreState, build: TyreBuild, condition: TyreCondition) -> dict[str, Floats]:
    """What the sensors in the wheels send; NaN where the car has none."""
    del condition
    less = np.where(build.absolute > 0.5, np.float32(STANDARD_KPA), state.baro_kpa)  # noqa: PLR2004 - a flag
    none = np.where(build.shows > 0.5, np.float32(0.0), np.float32(np.nan))  # noqa: PLR2004 - a flag
    shown = pressure_kpa(state)
    shown += build.bias_kpa
    shown += (none - less)[:, None]
    np.maximum(shown, np.float32(0.0), out=shown)
    warm = state.tyre_c + none[:, None]
    return {path: values[:, at] for paths, values in ((TYRE_PRESSURES, shown), (TYRE_TEMPERATURES, warm))
            for at, path in enumerate(paths)}  # fmt: skip


def is_flat(state: TyreState, build: TyreBuild, condition: TyreCondition) -> Bools:
    """Whether a tyre is too soft to be driven on."""
    del build, condition
    soft: Bools = np.logical_or.reduce(gauge_kpa(state) < FLAT_KPA, axis=1)
    return soft


def inflated(state: TyreState, build: TyreBuild, which: Bools) -> TyreState:
    """The tyres of the cars ``which`` pumped up."""
    full_again = filled(build, state.tyre_c, state.baro_kpa)
    gas_kpa = np.where(which[:, None], full_again, state.gas_kpa)
    return replace(state, gas_kpa=gas_kpa, lost_kpa=np.where(which[:, None], np.float32(0.0), state.lost_kpa))


def tread_left(state: TyreState, build: TyreBuild, condition: TyreCondition) -> Floats:
    """Part of the usable tread that is left, ``(n, 4)``."""
    del condition
    return floats(1.0 - worn_mm(state, build) / (build.tread_mm[:, None] - np.float32(LEGAL_MM)))


def with_tread(state: TyreState, build: TyreBuild, which: Bools, left: Floats) -> TyreState:
    """All four tyres of the cars ``which`` worn to ``left``; new ones are pumped up."""
    worn = ((1.0 - left) * (build.tread_mm - np.float32(LEGAL_MM)))[:, None]
    changed = replace(
        state,
        worn_mm=floats(np.where(which[:, None], worn, state.worn_mm)),
        slip_j=np.where(which[:, None], np.float32(0.0), state.slip_j),
    )
    return inflated(changed, build, which)


def least_tread_mm(state: TyreState, build: TyreBuild, condition: TyreCondition) -> Floats:
    """The thinnest tread of the four."""
    del condition
    least: Floats = tread_mm(state, build).min(axis=1)
    return least


SUBSYSTEM: Subsystem[TyreBuild, TyreCondition, TyreState] = Subsystem(
    name="tyres", build=build, sound=sound, begin=begin, park=park, step=step, readings=readings
)  # fmt: skip

FAULTS = (
    FaultKind(
        name="slow_puncture", component="tyre_pressure", observability="A", field="leak", sound=0.0, failed=0.012,
        law="step", growth_days=45.0, growth_spread=0.8, repair="repair_or_replace_tyre", per_year=0.035,
        failed_when=is_flat, mended=inflated,
    ),
    FaultKind(
        name="leaking_valve", component="tyre_pressure", observability="A", field="leak", sound=0.0, failed=0.02,
        law="gamma", growth_days=120.0, repair="replace_valve", per_year=0.008, ageing=1.5, failed_when=is_flat,
        mended=inflated,
    ),
    FaultKind(
        name="puncture", component="tyre_pressure", observability="A", field="leak", sound=0.0, failed=60.0,
        law="sudden", growth_days=0.1, repair="repair_or_replace_tyre", per_year=0.006, failed_when=is_flat,
        mended=inflated,
    ),
    FaultKind(
        name="misaligned_wheel", component="tyre_wear", observability="C", field="toe_rad", sound=0.0022, failed=0.014,
        law="step", growth_days=200.0, repair="align_wheels", per_year=0.01,
    ),
)  # fmt: skip

WEAR = (
    WearPart(
        name="tread", component="tyre_wear", observability="C", left=tread_left, worn=with_tread,
        repair="replace_tyres", renew_below=0.15, measurement="tread_mm", measured=least_tread_mm, error=0.25,
    ),
)  # fmt: skip
