"""A weak block of the traction battery: it discharges itself, holds less, or is joined badly.

Why it works: at rest and at the same charge all blocks have the same voltage but for a few mV that stay. Against the
median of the blocks charge, temperature and age of the whole cancel. Three tests of each block: its deviation falls
day by day (self-discharge, the mark of an internal short; Kalman slope), its deviation has shifted from its own normal
(whitened CUSUM; a block that holds less), and its deviation grows with current (mOhm more than the others: a bad
joint). A block that discharges itself fast is a matter of safety and comes first.
When not: a bad joint is seen only where the blocks are read at the same moment under load, since the current differs
from one reading to the next; a lithium iron phosphate battery has the same voltage from 20 to 90 % of charge, so a few
mV there hide ten per cent: blocks whose voltage at rest lies in that plateau are judged by slope and joint only, with
the limits of their table; very full and very empty batteries, where blocks differ by nature, are left out; the
battery's own balancing lifts a weak block again, so the slope counts and not the level alone. Where readings lie far
further apart than usual (packets are lost, values are old) slopes are judged by the car's own spread, and come later.
All blocks drift apart with the years: what a block has fallen counts beyond what sound ones drift in that time.

Signals needed: voltages of the blocks, current. Without voltages of blocks: not observable (the lowest and the highest
cell alone do not tell which).

Source: deviations of 30 to 50 mV at rest are the usual alarm at middle charge (our choice of 25 for an advisory); field
data of 347 cars (Nature Communications 2023) have 0.04 to 0.08 % faulty, so a rate of false alarms far below that is
needed, and the text asks for an inspection before anything is replaced. Slopes, spreads and limits: our choice.

False-alarm rate: 0.0008 bookings and 0.004 advisories per vehicle-year aimed at, as the share of one detector in the
whole budget. None in the 22 sound vehicle-years that tests/unit/diagnostics/test_chassis_detectors.py draws with
autocorrelated features, which bounds it to 0.14 only; the rate on the simulated fleet is in the score's report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics import restless, whitened
from diagnostics.arrays import every, filled, one_of, part_of, prefixed, some
from diagnostics.detector import Cause, Detector, Drawn, Judgement, Later, Observability, latch, latched
from diagnostics.findings import Component, Severity
from diagnostics.prognosis import kalman
from diagnostics.prognosis.dose import DAY_MS
from diagnostics.sparse import where_told
from diagnostics.telling import tells
from vehicle import signals

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips

BLOCKS = tuple(range(1, len(signals.BLOCK_VOLTAGES) + 1))
PLATEAU_V = (3.22, 3.36)
"""Voltage at rest of an iron phosphate cell between 15 and 95 % of charge."""
MIDDLE_V = (3.45, 4.08)
"""Voltage at rest of a nickel-manganese-cobalt cell between 10 and 92 % of charge (our choice of the ends)."""
MONTH_MS = 30.0 * DAY_MS
JOINT, WEAK, SHORT = range(3)


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """Nothing learned of any block."""
    width = len(BLOCKS)
    parts = prefixed(whitened.initial(n_vehicles, width), "test_")
    parts |= prefixed(restless.initial(n_vehicles, width), "own_")
    for what in ("cell_", "joint_"):
        parts |= prefixed(kalman.initial(n_vehicles, width), what)
    return parts | latched(n_vehicles)


def step(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
    """See the module."""
    away, joint = _blocks(trips, "mv"), _blocks(trips, "mohm")
    volts = trips["cell_rest_volts"]
    plateau = (volts > PLATEAU_V[0]) & (volts < PLATEAU_V[1])
    judged = plateau | ((volts > MIDDLE_V[0]) & (volts < MIDDLE_V[1]))
    away = np.where(judged[:, None], away, np.nan)
    observable = some(~np.isnan(away)) | some(~np.isnan(joint))
    at_ms = trips["ended_ms"][:, None]
    shift, sums = _shifted(away, at_ms, state, p)
    usual = np.broadcast_to(p["cell_sd_mv"][:, None], away.shape)
    own, spreads = restless.follow(away, part_of(state, "own_"), usual)
    fall, falls = _moving(away, at_ms, state, restless.wide(own, usual), "cell")
    resistance, joints = _moving(joint, at_ms, state, p["cell_joint_sd_mohm"][:, None], "joint")
    short = _is_short(fall, shift, p)
    limit = _fall_limit(shift, at_ms, p)
    weak = (shift.down > p["cell_h"][:, None]) & (shift.baseline - fall.level > limit)
    weak = (weak | _far_below(fall, p)) & ~plateau[:, None]
    bad, worst = _worst(short, weak, _is_joint(resistance, p), fall, resistance)
    calm = (np.abs(fall.level - shift.baseline) < p["cell_fall_mv"][:, None] / 2.0) | np.isnan(shift.baseline)
    raised, cleared, latch_state = latch(
        state, bad=np.where(observable, bad, -1), good=observable & (bad < 0) & every(calm),
        clear_after=p["cell_clear_trips"],
    )  # fmt: skip
    judgement = Judgement(
        observable=observable,
        raised=raised,
        cleared=cleared,
        since_ms=one_of(shift.down_since_ms, worst),
        found_ms=trips["ended_ms"],
        confidence=np.where(bad == SHORT, 0.85, 0.8),
        health=np.where(observable, _health(fall, shift, resistance, p), np.nan),
        numbers=Later(lambda: _numbers(fall, shift, resistance, worst, bad, limit, p)),
    )
    after = prefixed(whitened.restarted(sums, cleared), "test_") | prefixed(spreads, "own_")
    return judgement, after | falls | joints | latch_state


def _blocks(trips: Trips, unit: str) -> Floats:
    return np.stack([trips[f"cell_{number}_{unit}"] for number in BLOCKS], axis=1)


def _shifted(
    away: Floats, at_ms: Floats, state: State, p: Parameters
) -> tuple[whitened.Shift, dict[str, Floats | Integers]]:
    chart = whitened.Chart(
        mean=np.zeros((1, 1)), prior=0.5, sd=p["cell_sd_mv"][:, None], learn=p["cell_learn"][:, None],
        phi=p["cell_phi"][:, None], k=p["cell_k"][:, None], hold=p["cell_h"][:, None] / 2.0,
    )  # fmt: skip
    return whitened.follow(away, at_ms, part_of(state, "test_"), chart)


def _moving(
    x: Floats, at_ms: Floats, state: State, wide: Floats, what: str
) -> tuple[kalman.Trend, dict[str, Floats | Integers]]:
    """Level and slope of each block's deviation, or of its resistance; ``wide`` is what readings lie apart by."""
    motion = kalman.Motion(
        level=np.zeros((1, 1)), level_sd=3.0 * wide, slope=np.zeros((1, 1)), slope_sd=wide / 20.0,
        level_walk=wide / 10.0, slope_walk=wide / 200.0, noise_sd=wide,
    )  # fmt: skip
    trend, after = kalman.follow(x, at_ms, part_of(state, f"{what}_"), motion)
    return trend, prefixed(after, f"{what}_")


def _is_short(fall: kalman.Trend, shift: whitened.Shift, p: Parameters) -> Flags:
    """A block that falls behind steadily, for certain, and has already fallen."""
    sure = fall.slope < -p["cell_sure"][:, None] * np.sqrt(filled(fall.slope_var, 1.0))
    fallen = shift.baseline - fall.level > p["cell_short_mv"][:, None]
    found: Flags = sure & fallen & (fall.slope < -p["cell_slope_mv_day"][:, None])
    return found & (fall.count >= p["cell_learn"][:, None])


def _far_below(fall: kalman.Trend, p: Parameters) -> Flags:
    """So far below the others that no normal of its own excuses it."""
    sure = fall.level + 3.0 * np.sqrt(filled(fall.level_var, 1e6)) < -p["cell_low_mv"][:, None]
    found: Flags = sure & (fall.count >= p["cell_learn"][:, None])
    return found


def _is_joint(resistance: kalman.Trend, p: Parameters) -> Flags:
    """More resistance than the others by what matters, for certain."""
    error = np.sqrt(filled(resistance.level_var, 1e6))
    found: Flags = resistance.level - p["cell_sure"][:, None] * error > p["cell_joint_mohm"][:, None]
    return found & (resistance.count >= p["cell_learn"][:, None])


def _worst(
    short: Flags, weak: Flags, joint: Flags, fall: kalman.Trend, resistance: kalman.Trend
) -> tuple[Integers, Integers]:
    """Index of the worst cause, -1 none, and the block that it is about."""
    lowest, steepest = filled(fall.level), filled(fall.slope)
    worst = np.argmin(lowest, axis=1)
    worst = np.where(some(joint), np.argmax(filled(resistance.level), axis=1), worst)
    worst = np.where(some(weak), np.argmin(np.where(weak, lowest, np.inf), axis=1), worst)
    worst = np.where(some(short), np.argmin(np.where(short, steepest, np.inf), axis=1), worst)
    cause = np.where(some(joint), JOINT, -1)
    cause = np.where(some(weak), WEAK, cause)
    return np.where(some(short), SHORT, cause), worst


def _fall_limit(shift: whitened.Shift, at_ms: Floats, p: Parameters) -> Floats:
    """How far a block must have fallen, mV ``(n, blocks)``: beyond what sound ones drift in the time that it fell."""
    months = filled((at_ms - shift.down_since_ms) / MONTH_MS)
    return np.maximum(p["cell_fall_mv"][:, None], p["cell_drift_mv_month"][:, None] * months)


def _health(fall: kalman.Trend, shift: whitened.Shift, resistance: kalman.Trend, p: Parameters) -> Floats:
    """1 where all blocks agree, 0 where one is as far off as an advisory twice over."""
    fallen = filled(shift.baseline - fall.level) / (2.0 * p["cell_fall_mv"][:, None])
    joined = filled(resistance.level) / (2.0 * p["cell_joint_mohm"][:, None])
    worst: Floats = np.maximum(fallen, joined).max(axis=1)
    return np.clip(1.0 - worst, 0.0, 1.0)


def _numbers(
    fall: kalman.Trend, shift: whitened.Shift, resistance: kalman.Trend, worst: Integers, bad: Integers, limit: Floats,
    p: Parameters,
) -> dict[str, Floats]:  # fmt: skip
    at_joint = bad == JOINT
    normal = filled(one_of(shift.baseline, worst))
    more = filled(one_of(resistance.level, worst))
    return {
        "value": np.where(at_joint, more, filled(one_of(fall.level, worst))),
        "expectation": np.where(at_joint, 0.0, normal),
        "threshold": np.where(at_joint, p["cell_joint_mohm"], normal - one_of(limit, worst)),
        "block": worst + 1.0,
        "slope": -filled(one_of(fall.slope, worst)) * 30.0,
    }


_REST = {
    "en": "At rest block {block:.0f} of the traction battery is {value:+.0f} mV from the others (its own normal: "
    "{expectation:+.0f} mV) and falls by {slope:.1f} mV a month. ",
    "zh": "静置时动力电池第{block:.0f}组与其他组相差{value:+.0f} mV（本组正常值{expectation:+.0f} mV），"
    "每月下降{slope:.1f} mV。",
}
_WEAK = {
    "en": "Four in five such findings are right. Check first: voltages of the block's cells after a full charge with "
    "balancing, then its capacity. Waiting costs range: the weakest block ends every drive.",
    "zh": "此类判断约八成准确。优先检查：充满并均衡后测量该组各单体电压，再测容量。拖延将损失续航："
    "最弱的一组决定可用电量。",
}
_SHORT = {
    "en": "It discharges itself, which can be a short within a cell. About six in seven such findings are right. Check "
    "first: a workshop for high voltage measures the block's self-discharge. Until then do not charge "
    "unattended or beyond 80 %; an internal short can overheat.",
    "zh": "该组存在自放电，可能是单体内短路。此类判断约85%准确。优先检查：由高压资质门店测量该组自放电。"
    "此前请勿无人看管充电，且不要充至80%以上；内短路可能引起过热。",
}
_JOINT = {
    "en": "Block {block:.0f} has {value:.2f} mOhm more than the others (limit {threshold:.2f}): a joint or a cell that "
    "ages. Four in five such findings are right. Check first: torque and heat of its busbar under load. "
    "A bad joint gets hot when charged fast.",
    "zh": "第{block:.0f}组内阻比其他组高{value:.2f} mΩ（限值{threshold:.2f}），可能是连接片松动或单体老化。"
    "此类判断约八成准确。优先检查：带载时连接片的力矩和温度。接触不良在快充时会发热。",
}
_DRAWN = Drawn(
    feature="cell_1_mv", unit="mV", label={"en": "Block 1 against the others at rest", "zh": "第1组与其他组静置压差"}
)


NEEDS = tuple(f"cell_{number}_{unit}" for number in BLOCKS for unit in ("mv", "mohm"))

DETECTOR = Detector(
    name="cell_imbalance",
    component=Component.CELL_IMBALANCE,
    observability=Observability.STRONG,
    causes=(
        Cause(
            key="bad_joint", severity=Severity.NEXT_SERVICE, job="inspect_traction_battery",
            title={"en": "Traction battery: a joint has high resistance", "zh": "动力电池：连接电阻偏高"}, text=_JOINT,
        ),
        Cause(
            key="weak_block", severity=Severity.SOON, job="inspect_traction_battery",
            title={"en": "Traction battery: a block is weak", "zh": "动力电池：某组电芯偏弱"},
            text={language: _REST[language] + _WEAK[language] for language in _REST},
        ),
        Cause(
            key="self_discharge", severity=Severity.SOON, job="inspect_traction_battery",
            title={"en": "Traction battery: a block discharges itself", "zh": "动力电池：某组电芯自放电"},
            text={language: _REST[language] + _SHORT[language] for language in _REST},
        ),
    ),
    needs=NEEDS,
    signals=(*signals.BLOCK_VOLTAGES, signals.TRACTION_CURRENT),
    drawn=_DRAWN,
    initial=initial,
    step=where_told(step, NEEDS),
    told=tells(NEEDS),
    parameters=(
        "cell_sd_mv", "cell_learn", "cell_phi", "cell_k", "cell_h", "cell_fall_mv", "cell_drift_mv_month",
        "cell_short_mv", "cell_low_mv", "cell_slope_mv_day", "cell_sure",
        "cell_joint_mohm", "cell_joint_sd_mohm", "cell_clear_trips",
    ),
)  # fmt: skip
