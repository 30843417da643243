"""The numbers of a car. All are our choice, of the size of a small petrol car's, and known to no detector."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Parameters of ``n`` cars, each of shape ``(n,)``, in SI units unless the name says otherwise."""

    mass_kg: Floats
    drag_area_m2: Floats
    rolling: Floats
    displacement_m3: Floats
    volumetric_efficiency: Floats
    friction_w_per_rpm: Floats
    idle_rpm: Floats
    block_j_per_k: Floats
    coolant_j_per_k: Floats
    block_to_coolant_w_per_k: Floats
    still_air_w_per_k: Floats
    moving_air_w_per_k_mps: Floats
    radiator_w_per_k: Floats
    radiator_w_per_k_mps: Floats
    fan_w_per_k: Floats
    thermostat_c: Floats
    thermostat_band_k: Floats
    fan_on_c: Floats
    battery_ohm: Floats
    battery_as: Floats
    crank_a: Floats
    parked_a: Floats
    alternator_v: Floats
    load_a: Floats
    trim_bias_percent: Floats
    trim_wander_percent: Floats
    pad_mm_per_mj: Floats


_TYPICAL = {
    "mass_kg": 1180.0,
    "drag_area_m2": 0.68,
    "rolling": 0.0115,
    "displacement_m3": 1.5e-3,
    "volumetric_efficiency": 0.82,
    "friction_w_per_rpm": 1.9,
    "idle_rpm": 760.0,
    "block_j_per_k": 27e3,
    "coolant_j_per_k": 12.5e3,
    "block_to_coolant_w_per_k": 1450.0,
    "still_air_w_per_k": 14.0,
    "moving_air_w_per_k_mps": 1.1,
    "radiator_w_per_k": 95.0,
    "radiator_w_per_k_mps": 33.0,
    "fan_w_per_k": 420.0,
    "thermostat_c": 86.5,
    "thermostat_band_k": 1.9,
    "fan_on_c": 97.0,
    "battery_ohm": 0.0062,
    "battery_as": 50 * 3600.0,
    "crank_a": 205.0,
    "parked_a": 0.022,
    "alternator_v": 13.78,
    "load_a": 24.0,
    "trim_bias_percent": 0.0,
    "trim_wander_percent": 1.9,
    "pad_mm_per_mj": 0.00115,
}
_SPREAD = 0.04
"""Relative manufacturing spread (our choice)."""
_EXACT = frozenset({"alternator_v", "thermostat_c", "fan_on_c", "trim_bias_percent"})


def draw(count: int, rng: np.random.Generator) -> Parameters:
    """Parameters of ``count`` cars with manufacturing spread."""
    values = {}
    for field in fields(Parameters):
        typical = np.full(count, _TYPICAL[field.name])
        if field.name not in _EXACT:
            typical *= rng.lognormal(0.0, _SPREAD, count)
        values[field.name] = typical
    values["alternator_v"] += rng.normal(0.0, 0.04, count)
    values["thermostat_c"] += rng.normal(0.0, 0.8, count)
    values["trim_bias_percent"] += rng.normal(0.0, 1.0, count)
    return Parameters(**values)


def joined(cars: list[Parameters]) -> Parameters:
    """The parameters of several cars side by side."""
    names = [field.name for field in fields(Parameters)]
    return Parameters(**{name: np.concatenate([getattr(car, name) for car in cars]) for name in names})
