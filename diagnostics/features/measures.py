"""What each row adds to its trip. One function a matter; every name below is a column of the trip's sums.

Gates that hold for the whole are stated here with their reason; limits that differ by platform are parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from diagnostics.features import columns as c
from diagnostics.features.rows import HOLD_MS

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, Parameters
    from diagnostics.features.rows import Prepared

SUMMED = (
    "rows", "running_ms", "moving_ms", "metres", "revolutions",
    "coolant_n", "settled_n", "settled_sum", "settled_min", "settled_min_2", "settled_min_c",
    "ambient_n", "ambient_sum",
    "trim_n", "trim_sum", "trim_idle_n", "trim_idle_sum", "trim_load_n", "trim_load_sum",
    "speed_n", "oil_dose", "braking_joules_per_kg", "manifold_n", "throttle_n",
    "intake_n", "charging_n", "coolant_path", "intake_path", "volts_path", "manifold_path",
    "rpm_answers", "coolant_answers", "intake_answers", "volts_answers", "manifold_answers", "throttle_answers",
)  # fmt: skip
LARGEST = (
    "ended_ms",
    "coolant_max",
    "manifold_max",
    "throttle_max",
    "rpm_max",
    "speed_max",
    "intake_high",
    "volts_high",
)
LEAST = (
    "started_ms",
    "coolant_min",
    "manifold_min",
    "throttle_min",
    "rpm_min",
    "crank_volts",
    "intake_min",
    "intake_low",
    "volts_low",
)
FIRST = ("rest_volts", "coolant_first", "intake_first", "hot_ms", "hot_value", "undervolt_ms", "undervolt_value")
LAST = ("coolant_last",)
ANSWERING = {
    "rpm": c.ENGINE_SPEED, "coolant": c.COOLANT, "intake": c.INTAKE_AIR, "volts": c.VOLTAGE, "manifold": c.MANIFOLD,
    "throttle": c.THROTTLE,
}  # fmt: skip
"""Sensors whose answers are counted."""

VOLT_FLOOR, VOLT_STEP, BINS = 9.6, 0.1, 64
"""Histogram of the running voltage, V: finer than the 0.13 V by which trips of one healthy car differ."""
CRANK_MS = 3000
"""Engine time that still counts as the start (cranking lasts 0.5 to 2 s; our choice with room for slow polls)."""
SETTLED_KPH = 20.0
"""Only a moving car cools enough to show a thermostat that stays open (our choice)."""
WARM_C = 70.0
"""Closed loop is certain above it: enable condition 70 to 73 degC in workshop manuals (Hyundai)."""
CHARGING_MS = 120_000
"""After the start the battery takes its charge back; the voltage is judged later (our choice)."""
STREAK = 5
"""Readings in a row that make a limit exceeded: one corrupt reading must never stop a car (our choice)."""
UNDERVOLT_STREAK = 30
"""Readings in a row below the charging limit, half a minute or more (our choice)."""
CLOSED_LOOP = 2.0
"""Value of PID 03 for closed loop with feedback (SAE J1979)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """Per row ``(m,)`` by name, NaN where the row says nothing; ``volt_bin`` is -1 where no voltage counts.

    ``streaks`` ``(m,)`` by name: readings in a row beyond a limit, to be carried on.
    """

    values: dict[str, Floats]
    volt_bin: Integers
    streaks: dict[str, Integers]


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """Of each row's trip so far ``(m,)``: engine time since it began, and its first coolant reading."""

    elapsed_ms: Integers
    coolant_first: Floats


def measure(rows: Prepared, begun: Begun, streaks: dict[str, Integers], p: Parameters) -> Measures:
    """What each row says.

    ``streaks`` ``(n_heads,)`` by name is what was carried; ``p`` has a value a row of the state.
    """
    elapsed_ms = begun.elapsed_ms
    hot, hot_values = _overheating(rows, streaks["hot"], p)
    low, low_values = _undervolting(rows, elapsed_ms, streaks["undervolt"], p)
    values = (
        _use(rows)
        | _start(rows, elapsed_ms)
        | _coolant(rows, begun, p)
        | _trims(rows, elapsed_ms)
        | _movement(rows)
        | _steadiness(rows, elapsed_ms)
        | _wear(rows, p)
        | hot_values
        | low_values
    )
    return Measures(values=values, volt_bin=_volt_bins(rows, elapsed_ms), streaks={"hot": hot, "undervolt": low})


def _where(condition: Flags, values: Floats | float) -> Floats:
    return np.where(condition, values, np.nan)


def _use(rows: Prepared) -> dict[str, Floats]:
    sample = ~rows.head
    time, passed = rows.time_ms.astype(float), rows.passed_ms.astype(float)
    speed, rpm = rows.held[:, c.SPEED], rows.held[:, c.ENGINE_SPEED]
    return {
        "rows": _where(sample, 1.0),
        "started_ms": _where(sample, time),
        "ended_ms": _where(sample, time),
        "running_ms": _where(rows.running, passed),
        "moving_ms": _where(rows.running & (speed > 0.0), passed),
        "metres": _where(sample, speed / 3.6 * passed / 1000.0),
        "revolutions": _where(rows.running, rpm / 60.0 * passed / 1000.0),
        "speed_n": _where(rows.fresh[:, c.SPEED], 1.0),
        "ambient_n": _where(rows.fresh[:, c.AMBIENT], 1.0),
        "ambient_sum": _where(rows.fresh[:, c.AMBIENT], rows.values[:, c.AMBIENT]),
        "intake_min": _where(rows.fresh[:, c.INTAKE_AIR], rows.values[:, c.INTAKE_AIR]),
        "intake_first": _where(rows.fresh[:, c.INTAKE_AIR], rows.values[:, c.INTAKE_AIR]),
    }


def _start(rows: Prepared, elapsed_ms: Integers) -> dict[str, Floats]:
    volts, fresh = rows.values[:, c.VOLTAGE], rows.fresh[:, c.VOLTAGE]
    still = rows.held[:, c.ENGINE_SPEED] == 0.0  # a starter that turns is below RUNNING_RPM too
    resting = fresh & still & (elapsed_ms == 0)
    return {
        "rest_volts": _where(resting, volts),
        "crank_volts": _where(fresh & (elapsed_ms <= CRANK_MS), volts),
    }


def _volt_bins(rows: Prepared, elapsed_ms: Integers) -> Integers:
    volts = rows.values[:, c.VOLTAGE]
    counted = rows.fresh[:, c.VOLTAGE] & rows.running & (elapsed_ms >= CHARGING_MS)
    cells = np.clip(np.floor((np.where(counted, volts, VOLT_FLOOR) - VOLT_FLOOR) / VOLT_STEP), 0, BINS - 1)
    return np.where(counted, cells, -1).astype(np.int64)


def _coolant(rows: Prepared, begun: Begun, p: Parameters) -> dict[str, Floats]:
    value, fresh = rows.values[:, c.COOLANT], rows.fresh[:, c.COOLANT]
    ran = fresh & rows.running
    cold_k = np.maximum(0.0, p["settle_cold_c"][rows.vehicle] - np.nan_to_num(begun.coolant_first))
    settle_s = p["settle_after_s"][rows.vehicle] + p["settle_s_per_k"][rows.vehicle] * cold_k
    minutes = begun.elapsed_ms / 60_000.0 - settle_s / 60.0
    settled = ran & (minutes >= 0.0) & (rows.held[:, c.SPEED] >= SETTLED_KPH)
    return {
        "coolant_n": _where(ran, 1.0),
        "coolant_first": _where(fresh, value),
        "coolant_last": _where(fresh, value),
        "coolant_max": _where(ran, value),
        "coolant_min": _where(ran, value),
        "settled_n": _where(settled, 1.0),
        "settled_sum": _where(settled, value),
        "settled_min": _where(settled, minutes),
        "settled_min_2": _where(settled, minutes**2),
        "settled_min_c": _where(settled, minutes * value),
    }


def _trims(rows: Prepared, elapsed_ms: Integers) -> dict[str, Floats]:
    total = rows.held[:, c.SHORT_TRIM] + rows.held[:, c.LONG_TRIM]
    status, speed = rows.held[:, c.FUEL_STATUS], rows.held[:, c.SPEED]
    closed = np.isnan(status) | (status == CLOSED_LOOP)
    warm = rows.running & (rows.held[:, c.COOLANT] >= WARM_C) & (elapsed_ms >= CHARGING_MS)
    counted = rows.fresh[:, c.SHORT_TRIM] & warm & closed & ~np.isnan(total)
    idle, load = counted & (speed < 1.0), counted & (speed >= SETTLED_KPH)
    return {
        "trim_n": _where(counted, 1.0),
        "trim_sum": _where(counted, total),
        "trim_idle_n": _where(idle, 1.0),
        "trim_idle_sum": _where(idle, total),
        "trim_load_n": _where(load, 1.0),
        "trim_load_sum": _where(load, total),
    }


def _movement(rows: Prepared) -> dict[str, Floats]:
    def of(column: int) -> Floats:
        return _where(rows.fresh[:, column] & rows.running, rows.values[:, column])

    pressure, throttle, rpm = of(c.MANIFOLD), of(c.THROTTLE), of(c.ENGINE_SPEED)
    return {
        "manifold_max": pressure, "manifold_min": pressure, "manifold_n": _where(~np.isnan(pressure), 1.0),
        "throttle_max": throttle, "throttle_min": throttle, "throttle_n": _where(~np.isnan(throttle), 1.0),
        "rpm_max": rpm, "rpm_min": rpm, "speed_max": of(c.SPEED),
    }  # fmt: skip


def _steadiness(rows: Prepared, elapsed_ms: Integers) -> dict[str, Floats]:
    """The way by which slow readings went up and down in all, and how often sensors answered."""
    charging = rows.running & (elapsed_ms >= CHARGING_MS)
    intake = _where(rows.fresh[:, c.INTAKE_AIR] & rows.running, rows.values[:, c.INTAKE_AIR])
    volts = _where(rows.fresh[:, c.VOLTAGE] & charging, rows.values[:, c.VOLTAGE])
    answers = {
        f"{name}_answers": _where(rows.polled & rows.running & ~np.isnan(rows.values[:, column]), 1.0)
        for name, column in ANSWERING.items()
    }
    return answers | {
        "intake_n": _where(~np.isnan(intake), 1.0), "intake_high": intake, "intake_low": intake,
        "charging_n": _where(~np.isnan(volts), 1.0), "volts_high": volts, "volts_low": volts,
        "coolant_path": _path(rows, c.COOLANT, rows.running), "intake_path": _path(rows, c.INTAKE_AIR, rows.running),
        "volts_path": _path(rows, c.VOLTAGE, charging), "manifold_path": _path(rows, c.MANIFOLD, rows.running),
    }  # fmt: skip


def _path(rows: Prepared, column: int, gate: Flags) -> Floats:
    """How far each reading is from the one before, if that was not long ago."""
    before, before_ms = np.roll(rows.known[:, column], 1), np.roll(rows.known_ms[:, column], 1)
    near = (before_ms >= 0) & (rows.time_ms - before_ms <= HOLD_MS)
    return _where(rows.fresh[:, column] & gate & near, np.abs(rows.values[:, column] - before))


def _wear(rows: Prepared, p: Parameters) -> dict[str, Floats]:
    oil = rows.held[:, c.OIL]
    oil = np.where(np.isnan(oil), rows.held[:, c.COOLANT], oil)
    hot = 2.0 ** (np.maximum(0.0, oil - p["oil_hot_c"][rows.vehicle]) / p["oil_doubling_k"][rows.vehicle])
    cold_k = np.maximum(0.0, p["oil_cold_c"][rows.vehicle] - oil)
    harm = hot + p["oil_cold_harm"][rows.vehicle] * cold_k / p["oil_cold_scale_k"][rows.vehicle]
    turned = rows.held[:, c.ENGINE_SPEED] / 60.0 * rows.passed_ms / 1000.0
    return {
        "oil_dose": _where(rows.running, turned * np.nan_to_num(harm, nan=1.0)),
        "braking_joules_per_kg": _braking(rows, p),
    }


def _braking(rows: Prepared, p: Parameters) -> Floats:
    """Kinetic energy lost beyond what road load and a dragging engine take, J per kg, between readings of speed."""
    known, known_ms = rows.known[:, c.SPEED], rows.known_ms[:, c.SPEED]
    before, before_ms = np.roll(known, 1), np.roll(known_ms, 1)
    speed, last = rows.values[:, c.SPEED] / 3.6, before / 3.6
    lasted_s = (rows.time_ms - before_ms) / 1000.0
    counted = rows.fresh[:, c.SPEED] & (before_ms >= 0) & (lasted_s <= p["brake_gap_s"][rows.vehicle])
    mean = (speed + last) / 2.0
    drag = p["drag_m_s2"][rows.vehicle] + p["drag_per_m"][rows.vehicle] * mean**2
    lost = (last**2 - speed**2) / 2.0 - drag * mean * lasted_s
    return _where(counted, np.maximum(0.0, lost))


def _overheating(rows: Prepared, carried: Integers, p: Parameters) -> tuple[Integers, dict[str, Floats]]:
    value = rows.values[:, c.COOLANT]
    hot = rows.fresh[:, c.COOLANT] & (value >= p["overheat_c"][rows.vehicle])
    streak = _streak(hot, rows.fresh[:, c.COOLANT] & ~hot, rows, carried)
    reached = hot & (streak >= STREAK)
    return streak, {"hot_ms": _where(reached, rows.time_ms.astype(float)), "hot_value": _where(reached, value)}


def _undervolting(
    rows: Prepared, elapsed_ms: Integers, carried: Integers, p: Parameters
) -> tuple[Integers, dict[str, Floats]]:
    value, fresh = rows.values[:, c.VOLTAGE], rows.fresh[:, c.VOLTAGE]
    judged = fresh & rows.running & (elapsed_ms >= CHARGING_MS)
    low = judged & (value < p["undervolt_v"][rows.vehicle])
    streak = _streak(low, (fresh & ~low) | (~rows.running & ~rows.head), rows, carried)
    reached = low & (streak >= UNDERVOLT_STREAK)
    time = rows.time_ms.astype(float)
    return streak, {"undervolt_ms": _where(reached, time), "undervolt_value": _where(reached, value)}


def _streak(counts: Flags, ends: Flags, rows: Prepared, carried: Integers) -> Integers:
    """Rows that count since the last that ended the streak or began a trip, what was carried over included."""
    heads = np.flatnonzero(rows.head)
    added = counts.astype(np.int64)
    added[heads] = carried
    total = np.cumsum(added)
    begins = np.diff(rows.trip, prepend=-1) != 0
    base = np.where(ends, total, 0)
    base = np.where(begins, total - added, base)
    streak: Integers = total - np.maximum.accumulate(base)
    return streak
