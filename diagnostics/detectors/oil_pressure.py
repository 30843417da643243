"""Oil pressure falls: thin or little oil, a worn pump, worn bearings.

Why it works: the pump moves a fixed volume a turn, and what bearings let pass sets the pressure until the relief valve
opens. So the hot engine at idle shows thinning by fuel, wear and a worn pump as a lower pressure than this car's own
normal at the same speed and temperature; a whitened sum of trip means finds it while the warning lamp is far away. A
running engine without pressure is said after the first drive. An engine that stops at the lights and in hybrids gives a
reading without pressure now and then while its speed is still held to be what it was, more where packets are lost or
come late; such readings come as many a minute as the car shows anyway, scattered by chance and by how often it stops.
So five more are asked for than six times what is usual for the car, and what chance adds, on a drive on which the hot
engine showed pressure; where it showed none, as on one that is dry all along, than twice. What is usual is learned from
drives with pressure, and from others up to what chance gives, and an oil change does not change it. No engine that has
lost its pressure has it again on the next drives: where that was said for a drive, or two that showed some, and cleared
by itself, the dry readings were the sender's or the line's, and as many a minute say nothing for a while: on drives
that show pressure of the hot engine, until three drives in a row are dry. An engine without oil is ruined in a drive.
So what passed on drives that showed no pressure counts only where pressure was back within four hours, in which no
workshop mends such an engine, and holds the word back for a single drive; what passed on drives with pressure tells
nothing of those without. All of it halves with each thirty sound drives, and begins anew when a workshop has been at
it.
When not: an engine that is read seldom gives few readings without pressure. Of a car of which nothing is known, read
once a minute, a drive of 19 minutes without pressure is asked for; shorter ones are never said. One that loses it in
the course of a drive that had shown pressure is said that much later. Where a sender failed for a drive or two and was
well again within hours, as oil that is topped up on the road looks too, a dry drive soon after is said with the second.
A hybrid whose rate is far above the table's may be told wrongly on a first short drive in the cold, which shows no
pressure of a hot engine. Many cars have but a switch, and nothing can be learned from that. After an oil change the
normal is learned anew, since another grade has another pressure; oil that shears within its grade loses a tenth, more
is asked for.

Signals needed: oil pressure and engine speed; oil or coolant temperature to know that it is hot. Without oil pressure:
not observable.

Source: workshop figures of pressure switches, 20 to 50 kPa; a fall by 15 % for the next service, by 30 % for soon, five
readings below 40 kPa to stop, beyond six times, or twice, the car's own rate, which is taken for three in ten minutes
until it has shown its own, and sums of 14: our choice.

False-alarm rate: 0.0008 bookings and 0.004 advisories per vehicle-year aimed at; measured in simulated vehicle-years by
``tests/unit/diagnostics/test_engine_detectors.py`` with autocorrelated trips, where it is 0. Running without pressure
was raised eight times on sound hybrids in 1000 vehicle-years of development fleets (seeds 12 and 13) before the car's
own rate was asked, and is not since. Where such readings were made 3 to 20 times as many on the hybrids of a bad line
(development fleets, seeds 21 and 41, 30 % of packets lost), it was raised 30 to 83 times on 5 or 6 cars, again and
again; 6 to 14 times where what passed was learned for good. It fades since, and holds back less: 5 times on 3 hybrids
in the 747 vehicle-years of seeds 17 and 19, none since chance has its share (set on these).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics import whitened
from diagnostics.arrays import filled, floats
from diagnostics.detector import Cause, Detector, Drawn, Judgement, Later, Observability, latch, latched
from diagnostics.features.matters.oil_pressure import LOW_KPA
from diagnostics.findings import Component, Severity
from diagnostics.sparse import where_told
from diagnostics.telling import tells
from vehicle import signals

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips

FALLING, LOW, NONE = range(3)
SERIES = ("idle_oil_pressure", "cruise_oil_pressure")
PREFIXES = ("oil_idle", "oil_cruise")
DRY = ("dry_readings", "dry_minutes")
"""Readings without pressure, and the running time in which they came."""
USUAL, FAR = 2.0, 6.0
"""Up to how many times what is usual for the car a count is no sign of anything, and beyond how many it is no chance
on a trip with pressure, however many stops it has (our choice; a reading in fifty of simulated hybrids is dry)."""
LASTING = np.array([2, 3])
"""Drives in a row that are dry beyond what is usual and then the engine's, whatever its sender showed before: where
this one showed no pressure of the hot engine, and where it did (our choice)."""
MENDED_MS = 4.0 * 3_600_000.0
"""Sooner no workshop has an engine towed, opened and mended: pressure was not lost that is back then (our choice)."""
FADED = 0.5 ** (1.0 / 30.0)
"""What is left after a sound drive of the rate that passed: it halves in thirty of them (our choice)."""
RUNS, RATES = ("dry_run", "dry_longest", "dry_slow"), ("dry_worst", "dry_passed")
"""Drives without pressure in a row, now and at most in the finding that stands, and whether pressure came back in it
so late that it may have been mended; most such readings a minute in it, and in those that passed: on drives that showed
no pressure, and on those that did."""
CHANCE, FEW_SD = 1.5, 2.0
"""Counts spread by the root of their mean: by so many such roots more than those multiples they come by chance alone
(a hybrid has 300 drives in half a year), and up to so many, and one, beyond the mean they are learned from, or the
learned rate would be too low and sink (our choice)."""
PRIOR_MINUTES, KEPT_MINUTES = 20.0, 600.0
"""Running time that the table's rate weighs, and of which the car's own is the mean at most (our choice)."""


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """Nothing seen."""
    dry: dict[str, Floats | Integers] = {name: np.zeros(n_vehicles) for name in (*DRY, *RUNS)}
    dry |= {name: np.zeros((n_vehicles, 2)) for name in RATES} | {"dry_ended_ms": np.full(n_vehicles, np.nan)}
    return dry | whitened.initial(n_vehicles, len(SERIES)) | latched(n_vehicles)


def step(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
    """See the module."""
    series = np.stack([trips[name] for name in SERIES], axis=1)
    shift, sums = whitened.follow(series, trips["ended_ms"][:, None], state, whitened.charts(PREFIXES, p, prior=0.0))
    observable = ~np.isnan(trips["oil_pressure_low"])
    lost = np.where(np.isnan(shift.moved), 0.0, -shift.moved)
    limits = np.stack([p[f"{prefix}_h"] for prefix in PREFIXES], axis=1)
    sure = np.where(shift.down > limits, lost, 0.0).max(axis=1)
    bad = np.where(sure >= p["oil_pressure_next"], FALLING, -1)
    bad = np.where(sure >= p["oil_pressure_soon"], LOW, bad)
    dry, none = _dry(trips, state, p), trips["oil_pressure_low"]
    bare, over = _bare(trips, state, dry, p)
    by_chance = np.maximum(USUAL * dry, dry + FEW_SD * np.sqrt(dry) + 1.0)
    usual = observable & ~bare & (_shown(trips) | (none <= by_chance))
    bad = np.where(observable, np.where(bare, NONE, bad), -1)
    worst = lost.max(axis=1)
    now = filled(shift.baseline - series).max(axis=1)
    good = observable & (worst < p["oil_pressure_next"] / 2.0) & (now < p["oil_pressure_next"])
    good &= none <= by_chance
    raised, cleared, latch_state = latch(state, bad=bad, good=good, clear_after=p["oil_pressure_clear_trips"])
    judgement = Judgement(
        observable=observable,
        raised=raised,
        cleared=cleared,
        since_ms=np.where(bad == NONE, trips["ended_ms"], np.fmin.reduce(shift.down_since_ms, axis=1)),
        found_ms=trips["ended_ms"],
        confidence=np.where(bad == NONE, 0.9, 0.75),
        health=np.where(observable, np.clip(1.0 - worst / p["oil_pressure_failed"], 0.0, 1.0), np.nan),
        numbers=Later(
            lambda: {
                "value": series[:, 0],
                "expectation": shift.baseline[:, 0],
                "threshold": shift.baseline[:, 0] - p["oil_pressure_soon"],
                "percent": 100.0 * (1.0 - np.exp(-worst)),
            }
        ),
    )
    dry_state = _learned(trips, state, usual) | _passing(trips, state, bare, over, cleared)
    return judgement, dry_state | whitened.restarted(sums, cleared) | latch_state


def renewed(state: State, at_ms: Floats) -> dict[str, Floats | Integers]:
    """After an oil change or a repair: how often the car stops is not the oil's; what passed may have been mended."""
    del at_ms
    return {name: floats(state[name]).copy() for name in DRY}


def _shown(trips: Trips) -> Flags:
    """Whether the hot engine showed pressure."""
    return np.asarray(np.fmax.reduce([trips[name] for name in SERIES]) >= np.log(LOW_KPA))


def _bare(trips: Trips, state: State, dry: Floats, p: Parameters) -> tuple[Flags, Flags]:
    """Whether the engine had no pressure; and whether its readings were dry beyond what is usual, which may pass."""
    shown, none = _shown(trips), trips["oil_pressure_low"]
    factor = np.where(shown, FAR, USUAL)
    over = none >= p["oil_pressure_readings"] + np.floor(factor * dry + CHANCE * np.sqrt(dry))
    known = floats(state["dry_passed"])
    passed = np.where(shown, known[:, 1], known[:, 0]) * _minutes(trips)
    bare = over & (none >= p["oil_pressure_readings"] + np.floor(factor * passed))
    return bare | (over & (floats(state["dry_run"]) + 1 >= LASTING[shown.astype(np.int64)])), over


def _passing(trips: Trips, state: State, bare: Flags, over: Flags, cleared: Flags) -> dict[str, Floats | Integers]:
    """At which rate dry readings came on a drive or two that the next ones, with pressure, showed to be nothing."""
    none, before, longest = trips["oil_pressure_low"], floats(state["dry_run"]), floats(state["dry_longest"])
    sound = ~np.isnan(none) & ~over
    run = np.where(over, before + 1.0, np.where(sound, 0.0, before))
    late = trips["started_ms"] - floats(state["dry_ended_ms"]) > MENDED_MS
    slow = np.where(sound & (before > 0) & (longest > 0) & late, 1.0, floats(state["dry_slow"]))
    longest = np.where(bare, np.maximum(longest, run), longest)
    rate = none / np.maximum(_minutes(trips), 1.0)
    mine = np.stack([~_shown(trips), _shown(trips)], axis=1) & bare[:, None]
    worst = np.where(mine, np.fmax(floats(state["dry_worst"]), rate[:, None]), floats(state["dry_worst"]))
    known = floats(state["dry_passed"]) * np.where(sound, FADED, 1.0)[:, None]
    short = cleared[:, None] & (longest[:, None] < LASTING)
    nothing = short & np.stack([slow == 0, np.ones(len(trips), dtype=np.bool_)], axis=1)
    return {
        "dry_run": run, "dry_longest": np.where(cleared, 0.0, longest), "dry_slow": np.where(cleared, 0.0, slow),
        "dry_ended_ms": np.where(over, trips["ended_ms"], floats(state["dry_ended_ms"])),
        "dry_worst": np.where(cleared[:, None], 0.0, worst),
        "dry_passed": np.where(nothing, np.maximum(known, worst), known),
    }  # fmt: skip


def _dry(trips: Trips, state: State, p: Parameters) -> Floats:
    """Readings without pressure that are to be expected of this car in so long a trip."""
    readings = PRIOR_MINUTES * p["oil_pressure_stray"] + floats(state["dry_readings"])
    return readings / (PRIOR_MINUTES + floats(state["dry_minutes"])) * _minutes(trips)


def _minutes(trips: Trips) -> Floats:
    """Running time of the engine; none where nothing tells it, for which chance gives nothing."""
    return filled(trips["running_s"]) / 60.0


def _learned(trips: Trips, state: State, counts: Flags) -> dict[str, Floats | Integers]:
    """What the trips that count tell of the car's rate; the oldest fade."""
    readings = floats(state["dry_readings"]) + np.where(counts, trips["oil_pressure_low"], 0.0)
    minutes = floats(state["dry_minutes"]) + np.where(counts, _minutes(trips), 0.0)
    kept = KEPT_MINUTES / np.maximum(minutes, KEPT_MINUTES)
    return {"dry_readings": readings * kept, "dry_minutes": minutes * kept}


_CHECK = {
    "en": "Check first: oil level and grade, smell of fuel in it, then the sensor against a gauge; pump and bearings "
    "last. "
    "Waiting may cost the engine.",
    "zh": "优先检查：机油液位和规格、机油是否有汽油味，其次用压力表核对传感器，最后检查机油泵和轴承。"
    "拖延可能损坏发动机。",
}
_MEASURED = {
    "en": "The hot engine's oil pressure is {percent:.0f} % below what was normal for this car at the same speed. ",
    "zh": "热机时机油压力比本车同转速正常值低{percent:.0f}%。",
}

DETECTOR = Detector(
    name="oil_pressure",
    component=Component.ENGINE_OIL,
    observability=Observability.AGGREGATED,
    causes=(
        Cause(key="falling", severity=Severity.NEXT_SERVICE, job="check_oil_pressure",
              title={"en": "Oil pressure is falling", "zh": "机油压力下降"},
              text={word: _MEASURED[word] + _CHECK[word] for word in ("en", "zh")}),
        Cause(key="low", severity=Severity.SOON, job="check_oil_pressure",
              title={"en": "Oil pressure is low", "zh": "机油压力偏低"},
              text={word: _MEASURED[word] + _CHECK[word] for word in ("en", "zh")}),
        Cause(key="none", severity=Severity.STOP_NOW, job="check_oil_pressure",
              title={"en": "Engine ran without oil pressure", "zh": "发动机在无机油压力下运转"},
              text={
                  "en": "The running engine had almost no oil pressure. Stop it and do not start it again. "
                  + _CHECK["en"],
                  "zh": "发动机运转时几乎没有机油压力。请立即熄火，不要再次启动。" + _CHECK["zh"],
              }),
    ),
    needs=("oil_pressure_low",),
    signals=(signals.OIL_PRESSURE, signals.ENGINE_SPEED, signals.OIL_TEMPERATURE, signals.COOLANT_TEMPERATURE),
    drawn=Drawn(
        feature="idle_oil_pressure",
        unit="1",
        label={"en": "Oil pressure of the hot idle, logarithm of kPa", "zh": "热怠速机油压力（kPa对数）"},
    ),
    initial=initial,
    step=where_told(step, ("oil_pressure_low", *SERIES)),
    told=tells(("oil_pressure_low", *SERIES)),
    renewed=renewed,
    parameters=(
        *whitened.parameters(*PREFIXES), "oil_pressure_next", "oil_pressure_soon", "oil_pressure_failed",
        "oil_pressure_readings", "oil_pressure_stray", "oil_pressure_clear_trips",
    ),
)  # fmt: skip
