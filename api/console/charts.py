"""What charts draw: evidence of a finding, and measured signals, as columns for uPlot. Pure.

A line joins readings that follow each other as they usually do; over a time without readings it is broken.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import pairwise
from math import ceil
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from api.campaigns.results import Column
    from api.vehicles.service import Series
    from diagnostics.findings import Evidence, Finding
    from ingest.storage.campaigns import Captured

USUAL_SHARE = 0.8
"""The usual distance of a chart's readings: so large a share of their distances in time are no longer (our choice).

Of readings each second it is a second, however often the car stood; of a few trips a day about a night.
"""
FAR = 4.0
"""Readings further apart than so many usual distances are not joined (our choice); of daily ones, a weekend is."""


SHOWN_AS: Mapping[str, str] = MappingProxyType({"degC": "°C"})
"""Units of features as people write them, where that differs."""


def of_evidence(found: Finding, language: str, words: dict[str, str]) -> dict[str, Any]:
    """The feature's series, what was expected, the limit, and when it was noticed and since when it had been so.

    Times are seconds since 1970. Where it was noticed at once there is no mark for since when.
    """
    evidence, noticed_ms = found.evidence, int(1000 * found.found_at.timestamp())
    points = _broken(evidence.points)
    if points and noticed_ms > points[-1][0]:  # so that there is room for its mark
        points.append((noticed_ms, None))
    times = [at for at, _ in points]
    series = [{"label": evidence.label.get(language, ""), "values": [value for _, value in points]}]
    expected = _expected(evidence, times)
    if expected is not None:
        series.append({"label": words["expected"], "values": expected, "kind": "expected"})
    if evidence.threshold is not None:
        series.append({"label": words["limit"], "values": [evidence.threshold] * len(times), "kind": "limit"})
    marks = [{"at": found.found_at.timestamp(), "label": words["noticed"]}]
    if found.since < found.found_at:
        marks.insert(0, {"at": found.since.timestamp(), "label": words["since"]})
    unit = SHOWN_AS.get(evidence.unit, evidence.unit)
    return {"unit": unit, "times": [at / 1000 for at in times], "series": series, "marks": marks}


def of_signals(measured: Sequence[Series], language: str) -> dict[str, Any]:
    """Signals on one axis of time; ``breaks`` of each are the places in it (from, to) over which its line is broken.

    Where a signal has no reading otherwise, because only another one has, its line goes on.
    """
    lines = [_broken(one.points) for one in measured]
    times = sorted({at for line in lines for at, _ in line})
    columns = []
    for one, line in zip(measured, lines, strict=True):
        known = dict(line)
        columns.append(
            {
                "label": f"{one.label.get(language, one.path)} ({one.unit})",
                "values": [known.get(at) for at in times],
                "breaks": _breaks(line, times),
            }
        )
    return {"unit": "", "times": [at / 1000 for at in times], "series": columns}


def of_column(column: Column, capture: Captured, language: str, word: str) -> dict[str, Any]:
    """One signal over the window of a capture, in seconds from the trigger, which is marked with ``word``."""
    points = _broken(column.points)
    name = column.signal.chinese if language == "zh" else column.signal.english
    return {
        "unit": column.signal.unit.symbol,
        "times": [at_ms / 1000 for at_ms, _ in points],
        "series": [{"label": name, "values": [value for _, value in points]}],
        "marks": [{"at": 0, "label": word}],
        "span": [capture.begin_ms / 1000, capture.end_ms / 1000],
    }


def _broken(points: Sequence[tuple[int, float]]) -> list[tuple[int, float | None]]:
    """Readings in order of time (ms), with a null halfway between those that are :data:`FAR` apart."""
    distances = sorted(later - earlier for (earlier, _), (later, _) in pairwise(points))
    if not distances:
        return list(points)
    far = FAR * distances[ceil(USUAL_SHARE * len(distances)) - 1]
    line: list[tuple[int, float | None]] = []
    for (at, value), (following, _) in pairwise(points):
        line.append((at, value))
        if following - at > far:
            line.append(((at + following) // 2, None))
    return [*line, points[-1]]


def _breaks(line: Sequence[tuple[int, float | None]], times: Sequence[int]) -> list[tuple[int, int]]:
    """From which to which place of ``times`` a line is broken, both included: all between the two readings."""
    return [
        (bisect_right(times, before), bisect_left(times, after) - 1)
        for (before, _), (_, value), (after, _) in zip(line, line[1:], line[2:], strict=False)
        if value is None
    ]


def _expected(evidence: Evidence, times: Sequence[int]) -> list[float | None] | None:
    if evidence.expectation is None:
        return None
    if isinstance(evidence.expectation, tuple):
        known = dict(evidence.expectation)
        return [known.get(at) for at in times]
    return [evidence.expectation] * len(times)
