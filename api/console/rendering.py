"""Pages from templates: who reads, in which language, and the filters that write times, numbers and severities."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_timedelta
from babel.numbers import format_decimal, format_percent
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from api import problems
from api.console import language as languages
from api.console.words import COMPONENTS, MESSAGES, READINESS, ROLES, SEVERITIES, STANDINGS, STATES
from vehicle.monitors import MONITORS
from vehicle.signals import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import Request

    from api.auth.scope import Scope

DEFAULT_ZONE = "Asia/Shanghai"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who reads a page: the person, if signed in, the language, and the time zone of their shop."""

    person: Scope | None
    language: str
    time_zone: str = DEFAULT_ZONE


def reader_of(request: Request) -> Reader:
    """Who reads an answer that no page was made for: as much as was known when it failed."""
    known: Reader | None = getattr(request.state, "reader", None)
    person: Scope | None = getattr(request.state, "person", None)
    return known or Reader(person=person, language=languages.of_request(request, person))


def said(error: Exception, reader: Reader) -> problems.Problem:
    """An error in the reader's language, with times of the reader's shop."""
    return problems.told(error, reader.language, _words(reader)["when"])


def folder(name: str) -> Path:
    """A folder of the console's data files."""
    return Path(str(resources.files("api.console") / name))


@cache
def environment() -> Environment:
    """The templates; missing values are errors, and everything is escaped."""
    return Environment(
        loader=FileSystemLoader(folder("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page(request: Request, reader: Reader, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A page in the reader's language."""
    known = {
        "person": reader.person,
        "language": reader.language,
        "time_zone": reader.time_zone,
        "path": request.url.path,
        "here": address(request),
        "form_token": reader.person.form_token if reader.person else "",
    }
    text = environment().get_template(template).render(_words(reader) | known | values)
    return HTMLResponse(text, status_code=status)


def address(request: Request) -> str:
    """Where the page can be had again; what a form was sent to cannot."""
    if request.method != "GET":
        return "/"
    return str(request.url.path) + (f"?{request.url.query}" if request.url.query else "")


def _moment(at_ms: float) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def _monitor_name(language: str, mid: object) -> str:
    """The name of a monitor of service 06, or its identifier where the standard names none."""
    found = MONITORS.get(mid) if isinstance(mid, int) else None
    return str(mid) if found is None else found[language == "zh"]


def _signal_name(language: str, path: object) -> str:
    """The name of a signal, or its path where the catalogue has none."""
    row = CATALOGUE.get(str(path))
    return str(path) if row is None else row.chinese if language == "zh" else row.english


def _sentence(language: str, words: str) -> str:
    """Words with a capital and an end; a question has one already."""
    end = "" if words.endswith(("?", "？")) else "。" if language == "zh" else "."
    return f"{words[:1].upper()}{words[1:]}{end}"


def _words(reader: Reader) -> dict[str, Any]:
    locale, zone = languages.LOCALES[reader.language], ZoneInfo(reader.time_zone)
    translate = partial(languages.translate, reader.language)

    def words_of(table: Mapping[str, str], key: object) -> str:
        return translate(table.get(str(key), str(key).replace("_", " ")))

    def local(moment: datetime) -> datetime:
        return moment.astimezone(zone)

    return {
        "_": translate,
        "text": lambda texts: texts.get(reader.language) or texts.get("en", ""),
        "sentence": partial(_sentence, reader.language),
        "severity": partial(words_of, SEVERITIES),
        "component": partial(words_of, COMPONENTS),
        "components": COMPONENTS,
        "message": partial(words_of, MESSAGES),
        "state": partial(words_of, STATES),
        "standing": partial(words_of, STANDINGS),
        "role": partial(words_of, ROLES),
        "monitor": partial(words_of, READINESS),
        "monitor_name": partial(_monitor_name, reader.language),
        "signal_name": partial(_signal_name, reader.language),
        "signal_unit": lambda path: CATALOGUE[path].unit.symbol if path in CATALOGUE else "",
        "day": lambda moment: format_date(
            local(moment), "EEEE d MMMM" if reader.language == "en" else "M月d日 EEEE", locale
        ),
        "second": lambda moment: local(moment).strftime("%H:%M:%S"),
        "clock": lambda moment: local(moment).strftime("%H:%M"),
        "when": lambda moment: format_datetime(local(moment), _PATTERNS[reader.language], locale=locale),
        "ago": lambda moment, now: format_timedelta(moment - now, add_direction=True, locale=locale),
        "moment_of": _moment,
        "number": lambda value: format_decimal(value, locale=locale),
        "percent": lambda value: format_percent(value, locale=locale),
        "isoday": lambda moment: local(moment).date().isoformat(),
    }


_PATTERNS = {"en": "EEE d MMM, HH:mm", "zh": "M月d日 EEE HH:mm"}
