"""Which alert meant which fault: the rules by which the judge counts, stated once.

- An alert is *right* where the vehicle has a fault of that component that matters, from its onset until a week after
  its repair; for a part that use wears out: where it ends within :data:`WEAR_HORIZON_DAYS`.
- It is *neutral* where the only such fault stayed too small to matter, or where the part that wears would have ended
  in that time but was renewed before, or the record ends before; and where it was renewed in that time and before the
  ledger ever projected its end, so that nobody knows: no credit, no penalty.
- Else it is *false*.
- An alert that names the wrong component is right where one of its suspects is, a part that wears apart: nearly every
  car has one of these near its end, so that naming it among others shows nothing. That its first was wrong is counted
  by ``top1_cause``. The 12 V battery of a car is one, by whichever of its two words (:data:`TWELVE_VOLT`) it is named.
- An alert on the brakes of one axle means the pads of that axle. Where these are fine and the ledger has something of
  brakes beside pads, which it does not tell apart by axle, it is neutral.
- Tyres that are low without a hole are true and no fault: advice that says so is right, an appointment for it or a
  word of a leak is not.
- A failure is *found* where a right alert was raised before it. There is one alert at a time for a component, so it
  stands for all faults of it that the vehicle had then; of parts that wear, which end apart, for the one it meant.
  Where the ledger has two entries for the dying of one and the same part (:data:`SAME_PART`), wear and a fault that is
  mended by the same new part, an alert that is right for one stands for each: who changes the battery has met all. It
  does not matter which of them the ledger has first: an alert that meant the wear while such a fault was there stands
  for the faults of that component as one that meant the fault does.
  Failures in the first :data:`KNOWN_AFTER_DAYS` of a vehicle's record do not count: nobody knew the car.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from scorecard.truth import DAY_MS, LOW_AIR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scorecard.alerts import Alerts
    from scorecard.truth import Flags, Floats, Integers, Truth, Watched

WEAR_HORIZON_DAYS = 180.0
"""Advice about a part that wears is right where it ends within half a year: a service interval (our choice)."""
KNOWN_AFTER_DAYS = 45.0
"""Days from which a car counts as known (our choice: what learning takes at three trips a day, with a margin)."""
GRACE_DAYS = 7.0
"""Days after a repair in which an alert about it is not a new, false one (our choice: nobody told the service)."""
FALSE, NEUTRAL, RIGHT = 0, 1, 2
SAME_PART: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "battery_12v_ev": ("auxiliary_battery", "auxiliary_capacity_fades"),
        "traction_battery": ("traction_capacity", "capacity_fades_early", "resistance_grows"),
    }
)
"""By component what the ledger calls the wear of a part and the faults that the same new part mends: a new 12 V
battery, a new traction battery. All others are mended apart: new oil alone mends neither the pump nor what dilutes it,
new tyres no puncture."""
TWELVE_VOLT = ("battery_12v", "battery_12v_ev")
"""A car has one 12 V battery; the ledger's word for it depends on whether it turns a starter."""

A_HOLE = ("leak", "flat")
"""How causes of the tyres' detector begin that say more than that air lacks."""
PADS: Mapping[str, str] = MappingProxyType({"brakes_front": "front_pads", "brakes_rear": "rear_pads"})
"""What an alert on the brakes of one axle means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """Of each alert ``(a,)``: its label, the entry of the truth it meant, and the place of that among its suspects.

    ``first`` ``(k,)`` is the alert that found each fault first. -1 is none everywhere.
    """

    label: Integers
    fault: Integers
    rank: Integers
    first: Integers


def is_of_air(component: str, cause: str) -> bool:
    """Whether a word about tyres says no more than that air lacks."""
    return component == "tyre_pressure" and not cause.startswith(A_HOLE)


def match(truth: Truth, alerts: Alerts) -> Matched:
    """Meets alerts with the truth."""
    label = np.full(len(alerts), FALSE)
    fault = np.full(len(alerts), -1)
    rank = np.full(len(alerts), -1)
    by_vehicle = _rows_by(truth.vehicle)
    told: dict[int, Integers] = {}
    for at in range(len(alerts)):
        rows = by_vehicle.get(int(alerts.vehicle[at]))
        if rows is not None:
            label[at], fault[at], rank[at] = _one(truth, rows, alerts, at)
            if label[at] == RIGHT:
                told[at] = _stands_for(truth, rows, alerts.at_ms[at], int(fault[at]))
    return Matched(label=label, fault=fault, rank=rank, first=_first(truth, alerts, told))


def _rows_by(vehicle: Integers) -> dict[int, Integers]:
    order = np.argsort(vehicle, kind="stable")
    starts = np.flatnonzero(np.diff(vehicle[order], prepend=-1))
    return {int(vehicle[rows[0]]): rows for rows in np.split(order, starts[1:]) if len(rows)}


def _one(truth: Truth, rows: Integers, alerts: Alerts, at: int) -> tuple[int, int, int]:
    """Label, fault and rank of an alert among a vehicle's faults."""
    live = rows[_live(truth, rows, alerts.at_ms[at])]
    best = (FALSE, -1, -1)
    own = PADS.get(str(alerts.part[at]), "")
    live = live[~np.isin(truth.kind[live], [pads for pads in PADS.values() if own and pads != own])]
    live = live[np.argsort(truth.kind[live] != own, kind="stable")]
    if not _advises_air(alerts, at):
        live = live[truth.kind[live] != LOW_AIR]
    for place, suspect in enumerate([alerts.component[at], *alerts.suspects[at]]):
        words = TWELVE_VOLT if suspect in TWELVE_VOLT else (suspect,)
        named = live[np.isin(truth.component[live], words) & ((place == 0) | ~truth.wears[live])]
        for row in named:
            meant = not own or truth.kind[row] == own or truth.component[row] != alerts.component[at]
            if meant and truth.matters[row] and not (truth.wears[row] and np.isnan(truth.failed_ms[row])):
                return RIGHT, int(row), _rank(alerts, at, str(truth.component[row]), place)
            best = (NEUTRAL, int(row), -1)
    return best


def _advises_air(alerts: Alerts, at: int) -> bool:
    """Whether an alert says no more than that air lacks, and books nothing for it."""
    of_air = is_of_air(str(alerts.component[at]), str(alerts.cause[at]))
    return of_air and bool(np.isnan(alerts.booked_ms[at]))


def _stands_for(truth: Truth, rows: Integers, at_ms: float, meant: int) -> Integers:
    """The fault that a right alert meant, and all others of its component that the vehicle had then, but for wear.

    Wear and faults of the same part count for each other.
    """
    live = rows[_live(truth, rows, at_ms)]
    live = live[(truth.component[live] == truth.component[meant]) & truth.matters[live]]
    pair = SAME_PART.get(str(truth.component[meant]), ())
    one = np.isin(truth.kind[live], pair) & (str(truth.kind[meant]) in pair)
    broken = not truth.wears[meant] or bool((one & ~truth.wears[live]).any())
    same = one | ~truth.wears[live] if broken else one
    return np.union1d(live[same], [meant])


def _rank(alerts: Alerts, at: int, component: str, place: int) -> int:
    found = np.flatnonzero(alerts.suspects[at] == component)
    return int(found[0]) if len(found) else place


def _live(truth: Truth, rows: Integers, at_ms: float) -> Flags:
    ended = np.where(np.isnan(truth.ended_ms[rows]), np.inf, truth.ended_ms[rows]) + GRACE_DAYS * DAY_MS
    begun = truth.onset_ms[rows] <= at_ms
    near = ~truth.wears[rows] | (truth.expected_ms[rows] - at_ms <= WEAR_HORIZON_DAYS * DAY_MS)
    soon = truth.ended_ms[rows] - at_ms <= WEAR_HORIZON_DAYS * DAY_MS
    untold = np.isnan(truth.expected_ms[rows]) & ~np.isnan(truth.ended_ms[rows]) & soon
    live: Flags = begun & (at_ms <= ended) & (near | untold)
    return live


def _first(truth: Truth, alerts: Alerts, told: Mapping[int, Integers]) -> Integers:
    first = np.full(len(truth), -1)
    for at in sorted(told, key=lambda alert: float(alerts.at_ms[alert])):
        rows = told[at]
        first[rows[first[rows] < 0]] = at
    return first


def counted(truth: Truth, watched: Watched) -> Flags:
    """Failures that count: within the record, and of a car that was known."""
    since = watched.from_ms[truth.vehicle] + KNOWN_AFTER_DAYS * DAY_MS
    fell: Flags = (truth.failed_ms >= since) & (truth.failed_ms <= watched.until_ms[truth.vehicle])
    return fell & truth.matters


def lead_days(truth: Truth, alerts: Alerts, matched: Matched) -> Floats:
    """Days from the first right alert to the failure, of each fault; NaN not found before it or not failed."""
    found = matched.first >= 0
    said = np.where(found, alerts.at_ms[matched.first], np.nan) if len(alerts) else np.full(len(truth), np.nan)
    days = (truth.failed_ms - said) / DAY_MS
    return np.where(days > 0.0, days, np.nan)
