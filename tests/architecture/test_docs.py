"""The documentation names everything that there is, and nothing in it leads nowhere."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest

from vehicle.batch import EventKind
from vehicle.errors import Reason
from vehicle.signals import CATALOGUE
from vehicle.topics import Kind

if TYPE_CHECKING:
    from pathlib import Path

LINK = re.compile(r"\[[^\]]*\]\((?!https?:|mailto:)([^)#\s]*)(#[^)\s]*)?\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
PAGES = (
    "signals", "pids", "topics", "events", "refusals", "settings", "errors", "commands", "rest", "problems",
    "detectors",
)  # fmt: skip


@pytest.fixture(name="generator", scope="module")
def _generator(root: Path) -> Any:
    """The script that writes docs/reference."""
    spec = importlib.util.spec_from_file_location("generate_reference", root / "scripts" / "generate_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", PAGES)
def test_a_reference_page_is_what_the_code_says(root: Path, generator: Any, name: str) -> None:
    """Making the page again changes nothing; if it does, run `make reference`."""
    assert (root / "docs" / "reference" / f"{name}.md").read_text(encoding="utf-8") == generator.PAGES[name]()


def test_every_page_is_tested(generator: Any) -> None:
    """No page can be added without being compared."""
    assert set(generator.PAGES) == set(PAGES)


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("protocol.md", list(Kind)),
        ("protocol.md", list(Reason)),
        ("reference/events.md", list(EventKind)),
        ("reference/signals.md", list(CATALOGUE)),
    ],
    ids=["streams", "refusals", "events", "signals"],
)
def test_a_page_names_everything(root: Path, page: str, names: list[str]) -> None:
    """Every stream, reason, event and signal stands on its page."""
    text = (root / "docs" / page).read_text(encoding="utf-8")
    assert [str(name) for name in names if f"`{name}`" not in text] == []


ARGUMENT = ("Why it works:", "When not:", "Signals needed:", "Source:", "False-alarm rate:")


def test_every_detector_argues(modules) -> None:
    """A detector says why it works, when not, what it needs, where its limits come from, how often it errs."""
    silent = {
        str(module): [part for part in ARGUMENT if part not in (ast.get_docstring(module.tree) or "")]
        for module in modules
        if module.path.parent.name in {"detectors", "wear"} and module.path.stem != "__init__"
    }
    assert {path: missing for path, missing in silent.items() if missing} == {}


def test_every_decision_is_listed(root: Path) -> None:
    """The list of decisions links to each one, and numbers have no holes."""
    folder = root / "docs" / "adr"
    pages = sorted(path.name for path in folder.glob("[0-9]*.md"))
    listed = re.findall(r"\((\d{4}-[a-z0-9-]+\.md)\)", (folder / "README.md").read_text(encoding="utf-8"))
    assert listed == pages
    assert [int(name[:4]) for name in pages] == list(range(1, len(pages) + 1))


def test_every_decision_has_its_parts(root: Path) -> None:
    """Context, decision, consequences and alternatives, in this order."""
    for path in (root / "docs" / "adr").glob("[0-9]*.md"):
        heads = re.findall(r"^## (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert heads[:4] == ["Context", "Decision", "Consequences", "Alternatives"], path.name


def anchor(heading: str) -> str:
    """The anchor that a heading gets."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_no_link_leads_nowhere(root: Path) -> None:
    """Every relative link of every page leads to a file, and its anchor to a heading."""
    broken = []
    for page in [*root.glob("*.md"), *(root / "docs").rglob("*.md")]:
        for target, fragment in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
            found = (page.parent / target).resolve() if target else page
            if not found.exists():
                broken.append(f"{page.relative_to(root)}: {target}")
            elif fragment and found.suffix == ".md":
                heads = re.findall(r"^#+ (.+)$", found.read_text(encoding="utf-8"), re.MULTILINE)
                if fragment[1:] not in {anchor(head) for head in heads}:
                    broken.append(f"{page.relative_to(root)}: {target}{fragment}")
    assert broken == []


def test_every_path_in_the_documentation_exists(root: Path) -> None:
    """A file of ours that a page names in code type is there."""
    named = re.compile(r"`((?:vehicle|edge_agent|ingest|diagnostics|api|simulators|tests|scripts|docs)/[\w./-]+)`")
    missing = [
        f"{page.relative_to(root)}: {path}"
        for page in [*root.glob("*.md"), *(root / "docs").rglob("*.md")]
        for path in named.findall(page.read_text(encoding="utf-8"))
        if not (root / path).exists()
    ]
    assert missing == []


def test_every_how_to_is_there(root: Path) -> None:
    """Each thing that can be added by one file or row has its page, and the index leads to it."""
    index = (root / "docs" / "README.md").read_text(encoding="utf-8")
    for thing in ("signal", "bus", "detector", "wear-model", "channel"):
        assert (root / "docs" / f"how-to-add-a-{thing}.md").is_file()
        assert f"how-to-add-a-{thing}.md" in index
