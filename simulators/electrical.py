"""The 12 V side: a lead-acid battery's voltage and charge, cranking, and a regulated alternator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from simulators.faults import Faults
    from simulators.parameters import Floats, Parameters

EMPTY_V, FULL_V = 11.75, 12.72
COLD_PER_K = 0.011
CHARGE_LIMIT_A = 35.0
CHARGE_ACCEPTANCE = 0.9


def open_circuit_v(charge: Floats, battery_c: float) -> Floats:
    """Rest voltage at a state of charge from 0 to 1, about linear for lead-acid."""
    return EMPTY_V + (FULL_V - EMPTY_V) * charge + 0.0008 * (battery_c - 25.0)


def resistance_ohm(battery_c: float, p: Parameters, faults: Faults) -> Floats:
    """Internal resistance: it grows in the cold and with age."""
    return p.battery_ohm * faults.battery_resistance * (1.0 + COLD_PER_K * (25.0 - battery_c))


def cranking_v(
    charge: Floats, battery_c: float, oil_drag: float, phase: Floats, p: Parameters, faults: Faults
) -> Floats:
    """Voltage while the starter turns, sampled at a ``phase`` from 0 (inrush) to 1 (engine catches).

    The current falls from the starter's stall towards its running value within the first tenths of a second.
    """
    current = p.crank_a * oil_drag * (0.62 + 1.1 * np.exp(-5.0 * phase))
    return open_circuit_v(charge, battery_c) - current * resistance_ohm(battery_c, p, faults)


def running_v(charge: Floats, battery_c: float, rpm: Floats, noise: Floats, p: Parameters, faults: Faults) -> Floats:
    """Voltage with the engine on: the regulator's, as far as the alternator holds it, else the battery's under load."""
    regulated = p.alternator_v - 0.006 * (battery_c - 25.0) - faults.alternator_drop_v + noise
    weak = 0.12 * np.clip((950.0 - rpm) / 300.0, 0.0, 1.0)
    floor = open_circuit_v(charge, battery_c) - p.load_a * resistance_ohm(battery_c, p, faults)
    return np.maximum(regulated - weak, floor)


def charge_after(
    charge: Floats, terminal_v: Floats, battery_c: float, dt_s: float, p: Parameters, faults: Faults
) -> Floats:
    """State of charge after ``dt_s`` at a terminal voltage."""
    surplus = (terminal_v - open_circuit_v(charge, battery_c) - 0.35) / (6.0 * resistance_ohm(battery_c, p, faults))
    current = np.clip(surplus, -p.load_a, CHARGE_LIMIT_A * (1.02 - charge))
    gain = np.where(current > 0.0, CHARGE_ACCEPTANCE, 1.0)
    return np.clip(charge + dt_s * gain * current / (p.battery_as * faults.battery_capacity), 0.05, 1.0)


def charge_parked(charge: Floats, hours: float, p: Parameters, faults: Faults) -> Floats:
    """State of charge after standing."""
    return np.clip(charge - hours * 3600.0 * p.parked_a / (p.battery_as * faults.battery_capacity), 0.05, 1.0)
