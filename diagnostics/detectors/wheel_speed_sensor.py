"""A wheel-speed sensor that loses its signal, or whose air gap grows.

Why it works: four wheels of a car that drives steadily turn alike. A wheel that stands while the others roll has lost
its signal (cable, plug, sensor); a passive sensor's voltage falls with speed and with the air gap, so that a wheel
whose signal vanishes already at a walking pace, when sound ones vanish at 2 to 3 km/h, has a ring that rusts or a
bearing with play: weeks before the brake control unit lights its lamp. Both are counted against chances, as Poisson
evidence (log-likelihood ratio, summed); a wheel must also have much more of it than the other three together, which
takes out what the polling does to all of them. A wheel's mean log ratio to the others tells of a damaged ring or
another tyre and is shown, not judged: a tyre changed does the same.
When not: a wheel that spins or locks, hard braking (left out: only steady rows count); an active (Hall) sensor has no
vanishing speed, there only lost signals are seen; fewer than four wheels told.

Signals needed: the four wheels' speeds, speed. Without them: not observable.

Source: brake control unit of Hyundai and Kia: one wheel at or below 2 km/h while the others are above 10 km/h sets a
code after 154 ms; worn bearing and ring among its causes. Rates, limits and margins: our choice; a sound wheel is given
one lost reading in two thousand.

False-alarm rate: 0.0008 bookings and 0.004 advisories per vehicle-year aimed at, as the share of one detector in the
whole budget. None in the 22 sound vehicle-years that tests/unit/diagnostics/test_chassis_detectors.py draws with
autocorrelated features, which bounds it to 0.14 only; the rate on the simulated fleet is in the score's report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics import counted
from diagnostics.arrays import every, filled, floats, one_of, some
from diagnostics.detector import Cause, Detector, Drawn, Judgement, Later, Observability, latch, latched
from diagnostics.findings import Component, Severity
from diagnostics.sparse import where_told
from diagnostics.telling import tells
from vehicle import signals

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips

CORNERS = ("fl", "fr", "rl", "rr")
WEAK, LOST = 0, 4
"""First index of each cause; each is there once a wheel."""


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """No evidence against any wheel; what the others showed is remembered with it."""
    parts: dict[str, Floats | Integers] = {}
    for name in ("lost", "gone"):
        parts |= counted.initial(n_vehicles, 4, name) | {f"{name}_rate": np.zeros((n_vehicles, 4))}
    return parts | latched(n_vehicles)


def step(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
    """See the module."""
    drops, rolling = _wheels(trips, "drops"), _wheels(trips, "rolling_n")
    gone, walking = _wheels(trips, "gone"), _wheels(trips, "walking_n")
    observable = some(~np.isnan(drops)) | some(~np.isnan(gone))
    at_ms = trips["ended_ms"][:, None]
    lost, lost_since, after = _against_others(drops, rolling, at_ms, state, p, "lost")
    weak, weak_since, more = _against_others(gone, walking, at_ms, state, p, "gone")
    is_lost, is_weak = lost > p["wheel_lost_h"][:, None], weak > p["wheel_gone_h"][:, None]
    bad, worst = _worst(is_weak, is_lost, weak, lost)
    quiet = (lost < p["wheel_lost_h"][:, None] / 2.0) & (weak < p["wheel_gone_h"][:, None] / 2.0)
    raised, cleared, latch_state = latch(
        state, bad=np.where(observable, bad, -1), good=observable & every(quiet), clear_after=p["wheel_clear_trips"]
    )
    found_lost = bad >= LOST
    judgement = Judgement(
        observable=observable,
        raised=raised,
        cleared=cleared,
        since_ms=np.where(found_lost, one_of(lost_since, worst), one_of(weak_since, worst)),
        found_ms=trips["ended_ms"],
        confidence=np.where(found_lost, 0.95, 0.85),
        health=np.where(observable, _health(lost, weak, p), np.nan),
        numbers=Later(lambda: _numbers(after, more, worst, found_lost, p)),
    )
    return judgement, after | more | latch_state


def _wheels(trips: Trips, name: str) -> Floats:
    return np.stack([trips[f"wheel_{corner}_{name}"] for corner in CORNERS], axis=1)


def _against_others(
    events: Floats, chances: Floats, at_ms: Floats, state: State, p: Parameters, name: str
) -> tuple[Floats, Floats, dict[str, Floats | Integers]]:
    """Evidence against each wheel; what all wheels show in a trip is the polling's and is taken off each."""
    told = filled(events)
    shared = (told.sum(axis=1, keepdims=True) - told) / 3.0
    own = np.where(np.isnan(events), np.nan, np.maximum(told - p["wheel_shared"][:, None] * shared, 0.0))
    evidence, since, after = counted.follow(
        own, chances, at_ms, state, sound=p[f"wheel_{name}_sound"][:, None], bad=p[f"wheel_{name}_bad"][:, None],
        limit=p[f"wheel_{name}_h"][:, None], most=p["wheel_most"][:, None], name=name,
    )  # fmt: skip
    share = np.where(chances > 0.0, told / np.where(chances > 0.0, chances, 1.0), np.nan)
    before = floats(state[f"{name}_rate"])
    rate = np.where(np.isnan(share), before, 0.7 * before + 0.3 * share)
    return evidence, since, after | {f"{name}_rate": rate}


def _worst(is_weak: Flags, is_lost: Flags, weak: Floats, lost: Floats) -> tuple[Integers, Integers]:
    """Index of the worst cause, -1 none, and the wheel that it is about."""
    any_lost, any_weak = some(is_lost), some(is_weak)
    worst = np.where(any_lost, np.argmax(lost, axis=1), np.argmax(weak, axis=1))
    return np.where(any_lost, LOST + worst, np.where(any_weak, WEAK + worst, -1)), worst


def _health(lost: Floats, weak: Floats, p: Parameters) -> Floats:
    """1 without evidence, a half at an advisory, 0 where a signal is lost for certain."""
    against = np.maximum(lost / p["wheel_lost_h"][:, None], 0.5 * weak / p["wheel_gone_h"][:, None])
    worst: Floats = against.max(axis=1)
    return np.clip(1.0 - worst, 0.0, 1.0)


def _numbers(
    lost: dict[str, Floats | Integers],
    gone: dict[str, Floats | Integers],
    worst: Integers,
    found_lost: Flags,
    p: Parameters,
) -> dict[str, Floats]:
    lost_share = one_of(floats(lost["lost_rate"]), worst)
    gone_share = one_of(floats(gone["gone_rate"]), worst)
    sound = np.where(found_lost, p["wheel_lost_sound"], p["wheel_gone_sound"])
    limit = np.where(found_lost, p["wheel_lost_bad"], p["wheel_gone_bad"])
    share = np.where(found_lost, lost_share, gone_share)
    return {"value": share * 100.0, "expectation": sound * 100.0, "threshold": limit * 100.0}


_NAMES = (("Front left", "左前"), ("Front right", "右前"), ("Rear left", "左后"), ("Rear right", "右后"))
_WEAK = {
    "en": "At a walking pace this wheel's signal is missing in {value:.0f} % of the readings (sound: below "
    "{expectation:.0f} %): the gap to its ring grows. Five in six such findings are right. Check first: rust or dirt "
    "on the ring, play of the bearing, the sensor's seat. Left alone, ABS and stability control fail within weeks.",
    "zh": "低速时该轮轮速信号有{value:.0f}%缺失（正常低于{expectation:.0f}%），传感器间隙正在变大。"
    "此类判断约六分之五准确。优先检查：齿圈锈蚀或脏污、轴承间隙、传感器安装。拖延数周内ABS和车身稳定系统将失效。",
}
_LOST = {
    "en": "While the other wheels roll, this wheel's signal is missing in {value:.1f} % of the readings (sound: below "
    "{expectation:.2f} %). Nineteen in twenty such findings are right. Check first: plug and cable at the wheel, then "
    "sensor and ring. Until then ABS and stability control may be off in an emergency.",
    "zh": "其他车轮转动时，该轮轮速信号有{value:.1f}%缺失（正常低于{expectation:.2f}%）。此类判断约95%准确。"
    "优先检查：轮端插头和线束，其次传感器和齿圈。修复前紧急情况下ABS和稳定系统可能不工作。",
}


def _drawn(corner: str, what: str, english: str, chinese: str) -> Drawn:
    label = {"en": f"{english} wheel, readings without signal", "zh": f"{chinese}轮无信号读数"}
    return Drawn(feature=f"wheel_{corner}_{what}", unit="1", label=label)


def _causes() -> tuple[Cause, ...]:
    kinds = (
        ("weak", "gone", Severity.NEXT_SERVICE, ("signal is getting weak", "信号变弱"), _WEAK),
        ("lost", "drops", Severity.SOON, ("signal drops out", "信号中断"), _LOST),
    )
    return tuple(
        Cause(
            key=f"{key}_{corner}",
            severity=severity,
            job="check_wheel_speed_sensor",
            drawn=_drawn(corner, what, *names),
            title={"en": f"{names[0]} wheel speed: {title[0]}", "zh": f"{names[1]}轮速{title[1]}"},
            text=text,
        )
        for key, what, severity, title, text in kinds
        for corner, names in zip(CORNERS, _NAMES, strict=True)
    )


NEEDS = tuple(f"wheel_{corner}_{what}" for corner in CORNERS for what in ("drops", "gone"))

DETECTOR = Detector(
    name="wheel_speed_sensor",
    component=Component.WHEEL_SPEED_SENSOR,
    observability=Observability.STRONG,
    causes=_causes(),
    needs=NEEDS,
    signals=(*signals.WHEEL_SPEEDS, signals.SPEED),
    drawn=_drawn("fl", "drops", *_NAMES[0]),
    initial=initial,
    step=where_told(step, NEEDS),
    told=tells(NEEDS),
    parameters=(
        "wheel_lost_sound", "wheel_lost_bad", "wheel_lost_h", "wheel_gone_sound", "wheel_gone_bad", "wheel_gone_h",
        "wheel_shared", "wheel_most", "wheel_clear_trips",
    ),
)  # fmt: skip
