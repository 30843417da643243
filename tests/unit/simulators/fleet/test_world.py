"""The simulated world apart from physics: who the cars are, when they drive, how parts fail."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simulators.errors import SimulatorError
from simulators.fleet.climate import draw_air
from simulators.fleet.faults import COMPONENTS, FaultKind
from simulators.fleet.garage import MODULES, parts
from simulators.fleet.makes import DEVELOPMENT, REPORTING, stressed, world
from simulators.fleet.population import draw, plan
from simulators.fleet.processes import NOTICEABLE, path
from simulators.fleet.stress import CLIMATE, MISMATCH, PLATFORM

GRADUAL = FaultKind(
    name="belt wears", component="charging", observability="A", field="slip", sound=0.0, failed=1.0, law="gamma",
    growth_days=100.0, growth_spread=0.1, repair="belt replaced",
)  # fmt: skip


def test_two_worlds_have_nothing_in_common_but_physics() -> None:
    """No platform, no climate, no structure and no chance is the same in both."""
    one, other = DEVELOPMENT, REPORTING
    assert {make.name for make in one.platforms}.isdisjoint(make.name for make in other.platforms)
    assert {make.parameters["mass_kg"] for make in one.platforms}.isdisjoint(
        make.parameters["mass_kg"] for make in other.platforms
    )
    assert {climate.name for climate in one.climates}.isdisjoint(climate.name for climate in other.climates)
    assert one.structure != other.structure
    assert one.number != other.number


def test_an_unknown_world_is_refused() -> None:
    """The error names the worlds that there are."""
    with pytest.raises(SimulatorError, match="development"):
        world("moon")


def test_an_enriched_world_has_more_faults_and_nothing_else() -> None:
    """Ten times the rate."""
    assert world("reporting:enriched").rate == 10.0
    assert replace(world("reporting:enriched"), name="reporting", rate=1.0) == REPORTING


def test_blocks_share_out_the_fleet() -> None:
    """Every vehicle is in one block, no block is larger than asked for."""
    blocks = plan(REPORTING, 1000, 10, 1, 64)
    assert [block.first for block in blocks] == list(np.cumsum([0, *(block.n for block in blocks[:-1])]))
    assert sum(block.n for block in blocks) == 1000
    assert max(block.n for block in blocks) <= 64
    assert {block.platform.name for block in blocks} == {make.name for make in REPORTING.platforms}


@pytest.mark.parametrize("powertrain", list(MODULES))
def test_every_kind_of_fault_can_act(powertrain: str) -> None:
    """Each kind names a component of the ledger and fields that its subsystem's condition has."""
    rng = np.random.default_rng(1)
    for part in parts(powertrain):
        condition = part.subsystem.sound(3, rng)
        for kind in part.faults:
            assert kind.component in COMPONENTS
            for name, _ in ((kind.field, kind.failed), *kind.also):
                assert getattr(condition, name).shape[0] == 3, (kind.name, name)


def test_base_rates_are_natural() -> None:
    """All faults together befall a car of six years about every other year, at most."""
    for powertrain in MODULES:
        rate = sum(
            kind.per_year for part in parts(powertrain) for kind in part.faults if powertrain in kind.powertrains
        )
        assert 0.05 < rate < 0.6, powertrain


def test_a_gradual_fault_grows_to_failure_in_its_time() -> None:
    """A gamma path rises without falling, and comes to 1 about its median time."""
    rng = np.random.default_rng(2)
    structure = replace(DEVELOPMENT.structure, small=0.0)
    times = []
    for _ in range(200):
        levels = path(GRADUAL, structure, 1000, rng)
        assert (np.diff(levels) >= 0).all()
        times.append(int(np.argmax(levels >= 1.0)))
    assert 80 < np.median(times) < 120


def test_some_faults_stay_too_small_to_matter() -> None:
    """A share of faults never becomes noticeable."""
    rng = np.random.default_rng(3)
    small = [path(GRADUAL, REPORTING.structure, 1000, rng).max() < NOTICEABLE for _ in range(400)]
    assert 0.12 < np.mean(small) < 0.28


def test_summer_is_warmer_than_winter_and_day_than_night() -> None:
    """The air follows season and hour."""
    air = draw_air(DEVELOPMENT.climates, DEVELOPMENT.start_ms, 365, np.random.default_rng(4))
    hour, day = 3_600_000, 86_400_000
    climate = np.zeros(60, dtype=np.int64)
    winter = DEVELOPMENT.start_ms + np.arange(60) * day + 14 * hour
    summer = winter + 170 * day
    assert air.temperature_c(climate, summer).mean() > air.temperature_c(climate, winter).mean() + 10
    assert air.temperature_c(climate, winter).mean() > air.temperature_c(climate, winter - 11 * hour).mean() + 3


def test_pressure_falls_with_altitude() -> None:
    """A thousand metres cost a little more than eleven kilopascals."""
    air = draw_air(DEVELOPMENT.climates, DEVELOPMENT.start_ms, 5, np.random.default_rng(4))
    climate, at = np.zeros(1, dtype=np.int64), np.array([DEVELOPMENT.start_ms])
    low, high = (air.pressure(climate, at, np.array([float(metres)], dtype=np.float32)) for metres in (0, 1000))
    assert 11.0 < float(low[0] - high[0]) < 12.0


def test_stress_changes_climate_make_or_numbers() -> None:
    """Each kind of stress changes what it says, and the same way each time."""
    block = plan(REPORTING, 50, 10, 1, 64)[0]
    assert {each.name for each in stressed(block, CLIMATE).world.climates}.isdisjoint(
        each.name for each in REPORTING.climates
    )
    assert stressed(block, PLATFORM).platform.parameters != block.platform.parameters
    off = stressed(block, MISMATCH).platform.parameters
    ratios = [off[name] / value for name, value in block.platform.parameters.items() if value]
    assert 0.8 <= min(ratios) < max(ratios) <= 1.2
    for each in plan(REPORTING, 500, 10, 1, 64):
        volts, made = stressed(each, MISMATCH).platform.parameters, each.platform.parameters
        for name in {"regulator_v", "converter_v"} & set(made):
            assert 0.95 <= volts[name] / made[name] <= 1.05
    assert stressed(block, MISMATCH).platform.parameters == off


def test_ages_spread() -> None:
    """Cars are up to fifteen years old, half of them about six."""
    vehicles = draw(plan(DEVELOPMENT, 2000, 10, 1, 4000)[0])
    years = vehicles.age_days / 365.0
    assert 3.0 < np.median(years) < 8.0
