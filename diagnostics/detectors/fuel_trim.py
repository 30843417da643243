"""Fuel trim drifts: the engine gets more air or less fuel than its computer meters, or the other way round.

Why it works: in closed loop the computer corrects the mixture until the oxygen sensor is content; short- plus long-
term trim is that correction. A leak, a drifting air meter or a tired pump shows as a lasting shift of the trip's
mean, long before the lamp comes on at 20 to 25 %. The test is a two-sided CUSUM of trip means against the car's own
normal. Where the shift at idle exceeds that under load, unmetered air is the likely cause, since a leak of constant
size weighs most when the engine breathes least.
When not: fuels with other ethanol content, altitude and a reset of the long-term trim move the mean too; the first
change of fuel of a flexible-fuel car will be named. Trips below 70 degC, the first two minutes and open loop are left
out.

Signals needed: short- and long-term trim of bank 1, coolant temperature, engine speed. Without them: not observable.

Source: trip means of a recorded car: sd 2.16 %, autocorrelation 0.37, range -8 to +7 % (measured, 106 trips). Lamp
levels: Ford 25 % + 5 %; rule of the trade 10 % look, 20 % fault. Limits k and h: by simulation with that
autocorrelation (:mod:`diagnostics.evaluation.false_alarms`); 6 % between "at the next service" and "soon": our
choice.

False-alarm rate: 0.02 per vehicle-year aimed at, at three trips a day; measured 0.018 (0.014 to 0.022) in 5000
simulated vehicle-years by ``python -m diagnostics.evaluation.false_alarms 5000``, under the assumptions stated there,
and 0 in the 33 recorded drives of one sound car.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics import sequential
from diagnostics.detector import Cause, Detector, Drawn, Judgement, Observability, latch, latched
from diagnostics.findings import Component, Severity
from vehicle import signals

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips

RICH_DRIFT, LEAN_DRIFT, RICH, LEAN, AIR_LEAK = range(5)
RECENT = 0.3
"""Weight of the newest trip in the level that texts quote (our choice)."""


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """Nothing seen."""
    levels = ("recent", "recent_idle", "recent_load")
    unknown: dict[str, Floats | Integers] = {name: np.full(n_vehicles, np.nan) for name in levels}
    return unknown | sequential.initial(n_vehicles) | latched(n_vehicles)


def step(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
    """See the module."""
    trim = trips["trim"]
    observable = ~np.isnan(trim)
    drift, sums = sequential.follow(
        trim, trips["ended_ms"], state, mean=p["trim_mean"], sd=p["trim_sd"], learn=p["trim_learn_trips"],
        k=p["cusum_k"], hold=p["trim_h"] / 2.0,
    )  # fmt: skip
    recent = {
        "recent": _recent(state["recent"], trim),
        "recent_idle": _recent(state["recent_idle"], trips["trim_idle"]),
        "recent_load": _recent(state["recent_load"], trips["trim_load"]),
    }
    shift = recent["recent"] - drift.baseline
    excess = recent["recent_idle"] - recent["recent_load"]
    bad = _cause(drift, shift, excess >= p["trim_idle_excess"], observable, p)
    good = observable & (np.abs(shift) < p["trim_clear"])
    raised, cleared, latch_state = latch(state, bad=bad, good=good, clear_after=p["trim_clear_trips"])
    sign = np.where(drift.up > drift.down, 1.0, -1.0)
    judgement = Judgement(
        observable=observable,
        raised=raised,
        cleared=cleared,
        since_ms=np.where(drift.up > drift.down, drift.up_since_ms, drift.down_since_ms),
        found_ms=trips["ended_ms"],
        confidence=np.full(len(trips), 0.85),
        health=np.where(observable, np.clip(1.0 - np.abs(shift) / p["trim_lamp"], 0.0, 1.0), np.nan),
        numbers={
            "value": trim,
            "level": recent["recent"],
            "expectation": drift.baseline,
            "threshold": drift.baseline + sign * p["trim_soon"],
            "shift": np.abs(shift),
            "lamp": p["trim_lamp"],
            "excess": excess,
        },
    )
    return judgement, recent | sequential.restarted(sums, cleared) | latch_state


def _recent(before: object, now: Floats) -> Floats:
    old = np.asarray(before, dtype=np.float64)
    return np.where(np.isnan(now), old, np.where(np.isnan(old), now, old + RECENT * (now - old)))


def _cause(drift: sequential.Drift, shift: Floats, idle: Flags, observable: Flags, p: Parameters) -> Integers:
    shifted = observable & (np.abs(shift) >= p["trim_clear"])
    lean, rich = shifted & (drift.up > p["trim_h"]), shifted & (drift.down > p["trim_h"])
    far = np.abs(shift) >= p["trim_soon"]
    cause = np.where(rich, np.where(far, RICH, RICH_DRIFT), -1)
    lean_cause = np.where(far, np.where(idle, AIR_LEAK, LEAN), LEAN_DRIFT)
    return np.where(lean & (drift.up >= drift.down), lean_cause, cause)


_LEAN_CHECK = {
    "en": "Check first: hoses and gaskets behind the air meter (smoke test), then air-meter reading, fuel "
    "pressure and filter.",
    "zh": "优先检查：空气流量计之后的软管和垫片（烟雾测试），其次空气流量计读数、燃油压力和滤清器。",
}
_RICH_CHECK = {
    "en": "Check first: purge valve, leaking injectors, fuel pressure, then air-meter reading and coolant sensor.",
    "zh": "优先检查：碳罐电磁阀、喷油嘴泄漏、燃油压力，其次空气流量计读数和水温传感器。",
}
_NUMBERS = {
    "en": "The engine computer corrects the mixture by {level:+z.1f} %, {shift:.1f} points from this car's normal "
    "{expectation:+z.1f} %; the lamp comes on near {lamp:.0f} %. ",
    "zh": "发动机电脑对混合气的修正为{level:+z.1f} %，比本车正常值{expectation:+z.1f} "
    "%偏离{shift:.1f}个百分点；约{lamp:.0f} %时故障灯会亮。",
}
_LEAN_TITLE = {"en": "Mixture too lean", "zh": "混合气偏稀"}
_RICH_TITLE = {"en": "Mixture too rich", "zh": "混合气偏浓"}


def _said(check: dict[str, str]) -> dict[str, str]:
    return {language: _NUMBERS[language] + check[language] for language in _NUMBERS}


DETECTOR = Detector(
    name="fuel_trim",
    component=Component.FUEL_AIR,
    observability=Observability.STRONG,
    causes=(
        Cause(key="rich_drift", severity=Severity.NEXT_SERVICE, job="check_mixture", title=_RICH_TITLE,
              text=_said(_RICH_CHECK)),
        Cause(key="lean_drift", severity=Severity.NEXT_SERVICE, job="check_mixture", title=_LEAN_TITLE,
              text=_said(_LEAN_CHECK)),
        Cause(key="rich", severity=Severity.SOON, job="check_mixture", title=_RICH_TITLE, text=_said(_RICH_CHECK)),
        Cause(key="lean", severity=Severity.SOON, job="check_mixture", title=_LEAN_TITLE, text=_said(_LEAN_CHECK)),
        Cause(
            key="air_leak",
            severity=Severity.SOON,
            job="check_intake_leak",
            title={"en": "Engine draws unmetered air", "zh": "进气系统漏气"},
            text={
                "en": _NUMBERS["en"] + "At idle the correction is {excess:.1f} points larger than under "
                "load, as with a leak. "
                + _LEAN_CHECK["en"],
                "zh": _NUMBERS["zh"] + "怠速时的修正比负荷下大{excess:.1f}个百分点，符合漏气特征。" + _LEAN_CHECK["zh"],
            },
        ),
    ),
    needs=("trim",),
    signals=(signals.SHORT_TERM_FUEL_TRIM_1, signals.LONG_TERM_FUEL_TRIM_1, signals.COOLANT_TEMPERATURE,
             signals.ENGINE_SPEED),
    drawn=Drawn(
        feature="trim",
        unit="percent",
        label={"en": "Fuel trim, mean of a trip", "zh": "燃油修正（行程平均）"},
    ),
    initial=initial,
    step=step,
    parameters=(
        "trim_mean", "trim_sd", "trim_learn_trips", "trim_h", "cusum_k", "trim_idle_excess", "trim_soon",
        "trim_clear",
        "trim_clear_trips", "trim_lamp",
    ),
)  # fmt: skip
