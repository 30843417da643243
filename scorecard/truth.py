"""What really happened to a fleet, as arrays: the ledger as the judge reads it.

Times are epoch milliseconds, NaN never.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Words = npt.NDArray[np.str_]

DAY_MS = 86_400_000.0
LOW_AIR = "low on air"
"""The ledger's word for tyres that are low without a hole: true, but no fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Faults and worn parts, one entry each ``(k,)``.

    ``gradual``: it grows over days, so that it could be known before it fails; the others are sudden. ``wears``: use
    wears it out, it has no onset but the part's beginning. ``matters``: it ever became noticeable. ``ended_ms``: it was
    repaired or renewed. ``expected_ms``: a part that wears would have failed, had it not been renewed before or the
    record gone on. ``code_ms``: the car's control unit stored a code for it first.
    """

    vehicle: Integers
    component: Words
    kind: Words
    observability: Words
    gradual: Flags
    wears: Flags
    matters: Flags
    onset_ms: Floats
    noticeable_ms: Floats
    failed_ms: Floats
    ended_ms: Floats
    code_ms: Floats
    expected_ms: Floats

    def __len__(self) -> int:
        """How many."""
        return len(self.vehicle)

    def only(self, which: Flags | Integers) -> Truth:
        """Some of them."""
        return replace(self, **{field.name: getattr(self, field.name)[which] for field in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What was really left of parts at certain times ``(k,)``, days to the end of their use.

    Of a part that did not reach its end within the record the days go on from how fast it wore till then: leaving
    these out would keep the short lives alone. ``part`` is the component and the ledger's name: ``brakes/rear_pads``.
    """

    vehicle: Integers
    part: Words
    at_ms: Floats
    days: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """How long each vehicle of the fleet was watched ``(n,)``: from and until, and the days."""

    from_ms: Floats
    until_ms: Floats

    @property
    def days(self) -> Floats:
        """Days of each vehicle."""
        return (self.until_ms - self.from_ms) / DAY_MS

    def __len__(self) -> int:
        """How many vehicles."""
        return len(self.from_ms)


def faults_of(truth: Truth) -> Truth:
    """The truth without what is true and no fault."""
    return truth.only(truth.kind != LOW_AIR)


def with_expected(truth: Truth, left: Left) -> Truth:
    """The truth with the ends of lives that did not come to them, as the ledger last projected them."""
    return _projected(_with_unfinished(truth, left), left)


def _projected(truth: Truth, left: Left) -> Truth:
    said: dict[tuple[int, str], list[int]] = {}
    for at in np.argsort(left.at_ms, kind="stable").tolist():
        said.setdefault((int(left.vehicle[at]), str(left.part[at])), []).append(at)
    expected = truth.failed_ms.copy()
    for row in np.flatnonzero(truth.wears & np.isnan(truth.failed_ms)).tolist():
        until = np.nan_to_num(truth.ended_ms[row], nan=np.inf)
        part = f"{truth.component[row]}/{truth.kind[row]}"
        for at in said.get((int(truth.vehicle[row]), part), []):
            if truth.onset_ms[row] <= left.at_ms[at] < until:
                expected[row] = left.at_ms[at] + left.days[at] * DAY_MS
    return replace(truth, expected_ms=expected)


def _with_unfinished(truth: Truth, left: Left) -> Truth:
    """The truth with the lives of parts of which the ledger tells only what is left: hardly worn when the record ended.

    Each began when the one before was renewed, or before the record.
    """
    parts = {f"{truth.component[row]}/{truth.kind[row]}": row for row in np.flatnonzero(truth.wears).tolist()}
    ended: dict[tuple[int, str], float] = {}
    open_ones: set[tuple[int, str]] = set()
    for row in np.flatnonzero(truth.wears).tolist():
        key = int(truth.vehicle[row]), f"{truth.component[row]}/{truth.kind[row]}"
        if np.isnan(truth.ended_ms[row]):
            open_ones.add(key)
        else:
            ended[key] = max(float(truth.ended_ms[row]), ended.get(key, -np.inf))
    told = {(int(vehicle), str(part)) for vehicle, part in zip(left.vehicle, left.part, strict=True)}
    more = sorted(key for key in told - open_ones if key[1] in parts)
    like = truth.only(np.array([parts[part] for _, part in more], dtype=np.int64))
    never = np.full(len(more), np.nan)
    began = np.array([ended.get(key, -np.inf) for key in more])
    unfinished = replace(
        like, vehicle=np.array([vehicle for vehicle, _ in more], dtype=np.int64), onset_ms=began,
        matters=np.zeros(len(more), dtype=np.bool_), noticeable_ms=never, failed_ms=never, ended_ms=never,
        code_ms=never, expected_ms=never,
    )  # fmt: skip
    return joined([truth, unfinished])


def joined(parts: Sequence[Truth]) -> Truth:
    """Truths of several blocks as one."""
    return Truth(
        **{field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Truth)}
    )
