"""What a service said about a fleet: one alert a vehicle and component at a time, raised, made worse, closed.

What comes back within a week of its closing is the same alert, opened again: our desk opens the same advice again then,
and a person sees one (:data:`diagnostics.suggestions.standing.COMES_BACK_WITHIN`). So it is counted for every service
alike. It was raised when it was raised first, and is a booking where it ever was one. What comes back after a workshop
had mended that component is another alert: people had ended the first. So is what comes back once the appointment was
due that the bill takes for kept, :data:`scorecard.costs.NOTICE_DAYS` after the first booking: in the service people
settle it, which ends the advice. An alert ends with the repair of what it is about even where a detector is slow to see
it, or a code stays stored: who mended it has settled the advice. What was never booked has no appointment to end it.
The 12 V battery of a car is one component, by whichever of its two words it is named. Parts that wear apart within a
component, the pads of either axle, have alerts of their own, as at our desk. A word of a hole after one that only air
lacks is another alert.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from diagnostics.prognosis.chance import FITTED_AS
from diagnostics.suggestions.standing import COMES_BACK_WITHIN
from scorecard.costs import NOTICE_DAYS
from scorecard.matching import TWELVE_VOLT, is_of_air
from scorecard.truth import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from scorecard.record import Record
    from scorecard.truth import Flags, Floats, Integers, Words

SUSPECTS = 3
"""Causes that an alert may name, the likeliest first."""
AGAIN_MS = COMES_BACK_WITHIN.days * DAY_MS
Mended: TypeAlias = "Mapping[tuple[int, str], Sequence[float]]"
"""When workshops mended a component of a vehicle, or a part of it, as :func:`mended` has it."""
NOTHING_MENDED: Mended = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A detector said something of a vehicle: ``books`` None where what it had said has gone.

    ``cause`` is what the detector itself names; ``suspects`` are components by likelihood, of all that was said;
    ``part`` is what it tells apart within the component, empty where it does not.
    """

    vehicle: int
    component: str
    detector: str
    at_ms: float
    books: bool | None
    suspects: tuple[str, ...] = ()
    cause: str = ""
    part: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """Alerts ``(a,)``: when raised, when they became a booking (NaN never), when closed (NaN still open).

    A repair after which nothing was said does not show. ``suspects`` ``(a, 3)`` are components by likelihood, empty
    where fewer are named; ``part`` as :class:`Said` has it, and so ``cause``, of the word that raised it.
    """

    vehicle: Integers
    component: Words
    part: Words
    cause: Words
    at_ms: Floats
    booked_ms: Floats
    ended_ms: Floats
    suspects: Words

    def __len__(self) -> int:
        """How many."""
        return len(self.vehicle)

    def only(self, which: Flags | Integers) -> Alerts:
        """Some of them."""
        return replace(self, **{each.name: getattr(self, each.name)[which] for each in fields(self)})


@dataclass(slots=True)
class _Open:
    """An alert that is still open."""

    vehicle: int
    component: str
    part: str
    cause: str
    at_ms: float
    suspects: tuple[str, ...]
    booked_ms: float = float("nan")
    ended_ms: float = float("nan")
    saying: set[str] = field(default_factory=set)


def one_word(component: str) -> str:
    """The word under which alerts and repairs of a component meet."""
    return TWELVE_VOLT[0] if component in TWELVE_VOLT else FITTED_AS.get(component, component)


def mended(record: Record) -> Mended:
    """What workshops wrote down, by vehicle and component, or what is told apart within it."""
    times: dict[tuple[int, str], list[float]] = {}
    for one in record.services:
        times.setdefault((one.vehicle, one.component), []).append(one.at_ms)
    return times


def _repairs(repairs: Mended, word: Said) -> list[float]:
    """When what is spoken of was mended, in order: all of its component, but not another part of it than is meant."""
    component = one_word(word.component)
    parts = (word.part,) if word.part else [name for name, whole in FITTED_AS.items() if whole == component]
    names = {*(TWELVE_VOLT if component in TWELVE_VOLT else (component,)), *parts}
    return sorted(at_ms for name in names for at_ms in repairs.get((word.vehicle, name), ()))


def alerts_of(said: Iterable[Said], repairs: Mended = NOTHING_MENDED) -> Alerts:
    """Alerts of what detectors said, in any order of vehicles, each vehicle's in order of time."""
    now: dict[tuple[int, str], _Open] = {}
    closed: dict[tuple[int, str], _Open] = {}
    all_of_them: list[_Open] = []
    for word in said:
        key = (word.vehicle, word.part or one_word(word.component))
        known = now.get(key)
        repaired_ms = _repairs(repairs, word)
        if known is not None and (done_ms := _mended_at(known, repaired_ms, word.at_ms)) is not None:
            known.ended_ms = done_ms
            closed[key], known = now.pop(key), None
        if word.books is None:
            if known is not None:
                known.saying.discard(word.detector)
                if not known.saying:
                    known.ended_ms = word.at_ms
                    closed[key] = now.pop(key)
            continue
        if known is not None and is_of_air(known.component, known.cause) and not is_of_air(word.component, word.cause):
            known.ended_ms, known = word.at_ms, _opened(word, all_of_them)
            now[key] = known
        if known is None:
            known = now[key] = _again(closed.get(key), word, repaired_ms) or _opened(word, all_of_them)
        known.saying.add(word.detector)
        if word.books and np.isnan(known.booked_ms):
            known.booked_ms = word.at_ms
    return _arrays(all_of_them)


def _mended_at(known: _Open, repaired_ms: Sequence[float], before_ms: float) -> float | None:
    """When a workshop mended what the open alert is about, before a time; None where it did not."""
    return next((at_ms for at_ms in repaired_ms if known.at_ms < at_ms < before_ms), None)


def _again(closed: _Open | None, word: Said, repaired_ms: Sequence[float]) -> _Open | None:
    """The alert that closed less than a week ago, opened again.

    None where there is none, it was mended, or the appointment for its booking was due before.
    """
    if closed is None or word.at_ms - closed.ended_ms >= AGAIN_MS:
        return None
    if any(closed.at_ms <= at_ms <= word.at_ms for at_ms in repaired_ms):
        return None
    if word.at_ms > closed.booked_ms + NOTICE_DAYS * DAY_MS:
        return None
    closed.ended_ms = float("nan")
    return closed


def _opened(word: Said, all_of_them: list[_Open]) -> _Open:
    """A new alert, put to the others."""
    one = _Open(word.vehicle, word.component, word.part, word.cause, word.at_ms, word.suspects or (word.component,))
    all_of_them.append(one)
    return one


def _arrays(found: Sequence[_Open]) -> Alerts:
    suspects = [(*one.suspects, *[""] * SUSPECTS)[:SUSPECTS] for one in found]
    return Alerts(
        vehicle=np.array([one.vehicle for one in found], dtype=np.int64),
        component=np.array([one.component for one in found], dtype=np.str_),
        part=np.array([one.part for one in found], dtype=np.str_),
        cause=np.array([one.cause for one in found], dtype=np.str_),
        at_ms=np.array([one.at_ms for one in found], dtype=np.float64),
        booked_ms=np.array([one.booked_ms for one in found], dtype=np.float64),
        ended_ms=np.array([one.ended_ms for one in found], dtype=np.float64),
        suspects=np.array(suspects, dtype=np.str_).reshape(len(found), SUSPECTS),
    )


def joined(parts: Sequence[Alerts]) -> Alerts:
    """Alerts of several blocks as one."""
    return Alerts(
        **{each.name: np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(Alerts)}
    )
