"""Thermostat that stays open: the engine never gets warm.

Why it works: once settled, the thermostat holds the coolant at its regulating temperature, 82 degC or more, whatever
the load; one that stays open lets the moving car cool it far below. The feature is the mean coolant temperature while
the car moves at 20 km/h or more, ``settle_after_s`` of engine time after the start, later after a cold one. Two
tests: far too cold on trips that follow each other (absolute, needs no learning), and a CUSUM of the fall against the
car's own normal for a leak that is only partial, raised only when the fall itself is large enough to matter.
When not: trips shorter than the settling time, only in traffic, or that end while the coolant still rises say
nothing; a coolant reading that never moves is the sensor's matter; hard frost with the heater at full can cool a
small diesel, so trips with ambient below ``thermostat_ambient_c`` are left out where the car tells it. A coolant
sensor that reads low looks the same; the advice says to compare it.

Signals needed: coolant temperature, engine speed, speed. Without them: not observable.

Source: a thermostat monitor must fail when the coolant is 11 K below regulating temperature (20 degF, as quoted from
California's rule; clause not verified); Suzuki's manual asks for 75 degC, within 11 K of regulating, in about 15
minutes of integrated intake air. Settling time, two trips, spread (2.0 K; 0.7 K measured on one car) and CUSUM limit:
our choice, to be calibrated per platform.

False-alarm rate: 0.02 per vehicle-year aimed at, at three trips a day; measured 0.011 (0.008 to 0.014) in 5000
simulated vehicle-years by ``python -m diagnostics.evaluation.false_alarms 5000``, under the assumptions stated there,
and 0 in the 33 recorded drives of one sound car.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics import sequential
from diagnostics.arrays import floats, integers
from diagnostics.detector import Cause, Detector, Drawn, Judgement, Observability, latch, latched
from diagnostics.findings import Component, Severity
from vehicle import signals

if TYPE_CHECKING:
    from diagnostics.arrays import Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """Nothing seen."""
    cold: dict[str, Floats | Integers] = {
        "cold_trips": np.zeros(n_vehicles, dtype=np.int64),
        "cold_since_ms": np.full(n_vehicles, np.nan),
    }
    return cold | sequential.initial(n_vehicles) | latched(n_vehicles)


def step(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
    """See the module."""
    frost = trips["ambient_c"] < p["thermostat_ambient_c"]
    settled = np.where(frost, np.nan, trips["settled_c"])
    observable = ~np.isnan(settled)
    counted, since = _cold(settled, trips["ended_ms"], state, p)
    drift, sums = sequential.follow(
        settled, trips["ended_ms"], state, mean=p["regulated_c"], sd=p["settled_sd_k"], learn=p["settled_learn_trips"],
        k=p["cusum_k"], hold=p["settled_h"] / 2.0,
    )  # fmt: skip
    fallen = (drift.down > p["settled_h"]) & (drift.baseline - settled >= p["settled_fall_k"])
    cold = counted >= p["cold_trips"]
    bad = np.where(observable & (cold | fallen), 0, -1)
    good = observable & (settled >= p["cold_c"] + 3.0) & (drift.baseline - settled < p["settled_fall_k"])
    raised, cleared, latch_state = latch(state, bad=bad, good=good, clear_after=p["thermostat_clear_trips"])
    usual = np.where(cold & (drift.learned < p["settled_learn_trips"]), p["regulated_c"], drift.baseline)
    judgement = Judgement(
        observable=observable,
        raised=raised,
        cleared=cleared,
        since_ms=np.where(cold, since, drift.down_since_ms),
        found_ms=trips["ended_ms"],
        confidence=np.where(cold, 0.92, 0.8),
        health=np.where(
            observable, np.clip((settled - p["cold_c"]) / (p["regulated_c"] - p["cold_c"]), 0.0, 1.0), np.nan
        ),
        numbers={"value": settled, "expectation": usual, "threshold": p["cold_c"], "missing": usual - settled},
    )
    after: dict[str, Floats | Integers] = {"cold_trips": counted, "cold_since_ms": since}
    return judgement, after | sequential.restarted(sums, cleared) | latch_state


def _cold(settled: Floats, at_ms: Floats, state: State, p: Parameters) -> tuple[Integers, Floats]:
    """How many observable trips in a row were too cold, and since when."""
    before = integers(state["cold_trips"])
    cold = settled < p["cold_c"]
    counted = np.where(np.isnan(settled), before, np.where(cold, before + 1, 0))
    since = np.where(cold & (before == 0), at_ms, floats(state["cold_since_ms"]))
    return counted, since


DETECTOR = Detector(
    name="thermostat",
    component=Component.THERMOSTAT,
    observability=Observability.STRONG,
    causes=(
        Cause(
            key="stuck_open",
            severity=Severity.SOON,
            job="replace_thermostat",
            title={"en": "Thermostat stays open", "zh": "节温器常开"},
            text={
                "en": "When driving, the engine settles at {value:.0f} °C instead of {expectation:.0f} °C, "
                "{missing:.0f} °C too "
                "cold. It burns more fuel, wears faster and dilutes its oil. Check first: coolant level "
                "and the sensor "
                "against a thermometer; then replace the thermostat.",
                "zh": "行驶中发动机温度稳定在{value:.0f} °C，而正常应为{expectation:.0f} °C，"
                "偏低{missing:.0f} °C。油耗升高、磨损加快、机油被稀释。"
                "优先检查：冷却液液位，并用温度计核对水温传感器；然后更换节温器。",
            },
        ),
    ),
    needs=("settled_c",),
    signals=(signals.COOLANT_TEMPERATURE, signals.ENGINE_SPEED, signals.SPEED),
    drawn=Drawn(
        feature="settled_c",
        unit="degC",
        label={"en": "Coolant temperature once warmed up, driving", "zh": "热车行驶时冷却液温度"},
    ),
    initial=initial,
    step=step,
    parameters=(
        "regulated_c", "cold_c", "cold_trips", "settled_sd_k", "settled_learn_trips", "settled_h", "settled_fall_k",
        "cusum_k", "thermostat_clear_trips", "thermostat_ambient_c",
    ),
)  # fmt: skip
