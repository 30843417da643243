"""House rules that the linter does not know."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

EMPTY_NAMES = {"utils", "util", "helpers", "helper", "manager", "common", "misc", "base_utils"}
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|HA" + r"CK|XX" + r"X)\b")
OWN_FOLDERS = re.compile(r"(?<![\w.])/(?:home|root|Users|work)/\w")
TEXT = {".py", ".md", ".toml", ".txt", ".html", ".js", ".css", ".yml", ".yaml", ".json", ".ini", ".sh", ""}


def tracked(root: Path) -> list[Path]:
    """The files that a clone has, or would have."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    files = [root / line for line in listed.stdout.splitlines()]
    return [path for path in files if path.suffix in TEXT and path.is_file() and path != Path(__file__)]


def test_nothing_is_left_unfinished(root: Path) -> None:
    """No file holds a mark of unfinished work."""
    found = [path.relative_to(root) for path in tracked(root) if UNFINISHED.search(path.read_text(encoding="utf-8"))]
    assert found == []


def test_nothing_refers_to_papers_that_are_not_here(root: Path) -> None:
    """A reader can open everything that a comment or a page points to."""
    papers = re.compile(r"\b(?:RELIABILITY|ECOSYSTEM|DIAGNOSTICS\.md|DESIGN(?:\.md)?|STYLE\.md|PEERS)\b")
    found = [path.relative_to(root) for path in tracked(root) if papers.search(path.read_text(encoding="utf-8"))]
    assert found == []


def test_no_file_names_a_developers_folder(root: Path) -> None:
    """Nothing depends on, or tells of, the machine that it was written on."""
    found = [path.relative_to(root) for path in tracked(root) if OWN_FOLDERS.search(path.read_text(encoding="utf-8"))]
    assert found == []


def test_modules_say_what_is_in_them(modules) -> None:
    """No module or package has a name that fits anything."""
    assert [str(module) for module in modules if EMPTY_NAMES & set(module.name.split("."))] == []


def test_nothing_is_imported_by_star(modules) -> None:
    """Every name can be traced to where it comes from."""
    stars = [
        f"{module}:{node.lineno}"
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)
    ]
    assert stars == []


def catches_everything(handler: ast.ExceptHandler) -> bool:
    """Whether a handler takes any exception."""
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or getattr(kind, "id", "") in {"Exception", "BaseException"} for kind in kinds)


def answers_for_it(handler: ast.ExceptHandler) -> bool:
    """Whether a handler logs what it caught with its traceback, or raises again."""
    nodes = [node for statement in handler.body for node in ast.walk(statement)]
    logs = any(isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "exception" for node in nodes)
    keeps = any(isinstance(node, ast.keyword) and node.arg == "exc_info" for node in nodes)
    return logs or keeps or any(isinstance(node, ast.Raise) for node in nodes)


def test_no_error_is_swallowed(modules) -> None:
    """Whoever catches everything logs it with its traceback or raises it again."""
    swallowed = [
        f"{module}:{node.lineno}"
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler) and catches_everything(node) and not answers_for_it(node)
    ]
    assert swallowed == []


def test_every_package_has_one_root_of_its_errors(root: Path, modules) -> None:
    """Each package's errors descend from one class, so that a caller can catch what it refuses."""
    for package in ("vehicle", "edge_agent", "ingest", "diagnostics", "api", "simulators", "benchmarks"):
        found = next((module for module in modules if module.name == f"{package}.errors"), None)
        assert found is not None, f"{package}/errors.py is missing"
        classes = [node for node in found.tree.body if isinstance(node, ast.ClassDef)]
        errors = {
            node.name: {ast.unparse(base) for base in node.bases} for node in classes if node.name.endswith("Error")
        }
        roots = [name for name, bases in errors.items() if not bases & set(errors)]
        assert len(roots) == 1, f"{package}/errors.py has the roots {roots}"
    assert root.is_dir()


def test_what_is_public_is_described(modules) -> None:
    """Every public module, class, function and method has a docstring."""
    missing = []
    for module in modules:
        if "migrations" in module.path.parts:
            continue
        if not ast.get_docstring(module.tree):
            missing.append(str(module))
        missing += [
            f"{module}:{node.lineno} {node.name}" for node in public(module.tree) if not ast.get_docstring(node)
        ]
    assert missing == []


def public(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Definitions that others may use: those at the top and the methods of public classes, without a leading _."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    top = [node for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_")]
    inner = [node for found in top if isinstance(found, ast.ClassDef) for node in found.body if isinstance(node, kinds)]
    overload = [node for node in inner if not node.name.startswith("_")]
    return top + overload


def test_fakes_stay_in_the_tests(modules) -> None:
    """No product code knows that it is tested."""
    words = re.compile(r"\bunittest\b|\bpytest\b|\bmock\b|PYTEST_CURRENT_TEST")
    assert [str(module) for module in modules if words.search(module.text)] == []
