"""What the dongle may load: every third-party package costs memory and start-up time in the car."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

AGENT = frozenset({"aiomqtt", "paho", "msgspec", "zstandard", "typing_extensions"})
"""Third-party packages of the running agent: MQTT, MessagePack and JSON, compression."""

COMMAND_LINE = frozenset(
    {"typer", "click", "rich", "shellingham", "pygments", "markdown_it", "mdurl", "annotated_doc", "colorama"}
)
"""What the command line itself is made of; the front door has it loaded anyway."""

PROBE = """
import importlib, sys
before = set(sys.modules)
for name in sys.argv[1:]:
    importlib.import_module(name)
there = {name for name, module in sys.modules.items() if module is not None}
loaded = {name.partition(".")[0] for name in there - before}
print(*sorted(loaded - sys.stdlib_module_names))
"""

DRIVERS = frozenset(
    {
        "edge_agent.buses.address",
        "edge_agent.buses.intake",
        "edge_agent.buses.can",
        "edge_agent.buses.j1939",
        "edge_agent.buses.elm327",
        "edge_agent.buses.python_can",
        "edge_agent.buses.python_obd",
        "edge_agent.buses.recorded",
        "edge_agent.buses.log",
        "edge_agent.buses.listen",
    }
)
"""Loaded only when a source of their scheme is opened."""

DRIVER_PACKAGES = frozenset({"can", "serial", "wrapt", "packaging"})
"""What a driver may load on top: python-can and pyserial with what they need."""


def agent_modules(root: Path) -> list[str]:
    """Every module of the agent but its command, its drivers, and bulk decoding, which does not run in the car."""
    files = (path.relative_to(root).with_suffix("") for path in (root / "edge_agent").rglob("*.py"))
    names = {".".join(path.parts).removesuffix(".__init__") for path in files}
    in_the_car = {name for name in names if not f"{name}.".startswith("edge_agent.bulk.")}
    return sorted(in_the_car - DRIVERS - {"edge_agent.commands"})


def third_party(root: Path, *modules: str) -> frozenset[str]:
    """Top-level names that importing the modules loads, without the standard library's and ours."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *modules], cwd=root, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    ours = {"vehicle", "edge_agent", "ingest", "diagnostics", "api", "simulators", "benchmarks"}
    ours |= {"roadworthy", "roadworthy_parts"}
    return frozenset(done.stdout.split()) - ours


def test_the_agent_loads_only_its_allow_list(root: Path) -> None:
    """The agent with its spool, uplink, sampler and protocols loads five packages and no other."""
    assert third_party(root, *agent_modules(root)) <= AGENT


def test_its_commands_add_only_the_command_line(root: Path) -> None:
    """Asking for the agent's command loads nothing but the command line's own packages."""
    assert third_party(root, "roadworthy", "edge_agent.commands") <= AGENT | COMMAND_LINE


@pytest.mark.parametrize("driver", sorted(DRIVERS))
def test_a_driver_adds_only_its_library(root: Path, driver: str) -> None:
    """Opening a bus loads the library of that bus and no numerical package behind it."""
    assert third_party(root, driver) <= AGENT | DRIVER_PACKAGES


@pytest.mark.parametrize(
    "command",
    [
        "ingest.commands",
        "diagnostics.commands",
        "api.commands",
        "simulators.commands",
        "benchmarks.commands",
        "ingest.settings",
        "diagnostics.settings",
        "api.settings",
        "roadworthy",
    ],
)
def test_asking_for_help_is_quick(root: Path, command: str) -> None:
    """Commands and settings load no server library until they run."""
    heavy = {"numpy", "scipy", "polars", "sqlalchemy", "alembic", "fastapi", "pydantic", "apprise", "amqtt", "can"}
    assert not third_party(root, command) & heavy


def test_the_vocabulary_needs_little(root: Path) -> None:
    """The vocabulary needs MessagePack and zstd only (with what zstd's package itself loads)."""
    names = [f"vehicle.{path.stem}" for path in (root / "vehicle").glob("[a-z]*.py")]
    assert third_party(root, *names) <= {"msgspec", "zstandard", "typing_extensions"}
