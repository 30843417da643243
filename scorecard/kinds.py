"""Why failures were not found before they came: the car gave no signal, it was said too late, or it was not said.

What limits recall is told apart so: nobody finds what a car does not tell, whatever its limits. A part with several
detectors counts as judged where any of them stated a health, so what was not seen may be more than is counted so.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from scorecard.matching import TWELVE_VOLT, counted, lead_days
from scorecard.result import KindRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scorecard.alerts import Alerts
    from scorecard.judging import Stated
    from scorecard.matching import Matched
    from scorecard.truth import Flags, Truth, Watched

DETECTORS: Mapping[str, str] = MappingProxyType({"oil pressure falls": "oil_pressure"})
"""Kinds that only one detector of their component can see, where others judge the same component by other signals."""


def by_kind(
    truth: Truth, watched: Watched, alerts: Alerts, matched: Matched, stated: Sequence[Stated]
) -> list[KindRow]:
    """Gradual failures of classes A and B by kind, those with most misses first.

    ``unseen``: no detector of the component ever stated a health of that car. ``late``: the first right alert came
    after the failure. ``silent``: no right alert came, though a detector could judge the car.
    """
    wanted = counted(truth, watched) & truth.gradual & (truth.observability != "C")
    has, before = matched.first >= 0, ~np.isnan(lead_days(truth, alerts, matched))
    rows = []
    for kind in sorted({str(name) for name in truth.kind[wanted]}):
        mine = wanted & (truth.kind == kind)
        lost = mine & ~before
        judged = _judged(truth, stated, kind)
        rows.append(
            KindRow(
                component=str(truth.component[mine][0]), kind=kind, observability=str(truth.observability[mine][0]),
                failures=int(mine.sum()), found=int((mine & before).sum()), unseen=int((lost & ~has & ~judged).sum()),
                late=int((lost & has).sum()), silent=int((lost & ~has & judged).sum()),
            )
        )  # fmt: skip
    return sorted(rows, key=lambda row: (row.found - row.failures, row.kind))


def _judged(truth: Truth, stated: Sequence[Stated], kind: str) -> Flags:
    """Of each entry whether a detector that can see this kind ever stated a health of its car."""
    component = str(truth.component[truth.kind == kind][0])
    only = DETECTORS.get(kind)
    words = TWELVE_VOLT if component in TWELVE_VOLT else (component,)
    told = [~np.isnan(s.health) for s in stated if s.detector == only or (only is None and s.component in words)]
    if not told:
        return np.zeros(len(truth), dtype=np.bool_)
    judged: Flags = np.any(told, axis=0)[truth.vehicle]
    return judged
