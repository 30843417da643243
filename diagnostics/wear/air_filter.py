"""Air filter: the air that went through it and the time it has been in, and what it costs at full throttle.

Why it works: a paper filter holds so much dust; dust comes with air, so kilograms of air count its life better than
kilometres, and time ages it too. In an engine without a turbocharger the manifold at full throttle lacks what filter
and pipes take; a rise against the car's own normal, summed whitened, supports it.
When not: how dusty the air is, is not known; the pressure has a resolution of 1 kPa and a filter at its end takes a
few. So this is a reminder to look, never a booking. What it breathed before the first trip seen is reckoned from the
service book's last change at the pace since then; without an entry it counts from the first trip, and says little. An
engine with a turbocharger shows no depression in its manifold.

Signals needed: engine speed, and air flow or manifold pressure with intake temperature; throttle and air pressure for
the depression. Without air: not observable.

Source: 6.2 kPa (25 inches of water) is the limit of heavy vehicles for the whole intake; 0.65 kg of air a kilometre
for a petrol car of 6 l/100 km. 23 000 kg (diesel 40 000), seven years, reminders at 1.2 of it, 2 kPa: our choice.

False-alarm rate: 0.004 advisories per vehicle-year aimed at for the depression, no bookings; measured in simulated
vehicle-years by ``tests/unit/diagnostics/test_engine_detectors.py``, where it is 0. The reminder is not statistics: it
comes when its own dose is used up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, ndtri

from diagnostics import whitened
from diagnostics.arrays import filled, floats
from diagnostics.detector import Cause, Detector, Drawn, Judgement, Later, Observability, latch, latched
from diagnostics.findings import Component, Severity
from diagnostics.prognosis.book import HABITS_DIFFER
from diagnostics.prognosis.crossing import FAR_DAYS
from diagnostics.prognosis.dose import DAY_MS
from diagnostics.telling import tells
from vehicle import signals

if TYPE_CHECKING:
    from diagnostics.arrays import Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips

DUE, RESTRICTED = range(2)
UNKNOWN_AGE = np.array([0.045, 0.454, 1.473])
"""Quantiles of what is left of a life of which any part is used, times a doubt about dust of half (our choice)."""


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """A new filter."""
    new: dict[str, Floats | Integers] = {
        "air_kg": np.zeros(n_vehicles),
        "began_ms": np.full(n_vehicles, np.nan),
        "past_days": np.full(n_vehicles, np.nan),
    }
    return new | whitened.initial(n_vehicles) | latched(n_vehicles)


def renewed(_: State, at_ms: Floats) -> dict[str, Floats | Integers]:
    """The state when a new filter was fitted."""
    return {"began_ms": at_ms, "past_days": np.zeros(len(at_ms))}


def fitted(_: State, days: Floats) -> dict[str, Floats | Integers]:
    """The state of a filter that had been in the car for ``days`` when it was first seen."""
    return {"past_days": days}


def step(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
    """See the module."""
    at_ms, lost = trips["ended_ms"], trips["intake_depression"]
    breathed = filled(trips["intake_air_kg"])
    observable = breathed > 0.0
    kg = floats(state["air_kg"]) + breathed
    began = np.where(np.isnan(floats(state["began_ms"])), at_ms, floats(state["began_ms"]))
    days = (at_ms - began) / DAY_MS
    used = np.maximum(kg / p["air_filter_kg"], days / p["air_filter_days"])
    shift, sums = whitened.follow(lost, at_ms, state, whitened.chart("air_filter", p))
    restricted = (shift.up > p["air_filter_h"]) & (shift.moved >= p["air_filter_kpa"])
    bad = np.where(observable & (used >= p["air_filter_due"]), DUE, -1)
    bad = np.where(observable & restricted, RESTRICTED, bad)
    good = observable & (used < p["air_filter_due"]) & ~(shift.moved >= p["air_filter_kpa"] / 2.0)
    good &= ~(lost - shift.baseline >= p["air_filter_kpa"])
    raised, cleared, latch_state = latch(state, bad=bad, good=good, clear_after=p["air_filter_clear_trips"])
    judgement = Judgement(
        observable=observable,
        raised=raised,
        cleared=cleared,
        since_ms=np.where(bad == RESTRICTED, shift.up_since_ms, at_ms),
        found_ms=at_ms,
        confidence=np.where(bad == RESTRICTED, 0.6, 0.5),
        health=np.where(observable, np.clip(1.0 - used / (2.0 * p["air_filter_due"]), 0.0, 1.0), np.nan),
        rul_days=_remaining(used, days, floats(state["past_days"]), p),
        numbers=Later(
            lambda: {
                "value": np.where(bad == RESTRICTED, lost, breathed),
                "expectation": np.where(bad == RESTRICTED, shift.baseline, np.nan),
                "threshold": np.where(bad == RESTRICTED, shift.baseline + p["air_filter_kpa"], np.nan),
                "tons": kg / 1000.0,
                "years": days / 365.25,
                "kpa": filled(shift.moved),
            }
        ),
    )
    after: dict[str, Floats | Integers] = {"air_kg": kg, "began_ms": began, "past_days": floats(state["past_days"])}
    return judgement, after | whitened.restarted(sums, cleared) | latch_state


def _remaining(used: Floats, days: Floats, past_days: Floats, p: Parameters) -> Floats:
    """Days left ``(n, 3)`` at the pace so far; NaN before a month was seen.

    What a filter bears is log-normal (dust, make), and more than it has borne, as it is in use. ``past_days`` before
    the first trip count at the pace since then, with the doubt that habits were others. A filter of unknown age has
    used any part of its life before, equally likely as far as we know.
    """
    pace = np.maximum(used, 1e-9) / np.maximum(days, 1.0)
    past = pace * filled(past_days)
    borne = np.maximum(used + past, 1e-9)
    spread = np.hypot(p["air_filter_log_sd"], HABITS_DIFFER * past / borne)
    over = ndtr(np.log(borne / p["air_filter_due"]) / spread)
    quantiles = over[:, None] + (1.0 - over)[:, None] * np.array([0.05, 0.5, 0.95])
    bears = p["air_filter_due"][:, None] * np.exp(spread[:, None] * ndtri(np.minimum(quantiles, 1.0 - 1e-9)))
    left = np.maximum(bears - borne[:, None], 0.0) / pace[:, None]
    unknown = np.maximum(p["air_filter_due"] - used, 0.0) / pace
    stated = np.where(np.isnan(past_days)[:, None], unknown[:, None] * UNKNOWN_AGE, np.minimum(left, FAR_DAYS))
    return np.where((days >= p["air_filter_rate_days"])[:, None], stated, np.nan)


MODEL = Detector(
    name="air_filter",
    component=Component.AIR_FILTER,
    observability=Observability.INDIRECT,
    causes=(
        Cause(
            key="due",
            severity=Severity.NEXT_SERVICE,
            job="check_air_filter",
            title={"en": "Air filter: look at it at the next visit", "zh": "空气滤清器：下次到店检查"},
            text={
                "en": "{tons:.0f} t of air in {years:.1f} years went through the filter, more than it is made for. "
                "Check "
                "first: paper and housing for dust. Waiting costs a little fuel and power.",
                "zh": "{years:.1f}年内有{tons:.0f}吨空气通过滤清器，超出其设计寿命。优先检查：滤纸和壳体积尘情况。"
                "拖延会略增油耗、略减动力。",
            },
        ),
        Cause(
            key="restricted",
            severity=Severity.NEXT_SERVICE,
            job="check_air_filter",
            title={"en": "Intake is restricted", "zh": "进气受阻"},
            text={
                "en": "At full throttle the manifold lacks {kpa:.1f} kPa more than was normal for this car. Check "
                "first: the "
                "air filter and its housing, then the intake for leaves or a collapsed hose. Waiting costs fuel and "
                "power.",
                "zh": "全油门时进气歧管压力比本车正常值低{kpa:.1f} kPa。优先检查：空气滤清器和壳体，"
                "其次进气口落叶或软管塌陷。拖延会增加油耗并损失动力。",
            },
            drawn=Drawn(
                feature="intake_depression",
                unit="kPa",
                label={"en": "Pressure lost at full throttle, at 4000 rpm", "zh": "全油门进气压力损失（4000转/分）"},
            ),
        ),
    ),
    needs=("intake_air_kg",),
    signals=(signals.MAF, signals.MAP, signals.BAROMETRIC_PRESSURE, signals.THROTTLE, signals.ENGINE_SPEED,
             signals.INTAKE_AIR_TEMPERATURE),
    drawn=Drawn(
        feature="intake_air_kg",
        unit="kg",
        label={"en": "Air through the filter, of a trip", "zh": "每次行程通过滤清器的空气"},
    ),
    initial=initial,
    step=step,
    told=tells(("intake_depression",), counted=("intake_air_kg",)),
    renewed=renewed,
    fitted=fitted,
    parameters=(
        *whitened.parameters("air_filter"), "air_filter_kg", "air_filter_days", "air_filter_due", "air_filter_kpa",
        "air_filter_log_sd", "air_filter_rate_days", "air_filter_clear_trips",
    ),
)  # fmt: skip
