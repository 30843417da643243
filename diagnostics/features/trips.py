"""Trips and their features: what detectors look at. ``follow`` turns samples into closed and open trips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from diagnostics.arrays import floats, integers
from diagnostics.features import stretches
from diagnostics.features.columns import MATTERS
from diagnostics.features.sums import COLUMNS, PLACES, Sums, extend, nothing
from diagnostics.features.view import View, select

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from diagnostics.arrays import Flags, Floats, Integers, Parameters, State
    from diagnostics.features.rows import Rows
    from diagnostics.features.stretches import Prepared
    from diagnostics.features.sums import Place
    from diagnostics.features.view import Selection

MEASUREMENTS = (
    "pad_front_mm", "pad_rear_mm", "tread_mm", "oil_life_percent", "battery_state_percent", "battery_12v_percent",
)  # fmt: skip
"""What a workshop measures; a trip has it as ``measured_NAME`` if it was measured since the trip before."""
FEATURES = (
    "started_ms", "ended_ms", "previous_end_ms", "soak_s",
    *(name for matter in MATTERS for name in matter.features),
    *(f"measured_{name}" for name in MEASUREMENTS),
)  # fmt: skip
"""Columns of :attr:`Trips.values`; NaN where the trip does not tell. Units are in the names; volts, degC, "
"per cent."""
FEATURE_AT = {name: place for place, name in enumerate(FEATURES)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trips:
    """Trips and charging sessions of some vehicles: ``vehicle`` ``(n,)`` rows of the state; ``values`` by feature.

    ``values`` is ``(n, n_features)``. Those of one vehicle follow each other in time.
    """

    vehicle: Integers
    values: Floats

    def __getitem__(self, name: str) -> Floats:
        """One feature of every trip."""
        return self.values[:, FEATURE_AT[name]]

    def __len__(self) -> int:
        """How many trips."""
        return len(self.vehicle)

    def only(self, which: Flags | Integers) -> Trips:
        """Some of the trips."""
        return Trips(vehicle=self.vehicle[which], values=self.values[which])


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """State of vehicles of which nothing was seen."""
    return stretches.initial(n_vehicles) | {
        "open_sums": nothing(n_vehicles),
        "previous_end_ms": np.full(n_vehicles, np.nan),
    }


def follow(rows: Rows, state: State, p: Parameters) -> tuple[Trips, Trips, dict[str, NDArray[np.generic]]]:
    """Trips that ended within the rows, in order; the trips still open, one a vehicle; the next state.

    Every vehicle of ``state`` must have at least one row; rows of a vehicle must be later than all it had before.
    """
    closed: list[Trips] = []
    still_open: list[Trips] = []
    after: list[State] = []
    for first, last, pieces in rows.chunks():
        now: State = {name: values[first:last] for name, values in state.items()}
        mine = {name: values[first:last] for name, values in p.items()}
        going: list[Trips] = []
        for piece in pieces:
            ended, open_now, now = _follow(piece, now, mine)
            closed.append(Trips(vehicle=ended.vehicle + first, values=ended.values))
            going = [Trips(vehicle=open_now.vehicle + first, values=open_now.values)]
        still_open += going
        after.append(now)
    return _joined(closed), _joined(still_open), _joined_state(after)


def close(state: State) -> tuple[Trips, dict[str, Floats | Integers]]:
    """Ends the open trips of all vehicles of ``state``, as their next sample after a long silence would.

    What a parked car has told since its last trip is kept for the next one.
    """
    n = len(state["seen_ms"])
    sums, before = floats(state["open_sums"]), floats(state["previous_end_ms"])
    active = integers(state["part_active"]) > 0
    trips = _features(Sums(values=sums[active]), np.flatnonzero(active), before[active])
    ended = np.where(active, sums[:, COLUMNS["ended_ms"]], before)
    anew = nothing(n)
    for place in PLACES:
        if place.matter.wakes:
            anew[~active, place.all] = sums[~active, place.all]
    after = dict(state) | {
        "open_sums": anew,
        "previous_end_ms": ended,
        "begun_ms": np.where(active, -1, np.asarray(state["begun_ms"])),
        "elapsed_ms": np.zeros(n, dtype=np.int64),
        "part_active": np.zeros(n, dtype=np.int64),
    }
    return trips, {name: np.asarray(value) for name, value in after.items()}


def _follow(rows: Rows, state: State, p: Parameters) -> tuple[Trips, Trips, dict[str, Floats | Integers]]:
    prepared = stretches.prepare(rows, state)
    sums = _sums(prepared, floats(state["open_sums"]), p)
    last = prepared.part[prepared.samples.last_rows]
    vehicle = prepared.samples.vehicle[prepared.part_starts]
    ended = np.where(prepared.part_active, sums[:, COLUMNS["ended_ms"]], np.nan)
    before = _end_before(ended, vehicle, floats(state["previous_end_ms"]))
    active = np.flatnonzero(prepared.part_active)
    trips = _features(Sums(values=sums[active]), vehicle[active], before[active])
    is_open = np.zeros(len(sums), dtype=bool)
    is_open[last] = True
    after = stretches.carried(prepared) | {"open_sums": sums[last], "previous_end_ms": before[last]}
    return trips.only(~is_open[active]), trips.only(is_open[active]), after


def _sums(prepared: Prepared, carried: Floats, p: Parameters) -> Floats:
    """Sums of every part by all matters, ``(n_parts, WIDTH)``."""
    out = nothing(len(prepared.part_starts))
    selections: dict[tuple[str, ...], Selection] = {}
    for place in PLACES:
        matter = place.matter
        if matter.on not in selections:
            selections[matter.on] = select(prepared, matter.on, p)
        _extend(out, place, selections[matter.on], carried)
    return out


def _extend(out: Floats, place: Place, selection: Selection, carried: Floats) -> None:
    matter = place.matter
    samples = selection.prepared.samples
    measured: dict[str, Floats] = {}
    if not matter.needs or any(samples.reading(path).told for path in matter.needs):
        mine = {name: carried[:, column] for name, column in place.columns.items()}
        measured = matter.measure(View(selection, matter, mine))
    extend(out, place, measured, selection, carried, np.append(selection.heads[1:], len(selection)) - 1)


def _features(sums: Sums, vehicle: Integers, before: Floats) -> Trips:
    """Features of trips, of which the end of the trip before each is known."""
    values = np.full((len(vehicle), len(FEATURES)), np.nan)
    for place in PLACES:
        matter = place.matter
        derived = matter.derive(sums) if matter.derive is not None else {}
        for name in matter.features:
            values[:, FEATURE_AT[name]] = derived[name] if name in derived else sums[name]
    started = sums["started_ms"]
    values[:, FEATURE_AT["started_ms"]] = started
    values[:, FEATURE_AT["ended_ms"]] = sums["ended_ms"]
    values[:, FEATURE_AT["previous_end_ms"]] = before
    values[:, FEATURE_AT["soak_s"]] = (started - before) / 1000.0
    return Trips(vehicle=vehicle, values=values)


def _end_before(ended: Floats, vehicle: Integers, previous_end_ms: Floats) -> Floats:
    """For each part the latest end among the vehicle's earlier ones, or what was known before."""
    first = np.flatnonzero(np.diff(vehicle, prepend=-1))
    shifted = np.concatenate([np.full(1, np.nan), ended[:-1]])
    shifted[first] = previous_end_ms[vehicle[first]]
    at = np.where(~np.isnan(shifted), np.arange(len(shifted)), 0)
    at[first] = first
    before: Floats = shifted[np.maximum.accumulate(at)]
    return before


def _joined(trips: list[Trips]) -> Trips:
    return Trips(
        vehicle=np.concatenate([one.vehicle for one in trips]), values=np.concatenate([one.values for one in trips])
    )


def _joined_state(states: list[State]) -> dict[str, NDArray[np.generic]]:
    return {name: np.concatenate([one[name] for one in states]) for name in states[0]}
