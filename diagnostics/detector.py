"""What a detector or wear model is: a pure function over the trips of many vehicles, and the words for what it finds.

A file of ``detectors/`` defines ``DETECTOR``, a file of ``wear/`` defines ``MODEL``; both are a :class:`Detector`.
Its
module docstring argues: why it works, when not, the sources of its limits, its false-alarm rate, and what it says
where
signals are missing.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from diagnostics.arrays import integers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from diagnostics.arrays import Flags, Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips
    from diagnostics.findings import Component, Severity, Text
    from diagnostics.telling import Repeats, Told


class Observability(StrEnum):
    """How well a fault can be seen from the signals that a car gives; C never leads to a booking."""

    STRONG = "A"
    AGGREGATED = "B"
    INDIRECT = "C"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A feature as evidence shows it: its name, its unit and what to call it."""

    feature: str
    unit: str
    label: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One thing that a detector can say; texts are templates over numbers, as ``{value:.1f}``.

    ``drawn`` is what its evidence shows where that is not what the detector's shows.
    """

    key: str
    severity: Severity
    job: str
    title: Text
    text: Text
    drawn: Drawn | None = None


class Later(Mapping[str, "Floats"]):
    """Numbers ``(n,)`` by name that are only reckoned when one is asked for."""

    def __init__(self, reckon: Callable[[], Mapping[str, Floats]]) -> None:
        self._reckon = reckon

    @cached_property
    def _all(self) -> Mapping[str, Floats]:
        return self._reckon()

    def __getitem__(self, name: str) -> Floats:
        return self._all[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a detector says about one trip of each vehicle; every array is ``(n,)``.

    ``observable``: the trip allowed a judgement. ``raised``: index of the cause that is found now, -1 none.
    ``cleared``: what was found has gone. ``since_ms``: when it began by the samples. ``found_ms``: the sample at
    which
    it became certain. ``health``: 0 to 1, NaN unknown. ``rul_days``: ``(n, 3)`` low, median, high. ``numbers``: what
    texts and evidence need, among them ``value``, ``expectation`` and ``threshold``; :class:`Later`, as hardly any trip
    raises anything.
    """

    observable: Flags
    raised: Integers
    cleared: Flags
    since_ms: Floats
    found_ms: Floats
    confidence: Floats
    health: Floats
    rul_days: Floats | None = None
    numbers: Mapping[str, Floats] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """A detector or wear model.

    ``step(trips, state, parameters)`` takes one trip of each of some vehicles, their state and their parameters, all in
    the same order, and returns the judgement and the next state; it changes nothing it is given. A detector with
    ``at_once`` is also asked about trips that still go on. ``needs`` names the features without which a trip is not
    observable; ``signals`` the signals behind them; ``drawn`` is what evidence shows. ``measured`` names the feature
    that holds what a workshop measured of its part. ``renewed(state, at_ms)`` is the state after the part was replaced
    then, where something goes on; otherwise all begins anew. ``fitted(state, days)`` is the state where a service book
    tells that the part had been in the car for so many days when it was measured before the first trip (NaN: it was
    not); without it such an entry only tells which measurements are of an older part. ``dated(state, days)`` is told
    how long it had been in the car at the first trip, measured or not. ``told(trips, state)`` (see
    :mod:`diagnostics.telling`) finds the trips that may be judged or change anything, given any trips, sorted by
    vehicle, then time, and the state before them of all the rows that they name; without it all do. It is not asked
    about a car's first trips, nor about cars whose part was ever serviced: these are always shown. ``repeats`` finds
    trips that say what those before and after them say.
    """

    name: str
    component: Component
    observability: Observability
    causes: tuple[Cause, ...]
    needs: tuple[str, ...]
    signals: tuple[str, ...]
    drawn: Drawn
    initial: Callable[[int], dict[str, Floats | Integers]]
    step: Callable[[Trips, State, Parameters], tuple[Judgement, dict[str, Floats | Integers]]]
    parameters: tuple[str, ...]
    at_once: bool = False
    measured: str | None = None
    renewed: Callable[[State, Floats], dict[str, Floats | Integers]] | None = None
    fitted: Callable[[State, Floats], dict[str, Floats | Integers]] | None = None
    dated: Callable[[State, Floats], dict[str, Floats | Integers]] | None = None
    told: Told | None = None
    repeats: Repeats | None = None


def discover(package: ModuleType, constant: str) -> tuple[Detector, ...]:
    """``constant`` of every module of a package, by name of the module.

    Raises:
        AttributeError: a module defines none; an error while importing one is not caught either.
    """
    names = sorted(found.name for found in pkgutil.iter_modules(package.__path__))
    return tuple(getattr(importlib.import_module(f"{package.__name__}.{name}"), constant) for name in names)


def latched(n_vehicles: int) -> dict[str, Floats | Integers]:
    """State of the latch: nothing found."""
    return {
        "active": np.full(n_vehicles, -1, dtype=np.int64),
        "quiet": np.zeros(n_vehicles, dtype=np.int64),
    }


def at_rest(state: State) -> Flags:
    """Vehicles ``(n,)`` of which nothing is found, whose latch a trip without anything to be found leaves alone."""
    rests: Flags = (integers(state["active"]) < 0) & (integers(state["quiet"]) == 0)
    return rests


def latch(
    state: State, *, bad: Integers, good: Flags, clear_after: Floats
) -> tuple[Integers, Flags, dict[str, Floats | Integers]]:
    """Raises a cause once and clears it by hysteresis.

    ``bad`` is the index of the cause seen now or -1; one further down the detector's list than what is active is an
    escalation and raised too. ``good`` trips must follow each other ``clear_after`` times to clear; a trip that is
    neither good nor bad, because it could not be observed, changes nothing.
    """
    active = integers(state["active"])
    if not ((bad >= 0) | (active >= 0)).any():  # as it nearly always is with few vehicles
        return _calm(len(active))
    raised = np.where(bad > active, bad, -1)
    active = np.maximum(active, bad)
    quiet = np.where(good, integers(state["quiet"]) + 1, integers(state["quiet"]))
    quiet = np.where((bad >= 0) | (active < 0), 0, quiet)
    cleared: Flags = (active >= 0) & (quiet >= clear_after)
    after: dict[str, Floats | Integers] = {
        "active": np.where(cleared, -1, active),
        "quiet": np.where(cleared, 0, quiet),
    }
    return raised, cleared, after


def _calm(n: int) -> tuple[Integers, Flags, dict[str, Floats | Integers]]:
    """What comes of a latch where nothing was found and nothing is seen now."""
    return np.full(n, -1, dtype=np.int64), np.zeros(n, dtype=bool), latched(n)
