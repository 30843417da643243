"""A car second by second: state in, state out. Pure, and vectorised over cars."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from simulators import cooling, electrical, mixture
from simulators.powertrain import Power, power

if TYPE_CHECKING:
    from simulators.faults import Faults
    from simulators.parameters import Floats, Parameters

TANK_L, REFUEL_BELOW_L = 44.0, 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Everything that a second leaves to the next, each of shape ``(n,)``; temperatures in °C, charge 0 to 1."""

    speed_mps: Floats
    block_c: Floats
    coolant_c: Floats
    oil_c: Floats
    intake_c: Floats
    catalyst_c: Floats
    charge: Floats
    short_trim: Floats
    long_trim: Floats
    pad_mm: Floats
    odometer_m: Floats
    fuel_l: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the car meets in a second: target speed of shape ``(n,)``, weather, heater, and the chance of the moment."""

    speed_mps: Floats
    ambient_c: float
    baro_kpa: float
    heater_w_per_k: Floats
    trim_offset: Floats
    trim_ripple: Floats
    voltage_noise: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """What could be measured in a second, besides the state: the working point and the terminal voltage."""

    power: Power
    voltage: Floats


def new_state(count: int, *, ambient_c: float, odometer_m: Floats, pad_mm: Floats, charge: float = 0.9) -> State:
    """``count`` cars that have stood overnight."""

    def at(value: float) -> Floats:
        return np.full(count, value)

    return State(
        speed_mps=at(0.0), block_c=at(ambient_c), coolant_c=at(ambient_c), oil_c=at(ambient_c), intake_c=at(ambient_c),
        catalyst_c=at(ambient_c), charge=at(charge), short_trim=at(0.0), long_trim=at(0.0), pad_mm=pad_mm.copy(),
        odometer_m=odometer_m.copy(), fuel_l=at(32.0),
    )  # fmt: skip


def step(state: State, around: Surroundings, p: Parameters, faults: Faults, dt_s: float = 1.0) -> tuple[State, Outputs]:
    """The cars ``dt_s`` seconds later, engine running."""
    acceleration = (around.speed_mps - state.speed_mps) / dt_s
    mean_mps = 0.5 * (around.speed_mps + state.speed_mps)
    working = power(mean_mps, acceleration, state.coolant_c, state.intake_c, around.baro_kpa, p)
    block, coolant = cooling.step(
        state.block_c, state.coolant_c, heat_w=working.heat_w, speed_mps=mean_mps, ambient_c=around.ambient_c,
        heater_w_per_k=around.heater_w_per_k, p=p, faults=faults, dt_s=dt_s,
    )  # fmt: skip
    voltage = electrical.running_v(state.charge, around.ambient_c, working.engine_rpm, around.voltage_noise, p, faults)
    needed = mixture.needed_percent(working.air_g_s, p.trim_bias_percent + around.trim_offset, faults)
    short, long = mixture.step(
        state.short_trim, state.long_trim, needed=needed, ripple=around.trim_ripple, coolant_c=coolant,
        overrun=working.overrun, dt_s=dt_s,
    )  # fmt: skip
    worn = p.pad_mm_per_mj * faults.brake_drag * working.brake_w * dt_s / 1e6
    following = replace(
        state,
        speed_mps=around.speed_mps,
        block_c=block,
        coolant_c=coolant,
        oil_c=state.oil_c + dt_s * (block + 0.0035 * working.engine_rpm - state.oil_c) / 260.0,
        intake_c=state.intake_c + dt_s * (_intake_target(coolant, mean_mps, around.ambient_c) - state.intake_c) / 90.0,
        catalyst_c=state.catalyst_c + dt_s * (330.0 + 95.0 * working.fuel_g_s - state.catalyst_c) / 110.0,
        charge=electrical.charge_after(state.charge, voltage, around.ambient_c, dt_s, p, faults),
        short_trim=short,
        long_trim=long,
        pad_mm=np.maximum(state.pad_mm - worn, 0.0),
        odometer_m=state.odometer_m + mean_mps * dt_s,
        fuel_l=np.maximum(state.fuel_l - working.fuel_g_s * dt_s / 745.0, 0.0),
    )
    return following, Outputs(power=working, voltage=voltage)


def park(state: State, hours: float, *, ambient_c: float, p: Parameters, faults: Faults) -> State:
    """The cars after standing for ``hours``, at the air's temperature at the end."""
    block, coolant = cooling.soak(state.block_c, state.coolant_c, hours=hours, ambient_c=ambient_c, p=p)
    near = np.exp(-hours / 1.5)
    return replace(
        state,
        speed_mps=np.zeros_like(state.speed_mps),
        block_c=block,
        coolant_c=coolant,
        oil_c=ambient_c + (state.oil_c - ambient_c) * np.exp(-hours / 2.0),
        intake_c=ambient_c + (state.intake_c - ambient_c) * near,
        catalyst_c=ambient_c + (state.catalyst_c - ambient_c) * near,
        charge=electrical.charge_parked(state.charge, hours, p, faults),
        short_trim=np.zeros_like(state.short_trim),
        fuel_l=np.where(state.fuel_l < REFUEL_BELOW_L, TANK_L, state.fuel_l),
    )


def _intake_target(coolant_c: Floats, speed_mps: Floats, ambient_c: float) -> Floats:
    """Air under the bonnet is warmed by the engine, the more the slower the car."""
    return ambient_c + 3.0 + 0.28 * np.maximum(coolant_c - ambient_c, 0.0) * np.exp(-speed_mps / 9.0)
