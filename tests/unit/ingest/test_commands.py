"""Ingest's commands, as they are typed; through typer's own runner, with the front door's settings."""

from __future__ import annotations

import csv
import io
import json
import stat
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl
import pytest
import sqlalchemy as sa
import typer
from typer.testing import CliRunner

from ingest import commands, devices, presenting
from ingest.errors import (
    ColumnError,
    DeviceKindError,
    DeviceNameError,
    IngestError,
    OutputExistsError,
    StoreError,
    TimeFormatError,
    UnknownDeviceError,
    UnknownLetterError,
)
from ingest.passwords import password_matches
from ingest.quarantine import Quarantine
from ingest.settings import BrokerSettings, IngestSettings
from ingest.storage import history, inbox, letters
from ingest.storage.database import reading, transaction
from ingest.storage.tables import dead_letters
from ingest.validate import Knowledge, judge
from vehicle.signals import COOLANT_TEMPERATURE, SPEED
from vehicle.topics import Kind, topic

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Shell:
    """Runs commands on one data folder."""

    folder: Path
    engine: sa.Engine

    def run(self, *arguments: str) -> str:
        """Standard output; an error of ingest is raised as it reaches the front door."""
        app = typer.Typer()
        app.add_typer(commands.device, name="device")
        app.add_typer(commands.dead_letters, name="dead-letters")
        app.add_typer(commands.storage, name="storage")
        app.command("history")(commands.history)
        common = {"data_dir": self.folder, "database_url": self.engine.url.render_as_string(hide_password=False)}
        found = {BrokerSettings: BrokerSettings(**common, port=1884), IngestSettings: IngestSettings(**common)}
        done = CliRunner().invoke(app, arguments, obj=found, catch_exceptions=True)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.stdout

    def receive(self, who: devices.Credentials, *payloads: bytes) -> None:
        with reading(self.engine) as connection:
            sets = inbox.known_sets(connection)
        knowledge = Knowledge(vehicles={who.device_id: who.vehicle_id}, signal_sets=sets, anchors={})
        on = topic(who.device_id, Kind.TELEMETRY)
        now = datetime(2026, 11, 23, 9, tzinfo=UTC)
        verdicts = [
            judge(who.device_id, Kind.TELEMETRY, on, payload, knowledge, int(now.timestamp() * 1000))
            for payload in payloads
        ]
        with transaction(self.engine) as connection:
            inbox.store(connection, verdicts, now=now, tries={}, quarantine=Quarantine())


@pytest.fixture(name="shell")
def _shell(engine: sa.Engine, tmp_path: Path, make) -> Shell:
    """Commands on this test's database, which knows the signal set."""
    with transaction(engine) as connection:
        inbox.keep_sets(connection, [make.SET])
    return Shell(tmp_path / "data", engine)


@pytest.fixture(name="golf")
def _golf(shell: Shell, device: devices.Credentials, make) -> devices.Credentials:
    """A device with six rows, half of them in Parquet."""
    shell.receive(device, make.message(1))
    history.write_run(shell.engine, shell.folder / "history")
    shell.receive(device, make.message(2))
    return device


def test_add_writes_a_ready_private_configuration(shell: Shell, tmp_path: Path) -> None:
    """The file has what the agent needs, only its owner can read it, and the password in it is the enrolled one."""
    out = tmp_path / "new" / "agent.toml"
    assert "agent --config" in shell.run("device", "add", "golf", "--out", str(out))
    written = tomllib.loads(out.read_text())
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert written["broker"] == {"host": "127.0.0.1", "port": 1884}
    with reading(shell.engine) as connection:
        found = devices.find(connection, "golf")
        stored = connection.execute(sa.text("SELECT password_hash FROM devices")).scalar()
    assert written["device"] == found.id
    assert password_matches(stored, written["password"])


@pytest.mark.parametrize("kind", ["json", "ovms", "wican"])
def test_add_says_what_to_enter_at_a_foreign_device(shell: Shell, tmp_path: Path, kind: str) -> None:
    """Server, its own id as user name and in its topics, and its password; a private file."""
    out = tmp_path / "device.txt"
    assert str(out) in shell.run("device", "add", "golf", "--kind", kind, "--out", str(out))
    text = out.read_text()
    with reading(shell.engine) as connection:
        found = devices.find(connection, "golf")
        stored = connection.execute(sa.text("SELECT password_hash FROM devices")).scalar()
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert f"{kind}/{found.id}" in text
    assert "1884" in text
    assert any(password_matches(stored, word) for word in text.split())


def test_add_knows_no_other_kinds(shell: Shell, tmp_path: Path) -> None:
    """The error names those that there are, and nobody is enrolled."""
    with pytest.raises(DeviceKindError, match="agent, json, ovms, wican"):
        shell.run("device", "add", "golf", "--kind", "torque", "--out", str(tmp_path / "x"))
    with reading(shell.engine) as connection:
        assert devices.list_devices(connection) == []


def test_add_replaces_nothing_unasked(shell: Shell, tmp_path: Path) -> None:
    """A file that exists is kept and the device is not enrolled; --force replaces it, privately."""
    out = tmp_path / "agent.toml"
    out.write_text("precious")
    with pytest.raises(OutputExistsError, match="--force"):
        shell.run("device", "add", "golf", "--out", str(out))
    assert out.read_text() == "precious"
    with reading(shell.engine) as connection:
        assert devices.list_devices(connection) == []
    shell.run("device", "add", "golf", "--out", str(out), "--force")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    with pytest.raises(DeviceNameError, match="taken"):
        shell.run("device", "add", "golf", "--out", str(tmp_path / "other.toml"))


def test_add_where_nothing_can_be_written(shell: Shell, tmp_path: Path) -> None:
    """A folder that is a file is a clear error, and the device is not enrolled."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file"):
        shell.run("device", "add", "golf", "--out", str(tmp_path / "file" / "agent.toml"))
    with reading(shell.engine) as connection:
        assert devices.list_devices(connection) == []


def test_add_into_a_known_vehicle(shell: Shell, tmp_path: Path) -> None:
    """A second dongle in the same car shares its vehicle."""
    shell.run("device", "add", "one", "--out", str(tmp_path / "1.toml"))
    (one,) = json.loads(shell.run("device", "list", "--json"))
    shell.run("device", "add", "two", "--out", str(tmp_path / "2.toml"), "--vehicle", one["vehicle_id"])
    assert [row["vehicle_id"] for row in json.loads(shell.run("device", "list", "--json"))] == [one["vehicle_id"]] * 2


def test_list_and_revoke(shell: Shell, device: devices.Credentials) -> None:
    """The list says who listens only and who is revoked; an unknown name is answered with the nearest."""
    assert "offline" in shell.run("device", "list")
    assert "listen-only" not in shell.run("device", "list")
    with transaction(shell.engine) as connection:
        inbox.note_listen_only(connection, device.device_id, listen_only=True)
    assert "listen-only" in shell.run("device", "list")
    assert "golf is revoked" in shell.run("device", "revoke", "golf")
    (row,) = json.loads(shell.run("device", "list", "--json"))
    assert (row["id"], row["vehicle_id"]) == (device.device_id, device.vehicle_id)
    assert row["revoked_at"] is not None
    assert "password" not in str(row)
    with pytest.raises(UnknownDeviceError, match="did you mean golf"):
        shell.run("device", "revoke", "gulf")


def test_history_as_csv(shell: Shell, golf: devices.Credentials) -> None:
    """Header, UTC times with milliseconds and Z, values that read back exactly, empty cells for gaps."""
    rows = list(csv.DictReader(io.StringIO(shell.run("history", "golf"))))
    assert list(rows[0]) == ["time", SPEED, COOLANT_TEMPERATURE]
    assert [row["time"] for row in rows[:2]] == ["2026-11-23T08:00:00.000Z", "2026-11-23T08:00:01.000Z"]
    assert [float(row[SPEED]) for row in rows] == [0, 1, 2, 3, 4, 5]
    assert [row[COOLANT_TEMPERATURE] for row in rows] == ["90.0", "", "", "90.0", "", ""]
    assert shell.run("history", golf.device_id) == shell.run("history", "golf")


@pytest.mark.usefixtures("golf")
def test_history_in_other_formats(shell: Shell, tmp_path: Path) -> None:
    """JSON and Parquet hold the same rows as CSV."""
    found = json.loads(shell.run("history", "golf", "--format", "json"))
    assert found[0] == {"time": "2026-11-23T08:00:00.000Z", SPEED: 0.0, COOLANT_TEMPERATURE: 90.0}
    assert found[1][COOLANT_TEMPERATURE] is None
    out = tmp_path / "deep" / "golf.parquet"
    assert shell.run("history", "golf", "--format", "parquet", "--out", str(out)) == ""
    frame = pl.read_parquet(out)
    assert frame.schema["time"] == pl.Datetime("ms", "UTC")
    assert frame[SPEED].to_list() == [row[SPEED] for row in found]


@pytest.mark.usefixtures("golf")
def test_history_of_a_part(shell: Shell) -> None:
    """Signals by path or unambiguous end, in the order asked for, with columns although they hold nothing."""
    part = ["--from", "2026-11-23T08:00:01Z", "--to", "2026-11-23T10:00:03+02:00"]
    wanted = ["--signal", "EngineCoolant.Temperature", "--signal", SPEED]
    lines = shell.run("history", "golf", *wanted, *part).splitlines()
    assert lines == [
        f"time,{COOLANT_TEMPERATURE},{SPEED}",
        "2026-11-23T08:00:01.000Z,,1.0",
        "2026-11-23T08:00:02.000Z,,2.0",
    ]
    assert shell.run("history", "golf", "--to", "2001-01-01") == "time\n"


@pytest.mark.usefixtures("golf")
def test_history_errors(shell: Shell) -> None:
    """What is unknown or ambiguous is named, with what would be right."""
    with pytest.raises(UnknownDeviceError, match="golf"):
        shell.run("history", "glof")
    with pytest.raises(ColumnError, match=r"Vehicle\.Speed.*write more of the path"):
        shell.run("history", "golf", "--signal", "speed")
    with pytest.raises(ColumnError, match=r"is not in the catalogue; did you mean.*EngineCoolant"):
        shell.run("history", "golf", "--signal", "Vehicle.Powertrain.CombustionEngine.EngineCoolant.Temperatur")
    with pytest.raises(TimeFormatError, match="2026-11-23"):
        shell.run("history", "golf", "--from", "yesterday")
    with pytest.raises(IngestError, match="csv, parquet, json"):
        shell.run("history", "golf", "--format", "xml")


@pytest.mark.usefixtures("golf")
def test_compacting_and_forgetting_by_hand(shell: Shell) -> None:
    """Both say what they did; a day that is kept stays whole."""
    assert shell.run("storage", "compact") == "0 files were joined.\n"
    assert "0 files" in shell.run("storage", "forget", "--before", "2026-11-23")
    assert len(shell.run("history", "golf").splitlines()) == 7
    assert "1 files" in shell.run("storage", "forget", "--before", "2026-11-24")
    assert len(shell.run("history", "golf").splitlines()) == 4
    with pytest.raises(TimeFormatError):
        shell.run("storage", "forget", "--before", "long ago")


def test_parquet_is_not_for_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that would garble the screen are refused with the mend."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    with pytest.raises(presenting.TerminalError, match="--out"):
        presenting.deliver(b"PAR1", None, binary=True)


def test_what_a_device_sent_is_shown_as_it_is(shell: Shell, device: devices.Credentials) -> None:
    """Words from outside are no markup: a closing tag in them neither ends the command nor vanishes."""
    sentence = "announces [/bold] and [red]"
    with transaction(shell.engine) as connection:
        letter = {
            "device_id": device.device_id,
            "topic": "t",
            "reason": "content",
            "sentence": sentence,
            "payload": b"{}",
            "size": 2,
        }
        connection.execute(dead_letters.insert().values(letter | {"received_at": datetime(2026, 1, 1, tzinfo=UTC)}))
    assert sentence in " ".join(shell.run("dead-letters", "list").split())


def test_dead_letters(shell: Shell, device: devices.Credentials, make) -> None:
    """Listed with counts, shown in hexadecimal, filtered, and replayed."""
    shell.receive(device, b"RW\x09nonsense", make.message(1)[:-1], b"{}")
    listed = shell.run("dead-letters", "list")
    assert "2 envelope" in listed
    found = json.loads(shell.run("dead-letters", "list", "--json", "--reason", "envelope", "--device", "golf"))
    assert [row["reason"] for row in found] == ["envelope", "envelope"]
    number = str(min(row["id"] for row in found))
    shown = shell.run("dead-letters", "show", number)
    assert "00000000  52 57 09 6e 6f 6e 73 65" in shown
    assert "RW.nonsense" in shown
    assert f"roadworthy/v1/{device.device_id}/telemetry" in shown
    as_json = json.loads(shell.run("dead-letters", "show", number, "--json"))
    assert bytes.fromhex(as_json["payload_hex"]) == b"RW\x09nonsense"
    assert shell.run("dead-letters", "replay").count("stays") == 3
    with pytest.raises(UnknownLetterError, match="77"):
        shell.run("dead-letters", "replay", "77")
    with pytest.raises(UnknownLetterError, match="77"):
        shell.run("dead-letters", "show", "77")
    with reading(shell.engine) as connection:
        assert len(letters.list_letters(connection)) == 3


def test_events_of_a_device(shell: Shell, device: devices.Credentials, make) -> None:
    """What a device reported besides telemetry, as JSON for programs."""
    payload = make.event(1, "dtc", ecu="7E8", code="P0301", state="stored", present=True)
    knowledge = Knowledge(vehicles={device.device_id: device.vehicle_id}, signal_sets={}, anchors={})
    verdict = judge(device.device_id, Kind.EVENT, topic(device.device_id, Kind.EVENT), payload, knowledge, make.NOW_MS)
    with transaction(shell.engine) as connection:
        inbox.store(connection, [verdict], now=make.NOW, tries={}, quarantine=Quarantine())
    (row,) = json.loads(shell.run("device", "events", "golf", "--json"))
    assert (row["kind"], row["data"]["code"]) == ("dtc", "P0301")
    assert "P0301" in shell.run("device", "events", "golf")
