"""The service desk's commands: the process, and people."""

from __future__ import annotations

import asyncio
import secrets
import signal
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from api.settings import ApiSettings

user = typer.Typer(no_args_is_help=True, help="Add and list people.")


@user.command("add")
def user_add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What the person signs in with.")],
    role: Annotated[str, typer.Option(help="owner, advisor, manager, engineer or admin.")],
    dealer: Annotated[str | None, typer.Option(help="Name or id; the first dealer if none.")] = None,
    language: Annotated[str, typer.Option(help="en or zh.")] = "en",
    vehicle: Annotated[
        list[str] | None, typer.Option(help="For an owner: device in their vehicle; repeatable.")
    ] = None,
    channel: Annotated[list[str] | None, typer.Option(help="Apprise URL for messages; a file if none.")] = None,
    *,
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from input.")] = False,
) -> None:
    """Add a person; without --password-stdin a random password is printed once."""
    from api.people import Newcomer, add
    from ingest.storage.database import open_database

    settings = ctx.obj[ApiSettings]
    password = sys.stdin.readline().rstrip("\n") if password_stdin else secrets.token_urlsafe(12)
    newcomer = Newcomer(
        name=name, role=role, dealer=dealer, language=language, devices=vehicle or [], channels=channel or [],
        password=password,
    )  # fmt: skip
    add(open_database(settings.database_url), settings, newcomer, now=datetime.now(UTC))
    typer.echo(f"{name} can sign in as {role}.")
    if not password_stdin:
        typer.echo(f"password: {password}")


@user.command("list")
def user_list(ctx: typer.Context) -> None:
    """Everyone, by name."""
    from api.auth.repository import list_users
    from api.first_start import prepare
    from ingest.storage.database import open_database, reading

    settings = ctx.obj[ApiSettings]
    engine = open_database(settings.database_url)
    prepare(settings, engine)
    table = Table("name", "role", "language", "dealer", "disabled")
    with reading(engine) as connection:
        for row in list_users(connection):
            table.add_row(
                row["name"], row["role"], row["language"], row["dealer_id"] or "", str(row["disabled_at"] or "")
            )
    Console(markup=False).print(table)


def api(ctx: typer.Context) -> None:
    """REST, console and owner's page, until Ctrl-C."""
    from api.app import run

    settings = ctx.obj[ApiSettings]

    async def whole() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await run(settings, stop=stop, ready=lambda: typer.echo(f"http://{settings.host}:{settings.port}/ is up."))

    asyncio.run(whole())
