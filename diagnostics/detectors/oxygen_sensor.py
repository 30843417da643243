"""Oxygen sensors before and behind the catalyst: they answer slower every month.

Why it works: the computer times how fast each sensor follows the mixture, or how far it swings, and gives the result
with its limit. Ageing (lead, silicone, oil, heat) is gradual, so the result creeps towards the limit long before the
code; a line through the results of the last months tells when it gets there.
When not: at 1 Hz a switching sensor is aliased, so its voltage says nothing here. Misfire and exhaust or intake leaks
spoil the test; while misfire counts or a mixture far off are seen, and ten drives after, results are left out. A
heater or wire that breaks at once comes with its code and without warning.

Signals needed: results of the oxygen sensor monitors as a share of their limits. Misfire counts and trims are used
where they are given. Without a result: not observable.

Source: response and heater tests of production monitors (tests 05 and 06 of monitors 01 to 10, SAE J1979); levels 65,
80 and 92 % of the limit, 45 and 150 days, five standard errors: our choice, as for the catalyst.

False-alarm rate: 0.0008 bookings and 0.004 advisories per vehicle-year aimed at; measured in simulated vehicle-years
by ``tests/unit/diagnostics/test_engine_detectors.py`` with autocorrelated results, where it is 0.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from diagnostics import margins
from diagnostics.arrays import filled, floats
from diagnostics.detector import Cause, Detector, Drawn, Judgement, Later, Observability, latch, latched
from diagnostics.findings import Component, Severity
from diagnostics.telling import vehicles_that_tell
from vehicle import signals

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips

SLOW_REAR, SLOW_FRONT, AGED_REAR, AGED_FRONT, CLOSE_REAR, CLOSE_FRONT = range(6)
FRONT, REAR = "front_", "rear_"
FIRINGS_PER_REVOLUTION = 2.0
"""Of a four-cylinder engine, whose cylinders are counted."""


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """No result seen."""
    waits: dict[str, Floats | Integers] = {"hidden_trips": np.zeros(n_vehicles)}
    for side in (FRONT, REAR):
        waits |= {side + name: values for name, values in margins.initial(n_vehicles).items()}
    return waits | latched(n_vehicles)


def step(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
    """See the module."""
    waiting = _waiting(trips, state, p)
    front, front_after = _follow(trips, state, FRONT, waiting > 0.0, p)
    rear, rear_after = _follow(trips, state, REAR, waiting > 0.0, p)
    bad = _cause(front, rear)
    told = front.told | rear.told
    good = told & (front.well | ~front.told) & (rear.well | ~rear.told)
    raised, cleared, latch_state = latch(state, bad=bad, good=good, clear_after=p["oxygen_clear_results"])
    is_front = np.isin(bad, (SLOW_FRONT, AGED_FRONT, CLOSE_FRONT)) | (front.told & (bad < 0))
    shown = _either(is_front, front, rear)
    judgement = Judgement(
        observable=told,
        raised=raised,
        cleared=cleared,
        since_ms=trips["ended_ms"],
        found_ms=trips["ended_ms"],
        confidence=np.where(bad >= CLOSE_REAR, 0.85, 0.75),
        health=np.where(told, np.fmin(_left(front), _left(rear)), np.nan),
        rul_days=np.fmin(front.days, rear.days),
        numbers=Later(
            lambda: {
                "value": np.where(is_front, trips["front_oxygen_result"], trips["rear_oxygen_result"]),
                "expectation": shown.usual,
                "threshold": np.full(len(trips), margins.LIMIT),
                "recent": shown.recent,
                "low": np.nan_to_num(shown.days[:, 0]),
                "high": np.nan_to_num(shown.days[:, 2]),
            }
        ),
    )
    after: dict[str, Floats | Integers] = {"hidden_trips": waiting}
    for side, values in ((FRONT, front_after), (REAR, rear_after)):
        after |= {side + name: one for name, one in margins.begun_anew(values, cleared).items()}
    return judgement, after | latch_state


def _follow(
    trips: Trips, state: State, side: str, hidden: Flags, p: Parameters
) -> tuple[margins.Margin, dict[str, Floats | Integers]]:
    mine = {name.removeprefix(side): values for name, values in state.items() if name.startswith(side)}
    return margins.follow(trips[f"{side}oxygen_result"], trips["ended_ms"], mine, hidden, margins.rule("oxygen", p))


def _cause(front: margins.Margin, rear: margins.Margin) -> Integers:
    bad = np.where(rear.raised, AGED_REAR, np.where(rear.approaching, SLOW_REAR, -1))
    bad = np.where(front.raised, AGED_FRONT, np.where(front.approaching & (bad < AGED_REAR), SLOW_FRONT, bad))
    bad = np.where(rear.close, CLOSE_REAR, bad)
    return np.where(front.close, CLOSE_FRONT, bad).astype(np.int64)


def _left(margin: margins.Margin) -> Floats:
    return np.where(np.isnan(margin.recent), np.nan, margin.left)


def _either(is_front: Flags, front: margins.Margin, rear: margins.Margin) -> margins.Margin:
    """The one of two margins that is spoken of."""
    chosen = {}
    for part in fields(margins.Margin):
        one, other = getattr(front, part.name), getattr(rear, part.name)
        chosen[part.name] = np.where(is_front[:, None] if one.ndim > 1 else is_front, one, other)
    return margins.Margin(**chosen)


def _waiting(trips: Trips, state: State, p: Parameters) -> Floats:
    """Drives for which results are still left out, because another cause spoiled them."""
    firings = np.maximum(FIRINGS_PER_REVOLUTION * filled(trips["revolutions"]), 1.0)
    misfire = filled(trips["misfires"]) / firings >= p["oxygen_misfire_rate"]
    mixture = np.abs(filled(trips["trim"])) >= p["oxygen_trim"]
    left = np.maximum(floats(state["hidden_trips"]) - 1.0, 0.0)
    return np.where(misfire | mixture, p["oxygen_hidden_trips"], left)


_MEASURED = {
    "en": "The monitor's result is at {recent:.0f} % of its limit; {expectation:.0f} % was usual for this car. ",
    "zh": "监测值已达限值的{recent:.0f}%，本车最初为{expectation:.0f}%。",
}
_FORECAST = {
    "en": "At this pace it reaches the limit in {low:.0f} to {high:.0f} days. ",
    "zh": "按此速度将在{low:.0f}至{high:.0f}天后到达限值。",
}
_CHECK_FRONT = {
    "en": "Check first: exhaust leaks before the sensor, its plug and wiring, then the sensor itself. Waiting costs "
    "fuel "
    "and wears the catalyst.",
    "zh": "优先检查：传感器前排气漏气、插头和线束，其次传感器本身。拖延会增加油耗并损伤催化器。",
}
_CHECK_REAR = {
    "en": "Check first: exhaust leaks near the sensor, its plug and wiring, then the sensor itself. Waiting blinds the "
    "catalyst's monitor and lights the lamp.",
    "zh": "优先检查：传感器附近排气漏气、插头和线束，其次传感器本身。拖延会使催化器监测失效并点亮故障灯。",
}


_STAGES = (
    ("declining", "is ageing", "老化"), ("aged", "has aged", "已老化"),
    ("close_to_limit", "is about to fail its test", "即将不合格"),
)  # fmt: skip


def _causes() -> tuple[Cause, ...]:
    front, rear = "Oxygen sensor before the catalyst", "Oxygen sensor behind the catalyst"
    made = []
    for stage, english_stage, chinese_stage in _STAGES:
        for key, english, chinese, check in (
            ("rear", rear, "后氧传感器", _CHECK_REAR), ("front", front, "前氧传感器", _CHECK_FRONT)
        ):  # fmt: skip
            forecast = _FORECAST if stage == "declining" else {"en": "", "zh": ""}
            made.append(
                Cause(
                    key=f"{key}_{stage}",
                    severity=Severity.SOON if stage == "close_to_limit" else Severity.NEXT_SERVICE,
                    job="replace_oxygen_sensor",
                    title={
                        "en": f"{english} {english_stage}",
                        "zh": f"{chinese}{chinese_stage}",
                    },
                    text={word: _MEASURED[word] + forecast[word] + check[word] for word in ("en", "zh")},
                    drawn=Drawn(
                        feature=f"{key}_oxygen_result",
                        unit="percent",
                        label={
                            "en": f"{english}, share of its limit",
                            "zh": f"{chinese}监测值占限值比",
                        },
                    ),
                )
            )
    return tuple(made)


RESULTS = ("front_oxygen_result", "rear_oxygen_result")

DETECTOR = Detector(
    name="oxygen_sensor",
    component=Component.OXYGEN_SENSOR,
    observability=Observability.AGGREGATED,
    causes=_causes(),
    needs=RESULTS,
    signals=(signals.FRONT_OXYGEN_RESULT, signals.REAR_OXYGEN_RESULT),
    drawn=Drawn(
        feature="front_oxygen_result",
        unit="percent",
        label={"en": "Oxygen sensor monitor, share of its limit", "zh": "氧传感器监测值占限值比"},
    ),
    initial=initial,
    step=step,
    told=vehicles_that_tell((*RESULTS, "misfires", "trim"), ("hidden_trips",)),
    parameters=(
        *margins.parameters("oxygen"), "oxygen_misfire_rate", "oxygen_trim", "oxygen_hidden_trips",
        "oxygen_clear_results",
    ),
)  # fmt: skip
