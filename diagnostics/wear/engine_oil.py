"""Engine oil: used up by revolutions weighted by temperature, by kilometres and by time.

Why it works: oil ages with what the engine turns in it, much faster when hot (oxidation doubles per 10 K above 110
degC) and when cold (fuel and water dilute it); that is the form of the oil-life monitors in use. Life is 1 minus the
largest of three shares: weighted revolutions, days, kilometres.
When not: it is a dose model, not a measurement of the oil; a wrong grade or a leak is not seen. It counts from the
first trip seen, as if the oil were new then, until the workshop tells of a change.

Signals needed: engine speed; oil temperature, or coolant temperature in its place; speed for the kilometres. Without
engine speed: not observable.

Source: US patent 4,742,476 (revolutions weighted by oil temperature, General Motors), its guideline of one year at
most; the doubling per 10 K is the usual rule of thumb, cold weight, 27 million revolutions and 15,000 km: our choice,
to be calibrated by used-oil analysis.

False-alarm rate: not one of statistics: it says when its own dose is used up, with 20 % spread on what the oil bears.
Measured: no finding on 17 h of one recorded sound car.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.arrays import floats
from diagnostics.detector import Cause, Detector, Drawn, Judgement, Observability, latch, latched
from diagnostics.findings import Component, Severity
from diagnostics.prognosis import dose
from diagnostics.prognosis.first_passage import life_quantiles
from vehicle import signals

if TYPE_CHECKING:
    from diagnostics.arrays import Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips

SOON_DUE, OVERDUE = range(2)


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """New oil."""
    driven: dict[str, Floats | Integers] = {"km": np.zeros(n_vehicles)}
    return driven | dose.initial(n_vehicles) | latched(n_vehicles)


def step(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
    """See the module."""
    counted, after = dose.add(trips["oil_dose"] / p["oil_revolutions"], trips["ended_ms"], _dose_of(state))
    km = floats(state["km"]) + np.nan_to_num(trips["km"])
    age_days = (trips["ended_ms"] - floats(after["began_ms"])) / dose.DAY_MS
    shares = np.stack([counted.total, age_days / p["oil_days"], km / p["oil_km"]])
    life = 1.0 - shares.max(axis=0)
    rul = _remaining(counted, km, age_days, p)
    bad = np.where(life <= p["oil_overdue"], OVERDUE, np.where(life <= p["oil_soon"], SOON_DUE, -1))
    good = life > p["oil_soon"]
    raised, cleared, latch_state = latch(state, bad=bad, good=good, clear_after=np.ones(len(trips)))
    judgement = Judgement(
        observable=trips["revolutions"] > 0.0,
        raised=raised,
        cleared=cleared,
        since_ms=trips["ended_ms"],
        found_ms=trips["ended_ms"],
        confidence=np.full(len(trips), 0.7),
        health=np.clip(life, 0.0, 1.0),
        rul_days=rul,
        numbers={
            "value": trips["oil_dose"] / p["oil_revolutions"] * 100.0,
            "expectation": np.full(len(trips), np.nan),
            "threshold": np.full(len(trips), np.nan),
            "percent": np.clip(life, 0.0, 1.0) * 100.0,
            "km": km,
            "age": age_days,
            "low": np.nan_to_num(rul[:, 0]),
            "high": np.nan_to_num(rul[:, 2]),
        },
    )
    return judgement, {"km": km} | after | latch_state


def _dose_of(state: State) -> dict[str, Floats]:
    return {name: np.asarray(state[name], dtype=np.float64) for name in dose.initial(0)}


def _remaining(counted: dose.Dose, km: Floats, age_days: Floats, p: Parameters) -> Floats:
    """Days left ``(n, 3)``: whichever of dose, kilometres and time ends first; NaN before a few days were seen."""
    few = counted.days < p["rate_days"]
    by_dose = life_quantiles(1.0 - counted.total, counted.rate, counted.variance, p["oil_log_sd"])
    pace = km / np.maximum(age_days, 1.0)
    by_km = np.where(pace > 0.0, (p["oil_km"] - km) / np.where(pace > 0.0, pace, 1.0), np.inf)
    by_time = p["oil_days"] - age_days
    ends = np.maximum(np.minimum(by_km, by_time), 0.0)
    return np.where(few[:, None], np.nan, np.minimum(by_dose, ends[:, None]))


MODEL = Detector(
    name="engine_oil",
    component=Component.ENGINE_OIL,
    observability=Observability.AGGREGATED,
    causes=(
        Cause(
            key="soon_due",
            severity=Severity.NEXT_SERVICE,
            job="change_oil",
            title={"en": "Oil change is coming up", "zh": "即将更换机油"},
            text={
                "en": "The oil has {percent:.0f} % of its life left after {km:.0f} km and {age:.0f} days; "
                "it lasts another "
                "{low:.0f} to {high:.0f} days (90 % interval).",
                "zh": "机油已行驶{km:.0f}公里、使用{age:.0f}天，剩余寿命{percent:.0f}%，"
                "预计还可使用{low:.0f}至{high:.0f}天（90%区间）。",
            },
        ),
        Cause(
            key="overdue",
            severity=Severity.SOON,
            job="change_oil",
            title={"en": "Oil change is due", "zh": "应更换机油"},
            text={
                "en": "The oil's life is used up ({percent:.0f} % left after {km:.0f} km and {age:.0f} "
                "days). Change oil and filter.",
                "zh": "机油寿命已耗尽（行驶{km:.0f}公里、{age:.0f}天，剩余{percent:.0f}%）。请更换机油和机滤。",
            },
        ),
    ),
    needs=("revolutions",),
    signals=(signals.ENGINE_SPEED, signals.OIL_TEMPERATURE, signals.COOLANT_TEMPERATURE, signals.SPEED),
    drawn=Drawn(
        feature="oil_dose",
        unit="rev",
        label={"en": "Oil ageing of a trip, revolutions weighted by temperature", "zh": "行程机油老化（温度加权转数）"},
    ),
    initial=initial,
    step=step,
    parameters=("oil_revolutions", "oil_days", "oil_km", "oil_overdue", "oil_soon", "oil_log_sd", "rate_days"),
)
