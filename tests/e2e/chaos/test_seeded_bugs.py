"""Twelve bugs that were put in on purpose: each turns the oracle red, in a scene that a sound program leaves clean."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.chaos.oracle import CLEAN
from tests.e2e.chaos.scenes import PATIENCE_S, SCENES, SHOWN_BY, STUCK_S, Stage

if TYPE_CHECKING:
    from tests.e2e.chaos.conftest import Nursery

BUGS = list(runpy.run_path(str(Path(__file__).with_name("crooked.py")))["BUGS"])
pytestmark = [pytest.mark.e2e, pytest.mark.chaos, pytest.mark.parametrize("home", ["embedded"], indirect=True)]


@pytest.mark.parametrize("scene", SCENES)
def test_scenes_without_a_bug_are_clean(home, nursery: Nursery, scene: str) -> None:
    """What the scenes of the bugs do besides killing harms a sound program no more than a kill does."""
    assert SCENES[scene](Stage(home, nursery)) == CLEAN


@pytest.mark.parametrize("bug", BUGS)
def test_the_oracle_finds_every_seeded_bug(home, nursery: Nursery, bug: str) -> None:
    """With the bug in, the same ends in something lost, doubled, set apart or stuck: the oracle is no rubber stamp."""
    seeded = SHOWN_BY[bug]
    stage = Stage(home, nursery, bug, patience_s=STUCK_S if "stuck" in seeded.signs else PATIENCE_S)
    assert seeded.signs & SCENES[seeded.scene](stage).signs
