"""An alarm becomes a finding: an identity, words with their numbers, and the evidence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

import numpy as np

from diagnostics.detector import Observability
from diagnostics.features.trips import FEATURES
from diagnostics.findings import Evidence, Finding, Severity

if TYPE_CHECKING:
    from diagnostics.advance import Alarm
    from diagnostics.arrays import Floats
    from diagnostics.detector import Detector, Drawn

POINTS = 60
"""Most trips that evidence shows."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class TripLog:
    """Trips of one vehicle, oldest first: ``values`` ``(n, n_features)``."""

    values: Floats

    def points(self, feature: str, before_ms: int) -> list[tuple[int, float]]:
        """(end, value) of the last trips that ended before a time and show the feature."""
        ended, value = self.values[:, FEATURES.index("ended_ms")], self.values[:, FEATURES.index(feature)]
        seen = (ended < before_ms) & ~np.isnan(value)
        return [(int(at), round(float(v), 4)) for at, v in zip(ended[seen], value[seen], strict=True)][-(POINTS - 1) :]


def moment(time_ms: int) -> datetime:
    """The time as an aware ``datetime``."""
    return _EPOCH + timedelta(milliseconds=time_ms)


def finding_id(vehicle_id: str, detector: str, cause: str, since_ms: int) -> str:
    """The same fault of the same vehicle always gets the same identity."""
    return str(uuid5(NAMESPACE_URL, f"roadworthy:finding:{vehicle_id}/{detector}/{cause}/{since_ms}"))


def finding_of(alarm: Alarm, detector: Detector, vehicle_id: str, log: TripLog) -> Finding:
    """The finding that an alarm with a cause stands for; ``log`` holds the trips of the vehicle so far."""
    cause = detector.causes[alarm.cause]
    weak = detector.observability is Observability.INDIRECT
    return Finding(
        id=finding_id(vehicle_id, detector.name, cause.key, alarm.since_ms),
        vehicle_id=vehicle_id,
        detector=detector.name,
        cause=cause.key,
        component=detector.component,
        severity=Severity.MONITOR if weak else cause.severity,
        confidence=alarm.confidence,
        since=moment(alarm.since_ms),
        found_at=moment(alarm.found_ms),
        cleared_at=None,
        evidence=_evidence(alarm, cause.drawn or detector.drawn, detector.signals, log),
        title=dict(cause.title),
        text={language: words.format(**alarm.numbers) for language, words in cause.text.items()},
        job=cause.job,
    )


def _evidence(alarm: Alarm, drawn: Drawn, signals: tuple[str, ...], log: TripLog) -> Evidence:
    last = [(alarm.found_ms, round(alarm.numbers["value"], 4))] if not np.isnan(alarm.numbers["value"]) else []
    return Evidence(
        feature=drawn.feature,
        unit=drawn.unit,
        label=dict(drawn.label),
        points=(*log.points(drawn.feature, alarm.found_ms), *last),
        expectation=_number(alarm.numbers["expectation"]),
        threshold=_number(alarm.numbers["threshold"]),
        window=(min(alarm.since_ms, alarm.found_ms), alarm.found_ms),
        signals=signals,
    )


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 4)
