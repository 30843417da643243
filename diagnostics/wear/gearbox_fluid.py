"""Gearbox fluid: aged by heat, hour by hour, and by years.

Why it works: automatic gearbox fluid oxidises twice as fast for each 10 K; hours are weighted so against 85 degC, at
which it lasts its nominal time. That is a dose, as of the engine's oil.
When not: it is a model, not a measurement; water, metal and a wrong fluid are not seen. The fluid's age is not known
until the workshop tells of a change: any share of its life may have been used before the first trip seen, so the days
left are wide, and the reminder comes when even new fluid would be due.

Signals needed: gearbox fluid temperature. Without it: not observable.

Source: "each 10 K halves life" is the rule of the trade, to be calibrated by fluid analysis; 1800 h at 85 degC and
eight years: our choice, near makers' 60 000 to 120 000 km for hard use.

False-alarm rate: not one of statistics: it says when its own dose is used up, with 30 % spread on what the fluid bears.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.arrays import filled, floats
from diagnostics.detector import Cause, Detector, Drawn, Judgement, Later, Observability, latch, latched
from diagnostics.findings import Component, Severity
from diagnostics.prognosis import dose
from diagnostics.prognosis.first_passage import LOW_MEDIAN_HIGH, life_quantiles
from diagnostics.telling import either, tells
from vehicle import signals

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """New fluid, or fluid of which nothing is known; the first trip tells which."""
    own: dict[str, Floats | Integers] = {"unknown": np.zeros(n_vehicles)}
    return own | dose.initial(n_vehicles) | latched(n_vehicles)


def step(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
    """See the module."""
    at_ms, hours = trips["ended_ms"], filled(trips["gearbox_dose_h"])
    observable = ~np.isnan(trips["gearbox_max"])
    first = np.isnan(floats(state["began_ms"]))
    unknown = np.where(first, np.isnan(trips["soak_s"]), floats(state["unknown"]) > 0.0)
    counted, after = dose.add(hours / p["fluid_hours"], at_ms, {name: state[name] for name in dose.initial(0)})
    age_days = (at_ms - floats(after["began_ms"])) / dose.DAY_MS
    used = np.maximum(counted.total, age_days / p["fluid_days"])
    rul = _remaining(counted, age_days, unknown, p)
    bad = np.where(observable & (used >= 1.0), 0, -1)
    raised, cleared, latch_state = latch(state, bad=bad, good=used < 1.0, clear_after=np.ones(len(trips)))
    left = np.clip(np.where(unknown, (1.0 - used) / 2.0, 1.0 - used), 0.0, 1.0)
    judgement = Judgement(
        observable=observable,
        raised=raised,
        cleared=cleared,
        since_ms=at_ms,
        found_ms=at_ms,
        confidence=np.full(len(trips), 0.6),
        health=np.where(observable, left, np.nan),
        rul_days=rul,
        numbers=Later(
            lambda: {
                "value": hours,
                "expectation": np.full(len(trips), np.nan),
                "threshold": np.full(len(trips), np.nan),
                "hours": counted.total * p["fluid_hours"],
                "years": age_days / 365.25,
            }
        ),
    )
    return judgement, {"unknown": unknown.astype(np.float64)} | after | latch_state


def _remaining(counted: dose.Dose, age_days: Floats, unknown: Flags, p: Parameters) -> Floats:
    """Days left ``(n, 3)``; fluid of unknown age has used any part of its life before, equally likely."""
    by_dose = life_quantiles(1.0 - counted.total, counted.rate, counted.variance, p["fluid_log_sd"])
    spread = np.exp(p["fluid_log_sd"][:, None] * np.array([-1.645, 0.0, 1.645]))
    by_time = np.maximum(p["fluid_days"] - age_days, 0.0)[:, None] * spread
    known = np.fmin(by_dose, by_time)
    aged = np.where(unknown[:, None], known[:, 1:2] * np.array(LOW_MEDIAN_HIGH), known)
    return np.where((counted.days < p["rate_days"])[:, None], np.nan, aged)


MODEL = Detector(
    name="gearbox_fluid",
    component=Component.TRANSMISSION,
    observability=Observability.AGGREGATED,
    causes=(
        Cause(
            key="due",
            severity=Severity.NEXT_SERVICE,
            job="change_gearbox_fluid",
            title={"en": "Gearbox fluid is due", "zh": "应更换变速箱油"},
            text={
                "en": "In {years:.1f} years the gearbox fluid has been through {hours:.0f} hours at 85 °C or their "
                "equal, all that it is made for. Check first: its colour and smell; then change it. Waiting wears the "
                "clutches.",
                "zh": "{years:.1f}年内变速箱油相当于在85 °C下工作了{hours:.0f}小时，已达设计寿命。"
                "优先检查：油液颜色和气味，然后更换。拖延会磨损离合器片。",
            },
        ),
    ),
    needs=("gearbox_max",),
    signals=(signals.GEARBOX_TEMPERATURE,),
    drawn=Drawn(
        feature="gearbox_dose_h",
        unit="h",
        label={"en": "Ageing of the gearbox fluid, hours at 85 °C", "zh": "变速箱油老化（折合85 °C小时数）"},
    ),
    initial=initial,
    step=step,
    told=either(tells(("gearbox_max",), counted=("gearbox_dose_h",)), dose.day_begins),
    parameters=("fluid_hours", "fluid_days", "fluid_log_sd", "rate_days"),
)
