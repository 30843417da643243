"""Block, coolant, thermostat, radiator and fan: two heat capacities and the flows between them and the air."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from simulators.faults import Faults
    from simulators.parameters import Floats, Parameters


def opening(coolant_c: Floats, p: Parameters, faults: Faults) -> Floats:
    """How far the thermostat is open, 0 to 1: a wax element's S around its temperature, and what leaks past it."""
    wax = 1.0 / (1.0 + np.exp(-(coolant_c - p.thermostat_c) / p.thermostat_band_k))
    return np.clip(wax + faults.thermostat_leak, 0.0, 1.0)


def step(
    block_c: Floats,
    coolant_c: Floats,
    *,
    heat_w: Floats,
    speed_mps: Floats,
    ambient_c: float,
    heater_w_per_k: Floats,
    p: Parameters,
    faults: Faults,
    dt_s: float,
) -> tuple[Floats, Floats]:
    """Block and coolant temperature ``dt_s`` later (explicit Euler; stable for steps of a few seconds)."""
    flow = opening(coolant_c, p, faults) * (1.0 - faults.coolant_loss)
    fan = p.fan_w_per_k * (coolant_c > p.fan_on_c) * (1.0 - faults.fan_dead)
    radiator = flow * (p.radiator_w_per_k + p.radiator_w_per_k_mps * speed_mps + fan)
    skin = p.still_air_w_per_k + p.moving_air_w_per_k_mps * speed_mps
    over = coolant_c - ambient_c
    exchange = p.block_to_coolant_w_per_k * (block_c - coolant_c)
    coolant_j_per_k = p.coolant_j_per_k * (1.0 - 0.6 * faults.coolant_loss)
    block_c = block_c + dt_s * (heat_w - exchange - 0.3 * skin * (block_c - ambient_c)) / p.block_j_per_k
    coolant_c = coolant_c + dt_s * (exchange - (radiator + 0.7 * skin + heater_w_per_k) * over) / coolant_j_per_k
    return block_c, coolant_c


def soak(block_c: Floats, coolant_c: Floats, *, hours: float, ambient_c: float, p: Parameters) -> tuple[Floats, Floats]:
    """Both temperatures after standing: they meet, then approach the air's with the time constant of the whole."""
    whole = p.block_j_per_k + p.coolant_j_per_k
    mixed = (block_c * p.block_j_per_k + coolant_c * p.coolant_j_per_k) / whole
    cooled = ambient_c + (mixed - ambient_c) * np.exp(-hours * 3600.0 * p.still_air_w_per_k / whole)
    return cooled, cooled.copy()
