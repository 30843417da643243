"""A charging session of a traction battery: ampere-hours put in, between which states of charge, how warm.

Ampere-hours by the trapezoid between readings of the current; a session is read once a minute or oftener, and its
current changes slowly, so that the sum is good to a few parts in a thousand. A current that stays the same is a
reading too: at the plug the car's clock stands still, and what is steady looks like a repetition.
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

GAP_MS = 180_000
"""Longest gap that is bridged: three rows of a minute (our choice)."""


def measure(view: View) -> dict[str, Floats]:
    """Ampere-seconds since the reading before, and the state of charge."""
    charging = view.charging
    passed_ms = view.time_ms - view.before_ms(s.TRACTION_CURRENT)
    told = charging & ~np.isnan(view.value(s.TRACTION_CURRENT))
    near = told & (view.before_ms(s.TRACTION_CURRENT) >= 0) & (passed_ms > 0) & (passed_ms <= GAP_MS)
    mean = (np.maximum(view.value(s.TRACTION_CURRENT), 0.0) + np.maximum(view.before(s.TRACTION_CURRENT), 0.0)) / 2.0
    charge = view.only(charging, view.value(s.TRACTION_CHARGE))
    warmth = view.only(charging, view.value(s.TRACTION_TEMPERATURE))
    health = view.only(view.fresh(s.TRACTION_HEALTH), view.value(s.TRACTION_HEALTH))
    return {
        "charge_as": view.only(near, mean * np.where(near, passed_ms, 0) / 1000.0),
        "charge_gaps": view.only(told & ~near),
        "charge_from": charge,
        "charge_to": charge,
        "charge_coldest": warmth,
        "bms_health": health,
    }


def derive(sums: Sums) -> dict[str, Floats]:
    """What was charged; NaN where readings were missing in between, since the sum would be short.

    The first reading of a session has none shortly before it, any other should.
    """
    whole = (sums["charge_as"] > 0.0) & (sums["charge_gaps"] <= 1.0)
    return {
        "charged_ah": np.where(whole, sums["charge_as"] / 3600.0, np.nan),
        "charged_percent": sums["charge_to"] - sums["charge_from"],
        "charged_coldest": sums["charge_coldest"],
        "bms_health_percent": sums["bms_health"],
    }


MATTER = Matter(
    name="charge_sessions",
    signals=(s.TRACTION_CURRENT, s.TRACTION_CHARGE, s.TRACTION_TEMPERATURE, s.TRACTION_HEALTH, s.IS_CHARGING),
    measure=measure,
    derive=derive,
    needs=(s.TRACTION_CHARGE,),
    summed=("charge_as", "charge_gaps"),
    least=("charge_coldest",),
    first=("charge_from",),
    last=("charge_to", "bms_health"),
    features=("charged_ah", "charged_percent", "charged_coldest", "bms_health_percent"),
)
