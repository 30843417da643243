"""A tyre that loses air: weeks before the car's own lamp, which waits for a quarter of the pressure.

Why it works: cold pressure at 20 degC changes only by what escapes. The two tyres of an axle share weather, sun and
load, so their difference is steady to a few kPa, and a leak of 1 kPa a day stands out of it within ten days. Two
tests: a whitened CUSUM of the difference against the axle's own normal, and the slope of the difference (Kalman); a
leak is said only when the difference has moved by ``tyre_fall_kpa`` and goes on moving faster than tyres lose air by
nature, or has moved by ``tyre_far_kpa``; two readings in a row ``tyre_apart_kpa`` below the neighbour are a leak too.
Each wheel's level and reference tell how far the lamp is. A step up of one or more tyres is a refill: the axle's
normal is then learned anew, the slope is kept, so that topping up every week does not hide a leak. A fall of all four
at one reading is other tyres, and learned anew as well.
When not: readings within three hours after a drive, which are warm, are left out; four tyres that lose alike move no
difference and are found only by the level, where a temperature is known; a tyre changed or wheels rotated make a step
that is learned anew. A sensor that drifts looks like a leak; the advice begins with a gauge. Readings that lie apart by
more than usual are judged by their own spread, refills left out: a leak of 2 kPa a day that is topped up every week is
then found after three weeks instead of two. Where readings often jump alone, a tyre holed at once is said three
readings later than elsewhere, since five must lie on one side.

Signals needed: the tyres' pressures; better with their or the air's temperature. Without pressures: not observable.

Source: FMVSS 138 asks for a warning at 25 % below the placard, within 20 minutes of driving; natural loss about 1 psi
(6.9 kPa) a month, 1 psi for 10 degF. Sensor noise of 1.8 kPa beside steps of 2.75 kPa: from a design study, as are
nine days for 1 kPa a day. Falls, slopes, limits and learning: our choice, with large margins.

False-alarm rate: 0.0008 bookings and 0.004 advisories per vehicle-year aimed at, as the share of one detector in the
whole budget. None in the 22 sound vehicle-years that tests/unit/diagnostics/test_chassis_detectors.py draws with
autocorrelated features, which bounds it to 0.14 only; the rate on the simulated fleet is in the score's report.
Development fleet, seeds 11 and 12 (1,300 vehicle-years): two false bookings after tyres were changed or warm on three
wheels; none, and half the false advisories, since a fall of all at once makes the normal be learned anew. With 30 % of
packets lost and late rows (seed 21, 63 vehicle-years): three false bookings, none since readings that jump often are
asked for five times; on a line that is bad from the first reading on, a false leak in the first weeks remains possible.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics import restless, whitened
from diagnostics.arrays import every, filled, floats, one_of, part_of, prefixed, pushed, some
from diagnostics.detector import Cause, Detector, Drawn, Judgement, Later, Observability, latch, latched
from diagnostics.findings import Component, Severity
from diagnostics.prognosis import kalman
from diagnostics.prognosis.crossing import days_until
from diagnostics.prognosis.dose import DAY_MS
from diagnostics.sparse import where_told
from diagnostics.telling import tells
from vehicle import signals

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips

CORNERS = ("fl", "fr", "rl", "rr")
COLD_S = 3 * 3600.0
"""Rest after which a tyre has the air's temperature (our choice)."""
RECENT = 0.3
"""Weight of the newest reading in a tyre's level (our choice: a week at a reading a day)."""
JUMP_KPA = 8.0
"""A reading farther from its wheel's level is believed when the next one says so too (our choice)."""
SAID_AGAIN = 5
"""So many readings in a row must say so where jumps are often alone (our choice)."""
OFTEN_ALONE, ALONE_WEIGHT = 0.025, 0.06
"""Share of readings that jumped alone from which this is asked, and the weight of the newest in it. Development fleets:
1 % in nine of ten cars, 6 % where packets are lost (limits are our choice)."""
ALL_LOW, LEAK, URGENT, FLAT = 0, 1, 5, 9
"""First index of each cause; each but the first is there once a wheel."""


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """Nothing seen: by wheel a level and what it is compared with, by axle the difference."""
    wheels: dict[str, Floats | Integers] = {
        "wheel": np.full((n_vehicles, 4), np.nan),
        "reference": np.full((n_vehicles, 4), np.nan),
        "apart_n": np.zeros((n_vehicles, 4)),
        "read": np.full((n_vehicles, 4, SAID_AGAIN - 1), np.nan),
        "alone": np.zeros(n_vehicles),
    }
    return (
        wheels
        | prefixed(kalman.initial(n_vehicles, 2), "gap_")
        | prefixed(whitened.initial(n_vehicles, 2), "test_")
        | prefixed(restless.initial(n_vehicles, 2), "own_")
        | latched(n_vehicles)
    )


def step(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
    """See the module."""
    cold = np.stack([trips[f"tyre_{corner}_kpa"] for corner in CORNERS], axis=1)
    cold, heard = _believed(np.where((trips["soak_s"] >= COLD_S)[:, None], cold, np.nan), state)
    observable = some(~np.isnan(cold))
    compensated = trips["tyre_compensated"] > 0.0
    wheel, reference, refilled = _levels(cold, compensated, state, p)
    shift, gap, after = _gaps(cold, refilled, trips["ended_ms"], state, p)
    apart = _apart(cold, shift, gap, state, p)
    limit = (1.0 - p["tyre_lamp_part"])[:, None] * reference
    leaking, going = _leaking(shift, gap, apart >= p["tyre_apart_times"][:, None], p)
    rate = _rates(shift, gap, going, trips["ended_ms"], p)
    days = np.where(leaking, np.maximum(wheel - limit, 0.0) / rate, np.inf)
    low = compensated & every(filled(wheel / reference, 1.0) < p["tyre_low_part"][:, None])
    flat = going & (wheel < p["tyre_flat_part"][:, None] * reference)
    bad, worst = _worst(low, leaking, going, flat, days, p)
    calm = (np.abs(gap.level - shift.baseline) < p["tyre_fall_kpa"][:, None] / 2.0) | np.isnan(shift.baseline)
    raised, cleared, latch_state = latch(
        state, bad=np.where(observable, bad, -1), good=observable & (bad < 0) & every(calm),
        clear_after=p["tyre_clear_readings"],
    )  # fmt: skip
    judgement = Judgement(
        observable=observable,
        raised=raised,
        cleared=cleared,
        since_ms=_since(shift, worst, trips["ended_ms"]),
        found_ms=trips["ended_ms"],
        confidence=np.where(bad == ALL_LOW, 0.9, 0.93),
        health=np.where(observable, _health(wheel, reference, p), np.nan),
        rul_days=_remaining(one_of(wheel - limit, worst), one_of(rate, worst), gap, worst, leaking, p),
        numbers=Later(lambda: _numbers(wheel, reference, limit, rate, days, worst)),
    )
    tested = prefixed(whitened.restarted(after["tested"], cleared), "test_")
    seen: dict[str, Floats | Integers] = {"wheel": wheel, "reference": reference, "apart_n": apart}
    followed = prefixed(after["followed"], "gap_") | prefixed(after["own"], "own_")
    return judgement, seen | heard | tested | followed | latch_state


def told_cold(trips: Trips, state: State) -> Flags:
    """Trips that begin with cold tyres; and any of cars of which no pressure was told before, which begin the rest."""
    told = tells(NEEDS)(trips, state) & (trips["soak_s"] >= COLD_S)
    fresh: Flags = told | some(np.isnan(state["own_restless"]))[trips.vehicle]
    return fresh


def _believed(cold: Floats, state: State) -> tuple[Floats, dict[str, Floats | Integers]]:
    """Cold readings without those that jump alone; and the last ones as they were read, with how often they did.

    A tyre that is filled, or holed, reads so the next time too; a single reading far from its level is a warm tyre, sun
    on one side, or a slip of the sensor. Where many are alone, as on a line that brings pressures of the drive before,
    two agree by chance, and :data:`SAID_AGAIN` must. So many on one side of the level agree however far apart they lie:
    a fast leak is lower each time.
    """
    read, level, share = floats(state["read"]), floats(state["wheel"]), floats(state["alone"])
    again = np.abs(cold[:, :, None] - read) <= JUMP_KPA
    side = _side(np.concatenate([cold[:, :, None], read], axis=2) - level[:, :, None])
    agreed = np.where((share >= OFTEN_ALONE)[:, None], again.all(axis=2), again[:, :, 0])
    agreed |= (side == side[:, :, :1]).all(axis=2)
    told = ~np.isnan(cold)
    alone = (side[:, :, 0] != 0.0) & ~agreed
    counted = alone & (side[:, :, 0] != side[:, :, 1])  # those that follow on the same side may be a leak
    now = counted.sum(axis=1) / np.maximum(told.sum(axis=1), 1)
    heard: dict[str, Floats | Integers] = {
        "read": pushed(read, cold), "alone": np.where(some(told), share + ALONE_WEIGHT * (now - share), share),
    }  # fmt: skip
    return np.where(alone, np.nan, cold), heard


def _side(off: Floats) -> Floats:
    """To which side a reading jumps that lies ``off`` its level, kPa: -1, 1, or 0 for none."""
    return np.where(np.abs(off) > JUMP_KPA, np.sign(off), 0.0)


def _levels(cold: Floats, compensated: Flags, state: State, p: Parameters) -> tuple[Floats, Floats, Flags]:
    """Each wheel's recent level, what it is compared with, and where a reading tells of a refill or of other tyres.

    A refill lifts one tyre far or all somewhat. Uncompensated readings rise with the weather, so there only a rise
    beyond that of the other wheels counts.
    """
    before = floats(state["wheel"])
    told = ~np.isnan(cold)
    rise = np.where(told & ~np.isnan(before), cold - before, 0.0)
    shared = np.where(compensated, 0.0, np.median(rise, axis=1))
    refilled = rise - shared[:, None] > p["tyre_refill_kpa"][:, None]
    together = compensated & (rise.mean(axis=1) > p["tyre_refill_all_kpa"])
    other = compensated & (rise.max(axis=1) < -p["tyre_drop_kpa"])  # tyres: four do not leak at once
    refilled |= together[:, None] & told
    changed = refilled | (other[:, None] & told)
    fresh = np.isnan(before) | changed
    level = np.where(told, np.where(fresh, cold, before + RECENT * rise), before)
    kept = floats(state["reference"])
    reference = np.where(np.isnan(kept) | refilled, level, np.maximum(kept, level))
    return level, np.minimum(reference, p["tyre_most_kpa"][:, None]), changed


def _gaps(
    cold: Floats, refilled: Flags, at_ms: Floats, state: State, p: Parameters
) -> tuple[whitened.Shift, kalman.Trend, dict[str, dict[str, Floats | Integers]]]:
    """The axles' differences, left minus right: tested and followed; a refill makes the normal be learned anew."""
    gap = np.stack([cold[:, 0] - cold[:, 1], cold[:, 2] - cold[:, 3]], axis=1)
    anew = np.stack([refilled[:, 0] | refilled[:, 1], refilled[:, 2] | refilled[:, 3]], axis=1) & ~np.isnan(gap)
    sums = whitened.relearned(part_of(state, "test_"), anew)
    wide = {name: p[name][:, None] for name in TEST}
    usual = np.broadcast_to(wide["tyre_gap_sd_kpa"], gap.shape)
    own, spreads = restless.follow(np.where(anew, np.nan, gap), part_of(state, "own_"), usual)
    noise = np.maximum(own, usual)
    chart = whitened.Chart(
        mean=np.zeros((1, 1)), prior=0.3, sd=noise, learn=wide["tyre_learn"], phi=wide["tyre_phi"],
        k=wide["tyre_k"], hold=wide["tyre_h"] / 2.0,
    )  # fmt: skip
    shift, tested = whitened.follow(gap, at_ms[:, None], sums, chart)
    motion = kalman.Motion(
        level=filled(gap), level_sd=wide["tyre_gap_sd_kpa"], slope=np.zeros((1, 1)),
        slope_sd=wide["tyre_natural_kpa_day"], level_walk=np.full((1, 1), 0.2), slope_walk=wide["tyre_slope_walk"],
        noise_sd=noise,
    )  # fmt: skip
    doubt = 4.0 * wide["tyre_natural_kpa_day"]  # what it lost before may have been mended with the refill
    lifted = kalman.lifted(part_of(state, "gap_"), anew, filled(gap), wide["tyre_gap_sd_kpa"], doubt)
    trend, followed = kalman.follow(gap, at_ms[:, None], lifted, motion)
    return shift, trend, {"tested": tested, "followed": followed, "own": spreads}


def _by_wheel(left_minus_right: Floats) -> Floats:
    """What moves a difference down is the left wheel's, up the right one's: ``(n, 2)`` to ``(n, 4)``."""
    front, rear = left_minus_right[:, 0], left_minus_right[:, 1]
    return np.stack([front, -front, rear, -rear], axis=1)


def _apart(cold: Floats, shift: whitened.Shift, gap: kalman.Trend, state: State, p: Parameters) -> Floats:
    """How many readings in a row each wheel was far below its normal, and too far below its trend for chance."""
    read = np.stack([cold[:, 0] - cold[:, 1], cold[:, 2] - cold[:, 3]], axis=1)
    learned = (shift.learned >= p["tyre_learn"][:, None]).repeat(2, axis=1)
    fallen = _by_wheel(shift.baseline - read)
    surprised = _by_wheel(-gap.surprise) > p["tyre_apart_sd"][:, None]
    before = floats(state["apart_n"])
    counted = np.where(learned & surprised & (fallen > p["tyre_apart_kpa"][:, None]), before + 1.0, 0.0)
    return np.where(np.isnan(fallen), before, counted)


def _rates(shift: whitened.Shift, gap: kalman.Trend, going: Flags, at_ms: Floats, p: Parameters) -> Floats:
    """KPa a day that each wheel loses: by the slope, or by how far it has fallen since it began to, and by nature."""
    since = np.stack(
        [shift.down_since_ms[:, 0], shift.up_since_ms[:, 0], shift.down_since_ms[:, 1], shift.up_since_ms[:, 1]], axis=1
    )
    days = np.maximum((at_ms[:, None] - since) / DAY_MS, 2.0)
    fallen = filled(_by_wheel(shift.baseline - gap.level))
    by_fall = np.where(going & ~np.isnan(days), fallen / filled(days, 1.0), 0.0)
    losing = np.maximum(filled(_by_wheel(-gap.slope)), by_fall)
    return np.maximum(losing, 0.0) + p["tyre_natural_kpa_day"][:, None]


def _leaking(shift: whitened.Shift, gap: kalman.Trend, apart: Flags, p: Parameters) -> tuple[Flags, Flags]:
    """Wheels whose difference has moved for certain and goes on moving, or has moved very far; and those that go on."""
    sums = np.stack([shift.down[:, 0], shift.up[:, 0], shift.down[:, 1], shift.up[:, 1]], axis=1)
    fallen = filled(_by_wheel(shift.baseline - gap.level))
    losing = filled(_by_wheel(-gap.slope))
    error = np.sqrt(filled(np.repeat(gap.slope_var, 2, axis=1), 1.0))
    surely = losing - p["tyre_sure"][:, None] * error > p["tyre_natural_kpa_day"][:, None]
    going = surely & (losing > p["tyre_slope_kpa_day"][:, None]) & (fallen > p["tyre_fall_kpa"][:, None])
    shifted = sums > p["tyre_h"][:, None]
    certain = losing - p["tyre_certain"][:, None] * error > p["tyre_slope_kpa_day"][:, None]
    steady = certain & (gap.count >= p["tyre_learn"][:, None]).repeat(2, axis=1)
    going = (shifted & going) | steady | apart
    return going | (shifted & (fallen > p["tyre_far_kpa"][:, None])), going


def _worst(
    low: Flags, leaking: Flags, going: Flags, flat: Flags, days: Floats, p: Parameters
) -> tuple[Integers, Integers]:
    """Index of the worst cause, -1 none, and the wheel that it is about."""
    urgent = going & (days < p["tyre_urgent_days"][:, None])
    worst = np.argmin(days, axis=1)
    cause = np.where(low, ALL_LOW, -1)
    for first, which in ((LEAK, leaking), (URGENT, urgent), (FLAT, flat)):
        cause = np.where(some(which), first + worst, cause)
    return cause, worst


def _since(shift: whitened.Shift, worst: Integers, at_ms: Floats) -> Floats:
    since = np.stack(
        [shift.down_since_ms[:, 0], shift.up_since_ms[:, 0], shift.down_since_ms[:, 1], shift.up_since_ms[:, 1]], axis=1
    )
    began = one_of(since, worst)
    return np.where(np.isnan(began), at_ms, began)


def _health(wheel: Floats, reference: Floats, p: Parameters) -> Floats:
    """1 at the reference, 0 at the car's own lamp; of the worst tyre."""
    part: Floats = filled(wheel / reference, 1.0).min(axis=1)
    return np.clip((part - 1.0 + p["tyre_lamp_part"]) / p["tyre_lamp_part"], 0.0, 1.0)


def _remaining(
    distance: Floats, rate: Floats, gap: kalman.Trend, worst: Integers, leaking: Flags, p: Parameters
) -> Floats:
    """Days until the lamp ``(n, 3)`` of a tyre that leaks; of others nobody can tell who tops them up when."""
    doubled = np.repeat(gap.slope_var, 2, axis=1)
    days = days_until(
        distance, rate, distance_var=p["tyre_gap_sd_kpa"] ** 2 / 4.0, rate_var=one_of(doubled, worst),
        together=np.zeros_like(distance), daily_var=np.full_like(distance, 0.1),
    )  # fmt: skip
    return np.where(some(leaking)[:, None], days, np.nan)


def _numbers(
    wheel: Floats, reference: Floats, limit: Floats, rate: Floats, days: Floats, worst: Integers
) -> dict[str, Floats]:
    level, normal = one_of(wheel, worst), one_of(reference, worst)
    return {
        "value": level,
        "expectation": normal,
        "threshold": one_of(limit, worst),
        "percent": (1.0 - level / normal) * 100.0,
        "loss": one_of(rate, worst),
        "days": np.minimum(np.nan_to_num(one_of(days, worst), posinf=999.0), 999.0),
    }


TEST = (
    "tyre_gap_sd_kpa", "tyre_learn", "tyre_phi", "tyre_k", "tyre_h", "tyre_natural_kpa_day", "tyre_slope_walk",
)  # fmt: skip
_NAMES = (("Front left", "左前"), ("Front right", "右前"), ("Rear left", "左后"), ("Rear right", "右后"))
_FOUND = {
    "en": "Cold and at 20 °C this tyre has {value:.0f} kPa instead of {expectation:.0f} kPa and loses {loss:.1f} kPa a "
    "day against its neighbour; the car's own lamp would come on at {threshold:.0f} kPa, in about {days:.0f} days. ",
    "zh": "该轮胎冷态（折算20 °C）胎压为{value:.0f} kPa，正常为{expectation:.0f} kPa，"
    "相对同轴轮胎每天下降{loss:.1f} kPa；按此速度约{days:.0f}天后达到车辆报警值{threshold:.0f} kPa。",
}
_CHECK = {
    "en": "About nine in ten such findings are right. Check first: pressure with a gauge, then tread and valve in "
    "water for a nail or bubbles. Waiting costs fuel and wear; low pressure can destroy the tyre at speed.",
    "zh": "此类判断约九成准确。优先检查：用胎压表复核，再用水检查胎面和气门嘴是否扎钉或冒泡。"
    "拖延会增加油耗和磨损，高速缺气可能爆胎。",
}
_LATE = {
    "en": "Inflate it before driving on and have it repaired. Check first: a nail, the valve, the rim's edge. Driving "
    "on can ruin the tyre within minutes.",
    "zh": "请先充气再行驶并尽快修补。优先检查：扎钉、气门嘴、轮辋边缘。继续行驶可能在数分钟内损毁轮胎。",
}


def _said(words: dict[str, str]) -> dict[str, str]:
    return {language: _FOUND[language] + words[language] for language in _FOUND}


def _drawn(corner: str, english: str, chinese: str) -> Drawn:
    label = {"en": f"{english} tyre, cold pressure at 20 °C", "zh": f"{chinese}轮胎冷态胎压（折算20 °C）"}
    return Drawn(feature=f"tyre_{corner}_kpa", unit="kPa", label=label)


def _causes() -> tuple[Cause, ...]:
    low = Cause(
        key="all_low", severity=Severity.NEXT_SERVICE, job="inflate_tyres",
        title={"en": "All tyres are low on air", "zh": "四个轮胎气压均偏低"},
        text={
            "en": "Cold and at 20 °C all tyres have lost a quarter or so, this one {percent:.0f} % of "
            "{expectation:.0f} kPa. Tyres lose 7 kPa a month by nature: inflate them to the placard. Waiting costs "
            "fuel and tread.",
            "zh": "折算20 °C后四个轮胎均缺气，本轮比{expectation:.0f} kPa低{percent:.0f}%。轮胎每月自然漏气约7 kPa，"
            "请按标牌充气。拖延会增加油耗和磨损。",
        },
    )  # fmt: skip
    kinds = (
        ("leak", Severity.NEXT_SERVICE, ("loses air", "缓慢漏气"), _CHECK),
        ("leak_soon", Severity.SOON, ("will soon be low on air", "即将缺气"), _CHECK),
        ("flat", Severity.STOP_NOW, ("is nearly flat", "严重缺气"), _LATE),
    )
    return low, *(
        Cause(
            key=f"{key}_{corner}", severity=severity, job="repair_tyre", drawn=_drawn(corner, *names),
            title={"en": f"{names[0]} tyre {title[0]}", "zh": f"{names[1]}轮胎{title[1]}"}, text=_said(check),
        )
        for key, severity, title, check in kinds
        for corner, names in zip(CORNERS, _NAMES, strict=True)
    )  # fmt: skip


NEEDS = tuple(f"tyre_{corner}_kpa" for corner in CORNERS)

DETECTOR = Detector(
    name="tyre_pressure",
    component=Component.TYRE_PRESSURE,
    observability=Observability.STRONG,
    causes=_causes(),
    needs=NEEDS,
    signals=(*signals.TYRE_PRESSURES, *signals.TYRE_TEMPERATURES, signals.AMBIENT_AIR_TEMPERATURE),
    drawn=_drawn("fl", *_NAMES[0]),
    initial=initial,
    step=where_told(step, NEEDS),
    told=told_cold,
    parameters=(
        *TEST, "tyre_lamp_part", "tyre_low_part", "tyre_flat_part", "tyre_refill_kpa", "tyre_refill_all_kpa",
        "tyre_drop_kpa", "tyre_most_kpa", "tyre_slope_kpa_day", "tyre_fall_kpa", "tyre_far_kpa", "tyre_sure",
        "tyre_certain", "tyre_apart_kpa", "tyre_apart_sd", "tyre_apart_times", "tyre_urgent_days",
        "tyre_clear_readings",
    ),
)  # fmt: skip
