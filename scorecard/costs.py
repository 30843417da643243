"""What a policy costs: repairs planned or not, inspections for nothing, life thrown away.

The unit is one hour of a workshop.
The amounts are our choice, after the order of magnitude of average repair costs that CarMD publishes for the United
States (catalyst 1,355, oxygen sensor 243, coil and plug 387, mass-air-flow sensor 319 dollars in 2021; a workshop hour
taken as 100) and of a roadside breakdown (tow, a day's replacement car). Every policy is billed by the same table.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from scorecard.matching import FALSE
from scorecard.truth import DAY_MS, LOW_AIR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scorecard.alerts import Alerts
    from scorecard.matching import Matched
    from scorecard.truth import Flags, Floats, Truth, Watched

PLANNED: Mapping[str, float] = MappingProxyType(
    {
        "battery_12v": 2.2, "battery_12v_ev": 2.2, "charging": 5.0, "thermostat": 3.0, "cooling": 5.0, "fuel_air": 3.2,
        "misfire": 3.9, "catalyst": 13.5, "oxygen_sensor": 2.4, "evap": 2.0, "egr": 4.5, "boost": 6.0, "dpf": 8.0,
        "air_filter": 0.6, "engine_oil": 1.5, "transmission": 9.0, "brakes": 3.5, "tyre_pressure": 0.8,
        "tyre_wear": 5.0, "wheel_bearing": 3.5, "wheel_speed_sensor": 2.0, "traction_battery": 60.0,
        "cell_imbalance": 25.0, "insulation": 12.0, "hv_thermal": 8.0, "sensors": 2.2,
    }
)  # fmt: skip
"""Repair by appointment."""
UNPLANNED: Mapping[str, float] = MappingProxyType(
    {
        "battery_12v": 5.2, "battery_12v_ev": 5.2, "charging": 10.0, "thermostat": 5.0, "cooling": 18.0,
        "fuel_air": 5.0, "misfire": 12.0, "catalyst": 16.0, "oxygen_sensor": 3.6, "evap": 2.8, "egr": 7.0,
        "boost": 11.0, "dpf": 17.0, "air_filter": 1.2, "engine_oil": 6.0, "transmission": 22.0, "brakes": 9.0,
        "tyre_pressure": 5.0, "tyre_wear": 8.0, "wheel_bearing": 7.0, "wheel_speed_sensor": 3.5,
        "traction_battery": 66.0, "cell_imbalance": 35.0, "insulation": 20.0, "hv_thermal": 16.0, "sensors": 4.0,
    }
)  # fmt: skip
"""The same after it failed on the road: tow, replacement car, and what it took with it."""
FOR_NOTHING = 1.2
"""An appointment after which nothing was found."""
LOOKED_AT = 0.2
"""Advice that turned out wrong, looked at with the next service."""
NOTICE_DAYS = 3.0
"""An appointment needs so many days' notice to come before the failure (our choice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """Costs of each vehicle ``(n_vehicles,)`` and their parts summed over the fleet."""

    of_vehicle: Floats
    planned: float
    unplanned: float
    for_nothing: float
    thrown_away: float


def bill(truth: Truth, alerts: Alerts, matched: Matched, watched: Watched) -> Bill:
    """What the fleet costs where alerts are acted upon ``NOTICE_DAYS`` after they come, and failures are mended."""
    n = len(watched)
    planned, unplanned = _amounts(truth, PLANNED), _amounts(truth, UNPLANNED)
    acted = _acted_ms(truth, alerts, matched)
    failed = (truth.failed_ms <= watched.until_ms[truth.vehicle]) & truth.matters
    in_time = acted < truth.failed_ms
    caught = truth.matters & (acted <= watched.until_ms[truth.vehicle]) & (in_time | np.isnan(truth.failed_ms))
    wasted = np.where(caught, planned * _unused(truth, acted), 0.0)
    by_plan, by_failure = np.where(caught, planned, 0.0), np.where(failed & ~caught, unplanned, 0.0)
    nothing = _wrong(alerts, matched)
    spent: Floats = np.zeros(n)
    np.add.at(spent, truth.vehicle, by_plan + by_failure + wasted)
    np.add.at(spent, alerts.vehicle, nothing)
    return Bill(
        of_vehicle=spent,
        planned=float(by_plan.sum()),
        unplanned=float(by_failure.sum()),
        for_nothing=float(nothing.sum()),
        thrown_away=float(wasted.sum()),
    )


def _amounts(truth: Truth, table: Mapping[str, float]) -> Floats:
    """What each is billed by a table; air costs nothing at a pump."""
    of = zip(truth.component.tolist(), truth.kind.tolist(), strict=True)
    return np.array([0.0 if kind == LOW_AIR else table[component] for component, kind in of], dtype=np.float64)


def _acted_ms(truth: Truth, alerts: Alerts, matched: Matched) -> Floats:
    """When each fault was mended by appointment, NaN where no right alert came."""
    if not len(alerts):
        return np.full(len(truth), np.nan)
    said = np.where(matched.first >= 0, alerts.at_ms[matched.first], np.nan)
    return said + NOTICE_DAYS * DAY_MS


def _unused(truth: Truth, acted: Floats) -> Floats:
    """Of a part that wears out, the share of its life that was left when it was renewed."""
    life = truth.failed_ms - truth.onset_ms
    with np.errstate(invalid="ignore", divide="ignore"):
        left = (truth.failed_ms - acted) / life
    return np.where(truth.wears & np.isfinite(left), np.clip(left, 0.0, 1.0), 0.0)


def _wrong(alerts: Alerts, matched: Matched) -> Floats:
    false: Flags = matched.label == FALSE
    booked = ~np.isnan(alerts.booked_ms)
    return np.where(false, np.where(booked, FOR_NOTHING, LOOKED_AT), 0.0)
