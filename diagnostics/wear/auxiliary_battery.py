"""12 V battery of hybrid and electric cars: aged by time and heat, anchored by every test at a workshop.

Why it works: no starter turns, so hardly any of its wear is use: plates corrode and water goes whether the car drives
or stands, about twice as fast for each 10 K (Arrhenius). So work is the time since the trip before, in years at 20
degC. The share of its new capacity that is left and what a year takes of it are learned together: the prior first, then
the tester's readings of this car. It is used up where a cold weekend leaves too little to close the contactors; nothing
else tells of it in time, since the car wakes as always until then. A day of the service book on which the battery was
fitted tells its age.
When not: the air that a drive meets is not that of the battery's place, and stands for the whole time before it; deep
discharges take capacity at once, which the next test tells; lithium batteries age otherwise and die by their control
unit; a tester that estimates from conductance errs by a tenth, and may have been clamped to another car: one reading
far below what is known moves it little, one far above is taken for a new battery. What drains a sound battery, and a
converter that fails, are the matter of :mod:`diagnostics.detectors.battery_12v_ev`; their repair passes for a new
battery until the next test.

Signals needed: a test by a workshop, or the day on which the battery was fitted; better with air temperature. Before
either is told, and in cars not known to be hybrid or electric: not observable.

Source: the rate that doubles for each 10 K is the rule of thumb of battery makers' manuals; 12 V batteries caused half
of all roadside calls of electric cars in 2024 (ADAC). They are renewed after four to six years: 24 % of the capacity a
year at 20 degC and its spread, set on a development fleet (seed 17), the limit of 25 % and the tester's error: our
choice, to be replaced by measurements.

False-alarm rate: not one of statistics: it speaks when the battery is due with the probability that its parameters ask
for, and never of one that nobody tested or dated. That the 90 % interval holds the truth is tested by drawing lives
(tests/unit/diagnostics/test_auxiliary_battery.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.arrays import floats
from diagnostics.detector import Cause, Detector, Drawn, Judgement, Observability
from diagnostics.findings import Component, Severity
from diagnostics.prognosis import book, part
from diagnostics.prognosis.dose import DAY_MS
from diagnostics.telling import Repeats
from vehicle import signals

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips

MEASURED = "measured_battery_12v_percent"
YEAR_DAYS = 365.25
USUAL_C = 15.0
"""Air temperature, where the car does not tell it (our choice)."""
RATED_C, DOUBLING_K = 20.0, 10.0
COLDEST_C, HOTTEST_C = -20.0, 50.0
"""Beyond these a battery's place is not for days, whatever a sensor says (our choice)."""
MOST_PERCENT = 120.0
"""More than any new battery has: a slip of the pen, taken for not measured."""
USUAL_DAYS = 180.0
"""So many days count as much as a usual climate: one season tells little of the others (our choice)."""
FORGET = 0.997
"""Weight of the days before a new one: a year of seasons counts (our choice)."""


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """No test, no day in the book."""
    return part.initial(n_vehicles) | {"aged_days": np.full(n_vehicles, np.nan)}


def dated(_state: State, days: Floats) -> dict[str, Floats | Integers]:
    """The state of batteries that had been in the car for ``days`` when it was first seen."""
    return {"aged_days": days}


def step(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
    """See the module."""
    has_one, measured = p["auxiliary_fitted"] > 0.0, trips[MEASURED]
    aged_days = floats(state["aged_days"])
    believed = has_one & (measured >= 0.0) & (measured <= MOST_PERCENT)
    worn = part.Worn(
        work=np.where(has_one, _work(trips), np.nan),
        measured=np.where(believed, measured, np.nan),
        aged=aged_days / YEAR_DAYS * ageing(np.full(len(trips), np.nan)),
    )
    judgement, after = part.step(trips, worn, state, p, "auxiliary", forget=FORGET, usual_days=USUAL_DAYS, hidden=True)
    return judgement, after | {"aged_days": aged_days}


def _unmeasured(trips: Trips, _p: Parameters) -> Flags:
    return np.isnan(trips[MEASURED])


def _passes(trips: Trips, state: State, p: Parameters) -> tuple[Flags, dict[str, Floats]]:
    """Of a battery that nobody ever tested or dated nothing is said: it only ages."""
    work = np.where(p["auxiliary_fitted"] > 0.0, _work(trips), 0.0)
    unsaid, changes = part.passes(trips, work, state, p, "auxiliary")
    return unsaid & np.isnan(floats(state["aged_days"])), changes


def _work(trips: Trips) -> Floats:
    """What a trip and the standing before it take, in years at :data:`RATED_C`."""
    return _years(trips) * ageing(trips["ambient_c"])


def ageing(air_c: Floats) -> Floats:
    """How many times as fast as at :data:`RATED_C` a battery ages."""
    battery_c = np.clip(np.where(np.isnan(air_c), USUAL_C, air_c), COLDEST_C, HOTTEST_C)
    times: Floats = np.exp2((battery_c - RATED_C) / DOUBLING_K)
    return times


def _years(trips: Trips) -> Floats:
    """Since the trip before, standing and driving; of the first trip seen, its own length."""
    since = np.where(np.isnan(trips["previous_end_ms"]), trips["started_ms"], trips["previous_end_ms"])
    years: Floats = np.maximum(trips["ended_ms"] - since, 0.0) / (DAY_MS * YEAR_DAYS)
    return years


_TEXT = {
    "en": "By {measurements:.0f} tests, time and heat the 12 V battery has {left:.0f} % of its capacity as new, give "
    "or take {error:.0f} points; the limit of {limit:.0f} %, at which a car may not wake after a cold weekend, comes "
    "in {low:.0f} to {high:.0f} days (90 % interval). ",
    "zh": "根据{measurements:.0f}次检测、使用时间和温度，12V蓄电池容量约为新电池的{left:.0f}%"
    "（误差±{error:.0f}个百分点），"
    "将在{low:.0f}至{high:.0f}天内降至{limit:.0f}%（90%区间），届时在寒冷天气停放一个周末后车辆可能无法上电。",
}
_SOON_DUE = {
    "en": "Check first: test it with a battery tester at the next visit and tell us; replace it if the test agrees. "
    "Left alone the car will not wake one morning.",
    "zh": "优先检查：下次到店用蓄电池检测仪检测并反馈，结果一致则更换。拖延可能导致某天车辆无法上电。",
}
_WORN = {
    "en": "Check first: charge it, test it with a battery tester, and replace it by one of the same kind. Left alone "
    "the car will not wake, and its traction battery cannot help it.",
    "zh": "优先检查：充电后用蓄电池检测仪检测，更换同类型蓄电池。拖延将导致车辆无法上电，动力电池也无法救援。",
}

MODEL = Detector(
    name="auxiliary_battery",
    component=Component.BATTERY_12V_EV,
    observability=Observability.AGGREGATED,
    causes=(
        Cause(
            key="soon_due",
            severity=Severity.NEXT_SERVICE,
            job="test_battery",
            title={"en": "12 V battery: test it at the next visit", "zh": "12V蓄电池：下次到店检测"},
            text={language: _TEXT[language] + _SOON_DUE[language] for language in _TEXT},
        ),
        Cause(
            key="worn",
            severity=Severity.SOON,
            job="replace_battery",
            title={"en": "12 V battery is worn out", "zh": "12V蓄电池已到寿命"},
            text={language: _TEXT[language] + _WORN[language] for language in _TEXT},
        ),
    ),
    needs=("started_ms", "ended_ms"),
    signals=(signals.AMBIENT_AIR_TEMPERATURE, signals.ODOMETER),
    drawn=Drawn(
        feature=MEASURED,
        unit="%",
        label={"en": "12 V battery by the tester", "zh": "12V蓄电池检测仪读数"},
    ),
    initial=initial,
    step=step,
    repeats=Repeats(alike=_unmeasured, passes=_passes),
    measured=MEASURED,
    renewed=part.renewed,
    fitted=book.fitted,
    dated=dated,
    parameters=(*part.parameters("auxiliary"), "auxiliary_fitted", "rate_days"),
)
