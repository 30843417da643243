"""What can go wrong where scores are read.

ScorecardError
└── NotThatFileError      a file is not what the command that is named would have written
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class ScorecardError(Exception):
    """Anything that a user of the scorecard can mend."""


class NotThatFileError(ScorecardError):
    """A file is not what the command that is named would have written."""

    def __init__(self, path: Path, command: str, why: str) -> None:
        self.path, self.command = path, command
        super().__init__(f"{path} is not what `roadworthy {command}` writes ({why}): make it anew with that command")
