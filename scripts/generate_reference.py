"""Writes docs/reference/ from the code: `make reference`. A test compares, so that the pages cannot lag behind."""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import pkgutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

import roadworthy
import roadworthy_parts
from vehicle.batch import EventKind
from vehicle.errors import Reason
from vehicle.obd import PIDS
from vehicle.signals import CATALOGUE
from vehicle.topics import PREFIX, STREAMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "reference"
NOTE = "<!-- Made from the code by `make reference`; change the code, not this page. -->"


NOT_OURS = {"help", "install_completion", "show_completion"}
"""Options that typer adds."""


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table; bars and line ends inside cells are made harmless."""
    lines = [list(head)]
    body = [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    lines += [["---"] * len(lines[0]), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def page(title: str, *parts: str) -> str:
    """A page of parts under a title."""
    return "\n\n".join([f"# {title}", NOTE, *parts]) + "\n"


def first_line(thing: object) -> str:
    """The first line of a docstring."""
    return (inspect.getdoc(thing) or "").partition("\n")[0]


def signals() -> str:
    """The catalogue."""
    rows = [
        (
            f"`{row.path}`",
            row.english,
            row.chinese,
            row.unit.symbol,
            f"{row.resolution:g}",
            f"{row.minimum:g} … {row.maximum:g}",
            f"{row.numerator}, {row.denominator}, {row.offset}",
        )
        for row in CATALOGUE.values()
    ]
    text = "The value is `(raw × numerator + offset) / denominator`; the last column gives the three integers."
    return page("Signals", text, table(("path", "English", "中文", "unit", "step", "range", "integers"), rows))


def pids() -> str:
    """The parameters of service 01."""
    rows = [
        (f"`{row.number:02X}`", row.length, "<br>".join(f"`{field.path}`" for field in row.fields))
        for row in PIDS.values()
    ]
    return page("PIDs of service 01", table(("PID", "bytes", "signals"), rows))


def topics() -> str:
    """The streams over MQTT."""
    rows = [
        (
            f"`{PREFIX}/{{device}}/{kind}`",
            "device" if stream.from_device else "server",
            "yes" if stream.retained else "no",
            stream.purpose,
        )
        for kind, stream in STREAMS.items()
    ]
    text = "Payloads are described in [the protocol](../protocol.md)."
    return page("Topics", text, table(("topic", "from", "retained", "what"), rows))


def member_docs(enumeration: type) -> Mapping[str, str]:
    """The docstrings under the members of an enumeration, by member name."""
    body = ast.parse(inspect.getsource(enumeration)).body[0]
    lines = body.body if isinstance(body, ast.ClassDef) else []
    docs: dict[str, str] = {}
    for before, after in itertools.pairwise(lines):
        if isinstance(before, ast.Assign) and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            docs[ast.unparse(before.targets[0])] = " ".join(str(after.value.value).split())
    return docs


def events() -> str:
    """Kinds of events."""
    docs = member_docs(EventKind)
    rows = [(f"`{kind}`", docs[kind.name].replace("``", "`")) for kind in EventKind]
    text = "Every event carries its time, the time's quality, boot id and boot clock; `data` holds what is named here."
    return page("Events", text, table(("kind", "what and which data"), rows))


def refusals() -> str:
    """Reasons for dead letters."""
    text = "What each means: [the protocol, section 7](../protocol.md#7-what-the-server-refuses)."
    return page("Refusals", text, "\n".join(f"- `{reason}`" for reason in Reason))


def fields_of(form: type[msgspec.Struct]) -> Iterator[tuple[str, str, str]]:
    """Name, type and default of each field."""
    hints = inspect.get_annotations(form)
    for base in form.__mro__:
        hints = {**inspect.get_annotations(base), **hints}
    for field in msgspec.structs.fields(form):
        default = "" if field.required else shown(field_default(field))
        kind = hints.get(field.name, field.type)
        yield field.name, kind if isinstance(kind, str) else getattr(kind, "__name__", str(kind)), default


def field_default(field: Any) -> object:
    """The default of a field, made if it is made anew each time."""
    if field.default is not msgspec.NODEFAULT:
        return field.default
    return field.default_factory()


def shown(default: object) -> str:
    """A default as one would write it into the file."""
    if isinstance(default, msgspec.Struct):
        return "a table, below"
    if isinstance(default, bool):
        return str(default).lower()
    return str(default) if not isinstance(default, str) else f'"{default}"'


def prose(form: type) -> str:
    """A class's docstring as Markdown."""
    return inspect.cleandoc(form.__doc__ or "").replace("``", "`")


def settings() -> str:
    """Keys of roadworthy.toml and of agent.toml."""
    shared = "`data_dir` and `database_url` stand at the top of the file and hold for all sections."
    parts = [shared]
    for section, target in roadworthy_parts.SECTIONS.items():
        form = roadworthy_parts.load(target)
        rows = [
            (f"`{name}`", f"`{kind}`", f"`{default}`" if default else "", f"`ROADWORTHY_{section}_{name}`".upper())
            for name, kind, default in fields_of(form)
            if name not in roadworthy_parts.TOP
        ]
        parts += [f"## [{section}]", prose(form), setting_table(rows)]
    return page("Settings", *parts, *agent_settings())


def setting_table(rows: Iterable[Iterable[object]]) -> str:
    """The table of a section's keys."""
    return table(("key", "type", "default", "variable"), rows)


def agent_settings() -> Iterator[str]:
    """The agent's own file: its top and its tables."""
    form = roadworthy_parts.load("edge_agent.settings:AgentSettings")
    yield from ("## agent.toml", prose(form), agent_table(form))
    for field in msgspec.structs.fields(form):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from (f"### [{field.name}]", prose(field.type), agent_table(field.type))


def agent_table(form: type[msgspec.Struct]) -> str:
    """The keys of one table of the agent's file."""
    rows = ([f"`{cell}`" if cell else "" for cell in row] for row in fields_of(form))
    return table(("key", "type", "default"), rows)


def errors() -> str:
    """Error classes by package, wherever in it."""
    parts = ["The command line prints the sentence of these and ends with exit code 2; REST answers with their status."]
    for package in roadworthy.PACKAGES:
        files = sorted((ROOT / package).rglob("*.py"), key=lambda path: (path.name != "errors.py", path))
        rows = [row for path in files for row in error_rows(path)]
        parts += [f"## {package}", table(("error", "is a", "meaning"), rows)]
    return page("Errors", *parts)


def error_rows(path: Path) -> Iterator[tuple[str, str, str]]:
    """Name, bases and first line of each error class in a file."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and node.name.endswith("Error"):
            bases = ", ".join(f"`{ast.unparse(base)}`" for base in node.bases)
            yield f"`{node.name}`", bases, (ast.get_docstring(node) or "").partition("\n")[0].replace("``", "`")


def detectors() -> str:
    """Detectors and wear models, each with its argument."""
    discover = roadworthy_parts.load("diagnostics.detector:discover")
    parts = ["What each looks at, why, when not, the sources of its limits and its false-alarm rate, in its own words."]
    for title, package, constant in (("Detectors", "detectors", "DETECTOR"), ("Wear models", "wear", "MODEL")):
        module = importlib.import_module(f"diagnostics.{package}")
        parts.append(f"## {title}")
        for name, found in zip(module_names(module), discover(module, constant), strict=True):
            parts += detector(importlib.import_module(f"{module.__name__}.{name}"), found)
    return page("Detectors and wear models", *parts)


def module_names(package: Any) -> list[str]:
    """Names of a package's modules, in the order of :func:`diagnostics.detector.discover`."""
    return sorted(found.name for found in pkgutil.iter_modules(package.__path__))


def detector(module: Any, found: Any) -> Iterator[str]:
    """One detector: heading, facts, what it can say, argument."""
    yield f"### {found.name}"
    at_once = "at once and per trip" if found.at_once else "per trip"
    yield f"Component `{found.component}`, judged {at_once}, observability {found.observability}."
    rows = [(f"`{c.key}`", f"`{c.severity}`", f"`{c.job}`", c.title["en"], c.title["zh"]) for c in found.causes]
    yield table(("cause", "severity", "job", "English", "中文"), rows)
    yield "Signals: " + ", ".join(f"`{path}`" for path in found.signals) + "."
    yield "Parameters: " + ", ".join(f"`{name}`" for name in found.parameters) + "."
    yield inspect.cleandoc(module.__doc__ or "").replace("``", "`")


def commands() -> str:
    """The command line."""
    front = importlib.import_module("typer.main").get_command(roadworthy.app)
    context = click.Context(front, info_name="roadworthy")
    parts = [part for name in front.list_commands(context) for part in command(front.get_command(context, name), name)]
    return page("Commands", "`roadworthy --help` says the same.", *parts)


def command(found: Any, name: str) -> Iterator[str]:
    """Heading, words and parameters of a command, then of the commands below it."""
    context = click.Context(found, info_name=name)
    yield f"## roadworthy {name}"
    yield (found.help or "").split("\f")[0].strip()
    rows = [parameter(entry) for entry in found.params if entry.name not in NOT_OURS]
    if rows:
        yield table(("parameter", "default", "what"), rows)
    for below in getattr(found, "commands", {}):
        yield from command(found.get_command(context, below), f"{name} {below}")


def parameter(entry: Any) -> tuple[str, str, str]:
    """A parameter's names, default and words."""
    names = (
        entry.name.upper() if entry.param_type_name == "argument" else ", ".join([*entry.opts, *entry.secondary_opts])
    )
    shown = entry.default if isinstance(entry.default, str | int | float) and entry.default != "" else ""
    return f"`{names}`", f"`{shown}`" if shown != "" and shown is not False else "", getattr(entry, "help", "") or ""


def rest() -> str:
    """Operations of the service desk, and who may do them."""
    policy = importlib.import_module("api.policy")
    roles = list(roadworthy_parts.load("api.auth.scope:Role"))
    text = (
        "Which role may do what; whose objects they are is decided besides: an owner's own cars, one dealer's cars for "
        "its people, all for admin. A foreign object answers 404, as one that does not exist. Bodies and answers are "
        "in the OpenAPI 3.1 document, `GET /api/v1/openapi.json`, with all refusals, headers and ways to sign in; "
        "errors are [problem documents](problems.md). Wherever there is GET, HEAD is answered too."
    )
    parts = [text]
    for title, listed in (("REST", policy.ROLES), ("Pages", policy.PAGES)):
        rows = [
            (f"`{operation}`", *("yes" if role in allowed else "" for role in roles))
            for operation, allowed in listed.items()
        ]
        parts += [f"## {title}", table(("operation", *roles), rows)]
    parts += ["## Without signing in", "\n".join(f"- `{operation}`" for operation in sorted(policy.PUBLIC))]
    return page("Operations of the service desk", *parts)


def is_answered(kind: object) -> bool:
    """Whether a class is an error with an HTTP status of its own; the others end the program at its start."""
    return (
        isinstance(kind, type)
        and issubclass(kind, Exception)
        and "status" in vars(kind)
        and kind.__name__ != "DeskError"
    )


def problems() -> str:
    """Problem documents (RFC 9457) of the service desk."""
    base = roadworthy_parts.load("api.problems:BASE")
    answered: list[Any] = [kind for kind in vars(importlib.import_module("api.errors")).values() if is_answered(kind)]
    rows = [(f"`{kind.name.fget(kind.__new__(kind))}`", kind.status, kind.title, first_line(kind)) for kind in answered]
    text = f"`type` is `{base}` and the name; `detail` says what happened and what would be right."
    return page("Problems", text, table(("name", "status", "title", "meaning"), rows))


PAGES: Mapping[str, Callable[[], str]] = {
    "signals": signals,
    "pids": pids,
    "topics": topics,
    "events": events,
    "refusals": refusals,
    "settings": settings,
    "errors": errors,
    "commands": commands,
    "detectors": detectors,
    "rest": rest,
    "problems": problems,
}


def main() -> None:
    """Writes every page."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or PAGES:
        (FOLDER / f"{name}.md").write_text(PAGES[name](), encoding="utf-8")


if __name__ == "__main__":
    main()
