"""What sensors and polling do to true values: noise, bias, how often each signal is asked for; one row a signal.

Sizes are what repeated readings of cars show at rest, or the accuracy that makers state (our choice where neither).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet.arrays import floats
from vehicle import signals as s

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulators.fleet.arrays import Floats

TABLE_ROWS = 8192
"""Rows of the table of noise; a power of two, so that places in it go round."""
WHOLE_ROWS = 1024
"""Rows behind them in which everything is read: key on, key off, charging."""
MISSED = 0.1
"""Part of what is due in a row that the round-robin does not come to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensing:
    """``noise`` and ``bias`` are standard deviations in the signal's unit, ``every`` is in rows of two seconds."""

    noise: float = 0.0
    bias: float = 0.0
    every: int = 1


def _all(paths: tuple[str, ...], noise: float = 0.0, bias: float = 0.0, every: int = 1) -> dict[str, Sensing]:
    return dict.fromkeys(paths, Sensing(noise=noise, bias=bias, every=every))


SENSORS: Mapping[str, Sensing] = MappingProxyType({
    s.RUN_TIME: Sensing(),
    s.SPEED: Sensing(noise=0.15),
    s.ENGINE_SPEED: Sensing(noise=4.0),
    s.ENGINE_LOAD: Sensing(noise=0.5),
    s.ABSOLUTE_LOAD: Sensing(noise=0.5),
    s.MAP: Sensing(noise=0.4, bias=0.6),
    s.MAF: Sensing(noise=0.05),
    s.THROTTLE: Sensing(noise=0.2, bias=0.5),
    s.SHORT_TERM_FUEL_TRIM_1: Sensing(noise=0.4),
    s.SHORT_TERM_FUEL_TRIM_2: Sensing(noise=0.4),
    s.LONG_TERM_FUEL_TRIM_1: Sensing(every=2),
    s.LONG_TERM_FUEL_TRIM_2: Sensing(every=2),
    s.CONTROL_MODULE_VOLTAGE: Sensing(noise=0.03, bias=0.05, every=2),
    s.DEVICE_SUPPLY_VOLTAGE: Sensing(noise=0.04, bias=0.12, every=2),
    s.TIMING_ADVANCE: Sensing(noise=0.3),
    s.FUEL_RATE: Sensing(noise=0.02, every=2),
    s.COMMANDED_EQUIVALENCE_RATIO: Sensing(every=2),
    s.FUEL_SYSTEM_STATUS: Sensing(every=2),
    s.COMMANDED_EVAP: Sensing(every=4),
    s.COOLANT_TEMPERATURE: Sensing(noise=0.2, bias=0.8, every=5),
    s.OIL_TEMPERATURE: Sensing(noise=0.3, bias=1.0, every=6),
    s.INTAKE_AIR_TEMPERATURE: Sensing(noise=0.3, bias=0.9, every=5),
    s.AMBIENT_AIR_TEMPERATURE: Sensing(noise=0.2, bias=0.8, every=12),
    s.BAROMETRIC_PRESSURE: Sensing(noise=0.1, bias=0.5, every=15),
    s.FUEL_LEVEL: Sensing(noise=0.8, bias=1.0, every=15),
    s.ETHANOL_SHARE: Sensing(noise=0.5, bias=1.0, every=15),
    s.ODOMETER: Sensing(every=15),
    s.CATALYST_TEMPERATURE_11: Sensing(noise=4.0, bias=6.0, every=6),
    s.CATALYST_TEMPERATURE_12: Sensing(noise=4.0, bias=6.0, every=6),
    s.OIL_PRESSURE: Sensing(noise=4.0, bias=6.0, every=3),
    s.BRAKE_PEDAL: Sensing(noise=0.3),
    s.LATERAL_ACCELERATION: Sensing(noise=0.08, bias=0.03),
    s.YAW_RATE: Sensing(noise=0.2, bias=0.1),
    s.HUMIDITY: Sensing(noise=1.0, bias=2.0, every=15),
    s.BATTERY_CURRENT: Sensing(noise=0.25, bias=0.15, every=2),
    s.GEARBOX_TEMPERATURE: Sensing(noise=0.3, bias=0.9, every=6),
    s.GEAR: Sensing(every=2),
    s.TURBINE_SPEED: Sensing(noise=4.0),
    s.GEARBOX_OUTPUT_SPEED: Sensing(noise=2.0),
    s.BOOST_COMMANDED: Sensing(),
    s.BOOST: Sensing(noise=0.5, bias=0.7),
    s.TURBOCHARGER_CONTROL: Sensing(noise=0.3, every=2),
    s.COMMANDED_EGR: Sensing(every=2),
    s.EGR_ERROR: Sensing(noise=0.6, every=2),
    s.FILTER_PRESSURE: Sensing(noise=35.0, bias=30.0, every=2),
    s.FILTER_SOOT: Sensing(every=8),
    s.FILTER_REGENERATING: Sensing(every=4),
    s.FILTER_TEMPERATURE: Sensing(noise=3.0, bias=5.0, every=5),
    s.TRACTION_VOLTAGE: Sensing(noise=0.15, bias=0.3),
    s.TRACTION_CURRENT: Sensing(noise=0.4, bias=0.15),
    s.TRACTION_CHARGE: Sensing(every=2),
    s.TRACTION_HEALTH: Sensing(every=15),
    s.TRACTION_TEMPERATURE: Sensing(noise=0.15, bias=0.3, every=6),
    s.TRACTION_COLDEST: Sensing(noise=0.15, bias=0.3, every=6),
    s.TRACTION_HOTTEST: Sensing(noise=0.15, bias=0.3, every=6),
    s.TRACTION_COOLANT: Sensing(noise=0.2, bias=0.5, every=6),
    s.CELL_LOWEST: Sensing(noise=0.0008, every=5),
    s.CELL_HIGHEST: Sensing(noise=0.0008, every=5),
    s.INSULATION: Sensing(noise=12_000.0, every=15),
    s.IS_CHARGING: Sensing(every=2),
    **_all(s.WHEEL_SPEEDS, noise=0.04),
    **_all(s.TYRE_PRESSURES, noise=0.9, every=15),
    **_all(s.TYRE_TEMPERATURES, noise=0.4, bias=0.8, every=15),
    **_all(s.BLOCK_VOLTAGES, noise=0.0008, bias=0.0006, every=8),
})  # fmt: skip
OTHERS = Sensing(every=4)
"""Of signals without a row of their own: commanded states, results of monitors."""


def sensing(path: str) -> Sensing:
    """The row of a signal."""
    return SENSORS.get(path, OTHERS)


def noise(
    signals: tuple[str, ...], rng: np.random.Generator, *, size: float, persistence: float, slowness: int
) -> Floats:
    """What is added to true values, row after row: noise, and NaN where a signal is not read; ``(rows, signals)``.

    ``size`` multiplies all of it; ``persistence`` is its correlation from row to row; ``slowness`` multiplies how many
    rows pass between two readings of all but the fastest signals.
    """
    rows, rules = TABLE_ROWS + WHOLE_ROWS, [sensing(path) for path in signals]
    found = rng.standard_normal((rows, len(signals)), dtype=np.float32)
    kept = np.float32(np.sqrt(1.0 - persistence**2))
    for row in range(1, rows):
        found[row] = np.float32(persistence) * found[row - 1] + kept * found[row]
    found *= floats([size * rule.noise for rule in rules])
    every = np.array([rule.every if rule.every == 1 else rule.every * slowness for rule in rules])
    phase = rng.integers(0, 1 << 20, len(signals))
    due = (np.arange(TABLE_ROWS)[:, None] + phase) % every == 0
    due &= rng.random((TABLE_ROWS, len(signals))) >= MISSED * np.minimum(1.0, 2.0 / every)
    found[:TABLE_ROWS][~due] = np.nan
    return found
