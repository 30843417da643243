"""Gathers the ledger's rows of a block when its run is over."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet import confounders as odd
from simulators.fleet import ledger
from simulators.fleet.climate import A_DAY_MS
from simulators.fleet.workshop import of_life

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulators.fleet.course import Course
    from simulators.fleet.fates import Fate
    from simulators.fleet.ledger import Confounder, Remaining, Sealed, Truth
    from simulators.fleet.workshop import Life, Worn

LEAST_WEAR = 0.01
"""Share of a life that must have gone within the run for what remains to be told from it."""


def sealed(course: Course) -> Sealed:
    """The truth about a block whose run is over."""
    first = course.block.first
    return ledger.Sealed(
        faults=faults(course), confounders=confounders(course), lives=tuple(remaining(course)),
        readings=tuple(replace(each, vehicle=first + each.vehicle) for each in course.readings),
    )  # fmt: skip


def faults(course: Course) -> tuple[Truth, ...]:
    """Faults that had begun, lives of wearing parts, ended or not, and tyres that were low on air."""
    first, shop = course.block.first, course.caretaker.workshop
    end_ms = course.block.world.start_ms + course.block.days * A_DAY_MS
    begun = [fate for fate in course.caretaker.fates.every() if fate.onset_ms < end_ms]
    for fate in begun:
        _settle(fate, end_ms)
    lives = [*shop.ended, *(of_life(life, vehicle, None) for life in shop.lives for vehicle in range(course.block.n))]
    rows = [ledger.of_fate(fate, first, end_ms) for fate in begun]
    rows += [ledger.of_worn(worn, first) for worn in lives if _told_of(worn)]
    rows += course.caretaker.air_in_tyres.rows(first)
    return tuple(sorted(rows, key=lambda row: (row.vehicle, row.onset_ms, row.component, row.kind)))


def _told_of(worn: Worn) -> bool:
    return worn.noticeable_ms is not None or worn.renewed_ms is not None


def _settle(fate: Fate, end_ms: int) -> None:
    """A fault that came to its end while its car stood."""
    if fate.failed_ms is None and fate.repaired_ms is None and fate.kind.failed_when is None:
        at = fate.reached_ms(1.0)
        fate.failed_ms = at if at is not None and at < end_ms else None


def confounders(course: Course) -> tuple[Confounder, ...]:
    """Everything odd that was no fault."""
    rows = [*course.odd.rows, *course.towed, *odd.weather(course), *odd.fuels(course)]
    return tuple(sorted(rows, key=lambda row: (row.vehicle, row.from_ms, row.kind)))


def remaining(course: Course) -> Iterator[Remaining]:
    """True life left of wearing parts and of growing faults, month by month."""
    shop = course.caretaker.workshop
    for number, life in enumerate(shop.lives):
        for vehicle in range(course.block.n):
            ended = [worn for worn in shop.ended if worn.vehicle == vehicle and worn.part is life.part]
            yield from _of_part(course, number, life, [*ended, of_life(life, vehicle, None)], vehicle)
    for fate in course.caretaker.fates.every():
        if fate.failed_ms is not None and fate.kind.law != "sudden":
            yield from _of_fate(course, fate)


def _of_part(course: Course, number: int, life: Life, lives: list[Worn], vehicle: int) -> Iterator[Remaining]:
    for worn in lives:
        until = worn.renewed_ms if worn.renewed_ms is not None else np.inf
        seen = [
            (time_ms, float(km[vehicle]), float(left[number][vehicle]))
            for time_ms, km, left in course.seen
            if worn.fitted_ms <= time_ms < until
        ]
        for time_ms, km, left in seen[:-1]:
            last_ms, last_km, last_left = seen[-1]
            gone = left - last_left
            if worn.failed_ms is None and gone < LEAST_WEAR:
                continue
            reached = worn.failed_ms is not None and worn.failed_ms > time_ms
            end_ms = worn.failed_ms or time_ms + left / max(gone, LEAST_WEAR) * (last_ms - time_ms)
            days = (end_ms - time_ms) / A_DAY_MS
            share = days * A_DAY_MS / max(1, last_ms - time_ms)
            yield ledger.Remaining(
                vehicle=course.block.first + vehicle, component=life.part.component, part=life.part.name,
                time_ms=time_ms, left=left, days=days, km=share * (last_km - km), reached=reached,
            )  # fmt: skip


def _of_fate(course: Course, fate: Fate) -> Iterator[Remaining]:
    for time_ms, km, _ in course.seen:
        if fate.failed_ms is not None and fate.onset_ms <= time_ms < fate.failed_ms:
            later = [(at, each) for at, each, _ in course.seen if at >= fate.failed_ms] or [course.seen[-1][:2]]
            share = (fate.failed_ms - time_ms) / max(1, later[0][0] - time_ms)
            yield ledger.Remaining(
                vehicle=course.block.first + fate.vehicle, component=fate.kind.component, part=fate.kind.name,
                time_ms=time_ms, left=1.0 - min(1.0, fate.level(time_ms)),
                days=(fate.failed_ms - time_ms) / A_DAY_MS,
                km=share * float(later[0][1][fate.vehicle] - km[fate.vehicle]), reached=True,
            )  # fmt: skip
