"""Front brake pads: worn by the energy they turn into heat.

Why it works: wear of a pad is proportional to the work of its friction (Archard), and that work is what the car's
kinetic energy loses beyond rolling, air and a dragging engine. Speed at one reading a second is enough, since the sum
over a braking is a difference of kinetic energies. Counted per kilogram of car, so that its mass is in the life that
a pad bears.
When not: a recuperating car brakes without its pads; a trailer, hills and load shift the share; thickness at the
first trip is unknown. So this is class B and always an interval: without a workshop's measurement it is wide, and
says so.

Signals needed: speed. Without it: not observable.

Source: DINAME 2023 (Jensen, Santos): distance x estimated braking force explains 97 % of 18 thickness measurements on
standard OBD with a motion sensor and positions; SAE 2009-01-1032: wear proportional to initial speed squared. Life of
a pad set in J/kg, 30 % spread of it and the wear assumed at the first trip: our choice, to be replaced by
measurements; advise at 25 % left (3 to 4 mm of 11, rule of the trade).

False-alarm rate: not one of statistics; measured: no finding on 17 h of one recorded sound car.
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

SOON_DUE, WORN = range(2)


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """No braking counted."""
    driven: dict[str, Floats | Integers] = {"km": np.zeros(n_vehicles)}
    return driven | dose.initial(n_vehicles) | latched(n_vehicles)


def step(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
    """See the module."""
    observable = trips["speed_n"] > 0.0
    worn = np.where(observable, trips["braking_joules_per_kg"] / p["pad_joules_per_kg"], 0.0)
    before = {name: np.asarray(state[name], dtype=np.float64) for name in dose.initial(0)}
    counted, after = dose.add(worn, trips["ended_ms"], before)
    km = floats(state["km"]) + np.nan_to_num(trips["km"])
    left = 1.0 - p["pad_start_wear"] - counted.total
    rul = life_quantiles(left - p["pad_limit"], counted.rate, counted.variance, p["pad_log_sd"])
    rul = np.where((counted.days < p["rate_days"])[:, None], np.nan, rul)
    bad = np.where(left <= p["pad_limit"], WORN, np.where(left <= p["pad_soon"], SOON_DUE, -1))
    raised, cleared, latch_state = latch(
        state, bad=np.where(observable, bad, -1), good=left > p["pad_soon"], clear_after=np.ones(len(trips))
    )
    judgement = Judgement(
        observable=observable,
        raised=raised,
        cleared=cleared,
        since_ms=trips["ended_ms"],
        found_ms=trips["ended_ms"],
        confidence=np.full(len(trips), 0.6),
        health=np.where(observable, np.clip(left, 0.0, 1.0), np.nan),
        rul_days=rul,
        numbers={
            "value": trips["braking_joules_per_kg"],
            "expectation": np.full(len(trips), np.nan),
            "threshold": np.full(len(trips), np.nan),
            "percent": np.clip(left, 0.0, 1.0) * 100.0,
            "km": km,
            "low": np.nan_to_num(rul[:, 0]),
            "high": np.nan_to_num(rul[:, 2]),
        },
    )
    return judgement, {"km": km} | after | latch_state


MODEL = Detector(
    name="brake_pads_front",
    component=Component.BRAKES_FRONT,
    observability=Observability.AGGREGATED,
    causes=(
        Cause(
            key="soon_due",
            severity=Severity.NEXT_SERVICE,
            job="measure_brake_pads",
            title={"en": "Front brake pads: measure at the next visit", "zh": "前刹车片：下次到店测量"},
            text={
                "en": "By braking work over {km:.0f} km the front pads have about {percent:.0f} % left; "
                "the limit comes in {low:.0f} to "
                "{high:.0f} days (90 % interval). Measure their thickness and tell us; that halves the interval.",
                "zh": "根据{km:.0f}公里的制动功估算，前刹车片剩余约{percent:.0f}%，"
                "将在{low:.0f}至{high:.0f}天内到达极限（90%区间）。请测量厚度并反馈，可将区间减半。",
            },
        ),
        Cause(
            key="worn",
            severity=Severity.SOON,
            job="replace_brake_pads",
            title={"en": "Front brake pads are worn", "zh": "前刹车片已磨损"},
            text={
                "en": "By braking work over {km:.0f} km the front pads have about {percent:.0f} % left. "
                "Measure them now; replace at 3 mm.",
                "zh": "根据{km:.0f}公里的制动功估算，前刹车片剩余约{percent:.0f}%。请立即测量，3毫米时更换。",
            },
        ),
    ),
    needs=("speed_n",),
    signals=(signals.SPEED,),
    drawn=Drawn(
        feature="braking_joules_per_kg",
        unit="J/kg",
        label={"en": "Braking work of a trip per kilogram", "zh": "每次行程单位质量制动功"},
    ),
    initial=initial,
    step=step,
    parameters=("pad_joules_per_kg", "pad_start_wear", "pad_limit", "pad_soon", "pad_log_sd", "rate_days"),
)
