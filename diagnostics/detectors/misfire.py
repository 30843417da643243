"""Misfire: cylinders that do not burn, by the counts that the engine computer keeps.

Why it works: the computer sees each misfire in the rhythm of the crankshaft and gives, by cylinder, the mean count of
the last ten drives (a weighted one, 0.1 new and 0.9 old), from which the count of the drive itself follows as 10 new -
9 old. Counts of a sound engine are Poisson about a small rate of its own. Each drive adds the likelihood ratio of a
faulty rate against that rate, cut off at one, so that no single drive (rough road, a nearly empty tank, a flooded cold
start) can raise anything; four drives' worth do. Then counts kept since the sum began tell the cause: one cylinder with
most of them has a coil, plug or injector; an even spread is fuel, air or mechanics.
When not: engine speed at 1 Hz cannot show a misfire at all; without the counts nothing is said. The computer pauses its
count on rough roads, but not always; those counts are even
among cylinders and asked to be more frequent.

Signals needed: counts of monitors A2 to A5 (test 0B), read once a drive, and engine speed for the number of firings.
Without them: not observable.

Source: counts and their weights by SAE J1979 (test 0B); the emission limit lies near 1 % of firings and damage to the
catalyst at several per cent (legal limits differ by car; the lamp flashes). Sound rate 0.05 %, faulty rate 0.2 %,
share of 60 % for one cylinder, six drives: our choice.

False-alarm rate: 0.0008 bookings and 0.004 advisories per vehicle-year aimed at; measured in simulated vehicle-years by
``tests/unit/diagnostics/test_engine_detectors.py`` with autocorrelated rates and rough roads, where it is 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.arrays import filled, floats
from diagnostics.detector import Cause, Detector, Drawn, Judgement, Later, Observability, latch, latched
from diagnostics.findings import Component, Severity
from diagnostics.sparse import where_told
from diagnostics.telling import tells
from vehicle import signals

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips

SEVERAL, OFTEN, ONE_CYLINDER, DAMAGING = range(4)
CYLINDERS = ("misfire_1", "misfire_2", "misfire_3", "misfire_4")
NEW = 0.1
"""Weight of the newest drive in the computer's mean (SAE J1979, test 0B)."""
STEP = 1.0
"""What one drive can add to the sum (our choice)."""
TOP = 8.0
"""Where the sum stops: a long fault must still be seen to end (our choice)."""
KEPT = 0.8
"""Share of older counts when a drive adds its own: about five drives tell the cause (our choice)."""
LEARN = 0.05
"""Weight of a sound drive in the car's own rate: twenty drives (our choice)."""


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """Nothing counted."""
    none: dict[str, Floats | Integers] = {
        "mean_counts": np.full((n_vehicles, len(CYLINDERS)), np.nan),
        "kept_counts": np.zeros((n_vehicles, len(CYLINDERS))),
        "kept_firings": np.zeros(n_vehicles),
        "own_rate": np.full(n_vehicles, np.nan),
        "sum": np.zeros(n_vehicles),
        "since_ms": np.full(n_vehicles, np.nan),
    }
    return none | latched(n_vehicles)


def step(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
    """See the module."""
    means = np.stack([trips[name] for name in CYLINDERS], axis=1)
    counts, firings = _of_this_drive(means, trips["revolutions"], state)
    observable = ~np.isnan(counts).all(axis=1) & (firings >= p["misfire_least_firings"])
    total = np.nansum(counts, axis=1)
    sound = _sound_rate(state, p)
    added = _evidence(total, firings, sound, p["misfire_rate"])
    before = floats(state["sum"])
    now = np.where(observable, np.clip(before + added, 0.0, TOP), before)
    since = np.where((before <= 0.0) & (now > 0.0), trips["ended_ms"], floats(state["since_ms"]))
    kept, kept_firings = _kept(counts, firings, state, observable, now > 0.0)
    rate = kept.sum(axis=1) / np.maximum(kept_firings, 1.0)
    share = kept.max(axis=1) / np.maximum(kept.sum(axis=1), 1.0)
    bad = np.where(observable, _cause(now, rate, share, p), -1)
    good = observable & (now <= 0.0)
    raised, cleared, latch_state = latch(state, bad=bad, good=good, clear_after=p["misfire_clear_trips"])
    judgement = Judgement(
        observable=observable,
        raised=raised,
        cleared=cleared,
        since_ms=since,
        found_ms=trips["ended_ms"],
        confidence=np.where(bad == SEVERAL, 0.75, 0.9),
        health=np.where(observable, np.clip(1.0 - rate / p["misfire_damaging"], 0.0, 1.0), np.nan),
        numbers=Later(lambda: _numbers(trips["misfires"], firings, rate, share, kept, sound, p)),
    )
    after: dict[str, Floats | Integers] = {
        "mean_counts": np.where(np.isnan(means), floats(state["mean_counts"]), means),
        "kept_counts": kept, "kept_firings": kept_firings, "sum": now, "since_ms": since,
        "own_rate": _learned(state, total / np.maximum(firings, 1.0), observable & (now <= 0.0)),
    }  # fmt: skip
    return judgement, after | latch_state


def _of_this_drive(means: Floats, revolutions: Floats, state: State) -> tuple[Floats, Floats]:
    """Counts by cylinder ``(n, 4)`` out of the mean before and after, and firings of the cylinders that are counted.

    A drive that was not read is taken together with this one, which leaves a steady rate as it is.
    """
    before = floats(state["mean_counts"])
    counts = np.clip((means - (1.0 - NEW) * before) / NEW, 0.0, None)
    firings = filled(revolutions) / 2.0 * (~np.isnan(counts)).sum(axis=1)
    return counts, firings


def _sound_rate(state: State, p: Parameters) -> Floats:
    """The rate that is normal for the car: its own with room above, within bounds."""
    own = filled(floats(state["own_rate"]))
    return np.clip(2.0 * own, p["misfire_sound_rate"], 0.75 * p["misfire_rate"])


def _evidence(total: Floats, firings: Floats, sound: Floats, faulty: Floats) -> Floats:
    """Log likelihood ratio of two Poisson rates, cut off."""
    ratio = total * np.log(faulty / sound) - (faulty - sound) * firings
    return np.clip(ratio, -STEP, STEP)


def _kept(counts: Floats, firings: Floats, state: State, observable: Flags, doubtful: Flags) -> tuple[Floats, Floats]:
    """Counts and firings of the last drives since the sum left zero."""
    new = filled(counts)
    kept = np.where(doubtful[:, None], KEPT * floats(state["kept_counts"]) + new, new)
    kept_firings = np.where(doubtful, KEPT * floats(state["kept_firings"]) + firings, firings)
    return (
        np.where(observable[:, None], kept, floats(state["kept_counts"])),
        np.where(observable, kept_firings, floats(state["kept_firings"])),
    )


def _learned(state: State, rate: Floats, sound: Flags) -> Floats:
    own = floats(state["own_rate"])
    blended = np.where(np.isnan(own), rate, own + LEARN * (rate - own))
    return np.where(sound, blended, own)


def _cause(total: Floats, rate: Floats, share: Floats, p: Parameters) -> Integers:
    found = total >= p["misfire_sum"]
    alone = found & (share >= p["misfire_share"])
    even = found & (rate >= p["misfire_even_rate"])
    often = even & (rate >= p["misfire_often_rate"])
    cause = np.where(alone, ONE_CYLINDER, np.where(often, OFTEN, np.where(even, SEVERAL, -1)))
    return np.where(found & (rate >= p["misfire_damaging"]), DAMAGING, cause).astype(np.int64)


def _numbers(
    misfires: Floats, firings: Floats, rate: Floats, share: Floats, kept: Floats, sound: Floats, p: Parameters
) -> dict[str, Floats]:
    return {
        "value": misfires,
        "expectation": sound * firings,
        "threshold": p["misfire_rate"] * firings,
        "percent": rate * 100.0,
        "usual": sound * 100.0,
        "share": share * 100.0,
        "cylinder": kept.argmax(axis=1) + 1.0,
    }


_MEASURED = {
    "en": "On the last drives {percent:.2f} % of the firings failed; up to {usual:.2f} % is normal for this engine. ",
    "zh": "最近几次行程失火率为{percent:.2f}%，本发动机正常不超过{usual:.2f}%。",
}

DETECTOR = Detector(
    name="misfire",
    component=Component.MISFIRE,
    observability=Observability.STRONG,
    causes=(
        Cause(
            key="several_cylinders",
            severity=Severity.NEXT_SERVICE,
            job="check_ignition",
            title={"en": "Misfires spread over the cylinders", "zh": "多缸失火"},
            text={
                "en": _MEASURED["en"] + "They are spread over the cylinders, so ignition of one is not the cause. "
                "Check "
                "first: fuel quality and pressure, then air leaks and compression. Left alone, the lamp comes on and "
                "the catalyst suffers.",
                "zh": _MEASURED["zh"] + "失火分布在各缸，并非单缸点火故障。优先检查：燃油品质和油压，其次漏气和缸压。"
                "拖延会亮故障灯并损伤催化器。",
            },
        ),
        Cause(
            key="several_cylinders_often",
            severity=Severity.SOON,
            job="check_ignition",
            title={"en": "Many misfires in several cylinders", "zh": "多缸频繁失火"},
            text={
                "en": _MEASURED["en"] + "They are spread over the cylinders. Check first: plugs that are worn alike, "
                "fuel quality and pressure, then air leaks and compression. The lamp is near; the catalyst suffers.",
                "zh": _MEASURED["zh"] + "失火分布在各缸。优先检查：火花塞是否整体磨损、燃油品质和油压，其次漏气和缸压。"
                "故障灯即将点亮，催化器正在受损。",
            },
        ),
        Cause(
            key="one_cylinder",
            severity=Severity.SOON,
            job="check_ignition",
            title={"en": "One cylinder misfires", "zh": "单缸失火"},
            text={
                "en": _MEASURED["en"] + "Cylinder {cylinder:.0f} holds {share:.0f} % of them. Check first: swap its "
                "coil "
                "with another cylinder's and see whether the misfire follows; then plug, then injector. Waiting costs "
                "the catalyst.",
                "zh": _MEASURED["zh"] + "其中{share:.0f}%来自{cylinder:.0f}缸。优先检查：与其他缸对调点火线圈，"
                "看失火是否跟随；其次火花塞，再次喷油嘴。拖延会损坏催化器。",
            },
        ),
        Cause(
            key="damaging",
            severity=Severity.STOP_NOW,
            job="check_ignition",
            title={"en": "Heavy misfire destroys the catalyst", "zh": "严重失火，正在损坏催化器"},
            text={
                "en": _MEASURED["en"] + "Unburnt fuel overheats the catalyst; while the lamp flashes, do not drive on. "
                "Cylinder {cylinder:.0f} holds {share:.0f} %. Check first: coil, plug and injector of that cylinder.",
                "zh": _MEASURED["zh"] + "未燃燃油会使催化器过热；故障灯闪烁时请勿继续行驶。"
                "{cylinder:.0f}缸占{share:.0f}%。优先检查：该缸点火线圈、火花塞和喷油嘴。",
            },
        ),
    ),
    needs=("misfires", "revolutions"),
    signals=(*signals.MISFIRES, signals.ENGINE_SPEED),
    drawn=Drawn(
        feature="misfires",
        unit="1",
        label={"en": "Misfires of a drive, mean of ten", "zh": "每次行程失火次数（十次均值）"},
    ),
    initial=initial,
    step=where_told(step, CYLINDERS),
    told=tells(CYLINDERS),
    parameters=(
        "misfire_least_firings", "misfire_sound_rate", "misfire_rate", "misfire_even_rate", "misfire_often_rate",
        "misfire_sum",
        "misfire_share",
        "misfire_damaging", "misfire_clear_trips",
    ),
)  # fmt: skip
