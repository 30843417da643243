"""Which trips can tell a detector anything: it is not called where none of a turn's trips does.

An electric van that tops up its battery thirty times a day has thirty short trips to judge, each the turn of few cars,
and a call costs about the same for one car as for a thousand. A charge says nothing of a thermostat, and brakes that
did no work are as they were. What is left out would have been silent and have changed no bit of the state: so it may
be left out or not, and a detector that is called for one car may be shown the others' trips as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from diagnostics.arrays import floats, some

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from diagnostics.arrays import Flags, Floats, Parameters, State
    from diagnostics.features.trips import Trips

    Told: TypeAlias = Callable[[Trips, State], Flags]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats:
    """Trips of which a detector says the same, so that of many in a row the first and the last tell all.

    ``alike(trips, parameters)`` finds those ``(n,)`` that may be such. ``passes(trips, state, parameters)`` takes one
    of each of some vehicles as a step does: those ``(n,)`` that raise and clear nothing and of which what is said
    rests on the trip itself and on state that the trips in a row leave alone, so that the last says it anew; and all
    that these change of the state, by name.
    """

    alike: Callable[[Trips, Parameters], Flags]
    passes: Callable[[Trips, State, Parameters], tuple[Flags, Mapping[str, Floats]]]

    def amid(self, trips: Trips, p: Parameters) -> Flags:
        """Trips ``(n,)``, sorted by vehicle, then time, between two others of their car that are alike as they are."""
        alike = self.alike(trips, p)
        follows = alike[1:] & alike[:-1] & (trips.vehicle[1:] == trips.vehicle[:-1])
        amid = np.zeros(len(trips), dtype=bool)
        amid[1:-1] = follows[1:] & follows[:-1]
        return amid


def tells(features: Sequence[str], counted: Sequence[str] = (), unknown: str | None = None) -> Told:
    """Trips in which one of the features is told, or one of those ``counted`` is not zero.

    And those of vehicles of whose state ``unknown`` is not known yet: the first trip seen sets it.
    """

    def told(trips: Trips, state: State) -> Flags:
        found = np.zeros(len(trips), dtype=bool)
        for name in features:
            found |= ~np.isnan(trips[name])
        for name in counted:
            found |= np.nan_to_num(trips[name]) != 0.0
        return found if unknown is None else found | some(np.isnan(state[unknown]))[trips.vehicle]

    return told


def vehicles_that_tell(features: Sequence[str], waiting: Sequence[str] = ()) -> Told:
    """All trips of vehicles that tell one of the features in any of them, or of whose state something still goes on.

    For detectors that count trips: what is ``waiting`` in the state is zero, or NaN, where nothing goes on.
    """
    by_trip = tells(features)

    def told(trips: Trips, state: State) -> Flags:
        heard = np.zeros(len(next(iter(state.values()))), dtype=bool)
        heard[trips.vehicle[by_trip(trips, state)]] = True
        for name in waiting:
            going = np.nan_to_num(floats(state[name])) != 0.0
            heard |= some(going)
        return np.asarray(heard[trips.vehicle], dtype=bool)

    return told


def either(*several: Told) -> Told:
    """Trips that one of several rules finds."""

    def told(trips: Trips, state: State) -> Flags:
        return np.asarray(np.logical_or.reduce([one(trips, state) for one in several]), dtype=bool)

    return told
