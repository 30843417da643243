"""The 12 V system: a lead-acid battery, a starter, an alternator with its regulator, and what they feed.

Battery: open-circuit voltage linear in the state of charge (12.70 V full, 11.75 V empty, as flooded batteries have),
ohmic resistance that grows with cold, emptiness and age. Alternator: holds the regulator's voltage as long as its
current suffices, else the battery gives the rest. Cranking is computed in steps of 20 ms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulators.parameters import bounded

if TYPE_CHECKING:
    from simulators.parameters import Condition, FloatArray, Parameters

OCV_EMPTY_V = 11.75
OCV_SPAN_V = 0.95
RESISTANCE_PER_K = 0.0085
CHARGING_OHM = 0.034
"""Resistance seen while charging at seconds and slower: ohmic and polarisation (our choice)."""
CABLE_OHM = 0.0018
STARTER_OHM = 0.015
STARTER_BACK_V = 6.3
CRANK_STEP_S = 0.02
REGULATOR_V_PER_K = -0.011
RUN_UP_S = 2.5
"""Time constant with which the regulator takes up the load after the start."""
SMALLEST_CRANK_V = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """State of charge 0 to 1, voltage at the control module, battery temperature, field of the alternator 0 to 1."""

    charge: FloatArray
    voltage_v: FloatArray
    battery_c: FloatArray
    field: FloatArray


def open_circuit_v(charge: FloatArray, battery_c: FloatArray) -> FloatArray:
    """Voltage of the battery at rest."""
    return OCV_EMPTY_V + OCV_SPAN_V * charge + 0.0003 * (battery_c - 25.0)


def resistance_ohm(power: Power, cars: Parameters, condition: Condition) -> FloatArray:
    """Internal resistance of the battery as it is."""
    cold = np.exp(RESISTANCE_PER_K * (20.0 - power.battery_c))
    empty = 1.0 + 0.7 * (1.0 - power.charge) ** 2
    return cars.battery_ohm * condition.battery_resistance * cold * empty


def rested(charge: FloatArray, ambient_c: FloatArray) -> Power:
    """A battery at rest."""
    zero = np.zeros_like(ambient_c)
    return Power(charge=charge, voltage_v=open_circuit_v(charge, ambient_c), battery_c=ambient_c, field=zero)


def with_key_on(power: Power, cars: Parameters, condition: Condition) -> Power:
    """Ignition on, engine still: the battery alone feeds the control units (our choice: 9 A)."""
    sag = 9.0 * (resistance_ohm(power, cars, condition) + CABLE_OHM)
    voltage = open_circuit_v(power.charge, power.battery_c) - sag
    return Power(charge=power.charge, voltage_v=voltage, battery_c=power.battery_c, field=np.zeros_like(voltage))


def crank(power: Power, oil_c: FloatArray, cars: Parameters, condition: Condition) -> tuple[FloatArray, Power]:
    """Voltage while cranking, ``(n_steps, n_vehicles)`` at 20 ms, and the system after it.

    The starter is a resistance and a back-voltage that builds up as it gains speed; stiff cold oil slows it and makes
    it last longer, and so does a voltage that falls low.
    """
    open_v = open_circuit_v(power.charge, power.battery_c)
    ohm = resistance_ohm(power, cars, condition) + CABLE_OHM
    stiff = 1.0 + 0.012 * bounded(40.0 - oil_c, 0.0, 70.0)
    plateau_v = open_v - (open_v - STARTER_BACK_V / stiff) / (ohm + STARTER_OHM) * ohm
    lasts_s = bounded(0.62 * stiff * (10.4 / plateau_v) ** 2, 0.4, 3.0)
    time_s = np.arange(CRANK_STEP_S, float(lasts_s.max()) + CRANK_STEP_S, CRANK_STEP_S)[:, None]
    back_v = STARTER_BACK_V / stiff * (1.0 - np.exp(-time_s / 0.07))
    amps = np.where(time_s <= lasts_s, (open_v - back_v) / (ohm + STARTER_OHM), 0.0)
    used = amps.sum(axis=0) * CRANK_STEP_S / _capacity_as(cars, condition)
    trace = np.maximum(SMALLEST_CRANK_V, open_v - amps * ohm)
    after = Power(
        charge=power.charge - used, voltage_v=trace[-1], battery_c=power.battery_c, field=np.zeros_like(open_v)
    )
    return trace, after


def step_power(
    power: Power, rpm: FloatArray, load_w: FloatArray, ambient_c: FloatArray, bonnet_c: FloatArray,
    cars: Parameters, condition: Condition, dt_s: float,
) -> Power:  # fmt: skip
    """The system ``dt_s`` later with the engine running."""
    field = power.field + (1.0 - power.field) * (1.0 - np.exp(-dt_s / RUN_UP_S))
    load_a = load_w / np.maximum(10.0, power.voltage_v)
    output_a = cars.alternator_a * condition.alternator_factor * field * (1.0 - np.exp(-rpm / 820.0))
    open_v = open_circuit_v(power.charge, power.battery_c)
    internal = CHARGING_OHM * np.sqrt(condition.battery_resistance)
    suffices_v = open_v + (output_a - load_a) * internal
    wanted_v = cars.regulator_v + REGULATOR_V_PER_K * (bonnet_c - 25.0)
    voltage = np.minimum(wanted_v, suffices_v)
    taken = (voltage - open_v) / internal * np.where(voltage > open_v, _acceptance(power.charge), 1.0)
    charge = bounded(power.charge + taken * dt_s / _capacity_as(cars, condition), 0.02, 1.0)
    warmed = power.battery_c + (0.7 * ambient_c + 0.3 * bonnet_c - power.battery_c) * dt_s / 4200.0
    return Power(charge=charge, voltage_v=voltage, battery_c=warmed, field=field)


def _acceptance(charge: FloatArray) -> FloatArray:
    """A battery that is nearly full takes less and less."""
    return bounded((1.0 - charge) / 0.22, 0.0, 1.0)


def _capacity_as(cars: Parameters, condition: Condition) -> FloatArray:
    return cars.battery_ah * condition.battery_capacity * 3600.0


def park(power: Power, parked_s: FloatArray, ambient_c: FloatArray, cars: Parameters, condition: Condition) -> Power:
    """The system after standing: drawn on by what never sleeps, and as warm as the air."""
    drawn = condition.parasitic_a * parked_s / _capacity_as(cars, condition)
    near = np.exp(-parked_s / 9000.0)
    charge = bounded(power.charge - drawn, 0.02, 1.0)
    return rested(charge, ambient_c + (power.battery_c - ambient_c) * near)
