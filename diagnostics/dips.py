"""Which readings of a short dip caught it, where a device reads too seldom to catch each.

When contactors close, the voltage dips for less than a second. A device that reads often enough sees each dip, another
one in seven, and else the voltage while only the control units draw, a quarter of the dip, or none. A mean of these
tells how a device reads, not how a battery is. So the dip known so far is kept, and a reading counts as one where it
is at least :data:`CAUGHT` of it. Far larger readings that are alike show that what was known was no dip.
When not: a cell that fails from one day to the next makes the dip more than :data:`LEAP` times as large (0.6 to 1.6 V,
say). Readings cannot tell that from a device that had seen no dip before, so two such that are alike become the usual
dip, and the change is not said; only the rest voltage can tell it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.arrays import floats

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, State

CAUGHT = 0.6
"""Part of the known dip from which on a reading is one: control units alone draw less than half of it (our choice)."""
LEAP = 2.5
"""So many times the known dip is taken for one that was not caught before, not for a battery that got worse (our
choice)."""
LEAPS = 2.0
"""So many such readings that are alike replace the known dip: one alone is an odd reading (our choice)."""
ALIKE = 1.3
"""Factor within which readings are alike; dips of a car lie within a tenth of each other (our choice)."""
MISSED_MOST = 40.0
"""Readings in a row without a dip after which the known one is forgotten: where one in seven is caught, a chance of
0.2 %, so that it is another battery by then, or another device."""
NEAR = 0.3
"""Weight of the newest dip in the known one (our choice)."""


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """No dip known."""
    counts: dict[str, Floats | Integers] = {name: np.zeros(n_vehicles) for name in ("dip_leaps", "dip_missed")}
    return counts | {name: np.full(n_vehicles, np.nan) for name in ("dip_v", "dip_leap_v")}


def caught(fall: Floats, state: State) -> tuple[Floats, Flags, dict[str, Floats | Integers]]:
    """The dips among falls of voltage ``(n,)`` in V, NaN where none was caught; and where what was known was no dip.

    NaN in ``fall`` changes nothing; a reading that is surely no dip is 0.
    """
    known, leap_v = floats(state["dip_v"]), floats(state["dip_leap_v"])
    first = np.isnan(known) & (fall > 0.0)
    leap = fall > LEAP * known
    alike = leap & (np.maximum(fall, leap_v) <= ALIKE * np.minimum(fall, leap_v))
    leaps = np.where(leap, np.where(alike, floats(state["dip_leaps"]) + 1.0, 1.0), floats(state["dip_leaps"]))
    missed = np.where(np.isnan(fall), floats(state["dip_missed"]), floats(state["dip_missed"]) + 1.0)
    anew = leap & (leaps >= LEAPS)
    dip = np.where(first | anew | (~leap & (fall >= CAUGHT * known)), fall, np.nan)
    told = ~np.isnan(dip)
    now = np.where(first | anew, fall, known + NEAR * (fall - known))
    forgotten = ~told & (missed >= MISSED_MOST)
    after: dict[str, Floats | Integers] = {
        "dip_v": np.where(forgotten, np.nan, np.where(told, now, known)),
        "dip_leap_v": np.where(anew | forgotten, np.nan, np.where(leap, fall, leap_v)),
        "dip_leaps": np.where(anew | forgotten, 0.0, leaps),
        "dip_missed": np.where(told | forgotten, 0.0, missed),
    }
    return dip, anew | forgotten, after
