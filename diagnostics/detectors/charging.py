"""Charging voltage too low or too high: alternator, regulator, belt or connector on its way out.

Why it works: what an alternator can do shows in the upper part of a trip's running voltage; smart ones are low for
long stretches by intention, so the mean would accuse them. The feature is the 90th percentile after the first two
minutes. Two tests: below ``charging_low_v`` on trips that follow each other (absolute), and a CUSUM of the fall against
the car's own normal, raised only when the fall is large enough to matter and ends below what sound alternators give on
warm days, when all charge less; while it still fills the battery it is advice, below ``charging_fills_v`` an
appointment. An alternator that weakens fails first on single trips, with the heater and the lights on: such trips below
``charging_weak_trip_v`` are counted, the count fading with every trip, and three close together are an advisory (a
small sound car has one now and then in frost). A regulator that lets the voltage rise boils the battery: trips in a row
above ``charging_high_v`` and above the car's own normal. Regulators are meant to give more in the cold, by 18 to 24
mV/K for six cells (3 to 4 mV/K a cell, makers of batteries), so below ``charging_cold_c`` the limit rises with that; so
do some cars' normals from the first trip on. Smart alternators rest on one drive and fill on the next, half a volt
apart: where a car's first twenty drives differ so, the sum of its falls is judged by that spread (with it one
false word in place of seven on fleets of seeds 17, 20, 32, 34, 36 and 38, on which it was chosen, and the same failures
found).
When not: a car that was low in the first trips that we saw of it, and stays so while hours of running and many starts
pass, has that for its normal, and the limits of low voltage are lowered to it
(:mod:`diagnostics.own_voltage`): its voltmeter reads off, or its controller charges otherwise, as some mild hybrids'
do. Until that is known its level alone says nothing, so a regulator that was low when the car was met is told only if
it falls further. High voltage is only told where it has risen above the car's own normal.

Signals needed: control-module voltage, engine speed; for high voltage the air's temperature, or the coolant's after a
rest. Without the first two: not observable. Two batteries in series (24 V) are judged by half their voltage.

Source: trip medians of one recorded car: 13.74 V, sd 0.13 V (measured); its 90th percentiles spread by 0.2 V, higher
after a cold start. A 12 V battery is kept full by 13.2 to 13.8 V (makers' float voltage). 12.9 V on three trips, and
all limits of the CUSUM: our choice, to be calibrated.

False-alarm rate: 0.004 per vehicle-year aimed at, at three trips a day; measured 0.001 (0.000 to 0.005) in 1500
simulated vehicle-years with a limit of 14.5, 0.0065 (0.0035 to 0.0111) in 2000 with 13.8, by ``python -m
diagnostics.evaluation.false_alarms``, under the assumptions stated there, and 0 in the 33 recorded drives of one sound
car.
Counted trips and high voltage were set on the development fleet, seeds 11 and 12 (2,271 sound cars, half a year,
327,000 trips: one in ten thousand is above 15.0 V or below 12.7 V): three counted trips in 1 car without a charging
fault; they precede the failure of an alternator by 2 to 59 days in 9 of 15 cars. High voltage in no car without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics import own_voltage, restless, season, sequential
from diagnostics.arrays import floats, in_a_row, integers
from diagnostics.detector import Cause, Detector, Drawn, Judgement, Later, Observability, latch, latched
from diagnostics.findings import Component, Severity
from diagnostics.onboard_voltage import batteries
from diagnostics.sparse import where_told
from diagnostics.telling import tells
from vehicle import signals

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips


AT_TIMES, FALLEN, LOW, HIGH = range(4)
FADES = 0.92
"""Weight that a counted trip keeps when the next one comes: about twelve count (our choice)."""
RESTED_S = 3 * 3600.0
"""Rest after which the coolant has come near the air (our choice)."""
SPREAD_TRIPS = 20.0
"""Trips that tell how far a car's drives differ (our choice: with 10 smart alternators are accused as before, with 40 a
fault that begins among them is never told)."""
SETTLE_TRIPS = 40.0
"""Trips until which the car's normal is their running mean (our choice)."""
SCALED = ("charging_low_v", "charging_weak_v", "charging_weak_trip_v", "charging_fills_v", "undervolt_v")
"""Limits that are meant for the usual running voltage."""
PARAMETERS = (
    "charging_learn_trips", "charging_h", "charging_fall_v", "charging_weak_v",
    "charging_low_v", "charging_low_trips", "charging_clear_trips", "undervolt_v", "cusum_k",
    "charging_weak_trip_v", "charging_weak_count", "charging_high_v", "charging_high_trips",
    "charging_fills_v", "charging_rise_v", "charging_cold_c", "charging_cold_v_per_k", *own_voltage.PARAMETERS,
)  # fmt: skip


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """Nothing seen."""
    low: dict[str, Floats | Integers] = {
        "low_trips": np.zeros(n_vehicles, dtype=np.int64),
        "low_since_ms": np.full(n_vehicles, np.nan),
        "weak_trips": np.zeros(n_vehicles),
        "empty_trips": np.zeros(n_vehicles, dtype=np.int64),
        "high_trips": np.zeros(n_vehicles, dtype=np.int64),
        "high_since_ms": np.full(n_vehicles, np.nan),
        "differs_v": np.full(n_vehicles, np.nan),
    }
    return low | own_voltage.initial(n_vehicles) | sequential.initial(n_vehicles) | latched(n_vehicles)


def step(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
    """See the module."""
    told = own_voltage.told_volts(trips, p)
    count = batteries(told)
    volts, observable = told / count, ~np.isnan(told)
    own, own_after = own_voltage.follow(trips, state, p)
    p = own_voltage.scaled({name: p[name] for name in PARAMETERS}, SCALED, own)
    low_trips, since = _beyond(volts < p["charging_low_v"], volts, trips["ended_ms"], state, "low")
    high_v = p["charging_high_v"] + _in_cold(trips, p)
    differs = _differs(own, state)
    drift, sums = sequential.follow(
        volts, trips["ended_ms"], state, mean=np.where(own.off, own.level, p["charging_v"]),
        sd=restless.wide(differs, p["charging_sd_v"]), learn=p["charging_learn_trips"], k=p["cusum_k"],
        hold=p["charging_h"] / 2.0, settle=SETTLE_TRIPS,
    )  # fmt: skip
    known = drift.learned >= p["charging_learn_trips"]
    fell = known & (volts < p["charging_weak_trip_v"]) & (drift.baseline - volts >= p["charging_fall_v"])
    weak = np.where(observable, FADES * floats(state["weak_trips"]) + fell, floats(state["weak_trips"]))
    above = known & (volts >= high_v) & (volts - drift.baseline >= p["charging_rise_v"])
    high_trips, high_since = _beyond(above, volts, trips["ended_ms"], state, "high")
    low = (low_trips >= p["charging_low_trips"]) & ~own.held
    fallen = (drift.baseline - volts >= p["charging_fall_v"]) & (volts < p["charging_weak_v"])
    fallen &= drift.down > p["charging_h"]
    high = high_trips >= p["charging_high_trips"]
    bad = np.where(weak >= p["charging_weak_count"], AT_TIMES, -1)
    empty_trips = in_a_row(volts < p["charging_fills_v"], observable, integers(state["empty_trips"]))
    bad = np.where(fallen, np.where(empty_trips >= p["charging_low_trips"], LOW, FALLEN), bad)
    bad = np.where(observable, np.where(high, HIGH, np.where(low, LOW, bad)), -1)
    good = observable & (volts >= p["charging_low_v"]) & (drift.baseline - volts < p["charging_fall_v"] / 2.0)
    good &= (weak < p["charging_weak_count"] / 2.0) & (high_trips == 0)
    raised, cleared, latch_state = latch(state, bad=bad, good=good, clear_after=p["charging_clear_trips"])
    usual = np.where(drift.learned < p["charging_learn_trips"], p["charging_v"], drift.baseline)
    judgement = Judgement(
        observable=observable,
        raised=raised,
        cleared=cleared,
        since_ms=np.where(high, high_since, np.where(low, since, drift.down_since_ms)),
        found_ms=trips["ended_ms"],
        confidence=np.where(low | high, 0.9, 0.8),
        health=np.where(own.held, np.nan, _health(volts, bad, p)),
        numbers=Later(lambda: {
            "value": told, "expectation": count * usual, "missing": count * (usual - volts),
            "threshold": count * _spoke(bad, low, high_v, usual, p),
        }),
    )  # fmt: skip
    after: dict[str, Floats | Integers] = {
        "low_trips": low_trips, "low_since_ms": since, "high_trips": high_trips, "high_since_ms": high_since,
        "weak_trips": np.where(cleared, 0.0, weak), "empty_trips": empty_trips, "differs_v": differs,
    }  # fmt: skip
    return judgement, after | own_after | sequential.restarted(sums, cleared) | latch_state


def _differs(own: own_voltage.Own, state: State) -> Floats:
    """How far the car's first drives differ, V: a fault that comes later does not widen it."""
    return np.where(integers(state["learned"]) < SPREAD_TRIPS, own.spread, floats(state["differs_v"]))


def _health(volts: Floats, bad: Integers, p: Parameters) -> Floats:
    """1 from the limit of low voltage on, 0 where it does not charge; half at most of what is found; NaN not told."""
    health = (volts - p["undervolt_v"]) / (p["charging_low_v"] - p["undervolt_v"])
    clipped: Floats = np.clip(np.where(bad >= 0, np.minimum(health, 0.5), health), 0.0, 1.0)
    return clipped


def _spoke(bad: Integers, low: Flags, high_v: Floats, usual: Floats, p: Parameters) -> Floats:
    """The limit that spoke, V of a 12 V system."""
    fallen = np.minimum(usual - p["charging_fall_v"], p["charging_weak_v"])
    limit = np.where(((bad == FALLEN) | (bad == LOW)) & ~low, fallen, p["charging_low_v"])
    limit = np.where(bad == AT_TIMES, p["charging_weak_trip_v"], limit)
    return np.where(bad == HIGH, high_v, limit)


def _in_cold(trips: Trips, p: Parameters) -> Floats:
    """By how many volts more a sound regulator may charge; NaN where neither air nor a rested coolant tells."""
    return p["charging_cold_v_per_k"] * np.maximum(p["charging_cold_c"] - season.air_c(trips, RESTED_S), 0.0)


def _beyond(beyond: Flags, volts: Floats, at_ms: Floats, state: State, name: str) -> tuple[Integers, Floats]:
    """Trips in a row that are beyond a limit, and since when."""
    before = integers(state[f"{name}_trips"])
    since = np.where(beyond & (before == 0), at_ms, floats(state[f"{name}_since_ms"]))
    return in_a_row(beyond, ~np.isnan(volts), before), since


DETECTOR = Detector(
    name="charging",
    component=Component.CHARGING,
    observability=Observability.STRONG,
    causes=(
        Cause(
            key="low_at_times",
            severity=Severity.NEXT_SERVICE,
            job="check_charging",
            title={"en": "Charging voltage breaks down at times", "zh": "充电电压时有下降"},
            text={
                "en": "On some of the last drives the alternator fell far short of this car's normal of "
                "{expectation:.2f} V, on others it did not: it no longer carries heater and lights together. Check "
                "first: output under load, belt and its tensioner, then brushes and diodes. Most such "
                "alternators fail within weeks to two months.",
                "zh": "最近部分行驶中发电机电压远低于本车正常值{expectation:.2f} V，其余行驶正常："
                "已难以同时带动暖风和灯光。"
                "优先检查：带载输出、皮带及张紧器，其次碳刷和整流管。多数会在数周至两个月内失效。",
            },
        ),
        Cause(
            key="fallen_voltage",
            severity=Severity.NEXT_SERVICE,
            job="check_charging",
            title={"en": "Charging voltage has fallen", "zh": "充电电压下降"},
            text={
                "en": "On the last drives the alternator reached {value:.2f} V; this car's normal is "
                "{expectation:.2f} V. The battery is still filled. Check at the next service: belt and its tensioner, "
                "connector and ground strap, then regulator.",
                "zh": "最近几次行驶发电机仅达到{value:.2f} V，本车正常值为{expectation:.2f} V，目前仍能为蓄电池充电。"
                "下次保养时请检查：皮带及张紧器、插头和搭铁线，其次调节器。",
            },
        ),
        Cause(
            key="low_voltage",
            severity=Severity.SOON,
            job="check_charging",
            title={"en": "Charging voltage too low", "zh": "充电电压偏低"},
            text={
                "en": "On the last drives the alternator reached {value:.2f} V; this car's normal is "
                "{expectation:.2f} V. The "
                "battery is no longer filled and will be blamed in vain. Check first: belt and its "
                "tensioner, connector "
                "and ground strap, then regulator.",
                "zh": "最近几次行驶发电机仅达到{value:.2f} V，本车正常值为{expectation:.2f} V。"
                "蓄电池无法充满，容易被误判为蓄电池故障。"
                "优先检查：皮带及张紧器、插头和搭铁线，其次调节器。",
            },
        ),
        Cause(
            key="high_voltage",
            severity=Severity.SOON,
            job="check_charging",
            title={"en": "Charging voltage too high", "zh": "充电电压过高"},
            text={
                "en": "On the last drives the voltage stayed at {value:.2f} V; sound alternators stay below "
                "{threshold:.1f} V in such weather. The regulator lets it rise: the battery boils dry, lamps and "
                "computers suffer. Check first: the regulator, its sense wire and ground, then the battery's acid.",
                "zh": "最近几次行驶电压一直为{value:.2f} V，该气温下正常发电机低于{threshold:.1f} V。"
                "调节器失控会使蓄电池过充失水，并损害灯具和电脑。优先检查：调节器、其感应线和搭铁，其次蓄电池电解液。",
            },
        ),
    ),
    needs=("charging_volts",),
    signals=(
        signals.CONTROL_MODULE_VOLTAGE,
        signals.ENGINE_SPEED,
        signals.AMBIENT_AIR_TEMPERATURE,
        signals.COOLANT_TEMPERATURE,
    ),
    drawn=Drawn(
        feature="charging_volts",
        unit="V",
        label={"en": "Running voltage, upper tenth of a trip", "zh": "运转电压（行程上十分位）"},
    ),
    initial=initial,
    step=where_told(step, ("charging_volts",)),
    told=tells(("charging_volts",)),
    parameters=PARAMETERS,
    renewed=own_voltage.renewed,
)
