"""The state of all vehicles in arrays that grow with the fleet, and its packing into bytes, one row a vehicle."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from diagnostics import detectors as detector_files
from diagnostics import wear as wear_files
from diagnostics.advance import TRIPS, Workshop, advance, finish, initial, judge
from diagnostics.arrays import floats, integers
from diagnostics.detector import discover
from diagnostics.errors import StateFormatError
from diagnostics.features.columns import SIGNALS
from diagnostics.features.spans import TRIP_GAP_MS
from diagnostics.features.sums import COLUMNS
from diagnostics.features.trips import FEATURES, Trips
from diagnostics.measurements import Measured, Measurements
from diagnostics.platforms import GENERIC, kind_of, parameters_of, read_platforms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from diagnostics.advance import Step
    from diagnostics.arrays import Flags, Floats, Integers
    from diagnostics.detector import Detector
    from diagnostics.features.rows import Rows


def all_detectors() -> tuple[Detector, ...]:
    """Every detector and wear model of the package."""
    return (*discover(detector_files, "DETECTOR"), *discover(wear_files, "MODEL"))


class Fleet:
    """State of vehicles by id; the computing itself is :func:`advance`, which is pure."""

    def __init__(self, detectors: Sequence[Detector] | None = None) -> None:
        self.detectors = tuple(detectors) if detectors is not None else all_detectors()
        self.by_name = {detector.name: detector for detector in self.detectors}
        self.row_of: dict[str, int] = {}
        self._ids: list[str] = []
        self._platforms = read_platforms()
        self._state = initial(self.detectors, 0)
        self._services: dict[str, list[tuple[str, int]]] = {}
        self._measured: dict[str, list[Measured]] = {}
        self._kinds: dict[str, str] = {}

    def make_of(self, vehicle_id: str) -> str:
        """Which form and parameters a vehicle's packed state belongs to; another make must be replayed."""
        return sha256(f"{self._make} {self._kinds.get(vehicle_id, GENERIC)}".encode()).hexdigest()[:32]

    @cached_property
    def _make(self) -> str:
        shapes = [f"{part}.{name}:{array.dtype}{array.shape[1:]}" for part, name, array in self._arrays()]
        parameters = [
            f"{table}.{name}={value}" for table, found in sorted(self._platforms.items())
            for name, value in sorted(found.items())
        ]  # fmt: skip
        return "\n".join([*SIGNALS, *COLUMNS, *FEATURES, *shapes, *parameters])

    def rows_of(self, vehicle_ids: Iterable[str]) -> Integers:
        """Rows of vehicles; new ones are added."""
        ids = list(vehicle_ids)
        new = [vehicle for vehicle in dict.fromkeys(ids) if vehicle not in self.row_of]
        self._grow(len(self._ids) + len(new))
        for vehicle in new:
            self.row_of[vehicle] = len(self._ids)
            self._ids.append(vehicle)
        return np.array([self.row_of[vehicle] for vehicle in ids], dtype=np.int64)

    def id_of(self, row: int) -> str:
        """The vehicle of a row."""
        return self._ids[row]

    def seen_ms(self, rows: Integers) -> Integers:
        """Time of the last sample of vehicles, -1 where there was none."""
        return np.asarray(self._state["trips"]["seen_ms"][rows], dtype=np.int64)

    def is_finished(self, rows: Integers) -> Flags:
        """Which vehicles had samples but have no open trip: theirs was ended by :meth:`finish`."""
        trips = self._state["trips"]
        finished: Flags = (integers(trips["seen_ms"])[rows] >= 0) & (trips["open_sums"][rows, COLUMNS["rows"]] == 0.0)
        return finished

    def note_service(self, vehicle_id: str, component: str, at_ms: int) -> bool:
        """Notes that a component was serviced; False where a trip after that was judged already."""
        self._services.setdefault(vehicle_id, []).append((component, at_ms))
        (row,) = self.rows_of([vehicle_id])
        return not bool((floats(self._state["health"]["trip_ms"])[row] > at_ms).any())

    def note_measurement(self, vehicle_id: str, name: str, at_ms: int, value: float) -> bool:
        """Notes what a workshop measured; False where a trip after that was judged already.

        Raises:
            UnknownMeasurementError: there is no measurement of that name.
        """
        self._measured.setdefault(vehicle_id, []).append(Measured.of(name, at_ms, value))
        (row,) = self.rows_of([vehicle_id])
        return not bool((floats(self._state["health"]["trip_ms"])[row] > at_ms).any())

    def note_platform(self, vehicle_id: str, platform: str | None, powertrain: str | None = None) -> bool:
        """Notes what a vehicle is; False where trips were judged already as of another kind."""
        kind = kind_of(platform, powertrain)
        before = self._kinds.get(vehicle_id, GENERIC)
        self._kinds[vehicle_id] = kind
        (row,) = self.rows_of([vehicle_id])
        return before == kind or int(integers(self._state["trips"]["seen_ms"])[row]) < 0

    def health(self, row: int) -> list[tuple[Detector, float, Floats, int]]:
        """Of a vehicle by detector: health, days left (low, median, high; NaN unknown) and when judged."""
        part = self._state["health"]
        known = ~np.isnan(part["health"][row].astype(np.float64))
        return [
            (self.detectors[at], float(part["health"][row, at]), floats(part["rul_days"])[row, at],
             int(part["at_ms"][row, at]))
            for at in np.flatnonzero(known)
        ]  # fmt: skip

    def take(self, rows: Rows) -> Step:
        """Takes samples, whose ``vehicle`` are rows of this fleet, later than all before; returns what came of it.

        The step's vehicles are rows of this fleet too.
        """
        used, local = np.unique(rows.vehicle, return_inverse=True)
        inner = replace(rows, vehicle=local.astype(np.int64))
        part = {name: {key: values[used] for key, values in arrays.items()} for name, arrays in self._state.items()}
        return self._keep(used, advance(inner, part, self._parameters(used), self.detectors, self._workshop(used)))

    def extract(self, rows: Rows) -> Trips:
        """Takes samples as :meth:`take` does, but asks no detector: trips that ended, to be judged later."""
        used, local = np.unique(rows.vehicle, return_inverse=True)
        part = {TRIPS: {key: values[used] for key, values in self._state[TRIPS].items()}}
        inner = replace(rows, vehicle=local.astype(np.int64))
        step = advance(inner, part, self._parameters(used), (), self._workshop(used))
        return self._keep(used, step).trips

    def judge(self, trips: Trips) -> Step:
        """Has all detectors look at trips that :meth:`extract` gave, of vehicles that are rows of this fleet."""
        used, local = np.unique(trips.vehicle, return_inverse=True)
        part = {name: {key: values[used] for key, values in arrays.items()} for name, arrays in self._state.items()}
        inner = Trips(vehicle=local.astype(np.int64), values=trips.values)
        return self._keep(used, judge(inner, part, self._parameters(used), self.detectors, self._workshop(used)))

    def finish(self, vehicles: Integers) -> Step:
        """Ends the open trips of vehicles."""
        part = {name: {key: values[vehicles] for key, values in arrays.items()} for name, arrays in self._state.items()}
        return self._keep(vehicles, finish(part, self._parameters(vehicles), self.detectors, self._workshop(vehicles)))

    def forget(self, row: int) -> None:
        """Puts a vehicle back to nothing seen."""
        fresh = initial(self.detectors, 1)
        for name, arrays in self._state.items():
            for key, values in arrays.items():
                values[row] = fresh[name][key][0]

    def packed(self, row: int) -> bytes:
        """The state of a vehicle as bytes, the same bits."""
        return b"".join(np.ascontiguousarray(array[row]).tobytes() for _, _, array in self._arrays())

    def unpack(self, vehicle_id: str, make: str, packed: bytes) -> None:
        """Puts back what :meth:`packed` gave.

        Raises:
            StateFormatError: the bytes are of another make.
        """
        if make != self.make_of(vehicle_id):
            raise StateFormatError(vehicle_id, make, self.make_of(vehicle_id))
        (row,) = self.rows_of([vehicle_id])
        at = 0
        for _, _, array in self._arrays():
            size = array[row].nbytes
            array[row] = np.frombuffer(packed[at : at + size], dtype=array.dtype).reshape(array.shape[1:])
            at += size

    def _keep(self, used: Integers, step: Step) -> Step:
        for name, arrays in step.state.items():
            for key, values in arrays.items():
                self._state[name][key][used] = values
        alarms = tuple(replace(alarm, vehicle=int(used[alarm.vehicle])) for alarm in step.alarms)
        return replace(step, touched=used, alarms=alarms, trips=replace(step.trips, vehicle=used[step.trips.vehicle]))

    def _workshop(self, rows: Integers) -> Workshop:
        measured = [self._measured.get(self._ids[row], []) for row in rows.tolist()] if self._measured else []
        return Workshop(services_ms=self._services_of(rows), measured=Measurements.of(measured))

    def _services_of(self, rows: Integers) -> Floats:
        """``(n, n_detectors, k)``: services of what each detector watches; most vehicles have none."""
        lists = [self._services.get(self._ids[row], []) for row in rows.tolist()] if self._services else []
        most = max((len(found) for found in lists), default=0)
        services_ms = np.full((len(rows), len(self.detectors), most), np.nan)
        for at, found in enumerate(lists):
            for number, (component, at_ms) in enumerate(found):
                watching = [str(detector.component) == component for detector in self.detectors]
                services_ms[at, watching, number] = at_ms
        return services_ms

    def _parameters(self, rows: Integers) -> dict[str, Floats]:
        return parameters_of(self._platforms, [self._kinds.get(self._ids[row], GENERIC) for row in rows.tolist()])

    def _arrays(self) -> Iterator[tuple[str, str, NDArray[np.generic]]]:
        for part in sorted(self._state):
            for name in sorted(self._state[part]):
                yield part, name, self._state[part][name]

    def _grow(self, least: int) -> None:
        size = len(self._state["trips"]["seen_ms"])
        if least <= size:
            return
        added = initial(self.detectors, max(least, 2 * size, 8) - size)
        self._state = {
            part: {name: np.concatenate([values, added[part][name]]) for name, values in arrays.items()}
            for part, arrays in self._state.items()
        }


def too_late(rows: Rows, fleet: Fleet) -> Flags:
    """Which rows are not later than all their vehicle had, or belong to a trip that was ended before they came."""
    seen_ms = fleet.seen_ms(rows.vehicle)
    reopened = fleet.is_finished(rows.vehicle) & (rows.time_ms - seen_ms <= TRIP_GAP_MS)
    late: Flags = (rows.time_ms <= seen_ms) | reopened
    return late
