"""The life of advice on every database it runs on: SQLite always, PostgreSQL where it is installed."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from api import tables
from diagnostics import repository
from diagnostics.errors import StateMoveError
from diagnostics.features.trips import FEATURES
from diagnostics.findings import LIVING, Component, SuggestionState
from diagnostics.fleet import Fleet
from diagnostics.lamp import lamp_event
from diagnostics.record import Gathered, record
from diagnostics.trouble_codes import CodeEvent
from ingest.storage.database import migrate, open_database, reading, transaction

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from diagnostics.arrays import Floats

START = datetime(2026, 5, 1, tzinfo=UTC)
START_MS = int(START.timestamp() * 1000)
MINUTE_MS = 60_000
CODES = ("P0128", "P0420", "P0301", "P0171", "P0401", "P0A7E")


@pytest.fixture(name="engine", params=["sqlite", "postgresql"])
def _engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """An empty, migrated database."""
    server = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    url = server.create() if server else f"sqlite:///{tmp_path / 'roadworthy.db'}"
    engine = open_database(url)
    for package in ("ingest", "diagnostics"):
        migrate(engine, package)
    yield engine
    engine.dispose()
    if server:
        server.drop(url)


def trip(start_minute: int, minutes: int, **more: float) -> Floats:
    """A trip in which the engine ran throughout, ``(1, n_features)``."""
    values = np.full((1, len(FEATURES)), np.nan)
    start = START_MS + start_minute * MINUTE_MS
    named = {"started_ms": start, "ended_ms": start + minutes * MINUTE_MS, "running_s": minutes * 60.0} | more
    for name, value in named.items():
        values[0, FEATURES.index(name)] = value
    return values


def code(vehicle: str, name: str, minute: int, *, present: bool = True) -> tuple[str, CodeEvent]:
    """A stored code that came or went."""
    at_ms = START_MS + minute * MINUTE_MS
    event = CodeEvent(vehicle_id=vehicle, ecu="7E8", code=name, time_ms=at_ms, state="stored", present=present)
    return "a-device", event


def tell(engine: sa.Engine, vehicle: str, happened: Sequence[Any], *, minute: int) -> None:
    """Writes down what a step of the diagnosis brought: trips and code events."""
    gathered = Gathered(vehicles={vehicle})
    trips = [one for one in happened if isinstance(one, np.ndarray)]
    if trips:
        gathered.trips[vehicle] = np.concatenate(trips)
    gathered.codes = [one for one in happened if isinstance(one, tuple)]
    with transaction(engine) as connection:
        record(connection, gathered, Fleet([]), now=START + timedelta(minutes=minute))


def living(engine: sa.Engine, vehicle: str) -> set[tuple[object, ...]]:
    """What living advice says: component, level, its codes, and since when."""
    with reading(engine) as connection:
        found = repository.living_suggestions(connection, vehicle)
        names = {one.id: one.cause for one in repository.findings_of(connection, vehicle)}
    assert len({one.component for one in found}) == len(found)
    return {(one.component, one.severity, tuple(names[key] for key in one.finding_ids), one.raised_at) for one in found}


def history(vehicle: str, seed: int) -> list[tuple[int, Any]]:
    """(minute, what) of three weeks: codes come and go, the car is driven between."""
    chance, minute, present = random.Random(seed), 0, dict.fromkeys(CODES, False)
    happened: list[tuple[int, Any]] = []
    for _ in range(40):
        minute += chance.randint(30, 1200)
        if chance.random() < 0.5:
            name = chance.choice(CODES)
            present[name] = not present[name]
            happened.append((minute, code(vehicle, name, minute, present=present[name])))
        else:
            length = chance.randint(1, 12)
            warmed = {"pack_rise_k": 3.0} if chance.random() < 0.3 else {}
            happened.append((minute + length, trip(minute, length, **warmed)))
            minute += length
    return happened


@pytest.mark.parametrize("seed", range(4))
def test_in_order_late_doubled_and_over_restarts_advice_is_the_same(engine: sa.Engine, seed: int) -> None:
    """Three cars to which the same happened, told otherwise: step by step on ever new connections, late, shuffled."""
    calm, late, mixed = ([*history(name, seed)] for name in ("calm", "late", "mixed"))
    for minute, what in calm:
        again = open_database(engine.url.render_as_string(hide_password=False))
        tell(again, "calm", [what], minute=minute)
        living(again, "calm")
        again.dispose()
    end = calm[-1][0] + 1
    tell(engine, "late", [what for _, what in late], minute=end)
    random.Random(seed).shuffle(mixed)
    codes = [what for _, what in mixed if isinstance(what, tuple)]
    for _, what in mixed:
        tell(engine, "mixed", [what], minute=end)
    tell(engine, "mixed", codes, minute=end + 1)
    assert living(engine, "calm") == living(engine, "late") == living(engine, "mixed")


def test_a_codes_advice_ends_after_it_was_normal_for_long_enough(engine: sa.Engine) -> None:
    """Fourteen minutes without the code are too few, fifteen end it, by the car's time; what comes back is the same."""
    tell(engine, "car", [code("car", "P0420", 0), code("car", "P0420", 10, present=False)], minute=11)
    tell(engine, "car", [trip(20, 14)], minute=40)
    with reading(engine) as connection:
        (one,) = repository.suggestions_of(connection, ["car"])
    assert (one.state, one.raised_at) == (SuggestionState.OPEN, START)
    tell(engine, "car", [trip(60, 5)], minute=70)
    with reading(engine) as connection:
        (ended,) = repository.suggestions_of(connection, ["car"])
    assert (ended.state, ended.cleared_at) == (SuggestionState.WITHDRAWN, START + timedelta(minutes=61))
    assert ended.closed_at == START + timedelta(minutes=70)
    tell(engine, "car", [code("car", "P0420", 3000)], minute=3001)
    with reading(engine) as connection:
        (again,) = repository.suggestions_of(connection, ["car"])
    assert (again.id, again.state, again.raised_at, again.closed_at) == (one.id, SuggestionState.OPEN, START, None)


def test_a_hot_battery_s_code_is_left_to_its_detector_also_where_the_drive_comes_late(engine: sa.Engine) -> None:
    """At the end of the first drive and two days later; what drives tell takes it back whenever it arrives."""
    told, hot = trip(0, 30, pack_rise_k=3.0), [code("car", "P0A7E", 30), code("car", "P0A7E", 60, present=False)]
    tell(engine, "car", [told, *hot, code("car", "P0A7E", 3000)], minute=3001)
    assert living(engine, "car") == set()
    late = [("a-device", replace(event, vehicle_id="late")) for _, event in hot]
    tell(engine, "late", [*late, code("late", "P0A7E", 3000)], minute=3001)
    assert {one[0] for one in living(engine, "late")} == {Component.HV_THERMAL}
    tell(engine, "late", [told], minute=3002)
    assert living(engine, "late") == set()


def lamp(vehicle: str, minute: int, *, on: bool = True) -> tuple[str, CodeEvent]:
    """The malfunction lamp went on or off."""
    return "a-device", lamp_event(vehicle, START_MS + minute * MINUTE_MS, {"on": on, "count": 0})


def test_a_lamp_without_a_code_is_advised_after_a_while_and_ends_as_slowly(engine: sa.Engine) -> None:
    """On for a quarter of an hour of running it is stated; off, it stands for as long; told at once, the same."""
    happened = [lamp("car", 0), trip(5, 10), trip(60, 10), lamp("car", 90, on=False), trip(100, 14), trip(200, 5)]
    states = []
    for step, what in enumerate(happened):
        tell(engine, "car", [what], minute=300 + step)
        with reading(engine) as connection:
            states.append([str(one.state) for one in repository.suggestions_of(connection, ["car"])])
    assert states == [[], [], ["open"], ["open"], ["open"], ["withdrawn"]]
    with reading(engine) as connection:
        (found,) = repository.findings_of(connection, "car")
    assert (found.component, found.found_at) == (Component.ENGINE, START + timedelta(minutes=65))
    tell(engine, "late", [lamp("late", 0), trip(5, 10), trip(60, 10)], minute=300)
    assert {one[0] for one in living(engine, "late")} == {Component.ENGINE}


def test_a_lamp_that_a_code_explains_is_the_codes_matter(engine: sa.Engine) -> None:
    """A code that is stored in time takes the lamp's place; one that comes after takes it over."""
    tell(engine, "car", [lamp("car", 0), code("car", "P0420", 1), trip(5, 30)], minute=300)
    assert {one[0] for one in living(engine, "car")} == {Component.CATALYST}
    tell(engine, "other", [lamp("other", 0), trip(5, 30)], minute=300)
    assert {one[0] for one in living(engine, "other")} == {Component.ENGINE}
    tell(engine, "other", [code("other", "P0420", 60), trip(70, 30)], minute=301)
    assert {one[0] for one in living(engine, "other")} == {Component.CATALYST}


def test_a_full_filter_s_code_that_stays_is_stated_by_driving_on(engine: sa.Engine) -> None:
    """The drive that is one more than a car keeps a passed code for states it, though no event comes with it."""
    drives = [trip(60 * (number + 1), 25) for number in range(41)]
    tell(engine, "car", [code("car", "P2463", 0), *drives[:40], trip(2500, 10)], minute=2600)
    assert living(engine, "car") == set()
    tell(engine, "car", [drives[40]], minute=2601)
    assert {one[0] for one in living(engine, "car")} == {Component.DPF}


def test_what_was_dismissed_cannot_stand_beside_new_advice(engine: sa.Engine) -> None:
    """An old advice is not opened again while another about its component lives."""
    tell(engine, "car", [code("car", "P0420", 0)], minute=1)
    with transaction(engine) as connection:
        (one,) = repository.suggestions_of(connection, ["car"])
        repository.set_suggestion_state(connection, one.id, SuggestionState.DISMISSED, START, "ann")
    tell(engine, "car", [code("car", "P0420", 10, present=False), code("car", "P0420", 20_000)], minute=20_001)
    with transaction(engine) as connection:
        assert [s.component for s in repository.living_suggestions(connection, "car")] == [Component.CATALYST]
        with pytest.raises(StateMoveError):
            repository.set_suggestion_state(connection, one.id, SuggestionState.OPEN, START, "ann")
        assert sum(s.state in LIVING for s in repository.suggestions_of(connection, ["car"])) == 1


def upgrade(engine: sa.Engine, package: str, revision: str) -> None:
    """Brings the tables of a package to a revision."""
    with resources.as_file(resources.files(package) / "migrations") as folder:
        script = ScriptDirectory(str(folder))

        def steps(current: Any, _: MigrationContext) -> Any:
            return script._upgrade_revs(revision, current)

        with engine.begin() as connection, EnvironmentContext(Config(), script, fn=steps) as environment:
            table = f"alembic_version_{package}"
            environment.configure(connection=connection, version_table=table, transactional_ddl=True)
            environment.run_migrations()


def test_messages_of_an_older_version_are_kept(engine: sa.Engine) -> None:
    """A message that was sent, and by which channel, is there after the migration, with what it was about."""
    upgrade(engine, "api", "api_0005")
    with engine.begin() as connection:
        for table, row in _older_rows():
            connection.execute(table.insert().values(row))
    migrate(engine, "api")
    with engine.connect() as connection:
        row = connection.execute(sa.select(tables.reminders)).mappings().one()
        assert (row["vehicle_id"], row["component"], row["level"], row["state"]) == ("v", "egr", "soon", "sent")
        assert connection.execute(sa.select(tables.deliveries.c.address)).scalars().all() == ["x"]
        context = MigrationContext.configure(connection, opts={"include_name": _ours})
        assert compare_metadata(context, tables.metadata) == []


def _older_rows() -> list[tuple[sa.Table, dict[str, object]]]:
    """A sent message as the older version kept it."""
    at = {"created_at": START}
    dealer = {"id": "d", "name_en": "a", "name_zh": "b", "time_zone": "Asia/Shanghai", "hours": [], "closed_days": []}
    appointment = {
        "id": "a", "vehicle_id": "v", "dealer_id": "d", "component": "egr", "job": "j", "severity": "soon",
        "state": "proposed", "bay": 1, "start": START, "minutes": 30, "alternatives": [], "changed_at": START,
        "changed_by": "x", "revision": 1,
    }  # fmt: skip
    message = {"id": "r", "appointment_id": "a", "kind": "proposed", "due_at": START, "state": "sent", "tries": 0}
    return [
        (tables.dealers, dealer | at | {"bays": 1}),
        (tables.vehicles, {"id": "v", "dealer_id": "d"} | at),
        (tables.appointments, appointment | at),
        (tables.reminders, message | {"made_for": START}),
        (tables.deliveries, {"reminder_id": "r", "address": "x", "at": START}),
    ]


def _ours(name: str | None, kind: str, parents: object) -> bool:
    del parents
    return kind != "table" or name in tables.metadata.tables
