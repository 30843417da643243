"""The platforms, climates and structures of the two worlds: sizes of a class of car, no certain model (our choice)."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from simulators.errors import SimulatorError
from simulators.fleet.climate import Climate
from simulators.fleet.worlds import Structure, World, enriched, platform

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from simulators.fleet.population import Block
    from simulators.fleet.stress import Stress

DEVELOPMENT = World(
    name="development",
    number=101,
    start_ms=1_672_531_200_000,
    platforms=(
        platform("dev_compact", "petrol", 0.3),
        platform("dev_town", "petrol", 0.14, maf=False),
        platform("dev_saloon", "petrol_turbo", 0.16),
        platform("dev_estate", "diesel", 0.12),
        platform("dev_hybrid", "hybrid", 0.1),
        platform("dev_electric", "electric", 0.12),
        platform("dev_van", "van", 0.06),
    ),
    climates=(
        Climate(name="temperate", mean_c=10.5, season_c=9.0, daily_c=4.6, spread_c=3.4, wet=0.36),
        Climate(
            name="cold", mean_c=3.5, season_c=14.0, daily_c=4.2, spread_c=4.6, wet=0.32, humidity=0.74,
            altitude_m=260.0,
        ),
    ),
    structure=Structure(
        growth_power=1.0, gamma_variation=0.22, wiener_variation=0.08, small=0.16, noise=1.0, noise_persistence=0.55,
        bad_repair=0.05,
    ),
)  # fmt: skip

REPORTING = World(
    name="reporting",
    number=907,
    start_ms=1_704_067_200_000,
    platforms=(
        platform("rep_hatch", "petrol", 0.24),
        platform("rep_saloon", "petrol", 0.14, maf=False),
        platform("rep_crossover", "petrol_turbo", 0.22),
        platform("rep_offroad", "diesel", 0.08),
        platform("rep_hybrid", "hybrid", 0.12),
        platform("rep_electric", "electric", 0.15),
        platform("rep_van", "van", 0.05),
    ),
    climates=(
        Climate(
            name="hot_humid", mean_c=22.6, season_c=7.2, daily_c=4.0, spread_c=2.3, wet=0.42, humidity=0.78,
            altitude_m=40.0, altitude_spread_m=40.0,
        ),
        Climate(
            name="continental", mean_c=11.8, season_c=15.2, daily_c=6.1, spread_c=3.9, wet=0.24, humidity=0.58,
            altitude_m=420.0, altitude_spread_m=300.0, hilliness=0.028,
        ),
        Climate(name="mild", mean_c=15.2, season_c=6.4, daily_c=4.9, spread_c=2.6, wet=0.27, hilliness=0.024),
    ),
    structure=Structure(
        growth_power=1.35, gamma_variation=0.3, wiener_variation=0.11, small=0.2, noise=1.12, noise_persistence=0.4,
        bad_repair=0.07,
    ),
)  # fmt: skip

UNSEEN_CLIMATES = (
    Climate(name="alpine", mean_c=4.2, season_c=10.0, daily_c=6.4, spread_c=4.2, altitude_m=1350.0, hilliness=0.05),
    Climate(name="desert", mean_c=26.5, season_c=10.5, daily_c=8.2, spread_c=2.4, wet=0.05, humidity=0.3),
)
"""For the question what an unknown climate costs."""

UNSEEN_PLATFORMS: Mapping[str, Mapping[str, float]] = MappingProxyType({})
"""Parameters by powertrain for the question what an unknown platform costs."""

WORLDS: Mapping[str, World] = MappingProxyType({each.name: each for each in (DEVELOPMENT, REPORTING)})


def world(name: str) -> World:
    """A world by its name, with ``:enriched`` behind it one with ten times as many faults.

    Raises:
        SimulatorError: there is none of that name.
    """
    base, _, kind = name.partition(":")
    if base not in WORLDS or kind not in {"", "enriched"}:
        known = ", ".join(f"{each}, {each}:enriched" for each in WORLDS)
        raise SimulatorError(f"there is no world {name!r}; there are {known}")
    return enriched(WORLDS[base]) if kind else WORLDS[base]


def stressed(block: Block, stress: Stress) -> Block:
    """The same block elsewhere, of other makes, or with numbers that are off."""
    where, make = block.world, block.platform
    if stress.unseen_climate:
        where = replace(where, climates=UNSEEN_CLIMATES)
    if stress.unseen_platform:
        make = replace(make, name="unknown", parameters=UNSEEN_PLATFORMS.get(make.powertrain, {}))
    if stress.mismatch:
        rng = block.chance(20)
        off = {name: value * _off(stress.mismatch, rng) for name, value in make.parameters.items()}
        make = replace(make, parameters=MappingProxyType(off))
    return replace(block, world=where, platform=make)


def _off(most: float, rng: np.random.Generator) -> float:
    return float(1.0 + most * rng.uniform(-1.0, 1.0))
