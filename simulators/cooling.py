"""Heat of the engine: block, coolant and oil, with a thermostat and a fan.

Energy balance of two nodes, block and coolant, joined by a conductance; the coolant gives heat to the radiator as far
as the thermostat lets it pass, to the cabin heater, and to the air under the bonnet; the oil follows the block. Form:
lumped models of warm-up as in the vehicle-simulation literature; coefficients are our choice, made so that a warm-up
from 25 °C in town takes 6 to 9 minutes and fuel heats the coolant with about a third of its energy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulators.engine import FUEL_J_PER_G
from simulators.parameters import bounded

if TYPE_CHECKING:
    from simulators.parameters import Condition, FloatArray, Parameters

HEAT_TO_BLOCK = 0.23
HEAT_TO_COOLANT = 0.13
FRICTION_TO_OIL = 0.35
"""Part of the friction that bearings and valve gear leave in the oil; pistons and rings leave the rest in the block."""
BLOCK_TO_COOLANT_W_PER_K = 950.0
BLOCK_TO_OIL_W_PER_K = 75.0
OIL_J_PER_K = 11_500.0
WAX_LAG_S = 9.0
FULLY_OPEN_AFTER_K = 13.0
FAN_ON_C = 98.5
FAN_OFF_C = 93.5
FAN_AIR_MPS = 4.5
CABIN_C = 21.0
HEATER_W_PER_K = 62.0
CARRIES_NOTHING_BELOW = 0.3
"""Filled below this part, the pump draws air."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heat:
    """Temperatures in °C, opening of the thermostat 0 to 1, and the fan, 0 or 1; arrays ``(n_vehicles,)``."""

    block_c: FloatArray
    coolant_c: FloatArray
    oil_c: FloatArray
    opening: FloatArray
    fan: FloatArray


def soaked(ambient_c: FloatArray) -> Heat:
    """A car that has stood until all of it is as warm as the air."""
    zero = np.zeros_like(ambient_c)
    return Heat(block_c=ambient_c, coolant_c=ambient_c, oil_c=ambient_c, opening=zero, fan=zero)


def step_heat(
    heat: Heat, fuel_gps: FloatArray, friction_w: FloatArray, speed_mps: FloatArray, ambient_c: FloatArray,
    cars: Parameters, condition: Condition, dt_s: float,
) -> Heat:  # fmt: skip
    """The temperatures ``dt_s`` (at most some seconds) later."""
    fuel_w = fuel_gps * FUEL_J_PER_G
    over_air = heat.coolant_c - ambient_c
    exchange_w = BLOCK_TO_COOLANT_W_PER_K * _carried(condition) * (heat.block_c - heat.coolant_c)
    to_oil_w = BLOCK_TO_OIL_W_PER_K * (heat.block_c - heat.oil_c)
    block_w = HEAT_TO_BLOCK * fuel_w + (1.0 - FRICTION_TO_OIL) * friction_w - exchange_w - to_oil_w
    block_w -= (4.0 + 0.45 * speed_mps) * (heat.block_c - ambient_c)
    coolant_w = HEAT_TO_COOLANT * fuel_w + exchange_w - (5.0 + 0.3 * speed_mps) * over_air
    coolant_w -= radiator_w_per_k(heat, speed_mps, cars, condition) * over_air + _heater_w(heat.coolant_c, ambient_c)
    oil_w = to_oil_w + FRICTION_TO_OIL * friction_w - (2.5 + 0.35 * speed_mps) * (heat.oil_c - ambient_c)
    return Heat(
        block_c=heat.block_c + block_w / cars.block_j_per_k * dt_s,
        coolant_c=heat.coolant_c + coolant_w / (cars.coolant_j_per_k * np.maximum(0.35, condition.coolant_fill)) * dt_s,
        oil_c=heat.oil_c + oil_w / OIL_J_PER_K * dt_s,
        opening=_opening(heat, cars, dt_s),
        fan=_fan(heat),
    )


def radiator_w_per_k(heat: Heat, speed_mps: FloatArray, cars: Parameters, condition: Condition) -> FloatArray:
    """Conductance from coolant to air: air flow to the power of 0.6, times the flow that the thermostat lets pass."""
    air_mps = np.maximum(speed_mps * 0.55, FAN_AIR_MPS * heat.fan * condition.fan_factor) + 0.12
    flow = condition.thermostat_leak + (1.0 - condition.thermostat_leak) * heat.opening
    return cars.radiator_w_per_k * _carried(condition) * flow * (air_mps / 5.5) ** 0.6


def _carried(condition: Condition) -> FloatArray:
    """Part of the heat that still gets carried when coolant is missing: little changes until the pump draws air."""
    share = (condition.coolant_fill - CARRIES_NOTHING_BELOW) / (1.0 - CARRIES_NOTHING_BELOW)
    return np.maximum(0.02, 1.0 - (1.0 - bounded(share, 0.0, 1.0)) ** 2)


def _opening(heat: Heat, cars: Parameters, dt_s: float) -> FloatArray:
    wanted = bounded((heat.coolant_c - cars.thermostat_opens_c) / FULLY_OPEN_AFTER_K, 0.0, 1.0)
    moved = 1.0 - float(np.exp(-dt_s / WAX_LAG_S))
    return heat.opening + (wanted - heat.opening) * moved


def _fan(heat: Heat) -> FloatArray:
    on = (heat.coolant_c > FAN_ON_C) | ((heat.fan > 0) & (heat.coolant_c > FAN_OFF_C))
    return on.astype(float)


def _heater_w(coolant_c: FloatArray, ambient_c: FloatArray) -> FloatArray:
    """Heat for the cabin: as much as it is colder than 18 °C outside, full at 0 °C."""
    wish = bounded((18.0 - ambient_c) / 18.0, 0.0, 1.0)
    return HEATER_W_PER_K * wish * np.maximum(0.0, coolant_c - CABIN_C)


def cool_down(heat: Heat, ambient_c: FloatArray, parked_s: FloatArray) -> Heat:
    """The temperatures after standing: everything nears the air, with a time constant of 1.7 to 2.3 h (our choice)."""
    ratio, slow = np.exp(-parked_s / 6100.0), np.exp(-parked_s / 8300.0)
    mean = (heat.block_c + heat.coolant_c) / 2
    return Heat(
        block_c=ambient_c + (mean - ambient_c) * ratio,
        coolant_c=ambient_c + (mean - ambient_c) * ratio,
        oil_c=ambient_c + (heat.oil_c - ambient_c) * slow,
        opening=np.zeros_like(ambient_c),
        fan=np.zeros_like(ambient_c),
    )
