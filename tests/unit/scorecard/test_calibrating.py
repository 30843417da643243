"""What is fitted on several fleets together."""

from __future__ import annotations

from typer.testing import CliRunner

from scorecard.commands import score


def test_a_fleet_that_cannot_be_read_is_named() -> None:
    """The error names the option, what was given and what it should look like."""
    told = CliRunner().invoke(score, ["calibrate", "--also", "240-1-20"], env={"COLUMNS": "200", "TERM": "dumb"})
    assert told.exit_code == 2
    assert "--also" in told.output
    assert "240-1-20" in told.output
    assert "240:1:20" in told.output
