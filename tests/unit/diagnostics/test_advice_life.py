"""The life of advice over random histories: trips, codes and findings that come and go, and what people do."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from diagnostics.findings import LIVING, Component, Evidence, Finding, Severity, Suggestion, SuggestionState
from diagnostics.suggestions.advice import advise
from diagnostics.suggestions.standing import QUIET_RUNNING_S, QUIET_STARTS, Run, stood

START = datetime(2026, 5, 1, tzinfo=UTC)
MINUTE_MS = 60_000
S = SuggestionState
KINDS = {
    "P0128": Component.THERMOSTAT,
    "P0420": Component.CATALYST,
    "thermostat.stuck_open": Component.THERMOSTAT,
    "battery.low_charge": Component.BATTERY_12V,
    "charging.low_voltage": Component.CHARGING,
    "egr.too_little": Component.EGR,
}


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def finding(name: str, came: int, went: int | None, severity: Severity) -> Finding:
    """A finding by its sign; times in minutes."""
    detector, _, cause = name.partition(".")
    return Finding(
        id=f"{name}/{came}", vehicle_id="v1", detector=detector if cause else "trouble_codes", cause=cause or name,
        component=KINDS[name], severity=severity, confidence=0.9, since=at(came), found_at=at(came),
        cleared_at=None if went is None else at(went), title={"en": name, "zh": name}, text={"en": name, "zh": name},
        job="check",
        evidence=Evidence(
            feature="x", unit="", label={"en": "a", "zh": "b"}, points=(), expectation=None, threshold=None,
            window=(0, 0), signals=(),
        ),
    )  # fmt: skip


@dataclass(frozen=True)
class History:
    """What happened to a car, in minutes: findings (came, went) and trips (start, end)."""

    findings: tuple[Finding, ...]
    trips: tuple[tuple[int, int], ...]

    def moments(self) -> list[datetime]:
        """Every time at which something happened or ended."""
        ends = [at(end) for _, end in self.trips]
        gone = [one.cleared_at for one in self.findings if one.cleared_at is not None]
        return sorted({*ends, *gone, *(one.found_at for one in self.findings)})

    def until(self, now: datetime) -> History:
        """What was known by then: trips that had ended, findings as they stood."""
        found = tuple(
            one if one.cleared_at is None or one.cleared_at <= now else replace(one, cleared_at=None)
            for one in self.findings
            if one.found_at <= now
        )
        return History(found, tuple(trip for trip in self.trips if at(trip[1]) <= now))


@dataclass
class Desk:
    """Advice on the car as it is kept."""

    known: dict[str, Suggestion] = field(default_factory=dict)

    def take(self, history: History, now: datetime) -> list[Suggestion]:
        """What the diagnosis does when it has read a history; returns what changed."""
        start_ms = int(START.timestamp() * 1000)
        runs = [
            Run(started_ms=start_ms + a * MINUTE_MS, ended_ms=start_ms + b * MINUTE_MS, running_s=(b - a) * 60.0)
            for a, b in history.trips
        ]
        past = stood(history.findings, runs)
        standing = [one.finding for one in past if one.until is None]
        changed = advise(standing, list(self.known.values()), now=now, history=past)
        self.known |= {one.id: replace(one, closed_at=None if one.state in LIVING else now) for one in changed}
        return changed

    def living(self) -> list[Suggestion]:
        """Advice that still asks for something."""
        return [one for one in self.known.values() if one.state in LIVING]

    def told(self) -> set[tuple[object, ...]]:
        """What living advice says, whichever row holds it."""
        return {
            (one.component, one.severity, one.finding_ids, one.raised_at, one.title["en"], *(c.key for c in one.causes))
            for one in self.living()
        }


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Up to three weeks of a car: each kind of finding comes and goes without overlapping itself."""
    found = []
    for name in draw(st.lists(st.sampled_from(sorted(KINDS)), unique=True, min_size=1, max_size=4)):
        minute = 0
        for pause, length in draw(st.lists(st.tuples(st.integers(1, 14_000), st.integers(1, 6_000)), max_size=4)):
            came = minute + pause
            minute = came + length
            went = None if draw(st.integers(0, 4)) == 0 else minute
            found.append(finding(name, came, went, draw(st.sampled_from([Severity.SOON, Severity.NEXT_SERVICE]))))
            if went is None:
                break
    trips, minute = [], 0
    for pause, length in draw(st.lists(st.tuples(st.integers(1, 2_000), st.integers(1, 20)), max_size=25)):
        trips.append((minute + pause, minute + pause + length))
        minute += pause + length
    return History(tuple(found), tuple(trips))


def normal_long_enough(gone: datetime, trips: tuple[tuple[int, int], ...], now: datetime) -> bool:
    """Counted minute by minute: a quarter of an hour of running, or four starts, since a code went."""
    first, last = (gone - START) // timedelta(minutes=1), (now - START) // timedelta(minutes=1)
    ran = sum(1 for a, b in trips if b <= last for minute in range(a, b) if minute >= first)
    starts = sum(1 for a, b in trips if first <= a and b <= last)
    return ran * 60 >= QUIET_RUNNING_S or starts >= QUIET_STARTS


@settings(max_examples=150, deadline=None)
@given(histories(), st.data())
def test_one_living_advice_a_component_whatever_happens(history: History, data: st.DataObject) -> None:
    """Findings and people in any sequence: no component in two, no finding twice, and nobody's word is undone."""
    desk = Desk()
    for now in history.moments():
        desk.take(history.until(now), now)
        living = desk.living()
        assert len({one.component for one in living}) == len(living)
        ids = [found for one in living for found in one.finding_ids]
        assert len(set(ids)) == len(ids)
        if living and data.draw(st.integers(0, 5)) == 0:
            one = data.draw(st.sampled_from(living))
            state = data.draw(st.sampled_from([S.ACCEPTED, S.DISMISSED, S.DONE]))
            desk.known[one.id] = replace(one, state=state, closed_at=None if state == S.ACCEPTED else now)
        settled = {one.id: one.state for one in desk.known.values() if one.state in {S.DISMISSED, S.DONE}}
        desk.take(history.until(now), now)
        assert {key: desk.known[key].state for key in settled} == settled


@settings(max_examples=150, deadline=None)
@given(histories())
def test_advice_ends_by_itself_only_when_it_was_normal_for_long_enough(history: History) -> None:
    """What is withdrawn has no finding left that lasts, nor a code that the car has not run without."""
    desk = Desk()
    for now in history.moments():
        seen = history.until(now)
        for one in desk.take(seen, now):
            if one.state != S.WITHDRAWN:
                continue
            held = {found for other in desk.living() for found in other.finding_ids}
            for found in seen.findings:
                if found.id in one.finding_ids and found.id not in held:
                    assert found.cleared_at is not None
                    code = found.detector == "trouble_codes"
                    assert not code or normal_long_enough(found.cleared_at, seen.trips, now)
    assert {found for one in desk.living() for found in one.finding_ids} == {
        found.id
        for found in history.findings
        if found.cleared_at is None
        or (
            found.detector == "trouble_codes"
            and not normal_long_enough(found.cleared_at, history.trips, START + timedelta(days=400))
        )
    }


@settings(max_examples=150, deadline=None)
@given(histories(), st.randoms(use_true_random=False), st.data())
def test_late_and_reordered_batches_change_nothing(history: History, chance, data: st.DataObject) -> None:
    """What is read in order, all at once, or piecewise in any order leads to the same living advice."""
    in_order, at_once, shuffled = Desk(), Desk(), Desk()
    for now in history.moments():
        in_order.take(history.until(now), now)
    end = START + timedelta(days=60)
    at_once.take(history, end)
    findings, trips = list(history.findings), list(history.trips)
    chance.shuffle(findings)
    chance.shuffle(trips)
    for step in range(data.draw(st.integers(0, 6))):
        some = History(tuple(findings[: step * 2]), tuple(trips[: step * 4]))
        shuffled.take(some, end + timedelta(minutes=step))
        shuffled.take(some, end + timedelta(minutes=step))
    shuffled.take(history, end + timedelta(hours=1))
    assert in_order.told() == at_once.told() == shuffled.told()


@settings(max_examples=80, deadline=None)
@given(histories())
def test_what_comes_back_within_a_week_is_the_same_advice(history: History) -> None:
    """However often a thing comes and goes, a component has at most one matter that begins in a week of the car's time.

    Two rows may tell of the same one, where it joined another component's while it was away.
    """
    desk = Desk()
    for now in history.moments():
        desk.take(history.until(now), now)
    for part in Component:
        opened = sorted({one.raised_at for one in desk.known.values() if one.component == part and one.raised_at})
        assert all(b - a >= timedelta(days=7) for a, b in pairwise(opened))


def test_a_dismissed_matter_is_hushed_for_a_week_unless_it_gets_worse() -> None:
    """Found anew three days after it was dismissed says nothing; worse does; so does the same after a week."""
    desk = Desk()
    first = finding("battery.low_charge", 0, 60, Severity.NEXT_SERVICE)
    desk.take(History((first,), ()).until(at(0)), at(0))
    (only,) = desk.living()
    desk.known[only.id] = replace(only, state=S.DISMISSED, closed_at=at(30))
    again = finding("battery.low_charge", 3 * 1440, 3 * 1440 + 60, Severity.NEXT_SERVICE)
    desk.take(History((first, again), ()), at(3 * 1440))
    assert desk.living() == []
    for days, severity in ((4, Severity.SOON), (8, Severity.NEXT_SERVICE)):
        other = Desk(dict(desk.known))
        other.take(History((first, again, finding("battery.low_charge", days * 1440, None, severity)), ()), at(12_000))
        assert [one.severity for one in other.living()] == [severity]


def test_advice_that_comes_back_keeps_its_name_and_its_beginning() -> None:
    """Withdrawn after the car was normal, open again when the finding returns two days later, since the first time."""
    desk = Desk()
    first, again = (finding("egr.too_little", day * 1440, end, Severity.SOON) for day, end in ((0, 500), (2, None)))
    for now in (at(0), at(500), at(2 * 1440)):
        desk.take(History((first, again), ()).until(now), now)
    (one,) = desk.known.values()
    assert (one.state, one.raised_at, one.created_at, one.finding_ids) == (S.OPEN, at(0), at(0), (again.id,))
    assert (one.cleared_at, one.closed_at) == (None, None)


def test_advice_is_about_what_began_first() -> None:
    """A worse finding of another component that joins makes it worse, not another component's; until the first ends."""
    desk = Desk()
    history = History(
        (
            finding("battery.low_charge", 0, 200, Severity.NEXT_SERVICE),
            finding("charging.low_voltage", 100, None, Severity.SOON),
        ),
        (),
    )  # fmt: skip
    seen = []
    for now in (at(0), at(100), at(200)):
        desk.take(history.until(now), now)
        seen += [(one.component, one.severity) for one in desk.living()]
    assert seen == [
        (Component.BATTERY_12V, Severity.NEXT_SERVICE),
        (Component.BATTERY_12V, Severity.SOON),
        (Component.CHARGING, Severity.SOON),
    ]
