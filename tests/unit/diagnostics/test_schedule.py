"""When jobs of the booklet come due for a car, by how it is really used."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from diagnostics import memory, repository, upkeep
from diagnostics.errors import ParameterError, UnknownRowError
from diagnostics.features.trips import FEATURES
from diagnostics.findings import Component
from diagnostics.fleet import all_detectors
from diagnostics.maintenance_table import booklet, read_booklet
from diagnostics.suggestions.schedule import DAY_MS, Standing, Use, due
from ingest.storage.database import migrate, open_database, transaction

START_MS = 1_760_000_000_000.0
OIL, BRAKE_FLUID = booklet()["oil"], booklet()["brake_fluid"]


def use(days: int, km: float, *, each: int = 1, seed: int | None = None, **changes: float) -> Use:
    """So many days with a warm trip of so many kilometres each; at random with a seed."""
    n = days * each
    start = START_MS + np.repeat(np.arange(days), each) * DAY_MS + np.tile(np.arange(each), days) * 3_600_000.0
    way = np.full(n, km) if seed is None else np.random.default_rng(seed).gamma(2.0, km / 2.0, n)
    values = {
        "running_s": way * 90.0, "moving_s": way * 90.0, "revolutions": 1000.0, "ambient_c": 15.0,
        "coolant_first_c": 80.0, "soak_s": 600.0,
    } | changes  # fmt: skip
    columns = {name: np.broadcast_to(np.asarray(value, dtype=np.float64), n) for name, value in values.items()}
    return Use(started_ms=start, ended_ms=start + way * 90_000.0, km=way, **columns)


def test_distance_is_used_up_by_the_cars_own_kilometres() -> None:
    """After sixty days of 50 km a day, 7,000 km of oil are left: 140 days; time would be later."""
    found = due(OIL, use(60, 50.0), START_MS)
    assert found is not None
    assert found.left_days is not None
    assert found.left_days[1] == pytest.approx(140.0, abs=2.0)
    assert (found.by_distance, found.standing, found.extra_km) == (True, Standing.LATER, 0.0)
    assert "3,000 km" in found.reason["en"]
    assert "里程先到" in found.reason["zh"]


def test_a_car_that_hardly_drives_is_due_by_time() -> None:
    """Two kilometres a day: the calendar's year comes first, to the day."""
    found = due(OIL, use(100, 10.0), START_MS)
    assert found is not None
    assert found.left_days is not None
    assert not found.by_distance
    assert found.left_days[1] == pytest.approx(365.0 - found.days)


@pytest.mark.parametrize(
    ("changes", "factor"),
    [
        ({}, 1.0),
        ({"coolant_first_c": 20.0}, 2.0),
        ({"coolant_first_c": np.nan, "soak_s": 8 * 3600.0}, 2.0),
        ({"coolant_first_c": np.nan}, 1.0),
        ({"running_s": 6.0 * 90.0 + 1800.0}, 1.0 + 20.0 / 6.0),
        ({"revolutions": 0.0, "running_s": 6.0 * 90.0 + 1800.0}, 1.0),
    ],
)
def test_hard_use_counts_more(changes: dict[str, float], factor: float) -> None:
    """Short trips from cold count double, half an hour of idling as 20 km; an electric car does not idle."""
    found = due(OIL, use(40, 6.0, **changes), START_MS)
    easy = due(replace(OIL, severe=False), use(40, 6.0, **changes), START_MS)
    assert found is not None
    assert easy is not None
    assert (found.km + found.extra_km) / found.km == pytest.approx(factor)
    assert easy.extra_km == 0.0
    assert ("Hard use" in found.reason["en"]) == ("苛刻" in found.reason["zh"]) == (factor > 1.0)


def test_a_longer_trip_is_short_in_frost_only() -> None:
    """Twelve kilometres from cold count double below freezing, and once above."""
    counts = [due(OIL, use(40, 12.0, coolant_first_c=-5.0, ambient_c=at), START_MS) for at in (-6.0, 6.0)]
    assert [round(one.extra_km) for one in counts if one is not None] == [480, 0]


def test_the_interval_holds_what_comes() -> None:
    """Cars that drive at random: nine of ten times the day of the due kilometre is in the interval that was stated."""
    inside, cars = 0, 150
    for seed in range(cars):
        whole = use(300, 45.0, seed=seed)
        seen = Use(**{name: getattr(whole, name)[:90] for name in Use.__dataclass_fields__})
        found = due(OIL, seen, START_MS)
        assert found is not None
        assert found.left_days is not None
        reached = int(np.searchsorted(np.cumsum(whole.km), 10_000.0))
        came = (whole.ended_ms[reached] - found.at_ms) / DAY_MS
        inside += found.left_days[0] - 1.0 <= came <= found.left_days[2] + 1.0
    assert 0.84 <= inside / cars <= 1.0


def test_what_is_over_is_overdue_and_what_was_hardly_seen_is_not_guessed() -> None:
    """Past its kilometres or its days a job is overdue; after three days there is no date, and a sentence says so."""
    late = due(OIL, use(210, 50.0), START_MS)
    old = due(BRAKE_FLUID, use(10, 5.0), START_MS - 800 * DAY_MS)
    new = due(OIL, use(3, 50.0), START_MS)
    assert late is not None
    assert old is not None
    assert new is not None
    assert (late.standing, old.standing) == (Standing.OVERDUE, Standing.OVERDUE)
    assert new.left_days is None
    assert "Too few days" in new.reason["en"]
    assert due(OIL, use(0, 1.0), None) is None


def test_a_job_of_unknown_age_is_counted_from_the_first_sight_and_says_so() -> None:
    """Where nobody told when it was done, the words warn of it."""
    found = due(OIL, use(60, 50.0), None)
    assert found is not None
    assert found.since_ms is None
    assert "first seen" in found.reason["en"]
    assert "没有上次完成的记录" in found.reason["zh"]


def test_a_booklet_with_a_hole_is_refused() -> None:
    """A missing part and a powertrain that does not exist are named."""
    with pytest.raises(ParameterError, match="lacks title"):
        read_booklet("[a]\ndays = 1\n")
    with pytest.raises(ParameterError, match="steam"):
        read_booklet('[a]\ntitle = {en="a", zh="b"}\ndays = 1\nsevere = false\npowertrains = ["steam"]\n')


def test_what_was_done_counts_anew_and_reaches_diagnosis(tmp_path) -> None:
    """A job that was told, and a service of its component, both begin the count; the oil's model begins anew."""
    engine = open_database(f"sqlite:///{tmp_path}/test.db")
    migrate(engine, "diagnostics")
    rows = np.full((60, len(FEATURES)), np.nan)
    trips = use(60, 50.0)
    for name in ("started_ms", "ended_ms", "km", "running_s", "moving_s", "revolutions"):
        rows[:, FEATURES.index(name)] = getattr(trips, name)
    with transaction(engine) as connection:
        assert upkeep.upkeep_of(connection, "v1") == []
        memory.add_trips(connection, {"v1": rows})
        at = datetime.fromtimestamp(START_MS / 1000.0, UTC) + timedelta(days=30)
        upkeep.record_done(connection, "v1", "brake_fluid", at, by="bob")
        upkeep.record_done(connection, "v1", "oil", at, by="bob")
        repository.record_service(connection, "v1", Component.AIR_FILTER, at)
        with pytest.raises(UnknownRowError, match="wings"):
            upkeep.record_done(connection, "v1", "wings", at, by="bob")
        found = {one.item.key: one for one in upkeep.upkeep_of(connection, "v1")}
        assert [one.component for one in memory.services_after(connection, 0)] == ["engine_oil", "air_filter"]
        assert {key for key, one in found.items() if one.since_ms is not None} == {"oil", "brake_fluid", "air_filter"}
        assert found["oil"].km == pytest.approx(1500.0)
        assert "fuel_filter" not in found
        repository.record_kind(connection, "v1", powertrain="diesel")
        assert {"fuel_filter"} <= {one.item.key for one in upkeep.upkeep_of(connection, "v1")}
    engine.dispose()


def test_the_service_book_of_every_part_that_learns_from_it_can_be_entered() -> None:
    """A model that asks when its part was fitted has a job of the booklet under which an advisor enters that."""
    asks = {detector.component for detector in all_detectors() if detector.fitted is not None}
    assert asks
    assert asks <= {item.component for item in booklet().values()}
