"""The air of a hybrid's engine: that of a petrol engine, and still where the engine stands."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet import air_path

if TYPE_CHECKING:
    from simulators.fleet.air_path import AirBuild, AirCondition, AirState
    from simulators.fleet.moment import Moment


def step(
    state: AirState, moment: Moment, build: AirBuild, condition: AirCondition, dt_s: float, rng: np.random.Generator
) -> AirState:
    """A second of air; while the engine stands the manifold fills up and nothing flows."""
    after = air_path.step(state, moment, build, condition, dt_s, rng)
    on = moment.engine_on
    moment.manifold_kpa = np.where(on > 0, after.manifold_kpa, moment.baro_kpa)
    return replace(
        after,
        manifold_kpa=moment.manifold_kpa,
        metered_gps=after.metered_gps * on,
        filling=after.filling * on,
        load=after.load * on,
    )


SUBSYSTEM = replace(air_path.SUBSYSTEM, step=step)
FAULTS = air_path.FAULTS
WEAR = air_path.WEAR
