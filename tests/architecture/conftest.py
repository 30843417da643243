"""The code under examination, read once."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

PACKAGES = ("vehicle", "edge_agent", "ingest", "diagnostics", "api", "simulators", "benchmarks")


@dataclass(frozen=True)
class Module:
    """A source file of ours: its path below the repository, its dotted name, its text and its tree."""

    path: Path
    name: str
    text: str
    tree: ast.Module

    def __str__(self) -> str:
        return self.path.as_posix()


def read(path: Path, root: Path) -> Module:
    below = path.relative_to(root)
    parts = below.with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    text = path.read_text(encoding="utf-8")
    return Module(below, name, text, ast.parse(text))


@pytest.fixture(name="modules", scope="session")
def _modules(root: Path) -> tuple[Module, ...]:
    """Every module of the packages and the front door."""
    files = [*root.glob("*.py"), *(path for package in PACKAGES for path in (root / package).rglob("*.py"))]
    return tuple(read(path, root) for path in sorted(files) if "static" not in path.parts)
