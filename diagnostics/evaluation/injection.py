"""Faults put into recorded drives: the physics that a fault changes, applied to real driving.

Semi-synthetic by nature: driving, noise and polling are real, the fault's effect is a model. All constants are our
choice.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from vehicle import signals as s

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from diagnostics.arrays import Floats, Integers

Drive = dict[str, "Floats"]

HEAT_K_PER_UNIT = 0.5
"""Warming of the recorded engine: 1 K per 2.0e5 rpm kPa s (median of its 23 cold starts, 1.9 to 2.9)."""
STILL_LOSS, MOVING_LOSS = 0.001, 1.8e-4
"""Cooling through an open thermostat, 1/s at standstill and per km/h: settles near 60 degC in city traffic."""
OPEN_C = 87.0


def thermostat_open(drive: Mapping[str, Floats]) -> Drive:
    """The coolant passes the radiator at all times: temperature by a heat balance over the recorded driving."""
    rpm, pressure, speed, run_time = (drive[name] for name in (s.ENGINE_SPEED, s.MAP, s.SPEED, s.RUN_TIME))
    passed = np.clip(np.diff(run_time, prepend=run_time[:1]), 0.0, 10.0)
    heat = HEAT_K_PER_UNIT * np.nan_to_num(rpm * pressure) / 1e5 * np.nan_to_num(passed)
    loss = (STILL_LOSS + MOVING_LOSS * np.nan_to_num(speed)) * np.nan_to_num(passed)
    outside = float(np.nanmin(drive[s.INTAKE_AIR_TEMPERATURE]))
    coolant = drive[s.COOLANT_TEMPERATURE].copy()
    now = coolant[0]
    for row in range(len(coolant)):
        now = min(now + heat[row] - loss[row] * (now - outside), OPEN_C)
        coolant[row] = np.round(now)
    return dict(drive) | {s.COOLANT_TEMPERATURE: coolant}


def air_leak(drive: Mapping[str, Floats]) -> Drive:
    """The computer corrects by 8 % more at every load, within the resolution of 100/128 %."""
    added = np.round(8.0 * 128.0 / 100.0) * 100.0 / 128.0
    return dict(drive) | {s.LONG_TERM_FUEL_TRIM_1: drive[s.LONG_TERM_FUEL_TRIM_1] + added}


def small_air_leak(drive: Mapping[str, Floats]) -> Drive:
    """The computer corrects by 5 % more at every load."""
    added = np.round(5.0 * 128.0 / 100.0) * 100.0 / 128.0
    return dict(drive) | {s.LONG_TERM_FUEL_TRIM_1: drive[s.LONG_TERM_FUEL_TRIM_1] + added}


def weaker_charging(drive: Mapping[str, Floats]) -> Drive:
    """The regulator holds 0.5 V less whenever the alternator carries the car."""
    return _regulated(drive, 0.5)


def weak_charging(drive: Mapping[str, Floats]) -> Drive:
    """The regulator holds 0.6 V less whenever the alternator carries the car."""
    return _regulated(drive, 0.6)


def _regulated(drive: Mapping[str, Floats], less: float) -> Drive:
    """The regulator holds less; just after firing the battery carries the car, and no regulator changes that."""
    carried = (drive[s.ENGINE_SPEED] > 300.0) & (drive[s.RUN_TIME] > 3.0)  # noqa: PLR2004  idling, the start over
    volts = drive[s.CONTROL_MODULE_VOLTAGE]
    return dict(drive) | {s.CONTROL_MODULE_VOLTAGE: np.where(carried, volts - less, volts)}


def no_charging(drive: Mapping[str, Floats]) -> Drive:
    """The alternator is dead: the battery carries the car, 12.3 V falling by 0.1 V a minute."""
    running = drive[s.ENGINE_SPEED] > 300.0  # noqa: PLR2004  between cranking and idling
    volts = 12.3 - 0.1 * np.arange(len(running)) / 60.0
    return dict(drive) | {s.CONTROL_MODULE_VOLTAGE: np.where(running, volts, drive[s.CONTROL_MODULE_VOLTAGE])}


def worn_battery(drive: Mapping[str, Floats]) -> Drive:
    """Twice the inner resistance: every reading below 12.4 V while the engine is started dips twice as deep."""
    first = int(np.argmax(drive[s.RUN_TIME] > 3.0))  # noqa: PLR2004  seconds of starting
    volts = drive[s.CONTROL_MODULE_VOLTAGE].copy()
    volts[:first] = np.where(volts[:first] < 12.4, 12.4 - 2.0 * (12.4 - volts[:first]), volts[:first])  # noqa: PLR2004
    return dict(drive) | {s.CONTROL_MODULE_VOLTAGE: volts}


def stuck_coolant(drive: Mapping[str, Floats]) -> Drive:
    """The coolant sensor answers 86 degC for ever."""
    return dict(drive) | {s.COOLANT_TEMPERATURE: np.full(len(drive[s.COOLANT_TEMPERATURE]), 86.0)}


def stuck_pressure(drive: Mapping[str, Floats]) -> Drive:
    """The manifold sensor answers 45 kPa for ever."""
    return dict(drive) | {s.MAP: np.full(len(drive[s.MAP]), 45.0)}


def lost_coolant(drive: Mapping[str, Floats]) -> Drive:
    """From the eighth minute on the coolant warms by 6 K a minute up to 125 degC."""
    running = np.nan_to_num(drive[s.RUN_TIME])
    added = np.clip((running - 480.0) * 0.1, 0.0, None)
    return dict(drive) | {s.COOLANT_TEMPERATURE: np.minimum(np.round(drive[s.COOLANT_TEMPERATURE] + added), 125.0)}


def polls(drive: Mapping[str, Floats]) -> Integers:
    """Number of the poll that each row tells of: a row with the run time of the one before repeats it."""
    return np.cumsum(np.diff(drive[s.RUN_TIME], prepend=-1.0) != 0.0) - 1


def noisy(path: str, quantum: float) -> Callable[[Mapping[str, Floats]], Drive]:
    """Three times the sensor's own noise: its second differences' robust spread, at least that of its resolution."""

    def inject(drive: Mapping[str, Floats]) -> Drive:
        values, poll = drive[path], polls(drive)
        first = np.unique(poll, return_index=True)[1]
        bent = np.diff(values[first], 2)
        own = max(1.4826 * float(np.nanmedian(np.abs(bent))) / np.sqrt(6.0), quantum / np.sqrt(12.0))
        added = np.random.default_rng(len(values)).normal(0.0, own * np.sqrt(8.0), poll[-1] + 1)[poll]
        return dict(drive) | {path: np.round((values + added) / quantum) * quantum}

    return inject


def missing(path: str) -> Callable[[Mapping[str, Floats]], Drive]:
    """Three of ten polls bring no answer of this sensor."""

    def inject(drive: Mapping[str, Floats]) -> Drive:
        poll = polls(drive)
        lost = np.random.default_rng(len(poll)).random(poll[-1] + 1) < 0.3  # noqa: PLR2004  three of ten
        return dict(drive) | {path: np.where(lost[poll], np.nan, drive[path])}

    return inject


FAULTS: Mapping[str, tuple[str, Callable[[Mapping[str, Floats]], Drive]]] = MappingProxyType(
    {
        "thermostat open": ("thermostat", thermostat_open),
        "fuel trim +8 %": ("fuel_trim", air_leak),
        "charging -0.6 V": ("charging", weak_charging),
        "no charging": ("charging_failure", no_charging),
        "battery resistance x2": ("battery", worn_battery),
        "coolant sensor stuck": ("stuck_sensor", stuck_coolant),
        "manifold sensor stuck": ("stuck_sensor", stuck_pressure),
        "coolant lost": ("overheating", lost_coolant),
        "fuel trim +5 %": ("fuel_trim", small_air_leak),
        "charging -0.5 V": ("charging", weaker_charging),
        "coolant sensor noise x3": ("noisy_sensor", noisy(s.COOLANT_TEMPERATURE, 1.0)),
        "intake air sensor noise x3": ("noisy_sensor", noisy(s.INTAKE_AIR_TEMPERATURE, 1.0)),
        "voltage noise x3": ("noisy_sensor", noisy(s.CONTROL_MODULE_VOLTAGE, 0.02)),
        "manifold sensor noise x3": ("noisy_sensor", noisy(s.MAP, 1.0)),
        "coolant sensor 30 % missing": ("missing_readings", missing(s.COOLANT_TEMPERATURE)),
        "intake air sensor 30 % missing": ("missing_readings", missing(s.INTAKE_AIR_TEMPERATURE)),
        "voltage 30 % missing": ("missing_readings", missing(s.CONTROL_MODULE_VOLTAGE)),
        "manifold sensor 30 % missing": ("missing_readings", missing(s.MAP)),
        "throttle sensor 30 % missing": ("missing_readings", missing(s.THROTTLE)),
    }
)
"""Fault -> the detector that must name it, and how it changes a drive."""
