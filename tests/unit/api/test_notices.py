"""What owners are told of advice: once at each level, called to mind twice, and never more than once a week."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from api import tables
from api.appointments import repository as appointments
from api.appointments import service as booking
from api.reminders import repository as outbox
from api.reminders import worker
from api.reminders.channels import Channels
from api.reminders.due import Kind, Said, notices
from api.reminders.notices import About, render
from api.settings import ApiSettings
from api.suggestions import service as suggestions
from diagnostics import repository as diagnosis
from diagnostics.findings import LIVING, Component, Outcome, Severity, SuggestionState
from ingest.storage.database import open_database, reading, transaction

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = timedelta(days=1)
TELLING = {Kind.PROPOSED, Kind.NOTICED, Kind.WEEK, Kind.FORTNIGHT}


class Desk:
    """The desk's own worker on a database, which can be closed and opened anew."""

    def __init__(self, world, folder) -> None:
        self.world, self.folder = world, folder
        self.engine = world.engine

    def turn(self, now: datetime) -> None:
        """A thorough round of its work."""
        settings = ApiSettings(data_dir=self.folder, database_url="")
        worker.turn(settings, self.engine, Channels(self.folder), now)

    def restart(self) -> None:
        """Another process on the same database."""
        if self.engine is not self.world.engine:
            self.engine.dispose()
        self.engine = open_database(self.world.engine.url.render_as_string(hide_password=False))

    def sent(self, *kinds: Kind) -> list[outbox.Reminder]:
        """What went out, in order."""
        with reading(self.engine) as connection:
            found = outbox.list_reminders(connection, self.world.admin, limit=10_000)
        mine = [one for one in found if one.sent_at is not None and one.kind in (kinds or TELLING)]
        return sorted(mine, key=lambda one: (one.sent_at, one.id))

    def days(self, now: datetime) -> list[tuple[Kind, str, int]]:
        """Kind, level and day of what went out."""
        return [(one.kind, str(one.level), (one.sent_at - now).days) for one in self.sent() if one.sent_at]


@pytest.fixture(name="desk")
def _desk(world, tmp_path) -> Iterator[Desk]:
    """The desk at work."""
    found = Desk(world, tmp_path / "outbox")
    yield found
    if found.engine is not world.engine:
        found.engine.dispose()


def run(desk: Desk, start: datetime, days: float, *, hours: int = 6) -> None:
    """Lets the worker look several times a day."""
    for step in range(round(days * 24 / hours) + 1):
        desk.turn(start + timedelta(hours=hours * step))


def test_advice_is_told_and_called_to_mind_after_7_and_14_days_once_each(desk, world, now) -> None:
    """Without a proposed time the advice itself is told; a restart before each reminder doubles and loses nothing."""
    world.suggest(severity=Severity.NEXT_SERVICE)
    for day in range(40):
        desk.restart()
        for _ in range(2):
            desk.turn(now + day * DAY)
    level = "next_service"
    assert desk.days(now) == [(Kind.NOTICED, level, 0), (Kind.WEEK, level, 7), (Kind.FORTNIGHT, level, 14)]
    subjects = [one.subject for one in desk.sent()]
    assert subjects == ["沪A·here：更换节温器", "提醒：沪A·here，更换节温器", "最后一次提醒：沪A·here，更换节温器"]
    assert all("下次保养" in str(one.body) for one in desk.sent())


def test_a_proposed_time_tells_the_advice(desk, world, now) -> None:
    """Who is offered a time gets no second message about the same; renewed times wait for the reminders."""
    world.suggest()
    run(desk, now, 30)
    assert desk.days(now) == [(Kind.PROPOSED, "soon", 0), (Kind.WEEK, "soon", 7), (Kind.FORTNIGHT, "soon", 14)]
    asked = [one.sent_at for one in desk.sent(Kind.DAY_BEFORE)]
    assert all(b - a >= 7 * DAY for a, b in pairwise(asked))


@pytest.mark.parametrize("how", ["accepted", "dismissed", "withdrawn", "done"])
def test_nobody_is_reminded_of_what_was_dealt_with(desk, world, now, write, how: str) -> None:
    """After an agreed time, a dismissal, the car's being normal again or an outcome, no reminder goes out."""
    made = world.suggest(severity=Severity.SOON if how == "accepted" else Severity.NEXT_SERVICE)
    desk.turn(now)
    if how == "accepted":
        with reading(world.engine) as connection:
            (found,) = appointments.open_of_suggestion(connection, made.id)
        write(booking.accept, world.here.owner, found.id, start=None, now=now)
    elif how == "dismissed":
        write(suggestions.dismiss, world.here.advisor, made.id, why="", now=now + DAY)
    elif how == "done":
        what = {"outcome": Outcome.NO_TROUBLE_FOUND, "note": "", "now": now + DAY}
        write(suggestions.record_outcome, world.here.advisor, made.id, **what)
    else:
        world.suggest(severity=Severity.NEXT_SERVICE, state=SuggestionState.WITHDRAWN)
    run(desk, now, 6.9 if how == "accepted" else 40, hours=12)
    assert [one.kind for one in desk.sent()] == [Kind.PROPOSED if how == "accepted" else Kind.NOTICED]


def test_what_ends_and_opens_again_is_not_told_again(desk, world, now) -> None:
    """Opened and ended twice a day for a month: one message, and two reminders if it is open when they are due."""
    for half in range(60):
        state = SuggestionState.OPEN if half % 2 == 0 else SuggestionState.WITHDRAWN
        world.suggest(severity=Severity.NEXT_SERVICE, state=state)
        desk.turn(now + half * DAY / 2)
    level = "next_service"
    assert desk.days(now) == [(Kind.NOTICED, level, 0), (Kind.WEEK, level, 7), (Kind.FORTNIGHT, level, 14)]


def test_a_new_advice_of_the_same_component_waits_for_the_week_to_end(desk, world, now) -> None:
    """Other advice about it two days later is told on the seventh day; a worse one at once; another component too."""
    world.suggest("one", severity=Severity.NEXT_SERVICE)
    desk.turn(now)
    world.suggest("one", severity=Severity.NEXT_SERVICE, state=SuggestionState.DONE)
    world.suggest("two", severity=Severity.NEXT_SERVICE)
    world.suggest("other", severity=Severity.NEXT_SERVICE, component=Component.CATALYST)
    run(desk, now + 2 * DAY, 1)
    assert [(one.suggestion_id, one.kind) for one in desk.sent()] == [("one", Kind.NOTICED), ("other", Kind.NOTICED)]
    world.suggest("two", severity=Severity.STOP_NOW)
    desk.turn(now + 4 * DAY)
    assert (desk.sent()[-1].kind, desk.sent()[-1].level) == (Kind.PROPOSED, Severity.STOP_NOW)
    run(desk, now + 4 * DAY, 8)
    assert [(one.kind, str(one.level)) for one in desk.sent()[3:]] == [
        (Kind.WEEK, "next_service"),
        (Kind.WEEK, "stop_now"),
    ]


def test_what_is_only_watched_stays_with_the_shop(desk, world, now) -> None:
    """An owner is told nothing of level monitor."""
    world.suggest(severity=Severity.MONITOR)
    run(desk, now, 20, hours=24)
    assert desk.sent() == []


def test_a_dismissed_advice_is_not_opened_by_a_cancelled_appointment(desk, world, now, write) -> None:
    """What an advisor dismissed stays so when the agreed time is cancelled after."""
    made = world.suggest()
    desk.turn(now)
    with reading(world.engine) as connection:
        (found,) = appointments.open_of_suggestion(connection, made.id)
    write(booking.accept, world.here.owner, found.id, start=None, now=now)
    write(suggestions.dismiss, world.here.advisor, made.id, why="", now=now)
    write(booking.cancel, world.here.advisor, found.id, now=now)
    with reading(world.engine) as connection:
        assert diagnosis.suggestion(connection, made.id).state == SuggestionState.DISMISSED


@dataclass
class Chaos:
    """Advice on two components, and people, at random."""

    world: object
    write: object
    chance: random.Random
    living: dict[Component, str] = field(default_factory=dict)
    number: int = 0

    def act(self, part: Component, moment: datetime) -> None:
        """Opens advice, changes or ends it, or answers its proposal."""
        act, found = self.chance.random(), self.living.get(part)
        if found is None and act < 0.5:
            self.number += 1
            self.living[part] = f"s{self.number}"
            self.world.suggest(f"s{self.number}", component=part, severity=self.chance.choice(list(Severity)))
        elif found is not None and act < 0.3:
            self._change(part, found, moment)
        elif found is not None and act < 0.4:
            self._answer(found, moment)

    def _change(self, part: Component, found: str, moment: datetime) -> None:
        with transaction(self.world.engine) as connection:
            one = diagnosis.suggestion(connection, found)
            states = [one.state, SuggestionState.OPEN, SuggestionState.WITHDRAWN, SuggestionState.DONE]
            one = replace(one, state=self.chance.choice(states), severity=self.chance.choice(list(Severity)))
            diagnosis.save_suggestion(connection, one, at=moment)
        if one.state not in LIVING and self.chance.random() < 0.5:
            self.living.pop(part)

    def _answer(self, found: str, moment: datetime) -> None:
        with reading(self.world.engine) as connection:
            mine = appointments.open_of_suggestion(connection, found)
        for each in mine:
            if each.state == "proposed" and each.start > moment:
                more = self.chance.choice([None, {"start": None}])
                how = booking.decline if more is None else booking.accept
                self.write(how, self.world.here.owner, each.id, now=moment, **(more or {}))


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_a_level_is_told_at_most_once_a_week(desk, world, now, write, seed: int) -> None:
    """Random advice, people, pauses of the worker and restarts over 70 days; counted from what really went out."""
    chance, moment = random.Random(seed), now
    chaos = Chaos(world, write, chance)
    while moment < now + 70 * DAY:
        moment += timedelta(hours=chance.choice([1, 3, 8, 20, 60]))
        for part in (Component.THERMOSTAT, Component.CATALYST):
            chaos.act(part, moment)
        if chance.random() < 0.2:
            desk.restart()
        if chance.random() < 0.8:
            desk.turn(moment)
    told: dict[tuple[str, str, str], list[datetime]] = {}
    for one in desk.sent():
        told.setdefault((one.vehicle_id, one.component, str(one.level)), []).append(one.sent_at)
    assert all(b - a >= 7 * DAY for times in told.values() for a, b in pairwise(times))
    once = [(one.suggestion_id, one.kind, one.level) for one in desk.sent(Kind.NOTICED, Kind.WEEK, Kind.FORTNIGHT)]
    assert len(set(once)) == len(once)
    assert told


def test_the_database_itself_keeps_a_notice_once(desk, world, now) -> None:
    """A second reminder of the kind for the same advice and level is refused."""
    world.suggest(severity=Severity.NEXT_SERVICE)
    desk.turn(now)
    with reading(world.engine) as connection:
        row = dict(connection.execute(sa.select(tables.reminders)).mappings().first() or {})
    with pytest.raises(sa.exc.IntegrityError), world.engine.begin() as connection:
        connection.execute(tables.reminders.insert().values(row | {"id": "another"}))


def test_reminders_count_from_when_it_was_told_at_its_worst(now) -> None:
    """A worse level is told at once and begins the days anew; a milder one is no news."""
    soon = Said(kind=Kind.PROPOSED, level=Severity.SOON, sent_at=now)
    assert notices(Severity.STOP_NOW, [soon], now=now + DAY) == [(Kind.NOTICED, Severity.STOP_NOW, now + DAY)]
    worse = Said(kind=Kind.NOTICED, level=Severity.STOP_NOW, sent_at=now + DAY)
    expected = [(Kind.WEEK, Severity.STOP_NOW, now + 8 * DAY), (Kind.FORTNIGHT, Severity.STOP_NOW, now + 15 * DAY)]
    assert notices(Severity.SOON, [soon, worse], now=now + 2 * DAY) == expected
    assert notices(Severity.MONITOR, [], now=now) == []


@pytest.mark.parametrize("kind", [Kind.NOTICED, Kind.WEEK, Kind.FORTNIGHT])
@pytest.mark.parametrize("level", [Severity.STOP_NOW, Severity.SOON, Severity.NEXT_SERVICE])
@pytest.mark.parametrize("language", ["en", "zh", "fr"])
def test_the_words_name_the_car_the_matter_and_what_is_wished(kind: Kind, level: Severity, language: str) -> None:
    """Subject and body are whole sentences of one language, with the link; a kept time is named."""
    about = About(
        car="沪A·1", dealer="Shop", level=level, what="Thermostat", why="It stays open.", until="Monday", kept=None,
        link="http://x/me",
    )  # fmt: skip
    message = render(kind, about, language)
    assert "沪A·1" in message.subject
    assert about.what in message.subject
    assert message.body.endswith(about.link)
    assert "Shop" in message.body
    assert ("Monday" in message.body) == (level != Severity.STOP_NOW)
    assert "{" not in message.subject + message.body
    offered = render(kind, replace(about, kept="Friday 9:00"), language)
    assert ("Friday 9:00" in offered.body) == (level != Severity.STOP_NOW)
