"""Every text that people read has a Chinese translation, and the catalogue holds nothing else."""

from __future__ import annotations

import ast
import re
import string
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from babel.messages.pofile import read_po

import api
from api import errors, problems
from api.appointments.states import Move, State
from api.auth.scope import Role
from api.console import words
from api.console.language import translate
from api.console.rendering import folder
from api.reminders import texts
from api.reminders.due import Occasion
from diagnostics.findings import Component, Severity, SuggestionState
from vehicle.dtc import DtcState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PHRASES = {"Bad Request", "Not Found", "Method Not Allowed"}
"""What the framework refuses by itself."""
ENDING = {"ExposureError", "ListenError", "ChannelError", "PolicyError", "AnsweredError", "RouteError"}
"""Errors that end the program or go to its log; no page and no answer shows them."""
FORMAT = string.Formatter()


@pytest.fixture(name="catalogue", scope="module")
def _catalogue() -> dict[str, str]:
    """Translations by English text, the empty ones too."""
    data = (folder("locale") / "zh" / "LC_MESSAGES" / "console.po").read_bytes()
    return {str(message.id): str(message.string) for message in read_po(BytesIO(data)) if message.id}


@pytest.fixture(name="trees", scope="module")
def _trees(root: Path) -> dict[str, ast.Module]:
    """The desk's modules, read."""
    base = root / "api"
    assert str(base) in str(api.__path__[0])
    return {str(path.relative_to(base)): ast.parse(path.read_text(encoding="utf-8")) for path in base.rglob("*.py")}


def in_templates() -> set[str]:
    """Texts in ``_("…")``."""
    found: set[str] = set()
    for path in folder("templates").glob("*.html"):
        found |= set(re.findall(r"""\b_\((?:"([^"]*)"|'([^']*)')\)""", path.read_text(encoding="utf-8")))
    return {one or other for one, other in found}


def in_tables() -> set[str]:
    """Words for codes."""
    tables = (
        words.SEVERITIES, words.STATES, words.COMPONENTS, words.ROLES, words.STANDINGS, words.READINGS, words.MEASURED,
        words.READINESS, words.POWERTRAINS, words.MESSAGES,
        problems.MISFITS,
    )  # fmt: skip
    return {text for table in tables for text in table.values()}


def calls(trees: dict[str, ast.Module]) -> Iterator[tuple[str, ast.Call]]:
    for name, tree in trees.items():
        yield from ((name, node) for node in ast.walk(tree) if isinstance(node, ast.Call))


def literals(nodes: list[ast.expr]) -> list[str]:
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def in_calls(trees: dict[str, ast.Module]) -> set[str]:
    """Texts handed to translate()."""
    return {
        text for _, call in calls(trees) if getattr(call.func, "id", "") == "translate" for text in literals(call.args)
    }


def raised(trees: dict[str, ast.Module]) -> set[str]:
    """Sentences, and the words in them, of errors that are raised anywhere in the desk."""
    found: set[str] = set()
    for _, call in calls(trees):
        name = getattr(call.func, "id", "")
        if name.endswith("Error") and name in vars(errors) and name not in ENDING:
            found |= set(literals(call.args[:1] if name != "IllegalMoveError" else call.args))
    return found


def of_campaigns(trees: dict[str, ast.Module], root: Path) -> set[str]:
    """Sentences about what is wrong with a campaign or its condition."""
    files = [root / "vehicle" / name for name in ("expression.py", "campaign.py")]
    every = trees | {str(path): ast.parse(path.read_text(encoding="utf-8")) for path in files}
    found: set[str] = set()
    for tree in every.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and [getattr(one, "id", "") for one in node.targets] == ["why"]:
                found |= set(literals([node.value]))
    for _, call in calls(every):
        if getattr(call.func, "id", "") in {"ConditionError", "CampaignError"}:
            found |= set(literals(call.args[1:2]))
    return found


def in_errors(trees: dict[str, ast.Module]) -> set[str]:
    """Titles and sentences of the error classes themselves."""
    found: set[str] = set()
    for node in trees["errors.py"].body:
        if isinstance(node, ast.ClassDef) and node.name.endswith("Error") and node.name not in ENDING:
            found.add(getattr(errors, node.name).title)
            inner = (call for _, call in calls({"": ast.Module([node], [])}))
            found |= {
                text
                for call in inner
                if getattr(call.func, "attr", "") == "__init__"
                for text in literals(call.args[:1])
            }
    return found


def in_problems(trees: dict[str, ast.Module]) -> set[str]:
    """Texts of the framework's refusals and of our faults."""
    texts_of_fault = {"Internal error", "something of ours failed; it was logged"}
    assert texts_of_fault <= {
        node.value for node in ast.walk(trees["problems.py"]) if isinstance(node, ast.Constant) and node.value
    }
    return PHRASES | texts_of_fault


def used(trees: dict[str, ast.Module], root: Path) -> set[str]:
    """Everything that can be asked of the catalogue."""
    codes = {str(code) for table in (State, SuggestionState, Move, Role) for code in table}
    return (
        in_templates()
        | in_tables()
        | in_calls(trees)
        | raised(trees)
        | in_errors(trees)
        | in_problems(trees)
        | codes
        | of_campaigns(trees, root)
    ) - {""}


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in FORMAT.parse(text) if name is not None}


def test_every_text_has_a_translation(catalogue, trees, root: Path) -> None:
    """No Chinese reader meets English where we could have known."""
    assert sorted(text for text in used(trees, root) if not catalogue.get(text)) == []


def test_the_catalogue_holds_nothing_that_nobody_reads(catalogue, trees, root: Path) -> None:
    """A text that was changed or removed takes its translation along."""
    assert sorted(catalogue.keys() - used(trees, root)) == []


def test_translations_have_the_same_placeholders(catalogue) -> None:
    """No value is lost in translation, and none is asked for that is not there."""
    wrong = {text for text, said in catalogue.items() if placeholders(text) != placeholders(said)}
    assert wrong == set()
    assert {"seconds"} in [placeholders(text) for text in catalogue]


def test_translations_are_chinese(catalogue) -> None:
    """None is the English text over again."""
    assert [text for text, said in catalogue.items() if not re.search(r"[\u4e00-\u9fff]", said)] == []


def test_every_code_that_pages_show_has_words() -> None:
    """Severities, states, components and roles are never shown as codes."""
    assert set(words.SEVERITIES) == set(words.COLOURS) == {str(one) for one in Severity}
    assert set(words.STATES) == {str(one) for one in (*State, *DtcState)}
    assert set(words.COMPONENTS) == {str(one) for one in Component}
    assert set(words.ROLES) == {str(one) for one in Role}


@pytest.mark.parametrize("table", [texts._SUBJECTS, texts._BODIES])
def test_messages_say_the_same_in_both_languages(table) -> None:
    """Every message names the same facts to both readers."""
    assert set(table) == set(Occasion)
    for spoken in table.values():
        assert set(spoken) == {"en", "zh"}
        assert placeholders(spoken["en"]) == placeholders(spoken["zh"])


def test_a_text_without_translation_stays_english() -> None:
    """Better than nothing, and than an error."""
    assert translate("zh", "never said before") == "never said before"
    assert translate("en", "Sign in") == "Sign in"
