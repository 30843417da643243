"""12 V battery: it holds too little charge, or its starting reserve is going.

Why it works: cranking draws hundreds of amperes, and the voltage that is left shows the battery's inner resistance
and charge. At one reading a second the dip of a single start is a lottery (106 starts of a sound recorded car: lowest
reading 7.6 V, 10th percentile 10.0, median 11.0, 90th 12.1), so a quantile over many starts is judged: the 40th
percentile of the last twenty, from fifteen starts on. The voltage before the start, after three hours of rest and
with the ignition's own loads, tells the charge: its median over the last eight rests.
When not: fewer than fifteen starts recorded, a device that wakes only after the start, jump starts. A car that starts
cold is given the lower limit that battery testers give it. High resistance in a cable looks the same; the advice says
so.

Signals needed: control-module voltage, engine speed. Without readings around starts: not observable.

Source: load-test minima 9.6 V at 20 degC falling to 8.5 V at -18 degC (Kia, Hyundai manuals; plateau volts), used as
a shape only; 12.4 V without load is the least for a valid load test (Jeep); with ignition loads about 0.3 V less (our
choice). Limits, counts and quantile: our choice, placed below everything seen on the recorded sound car.

False-alarm rate: 0.02 per vehicle-year aimed at, at three trips a day; measured 0.016 (0.013 to 0.020) in 5000
simulated vehicle-years by ``python -m diagnostics.evaluation.false_alarms 5000``, under the assumptions stated there,
and 0 in the 33 recorded drives of one sound car.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.arrays import floats
from diagnostics.detector import Cause, Detector, Drawn, Judgement, Observability, latch, latched
from diagnostics.findings import Component, Severity
from vehicle import signals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from diagnostics.arrays import Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips

STARTS = 20
RESTS = 8
QUANTILE = 0.4
"""Of the last starts: low enough to see the dip that most readings miss, high enough not to hang on one "
"(our choice)."""
LEAST_STARTS, LEAST_RESTS = 15, 5
REST_S = 3 * 3600.0
"""Rest after which the voltage tells the charge (workshop practice: three hours)."""
LOAD_TEST_C = (-18.0, -12.0, -7.0, -1.0, 4.0, 10.0, 16.0, 20.0)
LOAD_TEST_V = (8.5, 8.7, 8.9, 9.1, 9.3, 9.4, 9.5, 9.6)
LOW_CHARGE, WEAK_START = range(2)


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """No start seen; rings of starts and rests are filled from the left, newest first."""
    rings: dict[str, Floats | Integers] = {
        "starts": np.full((n_vehicles, STARTS), np.nan),
        "rests": np.full((n_vehicles, RESTS), np.nan),
        "bad_since_ms": np.full(n_vehicles, np.nan),
    }
    return rings | latched(n_vehicles)


def step(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
    """See the module."""
    warmed = np.interp(trips["coolant_first"], LOAD_TEST_C, LOAD_TEST_V, left=LOAD_TEST_V[0], right=LOAD_TEST_V[-1])
    credit = np.where(np.isnan(warmed), 0.0, LOAD_TEST_V[-1] - warmed)
    starts = _pushed(state["starts"], trips["crank_volts"] + credit)
    rested = np.where(trips["soak_s"] >= REST_S, trips["rest_volts"], np.nan)
    rests = _pushed(state["rests"], rested)
    reserve, charge = _quantile(starts, QUANTILE, LEAST_STARTS), _quantile(rests, 0.5, LEAST_RESTS)
    measured = ~np.isnan(trips["crank_volts"]) | ~np.isnan(rested)
    observable = measured & ~(np.isnan(reserve) & np.isnan(charge))
    weak, low = reserve < p["crank_v"], charge < p["rest_v"]
    bad = np.where(observable & weak, WEAK_START, np.where(observable & low, LOW_CHARGE, -1))
    sound = ~(reserve < p["crank_v"] + p["battery_hysteresis_v"]) & ~(charge < p["rest_v"] + p["rest_hysteresis_v"])
    good = observable & sound
    since = np.where((bad >= 0) & np.isnan(floats(state["bad_since_ms"])), trips["started_ms"], state["bad_since_ms"])
    since = np.where(good, np.nan, since)
    raised, cleared, latch_state = latch(state, bad=bad, good=good, clear_after=p["battery_clear_trips"])
    judgement = Judgement(
        observable=observable,
        raised=raised,
        cleared=cleared,
        since_ms=since,
        found_ms=trips["ended_ms"],
        confidence=np.where(bad == WEAK_START, 0.8, 0.7),
        health=np.where(observable, _health(reserve, charge, p), np.nan),
        numbers={
            "value": np.where(bad == LOW_CHARGE, rested, trips["crank_volts"]),
            "reserve": reserve,
            "expectation": np.where(bad == LOW_CHARGE, p["rest_normal_v"], p["crank_normal_v"]),
            "threshold": np.where(bad == LOW_CHARGE, p["rest_v"], p["crank_v"]),
            "charge": charge,
        },
    )
    rings: dict[str, Floats | Integers] = {"starts": starts, "rests": rests, "bad_since_ms": since}
    return judgement, rings | latch_state


def _pushed(ring: NDArray[np.generic], value: Floats) -> Floats:
    old = floats(ring)
    moved = np.concatenate([value[:, None], old[:, :-1]], axis=1)
    return np.where(np.isnan(value)[:, None], old, moved)


def _quantile(ring: Floats, quantile: float, least: int) -> Floats:
    """Quantile of what is in each ring; NaN with fewer than ``least`` values. NaNs sort last."""
    count = (~np.isnan(ring)).sum(axis=1)
    at = np.floor(quantile * np.maximum(count - 1, 0)).astype(np.int64)
    found = np.take_along_axis(np.sort(ring, axis=1), at[:, None], axis=1)[:, 0]
    return np.where(count >= least, found, np.nan)


def _health(reserve: Floats, charge: Floats, p: Parameters) -> Floats:
    by_start = (reserve - p["crank_flat_v"]) / (p["crank_normal_v"] - p["crank_flat_v"])
    by_rest = (charge - p["rest_flat_v"]) / (p["rest_normal_v"] - p["rest_flat_v"])
    return np.clip(np.fmin(by_start, by_rest), 0.0, 1.0)


DETECTOR = Detector(
    name="battery",
    component=Component.BATTERY_12V,
    observability=Observability.AGGREGATED,
    causes=(
        Cause(
            key="low_charge",
            severity=Severity.SOON,
            job="charge_and_test_battery",
            drawn=Drawn(feature="rest_volts", unit="V", label={"en": "Voltage before the start", "zh": "启动前电压"}),
            title={"en": "12 V battery is low on charge", "zh": "12V蓄电池亏电"},
            text={
                "en": "After a rest the battery shows {charge:.2f} V (median of the last rests; limit "
                "{threshold:.1f} V). "
                "Charge it before testing it. Check first: short trips, a consumer left on, current draw "
                "when parked.",
                "zh": "静置后蓄电池电压为{charge:.2f} V（最近静置的中位数；限值{threshold:.1f} V）。请先充电再检测。"
                "优先检查：是否多为短途、是否有用电设备未关、停车暗电流。",
            },
        ),
        Cause(
            key="weak_start",
            severity=Severity.SOON,
            job="test_battery",
            title={"en": "12 V battery is losing its starting reserve", "zh": "12V蓄电池启动能力下降"},
            text={
                "en": "While starting, the voltage falls to {reserve:.1f} V (40th percentile of the last starts; limit "
                "{threshold:.1f} V at 20 °C; a sound battery keeps {expectation:.1f} V). Measure its "
                "conductance and, while "
                "cranking, less than 0.5 V along each cable; replace the battery if the cables are fine.",
                "zh": "启动时电压降至{reserve:.1f} V（最近多次启动的40%分位；20 °C限值{threshold:.1f} V，"
                "正常约{expectation:.1f} V）。"
                "请测量蓄电池电导，并在启动时测量两根电缆压降（应小于0.5 V）；若电缆正常则更换蓄电池。",
            },
        ),
    ),
    needs=("crank_volts",),
    signals=(signals.CONTROL_MODULE_VOLTAGE, signals.ENGINE_SPEED),
    drawn=Drawn(
        feature="crank_volts",
        unit="V",
        label={"en": "Lowest voltage read at the start", "zh": "启动时最低电压"},
    ),
    initial=initial,
    step=step,
    parameters=(
        "crank_v", "crank_normal_v", "crank_flat_v", "rest_v", "rest_normal_v", "rest_flat_v", "battery_hysteresis_v",
        "rest_hysteresis_v",
        "battery_clear_trips",
    ),
)  # fmt: skip
