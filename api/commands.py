"""The service desk's commands: the process, people and dealers."""

from __future__ import annotations

import asyncio
import secrets
import shlex
import signal
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from api.settings import ApiSettings

if TYPE_CHECKING:
    import sqlalchemy as sa

user = typer.Typer(no_args_is_help=True, help="Add, list and disable people; change their passwords.")
dealer = typer.Typer(no_args_is_help=True, help="Add and list dealers.")

Name = Annotated[str, typer.Argument(help="What the person signs in with.")]
PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from input.")]


@user.command("add")
def user_add(
    ctx: typer.Context,
    name: Name,
    role: Annotated[str, typer.Option(help="owner, advisor, manager, engineer or admin.")],
    dealer: Annotated[str | None, typer.Option(help="Name or id; the first dealer if none.")] = None,
    language: Annotated[str, typer.Option(help="en or zh.")] = "en",
    vehicle: Annotated[
        list[str] | None, typer.Option(help="For an owner: device in their vehicle; repeatable.")
    ] = None,
    channel: Annotated[list[str] | None, typer.Option(help="Apprise URL for messages; a file if none.")] = None,
    *,
    password_stdin: PasswordStdin = False,
) -> None:
    """Add a person; without --password-stdin a random password is printed once."""
    from api.people import Newcomer, add
    from ingest.storage.database import open_database

    settings = ctx.obj[ApiSettings]
    password = _password(stdin=password_stdin)
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
    from api.dealers.repository import list_dealers
    from ingest.storage.database import reading

    table = Table("name", "role", "language", "dealer", "disabled")
    with reading(_prepared(ctx)) as connection:
        dealers = {one.id: one.name["en"] for one in list_dealers(connection)}
        for row in list_users(connection):
            since = row["disabled_at"].isoformat(timespec="minutes") if row["disabled_at"] else ""
            table.add_row(row["name"], row["role"], row["language"], dealers.get(row["dealer_id"], ""), since)
    Console(markup=False).print(table)


@user.command("disable")
def user_disable(ctx: typer.Context, name: Name) -> None:
    """Keep a person from signing in for good; ends their sessions and tokens at once."""
    from api.people import disable
    from ingest.storage.database import open_database

    settings = ctx.obj[ApiSettings]
    disable(open_database(settings.database_url), settings, name, now=datetime.now(UTC))
    typer.echo(f"{name} cannot sign in any more; sessions and tokens have ended.")


@user.command("password")
def user_password(
    ctx: typer.Context,
    name: Name,
    *,
    password_stdin: PasswordStdin = False,
) -> None:
    """Change a person's password and end their sessions and tokens; without --password-stdin it is printed once."""
    from api.people import change_password
    from ingest.storage.database import open_database

    settings = ctx.obj[ApiSettings]
    password = _password(stdin=password_stdin)
    change_password(open_database(settings.database_url), settings, name, password, now=datetime.now(UTC))
    typer.echo(f"{name} has another password; sessions and tokens have ended.")
    if not password_stdin:
        typer.echo(f"password: {password}")


@dealer.command("add")
def dealer_add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Its name in English.")],
    name_zh: Annotated[str | None, typer.Option(help="Its name in Chinese; the same if none.")] = None,
    time_zone: Annotated[str | None, typer.Option(help="Such as Asia/Shanghai; the first dealer's if none.")] = None,
    bays: Annotated[int, typer.Option(help="How many cars can be worked on at once.")] = 3,
) -> None:
    """Add a dealer, open in the usual hours."""
    from api.dealers.repository import list_dealers
    from api.dealers.service import add
    from ingest.storage.database import transaction

    with transaction(_prepared(ctx)) as connection:
        zone = time_zone or list_dealers(connection)[0].opening.time_zone
        made = add(connection, name_en=name, name_zh=name_zh or name, time_zone=zone, bays=bays, now=datetime.now(UTC))
    typer.echo(f"{made.name['en']} is a dealer now: {made.opening.bays} bays, times in {zone}.")
    typer.echo(f"Next: roadworthy user add NAME --role manager --dealer {shlex.quote(made.name['en'])}")


@dealer.command("list")
def dealer_list(ctx: typer.Context) -> None:
    """All dealers, the first one first: vehicles of new devices go to it."""
    from api.dealers.repository import list_dealers
    from ingest.storage.database import reading

    table = Table("name", "name in Chinese", "time zone", "bays", Column("id", overflow="fold"))
    with reading(_prepared(ctx)) as connection:
        for one in list_dealers(connection):
            row = (one.name["en"], one.name["zh"], one.opening.time_zone, str(one.opening.bays), one.id)
            table.add_row(*row)
    Console(markup=False).print(table)


def _password(*, stdin: bool) -> str:
    return sys.stdin.readline().rstrip("\n") if stdin else secrets.token_urlsafe(12)


def _prepared(ctx: typer.Context) -> sa.Engine:
    """The database with its tables and first dealer."""
    from api.first_start import prepare
    from ingest.storage.database import open_database

    settings = ctx.obj[ApiSettings]
    engine = open_database(settings.database_url)
    prepare(settings, engine)
    return engine


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
