"""What tests of every kind share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="Write expected results anew; look at the diff.")


@pytest.fixture(name="root", scope="session")
def _root() -> Path:
    """The repository's folder."""
    return ROOT


@pytest.fixture(name="update_golden", scope="session")
def _update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether expected results are to be written anew."""
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(name="shared_data", scope="session")
def _shared_data() -> Path:
    """Recordings that are too big to ship; tests that ask for them are skipped where they are absent."""
    folder = Path(os.environ.get("ROADWORTHY_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent; ROADWORTHY_SHARED_DATA names the folder with the full recordings")
    return folder
