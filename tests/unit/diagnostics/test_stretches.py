"""Trips of cars without an engine, charging sessions, and what parked cars tell now and then."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from diagnostics.evaluation.injection import thermostat_open
from diagnostics.evaluation.recordings import history
from diagnostics.features.matter import Matter, check
from diagnostics.features.rows import Rows
from diagnostics.features.stretches import initial, prepare
from diagnostics.fleet import Fleet
from diagnostics.intake import merged, rows_of
from vehicle import signals as s

START_MS = 1_760_000_000_000
HOUR_S = 3600


def rows(times_s, **columns) -> Rows:
    """Rows of one vehicle; a column a signal by its constant's name."""
    values = np.stack([np.broadcast_to(column, len(times_s)).astype(np.float32) for column in columns.values()], axis=1)
    return Rows(
        vehicle=np.zeros(len(times_s), dtype=np.int64),
        time_ms=START_MS + (np.asarray(times_s) * 1000).astype(np.int64),
        values=values,
        signals=tuple(getattr(s, name) for name in columns),
    )


def joined(*parts: Rows) -> Rows:
    """One after the other."""
    return replace(
        parts[0],
        vehicle=np.concatenate([part.vehicle for part in parts]),
        time_ms=np.concatenate([part.time_ms for part in parts]),
        values=np.concatenate([part.values for part in parts]),
    )


def electric_day() -> Rows:
    """A drive of ten minutes, three wake-ups, an hour at the plug, and a drive."""
    nan = np.nan
    drive = rows(range(0, 600, 2), SPEED=50.0, IS_CHARGING=nan, CONTROL_MODULE_VOLTAGE=14.0)
    woken = rows([7 * HOUR_S, 14 * HOUR_S, 21 * HOUR_S], SPEED=nan, IS_CHARGING=nan, CONTROL_MODULE_VOLTAGE=12.6)
    plug = rows(
        range(22 * HOUR_S, 23 * HOUR_S, 60), SPEED=nan, IS_CHARGING=1.0, CONTROL_MODULE_VOLTAGE=nan
    )  # fmt: skip
    again = rows(range(30 * HOUR_S, 30 * HOUR_S + 600, 2), SPEED=30.0, IS_CHARGING=0.0, CONTROL_MODULE_VOLTAGE=14.0)
    return joined(drive, woken, plug, again)


def lived(day: Rows, cuts: list[int]):
    """All trips of a day that comes in batches, and the state in the end."""
    fleet = Fleet([])
    fleet.rows_of(["v"])
    trips = []
    for low, high in zip([0, *cuts], [*cuts, len(day.vehicle)], strict=True):
        piece = replace(day, vehicle=day.vehicle[low:high], time_ms=day.time_ms[low:high], values=day.values[low:high])
        trips.append(fleet.take(piece).trips.values)
    state = fleet.packed(0)
    trips.append(fleet.finish(np.array([0])).trips.values)
    return np.concatenate(trips), state, fleet


def test_an_electric_car_drives_and_charges() -> None:
    """Two drives and the hour at the plug between them are three stretches; wake-ups are none."""
    fleet = Fleet([])
    fleet.rows_of(["v"])
    closed = fleet.take(electric_day()).trips
    last = fleet.finish(np.array([0])).trips
    assert closed["running_s"].tolist() == [pytest.approx(598, abs=3), 0.0]
    assert closed["charging_s"].tolist() == [0.0, pytest.approx(3540, abs=61)]
    assert last["km"][0] == pytest.approx(5.0, abs=0.2)
    assert last["soak_s"][0] == pytest.approx(7 * HOUR_S, abs=100)


@pytest.mark.parametrize(
    "cuts", [[1], [299, 300, 301], [300, 302, 330], [302, 303], [362, 363], list(range(1, 663, 7))]
)
def test_batches_of_an_electric_day_may_be_cut_anywhere(cuts: list[int]) -> None:
    """Trips and state are the same bits wherever batches are cut, at wake-ups and at the plug too."""
    whole, state, _ = lived(electric_day(), [])
    parts, state_of_parts, _ = lived(electric_day(), cuts)
    assert parts.tobytes() == whole.tobytes()
    assert state_of_parts == state


def test_a_hybrid_that_drives_on_electricity_goes_on_with_its_trip() -> None:
    """Ten minutes with the engine off but in motion end no trip; ten minutes standing do."""
    times = list(range(0, 1800, 5))
    engine = [1500.0] * 120 + [0.0] * 120 + [1500.0] * 120
    moving = prepare(rows(times, ENGINE_SPEED=engine, SPEED=40.0), initial(1))
    standing = [40.0] * 120 + [0.0] * 120 + [40.0] * 120
    parked = prepare(rows(times, ENGINE_SPEED=engine, SPEED=standing), initial(1))
    assert len(np.unique(moving.part[1:])) == 1
    assert len(np.unique(parked.part[1:])) == 2


def test_what_a_parked_car_tells_belongs_to_its_next_stretch() -> None:
    """A part in which nothing was active is of the same stretch as the next one; after a drive a new stretch begins."""
    prepared = prepare(electric_day(), initial(1))
    of_rows = prepared.part_stretch[prepared.part[1:]]
    assert len(np.unique(of_rows[:300])) == 1
    assert len(np.unique(of_rows[300:363])) == 1
    assert of_rows[299] != of_rows[300]
    assert of_rows[362] != of_rows[363]


def test_a_finished_trip_leaves_wake_ups_where_they_are() -> None:
    """Ending silent trips between two wake-ups changes nothing of what the next trip shows."""
    day = electric_day()
    whole, _, _ = lived(day, [])
    fleet = Fleet([])
    fleet.rows_of(["v"])
    trips = []
    for low, high in ((0, 300), (300, 301), (301, 303), (303, 363), (363, 663)):
        piece = replace(day, vehicle=day.vehicle[low:high], time_ms=day.time_ms[low:high], values=day.values[low:high])
        trips.append(fleet.take(piece).trips.values)
        trips.append(fleet.finish(np.array([0])).trips.values)
    np.testing.assert_array_equal(np.concatenate(trips), whole)


def test_a_measurement_stands_in_the_trip_that_follows() -> None:
    """What was measured between two stretches is a feature of the second, and of no other."""
    fleet = Fleet([])
    fleet.rows_of(["v"])
    assert fleet.note_measurement("v", "pad_front_mm", START_MS + 10 * HOUR_S * 1000, 7.5)
    closed = fleet.take(electric_day()).trips
    last = fleet.finish(np.array([0])).trips
    assert np.isnan(closed["measured_pad_front_mm"][0])
    assert closed["measured_pad_front_mm"][1] == 7.5
    assert np.isnan(last["measured_pad_front_mm"][0])


def test_a_vehicle_has_the_parameters_of_its_kind() -> None:
    """A platform's table goes over its powertrain's, that over the generic one; another kind is another make."""
    fleet = Fleet()
    fleet.rows_of(["v"])
    generic = fleet.make_of("v")
    assert fleet.note_platform("v", "Nobody's Car", "electric")
    assert fleet.make_of("v") != generic


@pytest.mark.parametrize(
    "wrong",
    [{"name": "other", "needs": (s.SPEED,)}, {"name": "one"}, {"name": "other", "summed": ("one_n",)}],
    ids=["needs what it does not read", "same name", "same sum"],
)
def test_matters_that_clash_are_refused(wrong: dict) -> None:
    """A name used twice, or a need that is not among the signals, is an error that names it."""
    one = Matter(name="one", signals=(), measure=lambda _: {}, summed=("one_n",))
    with pytest.raises(Exception, match="matter"):
        check((one, Matter(**({"signals": (), "measure": lambda _: {}} | wrong))))


def test_trips_that_were_kept_are_judged_as_they_would_have_been(drives) -> None:
    """Features first and detectors later find what taking the samples at one go finds."""
    faulty = [thermostat_open(drive) for drive in drives * 4]
    frame = merged(history([*drives * 4, *faulty], vehicle_id="v", start_ms=START_MS))
    at_once, later = Fleet(), Fleet()
    step = at_once.take(rows_of(frame, at_once))
    kept = later.extract(rows_of(frame, later))
    assert [alarm for alarm in step.alarms if alarm.found_ms <= kept["ended_ms"][-1]]
    assert later.judge(kept).alarms == step.alarms
