"""Who the cars of a block are: age, use, driver, region, device, and what can be read of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from simulators.fleet.arrays import floats, spread

if TYPE_CHECKING:
    from simulators.fleet.arrays import Floats, Indices
    from simulators.fleet.worlds import Platform, World

Bools = npt.NDArray[np.bool_]

OLDEST_YEARS = 15.0
CAPTURES_STARTS = 0.5
"""Share of devices that take a burst around the ignition (our choice)."""
ERRANDS_BESIDE_WORK, ERRANDS = 1.4, 2.5
"""Mean drives a day beside those to work and back, and of who does not drive to work (our choice: with the traces that
are driven, a car goes 9,000 km a year)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Cars of one platform that are simulated together and can be made again alone."""

    world: World
    seed: int
    number: int
    platform: Platform
    first: int
    """Index in the fleet of its first vehicle."""
    n: int
    days: int

    @property
    def kwh(self) -> float:
        """What a full traction battery holds when new."""
        return float(self.platform.parameters.get("battery_kwh", 58.0))

    def chance(self, purpose: int, *more: int) -> np.random.Generator:
        """Randomness for one purpose, the same whenever this block is made."""
        return np.random.default_rng([self.world.number, self.seed, self.number, purpose, *more])


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicles:
    """One entry a car of a block, ``(n,)`` each."""

    index: Indices
    """In the fleet."""
    platform: str
    powertrain: str
    age_days: Floats
    odometer_km: Floats
    """0 until the past is known (:mod:`simulators.fleet.past`)."""
    climate: Indices
    """Which of the world's climates."""
    altitude_m: Floats
    garage: Bools
    """Stands the night in a garage."""
    errands: Floats
    """Drives a day beside the way to work."""
    works: Bools
    """Is driven to work."""
    leaves_h: Floats
    cared: Bools
    """Kept by schedule; the others come when something is broken."""
    captures_starts: Bools

    def __len__(self) -> int:
        return len(self.index)


def plan(world: World, n_vehicles: int, days: int, seed: int, block: int) -> list[Block]:
    """The blocks of a fleet: platforms by their shares, each cut into pieces of at most ``block`` cars."""
    shares = np.array([each.share for each in world.platforms])
    ends = np.round(np.cumsum(shares / shares.sum()) * n_vehicles).astype(int)
    blocks: list[Block] = []
    for make, end in zip(world.platforms, ends, strict=True):
        first = 0 if not blocks else blocks[-1].first + blocks[-1].n
        while first < end:
            n = min(block, int(end) - first)
            blocks.append(Block(world=world, seed=seed, number=len(blocks), platform=make, first=first, n=n, days=days))
            first += n
    return blocks


def draw(block: Block) -> Vehicles:
    """The cars of a block."""
    rng, n = block.chance(1), block.n
    climate = rng.integers(0, len(block.world.climates), n)
    regions = [block.world.climates[each] for each in climate]
    use = spread(rng, n, 1.0, 0.42)
    return Vehicles(
        index=block.first + np.arange(n, dtype=np.int64),
        platform=block.platform.name,
        powertrain=block.platform.powertrain,
        age_days=floats(365.0 * OLDEST_YEARS * rng.beta(1.5, 2.4, n)),
        odometer_km=floats(np.zeros(n)),
        climate=climate,
        altitude_m=floats([region.altitude_m + region.altitude_spread_m * rng.standard_normal() for region in regions]),
        garage=_some(rng, n, 0.4),
        **_habits(block, use, rng),
        captures_starts=_some(rng, n, CAPTURES_STARTS),
    )


def _habits(block: Block, use: Floats, rng: np.random.Generator) -> dict[str, Any]:
    n, works = block.n, _some(rng, block.n, 0.9 if block.platform.powertrain == "van" else 0.55)
    return {
        "errands": use * np.where(works, ERRANDS_BESIDE_WORK, ERRANDS).astype(np.float32),
        "works": works,
        "leaves_h": floats(rng.normal(7.4, 0.8, n)),
        "cared": _some(rng, n, 0.72),
    }


def _some(rng: np.random.Generator, n: int, share: float) -> Bools:
    chosen: Bools = rng.random(n) < share
    return chosen
