"""An automatic gearbox: converter, clutches that may slip, and oil that heats, ages and wears.

The turbine turns as the output and the gear say, a little faster where a clutch slips; the converter lets the engine
turn faster than the turbine until it locks. What slips heats the oil, as do the gears' own losses; a cooler gives it to
the coolant, the case to the air. Oil ages twice as fast for every 10 K, and old oil lets clutches slip more. Sizes are
our choice.

Reads of the platform ``automatic`` (part of the cars that have one and tell of it), ``gears``, ``top_rpm_per_mps`` and
``first_to_top`` as the engine does, ``output_rpm_per_mps``, ``gearbox_cooler_w_per_k``, ``gearbox_oil_hours``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet.arrays import Floats, floats, full, spread
from simulators.fleet.faults import FaultKind, WearPart
from simulators.fleet.subsystem import Subsystem
from vehicle.signals import GEAR, GEARBOX_OUTPUT_SPEED, GEARBOX_TEMPERATURE, TURBINE_SPEED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulators.fleet.faults import Bools
    from simulators.fleet.moment import Moment, Weather

HEAT_J_PER_K = 21_000.0
CASE_W_PER_K, CASE_PER_MPS = 7.0, 0.9
MESH_LOSS, DRAG_W_PER_RPM = 0.035, 0.06
RAD_PER_S = np.pi / 30.0
RATED_NM = 160.0
AGES_FROM_C, DOUBLES_K = 88.0, 10.0
OLD_SLIPS = 1.5
"""How much more clutches slip with oil at the end of its life."""
PARKED_S = 8_400.0
PLACES = 16
"""Of the table of gears: more than any gearbox has gears."""
TOO_HOT_C = 130.0
SLIPS_TOO_MUCH = 0.09
"""Slip at rated torque at which the control unit goes into limp mode (our choice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GearboxBuild:
    """``(n,)``, and ``(n, PLACES)`` the ``ratio`` of each gear: turbine over output, the first for standing."""

    ratio: Floats
    output_rpm_per_mps: Floats
    cooler_w_per_k: Floats
    oil_hours: Floats
    has: Floats
    """1 where there is an automatic gearbox that tells of itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GearboxCondition:
    """``(n,)``: ``slip`` of the clutches at rated torque, ``cooler`` 1 free to 0 blocked, offset of the sensor in K."""

    slip: Floats
    cooler: Floats
    sensor_offset_c: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class GearboxState:
    """``(n,)``: ``aged_h`` hours at 88 °C that the oil has aged by, ``ageing_h`` since the car last stood."""

    oil_c: Floats
    peak_c: Floats
    aged_h: Floats
    ageing_h: Floats
    gear: Floats
    turbine_rpm: Floats
    output_rpm: Floats


def build(platform: Mapping[str, float], n: int, rng: np.random.Generator) -> GearboxBuild:
    """Gearboxes of ``n`` cars of a platform."""
    count, output = int(platform.get("gears", 5)), platform.get("output_rpm_per_mps", 105.0)
    top, spread_of = platform.get("top_rpm_per_mps", 74.0), platform.get("first_to_top", 4.4)
    overall = top * spread_of ** (1.0 - np.arange(count) / (count - 1))
    return GearboxBuild(
        ratio=np.tile(floats(overall[np.clip(np.arange(PLACES) - 1, 0, count - 1)] / output), (n, 1)),
        output_rpm_per_mps=full(n, output),
        cooler_w_per_k=spread(rng, n, platform.get("gearbox_cooler_w_per_k", 95.0), 0.06),
        oil_hours=spread(rng, n, platform.get("gearbox_oil_hours", 3_200.0), 0.25),
        has=floats(rng.random(n) < platform.get("automatic", 0.0)),
    )


def sound(n: int, rng: np.random.Generator) -> GearboxCondition:
    """Clutches that hardly slip, free coolers."""
    return GearboxCondition(
        slip=spread(rng, n, 0.002, 0.4), cooler=spread(rng, n, 1.0, 0.03), sensor_offset_c=full(n, 0.0)
    )  # fmt: skip


def begin(build: GearboxBuild, weather: Weather) -> GearboxState:
    """A new gearbox as warm as the air."""
    zero = np.zeros_like(build.has)
    return GearboxState(
        oil_c=weather.ambient_c, peak_c=weather.ambient_c, aged_h=zero, ageing_h=zero, gear=zero, turbine_rpm=zero,
        output_rpm=zero,
    )  # fmt: skip


def slip(state: GearboxState, build: GearboxBuild, condition: GearboxCondition, torque_nm: Floats) -> Floats:
    """How much faster the turbine turns than output and gear say, as a part."""
    old = np.float32(OLD_SLIPS) * np.minimum(state.aged_h / build.oil_hours, np.float32(1.5))
    pull = np.abs(torque_nm) * np.float32(1.0 / RATED_NM)
    slips: Floats = condition.slip * (np.float32(1.0) + old) * pull
    return slips


def step(
    state: GearboxState, moment: Moment, build: GearboxBuild, condition: GearboxCondition, dt_s: float,
    _rng: np.random.Generator,
) -> GearboxState:  # fmt: skip
    """The gearbox ``dt_s`` later."""
    output_rpm = moment.speed_mps * build.output_rpm_per_mps
    at = np.arange(0, build.ratio.size, PLACES) + moment.gear.astype(np.int64)
    geared = output_rpm * build.ratio.reshape(-1).take(at)
    slips = slip(state, build, condition, moment.torque_nm)
    turbine = geared * (np.float32(1.0) + slips)
    converter = np.maximum(moment.rpm - turbine, np.float32(0.0))
    lost_w = np.abs(moment.torque_nm) * np.float32(RAD_PER_S) * (converter + geared * (slips + np.float32(MESH_LOSS)))
    lost_w += np.float32(DRAG_W_PER_RPM) * moment.rpm
    oil_c = _warmed(state.oil_c, lost_w * build.has, moment, build, condition, dt_s)
    age = np.exp2((oil_c - np.float32(AGES_FROM_C)) * np.float32(1.0 / DOUBLES_K)) * np.float32(dt_s / 3600.0)
    return GearboxState(
        oil_c=oil_c,
        peak_c=np.maximum(state.peak_c, oil_c),
        aged_h=state.aged_h,
        ageing_h=state.ageing_h + age,
        gear=moment.gear,
        turbine_rpm=turbine,
        output_rpm=output_rpm,
    )


def _warmed(
    oil_c: Floats, lost_w: Floats, moment: Moment, build: GearboxBuild, condition: GearboxCondition, dt_s: float
) -> Floats:
    """Temperature of the oil ``dt_s`` later, implicit."""
    cooler = build.cooler_w_per_k * np.maximum(condition.cooler, np.float32(0.02))
    case = np.float32(CASE_W_PER_K) + np.float32(CASE_PER_MPS) * moment.speed_mps
    per_k = np.float32(dt_s / HEAT_J_PER_K)
    given = lost_w + cooler * moment.coolant_c + case * moment.ambient_c
    return floats((oil_c + per_k * given) / (1.0 + per_k * (cooler + case)))


def park(
    state: GearboxState, _build: GearboxBuild, _condition: GearboxCondition, parked_s: Floats, weather: Weather,
    _rng: np.random.Generator,
) -> GearboxState:  # fmt: skip
    """Cooled; what the drive has aged the oil is put down."""
    zero = np.zeros_like(state.gear)
    oil_c = floats(weather.ambient_c + (state.oil_c - weather.ambient_c) * np.exp(-parked_s / PARKED_S))
    return GearboxState(
        oil_c=oil_c, peak_c=oil_c, aged_h=state.aged_h + state.ageing_h, ageing_h=zero, gear=zero, turbine_rpm=zero,
        output_rpm=zero,
    )  # fmt: skip


def readings(state: GearboxState, build: GearboxBuild, condition: GearboxCondition) -> dict[str, Floats]:
    """What the gearbox's control unit tells, where there is one."""
    none = np.where(build.has > 0.5, np.float32(0.0), np.float32(np.nan))  # noqa: PLR2004 - a flag
    return {
        GEAR: state.gear + none,
        TURBINE_SPEED: state.turbine_rpm + none,
        GEARBOX_OUTPUT_SPEED: state.output_rpm + none,
        GEARBOX_TEMPERATURE: state.oil_c + condition.sensor_offset_c + none,
    }


def has_gearbox(build: GearboxBuild) -> Bools:
    """Which cars have an automatic gearbox."""
    return build.has > 0.5  # noqa: PLR2004 - a flag


def fails(state: GearboxState, build: GearboxBuild, condition: GearboxCondition) -> Bools:
    """Whether the gearbox has overheated, or slips so much that its control unit protects it."""
    slips = slip(state, build, condition, full(len(state.gear), RATED_NM))
    return has_gearbox(build) & ((state.peak_c > TOO_HOT_C) | (slips > SLIPS_TOO_MUCH))


def oil_left(state: GearboxState, build: GearboxBuild, condition: GearboxCondition) -> Floats:
    """Part of the oil's life that is left; all of it where there is no such gearbox."""
    del condition
    return floats(1.0 - build.has * (state.aged_h + state.ageing_h) / build.oil_hours)


def with_oil(state: GearboxState, build: GearboxBuild, which: Bools, left: Floats) -> GearboxState:
    """Oil in the cars ``which`` aged to ``left``."""
    aged = floats(np.where(which, (1.0 - left) * build.oil_hours, state.aged_h))
    return replace(state, aged_h=aged, ageing_h=np.where(which, np.float32(0.0), state.ageing_h))


SUBSYSTEM: Subsystem[GearboxBuild, GearboxCondition, GearboxState] = Subsystem(
    name="gearbox", build=build, sound=sound, begin=begin, park=park, step=step, readings=readings
)

_GEARED = ("petrol", "petrol_turbo", "diesel", "van")

FAULTS = (
    FaultKind(
        name="clutches_slip", component="transmission", observability="B", field="slip", sound=0.002, failed=0.08,
        law="gamma", growth_days=180.0, repair="overhaul_gearbox", powertrains=_GEARED, per_year=0.008, ageing=2.4,
        failed_when=fails, codes=("P0730", "P0741"), applies=has_gearbox,
    ),
    FaultKind(
        name="gearbox_cooler_blocks", component="transmission", observability="B", field="cooler", sound=1.0,
        failed=0.04, law="gamma", growth_days=150.0, repair="replace_gearbox_cooler", powertrains=_GEARED,
        per_year=0.004, ageing=1.8, codes=("P0218",), applies=has_gearbox,
    ),
    FaultKind(
        name="gearbox_sensor_drifts", component="sensors", observability="A", field="sensor_offset_c", sound=0.0,
        failed=16.0, law="wiener", growth_days=120.0, repair="replace_gearbox_sensor", powertrains=_GEARED,
        per_year=0.002, codes=("P0711",), applies=has_gearbox,
    ),
)  # fmt: skip

WEAR = (
    WearPart(
        name="gearbox_oil", component="transmission", observability="B", left=oil_left, worn=with_oil,
        repair="change_gearbox_oil", powertrains=_GEARED, renew_below=0.15, interval_km=120_000.0,
    ),
)  # fmt: skip
