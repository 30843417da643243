"""Exhaust gas recirculation: the flow is not what the engine computer asks for.

Why it works: the computer gives command and error. A valve or cooler that soots up lets less pass than commanded, the
same way on every drive; a valve that does not close lets more. The trip's mean error while the command stands still is
compared with the car's own normal by a whitened two-sided sum; and the result of the car's own monitor is followed on
its way to its limit.
When not: transients at one reading in two seconds; a low-pressure system, whose error has another meaning, still shows
a change. Cold engines and commands below 8 % are left out. A leak in the charge air looks like too much flow; the
advice says so.

Signals needed: commanded EGR and EGR error, or the result of the EGR monitor. Without both: not observable.

Source: definition of the error, (actual - commanded) / commanded, SAE J1979 PID 2D. Spread of 4 points among trips, 8
points for the next service, 20 for soon, sums of 14: our choice.

False-alarm rate: 0.0008 bookings and 0.004 advisories per vehicle-year aimed at; measured in simulated vehicle-years
by ``tests/unit/diagnostics/test_engine_detectors.py`` with autocorrelated errors and results, where it is 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics import margins, whitened
from diagnostics.arrays import filled
from diagnostics.detector import Cause, Detector, Drawn, Judgement, Later, Observability, latch, latched
from diagnostics.findings import Component, Severity
from diagnostics.sparse import where_told
from diagnostics.telling import tells
from vehicle import signals

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips

DECLINING, TOO_MUCH, TOO_LITTLE, FAILING = range(4)


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """Nothing seen."""
    return whitened.initial(n_vehicles) | margins.initial(n_vehicles) | latched(n_vehicles)


def step(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
    """See the module."""
    error, at_ms = trips["egr_error"], trips["ended_ms"]
    shift, sums = whitened.follow(error, at_ms, state, whitened.chart("egr", p))
    never = np.zeros(len(trips), dtype=bool)
    margin, results = margins.follow(trips["egr_result"], at_ms, state, never, margins.rule("egr_margin", p))
    seen = ~np.isnan(error)
    bad = _cause(shift, margin, seen, p)
    near = seen & (np.abs(shift.moved) < p["egr_clear"]) & (np.abs(error - shift.baseline) < p["egr_next"])
    good = (seen | margin.told) & (near | ~seen) & (margin.well | ~margin.told)
    raised, cleared, latch_state = latch(state, bad=bad, good=good, clear_after=p["egr_clear_trips"])
    by_error = np.clip(1.0 - np.abs(shift.moved) / p["egr_failed"], 0.0, 1.0)
    judgement = Judgement(
        observable=seen | margin.told,
        raised=raised,
        cleared=cleared,
        since_ms=np.where(shift.up > shift.down, shift.up_since_ms, shift.down_since_ms),
        found_ms=at_ms,
        confidence=np.where(bad == FAILING, 0.85, 0.75),
        health=np.where(seen | margin.told, np.fmin(np.where(seen, by_error, np.nan), _left(margin)), np.nan),
        rul_days=margin.days,
        numbers=Later(
            lambda: {
                "value": error,
                "expectation": shift.baseline,
                "threshold": shift.baseline + np.sign(shift.moved) * p["egr_soon"],
                "moved": filled(np.abs(shift.moved)),
                "recent": filled(margin.recent),
            }
        ),
    )
    return judgement, whitened.restarted(sums, cleared) | margins.begun_anew(results, cleared) | latch_state


def _left(margin: margins.Margin) -> Floats:
    return np.where(margin.told, margin.left, np.nan)


def _cause(shift: whitened.Shift, margin: margins.Margin, seen: Flags, p: Parameters) -> Integers:
    little = seen & (shift.down > p["egr_h"]) & (shift.moved <= -p["egr_next"])
    much = seen & (shift.up > p["egr_h"]) & (shift.moved >= p["egr_next"])
    far = (little | much) & (np.abs(shift.moved) >= p["egr_soon"])
    bad = np.where(margin.approaching | margin.raised, DECLINING, -1)
    bad = np.where(much, TOO_MUCH, np.where(little, TOO_LITTLE, bad))
    return np.where(margin.close | far, FAILING, bad).astype(np.int64)


_MEASURED = {
    "en": "Recirculated flow differs by {moved:.0f} points from this car's normal. ",
    "zh": "废气再循环流量比本车正常值偏差{moved:.0f}个百分点。",
}
_RESULT = {
    "en": "The car's own monitor stands at {recent:.0f} % of its limit (0: not told). ",
    "zh": "车辆自身监测值为限值的{recent:.0f}%（0表示未上报）。",
}
_CHECK = {
    "en": "Check first: soot on valve and in the cooler, the valve's movement, hoses; then charge-air leaks. Waiting "
    "clogs "
    "the particulate filter sooner.",
    "zh": "优先检查：阀门和冷却器积碳、阀门动作、软管，其次增压管路漏气。拖延会使颗粒捕集器更快堵塞。",
}


def _text(*parts: dict[str, str]) -> dict[str, str]:
    return {word: "".join(part[word] for part in parts) for word in ("en", "zh")}


_MONITOR = Drawn(
    feature="egr_result",
    unit="percent",
    label={"en": "EGR monitor, share of its limit", "zh": "EGR监测值占限值比"},
)

DETECTOR = Detector(
    name="egr",
    component=Component.EGR,
    observability=Observability.AGGREGATED,
    causes=(
        Cause(key="declining", severity=Severity.NEXT_SERVICE, job="check_egr", text=_text(_RESULT, _CHECK),
              title={"en": "Exhaust gas recirculation nears its limit", "zh": "废气再循环接近限值"}, drawn=_MONITOR),
        Cause(key="too_much", severity=Severity.NEXT_SERVICE, job="check_egr", text=_text(_MEASURED, _CHECK),
              title={"en": "Too much exhaust gas recirculated", "zh": "废气再循环流量偏大"}),
        Cause(key="too_little", severity=Severity.NEXT_SERVICE, job="check_egr", text=_text(_MEASURED, _CHECK),
              title={"en": "Too little exhaust gas recirculated", "zh": "废气再循环流量偏小"}),
        Cause(key="failing", severity=Severity.SOON, job="check_egr", text=_text(_MEASURED, _RESULT, _CHECK),
              title={"en": "Exhaust gas recirculation is failing", "zh": "废气再循环即将失效"}),
    ),
    needs=("egr_error", "egr_result"),
    signals=(signals.COMMANDED_EGR, signals.EGR_ERROR, signals.EGR_RESULT),
    drawn=Drawn(
        feature="egr_error",
        unit="percent",
        label={"en": "EGR error, mean of a trip", "zh": "EGR偏差（行程平均）"},
    ),
    initial=initial,
    step=where_told(step, ("egr_error", "egr_result")),
    told=tells(("egr_error", "egr_result")),
    parameters=(
        *whitened.parameters("egr"), *margins.parameters("egr_margin"), "egr_next", "egr_soon", "egr_failed",
        "egr_clear", "egr_clear_trips",
    ),
)  # fmt: skip
