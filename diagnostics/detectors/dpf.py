"""Particulate filter: soot that is not burnt, ash that stays, and regenerations that come too often.

Why it works: three things are told apart. Soot between regenerations is normal; soot well beyond the mass at which this
car starts to regenerate means that regenerations do not come or are broken off, and half an hour of fast driving helps
as long as it is early; it is called blocked only when two such drives (:data:`LONG_KM`) ended as full, or the engine
soots: a car of short trips fills its filter without a fault (development fleet, seeds 11 and 12: 12 of 12 bookings were
of such cars). Ash stays: the permeability index K at equal soot (or, where soot is not told, in drives soon after a
regeneration) rises over months; compared with the car's own by a whitened sum. And regenerations that follow each other
after two fifths of the usual distance, several times, tell of an engine that soots (injectors, EGR, oil, thermostat).
When not: K of a trip without a minute of load; a car that gives neither soot mass nor pressure. The distance between
regenerations shrinks in winter and in town, by a third at most; two fifths, four times, are asked for. A hose off the
pressure sensor reads as a filter too clean and is the sensors' matter.

Signals needed: pressure difference with air flow, or soot mass by the car; regeneration status or filter temperature.
Without both: not observable.

Source: makers' limits of 13 g/l (Mazda) and 50 g (Opel Antara) of soot, too little time between regenerations as a
fault of its own (GM P1448). 1.9 and 2.2 of the usual mass at the start, K up by 1.5 and 2.2, soot a kilometre by 1.4
and 3, sums of 14 and 12: our choice; two fifths of the distance, four times, set on seeds 17 to 19, where half of it,
three times, was said of five sound engines and of none that soots; those of soot a kilometre set on development fleets
(seeds 12 and 13: 1 of 4 engines that soot is found before it fails and no false finding; none of 4 with drives by their
way alone).

False-alarm rate: 0.0008 bookings and 0.004 advisories per vehicle-year aimed at; measured in simulated vehicle-years
by ``tests/unit/diagnostics/test_engine_detectors.py`` with regenerations and autocorrelated K, where it is 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from diagnostics import restless, whitened
from diagnostics.arrays import filled, floats, in_a_row, integers
from diagnostics.detector import Cause, Detector, Drawn, Judgement, Later, Observability, latch, latched
from diagnostics.findings import Component, Severity
from diagnostics.telling import tells
from vehicle import signals

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips

INTERRUPTED, SOOTS, ASH, SOOTS_MUCH, BLOCKED = range(5)
PREFIXES = ("dpf_k", "dpf_rate")
ASHES, RATE = range(2)
LONG_KM = 20.0
"""A drive that would have burnt the soot, had the filter been sound (our choice)."""
LEAST_KM, LEAST_G = 3.0, 0.05
"""A drive that tells a rate of soot, in view of the resolution of 0.1 g (our choice)."""
START_KM = 8.0
"""A start makes as much soot as so much way (drives of 4 to 80 km of the development fleet then give the same rate)."""
RECENT = 0.35
"""Weight of the newest distance between regenerations, and of the newest soot at their start (our choice)."""
USUAL = 5.0
"""Distances whose mean is usual for the car (our choice)."""
LEAST_BURN_S = 400.0
"""Where soot is not told, a regeneration that lasted less did not clean the filter (our choice)."""
FIRST = 2.0
"""The distance before the first regeneration seen is not whole; from the second on distances count."""
CLEANED = 0.7
"""Soot that fell in a trip to this part tells of a regeneration that did its work (our choice)."""
SLOPE_G2 = 300.0
"""Spread of soot, in g2, that the platform's slope of K on soot weighs: about ten trips (our choice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """Regenerations after a trip: distances since the last, usual and recent between them (logarithms), soot."""

    km: Floats
    usual_log: Floats
    recent_log: Floats
    count: Floats
    start_g: Floats
    short: Integers
    broken: Integers

    @property
    def ratio(self) -> Floats:
        """Recent distance between regenerations to the usual one; 1 before both are known."""
        ratio: Floats = np.exp(filled(self.recent_log - self.usual_log))
        return ratio


@dataclass(frozen=True, slots=True)
class Filled:
    """How full the filter was: trips in a row full and far too full, long drives that did not mend it, K far up."""

    full: Integers
    blocked: Integers
    stuck: Integers
    packed: Flags


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """Nothing seen."""
    zeros: dict[str, Floats | Integers] = {name: np.zeros(n_vehicles) for name in ("regen_km", "regens", "usual_sum")}
    unknown = {name: np.full(n_vehicles, np.nan) for name in ("recent_log", "start_g", "soot_before")}
    slopes = ("slope_n", "slope_soot", "slope_k", "slope_square", "slope_together")
    zeros |= {name: np.zeros(n_vehicles) for name in slopes}
    counts = {name: np.zeros(n_vehicles, dtype=np.int64) for name in ("short", "broken", "full", "blocked", "stuck")}
    series = whitened.initial(n_vehicles, len(PREFIXES)) | restless.initial(n_vehicles, len(PREFIXES))
    return zeros | unknown | counts | series | latched(n_vehicles)


def step(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
    """See the module."""
    k, soot, at_ms = trips["dpf_k"], trips["dpf_soot_last"], trips["ended_ms"]
    observable = ~np.isnan(k) | ~np.isnan(soot)
    cycle, cycles = _follow_cycle(trips, state, p)
    at_soot, slopes = _at_nominal_soot(k, soot, state, p)
    series = np.stack([np.where(np.isnan(soot), k, at_soot), _soot_rate(trips, cycle)], axis=1)
    chart = whitened.charts(PREFIXES, p, prior=0.0)
    own, spreads = restless.follow(series, state, chart.sd)
    shift, sums = whitened.follow(series, at_ms[:, None], state, replace(chart, sd=np.maximum(own, chart.sd)))
    load = soot / cycle.start_g
    full = in_a_row(load >= p["dpf_full_soot"], ~np.isnan(load), state["full"])
    heavy = (load >= p["dpf_blocked_soot"]) | (soot >= p["dpf_limit_g"])
    blocked = in_a_row(heavy, ~np.isnan(load), state["blocked"])
    told = ~np.isnan(floats(state["soot_before"])) | ~np.isnan(soot)
    packed = ~told & (shift.up[:, ASHES] > p["dpf_k_h"]) & (shift.moved[:, ASHES] >= p["dpf_untold"])
    seen_km = np.where(~np.isnan(load) | (packed & ~np.isnan(k)), trips["km"], 0.0)
    stuck = _stuck((full > 0) | (blocked > 0) | packed, seen_km, state)
    bad = np.where(observable, _cause(cycle, shift, told, Filled(full, blocked, stuck, packed), p), -1)
    good = observable & (cycle.ratio > p["dpf_short"] + 0.1) & (full == 0) & ~(shift.moved[:, ASHES] >= p["dpf_ash"])
    good &= ~(shift.moved[:, RATE] >= p["dpf_rate_next"] / 2.0)
    raised, cleared, latch_state = latch(state, bad=bad, good=good, clear_after=p["dpf_clear_trips"])
    moved, base = filled(shift.moved[:, ASHES]), shift.baseline[:, ASHES]
    judgement = Judgement(
        observable=observable,
        raised=raised,
        cleared=cleared,
        since_ms=np.where(bad == ASH, shift.up_since_ms[:, ASHES], at_ms),
        found_ms=at_ms,
        confidence=np.where(bad == BLOCKED, 0.9, 0.75),
        health=np.where(observable, _health(load, moved, cycle.ratio, p), np.nan),
        numbers=Later(lambda: {
            "value": np.where((bad == ASH) | np.isnan(soot), k, soot),
            "expectation": np.where((bad == ASH) | np.isnan(soot), base, cycle.start_g),
            "threshold": np.where(bad == ASH, base + p["dpf_ash"], cycle.start_g * p["dpf_full_soot"]),
            "soot": filled(soot), "start": cycle.start_g, "times": np.exp(moved),
            "km": cycle.km, "percent": 100.0 * cycle.ratio, "rate": np.exp(filled(shift.moved[:, RATE])),
        }),
    )  # fmt: skip
    after: dict[str, Floats | Integers] = {"full": full, "blocked": blocked, "stuck": stuck}
    after["soot_before"] = _kept(state, soot)
    return judgement, cycles | slopes | spreads | after | whitened.restarted(sums, cleared) | latch_state


def _at_nominal_soot(
    k: Floats, soot: Floats, state: State, p: Parameters
) -> tuple[Floats, dict[str, Floats | Integers]]:
    """K as it would be at half the usual soot, by the slope of K on soot that the car's first trips showed."""
    learning = ~np.isnan(k + soot) & (integers(state["learned"])[:, ASHES] < p["dpf_k_learn"])
    count, soots, ks = (floats(state[name]) for name in ("slope_n", "slope_soot", "slope_k"))
    n = count + learning
    off = np.where(learning, soot - soots, 0.0)
    moved = np.where(learning, k - ks, 0.0)
    share = 1.0 / np.maximum(n, 1.0)
    square = floats(state["slope_square"]) + count * share * off**2
    together = floats(state["slope_together"]) + count * share * off * moved
    slope = (together + p["dpf_slope"] * SLOPE_G2) / (square + SLOPE_G2)
    after: dict[str, Floats | Integers] = {
        "slope_n": n, "slope_soot": soots + share * off, "slope_k": ks + share * moved, "slope_square": square,
        "slope_together": together,
    }  # fmt: skip
    return k - slope * (soot - p["dpf_start_g"] / 2.0), after


def _kept(state: State, soot: Floats) -> Floats:
    return np.where(np.isnan(soot), floats(state["soot_before"]), soot)


def _stuck(full: Flags, km: Floats, state: State) -> Integers:
    """Long drives that a full filter has ended as full."""
    before = integers(state["stuck"])
    return np.where(full, before + (km >= LONG_KM), 0).astype(np.int64)


def _follow_cycle(trips: Trips, state: State, p: Parameters) -> tuple[Cycle, dict[str, Floats | Integers]]:
    """What the trip says of regenerations."""
    done, broken_off = _regenerated(trips, state)
    km = floats(state["regen_km"]) + filled(trips["km"])
    regens = floats(state["regens"]) + done
    log_km = np.log(np.maximum(km, 1.0))
    learning = done & (regens >= FIRST) & (regens < FIRST + USUAL)
    usual_sum = floats(state["usual_sum"]) + np.where(learning, log_km, 0.0)
    known = np.clip(regens - 1.0, 0.0, USUAL)
    usual = (np.log(p["dpf_usual_km"]) + usual_sum) / (1.0 + known)
    judged = done & (regens >= FIRST + USUAL)
    before = floats(state["recent_log"])
    recent = np.where(judged, np.where(np.isnan(before), usual, before), before)
    recent = np.where(judged, recent + RECENT * (log_km - recent), recent)
    short = np.exp(recent - usual) <= p["dpf_short"]
    count = np.where(judged, np.where(short, integers(state["short"]) + 1, 0), integers(state["short"]))
    broken = np.where(done, 0, integers(state["broken"]) + broken_off)
    cycle = Cycle(
        km=np.where(done, 0.0, km), usual_log=usual, recent_log=recent, count=regens, short=count, broken=broken,
        start_g=_start_soot(trips["dpf_regen_soot"], state, p),
    )  # fmt: skip
    after: dict[str, Floats | Integers] = {
        "regen_km": cycle.km, "regens": regens, "usual_sum": usual_sum, "recent_log": recent, "short": count,
        "broken": broken, "start_g": cycle.start_g,
    }  # fmt: skip
    return cycle, after


def _regenerated(trips: Trips, state: State) -> tuple[Flags, Flags]:
    """Whether a regeneration did its work, and whether one was broken off or too short."""
    burnt = filled(trips["dpf_regen_s"])
    soot, before = trips["dpf_soot_last"], floats(state["soot_before"])
    worked = soot <= CLEANED * np.fmax(before, trips["dpf_regen_soot"])
    still = trips["dpf_regen_open"] > 0.0
    unseen = (burnt >= LEAST_BURN_S) & ~still & np.isnan(soot)
    done = worked | unseen
    return done, (burnt > 0.0) & ~done


def _start_soot(soot: Floats, state: State, p: Parameters) -> Floats:
    before = floats(state["start_g"])
    known = np.where(np.isnan(before), p["dpf_start_g"], before)
    bounded = np.clip(soot, 0.0, p["dpf_limit_g"] * 0.75)
    return np.where(np.isnan(soot), known, known + RECENT * (bounded - known))


def _cause(cycle: Cycle, shift: whitened.Shift, told: Flags, fill: Filled, p: Parameters) -> Integers:
    """Where the car does not tell its soot, K holds it too, and only far more than a cycle's means anything."""
    ash, rate = shift.moved[:, ASHES], shift.moved[:, RATE]
    up, soots = shift.up[:, ASHES] > p["dpf_k_h"], shift.up[:, RATE] > p["dpf_rate_h"]
    heavy = (fill.blocked >= p["dpf_full_trips"]) | fill.packed
    bad = np.where((fill.full >= p["dpf_full_trips"]) | heavy, INTERRUPTED, -1)
    bad = np.where((cycle.short >= p["dpf_short_times"]) | (soots & (rate >= p["dpf_rate_next"])), SOOTS, bad)
    bad = np.where(up & told & (ash >= p["dpf_ash"]), ASH, bad)
    bad = np.where(soots & (rate >= p["dpf_rate_soon"]), SOOTS_MUCH, bad)
    faulty = (fill.stuck >= p["dpf_stuck_drives"]) | (soots & (rate >= p["dpf_rate_next"] / 2.0))
    blocked = (heavy & faulty) | (up & told & (ash >= p["dpf_ash_soon"]))
    return np.where(blocked, BLOCKED, bad).astype(np.int64)


def _soot_rate(trips: Trips, cycle: Cycle) -> Floats:
    """Logarithm of the grams of soot a kilometre of a drive that burnt none, its start counted; NaN of a short one."""
    gained, km = trips["dpf_soot_last"] - trips["dpf_soot_first"], trips["km"]
    counts = (km >= LEAST_KM) & ~(trips["dpf_regen_s"] > 0.0) & (gained > -LEAST_G)
    counts &= trips["dpf_soot_last"] < cycle.start_g  # beyond it much burns by itself
    rate = np.maximum(gained, LEAST_G) / (START_KM + np.where(counts, km, 0.0))
    return np.where(counts, np.log(np.where(counts, rate, 1.0)), np.nan)


def _health(load: Floats, moved: Floats, ratio: Floats, p: Parameters) -> Floats:
    soot = 1.0 - np.maximum(filled(load, 1.0) - 1.0, 0.0) / (p["dpf_blocked_soot"] - 1.0)
    ash = 1.0 - np.maximum(moved, 0.0) / p["dpf_ash_soon"]
    often = (ratio - p["dpf_short"] / 2.0) / (1.0 - p["dpf_short"] / 2.0)
    health: Floats = np.clip(np.minimum(np.minimum(soot, ash), np.maximum(often, 0.5)), 0.0, 1.0)
    return health


_K = Drawn(
    feature="dpf_k",
    unit="1",
    label={"en": "Resistance of the filter, logarithm", "zh": "颗粒捕集器阻力（对数）"},
)

_SOOTS = {
    "en": "The engine makes {rate:.1f} times the soot a kilometre that was usual for this car, and regenerates after "
    "{percent:.0f} % of the usual distance. Check first: injectors, EGR, charge-air leaks, thermostat, oil use. "
    "Waiting dilutes the oil with fuel and blocks the filter.",
    "zh": "每公里碳烟为本车平时的{rate:.1f}倍，再生间隔为平时的{percent:.0f}%。"
    "优先检查：喷油嘴、EGR、增压漏气、节温器、机油消耗。拖延会使燃油稀释机油并堵塞捕集器。",
}

DETECTOR = Detector(
    name="dpf",
    component=Component.DPF,
    observability=Observability.STRONG,
    causes=(
        Cause(
            key="interrupted_regeneration",
            severity=Severity.MONITOR,
            job="drive_to_regenerate",
            title={"en": "Particulate filter needs a longer drive", "zh": "颗粒捕集器需要长途行驶再生"},
            text={
                "en": "The filter holds {soot:.0f} g of soot (0: not told); this car starts to burn it at "
                "{start:.0f} g, "
                "but was switched off or driven too short. Drive 20 minutes at 60 km/h or more, today or tomorrow; the "
                "lamp and a workshop are saved. If it stays, have the cause found.",
                "zh": "捕集器内有{soot:.0f}克碳烟（0表示未上报）；本车在{start:.0f}克时开始再生，但行程过短或中途熄火。"
                "请在今明两天以60 km/h以上连续行驶20分钟，可避免故障灯和进厂。若仍无改善，请检查原因。",
            },
        ),
        Cause(
            key="soots",
            severity=Severity.NEXT_SERVICE,
            job="check_soot_cause",
            title={"en": "Engine makes too much soot", "zh": "发动机碳烟过多"},
            text=_SOOTS,
        ),
        Cause(
            key="ash",
            severity=Severity.NEXT_SERVICE,
            job="clean_particulate_filter",
            title={"en": "Particulate filter is filling with ash", "zh": "颗粒捕集器灰分增多"},
            text={
                "en": "Even right after regeneration the filter resists {times:.1f} times as much as it did; that is "
                "ash, "
                "which no drive burns. Check first: oil grade and consumption, hoses of the pressure sensor; then "
                "clean "
                "or replace the filter. Waiting costs fuel and power.",
                "zh": "即使刚完成再生，捕集器阻力仍为原来的{times:.1f}倍；这是灰分，行驶无法烧掉。"
                "优先检查：机油规格和消耗、压差传感器软管；然后清洗或更换捕集器。拖延会增加油耗并损失动力。",
            },
            drawn=_K,
        ),
        Cause(
            key="soots_much",
            severity=Severity.SOON,
            job="check_soot_cause",
            title={"en": "Engine makes far too much soot", "zh": "发动机碳烟严重过多"},
            text=_SOOTS,
        ),
        Cause(
            key="blocked",
            severity=Severity.SOON,
            job="regenerate_particulate_filter",
            title={"en": "Particulate filter is nearly blocked", "zh": "颗粒捕集器接近堵塞"},
            text={
                "en": "The filter holds {soot:.0f} g of soot (0: not told), far beyond the {start:.0f} g at which "
                "this car "
                "regenerates, and resists {times:.1f} times as much as a clean one. Check first: thermostat, EGR, "
                "injectors, hoses of the pressure sensor; then regenerate in the workshop. Driving on may overheat or "
                "crack it.",
                "zh": "捕集器内有{soot:.0f}克碳烟（0表示未上报），远超本车开始再生的{start:.0f}克，"
                "阻力为清洁时的{times:.1f}倍。"
                "优先检查：节温器、EGR、喷油嘴、压差传感器软管，然后在维修站强制再生。继续行驶可能过热或开裂。",
            },
        ),
    ),
    needs=("dpf_k", "dpf_soot_last"),
    signals=(signals.FILTER_PRESSURE, signals.FILTER_SOOT, signals.FILTER_REGENERATING, signals.FILTER_TEMPERATURE,
             signals.MAF),
    drawn=Drawn(
        feature="dpf_soot_last",
        unit="g",
        label={"en": "Soot at the end of a trip, by the car", "zh": "行程结束时碳载量（车辆上报）"},
    ),
    initial=initial,
    step=step,
    told=tells(("dpf_k", "dpf_soot_last", "dpf_regen_soot"), counted=("km", "dpf_regen_s")),
    parameters=(
        *whitened.parameters(*PREFIXES), "dpf_rate_next", "dpf_rate_soon", "dpf_untold", "dpf_slope", "dpf_usual_km",
        "dpf_start_g", "dpf_limit_g", "dpf_short", "dpf_short_times", "dpf_ash", "dpf_ash_soon", "dpf_full_soot",
        "dpf_blocked_soot", "dpf_full_trips", "dpf_stuck_drives", "dpf_clear_trips",
    ),
)  # fmt: skip
