"""The alternator has stopped charging, said at once.

Why it works: with the engine running, the system sits above the battery's own 12.7 V whenever the alternator works;
smart alternators let it down to 12.3 V for stretches, never below 11.8 V. Below that for thirty readings in a row the
car lives off its battery and stalls within the hour.
When not: in the first two minutes after a start (battery recovers), which are left out. A car that was low in the first
trips that we saw of it may have a voltmeter that reads off: until it was seen sound, or lived so for hours
(:mod:`diagnostics.own_voltage`), it takes a fall of ``own_drop_v`` below its first trips, or less than any regulator
gives; where low has proved to be its own normal, that fall below its level. So an alternator that was dead when the car
was met is said a trip or more later than one that dies while we look.

Signals needed: control-module voltage, engine speed. Without them: not observable.

Source: P0562 is set at less than 11 V with a running engine (Kia) and at 10.5 V for 4 min (Saturn); our 11.6 V comes
earlier and still lies below any smart-charging level. Thirty readings and ``own_drop_v`` (a small alternator at its
limit in frost is down by a volt) are our choice.

False-alarm rate: below 0.001 per vehicle-year aimed at (our choice); measured 0 in 17 h of one recorded sound car.
Development fleet: the same alerts as without own levels in seeds 12 and 13 (1,000 vehicle-years), but one of an
alternator that was dead when met, a day later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics import own_voltage
from diagnostics.arrays import floats
from diagnostics.detector import Cause, Detector, Drawn, Judgement, Later, Observability, latch, latched
from diagnostics.findings import Component, Severity
from diagnostics.onboard_voltage import batteries
from diagnostics.sparse import where_told
from diagnostics.telling import tells
from vehicle import signals

if TYPE_CHECKING:
    from diagnostics.arrays import Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """Nothing seen."""
    return own_voltage.initial(n_vehicles) | latched(n_vehicles)


def step(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
    """See the module."""
    volts = trips["charging_volts"] / batteries(trips["charging_volts"])
    own, own_after = own_voltage.follow(trips, state, p)
    seen_low = ~np.isnan(trips["undervolt_ms"])
    otherwise = own.held | (own.share < 1.0)
    limit = np.where(otherwise, _otherwise_v(own, state, p), p["undervolt_v"])
    failed = seen_low & ((np.fmin(volts, trips["undervolt_value"]) < limit) | ~otherwise)
    observable = ~np.isnan(volts) | seen_low
    good = observable & ~failed & (volts >= p["charging_sound_v"] * own.share)
    bad = np.where(failed, 0, -1)
    raised, cleared, after = latch(state, bad=bad, good=good, clear_after=p["undervolt_clear_trips"])
    told = observable & ~(own.held & seen_low)
    judgement = Judgement(
        observable=observable,
        raised=raised,
        cleared=cleared,
        since_ms=trips["undervolt_ms"],
        found_ms=np.where(failed, trips["undervolt_ms"], trips["ended_ms"]),
        confidence=np.full(len(trips), 0.95),
        health=np.where(told | failed, np.where(after["active"] >= 0, 0.0, 1.0), np.nan),
        numbers=Later(
            lambda: {
                "value": trips["undervolt_value"],
                "threshold": limit,
                "expectation": p["charging_sound_v"] * own.share,
            }
        ),
    )
    return judgement, own_after | after


def _otherwise_v(own: own_voltage.Own, state: State, p: Parameters) -> Floats:
    """The limit of a car that is not known to charge as cars do, V: far below what it had before this trip.

    Until it is known how the car charges, what no regulator gives is enough.
    """
    first, level = floats(state["own_first"]), floats(state["own_level"])
    dropped_v = np.where(own.held, np.fmax(first, level), level) - p["own_drop_v"]
    return np.fmin(p["undervolt_v"], np.where(own.held, np.fmax(dropped_v, p["no_regulator_v"]), dropped_v))


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
    initial=initial,
    step=where_told(step, ("charging_volts", "undervolt_ms")),
    told=tells(("charging_volts", "undervolt_ms")),
    parameters=("undervolt_v", "undervolt_clear_trips", "charging_sound_v", "own_drop_v", *own_voltage.PARAMETERS),
    renewed=own_voltage.renewed,
)
