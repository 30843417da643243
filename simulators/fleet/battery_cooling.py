"""Heat of a traction battery: the cells as one lump, the coolant as another, a pump, a valve, a chiller, a heater.

The pump runs when the battery is warm or charges; the valve then lets the coolant through the radiator, unless the air
is warmer; a chiller helps above a temperature of the platform's; a heater warms a cold battery while it charges. The
coolant is reckoned implicitly, so that steps of a minute are stable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from simulators.fleet.arrays import Floats

TO_AIR_W_PER_K, TO_AIR_PER_MPS = 9.0, 0.5
"""Of the battery's case."""
LEFT_WITHOUT_PUMP = 0.06
"""Part of the coolant's conductance that is left by natural flow."""
COOLANT_J_PER_K = 26_000.0
RADIATOR_W_PER_K, RADIATOR_PER_MPS = 90.0, 22.0
HOSES_W_PER_K = 2.0
PUMP_FROM_C, VALVE_FROM_C = 24.0, 26.0
CHILLED_OVER_K = 4.0
HEATED_BELOW_C = 9.0
PARKED_W_PER_K = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plumbing:
    """``(n,)``: heat capacity of the cells, conductance from them to flowing coolant, power of chiller and heater."""

    cells_j_per_k: Floats
    coolant_w_per_k: Floats
    chiller_w: Floats
    heater_w: Floats
    chiller_from_c: Floats


def cooled(
    battery_c: Floats, coolant_c: Floats, heat_w: Floats, speed_mps: Floats, ambient_c: Floats, charging: Floats,
    works: tuple[Floats, Floats, Floats], plumbing: Plumbing, dt_s: float,
) -> tuple[Floats, Floats, Floats]:  # fmt: skip
    """Temperatures of battery and coolant ``dt_s`` later, and the power that heater and chiller take.

    ``works`` are the parts of the pump's flow, of the radiator's way and of the chiller's power that are left, 0 to 1.
    """
    pump, radiator, chiller = works
    runs = np.maximum(charging, (battery_c > PUMP_FROM_C).astype(np.float32))
    flow = np.float32(LEFT_WITHOUT_PUMP) + (1.0 - np.float32(LEFT_WITHOUT_PUMP)) * runs * pump
    to_coolant = plumbing.coolant_w_per_k * flow
    way = ((battery_c > VALVE_FROM_C) & (coolant_c > ambient_c)) * radiator
    to_air = np.float32(HOSES_W_PER_K) + way * (np.float32(RADIATOR_W_PER_K) + np.float32(RADIATOR_PER_MPS) * speed_mps)
    over = np.minimum(
        np.maximum((battery_c - plumbing.chiller_from_c) * np.float32(1.0 / CHILLED_OVER_K), np.float32(0.0)),
        np.float32(1.0),
    )
    chilled = over * chiller * pump * plumbing.chiller_w
    warmed = plumbing.heater_w * charging * (battery_c < HEATED_BELOW_C)
    per_k = np.float32(dt_s / COOLANT_J_PER_K)
    given = to_coolant * battery_c + to_air * ambient_c - chilled + warmed
    new_coolant = (coolant_c + per_k * given) / (1.0 + per_k * (to_coolant + to_air))
    case = np.float32(TO_AIR_W_PER_K) + np.float32(TO_AIR_PER_MPS) * speed_mps
    gained = heat_w - to_coolant * (battery_c - new_coolant) - case * (battery_c - ambient_c)
    return battery_c + gained * (np.float32(dt_s) / plumbing.cells_j_per_k), new_coolant, warmed + chilled * 0.4


def stood(battery_c: Floats, ambient_c: Floats, parked_s: Floats, plumbing: Plumbing) -> Floats:
    """Temperature of battery, and of its coolant with it, after standing."""
    near = np.exp(parked_s * np.float32(-PARKED_W_PER_K) / plumbing.cells_j_per_k)
    settled: Floats = ambient_c + (battery_c - ambient_c) * near
    return settled
