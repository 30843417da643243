"""When electric cars are charged: at home over night when the driver finds it low, on the way when it would not do."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from simulators.fleet.arrays import floats, full
from simulators.fleet.sessions import CHARGE, CHARGE_STEP_S, WINDOW_S, Sessions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simulators.fleet.arrays import Floats, Indices
    from simulators.fleet.calendar import Life

WINDOW_MS = WINDOW_S * CHARGE_STEP_S * 1000
KWH_PER_KM, COLD_KWH_PER_KM_K, MILD_C = 0.17, 0.0045, 18.0
"""What drivers reckon with, and how much more for each kelvin below mild air (our choice)."""
HOME_W, FAST_W = (3_600.0, 7_200.0, 10_800.0), 75_000.0
AT_HOME_MS = 3 * 3_600_000
PLUGGED_MS = 600_000
"""From arriving to charging, and from its end to leaving."""
LEAST_LEFT, EMPTY = 0.2, 0.06
SPARE = 1.12
"""More time than reckoned: charging slows down towards its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drivers:
    """``(n,)``: charge below which they plug in, up to where they charge, and the power at home."""

    low: Floats
    full: Floats
    home_w: Floats


def draw_drivers(n: int, rng: np.random.Generator) -> Drivers:
    """Some plug in every evening, some when they must."""
    return Drivers(
        low=floats(rng.uniform(0.3, 0.85, n)),
        full=floats(rng.choice([0.8, 0.9, 1.0], n, p=[0.5, 0.2, 0.3])),
        home_w=floats(rng.choice(HOME_W, n, p=[0.15, 0.45, 0.4])),
    )


@dataclass(slots=True)
class _Plan:
    """Charges as they are planned."""

    after: list[int]
    """Drive that each follows."""
    start_ms: list[int]
    windows: list[int]
    power_w: list[float]
    to: list[float]
    undone: list[int]
    """Drives that are not made: the battery would not do, and there is no time to charge."""


def charged(life: Life, drivers: Drivers, drives: Sessions, states: Sequence[Any], until_ms: int) -> Sessions:
    """The drives of electric cars, whose subsystems' ``states`` are those before them, and the charges between them."""
    battery = next(state for state in states if hasattr(state, "shown_charge"))
    capacity_kwh = full(life.block.n, life.block.kwh)
    return with_charges(life, drivers, drives, battery.shown_charge, capacity_kwh, until_ms)


def with_charges(
    life: Life, drivers: Drivers, drives: Sessions, charge: Floats, capacity_kwh: Floats, until_ms: int
) -> Sessions:
    """The drives and the charges between them; ``charge`` (n,) is what the batteries hold at first."""
    plan = _Plan([], [], [], [], [], [])
    used = _used_kwh(life, drives) / capacity_kwh[drives.vehicle]
    over = drives.start_ms + drives.lasts_ms()
    ends = np.r_[np.flatnonzero(np.diff(drives.vehicle)) + 1, len(drives)]
    begin = 0
    for end in ends:
        _one(drives, drivers, slice(begin, int(end)), used, over, charge, capacity_kwh, until_ms, plan)
        begin = int(end)
    return _merged(life, drives, plan)


def _used_kwh(life: Life, drives: Sessions) -> Floats:
    km = life.library.km(drives)
    return floats(km * (KWH_PER_KM + COLD_KWH_PER_KM_K * np.maximum(0.0, MILD_C - drives.ambient_c)))


def _one(
    drives: Sessions, drivers: Drivers, mine: slice, used: Floats, over: Indices, charge: Floats,
    capacity_kwh: Floats, until_ms: int, plan: _Plan,
) -> None:  # fmt: skip
    """Plans the charges of one car."""
    if mine.start == mine.stop:
        return
    car = int(drives.vehicle[mine.start])
    now, kwh = float(charge[car]), float(capacity_kwh[car])
    for at in range(mine.start, mine.stop):
        if now - float(used[at]) < EMPTY:
            plan.undone.append(at)
        else:
            now -= float(used[at])
        following = at + 1 < mine.stop
        leaves = int(drives.start_ms[at + 1]) if following else until_ms
        stands, need = leaves - int(over[at]), float(used[at + 1]) if following else 0.0
        home = stands >= AT_HOME_MS and now < drivers.low[car]
        if not home and now - need >= LEAST_LEFT:
            continue
        power = float(drivers.home_w[car]) if stands >= AT_HOME_MS else FAST_W
        to = float(drivers.full[car]) if stands >= AT_HOME_MS else 0.8
        wanted = int(np.ceil(SPARE * (to - now) * kwh * 3.6e9 / power / WINDOW_MS))
        windows = min(wanted, (stands - 2 * PLUGGED_MS) // WINDOW_MS)
        if windows > 0:
            for entries, entry in (
                (plan.after, at), (plan.start_ms, int(over[at]) + PLUGGED_MS), (plan.windows, windows),
                (plan.power_w, power), (plan.to, to),
            ):  # fmt: skip
                entries.append(entry)  # type: ignore[arg-type]
            now = min(to, now + windows * WINDOW_MS * power / (kwh * 3.6e9))


def _merged(life: Life, drives: Sessions, plan: _Plan) -> Sessions:
    """Drives and charges in order of vehicle and time; a charge stands in the air of its hour, with nothing on."""
    after, start = np.array(plan.after, dtype=np.int64), np.array(plan.start_ms, dtype=np.int64)
    vehicle = drives.vehicle[after]
    region, m = life.vehicles.climate[vehicle], len(after)
    ambient = life.air.temperature_c(region, start)
    charges = {each.name: np.zeros(m, dtype=getattr(drives, each.name).dtype) for each in fields(Sessions)}
    charges |= {
        "vehicle": vehicle, "start_ms": start, "kind": np.full(m, CHARGE, dtype=np.int8),
        "windows": np.array(plan.windows, dtype=np.int64), "ambient_c": ambient, "rested_c": ambient,
        "pace": full(m, 1.0),
        "baro_kpa": drives.baro_kpa[after], "humidity": life.air.humidity(region, start),
        "charger_w": floats(plan.power_w), "charge_to": floats(plan.to),
    }  # fmt: skip
    order = np.lexsort((np.r_[drives.start_ms, start], np.r_[drives.vehicle, vehicle]))
    order = order[~np.isin(order, plan.undone)]
    return Sessions(**{name: np.r_[getattr(drives, name), entries][order] for name, entries in charges.items()})
