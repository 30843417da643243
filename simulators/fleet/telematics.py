"""From true values to what arrives: sensors, the bus's polling, the device, and the way to the server.

Values get bias and noise, are put on the grid of SAE J1979 (the catalogue's resolution and range), and become NaN where
they were not read in a row, where the car does not give them, or where the row was lost. A few devices repeat the last
value instead. Nothing here knows of faults.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet.arrays import floats
from simulators.fleet.climate import A_DAY_MS
from simulators.fleet.ecu import MEMORY_SIGNALS
from simulators.fleet.recording import CHARGING, DRIVING, KEY_ON, STARTING, WAKING
from simulators.fleet.sensing import TABLE_ROWS, WHOLE_ROWS, noise, sensing
from vehicle import signals as s

if TYPE_CHECKING:
    import numpy.typing as npt

    from simulators.fleet.arrays import Floats, Indices
    from simulators.fleet.population import Block, Bools, Vehicles
    from simulators.fleet.recording import Rows
    from simulators.fleet.stress import Stress

ROW_MS = 2000
SLICE = 1024
"""Rows worked on at a time, so that they stay in the processor's cache."""
LOSS, LOSS_BATCH_MS = 0.006, 60_000
"""Share of batches that never arrive, and how long a batch is."""
REPEATING, SLOW = 0.06, 0.35
"""Share of devices that repeat old values as if new, and of those that poll half as often."""
SILENT_A_YEAR, SILENT_DAYS, DEAD_A_YEAR = 0.15, 6.0, 0.015
LATEST_BOOT_S = 25.0
"""Until when after the start a device that does not capture starts has woken up."""
KEY_ON_SEEN = 0.85
BOOT_PLACE = s.RUN_TIME
ALWAYS_AWAKE = (s.CONTROL_MODULE_VOLTAGE, s.AMBIENT_AIR_TEMPERATURE, *s.TYRE_PRESSURES, *s.TYRE_TEMPERATURES)
"""What a parked combustion car's wake-up tells."""
ONLY_READY = (s.SPEED, s.RUN_TIME, s.BRAKE_PEDAL, s.LATERAL_ACCELERATION, s.YAW_RATE, *s.WHEEL_SPEEDS)
"""What an electric car tells only when it is ready to drive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """raw = value * ``scale`` + ``shift``, kept within ``low`` and ``high``; ``(signals,)`` each, and the way back."""

    scale: Floats
    shift: Floats
    low: Floats
    high: Floats
    step: Floats
    offset: Floats


def grid(signals: tuple[str, ...]) -> Grid:
    """The catalogue's grids of these signals."""
    rows = [s.signal(path) for path in signals]
    return Grid(
        scale=floats([row.denominator / row.numerator for row in rows]),
        shift=floats([-row.offset / row.numerator for row in rows]),
        low=floats([row.raw_minimum for row in rows]),
        high=floats([row.raw_maximum for row in rows]),
        step=floats([row.numerator / row.denominator for row in rows]),
        offset=floats([row.offset / row.denominator for row in rows]),
    )


@dataclass(frozen=True, slots=True)
class Link:
    """Devices of a block: what each adds and leaves out. Tables are ``(rows, signals)``, ``bias`` ``(n, signals)``."""

    signals: tuple[str, ...]
    tables: Floats
    """Noise in steps of the grid; NaN where nothing is read."""
    grid: Grid
    bias: Floats
    """NaN where a car does not give a signal."""
    drift: Floats
    """Part of the bias by which it grows in a year, ``(n, signals)``."""
    place: Indices
    """Where in the tables each car begins."""
    slow: Indices
    """First row of the tables that a car's device uses."""
    repeating: Bools
    captures: Bools
    boot_s: Floats
    skew_ms: Indices
    silent: Bools
    """Days on which nothing comes, ``(n, days)``."""
    electric: bool
    start_ms: int
    stress: Stress

    @property
    def true_signals(self) -> tuple[str, ...]:
        """Those that the cars themselves own; the control unit's memory gives the others."""
        return tuple(path for path in self.signals if path not in MEMORY_SIGNALS)


def link(block: Block, vehicles: Vehicles, signals: tuple[str, ...], stress: Stress) -> Link:
    """The devices of a block, for rows with these signals."""
    rng, n, structure = block.chance(5), block.n, block.world.structure
    how = {"size": structure.noise, "persistence": structure.noise_persistence}
    rules = [sensing(path) for path in signals]
    bias = rng.standard_normal((n, len(signals)), dtype=np.float32) * floats([rule.bias for rule in rules])
    bias[~supported(block, signals, rng)] = np.nan
    boots = rng.uniform(2.0, LATEST_BOOT_S, n)
    on = grid(signals)
    return Link(
        signals=signals,
        tables=np.concatenate([noise(signals, rng, slowness=slowness, **how) for slowness in (1, 2)]) * on.scale,
        grid=on,
        bias=bias,
        drift=rng.normal(0.0, 0.25, bias.shape).astype(np.float32),
        place=rng.integers(0, TABLE_ROWS, n),
        slow=np.where(rng.random(n) < SLOW, TABLE_ROWS + WHOLE_ROWS, 0),
        repeating=rng.random(n) < REPEATING,
        captures=vehicles.captures_starts,
        boot_s=floats(np.where(vehicles.captures_starts, 0.0, boots)),
        skew_ms=np.round(rng.normal(0.0, 700.0, n)).astype(np.int64),
        silent=silences(block, rng),
        electric=vehicles.powertrain == "electric",
        start_ms=block.world.start_ms,
        stress=stress,
    )


def supported(block: Block, signals: tuple[str, ...], rng: np.random.Generator) -> Bools:
    """Which signals each car gives, ``(n, signals)``; what its equipment lacks is missing already."""
    gives = np.ones((block.n, len(signals)), dtype=np.bool_)
    shares = {
        s.OIL_TEMPERATURE: 0.55, s.AMBIENT_AIR_TEMPERATURE: 0.85, s.FUEL_RATE: 0.4, s.ETHANOL_SHARE: 0.2,
        s.CATALYST_TEMPERATURE_11: 0.6, s.CATALYST_TEMPERATURE_12: 0.4, s.BATTERY_CURRENT: 0.3, s.HUMIDITY: 0.3,
        s.GEARBOX_TEMPERATURE: 0.6, s.OIL_PRESSURE: 0.15, s.LATERAL_ACCELERATION: 0.6, s.YAW_RATE: 0.6,
        s.BRAKE_PEDAL: 0.5, s.FILTER_SOOT: 0.7, s.DEVICE_SUPPLY_VOLTAGE: 1.0, s.COMMANDED_EVAP: 0.8,
    }  # fmt: skip
    for at, path in enumerate(signals):
        if path in shares:
            gives[:, at] = rng.random(block.n) < shares[path]
    return gives


def silences(block: Block, rng: np.random.Generator) -> Bools:
    """Days without a device: pulled out, without network, dead; ``(n, days)``."""
    silent = np.zeros((block.n, block.days + 1), dtype=np.bool_)
    spells = rng.poisson(SILENT_A_YEAR * block.days / 365.0, block.n)
    for vehicle in np.flatnonzero(spells):
        for _ in range(spells[vehicle]):
            begin = int(rng.integers(0, block.days))
            silent[vehicle, begin : begin + 1 + int(rng.exponential(SILENT_DAYS))] = True
    for vehicle in np.flatnonzero(rng.random(block.n) < DEAD_A_YEAR * block.days / 365.0):
        silent[vehicle, int(rng.integers(0, block.days)) :] = True
    return silent


def arrived(device: Link, rows: Rows, more: Floats | None = None) -> tuple[Indices, Indices, Floats]:
    """Vehicle, time and values of the rows that arrive, ``(m,)``, ``(m,)``, ``(m, signals)``.

    ``more`` ``(k, extra)`` are values of signals behind those of the rows.
    """
    keep = np.flatnonzero(_kept(device, rows))
    vehicle, times, kind = rows.vehicle[keep], rows.time_ms[keep], rows.kind[keep]
    place = _places(device, vehicle, times, kind)
    values = np.empty((len(keep), len(device.signals)), dtype=np.float32)
    base = _bias(device, times)
    work = np.empty((SLICE, len(device.signals)), dtype=np.float32)
    true = np.empty((SLICE, len(rows.signals)), dtype=np.float32)
    for begin in range(0, len(keep), SLICE):
        here = slice(begin, begin + SLICE)
        piece = values[here]
        rows.copied(keep[here], out=true[: len(piece)])
        _measured(piece, true[: len(piece)], None if more is None else more[keep[here]], device.grid)
        for table, which in ((device.tables, place[here]), (base, vehicle[here])):
            np.take(table, which, axis=0, out=work[: len(piece)], mode="clip")
            piece += work[: len(piece)]
        _on_grid(piece, device.grid)
    _asleep(device, kind, values)
    _stale(device, vehicle, values)
    return _tidied(vehicle, times + device.skew_ms[vehicle], values)


def _measured(values: Floats, true: Floats, more: Floats | None, on: Grid) -> None:
    """Fills in true values, in steps of the grid."""
    own = true.shape[1]
    np.multiply(true, on.scale[:own], out=values[:, :own])
    values[:, own:] = np.nan if more is None else more * on.scale[own:]


def _bias(device: Link, times: Indices) -> Floats:
    """What each sensor is off by, with the shift of the grid, in its steps; it drifts over the years."""
    years = (float(times.mean()) - device.start_ms) / (365.0 * A_DAY_MS) if len(times) else 0.0
    off = device.bias * (np.float32(1.0) + np.float32(years) * device.drift)
    return floats(off * device.grid.scale + device.grid.shift)


def _on_grid(values: Floats, of: Grid) -> None:
    """Quantises in place: from steps of the grid to values on it."""
    np.rint(values, out=values)
    np.maximum(values, of.low, out=values)
    np.minimum(values, of.high, out=values)
    values *= of.step
    values += of.offset


def _chance(*parts: Indices) -> npt.NDArray[np.float64]:
    """A number from 0 to 1 for each place, the same for the same integers (a multiplicative hash)."""
    mixed = np.zeros(len(parts[0]), dtype=np.uint64)
    for part in parts:
        mixed = (mixed ^ part.astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return (mixed >> np.uint64(11)).astype(np.float64) * (1.0 / (1 << 53))


def _kept(device: Link, rows: Rows) -> Bools:
    vehicle, times = rows.vehicle, rows.time_ms
    day = np.clip((times - device.start_ms) // A_DAY_MS, 0, device.silent.shape[1] - 1)
    keep = ~device.silent[vehicle, day]
    batch_ms, loss = (device.stress.batch_ms, device.stress.loss) if device.stress.loss else (LOSS_BATCH_MS, LOSS)
    keep &= _chance(vehicle, times // batch_ms, device.place[vehicle]) >= loss
    polled = np.flatnonzero((rows.kind == STARTING) & ~device.captures[vehicle])
    keep[polled] &= (times[polled] // 100 + device.place[vehicle[polled]]) % (ROW_MS // 100) == 0
    chance = np.flatnonzero((rows.kind == KEY_ON) & ~device.captures[vehicle])
    keep[chance] &= _chance(vehicle[chance], times[chance]) < KEY_ON_SEEN
    if BOOT_PLACE in rows.signals:
        keep &= (rows.kind != DRIVING) | ~(rows.column(BOOT_PLACE) < device.boot_s[vehicle])
    return keep


def _places(device: Link, vehicle: Indices, times: Indices, kind: npt.NDArray[np.int8]) -> Indices:
    """Row of the tables for each row of values."""
    begin = device.place[vehicle]
    places: Indices = (times // ROW_MS + begin) % TABLE_ROWS
    whole = np.flatnonzero(kind != DRIVING)
    places[whole] = TABLE_ROWS + (times[whole] // 100 + begin[whole]) % WHOLE_ROWS
    places += device.slow[vehicle]
    return places


def _asleep(device: Link, kind: npt.NDArray[np.int8], values: Floats) -> None:
    """A car that wakes while it stands tells little; one that charges is not ready to drive."""
    woken = np.flatnonzero((kind == WAKING) | (kind == CHARGING))
    tells = [path not in ONLY_READY if device.electric else path in ALWAYS_AWAKE for path in device.signals]
    values[woken[:, None], np.flatnonzero(np.logical_not(tells))[None, :]] = np.nan


def _stale(device: Link, vehicle: Indices, values: Floats) -> None:
    """Repeating devices, and under stress values of the row before."""
    which = np.flatnonzero(device.repeating[vehicle])
    if len(which):
        values[which] = _repeated(vehicle[which], values[which])
    if device.stress.stale and len(values) > 1:
        late = slice(1, None, 2)
        same = vehicle[1:] == vehicle[:-1]
        shifted = np.where(same[:, None], values[:-1, late], np.float32(np.nan))
        values[1:, late] = shifted


def _repeated(vehicle: Indices, values: Floats) -> Floats:
    """Gaps filled with the value of the row before of the same car, as if it were new."""
    same = np.r_[False, vehicle[1:] == vehicle[:-1]][:, None]
    before = np.concatenate([values[:1], values[:-1]])
    return np.where(np.isnan(values) & same, before, values)


def _tidied(vehicle: Indices, times: Indices, values: Floats) -> tuple[Indices, Indices, Floats]:
    """Without empty rows and with times that strictly increase in each car; ``values`` move up in place."""
    keep = np.logical_not(np.isnan(values).all(axis=1))
    keep[1:] &= (vehicle[1:] != vehicle[:-1]) | (times[1:] > times[:-1])
    if keep.all():
        return vehicle, times, values
    kept = np.flatnonzero(keep)
    for begin in range(0, len(kept), SLICE):
        piece = kept[begin : begin + SLICE]
        values[begin : begin + len(piece)] = values[piece]
    return vehicle[kept], times[kept], values[: len(kept)]
