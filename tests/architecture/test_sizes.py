"""How long functions and files are: short in the tail as well as in the middle."""

from __future__ import annotations

import ast
import statistics
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MEDIAN_LINES = 8
MOST_LINES = 30
MOST_SHARE = 0.9
LONGEST_FUNCTION = 50
LONGEST_FILE = 400


def functions(module) -> Iterator[tuple[str, int]]:
    """Place and length of every function, its docstring included, decorators not; migrations are tables of columns."""
    if "migrations" in module.path.parts:
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{module}:{node.lineno} {node.name}", node.end_lineno - node.lineno + 1


@pytest.fixture(name="lengths", scope="module")
def _lengths(modules) -> dict[str, int]:
    return {place: length for module in modules for place, length in functions(module)}


def test_no_function_is_longer_than_a_page(lengths: dict[str, int]) -> None:
    """No function has more than 50 lines."""
    assert {place: length for place, length in lengths.items() if length > LONGEST_FUNCTION} == {}


def test_nine_of_ten_functions_are_short(lengths: dict[str, int]) -> None:
    """Nine of ten functions have at most 30 lines."""
    short = sum(length <= MOST_LINES for length in lengths.values())
    assert short >= MOST_SHARE * len(lengths)


def test_the_middle_function_is_very_short(lengths: dict[str, int]) -> None:
    """Half of all functions have at most 8 lines."""
    assert statistics.median(lengths.values()) <= MEDIAN_LINES


def test_no_file_is_long(modules) -> None:
    """No file has more than 400 lines."""
    lines = {str(module): module.text.count("\n") for module in modules}
    assert {path: count for path, count in lines.items() if count > LONGEST_FILE} == {}


def test_no_test_file_is_long(root: Path) -> None:
    """Nor has one of the tests: what outgrew its name is divided."""
    lines = {
        str(path.relative_to(root)): path.read_text("utf-8").count("\n") for path in (root / "tests").rglob("*.py")
    }
    assert {path: count for path, count in lines.items() if count > LONGEST_FILE} == {}


@pytest.mark.parametrize(
    ("assembly", "most"),
    [
        ("edge_agent/agent.py", 120),
        ("ingest/pipeline.py", 120),
        ("diagnostics/runner.py", 120),
        ("api/app.py", 120),
        ("api/reminders/worker.py", 120),
    ],
)
def test_an_assembly_can_be_read_at_one_sitting(root, assembly: str, most: int) -> None:
    """The five assemblies explain the product, so each stays under 120 lines with its imports and docstrings."""
    assert (root / assembly).read_text(encoding="utf-8").count("\n") <= most
