"""Insulation of the high-voltage system gets worse.

Why it works: water, dirt or a chafed cable lower the resistance between the high-voltage system and the body by
decades over weeks, long before the limit. Its logarithm moves with the humidity of the air and comes back on a dry
day; what stays low when it is dry does not. The logarithm is freed of humidity with a slope that each car teaches,
then tested with a whitened CUSUM against the car's own normal. Said as an advisory when the dry level has fallen by
``insulation_fall``, as a booking when it has fallen by ``insulation_tenfold``, or by half of ``insulation_fall`` to
below twice what UN R100 asks for (a car that always reads so is not failing), as a stop below what it asks for.
When not: the charging post's own filters lower the reading while plugged in, so stretches at the plug count only for
the limit itself, and only where the car used to read ``insulation_fall`` more there; a car that does not tell humidity
has only its damp days' spread, and its limits stand on the level alone; a battery of unknown voltage is taken as 400 V.

Signals needed: insulation resistance; better with humidity and battery voltage. Without it: not observable.

Source: UN R100: 100 ohm/V for direct, 500 ohm/V where alternating current is connected to it. A tenfold fall of the
dry level as alarm and the rest of the limits: our choice.

False-alarm rate: 0.0008 bookings and 0.004 advisories per vehicle-year aimed at, as the share of one detector in the
whole budget. None in the 22 sound vehicle-years that tests/unit/diagnostics/test_chassis_detectors.py draws with
autocorrelated features, which bounds it to 0.14 only; the rate on the simulated fleet is in the score's report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics import whitened
from diagnostics.arrays import filled, floats, in_a_row, integers, part_of, prefixed
from diagnostics.detector import Cause, Detector, Drawn, Judgement, Later, Observability, at_rest, latch, latched
from diagnostics.findings import Component, Severity
from diagnostics.sparse import where_told
from diagnostics.telling import Repeats
from vehicle import signals

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips

USUAL_HUMIDITY = 60.0
"""Per cent to which the logarithm is brought (our choice)."""
FALLING, FAULT, DANGER = range(3)
RECENT = 0.2
"""Weight of the newest stretch at the plug in what is usual there (our choice)."""


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """Nothing learned: neither the influence of humidity nor what is normal."""
    sums = ("damp_n", "damp_x", "damp_y", "damp_xx", "damp_xy")
    damp: dict[str, Floats | Integers] = {name: np.zeros(n_vehicles) for name in sums}
    below: dict[str, Floats | Integers] = {name: np.zeros(n_vehicles, dtype=np.int64) for name in ("below", "danger")}
    below["at_plug"] = np.full(n_vehicles, np.nan)
    return damp | below | prefixed(whitened.initial(n_vehicles), "test_") | latched(n_vehicles)


def step(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
    """See the module."""
    read = trips["insulation_log"]
    observable = ~np.isnan(read)
    plugged = _plugged(trips)
    slope, damp = _humidity(np.where(plugged, np.nan, read), trips["insulation_humidity"], state, p)
    away = np.where(np.isnan(trips["insulation_humidity"]), 0.0, trips["insulation_humidity"] - USUAL_HUMIDITY)
    dry = np.where(plugged, np.nan, read - slope * away)
    chart = whitened.Chart(
        mean=p["insulation_log_mean"], prior=0.2, sd=p["insulation_log_sd"], learn=p["insulation_learn"],
        phi=p["insulation_phi"], k=p["insulation_k"], hold=p["insulation_h"] / 2.0,
    )  # fmt: skip
    shift, sums = whitened.follow(dry, trips["ended_ms"], part_of(state, "test_"), chart)
    fallen = np.where(np.isnan(shift.level), 0.0, shift.baseline - shift.level)
    limit = _limit(trips, p)
    driven = observable & ~plugged
    near = (dry < limit + np.log10(p["insulation_margin"])) & (fallen > p["insulation_fall"] / 2.0)
    below = in_a_row(near, driven, state["below"])
    wet, at_plug = _at_plug(read, np.where(plugged, read - limit, np.nan), state, p)
    danger = in_a_row((read < limit) & (~plugged | wet), observable, state["danger"])
    shifted = observable & (shift.down > p["insulation_h"])
    fault = (below >= p["insulation_times"]) | (shifted & (fallen > p["insulation_tenfold"]))
    bad = np.where(shifted & (fallen > p["insulation_fall"]), FALLING, -1)
    bad = np.where(danger >= p["insulation_times"], DANGER, np.where(fault, FAULT, bad))
    good = observable & (bad < 0) & (below == 0) & (fallen < p["insulation_fall"] / 2.0)
    raised, cleared, latch_state = latch(
        state, bad=np.where(observable, bad, -1), good=good, clear_after=p["insulation_clear_trips"]
    )
    margin = np.where(np.isnan(shift.level), read, shift.level) - limit
    judgement = Judgement(
        observable=observable,
        raised=raised,
        cleared=cleared,
        since_ms=np.where(shifted, shift.down_since_ms, trips["ended_ms"]),
        found_ms=trips["ended_ms"],
        confidence=np.where(bad == FALLING, 0.8, 0.93),
        health=np.where(observable, np.clip(margin / p["insulation_good_margin"], 0.0, 1.0), np.nan),
        numbers=Later(lambda: _numbers(read, shift.baseline, limit, fallen)),
    )
    after: dict[str, Floats | Integers] = {"below": below, "danger": danger, "at_plug": at_plug}
    return judgement, damp | after | prefixed(whitened.restarted(sums, cleared), "test_") | latch_state


def _numbers(read: Floats, normal: Floats, limit: Floats, fallen: Floats) -> dict[str, Floats]:
    return {
        "value": read,
        "expectation": normal,
        "threshold": limit,
        "kohm": 10.0 ** (read - 3.0),
        "normal": 10.0 ** (normal - 3.0),
        "least": 10.0 ** (limit - 3.0),
        "times": 10.0**fallen,
    }


def _plugged(trips: Trips) -> Flags:
    return (trips["charged_ah"] > 0.0) & ~(trips["speed_n"] > 0.0)


def _limit(trips: Trips, p: Parameters) -> Floats:
    """What the rule asks for, as logarithm of ohms."""
    return np.log10(p["insulation_ohm_per_v"] * np.fmax(filled(trips["insulation_bus_volts"]), p["bus_v"]))


def _read_at_plug(trips: Trips, _p: Parameters) -> Flags:
    return _plugged(trips) & ~np.isnan(trips["insulation_log"])


def _passes(trips: Trips, state: State, p: Parameters) -> tuple[Flags, dict[str, Floats]]:
    """Stretches at the plug that are far from danger: they teach only what is usual there."""
    read = trips["insulation_log"]
    margin = read - _limit(trips, p)
    safe = (margin >= 0.0) & (integers(state["danger"]) == 0)
    return at_rest(state) & safe, {"at_plug": _at_plug(read, margin, state, p)[1]}


def _humidity(y: Floats, humidity: Floats, state: State, p: Parameters) -> tuple[Floats, dict[str, Floats | Integers]]:
    """Decades a per cent of humidity: least squares drawn towards the prior; learned in the first stretches only.

    Learning stops so that a fault that begins in a damp autumn is not explained by the autumn.
    """
    old = {name: floats(state[name]) for name in ("damp_n", "damp_x", "damp_y", "damp_xx", "damp_xy")}
    told = ~np.isnan(y) & ~np.isnan(humidity) & (old["damp_n"] < p["insulation_damp_learn"])
    x, value = np.where(told, humidity - USUAL_HUMIDITY, 0.0), np.where(told, y, 0.0)
    terms = (told.astype(float), x, value, x**2, x * value)
    new = {name: old[name] + term for name, term in zip(old, terms, strict=True)}
    count = np.maximum(new["damp_n"], 1.0)
    spread = new["damp_xx"] - new["damp_x"] ** 2 / count
    together = new["damp_xy"] - new["damp_x"] * new["damp_y"] / count
    weight = (p["insulation_log_sd"] / p["insulation_damp_sd"]) ** 2
    slope = (together + weight * p["insulation_damp"]) / (spread + weight)
    after: dict[str, Floats | Integers] = dict(new)
    return np.minimum(slope, 0.0), after


def _at_plug(read: Floats, margin: Floats, state: State, p: Parameters) -> tuple[Flags, Floats]:
    """Where a stretch at the plug reads far less than usual there, and what is usual; ``margin`` is NaN elsewhere."""
    usual = floats(state["at_plug"])
    followed = np.where(np.isnan(usual), read, usual + RECENT * (read - usual))
    return usual - read > p["insulation_fall"], np.where(margin >= 0.0, followed, usual)


_READ = {
    "en": "Insulation of the high-voltage system reads {kohm:.0f} kOhm; the rule asks for {least:.0f} kOhm. ",
    "zh": "高压系统绝缘电阻为{kohm:.0f} kΩ，法规要求不低于{least:.0f} kΩ。",
}
_FALLS = {
    "en": "Freed of the air's humidity it has fallen {times:.1f}-fold from this car's normal {normal:.0f} kOhm. "
    "Four in "
    "five such findings are right. Check first: plugs, charging socket and coolant for moisture, then cables "
    "for chafing. Left alone it ends in a car that will not start or charge.",
    "zh": "扣除空气湿度影响后，较本车正常值{normal:.0f} kΩ下降了{times:.1f}倍。此类判断约八成准确。"
    "优先检查：高压插头、充电口、冷却液是否进水，其次线缆磨损。拖延最终将导致无法上电或充电。",
}
_FAULT = {
    "en": "Have it looked at by a workshop for high voltage within days; more than nine in ten such findings are "
    "right. "
    "Check first: charging socket and plugs for moisture, heater and compressor by disconnecting one after "
    "another. Until then do not charge in the rain.",
    "zh": "请在数日内到高压资质门店检查，此类判断九成以上准确。优先检查：充电口和插头进水，依次断开加热器和压缩机排查。"
    "此前雨天请勿充电。",
}
_DANGER = {
    "en": "That is below the limit of safety. Do not drive or charge; touch no high-voltage part. A workshop for high "
    "voltage must find the fault; more than nine in ten such findings are right. Check first: water in the "
    "charging socket or the battery.",
    "zh": "已低于安全限值。请勿行驶或充电，勿触碰高压部件，须由高压资质门店排查，此类判断九成以上准确。"
    "优先检查：充电口或电池包进水。",
}


def _said(words: dict[str, str]) -> dict[str, str]:
    return {language: _READ[language] + words[language] for language in _READ}


NEEDS = ("insulation_log",)

DETECTOR = Detector(
    name="insulation",
    component=Component.INSULATION,
    observability=Observability.STRONG,
    causes=(
        Cause(key="falling", severity=Severity.NEXT_SERVICE, job="check_insulation", text=_said(_FALLS),
              title={"en": "High-voltage insulation is getting worse", "zh": "高压绝缘性能下降"}),
        Cause(key="low", severity=Severity.SOON, job="check_insulation", text=_said(_FAULT),
              title={"en": "High-voltage insulation is low", "zh": "高压绝缘偏低"}),
        Cause(key="dangerous", severity=Severity.STOP_NOW, job="check_insulation", text=_said(_DANGER),
              title={"en": "High-voltage insulation is below the safe limit", "zh": "高压绝缘低于安全限值"}),
    ),
    needs=NEEDS,
    signals=(signals.INSULATION, signals.HUMIDITY, signals.TRACTION_VOLTAGE),
    drawn=Drawn(
        feature="insulation_log", unit="log10 ohm",
        label={"en": "Insulation resistance, logarithm", "zh": "绝缘电阻（对数）"},
    ),
    initial=initial,
    repeats=Repeats(alike=_read_at_plug, passes=_passes),
    step=where_told(step, NEEDS),
    parameters=(
        "insulation_log_mean", "insulation_log_sd", "insulation_learn", "insulation_phi", "insulation_k",
        "insulation_h", "insulation_damp", "insulation_damp_sd", "insulation_damp_learn", "insulation_ohm_per_v",
        "bus_v", "insulation_margin", "insulation_times", "insulation_fall", "insulation_tenfold",
        "insulation_good_margin", "insulation_clear_trips",
    ),
)  # fmt: skip
