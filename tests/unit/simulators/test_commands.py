"""What ``roadworthy simulate car`` says to mistakes, and that it ends by itself when told so."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


def simulate(root: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and all that it said, as one line."""
    done = subprocess.run(
        [sys.executable, "-m", "roadworthy", "simulate", "car", *arguments],
        cwd=root, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done.returncode, " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("--behaviour", "nonsense"),
            "roadworthy: there is no behaviour 'nonsense'; there are normal, silent, no_data, garbage,",
        ),
        (("--elm327", "35000"), "is not host:port, as 127.0.0.1:35000"),
        (("--elm327", "0.0.0.0:35000"), "can be reached from outside"),
        (("--can", "can0"), "is not a bus"),
        (("--dtc", "P9999"), "P9999"),
        (("--vin", "LSVAA"), "it has 5 characters instead of 17"),
        (("--vin", "LSVAA49J13203002O"), "'O'"),
        (("--scenario", "helthy"), "is not there; there are alternator"),
        (("--day", "-1"), "--day"),
    ],
)
def test_mistakes(root: Path, arguments: tuple[str, ...], words: str) -> None:
    """Each ends with exit code 2 and a sentence that says what would be right, without a traceback."""
    code, said = simulate(root, *arguments, "--duration", "0")
    assert code == 2, said
    assert words in said


def test_it_says_where_it_listens_and_ends(root: Path) -> None:
    """With a duration it ends by itself, without an error."""
    code, said = simulate(root, "--elm327", "127.0.0.1:0", "--can", "virtual:car", "--duration", "0.2")
    assert code == 0, said
    assert "An ELM327 adapter listens on 127.0.0.1:" in said
    assert "answer on virtual:car" in said
