"""Heat balance of a traction battery: what its current makes, what its coolant should take, what is left.

Over a stretch C dT = R int(I^2) dt - hA int(T - T_coolant) dt. The three integrals are features, and with them how far
the battery is above its coolant while it works hard, and how far its modules are apart.
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

GAP_MS = 120_000
"""Longest time that a current stands for: two rows of a charging session (our choice)."""
LEAST_N = 10.0
"""Readings of the spread that make a mean (our choice)."""


def measure(view: View) -> dict[str, Floats]:
    """Heat, cooling and temperatures of each row."""
    at_work = ~view.resting
    current, warmth = view.value(s.TRACTION_CURRENT), view.known(s.TRACTION_TEMPERATURE)
    passed_ms = view.time_ms - view.before_ms(s.TRACTION_CURRENT)
    near = at_work & ~np.isnan(current) & (view.before_ms(s.TRACTION_CURRENT) >= 0)
    near = near & (passed_ms > 0) & (passed_ms <= GAP_MS)
    seconds = np.where(near, passed_ms, 0) / 1000.0
    heat = (current**2 + view.before(s.TRACTION_CURRENT) ** 2) / 2.0 * seconds
    above = warmth - view.known(s.TRACTION_COOLANT)
    told = near & ~np.isnan(above)
    apart = view.value(s.TRACTION_HOTTEST) - view.known(s.TRACTION_COLDEST)
    read = at_work & view.fresh(s.TRACTION_TEMPERATURE)
    return {
        "pack_heat": view.only(told, heat),
        "pack_cooling": view.only(told, above * seconds),
        "pack_seconds": view.only(told, seconds),
        "pack_began_c": view.only(read, view.value(s.TRACTION_TEMPERATURE)),
        "pack_ended_c": view.only(read, view.value(s.TRACTION_TEMPERATURE)),
        "pack_hottest_c": view.only(view.fresh(s.TRACTION_HOTTEST), view.value(s.TRACTION_HOTTEST)),
        "pack_apart_n": view.only(at_work & view.fresh(s.TRACTION_HOTTEST) & ~np.isnan(apart)),
        "pack_apart": view.only(at_work & view.fresh(s.TRACTION_HOTTEST), apart),
    }


def derive(sums: Sums) -> dict[str, Floats]:
    """``pack_heat_kaah`` in 1000 A^2 h, ``pack_cooling_kh`` in K h, rise in K, mean excess over the coolant in K."""
    seconds, apart = sums["pack_seconds"], sums["pack_apart_n"]
    worked = seconds > 0.0
    return {
        "pack_heat_kaah": np.where(worked, sums["pack_heat"] / 3.6e6, np.nan),
        "pack_cooling_kh": np.where(worked, sums["pack_cooling"] / 3600.0, np.nan),
        "pack_work_h": np.where(worked, seconds / 3600.0, np.nan),
        "pack_rise_k": np.where(worked, sums["pack_ended_c"] - sums["pack_began_c"], np.nan),
        "pack_hottest_c": sums["pack_hottest_c"],
        "pack_apart_k": np.where(apart >= LEAST_N, sums["pack_apart"] / np.maximum(apart, 1.0), np.nan),
    }


MATTER = Matter(
    name="pack_heat",
    signals=(s.TRACTION_CURRENT, s.TRACTION_TEMPERATURE, s.TRACTION_COOLANT, s.TRACTION_HOTTEST, s.TRACTION_COLDEST),
    measure=measure,
    derive=derive,
    needs=(s.TRACTION_TEMPERATURE,),
    summed=("pack_heat", "pack_cooling", "pack_seconds", "pack_apart_n", "pack_apart"),
    largest=("pack_hottest_c",),
    first=("pack_began_c",),
    last=("pack_ended_c",),
    features=("pack_heat_kaah", "pack_cooling_kh", "pack_work_h", "pack_rise_k", "pack_hottest_c", "pack_apart_k"),
)
