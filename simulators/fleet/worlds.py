"""Three worlds that share physics and nothing else: one to develop in, one to rehearse in, one to report on.

They differ in the cars' makes, in climates, in the shapes by which parts wear, in how devices read, and in all chance.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulators.fleet.climate import Climate


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """A make of car: its powertrain, its share of the fleet, and what its subsystems read of it by name."""

    name: str
    powertrain: str
    share: float
    parameters: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """How a world differs in kind, not only in number.

    ``growth_power``: level of a fault grows with the elapsed share of its time to this power (1 evenly, 2 late).
    ``gamma_variation``: relative deviation of a gamma path at failure; ``wiener_variation``: of a Wiener path's level.
    ``small``: share of faults that stop growing before anybody notices. ``noise_persistence``: lag-one correlation of
    the sensors' noise from row to row; ``noise``: how large it is beside the table of the sensors.
    """

    growth_power: float
    gamma_variation: float
    wiener_variation: float
    small: float
    noise: float
    noise_persistence: float
    bad_repair: float


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """All that a simulated year depends on beside numbers of cars, days and the seed."""

    name: str
    number: int
    """Goes into every draw of chance, so that no two worlds ever have one in common."""
    start_ms: int
    platforms: tuple[Platform, ...]
    climates: tuple[Climate, ...]
    structure: Structure
    rate: float = 1.0
    """Faults against the natural rate: 10 in a world that is enriched."""


def platform(name: str, powertrain: str, share: float, **parameters: float) -> Platform:
    """A platform with its numbers by name."""
    return Platform(name=name, powertrain=powertrain, share=share, parameters=MappingProxyType(dict(parameters)))


def enriched(base: World, times: float = 10.0) -> World:
    """The same world with more faults, to count what is found; never to count what is precise."""
    return replace(base, name=f"{base.name}:enriched", rate=base.rate * times)
