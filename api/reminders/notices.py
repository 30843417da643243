"""Messages about advice itself: planned beside proposals of times, and their words in the owner's language."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from api.appointments import repository as appointments
from api.appointments.proposer import WORKER
from api.appointments.states import State
from api.dealers.repository import dealer as dealer_of
from api.reminders import repository
from api.reminders.due import TOLD, Kind, is_timely, notices
from api.reminders.texts import Message, day, moment
from api.vehicles.repository import keeper
from api.vehicles.repository import vehicle as vehicle_of
from diagnostics import repository as diagnosis
from diagnostics.errors import UnknownRowError
from diagnostics.findings import Severity, SuggestionState
from ingest.storage.database import reading, transaction

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import sqlalchemy as sa

    from api.reminders.repository import Reminder
    from diagnostics.findings import Suggestion

_SUBJECTS: Mapping[Kind, Mapping[str, str]] = MappingProxyType(
    {
        Kind.NOTICED: {"en": "{car}: {what}", "zh": "{car}：{what}"},
        Kind.WEEK: {"en": "Reminder: {car}, {what}", "zh": "提醒：{car}，{what}"},
        Kind.FORTNIGHT: {"en": "Last reminder: {car}, {what}", "zh": "最后一次提醒：{car}，{what}"},
    }
)
_OPENINGS: Mapping[Kind, Mapping[str, str]] = MappingProxyType(
    {
        Kind.NOTICED: {"en": "", "zh": ""},
        Kind.WEEK: {
            "en": "We told you of this a week ago, and it has not gone away.\n\n",
            "zh": "我们一周前曾告知您此事，目前仍未好转。\n\n",
        },
        Kind.FORTNIGHT: {
            "en": "We told you of this two weeks ago, and it has not gone away. We shall not remind you again.\n\n",
            "zh": "我们两周前曾告知您此事，目前仍未好转。此后不再提醒。\n\n",
        },
    }
)
_WISHES: Mapping[Severity, Mapping[str, str]] = MappingProxyType(
    {
        Severity.STOP_NOW: {
            "en": "Please stop driving and call {dealer}.", "zh": "请停止行驶并致电{dealer}。",
        },
        Severity.SOON: {
            "en": "Please arrange a time with {dealer}{until}.", "zh": "请与{dealer}约定进店时间{until}。",
        },
        Severity.NEXT_SERVICE: {
            "en": "{dealer} can see to it at your next service{until}.",
            "zh": "可在下次保养时由{dealer}一并处理{until}。",
        },
    }
)  # fmt: skip
_UNTIL = MappingProxyType({"en": ", best before {time}", "zh": "，尽量在{time}之前"})
_KEPT = MappingProxyType(
    {
        "en": "A time is kept for you: {start}. Please accept it, choose another or decline.",
        "zh": "已为您预留时间：{start}。请确认、改期或谢绝。",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a message about advice says; texts in the reader's language, times as people write them."""

    car: str
    dealer: str
    level: Severity
    what: str
    why: str
    until: str | None
    kept: str | None
    link: str


def render(kind: Kind, about: About, language: str) -> Message:
    """The message of that kind, in ``language`` (English where we don't have it)."""
    spoken = language if language in _UNTIL else "en"
    until = "" if about.until is None else _UNTIL[spoken].format(time=about.until)
    if about.kept is not None and about.level is not Severity.STOP_NOW:
        wish = _KEPT[spoken].format(start=about.kept)
    else:
        wish = _WISHES[about.level][spoken].format(dealer=about.dealer, until=until)
    body = f"{_OPENINGS[kind][spoken]}{about.what}\n{about.why}\n\n{wish}\n{about.link}"
    return Message(_SUBJECTS[kind][spoken].format(car=about.car, what=about.what), body.strip())


def plan(engine: sa.Engine, *, now: datetime) -> None:
    """Plans what owners are to be told of open advice; whatever was planned or told before stands, so once each."""
    position = 0
    while True:
        with reading(engine) as connection:
            found = diagnosis.living_of_severity(connection, TOLD, after=position)
            opened = [one for one in found if one.state == SuggestionState.OPEN]
            said = repository.said_of(connection, [one.id for one in opened])
        if not found:
            return
        position = found[-1].revision
        for one in opened:
            wanted = notices(one.severity, said.get(one.id, []), now=now)
            if wanted:
                with transaction(engine) as connection:
                    _plan(connection, one, wanted)


def _plan(connection: sa.Connection, advice: Suggestion, wanted: list[tuple[Kind, Severity, datetime]]) -> None:
    kept = keeper(connection, advice.vehicle_id)
    if kept is None:  # nobody's yet
        return
    for kind, level, due_at in wanted:
        repository.plan_notice(connection, advice, kept[1], kind, level, due_at=due_at)


def notice(connection: sa.Connection, reminder: Reminder, language: str, link: str) -> Message | None:
    """The words of a message about advice; None where the advice has ended, was agreed to, or has become another."""
    try:
        advice = diagnosis.suggestion(connection, reminder.suggestion_id or "")
    except UnknownRowError:
        return None
    said = repository.said_of(connection, [advice.id]).get(advice.id, [])
    if advice.state != SuggestionState.OPEN or not is_timely(reminder.kind, reminder.level, advice.severity, said):
        return None
    car = vehicle_of(connection, WORKER, advice.vehicle_id)
    shop = dealer_of(connection, car.dealer_id)
    zone = shop.opening.time_zone
    open_ones = appointments.open_of_suggestion(connection, advice.id)
    kept = next((one.start for one in open_ones if one.state is State.PROPOSED), None)
    about = About(
        car=car.label, dealer=shop.name[language], level=advice.severity, what=advice.title[language],
        why=advice.text[language], link=link,
        until=day(advice.due_by, zone, language) if advice.due_by and advice.due_by > reminder.due_at else None,
        kept=moment(kept, zone, language) if kept is not None else None,
    )  # fmt: skip
    return render(reminder.kind, about, language)
