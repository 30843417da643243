"""Fuel trim drifts: the engine gets more air or less fuel than its computer meters, or the other way round.

Why it works: in closed loop the computer corrects the mixture until the oxygen sensor is content; short- plus long-
term trim is that correction. A leak, a drifting air meter or a tired pump shows as a lasting shift of the trip's mean,
long before the lamp comes on at 20 to 25 %. Means under way and at idle are followed apart, each by a two-sided CUSUM
against the car's own normal: idling makes them jump, and how much of a trip is idling differs. What it raises counts
where the last trips are shifted together, on average, by more than the car's own spread allows. The shape of the shift
names the cause, as in y = a + b/m + c m over the air m: more at idle than under load is unmetered air (a leak of
constant size weighs most when the engine breathes least), more at high load is fuel that does not come (pump, filter),
the same everywhere is what is metered. A car that comes with a fault has learned it as normal; so a correction of 10 %
that lasts (12.5 % to the rich side, where vapour from the canister adds to what is usual) is said, one of 16 % is
booked, whatever is usual; and a trip's mean beyond what the lamp allows is said at once and booked the second time on
the same side, since idling is seldom long enough to wait for eight such means.
When not: fuels with other ethanol content, altitude and a reset of the long-term trim move the mean too, so the two
trips after a tank was filled are left out; the first change of fuel of a flexible-fuel car may still be named. Trips
below 70 degC, the first two minutes and open loop are left out.

Signals needed: short- and long-term trim of bank 1, coolant temperature, engine speed, speed. Without them: not
observable.

Source: trip means of a recorded car: sd 2.2 % in all, 1.4 % under way, 2.1 % at idle (measured, 32 trips),
autocorrelation 0.37. Lamp levels: Ford 25 % + 5 %; rule of the trade 10 % look, 20 % fault. k and h: by simulation with
that autocorrelation (:mod:`diagnostics.evaluation.false_alarms`); 6 % between "at the next service" and "soon": our
choice.

Trips of a car follow each other: one that enriched is followed by others that do (autocorrelation 0.37 on the recorded
car, up to 0.7 elsewhere), so the spread of means of eight trips is not that of one divided by the root of eight. It is
taken from how far the halves of earlier such runs lay apart: about that of their mean where trips follow each other at
0.7, up to twice as much where they do not, so the limits are in these units.

The window, its spreads and the sums' limit were set on development fleets (seeds 12 and 13, half a year, all cars) and
on the recorded drives; how long a drift lasts before it is advised, and how far it goes to the lean side, on seed 17,
where cars drive a third more often. To the rich side 12.5 % are looked at since (3 false ones there, and none
right, in 1,132 vehicle-years of seeds 17 to 19).

False-alarm rate: 0.004 per vehicle-year is aimed at. Seed 17, on which it was set (498 vehicle-years): 5 advisories and
a booking that were none, with the same failures found; 11 and one where a drift need not last. With one trip's spread
in the place of a mean's there were 42 in the 1002 vehicle-years of seeds 12 and 13, and the same faults found. The
price: shifts of 4 to 5 % in cars whose trips follow each other are found weeks later, or at their next step. 0 in the
33 recorded drives of one sound car.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics import restless, sequential
from diagnostics.arrays import filled, floats, integers, pushed
from diagnostics.detector import Cause, Detector, Drawn, Judgement, Later, Observability, latch, latched
from diagnostics.findings import Component, Severity
from diagnostics.telling import vehicles_that_tell
from vehicle import signals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from diagnostics.arrays import Flags, Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips

RICH_DRIFT, LEAN_DRIFT, RICH, LEAN, LOW_DELIVERY, AIR_LEAK = range(6)
LOAD, IDLE = range(2)
"""Columns of the two series."""
RECENT = 0.3
"""Weight of the newest trip in the level that texts quote (our choice)."""
SETTLE_TRIPS = 60.0
"""Trips until which the car's normal is their running mean (our choice)."""
PACE = 0.004
"""Share of a difference by which the normal follows later: a season, not a fault that grows in months (our choice)."""
FILLED_PERCENT = 8.0
"""A rise of the tank's level that is no sloshing (our choice)."""
WAIT_TRIPS = 2
"""Trips after filling up that are left out, while a car learns the new fuel."""
LEVELS = ("trim_load", "trim_idle", "trim_high")
MOST_SD = 3.5
"""The most that is taken for a car's own spread, per cent (our choice)."""
CLEAR_FIRST = 1e3
"""So much louder is a series whose last trips are shifted together: it speaks before one that only jumped."""
TOGETHER = 8
"""So many trips that follow each other must be shifted together, on average (our choice)."""
TOGETHER_SHARE = 0.5
"""Part of the spread of trips that means of so many have, at an autocorrelation of 0.37."""
LASTS_MS = 0.25 * 86_400_000.0
"""How long a shift that is only advised must last, so that no single drive says it (our choice, seed 17: a whole day
makes 4 of 5 false ones, and loses every second small shift on the recorded car)."""
AGAIN = 2
"""Trips in a row of one series beyond what the lamp allows, to one side, that are no chance (our choice)."""
LEAN_SPREADS, RICH_SPREADS, LEAST_SHARE = 4.2, 6.5, 0.4
"""Together they are shifted where they are more than so many spreads of such means from the car's normal, which is
not taken for less than so much of the platform's spread of trips. Vapour from the canister enriches now and then, and
never leans, so more is asked on that side (our choice)."""


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """Nothing seen."""
    unknown: dict[str, Floats | Integers] = {f"recent_{name}": np.full(n_vehicles, np.nan) for name in LEVELS}
    usual: dict[str, Floats | Integers] = {
        "usual_excess": np.full((n_vehicles, 2), np.nan),
        "tank": np.full(n_vehicles, np.nan),
        "waiting": np.zeros(n_vehicles, dtype=np.int64),
        "window": np.full((n_vehicles, 2, 2 * TOGETHER), np.nan),
        "halves_apart": np.full((n_vehicles, 2), np.nan),
        "beyond": np.zeros((n_vehicles, 2), dtype=np.int64),
        "drifting_ms": np.full(n_vehicles, np.nan),
    }
    own = restless.initial(n_vehicles, 2) | sequential.initial(n_vehicles, 2)
    return unknown | usual | own | latched(n_vehicles)


def step(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
    """See the module."""
    tank, waiting = _filled(trips, state)
    said = {name: np.where(waiting > 0, np.nan, trips[name]) for name in LEVELS}
    x = np.stack([said["trim_load"], said["trim_idle"]], axis=1)
    known: Flags = ~np.isnan(x)
    observable: Flags = np.asarray(known.any(axis=1))
    own, spreads = restless.follow(x, state, _usual(p))
    drift, sums = sequential.follow(
        x, trips["ended_ms"][:, None], state, mean=p["trim_mean"][:, None],
        sd=np.clip(own, _usual(p), MOST_SD), learn=p["trim_learn_trips"][:, None],
        k=p["cusum_k"][:, None], hold=p["trim_h"][:, None] / 2.0, settle=SETTLE_TRIPS, pace=PACE,
    )  # fmt: skip
    window = pushed(floats(state["window"]), x)
    lately = window[:, :, :TOGETHER].mean(axis=2)  # NaN before it is full
    # By the trips before those that are judged, so that a shift is not taken for restlessness at once.
    apart, runs = restless.halves_apart(window[:, :, TOGETHER:], known, state, TOGETHER_SHARE * _usual(p))
    beyond = _beyond(x, state, p)
    recent = {f"recent_{name}": _recent(state[f"recent_{name}"], said[name]) for name in LEVELS}
    levels = np.stack([recent["recent_trim_load"], recent["recent_trim_idle"]], axis=1)
    shifts = levels - drift.baseline
    clear = _clear(lately, drift, apart, p)
    which, sign = _loudest(drift, clear, known)
    shift, level = sequential.chosen(shifts, which), sequential.chosen(levels, which)
    excess, usual = _excess(recent, state, drift, p)
    bad = np.maximum(
        _cause(drift, (which, sign), (shift, level), excess - usual, observable & sequential.chosen(clear, which), p),
        _absolute(levels, lately, drift, observable, p),
    )
    bad, drifting_ms = _lasting(bad, observable, trips["ended_ms"], state)
    bad = np.maximum(bad, _at_the_limit(beyond, known))
    near = np.abs(filled(shifts)).max(axis=1) < p["trim_clear"]
    near &= np.abs(filled(levels)).max(axis=1) < p["trim_look"] - p["trim_clear"]
    raised, cleared, latch_state = latch(state, bad=bad, good=observable & near, clear_after=p["trim_clear_trips"])
    since_ms = np.where(sign > 0, sequential.chosen(drift.up_since_ms, which),
                        sequential.chosen(drift.down_since_ms, which))  # fmt: skip
    judgement = Judgement(
        observable=observable,
        raised=raised,
        cleared=cleared,
        since_ms=since_ms,
        found_ms=trips["ended_ms"],
        confidence=np.full(len(trips), 0.85),
        health=np.where(observable, np.clip(1.0 - np.abs(filled(shift)) / p["trim_lamp"], 0.0, 1.0), np.nan),
        numbers=Later(lambda: _numbers((x, levels, shifts, drift.baseline), (which, sign), excess - usual, p)),
    )
    after: dict[str, Floats | Integers] = {"usual_excess": usual, "tank": tank, "waiting": waiting, "window": window}
    after |= {"beyond": beyond, "drifting_ms": drifting_ms, **recent, **runs, **spreads}
    return judgement, after | sequential.restarted(sums, cleared[:, None]) | latch_state


def _lasting(bad: Integers, observable: Flags, at_ms: Floats, state: State) -> tuple[Integers, Floats]:
    """What is bad without drifts that have not lasted yet, and since when each car drifts."""
    drifts = (bad == RICH_DRIFT) | (bad == LEAN_DRIFT)
    since = floats(state["drifting_ms"])
    since = np.where(bad >= 0, np.fmin(since, at_ms), np.where(observable, np.nan, since)).astype(np.float64)
    return np.where(drifts & ~(at_ms - since >= LASTS_MS), -1, bad), since


def _numbers(
    series: tuple[Floats, Floats, Floats, Floats], loudest: tuple[Integers, Floats], excess: Floats, p: Parameters
) -> dict[str, Floats]:
    """What texts and charts quote of the series that speaks: values, levels, shifts and normals are ``(n, 2)``."""
    which, sign = loudest
    value, level, shift, expectation = (sequential.chosen(each, which) for each in series)
    return {
        "value": np.where(np.isnan(value), level, value),
        "level": level,
        "expectation": expectation,
        "threshold": expectation + sign * p["trim_soon"],
        "shift": np.abs(shift),
        "lamp": p["trim_lamp"],
        "excess": filled(np.max(filled(excess), axis=1)),
    }


def _clear(lately: Floats, drift: sequential.Drift, spread: Floats, p: Parameters) -> Flags:
    """Series ``(n, 2)`` whose last trips stand out together, of the car's own spread and of nothing."""
    sign = np.where(drift.up >= drift.down, 1.0, -1.0)
    spreads = np.where(sign > 0.0, LEAN_SPREADS, RICH_SPREADS)
    shifted = sign * (lately - drift.baseline) >= spreads * np.maximum(spread, LEAST_SHARE * _usual(p))
    away: Flags = sign * (lately - p["trim_mean"][:, None]) >= p["trim_level"][:, None]
    return shifted & away


def _usual(p: Parameters) -> Floats:
    return np.stack([p["trim_load_sd"], p["trim_idle_sd"]], axis=1)


def _filled(trips: Trips, state: State) -> tuple[Floats, Integers]:
    """The tank's last level, and how many trips are still to be left out after it was filled."""
    before, first, last = floats(state["tank"]), trips["fuel_first"], trips["fuel_last"]
    filled = (first - before >= FILLED_PERCENT) | (last - first >= FILLED_PERCENT)
    waiting = np.where(filled, WAIT_TRIPS, np.maximum(integers(state["waiting"]) - 1, 0))
    return np.where(np.isnan(last), before, last), waiting


def _loudest(drift: sequential.Drift, clear: Flags, known: Flags) -> tuple[Integers, Floats]:
    """Of each vehicle the series that speaks loudest, one that is clear first, and to which side.

    Without any, under way.
    """
    loud = np.maximum(drift.up, drift.down)
    which = np.argmax(loud * (1.0 + CLEAR_FIRST * clear) + np.where(known, 1e-9, 0.0), axis=1)
    up, down = sequential.chosen(drift.up, which), sequential.chosen(drift.down, which)
    return which, np.where(up >= down, 1.0, -1.0)


def _excess(
    recent: Mapping[str, Floats], state: State, drift: sequential.Drift, p: Parameters
) -> tuple[Floats, Floats]:
    """How much more is corrected at idle, and at high load, than under way; and how much more is usual, ``(n, 2)``."""
    level = floats(recent["recent_trim_load"])
    excess = np.stack([recent["recent_trim_idle"] - level, recent["recent_trim_high"] - level], axis=1)
    calm = np.asarray((np.maximum(drift.up, drift.down) < p["trim_h"][:, None] / 4.0).all(axis=1))[:, None]
    usual = floats(state["usual_excess"])
    followed = np.where(np.isnan(usual), excess, usual + 0.1 * (excess - usual))
    usual = np.where(calm & ~np.isnan(excess), followed, usual)
    return excess, filled(usual)


def _recent(before: NDArray[np.generic], now: Floats) -> Floats:
    old = floats(before)
    return np.where(np.isnan(now), old, np.where(np.isnan(old), now, old + RECENT * (now - old)))


def _cause(
    drift: sequential.Drift,
    loudest: tuple[Integers, Floats],
    shifted_to: tuple[Floats, Floats],
    excess: Floats,
    observable: Flags,
    p: Parameters,
) -> Integers:
    (which, sign), (shift, level) = loudest, shifted_to
    loud = np.maximum(sequential.chosen(drift.up, which), sequential.chosen(drift.down, which)) > p["trim_h"]
    away = sign * (level - p["trim_mean"]) >= p["trim_level"]  # what comes back towards nothing is mended
    shifted = observable & loud & away & (sign * shift >= p["trim_least"])
    far = (np.abs(shift) >= p["trim_soon"]) & (np.abs(level) >= p["trim_booked"])
    by_shape = np.where(excess[:, 0] >= p["trim_idle_excess"], AIR_LEAK,
                        np.where(excess[:, 1] >= p["trim_high_excess"], LOW_DELIVERY, LEAN))  # fmt: skip
    lean = np.where(far, by_shape, LEAN_DRIFT)
    rich = np.where(far, RICH, RICH_DRIFT)
    return np.where(shifted, np.where(sign > 0, lean, rich), -1)


def _absolute(levels: Floats, lately: Floats, drift: sequential.Drift, observable: Flags, p: Parameters) -> Integers:
    """What is corrected so far that it is a fault whatever is usual: a car may come with it."""
    lasting = (drift.learned >= p["trim_learn_trips"][:, None]) & ~np.isnan(levels + lately)
    lowest = np.where(lasting, np.maximum(levels, lately), 0.0).min(axis=1)
    highest = np.where(lasting, np.minimum(levels, lately), 0.0).max(axis=1)
    lean = np.where(highest >= p["trim_fault"], LEAN, np.where(highest >= p["trim_look"], LEAN_DRIFT, -1))
    rich = np.where(lowest <= -p["trim_fault"], RICH, np.where(lowest <= -p["trim_look_rich"], RICH_DRIFT, -1))
    return np.where(observable, np.maximum(lean, rich), -1)


def _beyond(x: Floats, state: State, p: Parameters) -> Integers:
    """How many trips in a row each series is beyond what the lamp allows: above nothing where lean, below where rich.

    One on the other side begins anew: a sensor that goes from one end to the other is not twice the same fault.
    """
    before = integers(state["beyond"])
    side = np.where(np.abs(x) >= p["trim_lamp"][:, None], np.sign(x), 0.0)
    counted = np.where(side == np.sign(before), before + side, side)
    return np.where(np.isnan(x), before, counted).astype(np.int64)


def _at_the_limit(beyond: Integers, known: Flags) -> Integers:
    """Trips ``beyond`` what the lamp allows: no trip of a sound car is, so one is said, and a second is booked."""
    now = np.where(known, beyond, 0)
    most, least = now.max(axis=1), now.min(axis=1)
    rich = np.where(least < 0, np.where(least <= -AGAIN, RICH, RICH_DRIFT), -1)
    lean = np.where(most > 0, np.where(most >= AGAIN, LEAN, LEAN_DRIFT), -1)
    return np.maximum(rich, lean).astype(np.int64)


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
            key="low_delivery",
            severity=Severity.SOON,
            job="check_fuel_delivery",
            title={"en": "Too little fuel at high load", "zh": "大负荷时供油不足"},
            text={
                "en": _NUMBERS["en"] + "At high load the correction is {excess:.1f} points larger than under way, as "
                "with fuel that does not come. Check first: fuel filter and pump pressure under load, then regulator "
                "and injectors.",
                "zh": _NUMBERS["zh"] + "大负荷时的修正比一般行驶大{excess:.1f}个百分点，符合供油不足的特征。"
                "优先检查：燃油滤清器和带负荷的油泵压力，其次压力调节器和喷油嘴。",
            },
        ),
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
    needs=("trim_load", "trim_idle"),
    signals=(signals.SHORT_TERM_FUEL_TRIM_1, signals.LONG_TERM_FUEL_TRIM_1, signals.COOLANT_TEMPERATURE,
             signals.ENGINE_SPEED, signals.SPEED),
    drawn=Drawn(
        feature="trim_load",
        unit="percent",
        label={"en": "Fuel trim under way, mean of a trip", "zh": "行驶时燃油修正（行程平均）"},
    ),
    initial=initial,
    step=step,
    told=vehicles_that_tell((*LEVELS, "fuel_first", "fuel_last"), ("learned", "waiting")),
    parameters=(
        "trim_mean", "trim_load_sd", "trim_idle_sd", "trim_learn_trips", "trim_h", "cusum_k", "trim_idle_excess",
        "trim_high_excess", "trim_soon", "trim_least", "trim_level", "trim_booked", "trim_look",
        "trim_look_rich", "trim_fault", "trim_clear", "trim_clear_trips", "trim_lamp",
    ),
)  # fmt: skip
