"""What the demo tells of the desk: each thing once, in the order in which one follows from the other."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from api.appointments import proposer
from api.settings import ApiSettings
from diagnostics.findings import Severity
from roadworthy_story import Story

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(name="story")
def _story(world, tmp_path: Path) -> Story:
    return Story(world.engine, ApiSettings(data_dir=tmp_path, database_url=f"sqlite:///{tmp_path}/desk.db"))


def told(story: Story) -> list[str]:
    """The lines that are new, without their looks and without times."""
    return [re.sub(r"\[[^]]*\]", "", line).partition(": ")[0].split()[0] + severity_in(line) for line in story._news()]


def severity_in(line: str) -> str:
    return f" ({line.rpartition('(')[2]}" if line.endswith(")") else ""


def test_a_suggestion_that_becomes_worse_is_told_again(world, story: Story, now) -> None:
    """The line with the new severity stands before the proposal that follows from it."""
    world.suggest(severity=Severity.NEXT_SERVICE)
    assert told(story) == ["suggests (next service)"]
    assert told(story) == []
    world.suggest(severity=Severity.SOON)
    proposer.work(world.engine, now=now)
    assert told(story) == ["suggests (soon)", "proposed"]
    assert told(story) == []


def test_a_suggestion_that_becomes_milder_is_not_told_again(world, story: Story) -> None:
    """Nothing follows from that; that it is as bad as before was told."""
    said = []
    for severity in (Severity.SOON, Severity.MONITOR, Severity.SOON, Severity.STOP_NOW):
        world.suggest(severity=severity)
        said += told(story)
    assert said == ["suggests (soon)", "suggests (stop now)"]
