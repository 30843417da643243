"""Trips and their features: what detectors look at. ``follow`` turns samples into closed and open trips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from diagnostics.arrays import floats, integers
from diagnostics.features import columns
from diagnostics.features import rows as row_state
from diagnostics.features.measures import BINS, VOLT_FLOOR, VOLT_STEP, Begun, measure
from diagnostics.features.sums import NAMES, Sums, extend, nothing

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, Parameters, State
    from diagnostics.features.rows import Prepared, Rows

FEATURES = (
    "started_ms", "ended_ms", "running_s", "moving_s", "km", "revolutions", "soak_s",
    "rest_volts", "crank_volts", "charging_volts", "coolant_first", "coolant_last", "coolant_max", "coolant_range",
    "coolant_n", "settled_c", "ambient_c", "trim", "trim_idle", "trim_load", "oil_dose", "braking_joules_per_kg",
    "manifold_range", "throttle_range", "rpm_range", "speed_range", "mean_rpm", "speed_n", "manifold_n", "throttle_n",
    "hot_ms", "hot_value", "undervolt_ms", "undervolt_value",
    "coolant_jitter", "intake_jitter", "volts_jitter", "manifold_jitter",
    "coolant_share", "intake_share", "volts_share", "manifold_share", "throttle_share",
)  # fmt: skip
"""Columns of :attr:`Trips.values`; NaN where the trip does not tell. Units are in the names; volts, degC, "
"per cent."""

MIN_READINGS = 20
"""Readings that make a mean of a trip (our choice: at a poll of 10 s that is three minutes)."""
MIN_SETTLED = 12
"""Readings that make the mean of the settled coolant, which moves slowly (our choice)."""
STILL_RISING_K = 3.0
"""A last reading so far above the mean since settling was due tells of an engine still warming (our choice)."""
STILL_RISING_K_PER_MIN = 1.0
"""So does a straight line through the readings that rises by this; a trip that ends soon after cannot show 3 K (our
choice: a warm-up in town rises by 2 to 5 K a minute, what a thermostat holds by nothing)."""
MIN_SETTLED_SPAN_MIN = 1.5
"""Minutes that the readings must span for their line to mean anything, whole degrees as they are (our choice)."""
MIN_VOLTS = 60
"""Readings that make an upper quantile of the voltage (our choice)."""
MIN_STEADY = 60
"""Readings that tell how restless a sensor is, and how often it answers (our choice)."""
MOVING_SHARE = 0.3
"""Less of the running time in motion and the trip is spent idling, where everything is steadier (our choice)."""
UPPER = 0.9
"""Quantile of the running voltage that stands for what the alternator can do: smart ones are low for long "
"stretches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trips:
    """One trip of each of some vehicles: ``vehicle`` ``(n,)`` rows of the state, ``values`` ``(n, n_features)``."""

    vehicle: Integers
    values: Floats

    def __getitem__(self, name: str) -> Floats:
        """One feature of every trip."""
        return self.values[:, FEATURES.index(name)]

    def __len__(self) -> int:
        """How many trips."""
        return len(self.vehicle)

    def only(self, which: Flags | Integers) -> Trips:
        """Some of the trips."""
        return Trips(vehicle=self.vehicle[which], values=self.values[which])


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """State of vehicles of which nothing was seen."""
    none = nothing(n_vehicles)
    return row_state.initial(n_vehicles) | {
        "open_sums": none.values,
        "open_volts": none.volts,
        "hot_streak": np.zeros(n_vehicles, dtype=np.int64),
        "undervolt_streak": np.zeros(n_vehicles, dtype=np.int64),
        "previous_end_ms": np.full(n_vehicles, np.nan),
    }


def follow(rows: Rows, state: State, p: Parameters) -> tuple[Trips, Trips, dict[str, Floats | Integers]]:
    """Trips that ended within the rows, in order; the trips still open, one a vehicle; the next state.

    Every vehicle of ``state`` must have at least one row; rows of a vehicle must be later than all it had before.
    """
    prepared = row_state.prepare(rows, state)
    carried_sums = Sums(values=floats(state["open_sums"]), volts=integers(state["open_volts"]))
    streaks = {name: integers(state[f"{name}_streak"]) for name in ("hot", "undervolt")}
    begun = Begun(
        elapsed_ms=_elapsed(prepared, carried_sums["running_ms"].astype(np.int64)),
        coolant_first=_first_coolant(prepared, carried_sums["coolant_first"]),
    )
    measures = measure(prepared, begun, streaks, p)
    sums = extend(prepared, measures, carried_sums)
    last = np.flatnonzero(np.diff(prepared.vehicle, append=-1))
    open_trips = prepared.trip[last]
    trips, ends_ms = _features(sums, _vehicle_of_trip(prepared), floats(state["previous_end_ms"]))
    is_open = np.zeros(len(trips), dtype=bool)
    is_open[open_trips] = True
    ran = trips["running_s"] > 0.0
    _, carry = row_state.carried(prepared)
    after = carry | {
        "open_sums": sums.values[open_trips],
        "open_volts": sums.volts[open_trips],
        "hot_streak": measures.streaks["hot"][last],
        "undervolt_streak": measures.streaks["undervolt"][last],
        "previous_end_ms": ends_ms[open_trips],
    }
    return trips.only(~is_open & ran), trips.only(is_open & ran), after


def close(state: State) -> tuple[Trips, dict[str, Floats | Integers]]:
    """Ends the open trips of all vehicles of ``state``, as their next sample after a long silence would."""
    n = len(state["seen_ms"])
    sums = Sums(values=floats(state["open_sums"]), volts=integers(state["open_volts"]))
    trips, _ = _features(sums, np.arange(n), floats(state["previous_end_ms"]))
    none = nothing(n)
    ran = trips["running_s"] > 0.0
    ended = np.where(ran, trips["ended_ms"], floats(state["previous_end_ms"]))
    after = dict(state) | {"open_sums": none.values, "open_volts": none.volts, "previous_end_ms": ended}
    return trips.only(ran), {name: np.asarray(value) for name, value in after.items()}


def _elapsed(rows: Prepared, carried_ms: Integers) -> Integers:
    """Engine time since the trip began, up to and with each row."""
    passed = np.where(rows.running, rows.passed_ms, 0)
    passed[rows.head] = carried_ms
    total = np.cumsum(passed)
    starts = np.flatnonzero(np.diff(rows.trip, prepend=-1))
    elapsed: Integers = total - (total - passed)[starts][rows.trip]
    return elapsed


def _first_coolant(rows: Prepared, carried: Floats) -> Floats:
    """The first coolant reading of each row's trip; rows before it get it too, but say nothing about coolant."""
    value = np.where(rows.fresh[:, columns.COOLANT], rows.values[:, columns.COOLANT], np.nan)
    value[rows.head] = carried
    beyond = len(value)
    starts = np.flatnonzero(np.diff(rows.trip, prepend=-1))
    first = np.minimum.reduceat(np.where(np.isnan(value), beyond, np.arange(beyond)), starts)
    found: Floats = np.append(value, np.nan)[first][rows.trip]
    return found


def _vehicle_of_trip(rows: Prepared) -> Integers:
    return rows.vehicle[np.flatnonzero(np.diff(rows.trip, prepend=-1))]


def _features(sums: Sums, vehicle: Integers, previous_end_ms: Floats) -> tuple[Trips, Floats]:
    """Features of trips in order, and for each when the trip with a running engine before it ended."""
    ran = sums["running_ms"] > 0.0
    before = _end_before(np.where(ran, sums["ended_ms"], np.nan), vehicle, previous_end_ms)
    ratio = _means(sums)
    values = {
        **{name: sums[name] for name in FEATURES if name in NAMES},
        **ratio,
        **_steadiness(sums),
        "running_s": sums["running_ms"] / 1000.0,
        "moving_s": sums["moving_ms"] / 1000.0,
        "km": sums["metres"] / 1000.0,
        "soak_s": (sums["started_ms"] - before) / 1000.0,
        "charging_volts": _upper_volts(sums.volts),
        "coolant_range": sums["coolant_max"] - sums["coolant_min"],
        "manifold_range": sums["manifold_max"] - sums["manifold_min"],
        "throttle_range": sums["throttle_max"] - sums["throttle_min"],
        "rpm_range": sums["rpm_max"] - sums["rpm_min"],
        "speed_range": sums["speed_max"],
    }
    return Trips(vehicle=vehicle, values=np.stack([values[name] for name in FEATURES], axis=1)), before


def _means(sums: Sums) -> dict[str, Floats]:
    def mean(total: str, count: str, least: float = MIN_READINGS) -> Floats:
        counted = sums[count]
        return np.where(counted >= least, sums[total] / np.maximum(counted, 1.0), np.nan)

    return {
        "settled_c": _settled(sums, mean("settled_sum", "settled_n", MIN_SETTLED)),
        "ambient_c": mean("ambient_sum", "ambient_n", 1.0),
        "trim": mean("trim_sum", "trim_n"),
        "trim_idle": mean("trim_idle_sum", "trim_idle_n"),
        "trim_load": mean("trim_load_sum", "trim_load_n"),
        "mean_rpm": mean("revolutions", "running_ms", 1.0) * 60_000.0,
    }


def _steadiness(sums: Sums) -> dict[str, Floats]:
    """By sensor: the way up and down beyond its range, a reading; and its readings to one of the engine speed."""
    ranges = {
        "coolant": ("coolant_max", "coolant_min", "coolant_n"), "intake": ("intake_high", "intake_low", "intake_n"),
        "volts": ("volts_high", "volts_low", "charging_n"), "manifold": ("manifold_max", "manifold_min", "manifold_n"),
    }  # fmt: skip
    driven = sums["moving_ms"] >= MOVING_SHARE * sums["running_ms"]
    jitter = {
        f"{name}_jitter": _ratio(sums[f"{name}_path"] - (sums[high] - sums[low]), sums[count])
        for name, (high, low, count) in ranges.items()
    }
    shares = {f"{name}_share": _ratio(sums[f"{name}_answers"], sums["rpm_answers"]) for name in (*ranges, "throttle")}
    return {name: np.where(driven, np.maximum(values, 0.0), np.nan) for name, values in (jitter | shares).items()}


def _ratio(total: Floats, count: Floats) -> Floats:
    return np.where(count >= MIN_STEADY, total / np.maximum(count, 1.0), np.nan)


def _settled(sums: Sums, mean: Floats) -> Floats:
    """The mean once warmed up; NaN where the coolant was or may have been still rising, or never moved at all."""
    slope, span = _line(sums)
    rising = (sums["coolant_last"] - mean > STILL_RISING_K) | (slope > STILL_RISING_K_PER_MIN)
    dead = sums["coolant_max"] - sums["coolant_min"] <= 0.0
    return np.where(rising | dead | (span < MIN_SETTLED_SPAN_MIN), np.nan, mean)


def _line(sums: Sums) -> tuple[Floats, Floats]:
    """Least squares through the settled coolant: K a minute, and the minutes that evenly spread readings span."""
    n = np.maximum(sums["settled_n"], 1.0)
    middle = sums["settled_min"] / n
    variance = np.maximum(0.0, sums["settled_min_2"] / n - middle**2)
    together = sums["settled_min_c"] / n - middle * sums["settled_sum"] / n
    return together / np.maximum(variance, 1e-9), np.sqrt(12.0 * variance)


def _end_before(ended: Floats, vehicle: Integers, previous_end_ms: Floats) -> Floats:
    """For each trip the latest end among the vehicle's earlier ones, or what was known before."""
    first = np.flatnonzero(np.diff(vehicle, prepend=-1))
    shifted = np.concatenate([np.full(1, np.nan), ended[:-1]])
    shifted[first] = previous_end_ms[vehicle[first]]
    at = np.where(~np.isnan(shifted), np.arange(len(shifted)), 0)
    at[first] = first
    before: Floats = shifted[np.maximum.accumulate(at)]
    return before


def _upper_volts(volts: Integers) -> Floats:
    """The upper quantile of the voltage, interpolated within its step of the histogram; NaN with few readings."""
    total = volts.sum(axis=1)
    target = UPPER * total
    upto = np.cumsum(volts, axis=1)
    cell = np.argmax(upto >= target[:, None], axis=1)
    inside = np.take_along_axis(volts, cell[:, None], axis=1)[:, 0]
    below = np.take_along_axis(upto, cell[:, None], axis=1)[:, 0] - inside
    share = (target - below) / np.maximum(inside, 1)
    upper = VOLT_FLOOR + VOLT_STEP * (cell + share)
    return np.where(total >= MIN_VOLTS, upper, np.nan)


def width() -> int:
    """Number of histogram steps, for those who store the state."""
    return BINS
