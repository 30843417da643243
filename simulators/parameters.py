"""What a car is built like, and what state of repair its parts are in. Every field holds one number per vehicle."""

from __future__ import annotations

from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The build of the cars: arrays of shape ``(n_vehicles,)``; sizes of a class of car, no certain model."""

    mass_kg: FloatArray
    drag_area_m2: FloatArray
    rolling: FloatArray
    """Rolling resistance as a part of the weight."""
    displacement_m3: FloatArray
    idle_rpm: FloatArray
    rpm_per_mps: FloatArray
    """Engine speed per metre a second in top gear."""
    indicated_efficiency: FloatArray
    block_j_per_k: FloatArray
    coolant_j_per_k: FloatArray
    thermostat_opens_c: FloatArray
    radiator_w_per_k: FloatArray
    """Conductance of the radiator, thermostat open, at 10 m/s of air."""
    battery_ah: FloatArray
    battery_ohm: FloatArray
    """Internal resistance new, full, at 20 °C."""
    alternator_a: FloatArray
    """Current that the alternator gives at high speed."""
    regulator_v: FloatArray
    """Charging voltage at 25 °C."""
    accessories_w: FloatArray
    pad_mm_per_gj: FloatArray
    """Front pad thickness lost per gigajoule of cold braking on the front axle."""
    tank_l: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """State of repair: arrays of shape ``(n_vehicles,)``; the defaults of :func:`as_new` are a car without faults."""

    thermostat_leak: FloatArray
    """Part of the radiator flow that passes the closed thermostat, 0 to 1."""
    fan_factor: FloatArray
    coolant_fill: FloatArray
    """Coolant as a part of the full charge."""
    coolant_sensor_ohmic: FloatArray
    """How far the coolant sensor follows the coolant: 1 wholly, 0 it stays where it was."""
    unmetered_gps: FloatArray
    """Air past the meter at full manifold vacuum, g/s."""
    injector_gain: FloatArray
    battery_resistance: FloatArray
    """Factor on the internal resistance."""
    battery_capacity: FloatArray
    alternator_factor: FloatArray
    """Part of the alternator's current that is left."""
    parasitic_a: FloatArray
    """Current drawn while parked."""
    pad_wear: FloatArray
    """Factor on the wear of the pads (a seized calliper, a soft pad)."""
    misfire_rate: FloatArray
    """Part of cylinder 1's firings that fail."""


_Built = TypeVar("_Built", Parameters, Condition)

HEALTHY: Mapping[str, float] = MappingProxyType(
    {
        "thermostat_leak": 0.004, "fan_factor": 1.0, "coolant_fill": 1.0, "coolant_sensor_ohmic": 1.0,
        "unmetered_gps": 0.01, "injector_gain": 1.0, "battery_resistance": 1.0, "battery_capacity": 1.0,
        "alternator_factor": 1.0, "parasitic_a": 0.022, "pad_wear": 1.0, "misfire_rate": 0.0,
    }
)  # fmt: skip
"""State of repair of a car without faults: nothing is perfectly tight, and a parked car draws some current."""

PLATFORMS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "compact": {
            "mass_kg": 1180, "drag_area_m2": 0.68, "rolling": 0.0105, "displacement_m3": 0.0015, "idle_rpm": 740,
            "rpm_per_mps": 98, "indicated_efficiency": 0.355, "block_j_per_k": 44_000, "coolant_j_per_k": 21_500,
            "thermostat_opens_c": 84, "radiator_w_per_k": 400, "battery_ah": 45, "battery_ohm": 0.0049,
            "alternator_a": 90, "regulator_v": 13.95, "accessories_w": 270, "pad_mm_per_gj": 2.6, "tank_l": 45,
        },
        "saloon": {
            "mass_kg": 1460, "drag_area_m2": 0.63, "rolling": 0.0098, "displacement_m3": 0.002, "idle_rpm": 690,
            "rpm_per_mps": 84, "indicated_efficiency": 0.37, "block_j_per_k": 52_000, "coolant_j_per_k": 26_000,
            "thermostat_opens_c": 87, "radiator_w_per_k": 500, "battery_ah": 62, "battery_ohm": 0.0043,
            "alternator_a": 120, "regulator_v": 14.1, "accessories_w": 340, "pad_mm_per_gj": 2.1, "tank_l": 58,
        },
        "van": {
            "mass_kg": 1950, "drag_area_m2": 1.25, "rolling": 0.0115, "displacement_m3": 0.0022, "idle_rpm": 770,
            "rpm_per_mps": 95, "indicated_efficiency": 0.36, "block_j_per_k": 63_000, "coolant_j_per_k": 31_000,
            "thermostat_opens_c": 82, "radiator_w_per_k": 610, "battery_ah": 74, "battery_ohm": 0.0038,
            "alternator_a": 140, "regulator_v": 14.2, "accessories_w": 380, "pad_mm_per_gj": 1.9, "tank_l": 72,
        },
    }
)  # fmt: skip
"""Classes of petrol cars (our choice, after data sheets of such cars)."""

SPREAD: Mapping[str, float] = MappingProxyType(
    {
        "mass_kg": 0.05, "drag_area_m2": 0.03, "rolling": 0.08, "idle_rpm": 0.02, "indicated_efficiency": 0.02,
        "thermostat_opens_c": 0.012, "radiator_w_per_k": 0.08, "battery_ohm": 0.06, "regulator_v": 0.006,
        "accessories_w": 0.12, "pad_mm_per_gj": 0.25,
    }
)  # fmt: skip
"""Spread between cars of one class: sd of the logarithm (our choice; pads as wear studies find, 25 %)."""


def bounded(values: FloatArray, least: float, most: float) -> FloatArray:
    """``values`` held between two bounds (several times faster than ``np.clip`` on few values)."""
    held: FloatArray = np.minimum(np.maximum(values, least), most)
    return held


def build_cars(platform: str, n_vehicles: int, rng: np.random.Generator) -> Parameters:
    """``n_vehicles`` cars of a class, no two quite the same.

    Raises:
        KeyError: there is no such class.
    """
    nominal = PLATFORMS[platform]
    spread = {name: rng.normal(0.0, SPREAD.get(name, 0.0), n_vehicles) for name in nominal}
    return Parameters(**{name: value * np.exp(spread[name]) for name, value in nominal.items()})


def as_new(n_vehicles: int, **changed: float) -> Condition:
    """Cars without faults but for ``changed``."""
    return Condition(**{name: np.full(n_vehicles, value) for name, value in {**HEALTHY, **changed}.items()})


def together(cars: Sequence[_Built]) -> _Built:
    """Several cars (or their states of repair) as one, vehicle after vehicle.

    Raises:
        IndexError: there are none.
    """
    form = type(cars[0])
    return form(**{field.name: np.concatenate([getattr(car, field.name) for car in cars]) for field in fields(form)})
