"""12 V battery and starter: too little charge, resistance that grows, a starter that turns slower.

Why it works: the battery alone carries the car while the starter turns, and for a second or two after the engine has
fired, until the alternator takes over; how far its voltage then is below that at rest is current times resistance. No
current is known, but it is the same at every start of one car, so the logarithm of that fall is followed by a CUSUM
against the car's own normal, corrected for temperature. Where a device captures the start, it is the mean while the
starter turns, which spreads by 0.05 only and can book; and the starter's speed is followed. Where it does not, it is a
reading just after firing, more or less of a lottery at one reading a second (by car its logarithm spreads by 0.25 to
more than 1), and the lowest one where it did not miss the starter's turning; both are judged by that car's own spread
and only ever advise. The voltage before the start, after three
hours of rest and with the ignition's own loads, tells the charge. So the three are told apart: low at rest is charge or
drain, a deeper fall from a normal rest is an ageing battery or a bad cable, a slow starter with a normal fall is the
starter. Last, absolute limits: the 40th percentile of the last twenty starts, and the median of the last eight rests; a
rest that fell below the car's normal is low only if that median is below half a charge.
Levels are judged in the car's own volts: where its running voltage is low for good, and is its own normal
(:mod:`diagnostics.own_voltage`), they are scaled by the same share, and before that is known they are held back; starts
are not where the car's rests show that its voltmeter is right.
When not: a car whose regulator was low when met and whose meter is right empties its battery, which we then call its
normal; a device that wakes only after the start, a car whose alternator takes over at once, jump starts. A lasting
fall of the resistance is a new battery: then its normal is learned anew. High resistance in a cable looks the same; the
advice says so.

Signals needed: control-module voltage, engine speed; outside or coolant temperature for the starter's speed. Without
readings around starts: not observable.

Source: load-test minima 9.6 V at 20 degC falling to 8.5 V at -18 degC (Kia, Hyundai manuals; plateau volts), used as
a shape only; 12.4 V without load is the least for a valid load test (Jeep); with ignition loads about 0.3 V less (our
choice). Fall after firing on the recorded sound car: 0.37 V, its logarithm spread by 0.25 (measured, 32 starts).
Spreads, limits, counts and quantile: our choice, placed below everything seen on the recorded sound car.

False-alarm rate: on the development fleet (seed 11, half a year) 1 false booking and 1 false advisory in the 401
vehicle-years of even cars, on which the temperature's slope and the spreads were set, 2 and 2 in the 400 of odd ones,
beside the charging detector; it told the empty battery of six cars whose alternator fails too. Since the sums speak
earlier: 1 and 4 in the 501 vehicle-years of seed 12, 0 and 3 in those of seed 13; none in the 498 of seed 17 and the
200 of seed 18 with 30 % of packets lost, on which it was set, since the starter's speed is brought to one temperature
and judged at rested starts alone. 4 advisories in the 249 of the rehearsal's world (seed 19), 5 in 185 of unseen makes
(seed 18); 3 and 1 since readings that fell into the starter's turning are left out, which was set on these; 1 and 0
since growth that is not far must stand at two starts in a row, set on these too. 0 in the 33 recorded drives of a sound
car.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics import held_over, own_voltage, sequential
from diagnostics.arrays import columns_of, filled, floats, in_a_row, integers, pushed, some
from diagnostics.detector import Cause, Detector, Drawn, Judgement, Later, Observability, latch, latched
from diagnostics.findings import Component, Severity
from diagnostics.onboard_voltage import at_rest
from diagnostics.telling import tells
from vehicle import signals

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, Parameters, State
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
SLOWER_PER_K = 0.0055
"""Share by which a starter turns slower for each K that air and engine are colder after a rest: its oil is stiffer
(fitted to sound even cars of a development fleet, seed 17, -15 to 25 degC)."""
OHM_PER_K = 0.007
"""Share by which what the starter's current meets grows for each K of cold (fitted to sound even cars of the
development fleet, -15 to 25 degC)."""
AGEING, SLOW_STARTER, LOW_CHARGE, WEAK_START = range(4)
FALL, PLATEAU, REST, SPEED, DIP = range(5)
"""Columns of the series; all grow when things get worse."""
RESISTANCES = [FALL, PLATEAU, DIP]
LUCK = [FALL, DIP]
"""Those that hang on when the start is read."""
SETTLE_TRIPS = 40.0
"""Starts until which the car's normal is their running mean (our choice)."""
PACE = 0.003
"""Share of a difference by which the normal follows later: batteries age in months (our choice)."""
LEAST_FALL_V = 0.1
STILL_TURNING, TURNING_V, TURNING_STARTS = 3.8, 1.2, 3
"""A reading just after firing that fell so many times as far as usual, and by so many volts, was taken while the
starter still turned, unless so many starts in a row read so (our choice)."""
AGEING_STARTS = 2
"""Starts in a row at which a resistance stands high before ageing is said, unless it is far higher (our choice)."""
LEAST_DIP_V = 1.5
"""A reading that fell less has missed the starter's turning (our choice)."""
MOVE_OF_SD = 1.128
"""Mean distance of two draws from a normal distribution, in its standard deviations (2 / sqrt(pi))."""
MOVES_PACE = 0.05
"""Weight of the newest distance (our choice: twenty starts)."""


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """No start seen; rings of starts and rests are filled from the left, newest first."""
    rings: dict[str, Floats | Integers] = {
        "starts": np.full((n_vehicles, STARTS), np.nan),
        "rests": np.full((n_vehicles, RESTS), np.nan),
        "bad_since_ms": np.full(n_vehicles, np.nan),
        "fall_before": np.full((n_vehicles, len(LUCK)), np.nan),
        "fall_moves": np.full((n_vehicles, len(LUCK)), np.nan),
        "turning_run": np.zeros(n_vehicles),
        "grown_run": np.zeros((n_vehicles, len(RESISTANCES)), dtype=np.int64),
    }
    return rings | own_voltage.initial(n_vehicles) | sequential.initial(n_vehicles, 5) | latched(n_vehicles)


def step(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
    """See the module."""
    p, held, own_after = _in_own_volts(trips, state, p)
    starts, rests, rested = _rings(trips, state)
    reserve, charge = _quantile(starts, QUANTILE, LEAST_STARTS), _quantile(rests, 0.5, LEAST_RESTS)
    x = _series(trips, rested, p)
    lucky, moves = x[:, LUCK].copy(), _moves(x[:, LUCK], state)
    turning, turning_run = _still_turning(trips, x[:, FALL], state)
    x[:, FALL] = np.where(turning, np.nan, x[:, FALL])
    sd = columns_of(p, "sd", SPREADS)
    sd[:, LUCK] = np.fmax(sd[:, LUCK], moves / MOVE_OF_SD)
    drift, sums = sequential.follow(
        x, trips["ended_ms"][:, None], state, mean=np.zeros((1, 1)), sd=sd,
        learn=p["battery_learn_starts"][:, None], k=p["cusum_k"][:, None], hold=p["battery_h"][:, None] / 2.0,
        prior=0.0, settle=SETTLE_TRIPS, pace=PACE,
    )  # fmt: skip
    meter_right = -drift.baseline[:, REST] >= p["rest_half_v"]
    reserve, charge = np.where(held & ~meter_right, np.nan, reserve), np.where(held, np.nan, charge)
    worse = np.where(np.isnan(drift.baseline) | np.isnan(x), 0.0, x - drift.baseline)
    loud = drift.up > p["battery_h"][:, None]
    measured = ~np.isnan(x).all(axis=1) | ~np.isnan(trips["crank_volts"])
    learned = (drift.learned >= p["battery_learn_starts"][:, None]).any(axis=1)
    observable: Flags = measured & (learned | ~np.isnan(reserve) | ~np.isnan(charge))
    grown_run = _grown_in_a_row(x, loud, worse, state, p)
    bad = np.where(observable, _cause(loud, worse, (reserve, charge), grown_run, p), -1)
    good = observable & _sound(drift, worse, (reserve, charge), p)
    since = np.where((bad >= 0) & np.isnan(floats(state["bad_since_ms"])), _began(loud, drift, trips),
                     state["bad_since_ms"])  # fmt: skip
    since = np.where(good, np.nan, since)
    raised, cleared, latch_state = latch(state, bad=bad, good=good, clear_after=p["battery_clear_trips"])
    ratio = np.exp(np.where(loud, worse, 0.0)[:, RESISTANCES].max(axis=1))
    judgement = Judgement(
        observable=observable,
        raised=raised,
        cleared=cleared,
        since_ms=since,
        found_ms=trips["ended_ms"],
        confidence=np.where(bad == WEAK_START, 0.8, 0.7),
        health=np.where(observable, _health(reserve, charge, drift, p), np.nan),
        numbers=Later(lambda: _numbers(trips, (reserve, charge), (bad, ratio), drift, p)),
    )
    rings: dict[str, Floats | Integers] = {
        "starts": starts, "rests": rests, "bad_since_ms": since, "fall_moves": moves, "turning_run": turning_run,
        "grown_run": grown_run,
        "fall_before": np.where(np.isnan(lucky), floats(state["fall_before"]), lucky),
    }  # fmt: skip
    return judgement, rings | own_after | _renewed(sequential.restarted(sums, cleared[:, None]), drift, p) | latch_state


SPREADS = ("fall_log", "plateau_log", "rest_v", "crank_rpm_log", "dip_log")
SCALED = ("crank_v", "crank_normal_v", "crank_flat_v", "rest_v", "rest_half_v", "rest_normal_v", "rest_flat_v")
"""Levels that are meant for a meter that is right and a battery that is filled."""
PARAMETERS = (
    *SCALED, "battery_hysteresis_v", "rest_hysteresis_v", "battery_clear_trips", "battery_h", "battery_learn_starts",
    "battery_ageing_ratio", "battery_soon_ratio", "rest_fall_v", "crank_slower", "cusum_k",
    *(f"{name}_sd" for name in SPREADS), *own_voltage.PARAMETERS,
)  # fmt: skip


def _in_own_volts(trips: Trips, state: State, p: Parameters) -> tuple[Parameters, Flags, dict[str, Floats | Integers]]:
    """Parameters for the volts of each car, where limits are held back, and what is known of its charging."""
    own, after = own_voltage.follow(trips, state, p)
    mine = own_voltage.scaled({name: p[name] for name in PARAMETERS}, SCALED, own)
    early = integers(state["learned"])[:, REST] < 2.0 * p["battery_learn_starts"]
    return mine, own.held & (early | ~np.isnan(own.level)), after


def _rings(trips: Trips, state: State) -> tuple[Floats, Floats, Floats]:
    """Last starts, last rests, and this trip's rest. A captured start counts by its mean: its lowest is the inrush."""
    warmed = np.interp(trips["coolant_first"], LOAD_TEST_C, LOAD_TEST_V, left=LOAD_TEST_V[0], right=LOAD_TEST_V[-1])
    credit = np.where(np.isnan(warmed), 0.0, LOAD_TEST_V[-1] - warmed)
    captured = trips["crank_plateau_volts"]
    lowest = np.where(np.isnan(captured), trips["crank_volts"], captured)
    rested = np.where(trips["soak_s"] >= REST_S, _rest(trips), np.nan)
    return pushed(floats(state["starts"]), lowest + credit), pushed(floats(state["rests"]), rested), rested


def _rest(trips: Trips) -> Floats:
    """Voltage before the start; where packets were lost it is the alternator's, which no battery at rest has."""
    return np.where(at_rest(trips["rest_volts"]), trips["rest_volts"], np.nan)


def _series(trips: Trips, rested: Floats, p: Parameters) -> Floats:
    """Falls at 20 degC, the rest's fall, the starter's slowness at 20 degC, the dip that was not captured: ``(n, 5)``.

    All but the rest are logarithms. A battery that is nearly empty says nothing about its resistance.
    """
    outside = np.where(np.isnan(trips["ambient_c"]), trips["coolant_first"], trips["ambient_c"])
    cold = np.where(trips["soak_s"] >= REST_S, 20.0 - np.clip(outside, -25.0, 30.0), 0.0)
    stronger = 1.0 + OHM_PER_K * filled(cold)
    captured = ~np.isnan(trips["crank_plateau_volts"])
    fired = np.where(captured, np.nan, trips["start_volts"])
    rest = _rest(trips)
    falls = np.stack([rest - fired, rest - trips["crank_plateau_volts"]])
    falls = np.where(rest < p["rest_v"], np.nan, falls)
    logs = np.log(np.maximum(falls, LEAST_FALL_V) / stronger)
    dip = np.where(captured, np.nan, rest - trips["crank_volts"])
    dip = np.log(np.where((dip > LEAST_DIP_V) & (rest >= p["rest_v"]), dip, np.nan) / stronger)
    slowness = -np.log(np.maximum(trips["crank_rpm"], 1.0)) - SLOWER_PER_K * filled(cold)
    at_start = (trips["soak_s"] >= REST_S) & (outside <= held_over.STILL_COLD_C)
    slowness = np.where(at_start, slowness, np.nan)
    return np.stack([*logs, -rested, slowness, dip], axis=1)


def _still_turning(trips: Trips, fall_log: Floats, state: State) -> tuple[Flags, Floats]:
    """Readings after firing that were taken before it; and how many in a row looked so, which more than a few are not.

    A cable that breaks or a cell that dies lets the voltage fall as far at every start.
    """
    far = fall_log - floats(state["baseline"])[:, FALL] > np.log(STILL_TURNING)
    far &= _rest(trips) - trips["start_volts"] > TURNING_V
    run = np.where(
        np.isnan(fall_log), floats(state["turning_run"]), np.where(far, floats(state["turning_run"]) + 1.0, 0.0)
    )
    return np.asarray(far & (run < TURNING_STARTS)), run


def _moves(fall: Floats, state: State) -> Floats:
    """Running mean of how far the fall of one start is from that of the start before.

    It tells how much of a lottery the readings are, and hardly grows when the battery ages: that moves them together.
    """
    step, before = np.abs(fall - floats(state["fall_before"])), floats(state["fall_moves"])
    after = np.where(np.isnan(before), step, before + MOVES_PACE * (step - before))
    return np.where(np.isnan(step), before, after)


def _grown_in_a_row(x: Floats, loud: Flags, worse: Floats, state: State, p: Parameters) -> Integers:
    """Of each resistance ``(n, 3)`` the starts in a row that tell it grown by what ageing is said from."""
    grown = loud & (worse >= np.log(p["battery_ageing_ratio"])[:, None])
    return in_a_row(grown[:, RESISTANCES], ~np.isnan(x[:, RESISTANCES]), state["grown_run"])


def _cause(loud: Flags, worse: Floats, levels: tuple[Floats, Floats], grown_run: Integers, p: Parameters) -> Integers:
    reserve, charge = levels
    grown = np.where(loud[:, RESISTANCES], worse[:, RESISTANCES], 0.0)
    weak = (reserve < p["crank_v"]) | (grown[:, PLATEAU] >= np.log(p["battery_soon_ratio"]))
    low = (charge < p["rest_v"]) | (loud[:, REST] & (worse[:, REST] >= p["rest_fall_v"]) & (charge < p["rest_half_v"]))
    slow = loud[:, SPEED] & (worse[:, SPEED] >= p["crank_slower"])
    stands = (grown >= np.log(p["battery_ageing_ratio"])[:, None]) & (grown_run >= AGEING_STARTS)
    ageing = some(stands) | (grown.max(axis=1) >= np.log(p["battery_soon_ratio"]))
    return np.where(weak, WEAK_START, np.where(low, LOW_CHARGE, np.where(slow, SLOW_STARTER,
                    np.where(ageing, AGEING, -1))))  # fmt: skip


def _sound(drift: sequential.Drift, worse: Floats, levels: tuple[Floats, Floats], p: Parameters) -> Flags:
    reserve, charge = levels
    lifted = ~(reserve < p["crank_v"] + p["battery_hysteresis_v"]) & ~(charge < p["rest_v"] + p["rest_hysteresis_v"])
    ageing = np.log(p["battery_ageing_ratio"])
    half = np.stack([ageing, ageing, p["rest_fall_v"], p["crank_slower"], ageing], axis=1) / 2.0
    sound: Flags = lifted & np.asarray(((worse < half) | (drift.up <= 0.0)).all(axis=1))
    return sound


def _began(loud: Flags, drift: sequential.Drift, trips: Trips) -> Floats:
    began = np.where(loud, drift.up_since_ms, np.inf).min(axis=1)
    return np.where(np.isinf(began) | np.isnan(began), trips["started_ms"], began)


def _renewed(
    sums: dict[str, Floats | Integers], drift: sequential.Drift, p: Parameters
) -> dict[str, Floats | Integers]:
    """Where the resistance has fallen for good there is a new battery, whose normal is to be learned."""
    fallen = np.asarray((drift.down[:, RESISTANCES] > p["battery_h"][:, None]).any(axis=1))
    new = (fallen & (drift.up[:, REST] < p["battery_h"] / 2.0))[:, None]
    cleared = {name: np.where(new, 0.0, floats(sums[name])) for name in ("up", "down", "baseline_sum")}
    return sums | cleared | {
        "baseline": np.where(new, np.nan, sums["baseline"]),
        "learned": np.where(new, 0, integers(sums["learned"])),
    }  # fmt: skip


def _numbers(
    trips: Trips, levels: tuple[Floats, Floats], found: tuple[Integers, Floats], drift: sequential.Drift, p: Parameters
) -> dict[str, Floats]:
    charge, (bad, ratio) = levels[1], found
    captured = trips["crank_plateau_volts"]
    lowest = np.where(np.isnan(captured), np.fmin(trips["crank_volts"], trips["start_volts"]), captured)
    rest = np.where(np.isnan(trips["rest_volts"]), p["rest_normal_v"], trips["rest_volts"])
    usual_rest = np.where(np.isnan(drift.baseline[:, REST]), p["rest_normal_v"], -drift.baseline[:, REST])
    by_rest = bad == LOW_CHARGE
    return {
        "value": np.where(by_rest, rest, lowest),
        "expectation": np.where(by_rest, usual_rest, p["crank_normal_v"]),
        "threshold": np.where(by_rest, p["rest_v"], p["crank_v"]),
        "ratio": ratio,
        "more": 100.0 * (ratio - 1.0),
        "charge": np.where(np.isnan(charge), rest, charge),
        "slower": 100.0 * np.clip(p["crank_slower"], 0.0, 1.0),
    }


def _quantile(ring: Floats, quantile: float, least: int) -> Floats:
    """Quantile of what is in each ring; NaN with fewer than ``least`` values. NaNs sort last."""
    count = (~np.isnan(ring)).sum(axis=1)
    at = np.floor(quantile * np.maximum(count - 1, 0)).astype(np.int64)
    found = np.take_along_axis(np.sort(ring, axis=1), at[:, None], axis=1)[:, 0]
    return np.where(count >= least, found, np.nan)


def _health(reserve: Floats, charge: Floats, drift: sequential.Drift, p: Parameters) -> Floats:
    by_start = (reserve - p["crank_flat_v"]) / (p["crank_normal_v"] - p["crank_flat_v"])
    by_rest = (charge - p["rest_flat_v"]) / (p["rest_normal_v"] - p["rest_flat_v"])
    by_change = 1.0 - 0.5 * drift.up.max(axis=1) / p["battery_h"]
    health: Floats = np.clip(np.fmin(np.fmin(by_start, by_rest), by_change), 0.0, 1.0)
    return health


DETECTOR = Detector(
    name="battery",
    component=Component.BATTERY_12V,
    observability=Observability.AGGREGATED,
    causes=(
        Cause(
            key="ageing",
            severity=Severity.NEXT_SERVICE,
            job="test_battery",
            title={"en": "12 V battery is ageing", "zh": "12V蓄电池老化"},
            text={
                "en": "At the start the voltage falls {more:.0f} % further than usual for this car at the same "
                "temperature: the resistance of battery or cables grows. Measure its conductance at the next service "
                "and, while cranking, less than 0.5 V along each cable.",
                "zh": "在相同温度下，启动时的电压降比本车平常大{more:.0f} %：蓄电池或电缆电阻增大。"
                "下次保养时请测量蓄电池电导，并在启动时测量两根电缆压降（应小于0.5 V）。",
            },
        ),
        Cause(
            key="slow_starter",
            severity=Severity.NEXT_SERVICE,
            job="test_battery",
            title={"en": "Starter turns slower", "zh": "起动机转速下降"},
            text={
                "en": "The starter turns by {slower:.0f} % slower or more than usual for this car, while the battery's "
                "voltage falls no further. Check first: earth strap and starter cable, then the starter.",
                "zh": "起动机转速比本车平常低{slower:.0f} %以上，而蓄电池电压降没有增大。"
                "优先检查：搭铁线和起动机电缆，然后检查起动机。",
            },
        ),
        Cause(
            key="low_charge",
            severity=Severity.SOON,
            job="charge_and_test_battery",
            drawn=Drawn(feature="rest_volts", unit="V", label={"en": "Voltage before the start", "zh": "启动前电压"}),
            title={"en": "12 V battery is low on charge", "zh": "12V蓄电池亏电"},
            text={
                "en": "After a rest the battery shows {charge:.2f} V (its normal: {expectation:.2f} V). "
                "Charge it before testing it. Check first: short trips, a consumer left on, current draw "
                "when parked.",
                "zh": "静置后蓄电池电压为{charge:.2f} V（本车正常约{expectation:.2f} V）。请先充电再检测。"
                "优先检查：是否多为短途、是否有用电设备未关、停车暗电流。",
            },
        ),
        Cause(
            key="weak_start",
            severity=Severity.SOON,
            job="test_battery",
            title={"en": "12 V battery is losing its starting reserve", "zh": "12V蓄电池启动能力下降"},
            text={
                "en": "At the start the voltage fell to {value:.1f} V, {more:.0f} % further than usual for this car at "
                "the same temperature. It may not start the engine in the next cold. Measure its conductance and, "
                "while cranking, less than 0.5 V along each cable; replace the battery if the cables are fine.",
                "zh": "启动时电压降至{value:.1f} V，在相同温度下比本车平常多降{more:.0f} %，寒冷时可能无法启动。"
                "请测量蓄电池电导，并在启动时测量两根电缆压降（应小于0.5 V）；若电缆正常则更换蓄电池。",
            },
        ),
    ),
    needs=("crank_volts", "rest_volts", "start_volts", "crank_plateau_volts"),
    signals=(signals.CONTROL_MODULE_VOLTAGE, signals.ENGINE_SPEED),
    drawn=Drawn(
        feature="crank_volts",
        unit="V",
        label={"en": "Lowest voltage read at the start", "zh": "启动时最低电压"},
    ),
    initial=initial,
    step=step,
    told=tells(("crank_volts", "crank_plateau_volts", "start_volts", "rest_volts", "crank_rpm", "charging_volts")),
    parameters=PARAMETERS,
    renewed=own_voltage.kept,
)
