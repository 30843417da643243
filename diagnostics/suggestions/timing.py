"""By when a repair is cheapest, and what waiting costs: from the time to failure and the costs of both kinds of repair.

A part that wears is replaced at the moment that makes its cost a day least:
``[c_p R(t) + c_f (1 - R(t))] / (a + int_0^t R)``, where ``R`` is the chance that it lives to ``t``, ``a`` the days it
has served, ``c_p`` and ``c_f`` the costs of a planned repair and of one after a failure on the road. Its remaining life
is a lognormal through the interval that is stated; what it has served follows from its health, the part of its life
that is left. Where no life is stated there is no such moment (a failure that strikes at random is no
better awaited or forestalled), and the level of the advice says by when.

What waiting a month costs is the chance of failing within it (:mod:`diagnostics.prognosis.chance`, fitted where
failures are known) times what a failure costs more.

Source: Barlow and Hunter 1960, age replacement; costs as said in ``costs.toml``.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from diagnostics.chances import read_chances
from diagnostics.cost_table import costs
from diagnostics.findings import Timing
from diagnostics.prognosis.chance import LEAST_DAYS, Heard, chances, ended_within

if TYPE_CHECKING:
    from diagnostics.findings import Component, ComponentHealth
    from diagnostics.prognosis.chance import Chances

LEAST_HEALTH = 0.02
"""A part is not taken for having served more than fifty times what is left (our choice)."""
POINTS = 400
"""Moments at which the cost a day is looked at, from a hundredth of the median to beyond the upper end."""
BEYOND = 1.5


def timing(component: Component, health: ComponentHealth | None, *, booked: bool) -> Timing:
    """What waiting costs for open advice about a component, and when its repair is cheapest.

    ``booked``: whether its level leads to an appointment.
    """
    life = None if health is None else health.rul_days
    heard = Heard(
        advised=np.array([not booked]),
        booked=np.array([booked]),
        health=np.array([np.nan if health is None else health.health]),
        life_days=np.array([life or (np.nan,) * 3], dtype=np.float64),
    )
    chance = float(chances(str(component), heard, _table())[0])
    ratio = costs()[component].ratio
    best = None if life is None or health is None else cheapest_days(life, health.health, ratio)
    return Timing(chance=round(chance, 4), ratio=round(ratio, 2), waiting=round(chance * (ratio - 1.0), 4), days=best)


def cheapest_days(life: tuple[float, float, float], health: float, ratio: float) -> float | None:
    """Days from now at which replacing a part costs least a day; None where waiting for the failure is no dearer.

    ``life`` low, median and high of the days left, holding 90 %; ``ratio`` of the costs after a failure and before.
    """
    _, median, high = (max(days, LEAST_DAYS) for days in life)
    left = min(max(health, LEAST_HEALTH), 1.0)
    served = median * (1.0 - left) / left
    days = np.concatenate([[0.0], np.geomspace(median / 100.0, high * BEYOND, POINTS)])
    alive = np.ones(len(days))
    alive[1:] = 1.0 - ended_within(days[1:], np.array([life]))
    lived = np.concatenate([[0.0], np.cumsum(np.diff(days) * (alive[1:] + alive[:-1]) / 2.0)])
    rate = (alive + ratio * (1.0 - alive)) / np.maximum(served + lived, 1e-9)
    at = int(rate.argmin())
    return None if at == len(days) - 1 else round(float(days[at]), 2)


@cache
def _table() -> Chances:
    return read_chances()
