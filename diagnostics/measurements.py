"""What workshops measured, put where detectors look: into the features of the trip that follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from diagnostics.errors import UnknownMeasurementError
from diagnostics.features.trips import FEATURE_AT, MEASUREMENTS, Trips

if TYPE_CHECKING:
    from collections.abc import Sequence

    from diagnostics.arrays import Floats, Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One measurement: ``column`` of the trips' features, when, and what; the unit is in its name."""

    column: int
    at_ms: int
    value: float

    @classmethod
    def of(cls, name: str, at_ms: int, value: float) -> Measured:
        """The measurement of that name.

        Raises:
            UnknownMeasurementError: no detector asks for it.
        """
        if name not in MEASUREMENTS:
            raise UnknownMeasurementError(name, MEASUREMENTS)
        return cls(column=FEATURE_AT[f"measured_{name}"], at_ms=at_ms, value=value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """Measurements of vehicles of a state, sorted by vehicle, then time; each ``(k,)``."""

    vehicle: Integers
    column: Integers
    at_ms: Integers
    value: Floats

    @classmethod
    def of(cls, lists: Sequence[Sequence[Measured]]) -> Measurements:
        """One list a vehicle; no list at all where there is no measurement."""
        found = sorted(
            (vehicle, one.at_ms, one.column, one.value) for vehicle, mine in enumerate(lists) for one in mine
        )
        table = np.array(found, dtype=np.float64).reshape(len(found), 4)
        whole = table[:, :3].astype(np.int64)
        return cls(vehicle=whole[:, 0], at_ms=whole[:, 1], column=whole[:, 2], value=table[:, 3])

    def put(self, trips: Trips) -> Trips:
        """The trips with what was measured after the end of the trip before, up to their own end; the latest counts."""
        if not len(self.vehicle) or not len(trips):
            return trips
        values = trips.values.copy()
        before, ended = trips["previous_end_ms"], trips["ended_ms"]
        for vehicle, column, at_ms, value in zip(self.vehicle, self.column, self.at_ms, self.value, strict=True):
            first, last = np.searchsorted(trips.vehicle, [vehicle, vehicle + 1])
            mine = slice(first, last)
            here = (np.isnan(before[mine]) | (before[mine] < at_ms)) & (ended[mine] >= at_ms)
            values[np.flatnonzero(here) + first, column] = value
        return Trips(vehicle=trips.vehicle, values=values)

    def without_older(self, trips: Trips, feature: str, rows: Integers, at_ms: Floats) -> Trips:
        """The trips without a feature in ``rows``, where what was measured was no later than ``at_ms`` of each row."""
        column = FEATURE_AT[feature]
        values = trips.values.copy()
        for row, served_ms in zip(rows.tolist(), at_ms.tolist(), strict=True):
            if not (self._times(trips, row, column) > served_ms).any():
                values[row, column] = np.nan
        return Trips(vehicle=trips.vehicle, values=values)

    def last_ms(self, trips: Trips, feature: str, rows: Integers) -> Floats:
        """When a feature was last measured before the ends of the trips in ``rows``, ``(rows,)``; NaN never."""
        column = FEATURE_AT[feature]
        found = np.full(len(rows), np.nan)
        for at, row in enumerate(rows.tolist()):
            times = self._times(trips, row, column)
            found[at] = times[-1] if len(times) else np.nan
        return found

    def _times(self, trips: Trips, row: int, column: int) -> Integers:
        """When the feature in a column was measured of the vehicle of a trip, up to the trip's end."""
        first, last = np.searchsorted(self.vehicle, [trips.vehicle[row], trips.vehicle[row] + 1])
        mine = slice(first, last)
        told = (self.column[mine] == column) & (self.at_ms[mine] <= trips["ended_ms"][row])
        times: Integers = self.at_ms[mine][told]
        return times
