"""Who may import whom, and the wall between the simulators and the detectors that are judged by them."""

from __future__ import annotations

import ast
import math
import subprocess
import sys
import tomllib
from pathlib import Path

TABLE = 3
"""From how many numbers on a literal is a table that could have been copied."""


def test_import_contracts_hold(root: Path) -> None:
    """Every contract in pyproject.toml is kept."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [str(linter), "--no-logo", "--no-cache"], cwd=root, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_package_is_under_contract(root: Path) -> None:
    """No package of ours stands outside the contracts."""
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    sources = {name.partition(".")[0] for contract in settings["contracts"] for name in contract["source_modules"]}
    packages = {path.parent.name for path in root.glob("*/__init__.py")} - {"tests"}
    assert packages == set(settings["root_packages"]) == sources


def test_the_type_checker_makes_no_exceptions(root: Path) -> None:
    """Mypy is strict for every module."""
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]
    assert settings["strict"] is True
    silenced = [rule for rule in settings.get("overrides", []) if set(rule) - {"module", "ignore_missing_imports"}]
    assert silenced == []


def imports(module) -> set[str]:
    """Absolute names of what a module imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_diagnostics_and_simulators_never_meet(modules) -> None:
    """Neither imports the other, also not inside a function or for types only."""
    met = [
        (str(module), name)
        for module in modules
        for name in imports(module)
        if (module.name.startswith("diagnostics") and name.startswith("simulators"))
        or (module.name.startswith("simulators") and name.startswith("diagnostics"))
    ]
    assert met == []


def number(node: ast.AST) -> float | None:
    """The number that a node writes out, or None."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = number(node.operand)
        return None if inner is None else -inner
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return float(node.value)
    return None


def tables(module) -> set[tuple[float, ...]]:
    """Literals of several numbers: tuples, lists, and the values of dictionaries."""
    found = set()
    for node in ast.walk(module.tree):
        cells = (
            node.elts if isinstance(node, ast.Tuple | ast.List) else node.values if isinstance(node, ast.Dict) else []
        )
        numbers = tuple(value for cell in cells if (value := number(cell)) is not None)
        if len(numbers) >= TABLE and len(set(numbers)) >= TABLE:
            found.add(numbers)
    return found


def constants(module) -> dict[str, float]:
    """Named numbers at the top of a module."""
    named = {}
    for node in module.tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = number(node.value) if isinstance(node, ast.Assign | ast.AnnAssign) and node.value else None
        if isinstance(target, ast.Name) and value is not None:
            named[target.id.strip("_")] = value
    return named


def trivial(value: float) -> bool:
    """Whether a number says nothing by itself: powers of ten and conversions of time."""
    return value in {0.0, 1.0, 2.0, 7.0, 12.0, 24.0, 60.0, 365.0, 365.25, 3600.0, 86400.0, 273.15} or (
        value > 0 and math.log10(value).is_integer()
    )


def test_detectors_do_not_know_the_simulators_numbers(modules) -> None:
    """No table of numbers and no named number is in both: such a detector would prove nothing."""
    judged = [module for module in modules if module.name.startswith("diagnostics")]
    judging = [module for module in modules if module.name.startswith("simulators")]
    shared_tables = {row for module in judged for row in tables(module)} & {
        row for module in judging for row in tables(module)
    }
    shared_names = {item for module in judged for item in constants(module).items()} & {
        item for module in judging for item in constants(module).items()
    }
    assert shared_tables == set()
    assert {item for item in shared_names if not trivial(item[1])} == set()
