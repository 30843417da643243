"""The alternator has stopped charging, said at once.

Why it works: with the engine running, the system sits above the battery's own 12.7 V whenever the alternator works;
smart alternators let it down to 12.3 V for stretches, never below 11.8 V. Below that for thirty readings in a row the
car lives off its battery and stalls within the hour.
When not: in the first two minutes after a start (battery recovers), which are left out; a device whose voltmeter
reads low by more than 0.5 V would be accused wrongly, so the limit is a platform's parameter.

Signals needed: control-module voltage, engine speed. Without them: not observable.

Source: P0562 is set at less than 11 V with a running engine (Kia) and at 10.5 V for 4 min (Saturn); our 11.6 V comes
earlier and still lies below any smart-charging level. Thirty readings are our choice.

False-alarm rate: below 0.001 per vehicle-year aimed at (our choice); measured 0 in 17 h of one recorded sound car.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.detector import Cause, Detector, Drawn, Judgement, Observability, latch, latched
from diagnostics.findings import Component, Severity
from vehicle import signals

if TYPE_CHECKING:
    from diagnostics.arrays import Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips


def step(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
    """See the module."""
    failed = ~np.isnan(trips["undervolt_ms"])
    observable = ~np.isnan(trips["charging_volts"]) | failed
    good = observable & ~failed & (trips["charging_volts"] >= p["charging_sound_v"])
    bad = np.where(failed, 0, -1)
    raised, cleared, after = latch(state, bad=bad, good=good, clear_after=p["undervolt_clear_trips"])
    judgement = Judgement(
        observable=observable,
        raised=raised,
        cleared=cleared,
        since_ms=trips["undervolt_ms"],
        found_ms=np.where(failed, trips["undervolt_ms"], trips["ended_ms"]),
        confidence=np.full(len(trips), 0.95),
        health=np.where(observable, np.where(after["active"] >= 0, 0.0, 1.0), np.nan),
        numbers={
            "value": trips["undervolt_value"],
            "threshold": p["undervolt_v"],
            "expectation": p["charging_sound_v"],
        },
    )
    return judgement, after


DETECTOR = Detector(
    name="charging_failure",
    component=Component.CHARGING,
    observability=Observability.STRONG,
    at_once=True,
    causes=(
        Cause(
            key="not_charging",
            severity=Severity.STOP_NOW,
            job="repair_charging",
            title={"en": "Battery is not being charged", "zh": "蓄电池未充电"},
            text={
                "en": "With the engine running the voltage is {value:.1f} V (limit {threshold:.1f} V). The "
                "car runs on its "
                "battery and will stall. Switch off what is not needed and drive to the nearest workshop. "
                "Check first: "
                "drive belt, alternator connector and fuse, then regulator and alternator.",
                "zh": "发动机运转时电压仅{value:.1f} V（限值{threshold:.1f} V）。车辆正在消耗蓄电池，"
                "随时可能熄火。请关闭不必要的用电设备，"
                "就近前往维修站。优先检查：传动皮带、发电机插头和保险丝，其次调节器和发电机。",
            },
        ),
    ),
    needs=("charging_volts",),
    signals=(signals.CONTROL_MODULE_VOLTAGE, signals.ENGINE_SPEED),
    drawn=Drawn(
        feature="charging_volts",
        unit="V",
        label={"en": "Running voltage, upper tenth of a trip", "zh": "运转电压（行程上十分位）"},
    ),
    initial=latched,
    step=step,
    parameters=("undervolt_v", "undervolt_clear_trips", "charging_sound_v"),
)
