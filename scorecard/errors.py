"""What can go wrong where scores are read.

ScorecardError
└── NotThatFileError      a file is not what the command that is named would have written, or not there
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class ScorecardError(Exception):
    """Anything that a user of the scorecard can mend."""


class NotThatFileError(ScorecardError):
    """A file is not what the command that is named would have written, or not there."""

    def __init__(self, path: Path, command: str, error: Exception) -> None:
        self.path, self.command = path, command
        told = error.strerror if isinstance(error, OSError) else f"it is not what that command writes ({error})"
        super().__init__(f"{path} was to hold what `roadworthy {command}` wrote: {told}; make it with that command")
