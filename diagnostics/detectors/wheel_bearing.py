"""Wheel bearings: not detectable from what a car tells; a reminder to listen to them, by mileage alone.

Why it works: it does not, as a diagnosis, and says so. A bearing that wears shows as noise and vibration between 10 and
1000 Hz; readings once a second hold none of that. Bearings wear out mostly between 130,000 and 200,000 km, so that a
workshop that has the car on its lift anyway should turn the wheels by hand and listen, once the counter says so. One
thing speaks against a bearing with play: it lets the gap to the wheel-speed sensor swing, so that the wheel's signal is
missing at a walking pace more often than the others'. A car that tells its wheels' speeds and misses none is not
reminded this time; the next round of mileage asks again.
When not: a bearing damaged by a kerb or by water fails earlier and nobody is told; one that is loud but has no play yet
shows nothing at all; a wheel that loses its signal is the wheel-speed sensor's matter, whose check names the bearing.

Signals needed: the kilometre counter; the four wheels' speeds if the car tells them. Without the counter: not
observable.

Source: mileage of common bearing replacements, rule of the trade; the reminder's mileage and repetition, and the share
of bearings that last to a mileage, which stands for health (Weibull of shape 3): our choice.

False-alarm rate: not one of statistics: it is class C, a reminder for the next service, at most once in
``bearing_again_km``, and never a booking. It says nothing about whether a bearing is bad. Development fleets, seeds 12
and 13 (1,002 vehicle-years): 8 reminders of sound bearings by mileage alone, 6 with the wheels' speeds, of cars that do
not tell them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.arrays import every, floats
from diagnostics.detector import Cause, Detector, Drawn, Judgement, Later, Observability, at_rest, latch, latched
from diagnostics.findings import Component, Severity
from diagnostics.telling import Repeats
from vehicle import signals

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips


CORNERS = ("fl", "fr", "rl", "rr")
KEPT = 0.98
"""Part of what was heard of the wheels that a further trip leaves: about fifty trips count (our choice)."""
SHARED = 2.0
"""How often what the other wheels miss is taken off: that is the polling's (our choice)."""


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """No counter seen, nobody reminded, no wheel heard."""
    seen: dict[str, Floats | Integers] = {"due_km": np.full(n_vehicles, np.nan)}
    heard: dict[str, Floats | Integers] = {name: np.zeros((n_vehicles, 4)) for name in ("walked", "missed")}
    return seen | heard | latched(n_vehicles)


def step(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
    """See the module."""
    km = trips["odometer_km"]
    observable = ~np.isnan(km)
    before = floats(state["due_km"])
    # A car first seen beyond the mileage has been to workshops that know it: its turn is the next round.
    rounds = np.ceil(np.maximum(km - p["bearing_km"], 0.0) / p["bearing_again_km"])
    due = np.where(np.isnan(before) & observable, p["bearing_km"] + rounds * p["bearing_again_km"], before)
    tight, heard = _tight(trips, state, p)
    reached = observable & (km >= due) & ~tight
    good = observable & ((km >= due + p["bearing_reminded_km"]) | (km < due))
    raised, cleared, latch_state = latch(
        state, bad=np.where(reached & ~good, 0, -1), good=good, clear_after=np.ones(len(trips))
    )
    n = len(trips)
    over = np.floor((km - due - p["bearing_reminded_km"]) / p["bearing_again_km"]) + 1.0  # rounds, reminded or not
    later = due + np.where(observable, np.maximum(over, 0.0), 0.0) * p["bearing_again_km"]
    judgement = Judgement(
        observable=observable,
        raised=raised,
        cleared=cleared,
        since_ms=trips["ended_ms"],
        found_ms=trips["ended_ms"],
        confidence=np.full(n, 0.2),
        health=np.where(observable, np.exp(-((km / p["bearing_life_km"]) ** 3)), np.nan),
        numbers=Later(lambda: {"value": km, "expectation": np.full(n, np.nan), "threshold": due}),
    )
    return judgement, {"due_km": later} | heard | latch_state


def _tight(trips: Trips, state: State, p: Parameters) -> tuple[Flags, dict[str, Floats | Integers]]:
    """Whether the wheels were heard at a walking pace often enough, lately, and none was missing alone."""
    walking, gone = _wheels(trips, "walking_n"), _wheels(trips, "gone")
    told = ~np.isnan(walking + gone)
    walked = KEPT * floats(state["walked"]) + np.where(told, walking, 0.0)
    missed = KEPT * floats(state["missed"]) + np.where(told, gone, 0.0)
    others = (missed.sum(axis=1, keepdims=True) - missed) / 3.0
    alone = missed - SHARED * others >= p["bearing_gone"][:, None] * walked
    tight: Flags = every(~alone & (walked >= p["bearing_heard"][:, None]))
    return tight, {"walked": walked, "missed": missed}


def _unheard(trips: Trips, _p: Parameters) -> Flags:
    """Trips that tell the kilometres and nothing of the wheels, as charging does."""
    unheard = every(np.isnan(_wheels(trips, "walking_n") + _wheels(trips, "gone")))
    return ~np.isnan(trips["odometer_km"]) & unheard


def _passes(trips: Trips, state: State, _p: Parameters) -> tuple[Flags, dict[str, Floats]]:
    """Of cars whose turn it is not yet; what was heard of the wheels fades."""
    fades = {name: KEPT * floats(state[name]) for name in ("walked", "missed")}
    return at_rest(state) & (trips["odometer_km"] < floats(state["due_km"])), fades


def _wheels(trips: Trips, name: str) -> Floats:
    return np.stack([trips[f"wheel_{corner}_{name}"] for corner in CORNERS], axis=1)


DETECTOR = Detector(
    name="wheel_bearing",
    component=Component.WHEEL_BEARING,
    observability=Observability.INDIRECT,
    causes=(
        Cause(
            key="inspection",
            severity=Severity.MONITOR,
            job="inspect_wheel_bearings",
            title={"en": "Wheel bearings: listen to them at the next service", "zh": "轮毂轴承：下次保养时听检"},
            text={
                "en": "The car has {value:.0f} km, the mileage from {threshold:.0f} km on at which bearings wear out. "
                "A bearing cannot be judged from afar. Turn each wheel by hand on the lift "
                "and listen. A bearing that is loud but ignored ends in play and a damaged hub.",
                "zh": "车辆已行驶{value:.0f}公里，达到轴承易磨损里程（{threshold:.0f}公里起）。轴承状况无法远程判断。"
                "请在举升机上手动转动各车轮听检。轴承异响长期忽视会产生间隙并损坏轮毂。",
            },
        ),
    ),
    needs=("odometer_km",),
    signals=(signals.ODOMETER, *signals.WHEEL_SPEEDS),
    drawn=Drawn(feature="odometer_km", unit="km", label={"en": "Kilometre counter", "zh": "里程表"}),
    initial=initial,
    step=step,
    repeats=Repeats(alike=_unheard, passes=_passes),
    parameters=(
        "bearing_km", "bearing_again_km", "bearing_reminded_km", "bearing_life_km", "bearing_gone", "bearing_heard",
    ),
)  # fmt: skip
