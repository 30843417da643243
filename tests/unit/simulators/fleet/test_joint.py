"""Blocks of several platforms that run together: each platform behaves as itself, and chance is the same again."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from types import MappingProxyType

import numpy as np
import pytest

from simulators.fleet import course
from simulators.fleet.arrays import joined
from simulators.fleet.blocks import BlockRun, begun, together
from simulators.fleet.joint import groups
from simulators.fleet.makes import REPORTING, world
from simulators.fleet.population import plan
from simulators.fleet.stress import NONE
from vehicle import signals

CARS, DAYS, SEED = 45, 2, 11


def group(n: int = CARS):
    """Cars of the petrol platforms of a world with many faults, three blocks."""
    base = world("development:enriched")
    (found,) = groups(plan(replace(base, platforms=base.platforms[:3]), n, DAYS, SEED, 400), 400)
    return found


def driven(blocks):
    """Each block's run and chunks, by the platform's name."""
    runs = begun(blocks)
    chunks = {run.block.platform.name: [] for run in runs}
    for run, chunk in together(runs):
        chunks[run.block.platform.name].append(chunk)
    return {run.block.platform.name: run for run in runs}, chunks


@pytest.fixture(name="made", scope="module")
def _made():
    return driven(group())


@pytest.fixture(name="read", scope="module")
def _read(made):
    """All values of a signal, by platform."""

    def of(platform: str, path: str):
        chunks = [chunk for chunk in made[1][platform] if len(chunk)]
        return np.concatenate([chunk.values[:, chunk.signals.index(path)] for chunk in chunks])

    return of


def test_what_has_the_same_parts_runs_together() -> None:
    """Petrol cars with and without a turbocharger are a group, diesel cars and vans another; all blocks are in one."""
    blocks = plan(world("development"), 400, 1, SEED, 400)
    found = groups(blocks, 400)
    names = [[block.platform.powertrain for block in each] for each in found]
    assert names == [["petrol", "petrol", "petrol_turbo"], ["diesel", "van"], ["hybrid"], ["electric"]]
    assert sorted(block.number for each in found for block in each) == [block.number for block in blocks]


def test_a_group_is_bounded() -> None:
    """No group of several blocks has more cars than it may; a further block begins another group."""
    found = groups(plan(world("development"), 400, 1, SEED, 150), 150)
    assert all(sum(block.n for block in each) <= 150 for each in found)
    assert sum(block.n for each in found for block in each) == 400


def test_cells_of_another_chemistry_run_apart() -> None:
    """The curve of the cells is common to a run."""
    base = next(make for make in REPORTING.platforms if make.powertrain == "electric")
    chemistry = float(not base.parameters.get("iron_phosphate", 0.0))
    other = replace(base, name="other", parameters=MappingProxyType({**base.parameters, "iron_phosphate": chemistry}))
    blocks = plan(replace(REPORTING, platforms=(base, other)), 8, 1, SEED, 100)
    assert len(groups(blocks, 100)) == 2


@pytest.mark.parametrize("name", ["development", "reporting"])
def test_nothing_but_the_cells_curve_is_common_to_a_platform(name: str) -> None:
    """Whatever else tells how a car is made has an entry for each car, so that cars of all platforms can be mixed."""
    for block in plan(world(name), 40, 1, SEED, 400):
        cars = course.begin(block, NONE).cars
        for build in cars.builds:
            common = {field for field, entry in _entries(build) if np.shape(entry)[:1] != (block.n,)}
            assert common <= {"curve"}, (block.platform.name, common)


def _entries(build):
    for field in fields(build):
        entry = getattr(build, field.name)
        if is_dataclass(entry) and field.name != "curve":
            yield from _entries(entry)
        else:
            yield field.name, entry


def test_arrays_are_joined_vehicle_by_vehicle() -> None:
    """Nested values and places of several keep the order of the vehicles, and how they lie."""
    cars = [course.begin(block, NONE).cars for block in group(12)[:2]]
    both = joined([each.states[-1] for each in cars])
    for field, entry in _entries(both):
        parts = [np.asarray(getattr(each.states[-1], field)) for each in cars]
        np.testing.assert_array_equal(entry, np.concatenate(parts))
        assert entry.flags.f_contiguous == parts[0].flags.f_contiguous


def test_each_platform_has_its_own_signals(made) -> None:
    """A car without air meter or turbocharger tells of none though its neighbours in the run have one."""
    told = {name: {path for chunk in chunks for path in chunk.signals} for name, chunks in made[1].items()}
    assert signals.MAF in told["dev_compact"]
    assert signals.MAF not in told["dev_town"]
    assert signals.BOOST in told["dev_saloon"]
    assert signals.BOOST not in told["dev_compact"] | told["dev_town"]


def test_each_platform_has_its_own_gears(read) -> None:
    """On a fast road, six gears of the saloon turn its engine slower than five turn the compact's."""
    for platform, per_mps in (("dev_compact", 74.0), ("dev_saloon", 62.0)):
        speed_mps, rpm = read(platform, signals.SPEED) / 3.6, read(platform, signals.ENGINE_SPEED)
        fast = (speed_mps > 26.0) & (rpm > 0)
        assert fast.sum() > 20
        np.testing.assert_allclose(np.median(rpm[fast] / speed_mps[fast]), per_mps, rtol=0.02)
    assert np.nanmax(read("dev_saloon", signals.GEAR)) == 6.0


def test_each_platform_idles_at_its_own_speed(made) -> None:
    """The small engine of the town car idles faster than the others'."""
    idle = {name: float(np.median(run.course.cars.builds[1].idle_rpm)) for name, run in made[0].items()}
    for name, expected in (("dev_compact", 720.0), ("dev_town", 790.0)):
        seen = _idling(made[1][name])
        assert abs(idle[name] - expected) < 15.0
        assert abs(seen - idle[name]) < 45.0
    assert _idling(made[1]["dev_town"]) > _idling(made[1]["dev_compact"]) + 20.0


def _idling(chunks) -> float:
    """Speed of warm engines of cars that stand."""
    found = []
    for chunk in chunks:
        speed, rpm = (chunk.values[:, chunk.signals.index(path)] for path in (signals.SPEED, signals.ENGINE_SPEED))
        found.append(rpm[(speed == 0) & (rpm > 400)])
    return float(np.percentile(np.concatenate(found), 3))


def test_a_block_is_drawn_as_if_it_were_alone(made) -> None:
    """Who its cars are and what befalls them does not depend on the others of its group."""
    for run in made[0].values():
        alone = BlockRun(run.block)
        np.testing.assert_array_equal(alone.vehicles.odometer_km, run.vehicles.odometer_km)
        np.testing.assert_array_equal(alone.course.caretaker.workshop.visit_km, run.course.caretaker.workshop.visit_km)
        drawn, befell = (
            {(fate.vehicle, fate.kind.name, fate.onset_ms) for fate in each.course.caretaker.fates.every()}
            for each in (alone, run)
        )
        assert drawn
        assert drawn <= befell


def test_the_same_seed_gives_the_same_group(made) -> None:
    """Rows, codes, services and the truth are the same bit for bit."""
    runs, chunks = driven(group())
    for name, run in runs.items():
        assert run.sealed() == made[0][name].sealed()
        for one, other in zip(chunks[name], made[1][name], strict=True):
            assert np.array_equal(one.time_ms, other.time_ms)
            assert np.array_equal(one.values, other.values, equal_nan=True)
            assert (one.codes, one.services, one.measurements) == (other.codes, other.services, other.measurements)


def test_rows_come_in_order_and_are_their_blocks(made) -> None:
    """A chunk has vehicles of its block alone, sorted, and a car's time goes on from chunk to chunk."""
    for name, run in made[0].items():
        first, last, until = run.block.first, run.block.first + run.block.n, dict[int, int]()
        for chunk in made[1][name]:
            assert ((chunk.vehicle >= first) & (chunk.vehicle < last)).all()
            assert (np.diff(chunk.vehicle) >= 0).all()
            for vehicle in np.unique(chunk.vehicle).tolist():
                times = chunk.time_ms[chunk.vehicle == vehicle]
                assert (np.diff(times) > 0).all()
                assert times[0] > until.get(vehicle, 0)
                until[vehicle] = int(times[-1])
        assert len(until) > 0.5 * run.block.n


def test_the_ledger_has_all_blocks(made) -> None:
    """Each block seals the faults and lives of its own cars, with the kinds of its powertrain."""
    for run in made[0].values():
        sealed = run.sealed()
        mine = range(run.block.first, run.block.first + run.block.n)
        assert sealed.faults
        assert all(row.vehicle in mine for row in (*sealed.faults, *sealed.confounders, *sealed.lives))
    boosts = {name for name, run in made[0].items() if any(row.component == "boost" for row in run.sealed().faults)}
    assert boosts <= {"dev_saloon"}
