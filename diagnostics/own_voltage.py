"""At which voltage a car charges by itself: whether a level that is off is a fault or this car's own normal.

A car whose alternator does not charge lives off its battery: 50 to 100 Ah at 15 to 40 A are gone within one to seven
hours of running, and all the while the voltage falls, by half a volt and more from trip to trip, and follows the load.
So a level that was off from the first trips on, and is where it was after ``own_lived_s`` of running and many
starts, is held by a regulator: the voltmeter reads off, or the car regulates otherwise. It becomes the car's normal,
and limits that are meant for the usual level are scaled by its share of that. Until this is decided, a low level of a
car that was never seen sound says nothing alone (``held``); that it falls below its own first trips, or lies below
what any regulator gives, says all the same. A car that was seen sound once is never held. Limits are only ever lowered:
a car that charges high keeps the usual ones, since nothing tells a voltmeter that reads high from a regulator that is
mended some day. A car that comes back from its low level to the usual one has the usual limits again.
When not: a regulator that was low before the car was met, and stays where it is, cannot be told from a voltmeter that
reads low (a sound battery's rest tells them apart at first, but such a battery then empties down to the regulator's
level); it is found by what it does from then on only. A driver who charges the battery every night hides an alternator
that was dead when met. Where the voltmeter reads high, a level that falls is seen by the limits of one that is right.

Source: capacity and currents of cars (workshop practice); P0562 is set at 10.5 V (Saturn). Hours, starts, steadiness
(0.13 V from trip to trip, measured on one recorded car), band and falls: our choice. The band's lower end is what
nearly all trips of sound cars of the development fleet lie above.

False alarms of the three detectors that ask this, before and after: 49 bookings and 1 in 39 vehicle-years of 95 cars of
the development fleet each of whose electrical numbers was off by up to a fifth; 1450 and 20 in 500 vehicle-years (seed
13) whose voltmeters read up to a fifth low. Limits raised for voltmeters that read up to a fifth high gave 12
advisories there, unraised ones 1, and found as many failures. In seeds 12 and 13 as they are, all failures that
were found still are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from diagnostics import restless
from diagnostics.arrays import floats, integers
from diagnostics.onboard_voltage import batteries

if TYPE_CHECKING:
    from collections.abc import Iterable

    from diagnostics.arrays import Flags, Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips

FIRST = 3
"""Trips from whose highest a later fall is measured (our choice)."""
PACE = 0.1
"""Weight of the newest trip in the level (our choice: about the last ten)."""
PARAMETERS = (
    "own_below_v", "own_above_v", "own_lived_s", "own_starts", "own_steady_v", "own_fall_v", "charging_v",
    "charging_sd_v", "charging_trip_s", "no_regulator_v",
)  # fmt: skip
"""What :func:`follow` asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What is known after a trip of each vehicle, ``(n,)``.

    ``share`` of the usual voltage that is the car's own normal, 1 where it charges as cars do, or higher, or nothing is
    decided; ``held`` where a low level alone says nothing yet; ``level`` of the last trips, V of one battery, NaN
    before any; ``off`` where that is not what cars charge at; ``spread`` from trip to trip, V.
    """

    share: Floats
    held: Flags
    level: Floats
    off: Flags
    spread: Floats


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """Nothing seen."""
    never: dict[str, Floats | Integers] = {
        name: np.full(n_vehicles, np.nan) for name in ("own_first", "own_level", "own_share")
    }
    return never | restless.initial(n_vehicles, 1) | {
        "own_trips": np.zeros(n_vehicles, dtype=np.int64),
        "own_sound": np.zeros(n_vehicles, dtype=np.int64),
        "own_lived_s": np.zeros(n_vehicles),
    }  # fmt: skip


def told_volts(trips: Trips, p: Parameters) -> Floats:
    """Running voltage of each trip, V of the whole system; NaN where it was too short to tell."""
    return np.where(trips["running_s"] >= p["charging_trip_s"], trips["charging_volts"], np.nan)


def follow(trips: Trips, state: State, p: Parameters) -> tuple[Own, dict[str, Floats | Integers]]:
    """One trip of each vehicle; those without a running voltage change nothing."""
    volts = told_volts(trips, p)
    volts = volts / batteries(volts)
    told = ~np.isnan(volts)
    count = integers(state["own_trips"]) + told
    first = np.where(count <= FIRST, np.fmax(volts, floats(state["own_first"])), floats(state["own_first"]))
    level = _mean(volts, floats(state["own_level"]), np.maximum(1.0 / np.maximum(count, 1), PACE), told)
    lived_s = floats(state["own_lived_s"]) + np.where(told, trips["running_s"], 0.0)
    spread, spreads = restless.follow(volts[:, None], state, p["charging_sd_v"][:, None])
    lived = (count >= p["own_starts"]) & (lived_s >= p["own_lived_s"])
    fell = (first - level >= p["own_fall_v"]) | (level < p["no_regulator_v"])
    steady = (spread[:, 0] <= p["own_steady_v"]) & ~fell
    share = _share(level, floats(state["own_share"]), lived, steady, p)
    sound = np.maximum(integers(state["own_sound"]), (volts >= p["own_below_v"]).astype(np.int64))
    held = (sound == 0) & np.isnan(share) & ~(level >= p["own_below_v"]) & ~fell & ~lived
    off = (level < p["own_below_v"]) | (level > p["own_above_v"])
    own = Own(share=np.where(np.isnan(share), 1.0, share), held=held, level=level, off=off, spread=spread[:, 0])
    return own, spreads | {
        "own_first": first, "own_level": level, "own_share": share, "own_trips": count, "own_sound": sound,
        "own_lived_s": lived_s,
    }  # fmt: skip


def _share(level: Floats, before: Floats, lived: Flags, steady: Flags, p: Parameters) -> Floats:
    """The share as it was, decided where the car has lived so, or given back; NaN where nothing is decided.

    Given back where the level is a usual one and lies ``own_fall_v`` above its own, so that a car at the edge of
    the usual band, which a winter lifts across, keeps what is known of it.
    """
    low = level < p["own_below_v"]
    decided = np.where(low, np.where(steady, level / p["charging_v"], np.nan), 1.0)
    share = np.where(np.isnan(before) & lived, decided, before)
    back = ~low & (level - share * p["charging_v"] >= p["own_fall_v"])
    return np.where(back, 1.0, share)


def scaled(p: Parameters, names: Iterable[str], own: Own) -> dict[str, Floats]:
    """Parameters of which ``names`` are brought to the car's own normal."""
    return {**p, **{name: p[name] * own.share for name in names}}


def renewed(state: State, _at_ms: Floats) -> dict[str, Floats | Integers]:
    """After a repair of what charges: a car that was seen sound has its normal; that of any other is to be learned."""
    sound = integers(state["own_sound"])
    share = floats(state["own_share"])
    ordinary = (sound > 0) & (np.isnan(share) | (share == 1.0))
    return {"own_sound": sound * ordinary, "own_share": np.where(ordinary, 1.0, np.nan)}


def kept(state: State, _at_ms: Floats) -> dict[str, Floats | Integers]:
    """After a repair of something else all goes on."""
    counts = {"own_trips", "own_sound"}
    return {name: (integers if name in counts else floats)(state[name]) for name in initial(0)}


def _mean(volts: Floats, before: Floats, weight: Floats, where: Flags) -> Floats:
    moved = np.where(np.isnan(before), volts, before + weight * (volts - before))
    return np.where(where, moved, before)
