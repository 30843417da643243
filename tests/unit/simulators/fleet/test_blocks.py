"""A block of the simulated fleet from its first day to its ledger."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simulators.fleet.blocks import BlockRun
from simulators.fleet.makes import world
from simulators.fleet.population import plan
from simulators.fleet.stress import LOSSY, NONE
from vehicle import signals

DAYS = 1


def blocks(name: str = "development", *, n: int = 24, block: int = 12, seed: int = 5, powertrain: str = "petrol"):
    """The first blocks of a small fleet of one powertrain."""
    base = world(name)
    makes = tuple(make for make in base.platforms if make.powertrain == powertrain)[:1]
    return plan(replace(base, platforms=makes), n, DAYS, seed, block)


def run(block, stress=NONE):
    """All chunks of a block, and its truth."""
    course = BlockRun(block, stress)
    chunks = list(course.chunks())
    return chunks, course.sealed()


@pytest.fixture(name="made", scope="module")
def _made():
    return run(blocks("development:enriched")[1])


def test_a_block_can_be_made_again_alone(made) -> None:
    """The second block of a fleet is the same bit for bit, without the first having been made."""
    chunks, sealed = run(blocks("development:enriched")[1])
    assert sealed == made[1]
    for one, other in zip(made[0], chunks, strict=True):
        assert np.array_equal(one.vehicle, other.vehicle)
        assert np.array_equal(one.time_ms, other.time_ms)
        assert np.array_equal(one.values, other.values, equal_nan=True)
        assert (one.codes, one.services) == (other.codes, other.services)


def test_another_seed_is_another_fleet(made) -> None:
    """Chance depends on the seed."""
    chunks, _ = run(blocks("development:enriched", seed=6)[1])
    assert len(chunks[0]) != len(made[0][0]) or not np.array_equal(chunks[0].time_ms, made[0][0].time_ms)


def test_rows_are_sorted_and_times_strictly_increase(made) -> None:
    """Within a chunk by vehicle, then by time, and a car's time goes on from chunk to chunk."""
    last: dict[int, int] = {}
    for chunk in made[0]:
        assert (np.diff(chunk.vehicle) >= 0).all()
        same = np.diff(chunk.vehicle) == 0
        assert (np.diff(chunk.time_ms)[same] > 0).all()
        for vehicle in np.unique(chunk.vehicle):
            times = chunk.time_ms[chunk.vehicle == vehicle]
            assert times[0] > last.get(int(vehicle), 0)
            last[int(vehicle)] = int(times[-1])
    assert last


def test_vehicles_are_indices_in_the_fleet(made) -> None:
    """The second block's cars follow the first block's."""
    seen = {int(vehicle) for chunk in made[0] for vehicle in np.unique(chunk.vehicle)}
    assert seen <= set(range(12, 24))
    assert len(seen) > 4


def test_values_lie_on_the_signals_grids(made) -> None:
    """What arrives is what raw integers of the catalogue's resolution and range can say."""
    for chunk in made[0]:
        for at, path in enumerate(chunk.signals):
            row, values = signals.signal(path), chunk.values[:, at].astype(np.float64)
            raw = (values[~np.isnan(values)] * row.denominator - row.offset) / row.numerator
            assert np.allclose(raw, np.rint(raw), rtol=2e-6, atol=2e-3), path
            assert ((np.rint(raw) >= row.raw_minimum) & (np.rint(raw) <= row.raw_maximum)).all(), path


def test_slow_signals_come_less_often_than_fast_ones(made) -> None:
    """A round-robin reads the speed nearly each time and the coolant now and then; no row is empty."""
    chunk = made[0][0]
    read = dict(zip(chunk.signals, (~np.isnan(chunk.values)).mean(axis=0), strict=True))
    assert read[signals.SPEED] > 0.75
    assert 0.02 < read[signals.COOLANT_TEMPERATURE] < 0.5 * read[signals.SPEED]
    assert (~np.isnan(chunk.values)).any(axis=1).all()


def test_the_ledger_is_in_order(made) -> None:
    """Onset comes before what can be noticed, that before failure, that before the repair; times are the run's."""
    faults = made[1].faults
    assert faults
    for fault in faults:
        times = [fault.onset_ms, fault.noticeable_ms, fault.failed_ms, fault.repaired_ms]
        known = [time for time in times if time is not None]
        assert known == sorted(known), fault
        assert fault.failed_ms is None or fault.matters
        assert 12 <= fault.vehicle < 24


def test_lost_packets_are_missing_packets(made) -> None:
    """Under stress a third of the rows does not arrive."""
    chunks, _ = run(blocks("development:enriched")[1], LOSSY)
    arrived, usual = sum(map(len, chunks)), sum(map(len, made[0]))
    assert 0.6 * usual < arrived < 0.8 * usual


@pytest.fixture(name="electric", scope="module")
def _electric():
    """Times, vehicles and values by signal of electric cars within two days."""
    chunks, _ = run(replace(blocks(powertrain="electric", n=12)[0], days=2))
    values = np.concatenate([chunk.values for chunk in chunks])
    read = {path: values[:, place] for place, path in enumerate(chunks[0].signals)}
    vehicle, time_ms = (np.concatenate([getattr(chunk, name) for chunk in chunks]) for name in ("vehicle", "time_ms"))
    order = np.lexsort((time_ms, vehicle))
    return vehicle[order], time_ms[order], {path: column[order] for path, column in read.items()}


def test_electric_cars_charge(electric) -> None:
    """Charging gives a row a minute, in which the battery fills and the car is not ready to drive."""
    vehicle, time_ms, read = electric
    charging = read[signals.IS_CHARGING] == 1.0
    assert charging.any()
    assert np.nanmedian(read[signals.TRACTION_CURRENT][charging]) > 0
    for path in (signals.SPEED, signals.RUN_TIME):
        assert np.isnan(read[path][charging]).all()
    together = charging[1:] & charging[:-1] & (vehicle[1:] == vehicle[:-1])
    assert np.median(np.diff(time_ms)[together]) == 60_000


def test_standing_electric_cars_wake_and_tell_of_their_batteries(electric) -> None:
    """Some hours after the last row a parked car tells voltages, cells and insulation, and no speed."""
    vehicle, time_ms, read = electric
    woken = np.append([False], (np.diff(vehicle) == 0) & (np.abs(np.diff(time_ms) - 7 * 3_600_000) < 60_000))
    assert woken.any()
    assert np.isnan(read[signals.SPEED][woken]).all()
    assert np.nanmedian(read[signals.CONTROL_MODULE_VOLTAGE][woken]) > 11.5
    assert np.nanmin(read[signals.INSULATION][woken]) > 100_000
    assert np.isfinite(read[signals.BLOCK_VOLTAGES[3]][woken]).any()


def test_a_hybrids_engine_stands_now_and_then_while_it_moves() -> None:
    """Rows with speed and without engine speed, and rows with both; its battery neither empties nor is plugged in."""
    chunks, _ = run(blocks(powertrain="hybrid", n=12)[0])
    values = np.concatenate([chunk.values for chunk in chunks])
    read = {path: values[:, place] for place, path in enumerate(chunks[0].signals)}
    moving = read[signals.SPEED] > 5.0
    still = read[signals.ENGINE_SPEED][moving] == 0.0
    assert 0.05 < still.mean() < 0.9
    assert np.nanmin(read[signals.TRACTION_CHARGE]) > 30.0
    assert not (read[signals.IS_CHARGING] == 1.0).any()
