"""Catalyst: it stores less oxygen every month, and the computer's own test shows how much is left.

Why it works: the monitor compares the oxygen sensors before and behind the catalyst, or measures its storage, and
gives the result with its limit. Ageing by heat and oil ash is slow, so the result creeps towards the limit over months
while the lamp is dark; a line through the results of the last months tells when it gets there, with its doubt.
When not: misfire, a mixture far off and a lazy front sensor spoil the test and, if left, the catalyst. While one of
them is alive, and ten drives after, results are not used and nothing is raised; that cause comes first. A car whose
monitor seldom runs (short trips) tells little.

Signals needed: result of the catalyst monitor as a share of its limit. Misfire counts, trims and the front sensor's
result are used where they are given. Without the result: not observable.

Source: production monitors by oxygen storage (Kia: failed below 30 mg), index ratios (Kia 0.7, Ford 0 to 1), means
over drives (GM). Theil-Sen slope and first passage are the literature's; the fading line, cut off at 3.5 spreads, does
the same at a cost that a fleet bears. 45 and 150 days, levels 60 to 86 % of the limit, five standard errors: our
choice.

False-alarm rate: 0.0008 bookings and 0.004 advisories per vehicle-year aimed at; measured in simulated vehicle-years
by ``tests/unit/diagnostics/test_engine_detectors.py`` with autocorrelated results, where it is 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics import margins
from diagnostics.arrays import filled, floats
from diagnostics.detector import Cause, Detector, Drawn, Judgement, Later, Observability, latch, latched
from diagnostics.findings import Component, Severity
from diagnostics.telling import vehicles_that_tell
from vehicle import signals

if TYPE_CHECKING:
    from diagnostics.arrays import Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips

DECLINING, RAISED, CLOSE = range(3)
FIRINGS_PER_REVOLUTION = 2.0
"""Of a four-cylinder engine, whose cylinders are counted."""


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """No result seen."""
    waits: dict[str, Floats | Integers] = {"hidden_trips": np.zeros(n_vehicles)}
    return waits | margins.initial(n_vehicles) | latched(n_vehicles)


def step(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
    """See the module."""
    waiting = _waiting(trips, state, p)
    margin, after = margins.follow(
        trips["catalyst_result"], trips["ended_ms"], state, waiting > 0.0, margins.rule("catalyst", p)
    )
    bad = np.where(margin.approaching, DECLINING, np.where(margin.raised, RAISED, -1))
    bad = np.where(margin.close, CLOSE, bad)
    raised, cleared, latch_state = latch(state, bad=bad, good=margin.well, clear_after=p["catalyst_clear_results"])
    judgement = Judgement(
        observable=margin.told,
        raised=raised,
        cleared=cleared,
        since_ms=trips["ended_ms"],
        found_ms=trips["ended_ms"],
        confidence=np.where(bad == CLOSE, 0.85, 0.75),
        health=np.where(margin.told, margin.left, np.nan),
        rul_days=margin.days,
        numbers=Later(lambda: numbers(trips["catalyst_result"], margin)),
    )
    return judgement, {"hidden_trips": waiting} | margins.begun_anew(after, cleared) | latch_state


def numbers(result: Floats, margin: margins.Margin) -> dict[str, Floats]:
    """What texts about a monitor's margin need."""
    return {
        "value": result,
        "expectation": margin.usual,
        "threshold": np.full_like(result, margins.LIMIT),
        "left": margin.left * 100.0,
        "recent": margin.recent,
        "low": np.nan_to_num(margin.days[:, 0]),
        "high": np.nan_to_num(margin.days[:, 2], nan=0.0),
    }


def _waiting(trips: Trips, state: State, p: Parameters) -> Floats:
    """Drives for which results are still left out, because another cause spoiled them."""
    firings = np.maximum(FIRINGS_PER_REVOLUTION * filled(trips["revolutions"]), 1.0)
    misfire = filled(trips["misfires"]) / firings >= p["catalyst_misfire_rate"]
    mixture = np.abs(filled(trips["trim"])) >= p["catalyst_trim"]
    sensor = filled(trips["front_oxygen_result"]) >= p["catalyst_sensor_result"]
    left = np.maximum(floats(state["hidden_trips"]) - 1.0, 0.0)
    return np.where(misfire | mixture | sensor, p["catalyst_hidden_trips"], left)


_MEASURED = {
    "en": "The monitor's result is at {recent:.0f} % of its limit ({expectation:.0f} % at first), so {left:.0f} % of "
    "the "
    "margin is left. ",
    "zh": "监测值已达限值的{recent:.0f}%（最初为{expectation:.0f}%），余量还剩{left:.0f}%。",
}
_CHECK = {
    "en": "Check first: exhaust leaks, misfire, oil consumption and mixture, which age a catalyst; then the sensors "
    "before and behind it. Waiting: the lamp comes on and the emission test fails.",
    "zh": "优先检查：排气漏气、失火、烧机油和混合气等损伤催化器的原因；其次前后氧传感器。拖延：故障灯会亮，"
    "尾气检测不合格。",
}

DETECTOR = Detector(
    name="catalyst",
    component=Component.CATALYST,
    observability=Observability.AGGREGATED,
    causes=(
        Cause(
            key="declining",
            severity=Severity.NEXT_SERVICE,
            job="check_catalyst",
            title={"en": "Catalyst is ageing", "zh": "催化器老化"},
            text={
                "en": _MEASURED["en"] + "At this pace it reaches the limit in {low:.0f} to {high:.0f} days. "
                + _CHECK["en"],
                "zh": _MEASURED["zh"] + "按此速度将在{low:.0f}至{high:.0f}天后到达限值。" + _CHECK["zh"],
            },
        ),
        Cause(
            key="aged",
            severity=Severity.NEXT_SERVICE,
            job="check_catalyst",
            title={"en": "Catalyst has aged", "zh": "催化器已老化"},
            text={"en": _MEASURED["en"] + _CHECK["en"], "zh": _MEASURED["zh"] + _CHECK["zh"]},
        ),
        Cause(
            key="close_to_limit",
            severity=Severity.SOON,
            job="check_catalyst",
            title={"en": "Catalyst is about to fail its test", "zh": "催化器即将不合格"},
            text={"en": _MEASURED["en"] + _CHECK["en"], "zh": _MEASURED["zh"] + _CHECK["zh"]},
        ),
    ),
    needs=("catalyst_result",),
    signals=(signals.CATALYST_RESULT,),
    drawn=Drawn(
        feature="catalyst_result",
        unit="percent",
        label={"en": "Catalyst monitor, share of its limit", "zh": "催化器监测值占限值比"},
    ),
    initial=initial,
    step=step,
    told=vehicles_that_tell(("catalyst_result", "front_oxygen_result", "misfires", "trim"), ("hidden_trips",)),
    parameters=(
        *margins.parameters("catalyst"), "catalyst_misfire_rate", "catalyst_trim", "catalyst_sensor_result",
        "catalyst_hidden_trips", "catalyst_clear_results",
    ),
)  # fmt: skip
