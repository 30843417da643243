"""The truth about a simulated fleet is out of reach of what is judged by it."""

from __future__ import annotations

import re

JUDGED = ("diagnostics", "api", "ingest", "vehicle", "edge_agent")
WORD = re.compile(r"\bledger\b|faults\.parquet|lives\.parquet|confounders\.parquet", re.IGNORECASE)


def test_nothing_that_is_judged_knows_of_the_ledger(modules) -> None:
    """No module of diagnosis, desk or storage imports it, names it or opens its files."""
    judged = [module for module in modules if module.name.split(".")[0] in JUDGED]
    assert judged
    assert [str(module) for module in judged if WORD.search(module.text)] == []


def test_only_judge_and_simulators_meet_the_ledger(modules) -> None:
    """Beside the simulators themselves, the front door that writes it down is alone in importing it."""
    importing = {
        module.name.split(".")[0]
        for module in modules
        if "simulators.fleet.ledger" in module.text or "simulators.fleet import ledger" in module.text
    }
    assert importing <= {"simulators", "roadworthy_fleet", "scorecard"}
