"""Which subsystems make up a car of each powertrain, in the order in which they step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulators.fleet import (
    air_path,
    cooling,
    diesel,
    electrical,
    engine,
    exhaust,
    ignition,
    mixture,
    oil,
    particulate,
    road,
    tank,
)

if TYPE_CHECKING:
    from simulators.fleet.subsystem import AnySubsystem

PETROL: tuple[AnySubsystem, ...] = (
    road.SUBSYSTEM,
    engine.SUBSYSTEM,
    air_path.SUBSYSTEM,
    ignition.SUBSYSTEM,
    tank.SUBSYSTEM,
    mixture.SUBSYSTEM,
    cooling.SUBSYSTEM,
    oil.SUBSYSTEM,
    electrical.SUBSYSTEM,
    exhaust.SUBSYSTEM,
)

DIESEL: tuple[AnySubsystem, ...] = (
    road.SUBSYSTEM,
    engine.SUBSYSTEM,
    diesel.SUBSYSTEM,
    cooling.SUBSYSTEM,
    oil.SUBSYSTEM,
    electrical.SUBSYSTEM,
    particulate.SUBSYSTEM,
)
