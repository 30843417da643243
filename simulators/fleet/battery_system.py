"""The traction battery as a subsystem: what its management shows, how it fails, and what is left of its capacity."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet import insulation
from simulators.fleet import traction_battery as battery
from simulators.fleet.arrays import Floats, floats
from simulators.fleet.faults import FaultKind, WearPart
from simulators.fleet.subsystem import Subsystem
from vehicle import signals

if TYPE_CHECKING:
    from simulators.fleet.faults import Bools
    from simulators.fleet.traction_battery import BatteryBuild, BatteryCondition, BatteryState

END_OF_LIFE = 0.7
"""Health below which makers replace batteries under warranty."""
USABLE_LEAST = 0.88
"""Part of the charge that can be used before the weakest block is empty; below, the car has failed (our choice)."""
DERATED_C = 47.0
"""Battery temperature from which charging slows down so far that its driver notices."""
PUMP_STALLED = 0.1
SHOWN_OHM = 5.0e6
"""Insulation above this is shown as this."""
WITHIN_BLOCK_V = 0.0015
"""Spread of the cells within a block."""
BATTERY_CARS = ("electric", "hybrid")


def readings(state: BatteryState, build: BatteryBuild, condition: BatteryCondition) -> dict[str, Floats]:
    """What the battery management tells."""
    blocks = battery.block_v(state, build, condition)
    blocks += np.where(build.shows_blocks > 0.5, np.float32(0.0), np.float32(np.nan))[:, None]  # noqa: PLR2004 - a flag
    apart_k = np.float32(0.4) + np.float32(0.12) * np.abs(state.battery_c - state.coolant_c)
    found = {
        signals.TRACTION_VOLTAGE: blocks_voltage(state, build),
        signals.TRACTION_CURRENT: state.amps * build.current_gain + build.current_offset_a,
        signals.TRACTION_CHARGE: state.shown_charge * np.float32(100.0),
        signals.TRACTION_HEALTH: state.shown_health * np.float32(100.0),
        signals.TRACTION_TEMPERATURE: state.battery_c,
        signals.TRACTION_COLDEST: state.battery_c - apart_k,
        signals.TRACTION_HOTTEST: state.battery_c + apart_k,
        signals.TRACTION_COOLANT: state.coolant_c,
        signals.CELL_LOWEST: blocks.min(axis=1) - np.float32(WITHIN_BLOCK_V),
        signals.CELL_HIGHEST: blocks.max(axis=1) + np.float32(WITHIN_BLOCK_V),
        signals.INSULATION: np.minimum(insulation.isolation_ohm(state, build, condition), np.float32(SHOWN_OHM)),
        signals.IS_CHARGING: state.charging,
    }
    found.update((path, blocks[:, at]) for at, path in enumerate(signals.BLOCK_VOLTAGES))
    return found


def blocks_voltage(state: BatteryState, build: BatteryBuild) -> Floats:
    """Voltage at the terminals."""
    return state.cell_v * build.series


def usable(state: BatteryState, build: BatteryBuild, condition: BatteryCondition) -> Floats:
    """Part of the charge that can be used from where the first block is full to where the first is empty."""
    fullest = state.apart.max(axis=1, keepdims=True)
    left: Floats = ((build.block_capacity - condition.block_lost) * (1.0 + state.apart - fullest)).min(axis=1)
    return left


def is_unbalanced(state: BatteryState, build: BatteryBuild, condition: BatteryCondition) -> Bools:
    """Whether a block empties so early that the car cannot be used as it should."""
    return usable(state, build, condition) < USABLE_LEAST


def is_worn_out(state: BatteryState, build: BatteryBuild, condition: BatteryCondition) -> Bools:
    """Whether too little capacity is left."""
    del build
    return battery.health(state, condition) < END_OF_LIFE


def is_unsafe(state: BatteryState, build: BatteryBuild, condition: BatteryCondition) -> Bools:
    """Whether the insulation is below the limit of the rules for electric cars."""
    least = insulation.LIMIT_OHM_PER_V * blocks_voltage(state, build)
    return insulation.isolation_ohm(state, build, condition) < least


def was_too_hot(state: BatteryState, build: BatteryBuild, condition: BatteryCondition) -> Bools:
    """Whether the battery has been so hot that it takes and gives less."""
    del build, condition
    return state.peak_c > DERATED_C


def is_too_hot(state: BatteryState, build: BatteryBuild, condition: BatteryCondition) -> Bools:
    """Whether the battery has been too hot, or the control unit sees its pump stand still."""
    return was_too_hot(state, build, condition) | (condition.pump < PUMP_STALLED)


def rebalanced(state: BatteryState, build: BatteryBuild, which: Bools) -> BatteryState:
    """A module is replaced: the blocks of the cars ``which`` are brought level."""
    del build
    return replace(state, apart=floats(np.where(which[:, None], 0.0, state.apart)))


def capacity_left(state: BatteryState, build: BatteryBuild, condition: BatteryCondition) -> Floats:
    """Part of the capacity that may go which is left."""
    del build
    return (battery.health(state, condition) - np.float32(END_OF_LIFE)) / np.float32(1.0 - END_OF_LIFE)


def with_capacity(state: BatteryState, build: BatteryBuild, which: Bools, left: Floats) -> BatteryState:
    """Batteries of the cars ``which`` aged to ``left``, two thirds of it by standing; the BMS knows it roughly."""
    del build
    lost = (1.0 - left) * (1.0 - END_OF_LIFE)
    put = [(state.standing_lost, lost * 0.65), (state.cycling_lost, lost * 0.35), (state.shown_health, 1.0 - lost)]
    standing, cycling, shown = (floats(np.where(which, new, old)) for old, new in put)
    return replace(state, standing_lost=standing, cycling_lost=cycling, shown_health=shown)


SUBSYSTEM: Subsystem[BatteryBuild, BatteryCondition, BatteryState] = Subsystem(
    name="traction_battery", build=battery.build, sound=battery.sound, begin=battery.begin, park=battery.park,
    step=battery.step, readings=readings, tell=battery.tell,
)  # fmt: skip

FAULTS = (
    FaultKind(
        name="capacity_fades_early", component="traction_battery", observability="A", field="lost", sound=0.0,
        failed=0.28, law="gamma", growth_days=500.0, repair="replace_traction_battery", powertrains=("electric",),
        per_year=0.006, ageing=1.8, failed_when=is_worn_out, codes=("P0A80",),
    ),
    FaultKind(
        name="resistance_grows", component="traction_battery", observability="B", field="ohmic", sound=1.0, failed=2.3,
        law="gamma", growth_days=400.0, repair="replace_traction_battery", powertrains=BATTERY_CARS, per_year=0.004,
        ageing=1.8, codes=("P0A80", "P0A7F"),
    ),
    FaultKind(
        name="internal_short", component="cell_imbalance", observability="A", field="self_discharge", sound=1.5e-5,
        failed=0.0045, law="gamma", growth_days=110.0, repair="replace_battery_module", powertrains=("electric",),
        per_year=0.004, ageing=1.3, failed_when=is_unbalanced, mended=rebalanced, codes=("P0BBE", "P1A1A"),
    ),
    FaultKind(
        name="weak_block", component="cell_imbalance", observability="A", field="block_lost", sound=0.0, failed=0.16,
        law="gamma", growth_days=300.0, repair="replace_battery_module", powertrains=BATTERY_CARS, per_year=0.005,
        ageing=1.8, failed_when=is_unbalanced, mended=rebalanced, codes=("P0BBE",),
    ),
    FaultKind(
        name="bad_joint", component="cell_imbalance", observability="A", field="joint", sound=0.0, failed=2.5,
        law="gamma", growth_days=160.0, repair="tighten_busbar", powertrains=BATTERY_CARS, per_year=0.004, ageing=1.5,
        codes=("P0BBE", "P0B3B"),
    ),
    FaultKind(
        name="insulation_fades", component="insulation", observability="A", field="leak", sound=0.0, failed=1.0,
        law="wiener", growth_days=120.0, repair="find_isolation_fault", powertrains=BATTERY_CARS, per_year=0.008,
        ageing=1.6, failed_when=is_unsafe, codes=("P0AA6",),
    ),
    FaultKind(
        name="pump_weakens", component="hv_thermal", observability="B", field="pump", sound=1.0, failed=0.0,
        law="gamma", growth_days=75.0, repair="replace_coolant_pump", powertrains=("electric",), per_year=0.008,
        ageing=1.6, failed_when=is_too_hot, codes=("P0C45", "P0A7E"),
    ),
    FaultKind(
        name="radiator_way_blocks", component="hv_thermal", observability="B", field="radiator", sound=1.0, failed=0.02,
        law="gamma", growth_days=110.0, repair="replace_coolant_valve", powertrains=("electric",), per_year=0.004,
        ageing=1.4, also=(("chiller", 0.3),), failed_when=was_too_hot, codes=("P0C47", "P0A7E"),
    ),
    FaultKind(
        name="chiller_weakens", component="hv_thermal", observability="B", field="chiller", sound=1.0, failed=0.05,
        law="gamma", growth_days=100.0, repair="recharge_refrigerant", powertrains=("electric",), per_year=0.005,
        ageing=1.4, failed_when=was_too_hot, codes=("P0A7E",),
    ),
)  # fmt: skip

WEAR = (
    WearPart(
        name="traction_capacity", component="traction_battery", observability="A", left=capacity_left,
        worn=with_capacity, repair="replace_traction_battery", powertrains=("electric",), renew_below=0.0,
        lasting=True, codes=("P0A80",),
    ),
)  # fmt: skip
