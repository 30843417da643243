"""What our service is worth with a part of it left out, or with that part alone (DIAGNOSTICS 5.2).

Left out: the car's trouble codes; what workshops measure; the tests that add up small shifts against a car's own
normal, so that limits of the platform and of physics are left. Added: what workshops measure (pads, tread, oil, the 12
V battery of cars without a starter), measured without error each month, which tells what such looks would add. Alone: a
running mean of each feature against the car's own first weeks; each feature against the cars of its platform. These two
have by component the limit that its share of the fleet's own weeks exceed, which favours them. Fixed limits of makers
alone are a rival (:mod:`scorecard.rivals`).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from diagnostics.features.trips import Trips as ClosedTrips
from scorecard import anomaly
from scorecard.alerts import alerts_of, mended
from scorecard.judging import measurements, opinion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scorecard.alerts import Alerts, Mended, Said
    from scorecard.record import Measure, Record
    from scorecard.seeing import Seen
    from scorecard.truth import Floats, Integers

WEIGHT = 0.5
"""Of the newest week in the running mean (our choice): a fault of weeks shows, one odd week counts half."""
TO_SD = 1.4826
"""From the median of absolute deviations to the standard deviation of a normal."""
LEAST_CARS = 8
"""Cars of a platform that make peers (our choice)."""


def ablations(seen: Seen) -> Iterator[tuple[str, Alerts]]:
    """Each by its name."""
    record = seen.record
    yield "without_trouble_codes", alerts_of(opinion(record, codes=False).said, mended(record))
    yield "without_measurements", alerts_of(opinion(unmeasured(record)).said, mended(record))
    yield "without_sequential_tests", alerts_of(opinion(record, scale=np.inf).said, mended(record))
    if seen.exact:
        yield "measured_monthly", alerts_of(opinion(measured_too(record, seen.exact)).said, mended(record))
    yield "own_past_only", own_past_only(record)
    yield "peers_only", peers_only(record)


def unmeasured(record: Record) -> Record:
    """The record of workshops that measure nothing."""
    values = record.trips.values.copy()
    values[:, [name.startswith("measured_") for name in record.trips.names]] = np.nan
    return replace(record, trips=replace(record.trips, values=values), measured=())


def measured_too(record: Record, taken: tuple[Measure, ...]) -> Record:
    """The record with measurements beside those of its workshops, and in place of those of the same time.

    They are taken when the visits of that time are over, so that a part that was renewed then is measured as new.
    """
    trips, instead = record.trips, {one[:3] for one in taken}
    before = [one for one in record.measured if one[:3] not in instead]
    after = [(vehicle, name, at_ms + 1.0, value) for vehicle, name, at_ms, value in taken]
    put = measurements(after, len(record.cars)).put(ClosedTrips(vehicle=trips.vehicle, values=trips.values))
    return replace(record, trips=replace(trips, values=put.values), measured=(*before, *after))


def own_past_only(record: Record) -> Alerts:
    """A running mean of each feature's distance from the car's own first weeks."""
    names = anomaly.features_for(record)
    weeks = anomaly.weeks_of(record.trips, names, partial(anomaly.from_own_past, furthest=np.inf))
    return _beyond(replace(weeks, distance=_running(weeks.vehicle, weeks.distance)), names, mended(record))


def peers_only(record: Record) -> Alerts:
    """Each feature's distance from what cars of the platform have, over the whole record."""
    names = anomaly.features_for(record)
    platform = np.unique(record.cars.platform, return_inverse=True)[1]

    def from_peers(vehicle: Integers, mean: Floats) -> Floats:
        return _from_peers(platform[vehicle], vehicle, mean)

    return _beyond(anomaly.weeks_of(record.trips, names, from_peers), names, mended(record))


def _running(vehicle: Integers, distance: Floats) -> Floats:
    running = distance.copy()
    for row in range(1, len(running)):
        if vehicle[row] == vehicle[row - 1]:
            running[row] = running[row - 1] + WEIGHT * (distance[row] - running[row - 1])
    return running


def _from_peers(platform: Integers, vehicle: Integers, mean: Floats) -> Floats:
    far = np.zeros_like(mean)
    for each in np.unique(platform):
        rows = platform == each
        if len(np.unique(vehicle[rows])) < LEAST_CARS:
            continue
        told = np.flatnonzero((~np.isnan(mean[rows])).any(axis=0))
        ours = mean[np.ix_(rows, told)]
        middle = np.nanmedian(ours, axis=0)
        spread = TO_SD * np.nanmedian(np.abs(ours - middle), axis=0)
        away = np.divide(ours - middle, spread, out=np.zeros_like(ours), where=spread > 0.0)
        far[np.ix_(rows, told)] = np.nan_to_num(away)
    return far


def _beyond(weeks: anomaly.Weeks, names: tuple[str, ...], repairs: Mended) -> Alerts:
    """By component the weeks in which one of its features is further off than in all but its share of weeks."""
    component_of = anomaly.components_of_features()
    of = np.array([component_of[name] for name in names])
    components = sorted(set(of.tolist()))
    said: list[Said] = []
    for component in components:
        mine = np.flatnonzero(of == component)
        part = replace(weeks, distance=weeks.distance[:, mine])
        far = np.abs(part.distance).max(axis=1)
        odd = far > np.quantile(far, 1.0 - anomaly.ALARM_SHARE / len(components))
        said += anomaly.said_of(part, odd, tuple(names[at] for at in mine), component_of, "weeks")
    return alerts_of(said, repairs)
