"""Automatic gearbox: clutches or brakes that slip, a converter that no longer locks, fluid that runs too hot.

Why it works: in an engaged gear turbine and output turn in a fixed ratio, known to a part in a thousand once it is
averaged; a clutch that slips lets the turbine run ahead. Each gear is compared with the car's own, learned gear by
gear, and the slip of a trip is summed whitened. A locked converter turns engine and turbine together; its slip at a
cruise is watched the same way, and so is how much warmer the fluid is than the coolant, which a clogged cooler raises,
and a warmer season too (by 0.2 K a K, 0.4 at most: 83 cars of seeds 17, 20 and 34), so that is allowed for.
Fluid above 130 degC for ten minutes, on two drives, is said as such.
When not: gearboxes without a turbine speed or gear on the bus, and belts without gears, tell nothing here. Shifts and
first gear are left out. Towing heats the fluid without a fault; so heat alone is for the next service. A converter
kept slipping by intent for comfort is part of the car's normal.

Signals needed: turbine and output speed with gear engaged, or fluid temperature. Without both: not observable.

Source: makers' codes for hot fluid: above 130 degC for 600 s (GM), 131 to 132 for ten minutes (Saab). Ratio by
gearing, exact. Slip of 1 % for the next service, 3 % for soon, 60 rpm of the converter, 10 K of the fluid, sums of 14:
our choice.

False-alarm rate: 0.0008 bookings and 0.004 advisories per vehicle-year aimed at; measured in simulated vehicle-years
by ``tests/unit/diagnostics/test_engine_detectors.py`` with autocorrelated ratios, where it is 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics import season, whitened
from diagnostics.arrays import filled, floats, integers
from diagnostics.detector import Cause, Detector, Drawn, Judgement, Later, Observability, latch, latched
from diagnostics.findings import Component, Severity
from diagnostics.sparse import where_told
from diagnostics.telling import tells
from vehicle import signals

if TYPE_CHECKING:
    from diagnostics.arrays import Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips

HOT_FLUID, COOLER, CONVERTER, SLIP, SLIPPING = range(5)
RATIOS = ("gear_ratio_2", "gear_ratio_3", "gear_ratio_4", "gear_ratio_5", "gear_ratio_6")
PREFIXES = ("gear_slip", "converter_slip", "fluid_excess")
GEAR, LOCK, HEAT = range(3)


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """Nothing seen."""
    gears: dict[str, Floats | Integers] = {
        "gear_sum": np.zeros((n_vehicles, len(RATIOS))),
        "gear_trips": np.zeros((n_vehicles, len(RATIOS))),
        "hot_trips": np.zeros(n_vehicles, dtype=np.int64),
    }
    return gears | whitened.initial(n_vehicles, len(PREFIXES)) | season.initial(n_vehicles) | latched(n_vehicles)


def step(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
    """See the module."""
    slip, gears = _slip(trips, state, p)
    lock, at_ms = trips["converter_slip"], trips["ended_ms"]
    series = np.stack([slip, lock, trips["fluid_excess"]], axis=1)
    shift, sums = whitened.follow(series, at_ms[:, None], state, whitened.charts(PREFIXES, p))
    hot = _hot(trips, state, p)
    seen = ~np.isnan(slip) | ~np.isnan(lock)
    told = ~np.isnan(trips["gearbox_max"])
    observable = seen | told
    calm_heat = np.maximum(shift.up, shift.down)[:, HEAT] < p["fluid_excess_h"] / 2.0
    fluid = ~np.isnan(trips["fluid_excess"])
    warmer_k, seasons = season.follow(trips, fluid, calm_heat, state, p["fluid_excess_learn"])
    warms_k = p["fluid_excess_next"] + p["fluid_excess_per_k"] * warmer_k
    bad = np.where(observable, _cause(shift, hot, warms_k, p), -1)
    moved = filled(shift.moved)
    calm = (moved[:, GEAR] < p["gear_slip_next"] / 2.0) & (moved[:, LOCK] < p["converter_slip_next"] / 2.0)
    calm &= moved[:, HEAT] < p["fluid_excess_next"] / 2.0
    now = ~(slip - shift.baseline[:, GEAR] >= p["gear_slip_next"]) & ~(
        lock - shift.baseline[:, LOCK] >= p["converter_slip_next"]
    )
    good = observable & calm & now & (hot == 0)
    raised, cleared, latch_state = latch(state, bad=bad, good=good, clear_after=p["gear_clear_trips"])
    by_gear = np.clip(1.0 - np.maximum(moved[:, GEAR], 0.0) / p["gear_slip_failed"], 0.0, 1.0)
    by_lock = np.clip(1.0 - np.maximum(moved[:, LOCK], 0.0) / p["converter_slip_failed"], 0.0, 1.0)
    is_lock = bad == CONVERTER
    judgement = Judgement(
        observable=observable,
        raised=raised,
        cleared=cleared,
        since_ms=np.where(is_lock, shift.up_since_ms[:, LOCK], shift.up_since_ms[:, GEAR]),
        found_ms=at_ms,
        confidence=np.where(bad == HOT_FLUID, 0.7, 0.85),
        health=np.where(observable, np.minimum(by_gear, by_lock), np.nan),
        numbers=Later(
            lambda: {
                "value": np.where(
                    is_lock, lock, np.where(bad == HOT_FLUID, trips["gearbox_max"], trips["gear_ratio_3"])
                ),
                "expectation": np.where(is_lock, shift.baseline[:, LOCK], np.nan),
                "threshold": np.where(is_lock, shift.baseline[:, LOCK] + p["converter_slip_next"], np.nan),
                "slip": moved[:, GEAR] * 100.0,
                "rpm": moved[:, LOCK],
                "kelvin": moved[:, HEAT],
                "hottest": filled(trips["gearbox_max"]),
                "minutes": filled(trips["gearbox_hot_s"]) / 60.0,
            }
        ),
    )
    return judgement, gears | {"hot_trips": hot} | whitened.restarted(sums, cleared) | seasons | latch_state


def _slip(trips: Trips, state: State, p: Parameters) -> tuple[Floats, dict[str, Floats | Integers]]:
    """Mean over the gears of how far the turbine ran ahead of the car's own ratios; NaN while they are learned."""
    ratios = np.stack([trips[name] for name in RATIOS], axis=1)
    told = ~np.isnan(ratios)
    total, count = floats(state["gear_sum"]), floats(state["gear_trips"])
    learn = p["gear_learn_trips"][:, None]
    known = told & (count >= learn)
    ahead = np.where(known, ratios - total / np.maximum(count, 1.0), 0.0)
    gears = known.sum(axis=1)
    slip = np.where(gears > 0, ahead.sum(axis=1) / np.maximum(gears, 1), np.nan)
    learning = told & (count < learn)
    after: dict[str, Floats | Integers] = {
        "gear_sum": total + np.where(learning, filled(ratios), 0.0),
        "gear_trips": count + learning,
    }
    return slip, after


def _hot(trips: Trips, state: State, p: Parameters) -> Integers:
    """Drives with hot fluid that were not long undone by cool ones."""
    before, seconds = integers(state["hot_trips"]), trips["gearbox_hot_s"]
    cool = ~np.isnan(trips["gearbox_max"]) & ~(seconds >= p["gear_hot_s"])
    return np.where(seconds >= p["gear_hot_s"], before + 1, np.where(cool, 0, before))


def _cause(shift: whitened.Shift, hot: Integers, warms_k: Floats, p: Parameters) -> Integers:
    moved = shift.moved
    bad = np.where(hot >= p["gear_hot_trips"], HOT_FLUID, -1)
    unlocks = (shift.up[:, LOCK] > p["converter_slip_h"]) & (moved[:, LOCK] >= p["converter_slip_next"])
    slips = (shift.up[:, GEAR] > p["gear_slip_h"]) & (moved[:, GEAR] >= p["gear_slip_next"])
    heats = (shift.up[:, HEAT] > p["fluid_excess_h"]) & (moved[:, HEAT] >= warms_k)
    bad = np.where(heats, COOLER, bad)
    bad = np.where(unlocks, CONVERTER, bad)
    bad = np.where(slips, SLIP, bad)
    return np.where(slips & (moved[:, GEAR] >= p["gear_slip_soon"]), SLIPPING, bad).astype(np.int64)


_CHECK = {
    "en": "Check first: level, colour and smell of the fluid; then its pressure and the adaptation values. Waiting "
    "burns the "
    "clutches, and a fluid change becomes a rebuild.",
    "zh": "优先检查：变速箱油的液位、颜色和气味；其次油压和自适应值。拖延会烧毁离合器片，换油将变成大修。",
}
_SLIP = {
    "en": "In its gears the turbine runs {slip:.1f} % ahead of what this gearbox's own ratios say: clutches slip. ",
    "zh": "挂挡行驶时，涡轮转速比本变速箱自身传动比高{slip:.1f}%：离合器打滑。",
}
_LOCK = {
    "en": "At a cruise the locked converter slips {rpm:.0f} rpm more than was usual for this car. ",
    "zh": "巡航时锁止的变矩器打滑比本车正常值多{rpm:.0f}转/分。",
}
_COOLER = {
    "en": "The warm gearbox fluid is {kelvin:.0f} K hotter above the coolant than was usual for this car: its cooler "
    "passes "
    "less. ",
    "zh": "热车后变速箱油温比冷却液高出的幅度较本车正常值大{kelvin:.0f} K：油冷却器散热能力下降。",
}
_HOT = {
    "en": "On the last drives the gearbox fluid was above 130 °C for {minutes:.0f} minutes, {hottest:.0f} °C at "
    "most. Was a "
    "trailer towed? If not: ",
    "zh": "最近几次行程变速箱油温超过130 °C达{minutes:.0f}分钟，最高{hottest:.0f} °C。是否拖挂？若无：",
}


def _text(*parts: dict[str, str]) -> dict[str, str]:
    return {word: "".join(part[word] for part in parts) for word in ("en", "zh")}


DETECTOR = Detector(
    name="transmission",
    component=Component.TRANSMISSION,
    observability=Observability.AGGREGATED,
    causes=(
        Cause(key="hot_fluid", severity=Severity.NEXT_SERVICE, job="check_gearbox", text=_text(_HOT, _CHECK),
              title={"en": "Gearbox fluid runs hot", "zh": "变速箱油温过高"},
              drawn=Drawn(feature="gearbox_max", unit="degC",
                          label={"en": "Highest temperature of the gearbox fluid", "zh": "变速箱油最高温度"})),
        Cause(key="poor_cooling", severity=Severity.NEXT_SERVICE, job="check_gearbox", text=_text(_COOLER, _CHECK),
              title={"en": "Gearbox fluid is cooled less", "zh": "变速箱油散热变差"},
              drawn=Drawn(feature="fluid_excess", unit="K",
                          label={"en": "Gearbox fluid above the coolant, mean of a trip",
                                 "zh": "变速箱油温高于冷却液（行程平均）"})),
        Cause(key="converter_slip", severity=Severity.NEXT_SERVICE, job="check_gearbox", text=_text(_LOCK, _CHECK),
              title={"en": "Torque converter no longer locks fully", "zh": "变矩器锁止不完全"},
              drawn=Drawn(feature="converter_slip", unit="rpm",
                          label={"en": "Slip of the converter at a cruise", "zh": "巡航时变矩器滑差"})),
        Cause(key="slip", severity=Severity.NEXT_SERVICE, job="check_gearbox", text=_text(_SLIP, _CHECK),
              title={"en": "Gearbox begins to slip", "zh": "变速箱开始打滑"}),
        Cause(key="slipping", severity=Severity.SOON, job="check_gearbox", text=_text(_SLIP, _CHECK),
              title={"en": "Gearbox slips", "zh": "变速箱打滑"}),
    ),
    needs=("converter_slip", "gearbox_max", *RATIOS),
    signals=(signals.TURBINE_SPEED, signals.GEARBOX_OUTPUT_SPEED, signals.GEAR, signals.GEARBOX_TEMPERATURE,
             signals.ENGINE_SPEED, signals.SPEED),
    drawn=Drawn(
        feature="gear_ratio_3",
        unit="1",
        label={"en": "Ratio of third gear, logarithm", "zh": "三挡传动比（对数）"},
    ),
    initial=initial,
    step=where_told(step, (*RATIOS, "converter_slip", "fluid_excess", "gearbox_max", "gearbox_hot_s")),
    told=tells((*RATIOS, "converter_slip", "fluid_excess", "gearbox_max"), counted=("gearbox_hot_s",)),
    parameters=(
        *whitened.parameters(*PREFIXES), "gear_learn_trips", "gear_hot_s", "gear_hot_trips", "gear_slip_next",
        "fluid_excess_next", "fluid_excess_per_k", "gear_slip_soon", "gear_slip_failed", "converter_slip_next",
        "converter_slip_failed", "gear_clear_trips",
    ),
)  # fmt: skip
