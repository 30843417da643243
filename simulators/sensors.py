"""What the ECU measures of the truth, and what a device that polls it in turn gets to see.

An ECU's value has its sensor's noise and offset and the resolution of SAE J1979. A device asks one parameter after
the other; a value counts at the second in which it was read anew, and some readings are lost.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from simulators.engine import PETROL_G_PER_L
from vehicle import signals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulators.driving import Driven
    from simulators.parameters import FloatArray

KMH = 3.6
VOLTAGE_NOISE_V = 0.045
VOLTAGE_OFFSET_SD_V = 0.07
STUCK_COOLANT_C = 58.0
"""What a coolant sensor with a broken element reports, whatever the coolant does."""
KEY_ON_S = 2
"""Seconds with the key on before the starter turns."""
LOST_READINGS = 0.012
CLOSED, OPEN_COLD, OPEN_LOAD = 2.0, 1.0, 4.0

PERIODS_S: Mapping[str, int] = MappingProxyType(
    {
        signals.SPEED: 1, signals.ENGINE_SPEED: 1, signals.ENGINE_LOAD: 2, signals.MAP: 2, signals.MAF: 2,
        signals.THROTTLE: 3, signals.SHORT_TERM_FUEL_TRIM_1: 2, signals.LONG_TERM_FUEL_TRIM_1: 4,
        signals.CONTROL_MODULE_VOLTAGE: 1, signals.COOLANT_TEMPERATURE: 3, signals.INTAKE_AIR_TEMPERATURE: 6,
        signals.OIL_TEMPERATURE: 6, signals.RUN_TIME: 5, signals.COMMANDED_EQUIVALENCE_RATIO: 5,
        signals.FUEL_SYSTEM_STATUS: 5, signals.TIMING_ADVANCE: 3, signals.COMMANDED_EVAP: 10, signals.FUEL_RATE: 5,
        signals.AMBIENT_AIR_TEMPERATURE: 20, signals.FUEL_LEVEL: 30, signals.BAROMETRIC_PRESSURE: 30,
        signals.ODOMETER: 30, signals.MIL_ON: 15, signals.DTC_COUNT: 15,
    }
)  # fmt: skip
"""How often a device reads each signal anew, seconds (our choice)."""


def measured(
    trace: Mapping[str, FloatArray], rng: np.random.Generator, *, follows: float = 1.0, tank_l: float
) -> dict[str, FloatArray]:
    """What the ECU's sensors say at each second of a trace, by VSS path, ``(n_seconds,)`` in the catalogue's units.

    ``follows`` is how far the coolant sensor follows the coolant.
    """
    n_seconds = len(trace["rpm"])
    load = trace["air_gps"] / trace["full_air_gps"]
    metered = trace["air_gps"] - trace["leak_gps"]
    closed = trace["mixture.closed"] > 0
    warm = trace["heat.coolant_c"] > STUCK_COOLANT_C
    coolant = follows * trace["heat.coolant_c"] + (1.0 - follows) * STUCK_COOLANT_C
    return {
        signals.SPEED: trace["speed_mps"] * KMH,
        signals.ENGINE_SPEED: trace["rpm"],
        signals.ENGINE_LOAD: 100.0 * load,
        signals.MAP: trace["manifold_kpa"] + rng.normal(0.0, 0.35, n_seconds),
        signals.MAF: metered * (1.0 + rng.normal(0.0, 0.012, n_seconds)),
        signals.THROTTLE: 11.5 + 62.0 * load**1.6,
        signals.SHORT_TERM_FUEL_TRIM_1: trace["mixture.short_trim"] + closed * rng.normal(0.0, 0.8, n_seconds),
        signals.LONG_TERM_FUEL_TRIM_1: trace["mixture.long_trim"],
        signals.CONTROL_MODULE_VOLTAGE: voltage(trace["power.voltage_v"], rng),
        signals.COOLANT_TEMPERATURE: coolant + rng.normal(0.0, 0.2, n_seconds),
        signals.INTAKE_AIR_TEMPERATURE: trace["intake_c"] + rng.normal(0.0, 0.2, n_seconds),
        signals.OIL_TEMPERATURE: trace["heat.oil_c"],
        signals.AMBIENT_AIR_TEMPERATURE: trace["ambient_c"] + rng.normal(0.0, 0.3),
        signals.RUN_TIME: np.floor(trace["run_time_s"]),
        signals.COMMANDED_EQUIVALENCE_RATIO: np.where(closed, 1.0, np.where(warm, 0.99, 1.06)),
        signals.FUEL_SYSTEM_STATUS: np.where(closed, CLOSED, np.where(warm, OPEN_LOAD, OPEN_COLD)),
        signals.TIMING_ADVANCE: 34.0 - 26.0 * load + rng.normal(0.0, 0.9, n_seconds),
        signals.COMMANDED_EVAP: np.where(closed & warm, 100.0 * (1.0 - load) * 0.28, 0.0),
        signals.FUEL_RATE: trace["fuel_gps"] * 3600.0 / PETROL_G_PER_L,
        signals.FUEL_LEVEL: 100.0 * trace["fuel_l"] / tank_l + rng.normal(0.0, 0.7, n_seconds),
        signals.BAROMETRIC_PRESSURE: trace["baro_kpa"],
        signals.ODOMETER: trace["odometer_m"],
    }


def voltage(true_v: FloatArray, rng: np.random.Generator) -> FloatArray:
    """The module's own voltage reading: an offset for the trip, and ripple and switching loads."""
    return true_v + rng.normal(0.0, VOLTAGE_OFFSET_SD_V) + rng.normal(0.0, VOLTAGE_NOISE_V, len(true_v))


def with_start(values: Mapping[str, FloatArray], driven: Driven, rng: np.random.Generator) -> dict[str, FloatArray]:
    """The same with the seconds before the engine ran in front: key on, and the starter turning.

    A reading of the voltage hits the 20 ms trace of the start at a moment of chance, as a polling device does.
    """
    step = int(rng.integers(0, 50))
    crank_v = driven.crank_v[min(step, len(driven.crank_v) - 1)]
    before = {path: np.repeat(column[:1], KEY_ON_S + 1) for path, column in values.items()}
    for path in (signals.SPEED, signals.MAF, signals.ENGINE_LOAD, signals.RUN_TIME, signals.FUEL_RATE):
        before[path] = np.zeros(KEY_ON_S + 1)
    before[signals.ENGINE_SPEED] = np.array([0.0] * KEY_ON_S + [190.0 + 60.0 * rng.random()])
    before[signals.MAP] = np.repeat(values[signals.BAROMETRIC_PRESSURE][:1], KEY_ON_S + 1)
    resting = np.append(np.full(KEY_ON_S, driven.rest_v), crank_v)
    before[signals.CONTROL_MODULE_VOLTAGE] = resting + rng.normal(0.0, VOLTAGE_NOISE_V / 2, KEY_ON_S + 1)
    return {path: np.concatenate([before[path], column]) for path, column in values.items()}


def polled(values: Mapping[str, FloatArray], rng: np.random.Generator) -> dict[str, list[int | None]]:
    """Raw values at the catalogue's resolution where a device read anew, else None."""
    columns: dict[str, list[int | None]] = {}
    for path, column in values.items():
        period = PERIODS_S[path]
        fresh = (np.arange(len(column)) + int(rng.integers(0, period))) % period == 0
        fresh &= rng.random(len(column)) > LOST_READINGS
        columns[path] = [value if new else None for value, new in zip(raw(path, column), fresh.tolist(), strict=True)]
    return columns


def raw(path: str, column: FloatArray) -> list[int]:
    """Raw integers nearest to physical values, held within the signal's range."""
    row = signals.signal(path)
    scaled = np.rint((column * row.denominator - row.offset) / row.numerator)
    held: list[int] = np.clip(scaled, row.raw_minimum, row.raw_maximum).astype(np.int64).tolist()
    return held
