"""The traction battery: cells with two slow overpotentials, eight blocks that differ, cooling, ageing, insulation, BMS.

All cells in series carry one current; a block stands for an eighth of them. A mean cell is stepped; blocks differ from
it by their capacity, resistance, a bad joint, and by charge that they lose on their own; the battery management bleeds
the fuller ones when the battery is nearly full. What it shows of the charge is its own count with a current sensor that
is a little off and a capacity that it believes in, set right now and then when the battery has rested (iron phosphate:
when it is full). Insulation is a leak that moist air and rain widen.

Signs: current and power are positive when charging. Reads of the platform ``battery_kwh``, ``cells_in_series``,
``iron_phosphate`` (1 or 0), ``battery_ohm`` (all cells), ``charge_rate`` (1/h, most), ``coolant_w_per_k``,
``chiller_w``, ``battery_heater_w``, ``chiller_from_c``, ``isolation_ohm``, ``cell_volts`` (part of cars that show their
blocks), ``held_charge`` (at which the car is first handed over).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet import battery_cooling as cooling
from simulators.fleet import insulation
from simulators.fleet.arrays import Floats, by_place, floats, full, scatter, spread
from simulators.fleet.cells import (
    RESISTANCE_PER_LOSS,
    Curve,
    cycling_loss,
    iron,
    nickel,
    resistance,
    rest_v,
    standing_loss,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulators.fleet.moment import Moment, Weather

BLOCKS = 8
OHMIC, FAST, SLOW = 0.55, 0.25, 0.35
"""Parts of the resistance at once, within FAST_S, and within SLOW_S, beside a resistance of a second."""
FAST_S, SLOW_S = 28.0, 640.0
DAY_S = 86_400.0
TAPER = 0.22
"""The battery takes less and less over this last part of its charge."""
COLD_C, COOL_C, WARM_C, HOT_C = -18.0, 16.0, 44.0, 56.0
"""Charging at full power between the middle two, none beyond the outer two."""
EASED_C, SPARED_C, LEAST_GIVEN = 50.0, 60.0, 0.1
"""Giving at full power up to the first, and ever less to a tenth at the second, with which a car still creeps: makers'
managements ease off between 45 and 60 degC (our choice within that)."""
BALANCED_ABOVE, BALANCED_A, BALANCED_S = 0.8, 0.1, 14_400.0
RECALIBRATED_AFTER_S = 7_200.0
BELIEVED_DAYS = 25.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryBuild:
    """``(n,)``, blocks ``(n, 8)`` as factors of the mean; ``curve`` is that of the cells' chemistry, alike in all."""

    curve: Curve
    series: Floats
    capacity_as: Floats
    cell_ohm: Floats
    most_a: Floats
    plumbing: cooling.Plumbing
    block_capacity: Floats
    block_ohm: Floats
    ageing: Floats
    dry_siemens: Floats
    current_gain: Floats
    current_offset_a: Floats
    charge_error: Floats
    """Standard deviation of the BMS's charge when it sets it right."""
    health_error: Floats
    parked_w: Floats
    shows_blocks: Floats
    held_charge: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryCondition:
    """``lost`` capacity and ``ohmic`` factor beyond ageing; ``pump``, ``radiator``, ``chiller`` 1 good to 0; ``leak``.

    ``leak`` of the insulation is 0 sound to 1 at 100 ohm a volt, three decades between. ``(n, 8)``: ``self_discharge``
    part of the charge lost in a day, ``block_lost`` capacity, ``joint`` resistance of a joint in cells' resistances.
    """

    lost: Floats
    ohmic: Floats
    pump: Floats
    radiator: Floats
    chiller: Floats
    leak: Floats
    self_discharge: Floats
    block_lost: Floats
    joint: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryState:
    """``(n,)``, ``apart`` ``(n, 8)``: charge of a block against where balancing at the top would have it."""

    charge: Floats
    shown_charge: Floats
    shown_health: Floats
    amps: Floats
    cell_v: Floats
    fast_v: Floats
    slow_v: Floats
    battery_c: Floats
    coolant_c: Floats
    peak_c: Floats
    """Highest temperature since the car last stood."""
    moved_as: Floats
    """Absolute charge since the car last stood."""
    standing_lost: Floats
    cycling_lost: Floats
    apart: Floats
    wetness: Floats
    humidity: Floats
    charging: Floats


def build(platform: Mapping[str, float], n: int, rng: np.random.Generator) -> BatteryBuild:
    """Batteries of ``n`` cars of a platform."""
    series = platform.get("cells_in_series", 96.0)
    curve = iron() if platform.get("iron_phosphate", 0.0) else nickel()
    mean_v = float(rest_v(full(1, 0.5), curve)[0]) * series
    capacity_as = spread(rng, n, platform.get("battery_kwh", 58.0) * 3.6e6 / mean_v, 0.01)
    return BatteryBuild(
        curve=curve,
        series=full(n, series),
        capacity_as=capacity_as,
        cell_ohm=spread(rng, n, platform.get("battery_ohm", 0.085) / series, 0.05),
        most_a=capacity_as * np.float32(platform.get("charge_rate", 1.7) / 3600.0),
        plumbing=_plumbing(platform, n, rng),
        block_capacity=_each(spread(rng, n * BLOCKS, 1.0, 0.006)),
        block_ohm=_each(spread(rng, n * BLOCKS, 1.0, 0.025)),
        ageing=spread(rng, n, 1.0, 0.25),
        dry_siemens=1.0 / spread(rng, n, platform.get("isolation_ohm", 3.2e6), 0.35),
        current_gain=scatter(rng, n, 1.0, 0.005),
        current_offset_a=scatter(rng, n, 0.0, 0.06),
        charge_error=spread(rng, n, 0.009, 0.4),
        health_error=spread(rng, n, 0.007, 0.3),
        parked_w=spread(rng, n, 6.0, 0.4),
        shows_blocks=floats(rng.random(n) < platform.get("cell_volts", 0.9)),
        held_charge=full(n, platform.get("held_charge", 0.7)),
    )


def _each(values: Floats) -> Floats:
    return by_place(values.reshape(-1, BLOCKS))


def _plumbing(platform: Mapping[str, float], n: int, rng: np.random.Generator) -> cooling.Plumbing:
    per_kwh = 6_200.0
    return cooling.Plumbing(
        cells_j_per_k=full(n, platform.get("battery_kwh", 58.0) * per_kwh),
        coolant_w_per_k=spread(rng, n, platform.get("coolant_w_per_k", 260.0), 0.05),
        chiller_w=full(n, platform.get("chiller_w", 3_200.0)),
        heater_w=full(n, platform.get("battery_heater_w", 4_000.0)),
        chiller_from_c=scatter(rng, n, platform.get("chiller_from_c", 33.0), 0.4),
    )


def sound(n: int, rng: np.random.Generator) -> BatteryCondition:
    """Batteries without faults: their cells lose hardly any charge, their joints are alike."""
    zero, one = full(n, 0.0), full(n, 1.0)
    blocks = by_place(np.zeros((n, BLOCKS)))
    return BatteryCondition(
        lost=zero, ohmic=one, pump=spread(rng, n, 1.0, 0.03), radiator=spread(rng, n, 1.0, 0.05),
        chiller=spread(rng, n, 1.0, 0.05), leak=floats(np.abs(scatter(rng, n, 0.0, 0.03))),
        self_discharge=_each(spread(rng, n * BLOCKS, 1.5e-5, 0.6)), block_lost=blocks,
        joint=np.array(blocks),
    )  # fmt: skip


def begin(build: BatteryBuild, weather: Weather) -> BatteryState:
    """A new battery that has stood, as full as cars are handed over."""
    n = len(build.capacity_as)
    zero, charge = full(n, 0.0), build.held_charge
    return BatteryState(
        charge=charge, shown_charge=charge, shown_health=full(n, 1.0), amps=zero,
        cell_v=rest_v(charge, build.curve), fast_v=zero, slow_v=zero, battery_c=weather.ambient_c,
        coolant_c=weather.ambient_c, peak_c=weather.ambient_c, moved_as=zero, standing_lost=full(n, 0.004),
        cycling_lost=zero, apart=by_place(np.zeros((n, BLOCKS))), wetness=zero, humidity=weather.humidity,
        charging=zero,
    )  # fmt: skip


def tell(state: BatteryState) -> dict[str, Floats]:
    """Charge before a drive; what the battery takes is told within the drive."""
    return {"traction_charge": state.charge, "motor_w": np.zeros_like(state.charge)}


def health(state: BatteryState, condition: BatteryCondition) -> Floats:
    """Capacity left as a part of the new battery's."""
    return floats(np.maximum(1.0 - state.standing_lost - state.cycling_lost - condition.lost, 0.05))


def cell_ohm(state: BatteryState, build: BatteryBuild, condition: BatteryCondition) -> Floats:
    """Resistance of a mean cell as it is."""
    grown = floats((state.standing_lost + state.cycling_lost) * np.float32(RESISTANCE_PER_LOSS))
    grown += 1.0
    grown *= condition.ohmic
    grown *= build.cell_ohm
    return floats(grown * resistance(state.charge, state.battery_c))


def charge_limit_w(state: BatteryState, build: BatteryBuild) -> Floats:
    """Most that the battery takes: less when cold, hot, or when its fullest block is nearly full."""
    cold = (state.battery_c - np.float32(COLD_C)) * np.float32(1.0 / (COOL_C - COLD_C))
    hot = (np.float32(HOT_C) - state.battery_c) * np.float32(1.0 / (HOT_C - WARM_C))
    full_up = (np.float32(1.012) - state.charge - state.apart.max(axis=1)) * np.float32(1.0 / TAPER)
    part = np.minimum(np.minimum(cold, hot), np.minimum(full_up, np.float32(1.0)))
    np.maximum(part, np.float32(0.0), out=part)
    part *= build.most_a
    part *= state.cell_v
    return floats(part * build.series)


def held_back(state: BatteryState) -> Floats:
    """Part of the power that a hot battery may not give."""
    over = (state.battery_c - np.float32(EASED_C)) * np.float32((1.0 - LEAST_GIVEN) / (SPARED_C - EASED_C))
    return floats(np.minimum(np.maximum(over, np.float32(0.0)), np.float32(1.0 - LEAST_GIVEN)))


def step(
    state: BatteryState, moment: Moment, build: BatteryBuild, condition: BatteryCondition, dt_s: float,
    rng: np.random.Generator,
) -> BatteryState:  # fmt: skip
    """The battery ``dt_s`` later; gives ``high_voltage_v``, ``traction_charge``, and what may be taken and given."""
    del rng
    limit_w = charge_limit_w(state, build)
    wanted_w = np.where(state.shown_charge < moment.charge_to, moment.charger_w, np.float32(0.0))
    charging = (wanted_w > 0.0).astype(np.float32)
    power_w = np.minimum(wanted_w, limit_w) - moment.motor_w - moment.accessories_w
    ohm = cell_ohm(state, build, condition)
    open_v = rest_v(state.charge, build.curve)
    ohmic = ohm * np.float32(OHMIC)
    pushed_v = open_v + state.fast_v + state.slow_v
    amps = current(power_w / build.series, pushed_v, ohmic)
    cell_v = pushed_v + amps * ohmic
    heat_w = amps * (cell_v - open_v) * build.series
    battery_c, coolant_c, taken_w = cooling.cooled(
        state.battery_c, state.coolant_c, heat_w, moment.speed_mps, moment.ambient_c, charging,
        working(condition), build.plumbing, dt_s,
    )  # fmt: skip
    amps_net = amps - taken_w / (cell_v * build.series)
    moment.high_voltage_v = cell_v * build.series
    moment.charge_limit_w = limit_w
    moment.held_back = held_back(state)
    after = _counted(state, build, condition, amps_net, dt_s)
    moment.traction_charge = after.charge
    return replace(
        after,
        cell_v=cell_v,
        fast_v=_relaxed(state.fast_v, amps, ohm, FAST, FAST_S, dt_s),
        slow_v=_relaxed(state.slow_v, amps, ohm, SLOW, SLOW_S, dt_s),
        battery_c=battery_c,
        coolant_c=coolant_c,
        peak_c=np.maximum(state.peak_c, battery_c),
        wetness=insulation.wetted(state.wetness, moment.wet, moment.speed_mps, dt_s),
        humidity=moment.humidity,
        charging=charging,
    )


def working(condition: BatteryCondition) -> tuple[Floats, Floats, Floats]:
    """Pump, radiator and chiller, none below nothing."""
    none = np.float32(0.0)
    pump, radiator, chiller = condition.pump, condition.radiator, condition.chiller
    return np.maximum(pump, none), np.maximum(radiator, none), np.maximum(chiller, none)


def current(power_w: Floats, pushed_v: Floats, ohmic: Floats) -> Floats:
    """Current of a cell at whose terminals ``power_w`` goes in; where it cannot give so much, the most it can."""
    root = pushed_v * pushed_v
    root += power_w * ohmic * np.float32(4.0)
    np.maximum(root, np.float32(0.0), out=root)
    np.sqrt(root, out=root)
    root -= pushed_v
    root /= ohmic * np.float32(2.0)
    return root


def _relaxed(over_v: Floats, amps: Floats, ohm: Floats, part: float, within_s: float, dt_s: float) -> Floats:
    """A slow overpotential ``dt_s`` later."""
    kept = math.exp(-dt_s / within_s)
    relaxed = amps * ohm
    relaxed *= np.float32(part * (1.0 - kept))
    relaxed += over_v * np.float32(kept)
    return relaxed


def _counted(
    state: BatteryState, build: BatteryBuild, condition: BatteryCondition, amps: Floats, dt_s: float
) -> BatteryState:
    """Charge as it is and as the BMS counts it."""
    moved = amps * np.float32(dt_s)
    true = moved / (build.capacity_as * health(state, condition))
    counted = (moved * build.current_gain + build.current_offset_a * np.float32(dt_s)) / (
        build.capacity_as * state.shown_health
    )
    return replace(
        state,
        charge=np.minimum(state.charge + true, np.float32(1.0)),
        shown_charge=np.minimum(np.maximum(state.shown_charge + counted, np.float32(0.0)), np.float32(1.0)),
        amps=amps,
        moved_as=state.moved_as + np.abs(moved),
    )


def park(
    state: BatteryState, build: BatteryBuild, condition: BatteryCondition, parked_s: Floats, weather: Weather,
    rng: np.random.Generator,
) -> BatteryState:  # fmt: skip
    """After standing: rested, a little emptier and older, blocks drifted or balanced, the BMS perhaps set right."""
    capacity = build.capacity_as * health(state, condition)
    battery_c = cooling.stood(state.battery_c, weather.ambient_c, parked_s, build.plumbing)
    standing, cycling = _aged(state, build, parked_s, battery_c)
    drained = build.parked_w * parked_s / (state.cell_v * build.series * capacity)
    apart, moved = _blocks_stood(state, condition, capacity, parked_s, build)
    charge = floats(np.maximum(state.charge - drained + moved, 0.0))
    slow_v = floats(state.slow_v * np.exp(-parked_s / SLOW_S))
    rested = replace(
        state, charge=charge, shown_charge=floats(np.maximum(state.shown_charge - drained, 0.0)),
        amps=np.zeros_like(charge), fast_v=np.zeros_like(charge), slow_v=slow_v,
        cell_v=rest_v(charge, build.curve) + slow_v, battery_c=battery_c, coolant_c=battery_c, peak_c=battery_c,
        moved_as=np.zeros_like(charge), standing_lost=standing, cycling_lost=cycling, apart=apart,
        wetness=floats(state.wetness * np.exp(-parked_s / insulation.DRY_S)), humidity=weather.humidity,
        charging=np.zeros_like(charge),
    )  # fmt: skip
    return _set_right(rested, build, condition, parked_s, rng)


def _aged(state: BatteryState, build: BatteryBuild, parked_s: Floats, battery_c: Floats) -> tuple[Floats, Floats]:
    """Capacity lost by standing and by use."""
    mean_c = (state.battery_c + battery_c) * np.float32(0.5)
    speed = build.ageing * build.ageing
    standing = standing_loss(state.standing_lost, state.charge, mean_c, parked_s * speed)
    moved = state.moved_as / build.capacity_as
    return standing, state.cycling_lost + build.ageing * cycling_loss(moved, state.battery_c)


def _blocks_stood(
    state: BatteryState, condition: BatteryCondition, capacity: Floats, parked_s: Floats, build: BatteryBuild
) -> tuple[Floats, Floats]:
    """How far blocks are apart after standing, and what that has moved the mean by."""
    apart = state.apart - condition.self_discharge * (parked_s * np.float32(1.0 / DAY_S))[:, None]
    above = 0.97 if build.curve.is_flat else BALANCED_ABOVE
    bled = BALANCED_A * np.minimum(parked_s, BALANCED_S) / capacity * (state.charge > above)
    apart = apart - np.minimum(apart - apart.min(axis=1, keepdims=True), bled[:, None])
    mean = apart.mean(axis=1)
    return floats(apart - mean[:, None]), floats(mean)


def _set_right(
    state: BatteryState, build: BatteryBuild, condition: BatteryCondition, parked_s: Floats, rng: np.random.Generator
) -> BatteryState:
    """The BMS looks at voltages of a rested battery and corrects the charge, and now and then the capacity."""
    n = len(parked_s)
    wild = rng.standard_normal((2, n), dtype=np.float32)
    looks = rng.random(n, dtype=np.float32)
    sees = (parked_s > RECALIBRATED_AFTER_S) & ((state.charge > 0.97) | (not build.curve.is_flat))  # noqa: PLR2004
    better = floats(np.clip(state.charge + wild[0] * build.charge_error, 0.0, 1.0))
    shown = np.where(sees, state.shown_charge + 0.7 * (better - state.shown_charge), state.shown_charge)
    learns = sees & (looks < parked_s / (BELIEVED_DAYS * DAY_S))
    believed = health(state, condition) + wild[1] * build.health_error
    closer = np.clip(state.shown_health + 0.4 * (believed - state.shown_health), 0.4, 1.0)
    return replace(
        state, shown_charge=floats(shown), shown_health=floats(np.where(learns, closer, state.shown_health))
    )  # fmt: skip


def block_charge(state: BatteryState, build: BatteryBuild, condition: BatteryCondition) -> Floats:
    """Charge of each block, ``(n, 8)``: alike when full, smaller blocks emptier on the way down."""
    capacity = build.block_capacity - condition.block_lost
    charge = (state.charge - np.float32(1.0))[:, None] / capacity
    charge += state.apart
    charge += np.float32(1.0)
    return charge


def block_v(state: BatteryState, build: BatteryBuild, condition: BatteryCondition) -> Floats:
    """Mean cell voltage of each block, ``(n, 8)``."""
    volts = rest_v(block_charge(state, build, condition).T, build.curve).T
    ohm = cell_ohm(state, build, condition)
    over = (state.fast_v + state.slow_v + state.amps * ohm * np.float32(OHMIC))[:, None] * build.block_ohm
    over += condition.joint * (state.amps * build.cell_ohm)[:, None]
    volts += over
    return volts
