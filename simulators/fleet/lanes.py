"""The lanes of a run: where each car is in its sessions, and the passage from one session to the next."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet.arrays import full, taken
from simulators.fleet.moment import still
from simulators.fleet.recording import CHARGING, DRIVING, KEY_OFF, KEY_ON, STARTING, Recorder, Unheard
from simulators.fleet.sessions import CHARGE_STEP_S, WINDOW_S
from simulators.fleet.standing import stood, weather_before
from simulators.fleet.stepping import give_back, readings, some, started, step, stopped, told, written
from simulators.fleet.subsystem import START_ROWS
from simulators.fleet.traces import road_ahead

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from simulators.fleet.arrays import Floats, Indices
    from simulators.fleet.recording import AnyRecorder, Rows
    from simulators.fleet.standing import Work
    from simulators.fleet.stepping import Cars
    from simulators.fleet.traces import Road

ROW_EVERY, CHARGE_ROW_EVERY = 2, 1
"""Seconds of driving, and minutes of charging, from row to row (our choice)."""
KEY_ON_MS, START_MS, KEY_OFF_MS = -4_000, -3_000, 1_000
"""Rows about a drive: key on, captured start and key off, from its beginning or end."""
FLUSH_ROWS = 400_000
CONSTANT = (
    "ambient_c", "baro_kpa", "humidity", "wet", "night", "payload_kg", "tow_kg", "air_conditioning", "heater",
    "consumers_w", "charger_w", "charge_to",
)  # fmt: skip
"""Fields of the moment that are a session's."""


class Lanes:
    """The cars that have sessions among ``chosen``, one lane each, longest work first."""

    def __init__(self, work: Work, cars: Cars, chosen: Indices, *, charging: bool) -> None:
        vehicle, first = np.unique(work.sessions.vehicle[chosen], return_index=True)
        total = np.add.reduceat(work.sessions.windows[chosen], first)
        order = np.argsort(-total, kind="stable")
        self._home = cars
        self._work = work
        self._charging = charging
        self._step_s = CHARGE_STEP_S if charging else work.step_s
        self._steps = WINDOW_S if charging else WINDOW_S // work.step_s
        self._rows = WINDOW_S // (CHARGE_ROW_EVERY if charging else ROW_EVERY)
        self._steps_a_row = self._steps // self._rows
        self._lasts_ms = work.sessions.lasts_ms()
        self._vehicle, self._total = vehicle[order], total[order]
        self._chosen, self._turn = chosen, first[order]
        self._left = np.zeros(len(order), dtype=np.int64)
        self._row, self._hill = np.zeros_like(self._left), np.zeros_like(self._left)
        self._cars = some(cars, self._vehicle)
        self._moment = still(len(order))
        self._pace, self._hilliness, self._slope = (full(len(order), 0.0) for _ in range(3))
        self._done = 0

    def rows(self) -> Iterator[Rows]:
        """Runs all lanes to the end of their work; the cars then stand in what was given as ``cars``.

        Rows are good until the next are asked for.
        """
        store: Floats | None = None
        while len(self._vehicle):
            recorder = self._recorder(store)
            while len(self._vehicle) and not recorder.is_full:
                self._go_on(recorder)
            rows = recorder.flush()
            store = rows.values
            yield rows

    def through(self) -> None:
        """The same without rows, for who asks for the cars alone."""
        unheard = Unheard()
        while len(self._vehicle):
            self._go_on(unheard)

    def _go_on(self, recorder: AnyRecorder) -> None:
        """A window of all lanes, and the passage to it."""
        self._change(recorder)
        if len(self._vehicle):
            self._window(recorder)

    def _recorder(self, store: Floats | None) -> Recorder:
        windows = int(np.clip(FLUSH_ROWS // (self._rows * len(self._vehicle)), 1, self._total[0] - self._done + 1))
        return Recorder(tuple(readings(self._cars)), self._vehicle, windows, self._rows, store)

    @property
    def _session(self) -> Indices:
        """Which session each lane is in."""
        return self._chosen[self._turn]

    def _change(self, recorder: AnyRecorder) -> None:
        """Ends the sessions that are over and begins those that come next."""
        due = np.flatnonzero(self._left == 0)
        if not len(due):
            return
        cars = some(self._cars, due)
        if self._done:
            cars = self._end(due, cars, recorder)
        staying = np.flatnonzero(self._total[due] > self._done)
        if len(staying) < len(due):
            self._drop(due, cars)
            due, cars = due[staying], some(cars, staying)
        if len(due):
            self._cars = written(self._cars, due, self._begin(due, cars, recorder))

    def _end(self, due: Indices, cars: Cars, recorder: AnyRecorder) -> Cars:
        session, vehicle = self._session[due], self._vehicle[due]
        end_ms = self._work.sessions.start_ms[session] + self._lasts_ms[session]
        cars = replace(cars, since_ms=end_ms)
        if not self._charging:
            cars = stopped(cars, self._work.rng)
            recorder.single(KEY_OFF, vehicle, end_ms + KEY_OFF_MS, readings(cars))
        self._work.watch.ended(vehicle, end_ms, cars)
        self._turn[due] += 1
        return cars

    def _drop(self, due: Indices, cars: Cars) -> None:
        """Takes the lanes off that are through; they are the last ones, and among ``due``."""
        gone = np.flatnonzero(self._total[due] <= self._done)
        give_back(self._home, self._vehicle[due[gone]], some(cars, gone))
        m = int(np.count_nonzero(self._total > self._done))
        for name in ("_vehicle", "_total", "_turn", "_left", "_row", "_hill", "_pace", "_hilliness", "_slope"):
            setattr(self, name, getattr(self, name)[:m])
        self._cars = some(self._cars, slice(0, m))
        self._moment = taken(self._moment, slice(0, m))

    def _begin(self, due: Indices, cars: Cars, recorder: AnyRecorder) -> Cars:
        sessions, vehicle, session = self._work.sessions, self._vehicle[due], self._session[due]
        start_ms = sessions.start_ms[session]
        cars = self._work.watch.begins(vehicle, start_ms, cars)
        cars = stood(self._work, cars, vehicle, start_ms, weather_before(sessions, session), recorder)
        self._enter(due, session, told(cars))
        return cars if self._charging else self._start(due, cars, start_ms, recorder)

    def _enter(self, due: Indices, session: Indices, known: Mapping[str, Floats]) -> None:
        sessions = self._work.sessions
        self._left[due] = sessions.windows[session]
        self._row[due], self._hill[due] = sessions.segment[session], sessions.hill[session]
        self._pace[due], self._hilliness[due] = sessions.pace[session], sessions.hilliness[session]
        self._slope[due] = sessions.slope[session]
        moment = self._moment
        for name in CONSTANT:
            setattr(moment, name, with_entries(getattr(moment, name), due, getattr(sessions, name)[session]))
        for name, entries in known.items():
            setattr(moment, name, with_entries(getattr(moment, name), due, entries))
        moment.session_s = with_entries(moment.session_s, due, full(len(due), 0.0))
        moment.run_s = moment.session_s

    def _start(self, due: Indices, cars: Cars, start_ms: Indices, recorder: AnyRecorder) -> Cars:
        recorder.single(KEY_ON, self._vehicle[due], start_ms + KEY_ON_MS, readings(cars))
        cars, seen = started(cars, taken(self._moment, due), self._work.rng)
        if seen:
            times = start_ms[:, None] + START_MS + 100 * np.arange(START_ROWS)
            flat = {path: values.reshape(-1) for path, values in seen.items()}
            recorder.single(STARTING, np.repeat(self._vehicle[due], START_ROWS), times.reshape(-1), flat)
        return cars

    def _window(self, recorder: AnyRecorder) -> None:
        """Steps all lanes through a window."""
        step_s = self._step_s
        road = None if self._charging else self._road()
        for at in range(self._steps):
            if road is not None:
                road.fill(self._moment, at)
            self._moment.session_s = self._moment.session_s + np.float32(step_s)
            self._moment.run_s = self._moment.session_s
            self._cars = step(self._cars, self._moment, float(step_s), self._work.rng)
            if (at + 1) % self._steps_a_row == 0:
                recorder.row(self._cars)
        recorder.window(CHARGING if self._charging else DRIVING, self._times())
        self._left -= 1
        self._row += 1
        self._hill += 1
        self._done += 1

    def _road(self) -> Road:
        ahead = road_ahead(self._work.traces, self._row, self._hill, self._pace, self._hilliness, self._slope)
        return ahead if self._step_s == 1 else ahead.by_twos()

    def _times(self) -> Indices:
        """Times of the rows of this window, ``(lanes, rows)``."""
        sessions, session = self._work.sessions, self._session
        row_ms = self._step_s * self._steps_a_row * 1000
        row = (sessions.windows[session] - self._left)[:, None] * self._rows + np.arange(1, self._rows + 1)
        times: Indices = sessions.start_ms[session][:, None] + row * row_ms
        return times


def with_entries(values: Floats, which: Indices, entries: Floats) -> Floats:
    """A copy with other entries at ``which``."""
    copy = values.copy()
    copy[which] = entries
    return copy
