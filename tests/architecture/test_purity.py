"""Pure modules get the time, randomness and data as arguments; they reach for nothing themselves."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PURE = (
    "vehicle",
    "diagnostics.features",
    "diagnostics.detectors",
    "diagnostics.wear",
    "diagnostics.prognosis",
    "diagnostics.suggestions",
    "edge_agent.protocols",
    "edge_agent.decoders",
    "edge_agent.polling",
    "edge_agent.sampler",
    "edge_agent.batcher",
    "edge_agent.campaigns.ring",
    "edge_agent.campaigns.tap",
    "edge_agent.campaigns.trigger",
    "edge_agent.campaigns.parts",
    "api.appointments.planner",
    "api.appointments.states",
    "api.campaigns.results",
)

OUTSIDE = {
    "time", "random", "secrets", "asyncio", "threading", "multiprocessing", "subprocess", "socket", "os", "sqlite3",
    "sqlalchemy", "requests", "urllib.request", "tempfile", "shutil", "logging",
}  # fmt: skip
"""Modules whose use reaches outside: clocks, chance, disks, networks, other tasks."""

REACHING = {
    "now", "utcnow", "today", "uuid1", "uuid4", "default_rng", "urandom", "getenv",
    "read_text", "read_bytes", "write_text", "write_bytes",
}  # fmt: skip
"""Calls that do so without an import of those."""


def pure(modules) -> Iterator:
    return (module for module in modules if any(f"{module.name}.".startswith(f"{name}.") for name in PURE))


def test_pure_modules_import_nothing_that_reaches_outside(modules) -> None:
    """No clock, randomness, disk, network or log in a pure module."""
    found = []
    for module in pure(modules):
        for node in ast.walk(module.tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            found += [f"{module}:{node.lineno} imports {name}" for name in names if name in OUTSIDE]
    assert found == []


def test_pure_modules_call_nothing_that_reaches_outside(modules) -> None:
    """No reading of the clock, of chance or of files by a call."""
    found = []
    for module in pure(modules):
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                if name in REACHING or (isinstance(node.func, ast.Name) and name in {"open", "input", "print"}):
                    found.append(f"{module}:{node.lineno} calls {name}")
    assert found == []


def test_nothing_happens_at_import(modules) -> None:
    """Modules define; they don't open, connect, start or loop while they are imported."""
    found = []
    for module in modules:
        if "migrations" in module.path.parts:
            continue
        doing = [node for node in module.tree.body if isinstance(node, ast.For | ast.While | ast.With | ast.Try)]
        found += [f"{module}:{node.lineno}" for node in doing]
    assert found == []
