"""What can go wrong or wear out: each subsystem declares its kinds in ``FAULTS`` and ``WEAR``, the world drives them.

A fault moves one field of its subsystem's condition (and, with it, those of ``also``) from the car's own sound value
to the failed one: level 0 is sound, level 1 failed. It never touches a reading. A wearing part needs no fault: use
wears it in the subsystem's state, and the world looks how much is left and renews it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]
    Bools = npt.NDArray[np.bool_]

Law = Literal["gamma", "wiener", "sudden", "step"]
Observability = Literal["A", "B", "C"]

COMPONENTS = (
    "battery_12v", "charging", "thermostat", "cooling", "fuel_air", "misfire", "catalyst", "oxygen_sensor", "evap",
    "egr", "boost", "dpf", "air_filter", "engine_oil", "transmission", "brakes", "tyre_pressure", "tyre_wear",
    "wheel_bearing", "wheel_speed_sensor", "traction_battery", "cell_imbalance", "insulation", "hv_thermal",
    "battery_12v_ev", "sensors",
)  # fmt: skip
"""Words of the ledger for what can fail."""

POWERTRAINS = ("petrol", "petrol_turbo", "diesel", "hybrid", "electric", "van")
COMBUSTION = ("petrol", "petrol_turbo", "diesel", "hybrid", "van")
"""Powertrains with an engine; a van here is a light one with a diesel engine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultKind:
    """One way in which a part fails.

    ``field`` of the subsystem's condition goes from the car's sound value (typically ``sound``) to ``failed``. Where
    the field is ``(n, k)``, one of its ``k`` places (a wheel, a cylinder, a cell) fails; with ``everywhere`` all do.
    ``also`` are further fields that go along: (field, failed). ``law``: "gamma" grows with small random steps, "wiener"
    wanders upwards, "sudden" fails within hours, "step" jumps to a level of 0.05 to 1.2 and stays there.
    ``growth_days`` is the median time from the first change to failure, lognormal with deviation ``growth_spread``.
    ``per_year`` is the share of cars of six years that it befalls in a year; it goes with age to the power ``ageing``
    - 1.
    The part has failed at level 1, or where ``failed_when(state, build, condition)`` (n,) says so by function.
    ``codes`` are what the car's control unit stores for it, the likeliest first; ``repair`` is what a workshop does;
    where that sets more right than the condition (a tyre is pumped up), ``mended(state, build, which)`` is the state
    of the cars ``which`` (n,) bool afterwards. ``applies(build)`` (n,) tells which cars have the part at all.
    """

    name: str
    component: str
    observability: Observability
    field: str
    sound: float
    failed: float
    law: Law
    growth_days: float
    repair: str
    powertrains: tuple[str, ...] = POWERTRAINS
    everywhere: bool = False
    also: tuple[tuple[str, float], ...] = ()
    growth_spread: float = 0.5
    per_year: float = 0.005
    ageing: float = 1.0
    failed_when: Callable[[Any, Any, Any], Bools] | None = None
    mended: Callable[[Any, Any, Bools], Any] | None = None
    codes: tuple[str, ...] = ()
    applies: Callable[[Any], Bools] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WearPart:
    """A part that use wears out: how much is left is in the state, not in a fault.

    ``left(state, build, condition)`` is 1 new to 0 at the end of its use, ``(n,)`` or ``(n, k)``, of which the least
    counts. ``worn(state, build, which, left)`` is the state in which the cars ``which`` (n,) bool have ``left`` (n,) of
    it (all places alike): 1 after it is renewed, less for a car that is not new at the beginning. A workshop
    that inspects renews below ``renew_below``; the owner, or function, forces it at 0. ``measured(state, build,
    condition)`` (n,) is what a workshop writes down, in the unit of ``measurement``'s name (``pad_front_mm``), with a
    reading error of ``error``. ``interval_days`` and ``interval_km``: renewed by schedule (0 = not). ``ages``:
    time wears it rather than kilometres; ``lasting``: it is as old as its car.
    """

    name: str
    component: str
    observability: Observability
    left: Callable[[Any, Any, Any], Floats]
    worn: Callable[[Any, Any, Bools, Floats], Any]
    repair: str
    powertrains: tuple[str, ...] = POWERTRAINS
    renew_below: float = 0.2
    measurement: str = ""
    measured: Callable[[Any, Any, Any], Floats] | None = None
    error: float = 0.2
    interval_days: float = 0.0
    interval_km: float = 0.0
    ages: bool = False
    lasting: bool = False
    codes: tuple[str, ...] = ()
