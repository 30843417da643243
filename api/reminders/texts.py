"""What owners are told, in their language. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from babel.dates import format_datetime, format_time

from api.reminders.due import Occasion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

_LOCALES = MappingProxyType({"en": "en", "zh": "zh_Hans_CN"})

_SUBJECTS: Mapping[Occasion, Mapping[str, str]] = MappingProxyType(
    {
        Occasion.PROPOSED: {"en": "{car}: {what} – a time at the workshop", "zh": "{car}：{what}——为您预留了进店时间"},
        Occasion.DAY_BEFORE: {"en": "Reminder: {car} at {dealer}, {start}", "zh": "提醒：{car} {start} 到 {dealer}"},
        Occasion.UNANSWERED: {
            "en": "Still waiting for your answer: {car}, {what}",
            "zh": "仍在等待您的答复：{car}，{what}",
        },
    }
)

_BODIES: Mapping[Occasion, Mapping[str, str]] = MappingProxyType(
    {
        Occasion.PROPOSED: {
            "en": (
                "{what}\n{why}\n\nWe have kept a time for you at {dealer}: {start}.\n"
                "Other times: {others}.\nPlease accept, choose another time or decline: {link}"
            ),
            "zh": (
                "{what}\n{why}\n\n我们在{dealer}为您预留了时间：{start}。\n"
                "其他可选时间：{others}。\n请确认、改期或谢绝：{link}"
            ),
        },
        Occasion.DAY_BEFORE: {
            "en": "Your {car} is expected at {dealer} on {start}: {what}.\nTo change it: {link}",
            "zh": "您的 {car} 预约于 {start} 到 {dealer}：{what}。\n如需更改：{link}",
        },
        Occasion.UNANSWERED: {
            "en": (
                "{what}\n{why}\n\nWe are still waiting for your answer. The time that we keep for you at {dealer} is "
                "{start}; it is not agreed yet.\n"
                "Other times: {others}.\nPlease accept, choose another time or decline: {link}"
            ),
            "zh": (
                "{what}\n{why}\n\n我们仍在等待您的答复。我们在{dealer}为您预留的时间是{start}，尚未确认。\n"
                "其他可选时间：{others}。\n请确认、改期或谢绝：{link}"
            ),
        },
    }
)
_AND = MappingProxyType({"en": ", ", "zh": "、"})
_NONE = MappingProxyType({"en": "none at the moment", "zh": "暂无"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a message is about; texts in the reader's language, times aware."""

    car: str
    dealer: str
    time_zone: str
    start: datetime
    others: Sequence[datetime]
    what: str
    why: str
    link: str


@dataclass(frozen=True, slots=True)
class Message:
    """Subject and body, ready to send."""

    subject: str
    body: str


def render(occasion: Occasion, facts: Facts, language: str) -> Message:
    """The message for that occasion, in ``language`` (English where we don't have it)."""
    spoken = language if language in _LOCALES else "en"
    others = _AND[spoken].join(moment(other, facts.time_zone, spoken) for other in facts.others) or _NONE[spoken]
    words = {
        "car": facts.car,
        "dealer": facts.dealer,
        "what": facts.what,
        "why": facts.why,
        "link": facts.link,
        "start": moment(facts.start, facts.time_zone, spoken),
        "others": others,
    }
    return Message(_SUBJECTS[occasion][spoken].format(**words), _BODIES[occasion][spoken].format(**words).strip())


def moment(at: datetime, time_zone: str, language: str) -> str:
    """Day and time as people of that language write them, in the dealer's time zone."""
    clock = format_time(at.astimezone(ZoneInfo(time_zone)), "HH:mm", locale=_LOCALES.get(language, "en"))
    return f"{day(at, time_zone, language)} {clock}"


def day(at: datetime, time_zone: str, language: str) -> str:
    """The day alone."""
    pattern = "M月d日 EEEE" if language == "zh" else "EEEE d MMMM"
    return format_datetime(at.astimezone(ZoneInfo(time_zone)), pattern, locale=_LOCALES.get(language, "en"))
