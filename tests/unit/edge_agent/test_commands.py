"""What the agent's command says to mistakes."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

GOOD = 'device = "d0123456789abcdef"\npassword = "secret"\n'


@pytest.mark.parametrize(
    ("config", "arguments", "words"),
    [
        (None, (), "roadworthy device add NAME"),
        (GOOD, (), "names no source"),
        (GOOD + 'sorce = "csv:a"\n', (), "source"),
        ('device = "d0123456789abcdef"\n', (), "password"),
        (GOOD + "[broker]\nport = 'x'\n", (), "port"),
        ("device = ", (), "agent.toml"),
        (GOOD, ("--source", "csv:none.csv", "--map", "carobd"), "none.csv cannot be read"),
        (GOOD, ("--source", "csv:none.csv", "--speed", "fast"), "--speed fast"),
        (GOOD, ("--source", "csv:none.csv", "--speed", "0"), "--speed 0"),
        (GOOD, ("--source", "can:can0"), "can:INTERFACE:CHANNEL"),
    ],
)
def test_mistakes(tmp_path: Path, root: Path, config: str | None, arguments: tuple[str, ...], words: str) -> None:
    """Each ends with exit code 2 and a sentence, without a traceback."""
    path = tmp_path / "agent.toml"
    if config is not None:
        path.write_text(config)
    done = subprocess.run(
        [sys.executable, "-m", "roadworthy", "agent", "--config", str(path), *arguments],
        cwd=root, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    said = " ".join(done.stderr.split())
    assert done.returncode == 2, said
    assert words in said
    assert "Traceback" not in said
