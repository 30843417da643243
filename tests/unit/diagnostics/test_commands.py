"""``roadworthy diagnose --replay`` over a real store, and the runner's loop."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
import typer
from typer.testing import CliRunner

from diagnostics import follower, repository, runner
from diagnostics.commands import diagnose
from diagnostics.errors import UnknownRowError
from diagnostics.evaluation.injection import lost_coolant
from diagnostics.settings import DiagnosticsSettings
from ingest.storage.database import transaction

START_MS = 1_760_000_000_000
NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture(name="settings")
def _settings(desk) -> DiagnosticsSettings:
    url = desk.engine.url.render_as_string(hide_password=False)
    return DiagnosticsSettings(data_dir=desk.folder.parent, database_url=url, poll_every_s=0.01)


def invoke(settings: DiagnosticsSettings, *arguments: str):
    app = typer.Typer()
    app.command()(diagnose)
    return CliRunner().invoke(app, arguments, obj={DiagnosticsSettings: settings})


def test_a_replay_says_that_it_equals_what_is_stored(desk, drives, settings) -> None:
    """Findings as JSON, and exit code 0 because they are equal."""
    desk.put(*desk.batches(lost_coolant(drives[0]), start_ms=START_MS))
    desk.follow(desk.follower())
    done = invoke(settings, "--replay", "--json", "--device", "car")
    assert done.exit_code == 0, done.output
    (one,) = json.loads(done.output)
    assert (one["equal"], one["differing"]) == (True, [])
    assert [found["detector"] for found in one["findings"]] == ["overheating"]
    assert "equal to what is stored" in invoke(settings, "--replay").output


def test_a_replay_names_what_differs(desk, drives, settings) -> None:
    """A finding that was tampered with is found: exit code 1."""
    desk.put(*desk.batches(lost_coolant(drives[0]), start_ms=START_MS))
    desk.follow(desk.follower())
    (finding,) = desk.read(repository.findings_of, desk.vehicle_id)
    with transaction(desk.engine) as connection:
        repository.remove_findings(connection, [finding.id])
    done = invoke(settings, "--replay", "--json")
    assert done.exit_code == 1
    assert json.loads(done.output)[0]["differing"] == [finding.id]


def test_an_unknown_device_is_named(settings) -> None:
    """The error carries the name that was asked for."""
    done = invoke(settings, "--replay", "--device", "nobody")
    assert isinstance(done.exception, UnknownRowError)
    assert "nobody" in str(done.exception)


async def found_something(desk) -> None:
    """Returns once the vehicle has a finding; the caller's timeout ends a vain wait."""
    while not desk.read(repository.findings_of, desk.vehicle_id):
        await asyncio.sleep(0.02)


async def test_the_runner_follows_until_it_is_stopped(desk, drives, settings) -> None:
    """What is stored while it runs becomes a finding; stopping ends it."""
    stop, ready = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(runner.run(settings, stop=stop, ready=ready.set))
    async with asyncio.timeout(30):
        await ready.wait()
        await asyncio.to_thread(desk.put, *desk.batches(lost_coolant(drives[0]), start_ms=START_MS))
        await found_something(desk)
        stop.set()
        await running


async def test_a_refused_step_is_logged_and_made_up_for(desk, drives, settings, monkeypatch, caplog) -> None:
    """A database error costs a pause, not a sample: the follower goes on from what is stored."""
    monkeypatch.setattr(runner, "RETRY_S", 0.01)
    honest, refusals = follower.record, [sa.exc.OperationalError("insert", {}, OSError("disk full"))]

    def refuse_once(*arguments, **options) -> None:
        if refusals:
            raise refusals.pop()
        honest(*arguments, **options)

    monkeypatch.setattr(follower, "record", refuse_once)
    desk.put(*desk.batches(lost_coolant(drives[0]), start_ms=START_MS))
    stop = asyncio.Event()
    with caplog.at_level(logging.ERROR):
        running = asyncio.create_task(runner.run(settings, stop=stop))
        async with asyncio.timeout(30):
            await found_something(desk)
            stop.set()
            await running
    assert not refusals
    assert "refused a step" in caplog.text
