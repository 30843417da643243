"""What cars of each powertrain are put together from, in the order within a second."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

from simulators.errors import SimulatorError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulators.fleet.faults import FaultKind, WearPart
    from simulators.fleet.subsystem import AnySubsystem
    from simulators.fleet.worlds import Platform

_PETROL = ("road", "engine", "air_path", "ignition", "tank", "mixture", "cooling", "oil", "electrical", "exhaust")
_DIESEL = ("road", "engine", "diesel", "cooling", "oil", "electrical", "particulate")
_CHASSIS = ("brakes", "tyres", "wheels")
MODULES: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "petrol": (*_PETROL, "gearbox", *_CHASSIS),
    "petrol_turbo": (*_PETROL, "gearbox", *_CHASSIS),
    "diesel": (*_DIESEL, "gearbox", *_CHASSIS),
    "van": (*_DIESEL, "gearbox", *_CHASSIS),
    "hybrid": (
        "road", "hybrid", "hybrid_air", "ignition", "tank", "mixture", "cooling", "oil", "hybrid_battery",
        "auxiliary_battery", "exhaust", *_CHASSIS,
    ),
    "electric": ("road", "electric_drive", "battery_system", "auxiliary_battery", *_CHASSIS),
})  # fmt: skip
"""Modules of the subsystems of each powertrain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A subsystem with what can fail and wear in it."""

    subsystem: AnySubsystem
    faults: tuple[FaultKind, ...]
    wear: tuple[WearPart, ...]


def put_together_from(make: Platform) -> tuple[str, ...]:
    """What a platform's cars share with all cars that they can be stepped with: modules, and the cells' chemistry."""
    cells = ("iron",) if make.parameters.get("iron_phosphate") else ()
    return (*MODULES.get(make.powertrain, (make.powertrain,)), *cells)


def parts(powertrain: str) -> tuple[Part, ...]:
    """The subsystems of a powertrain.

    Raises:
        SimulatorError: there is no such powertrain.
    """
    if powertrain not in MODULES:
        raise SimulatorError(f"there is no powertrain {powertrain!r}; there are {', '.join(MODULES)}")
    modules = [import_module(f"simulators.fleet.{name}") for name in MODULES[powertrain]]
    return tuple(
        Part(subsystem=module.SUBSYSTEM, faults=getattr(module, "FAULTS", ()), wear=getattr(module, "WEAR", ()))
        for module in modules
    )
