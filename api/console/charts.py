"""What charts draw: evidence of a finding, and measured signals, as columns for uPlot. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.campaigns.results import Column
    from api.vehicles.service import Series
    from diagnostics.findings import Evidence
    from ingest.storage.campaigns import Captured


def of_evidence(evidence: Evidence, language: str, words: dict[str, str]) -> dict[str, Any]:
    """The feature's series, what was expected, and the limit; times in seconds since 1970."""
    times = [at for at, _ in evidence.points]
    series = [{"label": evidence.label.get(language, ""), "values": [value for _, value in evidence.points]}]
    expected = _expected(evidence, times)
    if expected is not None:
        series.append({"label": words["expected"], "values": expected, "kind": "expected"})
    if evidence.threshold is not None:
        series.append({"label": words["limit"], "values": [evidence.threshold] * len(times), "kind": "limit"})
    return {"unit": evidence.unit, "times": [at / 1000 for at in times], "series": series}


def of_signals(measured: Sequence[Series], language: str) -> dict[str, Any]:
    """Signals on one axis of time; where one has no sample there is a gap."""
    times = sorted({at for one in measured for at, _ in one.points})
    columns = []
    for one in measured:
        known = dict(one.points)
        columns.append(
            {"label": f"{one.label.get(language, one.path)} ({one.unit})", "values": [known.get(at) for at in times]}
        )
    return {"unit": "", "times": [at / 1000 for at in times], "series": columns}


def of_column(column: Column, capture: Captured, language: str, word: str) -> dict[str, Any]:
    """One signal over the window of a capture, in seconds from the trigger, which is marked with ``word``."""
    name = column.signal.chinese if language == "zh" else column.signal.english
    return {
        "unit": column.signal.unit.symbol,
        "times": [at_ms / 1000 for at_ms, _ in column.points],
        "series": [{"label": name, "values": [value for _, value in column.points]}],
        "mark": {"at": 0, "label": word},
        "span": [capture.begin_ms / 1000, capture.end_ms / 1000],
    }


def _expected(evidence: Evidence, times: Sequence[int]) -> list[float | None] | None:
    if evidence.expectation is None:
        return None
    if isinstance(evidence.expectation, tuple):
        known = dict(evidence.expectation)
        return [known.get(at) for at in times]
    return [evidence.expectation] * len(times)
