"""Coolant too hot, said at once.

Why it works: an engine whose coolant passes 115 degC has lost its cooling (no coolant, no fan, no flow) or is a step
away from it; the reading is direct. Five readings in a row are asked for, since one corrupt byte must never stop a
car.
When not: a sensor that has fallen dry reads low; then the car's own codes and the stuck-sensor detector are left.

Signals needed: coolant temperature. Without it: not observable.

Source: workshop manuals set their own code at 107 to 110 degC under mild load (GM Daewoo, Suzuki) and 118 to 125 degC
(P0217); 115 degC sustained is where a driver must stop. The limit is a platform's parameter; five readings are our
choice.

False-alarm rate: below 0.001 per vehicle-year aimed at (our choice); measured 0 in 17 h of one recorded sound car,
whose highest reading was 95 degC. ``python -m diagnostics.evaluation.false_alarms`` prints what is measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.detector import Cause, Detector, Drawn, Judgement, Later, Observability, latch, latched
from diagnostics.findings import Component, Severity
from diagnostics.telling import tells
from vehicle import signals

if TYPE_CHECKING:
    from diagnostics.arrays import Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips


def step(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
    """See the module."""
    observable = trips["coolant_n"] > 0
    hot = ~np.isnan(trips["hot_ms"])
    good = observable & (trips["coolant_max"] < p["overheat_c"] - p["overheat_margin_k"])
    raised, cleared, after = latch(state, bad=np.where(hot, 0, -1), good=good, clear_after=p["overheat_clear_trips"])
    margin = (p["overheat_c"] - trips["coolant_max"]) / p["overheat_margin_k"]
    judgement = Judgement(
        observable=observable,
        raised=raised,
        cleared=cleared,
        since_ms=trips["hot_ms"],
        found_ms=np.where(hot, trips["hot_ms"], trips["ended_ms"]),
        confidence=np.full(len(trips), 0.97),
        health=np.where(observable, np.where(after["active"] >= 0, 0.0, np.clip(margin, 0.0, 1.0)), np.nan),
        numbers=Later(
            lambda: {"value": trips["hot_value"], "threshold": p["overheat_c"], "expectation": p["regulated_c"]}
        ),
    )
    return judgement, after


DETECTOR = Detector(
    name="overheating",
    component=Component.COOLING,
    observability=Observability.STRONG,
    at_once=True,
    causes=(
        Cause(
            key="overheated",
            severity=Severity.STOP_NOW,
            job="check_cooling",
            title={"en": "Engine is overheating", "zh": "发动机过热"},
            text={
                "en": "The coolant reached {value:.0f} °C; above {threshold:.0f} °C the engine takes "
                "damage. Stop safely, "
                "switch off, let it cool for 30 minutes, do not open the cap. Check first: coolant level "
                "and leaks, fan, "
                "then pump, thermostat and radiator.",
                "zh": "冷却液温度达到{value:.0f} °C；超过{threshold:.0f} °C会损坏发动机。请安全停车并熄火，"
                "冷却30分钟，切勿打开水箱盖。"
                "优先检查：冷却液液位与泄漏、冷却风扇，其次水泵、节温器和散热器。",
            },
        ),
    ),
    needs=("coolant_n",),
    signals=(signals.COOLANT_TEMPERATURE, signals.ENGINE_SPEED),
    drawn=Drawn(
        feature="coolant_max",
        unit="degC",
        label={"en": "Highest coolant temperature of a trip", "zh": "每次行程最高冷却液温度"},
    ),
    initial=latched,
    step=step,
    told=tells(("hot_ms",), counted=("coolant_n",)),
    parameters=("overheat_c", "overheat_margin_k", "overheat_clear_trips", "regulated_c"),
)
