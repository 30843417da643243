"""Friction brakes: heat of the four discs, and pads and discs that wear with the work they do, faster when hot.

Archard's law in its energy form: thickness lost is proportional to the work of friction; the coefficient differs
between cars by a quarter (lognormal), as studies of pad wear find, and with the pads' make. It doubles at 330 °C (our
choice). A disc is a lump of iron with convection and, when hot, radiation. A calliper that sticks goes on pressing its
pads with a constant force. Discs of brakes that are seldom used rust while they stand; rust is rubbed off, and rubs off
pads.

Reads of the platform ``brake_front_share``, ``pad_front_mm``, ``pad_rear_mm``, ``pad_mm_per_gj`` (front; the rear wears
1.25 times that, its pads are smaller), ``disc_front_j_per_k`` and ``disc_rear_j_per_k`` (of one), ``disc_spare_mm``.
Without ``pad_mm_per_gj`` front pads of a petrol car last some 64,000 km on the fleet's roads.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet.arrays import Floats, by_place, floats, full, spread
from simulators.fleet.faults import FaultKind, WearPart
from simulators.fleet.subsystem import Subsystem
from vehicle.signals import BRAKE_PEDAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulators.fleet.faults import Bools
    from simulators.fleet.moment import Moment, Weather

WHEELS = 4
REAR_WEARS = 1.25
LEAST_PAD_MM = 2.0
"""Thickness at which pads are worn out."""
HOT_C, HOTTER_BY_C = 330.0, 75.0
COOLING_W_PER_K, COOLING_PER_MPS = 4.5, 1.25
PARKED_W_PER_K = 5.5
RADIATION = 4.6e-9
"""W/K⁴ of one disc: 0.09 m² of iron that radiates nine tenths."""
FULL_PEDAL_MPS2 = 9.0
DISC_PER_PAD = 0.11
"""Wear of the disc for that of its pads."""
RUST_DAYS = 24.0
SCRUBBED_BY_J = 60_000.0
RUST_RUBS = 0.6
RENEWALS = 6
SOFT, HARD, OTHER_MAKE = 1.4, 0.75, 0.35
"""Wear of pads of other makes, and the part of renewals that puts them in (our choice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrakeBuild:
    """``(n, 4)``: ``share`` of the work, ``j_per_k`` of a disc, ``new_mm`` of the pads, ``mm_per_j`` as made.

    ``spare_mm`` is what a disc may lose, ``(n,)``; ``makes`` are factors on the wear of the pads that workshops will
    have put in, one renewal after the other, ``(n, RENEWALS)``.
    """

    share: Floats
    j_per_k: Floats
    new_mm: Floats
    mm_per_j: Floats
    spare_mm: Floats
    makes: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class BrakeCondition:
    """``drag_n`` with which released pads rub at the wheel's radius, ``(n, 4)``."""

    drag_n: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class BrakeState:
    """``(n, 4)``: temperature of the discs, millimetres off the pads and off the discs, and what follows.

    ``make`` of the pads is a factor on their wear, ``wearing_j`` work since the car last stood counted as if cold,
    ``rust`` 0 to 1. ``fitted`` is how often the pads of an axle were renewed, ``(n, 2)``; ``pedal`` is in %, ``(n,)``.
    """

    disc_c: Floats
    pad_worn_mm: Floats
    disc_worn_mm: Floats
    make: Floats
    wearing_j: Floats
    rust: Floats
    fitted: Floats
    pedal: Floats


def build(platform: Mapping[str, float], n: int, rng: np.random.Generator) -> BrakeBuild:
    """Brakes of ``n`` cars of a platform."""
    front = platform.get("brake_front_share", 0.7)
    per_j = platform.get("pad_mm_per_gj", 2.75) * 1e-9
    return BrakeBuild(
        share=_axles(n, front / 2.0, (1.0 - front) / 2.0),
        j_per_k=_axles(n, platform.get("disc_front_j_per_k", 3600.0), platform.get("disc_rear_j_per_k", 2300.0)),
        new_mm=_axles(n, platform.get("pad_front_mm", 11.0), platform.get("pad_rear_mm", 9.5)),
        mm_per_j=_axles(n, 2.0 * per_j, 2.0 * REAR_WEARS * per_j) * spread(rng, n, 1.0, 0.25)[:, None],
        spare_mm=full(n, platform.get("disc_spare_mm", 2.0)),
        makes=rng.choice(floats([SOFT, HARD, 1.0]), (n, RENEWALS), p=(OTHER_MAKE / 2, OTHER_MAKE / 2, 1 - OTHER_MAKE)),
    )


def _axles(n: int, front: float, rear: float) -> Floats:
    return by_place(np.tile([front, front, rear, rear], (n, 1)))


def sound(n: int, rng: np.random.Generator) -> BrakeCondition:
    """Callipers that let go, all but a little."""
    return BrakeCondition(drag_n=by_place(spread(rng, n * WHEELS, 3.0, 0.4).reshape(n, WHEELS)))


def begin(build: BrakeBuild, weather: Weather) -> BrakeState:
    """New brakes as warm as the air."""
    none = np.zeros_like(build.share)
    return BrakeState(
        disc_c=none + weather.ambient_c[:, None],
        pad_worn_mm=none,
        disc_worn_mm=none,
        make=none + np.float32(1.0),
        wearing_j=none,
        rust=none,
        fitted=none[:, :2],
        pedal=np.zeros_like(weather.ambient_c),
    )


def tell(state: BrakeState) -> dict[str, Floats]:
    """Temperature of the discs before a drive."""
    return {"disc_c": state.disc_c}


def step(
    state: BrakeState, moment: Moment, build: BrakeBuild, condition: BrakeCondition, dt_s: float,
    rng: np.random.Generator,
) -> BrakeState:  # fmt: skip
    """The brakes ``dt_s`` later; gives ``disc_c``."""
    del rng
    work = condition.drag_n * moment.speed_mps[:, None]
    work += build.share * moment.friction_brake_w[:, None]
    work *= np.float32(dt_s)
    hotter = (state.disc_c - np.float32(HOT_C)) * np.float32(1.0 / HOTTER_BY_C)
    np.minimum(hotter, np.float32(3.0), out=hotter)
    np.exp(hotter, out=hotter)
    hotter += np.float32(1.0)
    hotter *= work
    hotter += state.wearing_j
    disc_c = _cooled(state, moment, build, dt_s)
    work /= build.j_per_k
    disc_c += work
    moment.disc_c = disc_c
    return BrakeState(
        disc_c=disc_c,
        pad_worn_mm=state.pad_worn_mm,
        disc_worn_mm=state.disc_worn_mm,
        make=state.make,
        wearing_j=hotter,
        rust=state.rust,
        fitted=state.fitted,
        pedal=_pedal(moment),
    )


def _cooled(state: BrakeState, moment: Moment, build: BrakeBuild, dt_s: float) -> Floats:
    """The discs' temperature ``dt_s`` later without work."""
    per_k = np.float32(COOLING_W_PER_K) + np.float32(COOLING_PER_MPS) * moment.speed_mps
    above = state.disc_c - moment.ambient_c[:, None]
    hot_k = state.disc_c + np.float32(273.0)
    hot_k *= hot_k
    hot_k *= np.float32(2.0 * RADIATION * 400.0)
    hot_k += per_k[:, None]
    hot_k *= np.float32(-dt_s)
    hot_k /= build.j_per_k
    kept = np.exp(hot_k) if dt_s > 1.0 else hot_k + np.float32(1.0)
    above *= kept
    above += moment.ambient_c[:, None]
    return above


def _pedal(moment: Moment) -> Floats:
    """How far the pedal is pressed, %, as needed for the friction brakes."""
    most = moment.mass_kg * np.maximum(moment.speed_mps, np.float32(0.8))
    pedal: Floats = moment.friction_brake_w * np.float32(100.0 / FULL_PEDAL_MPS2) / most
    np.minimum(pedal, np.float32(100.0), out=pedal)
    return pedal


def park(
    state: BrakeState, build: BrakeBuild, condition: BrakeCondition, parked_s: Floats, weather: Weather,
    rng: np.random.Generator,
) -> BrakeState:  # fmt: skip
    """After standing: cooled and a little rusty; what the drive wore is put down."""
    del condition, rng
    ambient = weather.ambient_c[:, None]
    near = np.exp(parked_s[:, None] * np.float32(-PARKED_W_PER_K) / build.j_per_k)
    worn = _worn_now(state, build)
    clean = state.rust * np.exp(state.wearing_j * np.float32(-1.0 / SCRUBBED_BY_J))
    days = parked_s / np.float32(86_400.0) * np.maximum(weather.humidity - np.float32(0.35), np.float32(0.0)) * 2.0
    return replace(
        state,
        disc_c=floats(ambient + (state.disc_c - ambient) * near),
        pad_worn_mm=state.pad_worn_mm + worn,
        disc_worn_mm=state.disc_worn_mm + worn * np.float32(DISC_PER_PAD),
        wearing_j=np.zeros_like(state.wearing_j),
        rust=floats(1.0 - (1.0 - clean) * np.exp(-days / RUST_DAYS)[:, None]),
        pedal=np.zeros_like(state.pedal),
    )


def _worn_now(state: BrakeState, build: BrakeBuild) -> Floats:
    """Millimetres that the work since the car last stood has worn; the first of it scrubs rust."""
    scrubbing = np.minimum(state.wearing_j, np.float32(2.0 * SCRUBBED_BY_J)) * state.rust * np.float32(RUST_RUBS)
    worn: Floats = (state.wearing_j + scrubbing) * build.mm_per_j * state.make
    return worn


def readings(state: BrakeState, build: BrakeBuild, condition: BrakeCondition) -> dict[str, Floats]:
    """Position of the pedal."""
    del build, condition
    return {BRAKE_PEDAL: state.pedal}


def pad_mm(state: BrakeState, build: BrakeBuild) -> Floats:
    """Thickness of the pads, ``(n, 4)``."""
    return floats(np.maximum(build.new_mm - state.pad_worn_mm - _worn_now(state, build), np.float32(0.3)))


def pads_left(state: BrakeState, build: BrakeBuild, condition: BrakeCondition) -> Floats:
    """Part of the usable pads that is left, ``(n, 4)``."""
    del condition
    return (pad_mm(state, build) - np.float32(LEAST_PAD_MM)) / (build.new_mm - np.float32(LEAST_PAD_MM))


def front_left(state: BrakeState, build: BrakeBuild, condition: BrakeCondition) -> Floats:
    """Part of the front pads that is left, ``(n, 2)``."""
    return pads_left(state, build, condition)[:, :2]


def rear_left(state: BrakeState, build: BrakeBuild, condition: BrakeCondition) -> Floats:
    """Part of the rear pads that is left, ``(n, 2)``."""
    return pads_left(state, build, condition)[:, 2:]


def front_pad_mm(state: BrakeState, build: BrakeBuild, condition: BrakeCondition) -> Floats:
    """The thinner of the front pads."""
    del condition
    return floats(pad_mm(state, build)[:, :2].min(axis=1))


def rear_pad_mm(state: BrakeState, build: BrakeBuild, condition: BrakeCondition) -> Floats:
    """The thinner of the rear pads."""
    del condition
    return floats(pad_mm(state, build)[:, 2:].min(axis=1))


def discs_left(state: BrakeState, build: BrakeBuild, condition: BrakeCondition) -> Floats:
    """Part of the discs' spare thickness that is left, ``(n, 4)``."""
    del condition
    worn = state.disc_worn_mm + _worn_now(state, build) * np.float32(DISC_PER_PAD)
    return floats(1.0 - worn / build.spare_mm[:, None])


def with_front_pads(state: BrakeState, build: BrakeBuild, which: Bools, left: Floats) -> BrakeState:
    """Front pads of the cars ``which`` worn to ``left``."""
    return _with_pads(state, build, which, left, 0)


def with_rear_pads(state: BrakeState, build: BrakeBuild, which: Bools, left: Floats) -> BrakeState:
    """Rear pads of the cars ``which`` worn to ``left``."""
    return _with_pads(state, build, which, left, 1)


def _with_pads(state: BrakeState, build: BrakeBuild, which: Bools, left: Floats, axle: int) -> BrakeState:
    """New pads are of the next make; what a workshop finds or fits half worn is of the one that was there."""
    at = np.flatnonzero(which)
    anew = at[left[at] >= np.float32(1.0)]
    worn, wearing, make, fitted = (
        np.array(each) for each in (state.pad_worn_mm, state.wearing_j, state.make, state.fitted)
    )
    for wheel in (2 * axle, 2 * axle + 1):
        worn[at, wheel] = (1.0 - left[at]) * (build.new_mm[at, wheel] - np.float32(LEAST_PAD_MM))
        wearing[at, wheel] = 0.0
        make[anew, wheel] = build.makes[anew, fitted[anew, axle].astype(np.int64) % RENEWALS]
    fitted[anew, axle] += 1.0
    return replace(state, pad_worn_mm=worn, wearing_j=wearing, make=make, fitted=fitted)


def with_discs(state: BrakeState, build: BrakeBuild, which: Bools, left: Floats) -> BrakeState:
    """Discs of the cars ``which`` worn to ``left``."""
    worn = (1.0 - left) * build.spare_mm
    return replace(state, disc_worn_mm=floats(np.where(which[:, None], worn[:, None], state.disc_worn_mm)))


SUBSYSTEM: Subsystem[BrakeBuild, BrakeCondition, BrakeState] = Subsystem(
    name="brakes", build=build, sound=sound, begin=begin, park=park, step=step, readings=readings, tell=tell
)

FAULTS = (
    FaultKind(
        name="calliper_sticks", component="brakes", observability="C", field="drag_n", sound=3.0, failed=170.0,
        law="gamma", growth_days=120.0, repair="overhaul_calliper", per_year=0.008, ageing=2.0,
    ),
)  # fmt: skip

WEAR = (
    WearPart(
        name="front_pads", component="brakes", observability="B", left=front_left, worn=with_front_pads,
        repair="replace_front_pads", renew_below=0.2, measurement="pad_front_mm", measured=front_pad_mm, error=0.3,
    ),
    WearPart(
        name="rear_pads", component="brakes", observability="B", left=rear_left, worn=with_rear_pads,
        repair="replace_rear_pads", renew_below=0.2, measurement="pad_rear_mm", measured=rear_pad_mm, error=0.3,
    ),
    WearPart(
        name="discs", component="brakes", observability="C", left=discs_left, worn=with_discs,
        repair="replace_discs", renew_below=0.1,
    ),
)  # fmt: skip
