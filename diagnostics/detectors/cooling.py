"""Cooling that grows weak before the engine boils: fan, flow, radiator, coolant.

Why it works: once warm, a sound system holds the coolant between thermostat and fan; the warmer the air, the wider the
thermostat must open, and it opens by warmth, so that a rise with the air is taken off; how fast it rises differs by
make, so in air that is warmer than that in which the car's normal was learned more is asked. Where no sensor tells the
air, the coolant itself does, after a night. Where it stands higher than this car's normal beyond that, something cools
less. Crawling, only the fan makes air pass, so a fan that fails shows there alone; at speed air is plenty, so what
shows there is the flow of coolant: pump, level, a clogged radiator. Both means of a trip are followed by a CUSUM
against the car's own normal and raised only when the coolant stands far higher.
When not: towing, mountains and jams in great heat raise it in a sound car too, so one trip counts little; trips that
never get warm, or with too few readings of their kind, say nothing. A coolant sensor that reads high looks the same. In
its first summer, 30 K warmer than when it was met, a car must stand 8.5 K higher. An engine that boils is said at once,
by another detector.

Signals needed: coolant temperature, engine speed, speed. Without them: not observable.

Source: over-temperature limits of makers lie at 107 to 110 degC at idle (Suzuki, GM Daewoo) and 118 to 125 degC for the
lamp; makers' fans start at 93 to 103 degC. Spread of a car's own means on the recorded sound car: 1 K; 2 K, the rise
of 4 K, 0.15 K a K of air, speeds and limits: our choice. Development fleets (seeds 12 and 13, 1,002 vehicle-years):
with the air's part taken off 1 false advisory, all in the first summer 4 before; the same 2 right ones. Seed 17 (498
vehicle-years, on which it was set): none false, 6 before more was asked in air warmer than that of the normal.

False-alarm rate: 0.004 per vehicle-year aimed at (our choice); measured 0.0015 (0.0003 to 0.0044) in 2000 simulated
vehicle-years by ``python -m diagnostics.evaluation.false_alarms 2000``, under the assumptions stated there, and 0 in
the 33 recorded drives of one sound car.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics import held_over, sequential
from diagnostics.arrays import filled, floats
from diagnostics.detector import Cause, Detector, Drawn, Judgement, Later, Observability, latch, latched
from diagnostics.findings import Component, Severity
from diagnostics.telling import tells
from vehicle import signals

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips

WARMER, FAN_WEAK, FLOW_WEAK = range(3)
SLOW, FAST = range(2)
SETTLE_TRIPS = 60.0
"""Trips until which the car's normal is their running mean (our choice)."""
USUAL_AIR_C = 15.0
"""Temperature of the air to which the coolant's is brought (our choice)."""
NIGHT_S = 6 * 3600.0
"""Rest after which the coolant is as warm as the air (our choice)."""
PACE = 0.004
"""Share of a difference by which the normal follows later, and by which it is told to which air it belongs (our choice:
a season)."""


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """Nothing learned."""
    air: dict[str, Floats | Integers] = {name: np.full(n_vehicles, np.nan) for name in ("air_c", "night_c")}
    air["air_n"] = np.zeros(n_vehicles)
    return air | sequential.initial(n_vehicles, 2) | latched(n_vehicles)


def step(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
    """See the module."""
    x = np.stack([trips["hot_slow_c"], trips["hot_fast_c"]], axis=1)
    known: Flags = ~np.isnan(x)
    observable: Flags = np.asarray(known.any(axis=1))
    slept = (trips["soak_s"] >= NIGHT_S) & (trips["coolant_first"] <= held_over.STILL_COLD_C)
    night_c = np.where(slept, trips["coolant_first"], floats(state["night_c"]))
    air_c = np.where(np.isnan(trips["ambient_c"]), night_c, trips["ambient_c"])
    warmer = _by_the_air(air_c, p)[:, None]
    drift, sums = sequential.follow(
        x - warmer, trips["ended_ms"][:, None], state, mean=p["hot_mean_c"][:, None], sd=p["hot_sd_k"][:, None],
        learn=p["hot_learn_trips"][:, None], k=p["cusum_k"][:, None], hold=p["hot_h"][:, None] / 2.0,
        settle=SETTLE_TRIPS, pace=PACE,
    )  # fmt: skip
    air = _learned_air(air_c, observable, state) | {"night_c": night_c}
    expected = drift.baseline + warmer
    rise = np.where(known, x - expected, 0.0)
    doubt = p["hot_doubt_k"] * np.maximum(filled(air_c - air["air_c"]), 0.0)
    loud = (drift.up > p["hot_h"][:, None]) & (rise >= (p["hot_rise_k"] + doubt)[:, None])
    far = loud & ((rise >= (p["hot_far_k"] + doubt)[:, None]) | (x >= p["hot_limit_c"][:, None]))
    bad = np.where(far[:, FAST], FLOW_WEAK, np.where(far[:, SLOW], FAN_WEAK, np.where(loud.any(axis=1), WARMER, -1)))
    calm = np.asarray((rise < p["hot_rise_k"][:, None] / 2.0).all(axis=1))
    raised, cleared, latch_state = latch(state, bad=bad, good=observable & calm, clear_after=p["hot_clear_trips"])
    which = np.where(known.any(axis=1), np.argmax(np.where(known, drift.up + 1e-9, -1.0), axis=1), 0)
    usual = sequential.chosen(expected, which)
    judgement = Judgement(
        observable=observable,
        raised=raised,
        cleared=cleared,
        since_ms=sequential.chosen(drift.up_since_ms, which),
        found_ms=trips["ended_ms"],
        confidence=np.full(len(trips), 0.75),
        health=np.where(observable, np.clip(1.0 - 0.5 * drift.up.max(axis=1) / p["hot_h"], 0.0, 1.0), np.nan),
        numbers=Later(
            lambda: {
                "value": sequential.chosen(x, which),
                "expectation": usual,
                "threshold": usual + p["hot_rise_k"] + doubt,
                "rise": sequential.chosen(rise, which),
            }
        ),
    )
    return judgement, sequential.restarted(sums, cleared[:, None]) | air | latch_state


def _learned_air(air_c: Floats, observable: Flags, state: State) -> dict[str, Floats]:
    """The air in which the normal was learned, and of how many trips: it follows as the normal does."""
    told = observable & ~np.isnan(air_c)
    n = floats(state["air_n"]) + told
    share = np.maximum(1.0 / np.maximum(n, 1.0), np.where(n > SETTLE_TRIPS, PACE, 0.0))
    before = np.where(np.isnan(floats(state["air_c"])), air_c, floats(state["air_c"]))
    moved = before + share * (air_c - before)
    return {"air_c": np.where(told, moved, floats(state["air_c"])), "air_n": n}


def _by_the_air(air_c: Floats, p: Parameters) -> Floats:
    """K that a sound car stands warmer than at :data:`USUAL_AIR_C`; 0 where the air's temperature is not told."""
    return p["hot_air_k"] * np.where(np.isnan(air_c), 0.0, air_c - USUAL_AIR_C)


_NUMBERS = {
    "en": "Once warm the coolant stands at {value:.0f} °C, {rise:.0f} °C higher than usual for this car. ",
    "zh": "热车后冷却液温度为{value:.0f} °C，比本车平常高{rise:.0f} °C。",
}

DETECTOR = Detector(
    name="cooling",
    component=Component.COOLING,
    observability=Observability.AGGREGATED,
    causes=(
        Cause(
            key="warmer",
            severity=Severity.NEXT_SERVICE,
            job="check_cooling",
            title={"en": "Engine runs warmer than usual", "zh": "发动机温度偏高"},
            text={
                "en": _NUMBERS["en"] + "Look at the coolant level while it is cold. Check at the next service: "
                "leaks, fan, radiator's fins.",
                "zh": _NUMBERS["zh"] + "请在冷车时查看冷却液液位。下次保养时检查：泄漏、风扇、散热器翅片。",
            },
        ),
        Cause(
            key="fan_weak",
            severity=Severity.SOON,
            job="check_cooling",
            title={"en": "Engine gets hot when crawling", "zh": "低速时发动机温度过高"},
            text={
                "en": _NUMBERS["en"] + "So it is when driving slowly, where only the fan cools. Avoid jams; it may "
                "overheat. Check first: fan, its fuse and relay, then coolant level.",
                "zh": _NUMBERS["zh"] + "出现在低速行驶时，此时仅靠风扇散热。请避免拥堵路段，否则可能过热。"
                "优先检查：风扇及其保险丝和继电器，其次冷却液液位。",
            },
        ),
        Cause(
            key="flow_weak",
            severity=Severity.SOON,
            job="check_cooling",
            title={"en": "Engine gets hot at speed", "zh": "高速时发动机温度过高"},
            text={
                "en": _NUMBERS["en"] + "So it is at speed, where air is plenty and the flow of coolant counts. It may "
                "overheat under load. Check first: coolant level and leaks, then pump, thermostat and radiator.",
                "zh": _NUMBERS["zh"] + "出现在高速行驶时，此时空气充足，取决于冷却液流量，大负荷时可能过热。"
                "优先检查：冷却液液位与泄漏，其次水泵、节温器和散热器。",
            },
        ),
    ),
    needs=("hot_slow_c", "hot_fast_c"),
    signals=(signals.COOLANT_TEMPERATURE, signals.ENGINE_SPEED, signals.SPEED),
    drawn=Drawn(
        feature="hot_slow_c",
        unit="degC",
        label={"en": "Coolant temperature once warm, driving slowly", "zh": "热车低速行驶时冷却液温度"},
    ),
    initial=initial,
    step=step,
    told=tells(("hot_slow_c", "hot_fast_c", "coolant_first")),
    parameters=(
        "hot_mean_c", "hot_sd_k", "hot_learn_trips", "hot_h", "hot_rise_k", "hot_far_k", "hot_limit_c", "hot_air_k",
        "hot_doubt_k", "hot_clear_trips", "cusum_k",
    ),
)  # fmt: skip
