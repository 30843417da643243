"""Ingest's commands: devices, history, dead letters, and the broker and ingest processes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from ingest.errors import NotEmbeddedError
from ingest.settings import BrokerSettings, IngestSettings

if TYPE_CHECKING:
    import sqlalchemy as sa

device = typer.Typer(no_args_is_help=True, help="Enrol, list and revoke devices.")
storage = typer.Typer(
    no_args_is_help=True, help="Compact and shorten the stored history; both also happen by themselves."
)
dead_letters = typer.Typer(no_args_is_help=True, help="What could not be read, and why.")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _engine(ctx: typer.Context) -> sa.Engine:
    from ingest.storage.database import migrate, open_database

    engine = open_database(ctx.obj[IngestSettings].database_url)
    migrate(engine, "ingest")
    return engine


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


@device.command("add")
def device_add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="A name for people; the device's own id is made up.")],
    out: Annotated[Path, typer.Option("--out", help="Where to write the agent's configuration.")],
    vehicle: Annotated[
        str | None, typer.Option(help="Id of the vehicle it is installed in; a new one if none.")
    ] = None,
    kind: Annotated[
        str, typer.Option(help="agent, or a foreign device: wican, ovms, or json for plain columns.")
    ] = "agent",
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Enrol a device and write a ready configuration with its own credentials."""
    from ingest.devices import enrol
    from ingest.enrolment import AGENT, render_agent_toml, render_foreign_settings, write_private
    from ingest.storage.database import transaction

    broker = ctx.obj[BrokerSettings]
    with transaction(_engine(ctx)) as connection:
        made = enrol(connection, name=name, now=datetime.now(UTC), vehicle_id=vehicle)
        if kind == AGENT:
            text = render_agent_toml(made, name=name, broker=broker)
        else:
            text = render_foreign_settings(made, name=name, kind=kind, broker=broker)
        write_private(out, text, force=force)
    if kind != AGENT:
        typer.echo(f"{name} is enrolled; what to enter at the device is in {out}.")
        return
    typer.echo(f"{name} is enrolled; its configuration is in {out}. Start it with:")
    typer.echo(f"  roadworthy agent --config {out} --source elm327:/dev/ttyUSB0")


@device.command("list")
def device_list(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """All devices, with their vehicle and whether they are connected."""
    from ingest.devices import list_devices
    from ingest.storage.database import reading

    with reading(_engine(ctx)) as connection:
        found = list_devices(connection)
    if as_json:
        _print_json([{name: getattr(one, name) for name in type(one).__dataclass_fields__} for one in found])
        return
    table = Table("name", "state", "last seen (UTC)", "device", "vehicle")
    for one in found:
        state = "revoked" if one.revoked_at else ("online" if one.online else "offline")
        state += ", listen-only" if one.listen_only and not one.revoked_at else ""
        seen = one.seen_at.strftime("%Y-%m-%d %H:%M:%S") if one.seen_at else "never"
        table.add_row(one.name, state, seen, one.id, one.vehicle_id)
    Console(markup=False).print(table)


@device.command("revoke")
def device_revoke(ctx: typer.Context, name: str) -> None:
    """Take a device's right to connect; what it sent stays."""
    from ingest.devices import revoke
    from ingest.storage.database import transaction

    with transaction(_engine(ctx)) as connection:
        revoke(connection, name=name, now=datetime.now(UTC))
    typer.echo(f"{name} is revoked; a connection that it has now is closed within seconds.")


@device.command("events")
def device_events(ctx: typer.Context, name: str, *, as_json: AsJson = False) -> None:
    """What a device reported besides telemetry: trouble codes, lamp, VIN, gaps; and what was counted."""
    from ingest.devices import counts_of, find
    from ingest.storage.database import reading
    from ingest.storage.events import events_of_device

    with reading(_engine(ctx)) as connection:
        one = find(connection, name)
        found, counts = events_of_device(connection, one.id), counts_of(connection, one.id)
    rows = [{"time": _iso(event.time_ms), "kind": event.event.kind, "data": event.event.data} for event in found]
    if as_json:
        _print_json(rows)
        return
    table = Table("time (UTC)", "kind", "what")
    for row in rows:
        table.add_row(str(row["time"]), str(row["kind"]), json.dumps(row["data"], ensure_ascii=False))
    Console(markup=False).print(table)
    for counted, count in counts.items():
        typer.echo(f"{counted}: {count}")


def history(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="DEVICE", help="Name or id of the device.")],
    signal: Annotated[list[str] | None, typer.Option("--signal", help="VSS path or its last part; repeatable.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="First time, UTC unless it says otherwise.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="End, not included.")] = None,
    form: Annotated[str, typer.Option("--format", help="csv, parquet or json.")] = "csv",
    out: Annotated[Path | None, typer.Option("--out", help="File to write; standard output if none.")] = None,
) -> None:
    """The stored history: column time (UTC), then a column a signal."""
    from ingest import presenting
    from ingest.devices import find
    from ingest.storage.database import reading
    from ingest.storage.telemetry import TelemetryStore

    writer = presenting.writer(form)
    paths = None if not signal else [presenting.path_of(text) for text in signal]
    first, last = (None if text is None else presenting.moment(text) for text in (start, end))
    engine = _engine(ctx)
    with reading(engine) as connection:
        one = find(connection, name)
    store = TelemetryStore(engine, ctx.obj[IngestSettings].history_folder)
    frame = store.read(device_id=one.id, signals=paths, start=first, end=last)
    presenting.deliver(writer(frame), out, binary=form == "parquet")


@dead_letters.command("list")
def letters_list(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Option("--device", help="Only of this device.")] = None,
    reason: Annotated[str | None, typer.Option(help="Only of this reason.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 50,
    *,
    as_json: AsJson = False,
) -> None:
    """The newest messages that could not be read."""
    from ingest.devices import find
    from ingest.storage import letters
    from ingest.storage.database import reading

    with reading(_engine(ctx)) as connection:
        device_id = find(connection, name).id if name else None
        found = letters.list_letters(connection, device_id=device_id, reason=reason, limit=limit)
        counts = letters.counts_by_reason(connection)
    if as_json:
        _print_json([_letter_row(letter) for letter in found])
        return
    table = Table("number", "received (UTC)", "reason", "bytes", "what")
    for letter in found:
        received = letter.received_at.strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(str(letter.id), received, letter.reason, str(letter.size), letter.sentence)
    Console(markup=False).print(table)
    typer.echo(", ".join(f"{count} {reason}" for reason, count in counts.items()) or "No dead letters.")


@dead_letters.command("show")
def letters_show(ctx: typer.Context, number: int, *, as_json: AsJson = False) -> None:
    """One dead letter whole, its bytes in hexadecimal."""
    from ingest.presenting import hex_dump
    from ingest.storage import letters
    from ingest.storage.database import reading

    with reading(_engine(ctx)) as connection:
        letter = letters.letter(connection, number)
    if as_json:
        _print_json(_letter_row(letter) | {"payload_hex": letter.payload.hex()})
        return
    for key, value in _letter_row(letter).items():
        typer.echo(f"{key:12} {value}")
    typer.echo(hex_dump(letter.payload))


@dead_letters.command("replay")
def letters_replay(
    ctx: typer.Context,
    numbers: Annotated[list[int] | None, typer.Argument(help="Numbers; all if none.")] = None,
) -> None:
    """Try dead letters again with today's software: what can be read now is stored, the rest stays."""
    from ingest.replay import replay
    from ingest.storage.telemetry import TelemetryStore

    engine = _engine(ctx)
    store = TelemetryStore(engine, ctx.obj[IngestSettings].history_folder)
    for number, said in replay(engine, store, numbers or None, now=datetime.now(UTC)):
        typer.echo(f"{number}: {said}")


@storage.command("compact")
def storage_compact(ctx: typer.Context) -> None:
    """Join the many small files of a day into one."""
    from ingest.storage import history as parquet

    joined = parquet.compact(_engine(ctx), ctx.obj[IngestSettings].history_folder, now=datetime.now(UTC))
    typer.echo(f"{joined} files were joined.")


@storage.command("forget")
def storage_forget(
    ctx: typer.Context,
    before: Annotated[str, typer.Option("--before", help="First day to keep, UTC, as 2026-11-23.")],
) -> None:
    """Remove whole days of history for good."""
    from ingest import presenting
    from ingest.storage import history as parquet

    day = presenting.moment(before)
    gone = parquet.forget_before(_engine(ctx), ctx.obj[IngestSettings].history_folder, day)
    typer.echo(f"{gone} files with days before {day:%Y-%m-%d} were removed.")


def broker(
    ctx: typer.Context,
    export: Annotated[str | None, typer.Option(help="Write the files of another broker instead: mosquitto.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="The folder for them.")] = None,
    listen: Annotated[
        str | None, typer.Option(help="Address of the listener for devices; the one they connect to if none.")
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate of the listener for devices.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its private key.")] = None,
) -> None:
    """The embedded MQTT broker alone, until Ctrl-C; or the files of a broker in its place."""
    from ingest import broker as part
    from ingest.processes import run_until_signal

    settings = ctx.obj[BrokerSettings]
    if export is not None:
        _export_broker(ctx, export, out, listen, (tls_cert, tls_key))
        return
    if not settings.embedded:
        raise NotEmbeddedError
    run_until_signal(part.run, settings, f"broker on {settings.host}:{settings.port}")


def _export_broker(
    ctx: typer.Context, kind: str, out: Path | None, listen: str | None, tls: tuple[Path | None, Path | None]
) -> None:
    from ingest.access import service_password
    from ingest.mosquitto import Listeners, export
    from ingest.storage.database import reading

    if kind != "mosquitto":
        raise typer.BadParameter("only mosquitto is known", param_hint="--export")
    if out is None:
        raise typer.BadParameter("say where to write with --out FOLDER", param_hint="--out")
    cert, key = tls
    if (cert is None) != (key is None):
        raise typer.BadParameter("a certificate needs its key, and a key its certificate", param_hint="--tls-cert")
    devices_at, ours = ctx.obj[BrokerSettings], ctx.obj[IngestSettings]
    listeners = Listeners(
        devices=(listen or devices_at.host, devices_at.port),
        service=(ours.broker_host, ours.broker_port),
        certificate=cert and cert.resolve(),
        key=key and key.resolve(),
    )
    with reading(_engine(ctx)) as connection:
        written = export(connection, out, service_password=service_password(ours.data_dir), listeners=listeners)
    for path in written:
        typer.echo(path)
    typer.echo("After each `device add` or `device revoke` write them again, and let Mosquitto read them: SIGHUP.")


def ingest(ctx: typer.Context) -> None:
    """From MQTT to durable telemetry, until Ctrl-C."""
    from ingest import pipeline
    from ingest.processes import run_until_signal

    settings = ctx.obj[IngestSettings]
    run_until_signal(pipeline.run, settings, f"ingest from {settings.broker_host}:{settings.broker_port}")


def _letter_row(letter: object) -> dict[str, object]:
    names = ("id", "device_id", "topic", "reason", "sentence", "received_at", "size", "replayed_at")
    return {name: getattr(letter, name) for name in names}


def _iso(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds")
