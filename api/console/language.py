"""In which language a request is answered, and the catalogue of translations, read from the .po files as they are."""

from __future__ import annotations

from functools import cache
from importlib import resources
from io import BytesIO
from types import MappingProxyType
from typing import TYPE_CHECKING

from babel.core import Locale
from babel.messages.pofile import read_po

from api.auth.service import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fastapi import Request

    from api.auth.scope import Scope

COOKIE = "roadworthy_language"
LOCALES: Mapping[str, Locale] = MappingProxyType({"en": Locale("en"), "zh": Locale("zh", "CN", script="Hans")})
SOURCE_LANGUAGE = "en"


def of_request(request: Request, person: Scope | None) -> str:
    """The language that was chosen, else the person's own, else the browser's."""
    chosen = request.cookies.get(COOKIE)
    if chosen in LANGUAGES:
        return str(chosen)
    if person is not None and person.language in LANGUAGES:
        return person.language
    wanted = _wanted(request.headers.get("Accept-Language", ""))
    return next((language for language in wanted if language in LANGUAGES), SOURCE_LANGUAGE)


def _wanted(header: str) -> Iterator[str]:
    """Languages of an Accept-Language, the dearest first; regions and scripts make no difference to us."""
    weighed = []
    for part in header.split(","):
        tag, _, weight = part.partition(";")
        language = tag.strip().lower().replace("_", "-").partition("-")[0]
        weighed.append((_weight(weight), language))
    weighed.sort(key=lambda one: -one[0])
    return (language for weight, language in weighed if weight > 0)


def _weight(text: str) -> float:
    name, _, value = text.partition("=")
    try:
        return float(value) if name.strip().lower() == "q" else 1.0
    except ValueError:
        return 0.0


@cache
def translations(language: str) -> Mapping[str, str]:
    """Translations by English text; empty for English."""
    if language == SOURCE_LANGUAGE:
        return MappingProxyType({})
    path = resources.files("api.console") / "locale" / language / "LC_MESSAGES" / "console.po"
    catalogue = read_po(BytesIO(path.read_bytes()), locale=LOCALES[language])
    return MappingProxyType(
        {str(message.id): str(message.string) for message in catalogue if message.id and message.string}
    )


def translate(language: str, text: str) -> str:
    """The text in a language; English where it has no translation."""
    return translations(language).get(text, text)
