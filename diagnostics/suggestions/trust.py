"""How far a detector can be trusted: its outcomes weighed with what is expected of any detector before the first one.

A Beta distribution: the share expected beforehand counts as so many cases, to which those that workshops judged are
added. Source: the conjugate prior of a binomial share (Gelman and others, Bayesian Data Analysis, ch. 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy.special import betaincinv

if TYPE_CHECKING:
    from diagnostics.findings import DetectorPrecision

EXPECTED, CASES = 0.8, 5.0
"""The share of right advice that is expected beforehand, and how many cases that counts as (our choice)."""
NEEDED = 0.85
"""The share that bookings are meant to reach (issue 4: precision of bookings)."""
TAIL = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The share of right advice to expect, with the interval that holds it with 90 %."""

    expected: float
    low: float
    high: float

    @property
    def poor(self) -> bool:
        """Whether even the upper end is less than is needed."""
        return self.high < NEEDED


def trust(record: DetectorPrecision) -> Trust:
    """What to expect of a detector after its outcomes."""
    right = EXPECTED * CASES + record.confirmed
    wrong = (1.0 - EXPECTED) * CASES + record.judged - record.confirmed
    low, high = (float(betaincinv(right, wrong, tail)) for tail in (TAIL, 1.0 - TAIL))
    return Trust(expected=right / (right + wrong), low=low, high=high)
