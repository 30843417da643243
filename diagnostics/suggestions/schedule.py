"""When the booklet's jobs come due for one car, by how it is really used.

Distance is counted since the job was last done. For jobs that hard use brings on sooner, a short trip from cold counts
double, and an hour of idling as 40 km. The car's own kilometres a day over the last three months, and how much they
vary, give the day on which the interval is used up, with an interval of 90 %; the calendar's own limit may come first.

Source: makers' rules for severe use halve the interval for repeated trips of less than 8 km, or of less than 16 km
below freezing (Kia Cadenza booklet), or for trips of less than 8 km below freezing and much idling (Lexus booklet: six
months or 5,000 miles in place of twelve and 10,000). Ford's for severe use are 5,000 miles or 200 hours of running,
which is 25 miles, 40 km, an hour. That a single trip counts so, rather than the car as a whole, is our choice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from diagnostics.prognosis.crossing import FAR_DAYS, days_until
from diagnostics.prognosis.dose import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from diagnostics.arrays import Flags, Floats
    from diagnostics.findings import Text
    from diagnostics.maintenance_table import Item

SHORT_KM, SHORT_IN_FROST_KM, FROST_C = 8.0, 16.0, 0.0
COLD_C, COLD_SOAK_S = 40.0, 4 * 3600.0
"""An engine is cold below this coolant temperature or, where that is not read, after so long a rest (our choice)."""
COLD_SHORT_COUNTS = 2.0
IDLE_KM_PER_H = 40.0
WINDOW_DAYS, LEAST_DAYS = 90.0, 14.0
"""Days whose use tells how fast distance is used up, and how many must have been seen (our choice)."""
SOON_DAYS = 30.0
WORTH_SAYING = 0.05
"""What hard use adds is said where it is this part of the distance (our choice)."""


class Standing(StrEnum):
    """How a job stands."""

    OVERDUE = "overdue"
    SOON = "soon"
    LATER = "later"


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Trips of a car, oldest first, each ``(n,)``; NaN where a trip does not tell."""

    started_ms: Floats
    ended_ms: Floats
    km: Floats
    running_s: Floats
    moving_s: Floats
    revolutions: Floats
    ambient_c: Floats
    coolant_first_c: Floats
    soak_s: Floats

    def __len__(self) -> int:
        """How many trips."""
        return len(self.km)

    def cold_short(self) -> Flags:
        """Trips that were short and began cold."""
        frost = np.nan_to_num(self.ambient_c, nan=20.0) < FROST_C
        short = self.km < np.where(frost, SHORT_IN_FROST_KM, SHORT_KM)
        rested = np.nan_to_num(self.soak_s, nan=0.0) >= COLD_SOAK_S
        cold = np.where(np.isnan(self.coolant_first_c), rested, self.coolant_first_c < COLD_C)
        found: Flags = short & cold & (np.nan_to_num(self.km) > 0.0)
        return found

    def idle_h(self) -> Floats:
        """Hours with the engine running and the car standing."""
        standing = np.nan_to_num(self.running_s) - np.nan_to_num(self.moving_s)
        return np.where(np.nan_to_num(self.revolutions) > 0.0, np.maximum(standing, 0.0), 0.0) / 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A job of the booklet for one car.

    ``since_ms``: when it was last done, or None: counted from when the car was first seen. ``km`` driven and
    ``extra_km`` that hard use adds; ``days`` since. ``left_days`` low, median and high from ``at_ms`` on, None where
    too little was seen to say; ``by_distance``: distance ends it first.
    """

    item: Item
    since_ms: float | None
    at_ms: float
    km: float
    extra_km: float
    days: float
    km_a_day: float | None
    left_days: tuple[float, float, float] | None
    by_distance: bool
    standing: Standing
    reason: Text


def due(item: Item, use: Use, since_ms: float | None) -> Due | None:
    """How a job stands at the end of the last trip; None before the first trip."""
    if not len(use):
        return None
    start_ms = use.started_ms[0] if since_ms is None else since_ms
    at_ms = max(float(use.ended_ms[-1]), start_ms)
    mine = use.started_ms >= start_ms
    km, extra = np.nan_to_num(use.km), _extra_km(use) if item.severe else np.zeros(len(use))
    used, more = float(km[mine].sum()), float(extra[mine].sum())
    days = (at_ms - start_ms) / DAY_MS
    pace = _pace(use, km + extra, at_ms)
    by_time = item.days - days
    by_km = None if pace is None or item.km is None else _days_of(item.km - used - more, pace)
    left = _first(by_time, by_km, knows=pace is not None or item.km is None)
    by_distance = by_km is not None and by_km[1] < by_time
    over = by_time <= 0.0 or (item.km is not None and used + more >= item.km)
    median = by_time if left is None else left[1]
    standing = Standing.OVERDUE if over else Standing.SOON if median <= SOON_DAYS else Standing.LATER
    found = Due(
        item=item, since_ms=since_ms, at_ms=at_ms, km=used, extra_km=more, days=days,
        km_a_day=None if pace is None else pace[0], left_days=left, by_distance=by_distance, standing=standing,
        reason={},
    )  # fmt: skip
    return replace(found, reason=_reason(found))


def _extra_km(use: Use) -> Floats:
    short = np.where(use.cold_short(), (COLD_SHORT_COUNTS - 1.0) * np.nan_to_num(use.km), 0.0)
    return short + IDLE_KM_PER_H * use.idle_h()


def _pace(use: Use, km: Floats, at_ms: float) -> tuple[float, float, float] | None:
    """Mean and variance of a day's kilometres in the window, and its days; None where too few were seen."""
    first_ms = max(float(use.started_ms[0]), at_ms - WINDOW_DAYS * DAY_MS)
    n = int((at_ms - first_ms) / DAY_MS)
    if n < LEAST_DAYS:
        return None
    day = ((use.started_ms - (at_ms - n * DAY_MS)) / DAY_MS).astype(np.int64)
    inside = (use.started_ms >= at_ms - n * DAY_MS) & (day < n)
    daily = np.bincount(day[inside], weights=km[inside], minlength=n)
    return float(daily.mean()), float(daily.var()), float(n)


def _days_of(left_km: float, pace: tuple[float, float, float]) -> tuple[float, float, float]:
    mean, variance, n = (np.array([value]) for value in pace)
    if left_km <= 0.0:
        return 0.0, 0.0, 0.0
    if pace[0] <= 0.0:
        return FAR_DAYS, FAR_DAYS, FAR_DAYS
    zero = np.zeros(1)
    found = days_until(
        np.array([left_km]), mean, distance_var=zero, rate_var=variance / n, together=zero, daily_var=variance
    )
    low, median, high = (float(days) for days in found[0])
    return low, median, high


def _first(
    by_time: float, by_km: tuple[float, float, float] | None, *, knows: bool
) -> tuple[float, float, float] | None:
    """Whichever limit comes first."""
    if not knows:
        return None
    ends = by_km or (by_time,) * 3
    low, median, high = (max(min(days, by_time), 0.0) for days in ends)
    return low, median, high


def _reason(found: Due) -> Text:
    """Why the job is due then, in words."""
    return {language: "".join(_sentences(found, words)).strip() for language, words in _WORDS.items()}


def _sentences(found: Due, words: Text) -> list[str]:
    numbers = {
        "km": f"{found.km:,.0f}", "days": f"{found.days:.0f}", "extra": f"{found.extra_km:,.0f}",
        "pace": f"{found.km_a_day or 0.0:.0f}", "limit_km": f"{found.item.km or 0.0:,.0f}",
        "limit_days": f"{found.item.days:.0f}",
    }  # fmt: skip
    keys: Sequence[str] = (
        "seen" if found.since_ms is None else "done",
        "limits" if found.item.km is not None else "limit",
        *(["severe"] if found.extra_km > WORTH_SAYING * max(found.km, 1.0) else []),
        *(["unseen"] if found.left_days is None else ["pace"] if found.item.km is not None else []),
        *(["first_km" if found.by_distance else "first_days"] if found.left_days and found.item.km is not None else []),
    )
    return [words[key].format(**numbers) for key in keys]


_WORDS: dict[str, Text] = {
    "en": {
        "done": "{km} km and {days} days since it was done",
        "seen": "{km} km and {days} days since the car was first seen; nobody told when it was done, so it may be due "
        "earlier",
        "limits": "; due after {limit_km} km or {limit_days} days. ",
        "limit": "; due after {limit_days} days. ",
        "severe": "Hard use: short trips from cold count double and an hour of idling as 40 km, {extra} km more. ",
        "pace": "It uses up {pace} km a day. ",
        "unseen": "Too few days were seen to tell how fast it uses them up. ",
        "first_km": "Distance comes first.",
        "first_days": "Time comes first.",
    },
    "zh": {
        "done": "上次完成后已行驶{km}公里、{days}天",
        "seen": "自首次见到该车起已行驶{km}公里、{days}天；没有上次完成的记录，可能更早到期",
        "limits": "；每{limit_km}公里或{limit_days}天到期。",
        "limit": "；每{limit_days}天到期。",
        "severe": "使用条件较苛刻：冷车短途按两倍计，怠速1小时按40公里计，多计{extra}公里。",
        "pace": "每天折合{pace}公里。",
        "unseen": "观察天数太少，无法判断使用快慢。",
        "first_km": "里程先到。",
        "first_days": "时间先到。",
    },
}
