"""How much the coolant warms by the heat that the engine gives it, below the temperature at which a thermostat opens.

The balance of an engine that warms up: heat goes with the air that it burns; what the coolant gains and loses to the
air around must be that heat. A thermostat that does not shut lets the radiator take its part, and the gain for the same
heat is less. All terms are sums over the rows in which the coolant is below 75 degC, taken with the measured
temperature, so that no model has to run along.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.features.matter import Matter
from vehicle import signals as s

if TYPE_CHECKING:
    from diagnostics.arrays import Floats
    from diagnostics.features.sums import Sums
    from diagnostics.features.view import View

BELOW_C = 75.0
"""No thermostat opens below it: a monitor in production (Suzuki) asks for 75 degC within its integrated air."""
MILD_C = 30.0
"""An intake that is warmer than this is warm of the engine, not of the weather (our choice)."""
LEAST_S = 150.0
"""Engine time below the limit that tells anything (our choice)."""
LEAST_K, LONG_S = 8.0, 420.0
"""The coolant must have risen by so much, or have had so long to do so (our choice)."""
LITRE_G_PER_REV_KPA = 1.1e-5 * 500.0
"""Air of a litre of displacement, g a turn and kPa: density at 1 kPa and 300 K is 1.16e-2 g/l, a cylinder fills every
other turn, filling 0.95."""


def measure(view: View) -> dict[str, Floats]:
    """Heat by air, g; loss by time, K ks; loss by way, K km; first and last coolant below the limit, degC."""
    coolant = view.held(s.COOLANT_TEMPERATURE)
    gate = view.gate(view.running & (coolant < BELOW_C))
    passed = view.passed_ms / 1000.0 + gate
    over = coolant - _outside(view)
    return {
        "warm_s": passed,
        "warm_air": passed * _air(view),
        "warm_still": passed * over / 1000.0,
        "warm_moving": passed * over * np.nan_to_num(view.held(s.SPEED)) / 3600.0,
        "warm_first": coolant + gate,
        "warm_last": coolant + gate,
    }


def _outside(view: View) -> Floats:
    intake = np.minimum(np.nan_to_num(view.known(s.INTAKE_AIR_TEMPERATURE), nan=20.0), MILD_C)
    if not view.told(s.AMBIENT_AIR_TEMPERATURE):
        return intake
    told = view.known(s.AMBIENT_AIR_TEMPERATURE)
    return np.where(np.isnan(told), intake, told)


def _air(view: View) -> Floats:
    """Air that the engine takes, g/s; by manifold pressure and turns as of one litre where it is not metered."""
    if view.told(s.MAF):
        return view.held(s.MAF)
    return view.held(s.ENGINE_SPEED) / 60.0 * view.held(s.MAP) * LITRE_G_PER_REV_KPA


def derive(sums: Sums) -> dict[str, Floats]:
    """What the coolant gained, K; heat and losses of it."""
    gained = sums["warm_last"] - sums["warm_first"]
    long = (sums["warm_s"] >= LEAST_S) & ((gained >= LEAST_K) | (sums["warm_s"] >= LONG_S))
    told = np.where(long & (sums["warm_air"] > 0.0), 1.0, np.nan)
    return {
        "warm_gain_k": gained * told,
        "warm_air_kg": sums["warm_air"] * told / 1000.0,
        "warm_still_kks": sums["warm_still"] * told,
        "warm_moving_kkm": sums["warm_moving"] * told,
        "warm_first_c": sums["warm_first"] * told,
    }


MATTER = Matter(
    name="warm_up",
    signals=(
        s.COOLANT_TEMPERATURE, s.AMBIENT_AIR_TEMPERATURE, s.INTAKE_AIR_TEMPERATURE, s.MAF, s.MAP, s.ENGINE_SPEED,
        s.SPEED,
    ),
    needs=(s.COOLANT_TEMPERATURE,),
    measure=measure,
    derive=derive,
    summed=("warm_s", "warm_air", "warm_still", "warm_moving"),
    first=("warm_first",),
    last=("warm_last",),
    features=("warm_gain_k", "warm_air_kg", "warm_still_kks", "warm_moving_kkm", "warm_first_c"),
)  # fmt: skip
