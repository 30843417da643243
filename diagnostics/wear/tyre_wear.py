"""Tread of the tyres: rubbed off by slip, metre by metre, more where the car accelerates, brakes and turns.

Why it works: rubber goes with the energy of the slip, and force times slip grows with the square of the force; so a
kilometre is weighted by 1 + kx ax^2 + ky ay^2. Tread and wear per weighted kilometre are learned together from the
platform's prior and this car's measurements; a tread measured far above what can be left tells of new tyres.
When not: pressure, toe, load, road surface and the make of the tyre change the wear by half or more and none of them
shows; tyres changed for the season start anew only when measured. So this is class C until measured, and what it says
is an interval with the wish to measure. A rolling radius that shrinks by 2 % over a tyre's life is below what speed
readings can show and is not used.

Signals needed: speed; better with lateral acceleration or yaw rate and the kilometre counter. Without speed: not
observable.

Source: 120 g for 1000 km and car on average (ADAC, 90 to 134 g by make), about 0.1 mm for 1000 km; new 7 to 9.5 mm,
legal limit 1.6 mm, advice to replace at 3 mm in summer, 4 mm in winter; splitting of slip energy as in Goodyear's
patent application US20260168907. Weights of acceleration and spreads: our choice.

False-alarm rate: not one of statistics; it speaks when the tread is due with the probability that its parameters ask
for, as a reminder to measure, never as a booking.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.detector import Cause, Detector, Drawn, Judgement, Observability
from diagnostics.findings import Component, Severity
from diagnostics.prognosis import book, dose, part
from diagnostics.telling import either, tells
from vehicle import signals

if TYPE_CHECKING:
    from diagnostics.arrays import Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips

WORK_KM = 1000.0
"""Unit of work: 1000 weighted kilometres."""
MOST_MM = 25.0
"""More than any road tyre has: a slip of the pen, taken for not measured."""


def step(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
    """See the module."""
    driven = trips["speed_n"] > 0.0
    measured = trips["measured_tread_mm"]
    worn = part.Worn(
        work=np.where(driven, trips["tyre_work_km"] / WORK_KM, np.nan),
        measured=np.where((measured >= 0.0) & (measured <= MOST_MM), measured, np.nan),
    )
    return part.step(trips, worn, state, p, "tread")


_TEXT = {
    "en": "By {km:.0f} km of driving, weighted by acceleration, and {measurements:.0f} measurements the least tread is "
    "{left:.1f} mm, give or take {error:.1f} mm; the legal limit of {limit:.1f} mm comes in {low:.0f} to "
    "{high:.0f} days "
    "(90 % interval). ",
    "zh": "根据{km:.0f}公里行驶（按加减速加权）和{measurements:.0f}次测量，最浅花纹约{left:.1f} mm（"
    "误差±{error:.1f} mm），"
    "将在{low:.0f}至{high:.0f}天内到达法定极限{limit:.1f} mm（90%区间）。",
}
_MEASURE = {
    "en": "Check first: measure the tread of all four at the next visit and tell us. Waiting costs grip in the "
    "wet below "
    "3 mm.",
    "zh": "优先检查：下次到店测量四轮花纹深度并反馈。低于3 mm时湿地抓地力下降。",
}
_WORN = {
    "en": "Check first: measure; order tyres for both wheels of the axle. Waiting costs grip in the wet, then the "
    "licence.",
    "zh": "优先检查：测量花纹，同轴成对订购轮胎。拖延会降低湿地抓地力，并可能违法。",
}

MODEL = Detector(
    name="tyre_wear",
    component=Component.TYRE_WEAR,
    observability=Observability.INDIRECT,
    causes=(
        Cause(
            key="soon_due",
            severity=Severity.MONITOR,
            job="measure_tread",
            title={"en": "Tyres: measure the tread at the next visit", "zh": "轮胎：下次到店测量花纹"},
            text={language: _TEXT[language] + _MEASURE[language] for language in _TEXT},
        ),
        Cause(
            key="worn",
            severity=Severity.NEXT_SERVICE,
            job="replace_tyres",
            title={"en": "Tyres are probably worn", "zh": "轮胎可能已磨损"},
            text={language: _TEXT[language] + _WORN[language] for language in _TEXT},
        ),
    ),
    needs=("speed_n", "tyre_work_km"),
    signals=(signals.SPEED, signals.LATERAL_ACCELERATION, signals.YAW_RATE, signals.ODOMETER),
    drawn=Drawn(
        feature="tyre_work_km",
        unit="km",
        label={"en": "Kilometres weighted by acceleration", "zh": "按加速度加权的里程"},
    ),
    initial=part.initial,
    step=step,
    told=either(tells(("measured_tread_mm",), counted=("speed_n", "km")), dose.day_begins),
    measured="measured_tread_mm",
    renewed=part.renewed,
    fitted=book.fitted,
    parameters=(*part.parameters("tread"), "rate_days"),
)
