"""Wheel-speed sensors and wheel bearings.

What a sensor shows is how fast its wheel turns, times the nominal radius. A sensor that reads a toothed ring through
an air gap loses the signal below some speed; that speed rises with the cube of the gap (our choice, as amplitude falls
steeply with it). A loose connector drops the signal for single seconds. A bearing with play lets the gap swing: only
near its end does that show as jitter.

Reads of the platform ``track_m``, ``wheelbase_m``, ``wheel_sensors`` (part of cars that show wheel speeds),
``vanish_kmh`` (speed below which a sound sensor is silent).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet.arrays import Floats, by_place, floats, full, spread
from simulators.fleet.faults import FaultKind
from simulators.fleet.subsystem import Subsystem
from vehicle.signals import WHEEL_SPEEDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulators.fleet.faults import Bools
    from simulators.fleet.moment import Moment, Weather

WHEELS = 4
KMH = 3.6
RESCUED_KMH = 10.0
"""A signal that is lost above this speed switches the anti-lock system off."""
LOST_SHARE = 0.15
"""Part of the seconds without signal from which on the control unit gives the sensor up (our choice)."""
JITTER_KMH = 1.6
"""Swing of the shown speed with a bearing at its end (our choice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelBuild:
    """``vanish_kmh`` (n, 4); half the track and the wheelbase in m; ``shows`` is 1 where the car gives wheel speeds."""

    vanish_kmh: Floats
    half_track_m: Floats
    wheelbase_m: Floats
    shows: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelCondition:
    """``(n, 4)``: ``gap`` of the sensor against a sound one's, ``dropout`` part of the seconds, ``play`` 0 to 1."""

    gap: Floats
    dropout: Floats
    play: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelState:
    """Speeds that the sensors show, km/h, ``(n, 4)``."""

    shown_kmh: Floats


def build(platform: Mapping[str, float], n: int, rng: np.random.Generator) -> WheelBuild:
    """Wheels of ``n`` cars of a platform."""
    return WheelBuild(
        vanish_kmh=by_place(spread(rng, n * WHEELS, platform.get("vanish_kmh", 2.2), 0.1).reshape(n, WHEELS)),
        half_track_m=full(n, platform.get("track_m", 1.52) / 2.0),
        wheelbase_m=full(n, platform.get("wheelbase_m", 2.62)),
        shows=floats(rng.random(n) < platform.get("wheel_sensors", 0.7)),
    )


def sound(n: int, rng: np.random.Generator) -> WheelCondition:
    """Sensors at their gap, bearings without play."""
    none = by_place(np.zeros((n, WHEELS)))
    gap = by_place(spread(rng, n * WHEELS, 1.0, 0.05).reshape(n, WHEELS))
    return WheelCondition(gap=gap, dropout=none, play=np.array(none))


def begin(build: WheelBuild, weather: Weather) -> WheelState:
    """Wheels that stand."""
    del weather
    return WheelState(shown_kmh=np.zeros_like(build.vanish_kmh))


def park(
    state: WheelState, build: WheelBuild, condition: WheelCondition, parked_s: Floats, weather: Weather,
    rng: np.random.Generator,
) -> WheelState:  # fmt: skip
    """Wheels that stand."""
    del build, condition, parked_s, weather, rng
    return WheelState(shown_kmh=np.zeros_like(state.shown_kmh))


def step(
    state: WheelState, moment: Moment, build: WheelBuild, condition: WheelCondition, dt_s: float,
    rng: np.random.Generator,
) -> WheelState:  # fmt: skip
    """What the sensors show now."""
    del state, dt_s
    chance = rng.random(len(moment.speed_mps), dtype=np.float32)
    shown = _paths(moment, build)
    shown *= moment.turning
    swing = condition.play * condition.play
    swing *= swing
    widest = np.minimum(moment.speed_mps, np.float32(20.0)) * np.float32(JITTER_KMH / 20.0)
    swing *= ((chance - np.float32(0.5)) * widest)[:, None]
    shown += swing
    heard = shown > build.vanish_kmh * vanishing(condition)
    heard &= chance[:, None] >= condition.dropout
    shown *= heard
    return WheelState(shown_kmh=shown)


def _paths(moment: Moment, build: WheelBuild) -> Floats:
    """Speed over ground of the four wheels, km/h: the outer ones and the front ones go the longer way."""
    shown = np.empty((len(moment.speed_mps), WHEELS), dtype=np.float32, order="F")
    outer = moment.yaw_rps * build.half_track_m
    turned = moment.yaw_rps * build.wheelbase_m
    longer = turned * turned / (np.maximum(moment.speed_mps, np.float32(1.0)) * np.float32(2.0))
    shown[:, 2] = (moment.speed_mps - outer) * np.float32(KMH)
    shown[:, 3] = (moment.speed_mps + outer) * np.float32(KMH)
    longer *= np.float32(KMH)
    shown[:, 0] = shown[:, 2] + longer
    shown[:, 1] = shown[:, 3] + longer
    return shown


def vanishing(condition: WheelCondition) -> Floats:
    """Factor on the speed below which the sensors are silent, ``(n, 4)``."""
    risen = condition.gap * condition.gap
    risen *= condition.gap
    return risen


def readings(state: WheelState, build: WheelBuild, condition: WheelCondition) -> dict[str, Floats]:
    """Wheel speeds, km/h."""
    del condition
    none = np.where(build.shows > 0.5, np.float32(0.0), np.float32(np.nan))  # noqa: PLR2004 - a flag
    return {path: state.shown_kmh[:, at] + none for at, path in enumerate(WHEEL_SPEEDS)}


def is_lost(state: WheelState, build: WheelBuild, condition: WheelCondition) -> Bools:
    """Whether the signal of a wheel is gone at a speed at which the anti-lock system needs it."""
    del state
    silent = build.vanish_kmh * vanishing(condition) > RESCUED_KMH
    lost: Bools = np.logical_or.reduce(silent | (condition.dropout > LOST_SHARE), axis=1)
    return lost


SUBSYSTEM: Subsystem[WheelBuild, WheelCondition, WheelState] = Subsystem(
    name="wheels", build=build, sound=sound, begin=begin, park=park, step=step, readings=readings
)

FAULTS = (
    FaultKind(
        name="sensor_gap_grows", component="wheel_speed_sensor", observability="A", field="gap", sound=1.0, failed=1.72,
        law="wiener", growth_days=90.0, repair="clean_ring_replace_sensor", per_year=0.008, ageing=1.8,
        failed_when=is_lost, codes=("C0035", "C0040", "C0045", "C0050"),
    ),
    FaultKind(
        name="sensor_cable_breaks", component="wheel_speed_sensor", observability="A", field="dropout", sound=0.0,
        failed=0.16, law="gamma", growth_days=60.0, repair="replace_sensor", per_year=0.006, ageing=1.5,
        failed_when=is_lost, codes=("C0035", "C0040", "C0045", "C0050"),
    ),
    FaultKind(
        name="bearing_play", component="wheel_bearing", observability="C", field="play", sound=0.0, failed=1.0,
        law="gamma", growth_days=180.0, repair="replace_bearing", per_year=0.012, ageing=2.2,
        also=(("gap", 1.35),),
    ),
)  # fmt: skip
