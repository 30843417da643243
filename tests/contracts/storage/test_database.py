"""What ingest's storage promises of the database itself and of devices, on every database it runs on."""

from __future__ import annotations

import contextlib
import threading
from datetime import datetime, timedelta
from importlib import resources
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config as AlembicConfig
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from ingest import devices
from ingest.errors import DeviceNameError, StoreError, UnknownDeviceError
from ingest.passwords import password_matches
from ingest.sequence import Held
from ingest.storage import (
    campaigns,
    cursors,
    history,
    progress,
    tables,
)
from ingest.storage.database import UtcDateTime, migrate, open_database, reading, transaction
from vehicle.campaign import Campaign

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.storage.telemetry import TelemetryStore

from tests.contracts.storage.given import DEVICE, NOW, KilledError, expected, receive, speeds, telemetry


def test_migrations_make_the_tables_that_the_code_knows(engine: sa.Engine) -> None:
    """What the scripts build is what the queries expect; running them again changes nothing."""
    migrate(engine, "ingest")
    with reading(engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        found = [one for one in compare_metadata(context, tables.metadata) if "alembic_version" not in str(one)]
    assert found == []


def test_an_older_database_goes_on_where_it_was(engine: sa.Engine, store: TelemetryStore, folder: Path) -> None:
    """Rows that were marked one by one as being in history become a number, which says the same of each."""
    receive(engine, telemetry(1), telemetry(2))
    history.write_run(engine, folder, limit=1)
    history.prune(engine, now=NOW)
    receive(engine, telemetry(3), telemetry(4))
    history.write_run(engine, folder, limit=2)
    before = reached_by(engine)
    downgrade(engine, "ingest_0003")
    marked = sa.text("SELECT count(*) FROM inbox WHERE in_history")
    with reading(engine) as connection:
        assert connection.execute(marked).scalar() == 3
    migrate(engine, "ingest")
    assert reached_by(engine) == before == {"history": 3, "spent": 1, "forgotten": 0}
    assert speeds(store) == expected(1, 2, 3, 4)
    assert history.write_run(engine, folder) == 1
    assert receive(engine, telemetry(5)).held == {(DEVICE, 1): Held(5)}
    assert speeds(store) == expected(1, 2, 3, 4, 5)


def test_devices_of_an_older_database_are_taken_to_ask(engine: sa.Engine) -> None:
    """Until they say that they listen only; what else is known of them stays."""
    with transaction(engine) as connection:
        made = devices.enrol(connection, name="golf", now=NOW)
        before = devices.find(connection, "golf")
    downgrade(engine, "ingest_0004")
    migrate(engine, "ingest")
    with reading(engine) as connection:
        assert devices.find(connection, made.device_id) == before
    assert not before.listen_only


def test_a_database_that_kept_no_dropped_campaigns_keeps_those_that_follow(engine: sa.Engine) -> None:
    """What devices were told stays as it was."""
    chase = Campaign(id="chase", version=1, name="x", condition="always", until_ms=1, signals={})
    with transaction(engine) as connection:
        campaigns.tell(connection, DEVICE, [chase])
    downgrade(engine, "ingest_0005")
    migrate(engine, "ingest")
    with transaction(engine) as connection:
        assert campaigns.drops_of(connection, "chase") == {}
        assert campaigns.tell(connection, DEVICE, [])
        assert campaigns.drops_of(connection, "chase") == {DEVICE: False}


def reached_by(engine: sa.Engine) -> dict[str, int]:
    with reading(engine) as connection:
        return dict(progress.reached(connection))


def downgrade(engine: sa.Engine, to: str) -> None:
    """Brings the tables of ingest back to an older version."""
    with resources.as_file(resources.files("ingest") / "migrations") as path, transaction(engine) as connection:
        script = ScriptDirectory(str(path))
        with EnvironmentContext(
            AlembicConfig(), script, fn=lambda now, _: script._downgrade_revs(to, now)
        ) as environment:
            environment.configure(connection=connection, version_table="alembic_version_ingest", transactional_ddl=True)
            environment.run_migrations()


def test_times_come_back_aware_and_in_utc(engine: sa.Engine) -> None:
    """Whatever zone a time was given in, it comes back as the same moment in UTC; one without zone is refused."""
    shanghai = datetime.fromisoformat("2026-11-23T16:00:00.123456+08:00")
    with transaction(engine) as connection:
        credentials = devices.enrol(connection, name="golf", now=shanghai)
        found = devices.find(connection, credentials.device_id).created_at
    assert found == shanghai
    assert found.utcoffset() == timedelta(0)
    with pytest.raises(StoreError, match="aware"):
        UtcDateTime().process_bind_param(datetime(2026, 1, 1), engine.dialect)  # noqa: DTZ001  that is the point


def test_an_exception_rolls_everything_back(engine: sa.Engine) -> None:
    """Half a transaction never becomes visible."""
    with contextlib.suppress(KilledError), transaction(engine) as connection:
        cursors.write_cursor(connection, "diagnostics", 5)
        raise KilledError
    with reading(engine) as connection:
        assert cursors.read_cursor(connection, "diagnostics") == 0


def test_several_writers_wait_for_each_other(engine: sa.Engine) -> None:
    """Read, add one, write, from four threads: nobody is refused, and no addition is lost."""
    with transaction(engine) as connection:
        cursors.write_cursor(connection, "shared", 0)

    def add() -> None:
        for _ in range(25):
            with transaction(engine) as connection:
                if engine.dialect.name != "sqlite":
                    connection.execute(sa.text("LOCK TABLE cursors"))
                cursors.write_cursor(connection, "shared", cursors.read_cursor(connection, "shared") + 1)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(engine) as connection:
        assert cursors.read_cursor(connection, "shared") == 100


def test_a_file_that_is_no_database_is_a_clear_error(tmp_path: Path) -> None:
    """The sentence names the file; there is no traceback of the driver's."""
    path = tmp_path / "notes.txt"
    path.write_text("this is no database, and longer than a header of one hundred bytes would be " * 3)
    with pytest.raises(StoreError, match=r"notes.txt.*not a database"):
        migrate(open_database(f"sqlite:///{path}"), "ingest")


def test_enrolling_and_revoking(engine: sa.Engine) -> None:
    """A device has a name of its own, a vehicle, and a password that only it knows; revoking keeps it in the list."""
    with transaction(engine) as connection:
        golf = devices.enrol(connection, name="golf", now=NOW)
        polo = devices.enrol(connection, name="polo", now=NOW, vehicle_id=golf.vehicle_id)
        assert golf.password != polo.password
        assert devices.vehicles_of(connection) == dict.fromkeys((golf.device_id, polo.device_id), golf.vehicle_id)
        gone = devices.revoke(connection, name="golf", now=NOW)
        assert devices.revoke(connection, name="golf", now=NOW + timedelta(days=1)).revoked_at == gone.revoked_at == NOW
        assert devices.vehicles_of(connection) == {polo.device_id: golf.vehicle_id}
        assert [one.name for one in devices.list_devices(connection)] == ["golf", "polo"]
        stored = connection.execute(sa.select(tables.devices.c.password_hash)).scalars().all()
    assert password_matches(stored[0], golf.password) is not password_matches(stored[0], polo.password)
    assert golf.password not in "".join(stored)
    assert all(one.startswith("$7$") for one in stored)


def test_names_are_checked(engine: sa.Engine) -> None:
    """A name that is taken or is none is a clear error, and so is an unknown one, with the nearest."""
    with transaction(engine) as connection:
        devices.enrol(connection, name="golf", now=NOW)
        with pytest.raises(DeviceNameError, match="taken"):
            devices.enrol(connection, name="golf", now=NOW)
        for name in ("", "-x", "a b", "x" * 65, "../etc", "é"):
            with pytest.raises(DeviceNameError, match="1 to 64"):
                devices.enrol(connection, name=name, now=NOW)
        with pytest.raises(UnknownDeviceError, match="did you mean golf"):
            devices.find(connection, "gofl")
