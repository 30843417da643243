"""Boost pressure against what is commanded, and the air that passes the meter against what the cylinders can take.

Both count only where the engine is boosted and steady: the command at least 25 kPa above the air outside and hardly
changed since the reading before, 1800 rpm or more. The gap is taken to sea level, since a turbocharger's ratio, not its
difference, is what it can do.

The second one needs no displacement: MAF / (p N / T) of the boosted engine over the same of the engine at part load is
the cylinders' own filling, the same for years; air that leaves through a hose after the meter adds to it.
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

SEA_LEVEL_KPA = 101.3
LEAST_BOOST_KPA = 25.0
"""Commanded above the air outside: less is the noise of an idling turbocharger (our choice)."""
LEAST_RPM = 1800.0
"""Below it a turbocharger cannot follow (our choice, near the 2000 rpm of workshop rules)."""
STEADY_KPA = 10.0
"""By which the command may have changed since the reading before (our choice)."""
CUT_KPA = 40.0
"""A gap beyond is a transient or a dead actuator; either way it counts as this (our choice)."""
LEAST_BARO_KPA = 75.0
"""Above 2500 m makers reduce boost, each in his own way (our choice)."""
EGR_SHUT = 5.0
"""Per cent of command: recirculated gas takes the place of air (our choice)."""
TOGETHER_MS = 4500
"""Two readings of one moment: two polls apart at most (our choice)."""
MIN_READINGS = 6
"""Readings that make a mean: hard acceleration lasts seconds (our choice)."""


def measure(view: View) -> dict[str, Floats]:
    """Gap, actuator and filling where they count."""
    baro = np.nan_to_num(view.known(s.BAROMETRIC_PRESSURE), nan=SEA_LEVEL_KPA)
    command, rpm = view.held(s.BOOST_COMMANDED), view.held(s.ENGINE_SPEED)
    steady = np.abs(command - view.before(s.BOOST_COMMANDED)) <= STEADY_KPA
    boosted = view.running & (command >= baro + LEAST_BOOST_KPA) & (rpm >= LEAST_RPM) & (baro >= LEAST_BARO_KPA)
    together = view.time_ms - view.known_ms(s.BOOST_COMMANDED) <= TOGETHER_MS
    counted = view.fresh(s.BOOST) & boosted & steady & together
    gap = np.clip((command - view.value(s.BOOST)) * SEA_LEVEL_KPA / baro, -CUT_KPA, CUT_KPA)
    control = view.held(s.TURBOCHARGER_CONTROL)
    driven = counted & ~np.isnan(control)
    return {
        "boost_n": np.where(counted, 1.0, np.nan),
        "boost_gap_sum": np.where(counted, gap, np.nan),
        "boost_control_n": np.where(driven, 1.0, np.nan),
        "boost_control_sum": np.where(driven, control, np.nan),
    } | _filling(view, baro)


def _filling(view: View, baro: Floats) -> dict[str, Floats]:
    """Logarithm of the air a revolution over its density, boosted and at part load."""
    pressure, air = view.held(s.MAP), view.value(s.MAF)
    inside = view.held(s.BOOST)
    pressure = np.where(np.isnan(pressure), inside, pressure)
    kelvin = view.held(s.INTAKE_AIR_TEMPERATURE) + 273.15
    rpm = view.held(s.ENGINE_SPEED)
    shut = ~(view.held(s.COMMANDED_EGR) > EGR_SHUT)
    usable = view.fresh(s.MAF) & view.running & shut & (air > 1.0) & (rpm >= LEAST_RPM) & (pressure > 0.0)
    filling = np.log(np.where(usable, air, 1.0) * kelvin / np.where(usable, pressure * rpm, 1.0))
    high = usable & ~np.isnan(filling) & (pressure >= baro + LEAST_BOOST_KPA)
    low = usable & ~np.isnan(filling) & (pressure < baro + LEAST_BOOST_KPA / 2.0)
    return {
        "boost_high_n": np.where(high, 1.0, np.nan),
        "boost_high_sum": np.where(high, filling, np.nan),
        "boost_low_n": np.where(low, 1.0, np.nan),
        "boost_low_sum": np.where(low, filling, np.nan),
    }


def derive(sums: Sums) -> dict[str, Floats]:
    """Means of the trip: kPa, per cent, and a logarithm."""

    def mean(total: str, count: str) -> Floats:
        n = sums[count]
        return np.where(n >= MIN_READINGS, sums[total] / np.maximum(n, 1.0), np.nan)

    return {
        "boost_gap": mean("boost_gap_sum", "boost_n"),
        "boost_control": mean("boost_control_sum", "boost_control_n"),
        "charge_air_excess": mean("boost_high_sum", "boost_high_n") - mean("boost_low_sum", "boost_low_n"),
    }


MATTER = Matter(
    name="boost",
    signals=(
        s.BOOST_COMMANDED, s.BOOST, s.TURBOCHARGER_CONTROL, s.BAROMETRIC_PRESSURE, s.ENGINE_SPEED, s.MAP, s.MAF,
        s.INTAKE_AIR_TEMPERATURE, s.COMMANDED_EGR,
    ),
    needs=(s.BOOST,),
    summed=(
        "boost_n", "boost_gap_sum", "boost_control_n", "boost_control_sum", "boost_high_n", "boost_high_sum",
        "boost_low_n", "boost_low_sum",
    ),
    features=("boost_gap", "boost_control", "charge_air_excess"),
    measure=measure,
    derive=derive,
)  # fmt: skip
