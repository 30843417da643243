"""Which times a shop can offer."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.appointments import planner
from api.appointments.planner import SLOT, Offer, Opening
from diagnostics import detectors, wear
from diagnostics.detector import discover
from diagnostics.findings import Component
from diagnostics.trouble_codes import CONFIRMED, CodeEvent, code_findings

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=SHANGHAI)
OPENING = Opening(
    time_zone="Asia/Shanghai",
    hours={day: ((time(8), time(12)), (time(13), time(18))) for day in range(5)},
    closed_days=frozenset({date(2026, 3, 4)}),
    bays=2,
)


def local(start: datetime) -> datetime:
    return start.astimezone(SHANGHAI)


def inside_hours(opening: Opening, start: datetime, minutes: int) -> bool:
    """Whether a stretch of time lies within one span of opening hours, reckoned apart from the planner."""
    zone = ZoneInfo(opening.time_zone)
    begin, end = start.astimezone(zone), (start + timedelta(minutes=minutes)).astimezone(zone)
    spans = opening.hours.get(begin.weekday(), ())
    same_day = begin.date() == end.date() and begin.date() not in opening.closed_days
    return same_day and any(first <= begin.time() and end.time() <= last for first, last in spans)


quarter_hours = st.integers(0, 14 * 96).map(lambda count: MONDAY.replace(hour=0) + count * SLOT)
taken_slots = st.frozensets(
    st.tuples(st.integers(1, 2), quarter_hours.map(lambda at: at.astimezone(UTC))), max_size=300
)
job_lengths = st.sampled_from([15, 30, 45, 60, 90, 120, 240])


@given(taken=taken_slots, minutes=job_lengths, earliest=quarter_hours)
def test_offers_are_free_open_and_not_too_early(taken, minutes: int, earliest: datetime) -> None:
    """Whatever is taken, an offer lies within opening hours, holds no taken slot and starts late enough."""
    found = planner.offers(OPENING, taken, minutes=minutes, earliest=earliest)
    assert found == sorted(set(found))
    for offer in found:
        assert offer.start >= earliest
        assert offer.start.tzinfo is UTC
        assert inside_hours(OPENING, offer.start, minutes)
        assert not {(offer.bay, slot) for slot in planner.slots_of(offer.start, minutes)} & taken
        assert 1 <= offer.bay <= OPENING.bays


@given(taken=taken_slots, minutes=job_lengths, earliest=quarter_hours)
def test_the_first_offer_is_the_soonest_free_time(taken, minutes: int, earliest: datetime) -> None:
    """No free time is earlier than the first that is offered."""
    first_free = next(planner.free(OPENING, taken, minutes=minutes, earliest=earliest))
    assert planner.offers(OPENING, taken, minutes=minutes, earliest=earliest)[0] == first_free
    assert planner.soonest(OPENING, taken, minutes=minutes, earliest=earliest)[0] == first_free


@given(taken=taken_slots, minutes=job_lengths, earliest=quarter_hours)
def test_urgent_offers_do_not_overlap(taken, minutes: int, earliest: datetime) -> None:
    """Times for what cannot wait follow one after the other."""
    found = planner.soonest(OPENING, taken, minutes=minutes, earliest=earliest)
    for before, after in pairwise(found):
        assert after.start >= before.start + timedelta(minutes=minutes)


@given(taken=taken_slots, minutes=job_lengths, earliest=quarter_hours)
def test_every_offer_fits(taken, minutes: int, earliest: datetime) -> None:
    """What is offered may also be asked for."""
    for offer in planner.offers(OPENING, taken, minutes=minutes, earliest=earliest):
        assert planner.fits(OPENING, offer.start, minutes)


def test_three_half_days_are_offered() -> None:
    """Alternatives lie on other half-days than the first offer."""
    found = planner.offers(OPENING, frozenset(), minutes=60, earliest=MONDAY)
    assert [local(offer.start).strftime("%a %H:%M") for offer in found] == ["Mon 09:00", "Mon 13:00", "Tue 08:00"]


def test_a_closed_day_is_left_out() -> None:
    """Nothing is offered on a day off or at a weekend."""
    days = {local(offer.start).date() for offer in planner.free(OPENING, (), minutes=60, earliest=MONDAY)}
    assert date(2026, 3, 3) in days
    assert not {date(2026, 3, 4), date(2026, 3, 7), date(2026, 3, 8)} & days


def test_the_other_bay_is_used_when_one_is_taken() -> None:
    """A time stays on offer as long as any bay has it whole."""
    start = MONDAY.astimezone(UTC)
    taken = {(1, start + SLOT)}
    assert planner.offers(OPENING, taken, minutes=60, earliest=MONDAY)[0] == Offer(start, 2)
    assert planner.offers(OPENING, taken, minutes=15, earliest=MONDAY)[0] == Offer(start, 1)


def test_a_job_does_not_run_into_the_break() -> None:
    """A job of two hours is not offered half an hour before noon."""
    late = MONDAY.replace(hour=11, minute=30)
    assert local(planner.offers(OPENING, (), minutes=120, earliest=late)[0].start).hour == 13


def test_fewer_half_days_are_filled_up_with_other_times() -> None:
    """A shop that opens one half-day a week still offers three times."""
    opening = Opening(time_zone="Asia/Shanghai", hours={0: ((time(8), time(9)),)}, closed_days=frozenset(), bays=1)
    assert len(planner.offers(opening, (), minutes=15, earliest=MONDAY.replace(hour=8), count=8)) == 8


def test_a_shop_that_never_opens_offers_nothing() -> None:
    """No hours, no offers, and the search ends."""
    opening = Opening(time_zone="Asia/Shanghai", hours={}, closed_days=frozenset(), bays=2)
    assert planner.offers(opening, (), minutes=15, earliest=MONDAY) == []
    assert planner.soonest(opening, (), minutes=15, earliest=MONDAY) == []


@pytest.mark.parametrize(("minutes", "count"), [(1, 1), (15, 1), (16, 2), (45, 3), (60, 4)])
def test_slots_are_whole_quarter_hours(minutes: int, count: int) -> None:
    """A job holds every quarter of an hour that it touches."""
    assert planner.slots_of(MONDAY, minutes) == [MONDAY + at * SLOT for at in range(count)]


@pytest.mark.parametrize("wrong", [MONDAY + timedelta(minutes=5), MONDAY.replace(hour=7), MONDAY.replace(day=4)])
def test_times_off_the_grid_do_not_fit(wrong: datetime) -> None:
    """Neither between the quarters, nor before opening, nor on a day off."""
    assert not planner.fits(OPENING, wrong, 60)


def test_every_job_has_its_length() -> None:
    """What detectors and wear models name stands in the table, and nothing else; the day holds each of them."""
    found = (*discover(detectors, "DETECTOR"), *discover(wear, "MODEL"))
    assert set(planner.MINUTES) == {cause.job for detector in found for cause in detector.causes}
    assert set(planner.DIAGNOSE_MINUTES) == set(Component)
    every = {*planner.MINUTES.values(), *planner.DIAGNOSE_MINUTES.values()}
    assert all(list(planner.free(OPENING, (), minutes=minutes, earliest=MONDAY)) for minutes in every)


def test_finding_a_codes_cause_takes_as_long_as_its_component_asks() -> None:
    """The job of a trouble code is told by its prefix; what nobody knows takes an hour."""
    event = CodeEvent(vehicle_id="v", ecu="7E8", code="P0700", state=CONFIRMED, present=True, time_ms=1)
    (found,) = code_findings([event])
    assert found.job not in planner.MINUTES
    assert planner.minutes_of(found.job, found.component) == planner.DIAGNOSE_MINUTES[found.component]
    assert planner.minutes_of("replace_thermostat", "engine") == planner.MINUTES["replace_thermostat"]
    assert planner.minutes_of("never heard of", "engine") == planner.OTHER_MINUTES


def test_opening_hours_follow_the_clock_on_the_wall() -> None:
    """Where summer time begins, eight o'clock stays eight o'clock."""
    opening = Opening(
        time_zone="Europe/Berlin", hours={5: ((time(8), time(9)),), 0: ((time(8), time(9)),)}, closed_days=frozenset(),
        bays=1,
    )  # fmt: skip
    saturday = datetime(2026, 3, 28, 0, 0, tzinfo=BERLIN)
    found = list(planner.free(opening, (), minutes=60, earliest=saturday))[:2]
    assert [offer.start for offer in found] == [
        datetime(2026, 3, 28, 7, 0, tzinfo=UTC),
        datetime(2026, 3, 30, 6, 0, tzinfo=UTC),
    ]
