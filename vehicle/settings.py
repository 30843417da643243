"""Typed settings from TOML tables and environment variables; an unknown key is refused with the nearest known one.

Pure: the caller reads the file and hands over the variables. Each package declares its own settings as a frozen
``msgspec.Struct`` with ``forbid_unknown_fields=True``.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from vehicle.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_Form = TypeVar("_Form", bound=msgspec.Struct)
_UNKNOWN = re.compile(r"unknown field `(?P<key>[^`]*)`(?: - at `\$\.?(?P<table>[^`]*)`)?")


def read_toml(text: str, *, source: str) -> dict[str, Any]:
    """The tables of a TOML document.

    Raises:
        SettingsError: the text is not TOML; names ``source`` and the place.
    """
    try:
        tables: dict[str, Any] = msgspec.toml.decode(text)
    except msgspec.DecodeError as error:
        raise SettingsError(source, f"is not TOML: {error}") from error
    return tables


def build(form: type[_Form], table: Mapping[str, Any], *, source: str) -> _Form:
    """``form`` filled from ``table``; texts from variables are turned into numbers and paths where asked for.

    Raises:
        SettingsError: an unknown or missing key, or a value of another type; names the key and the mend.
    """
    try:
        return msgspec.convert(table, form, strict=False, dec_hook=_from_text)
    except msgspec.ValidationError as error:
        raise SettingsError(source, _explain(form, str(error))) from error


def refuse_unknown(names: Iterable[str], known: Iterable[str], *, source: str) -> None:
    """Lets tables pass whose names are known.

    Raises:
        SettingsError: a name that is not; with the nearest that is.
    """
    for name in names:
        if name not in (allowed := tuple(known)):
            raise SettingsError(source, f"has the unknown key {name!r}{_nearest(name, allowed)}")


def variables(
    environ: Mapping[str, str], *, prefix: str, sections: Mapping[str, type[msgspec.Struct]], top: Iterable[str]
) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Top-level values and values by section of the variables ``{prefix}{KEY}`` and ``{prefix}{SECTION}_{KEY}``.

    Raises:
        SettingsError: a variable with the prefix that names no setting.
    """
    known_top = {f"{prefix}{key.upper()}": key for key in top}
    known = {
        f"{prefix}{section}_{field.name}".upper(): (section, field.name)
        for section, form in sections.items()
        for field in msgspec.structs.fields(form)
    }
    plain: dict[str, str] = {}
    sectioned: dict[str, dict[str, str]] = {}
    for name, value in environ.items():
        if name in known_top:
            plain[known_top[name]] = value
        elif name in known:
            section, key = known[name]
            sectioned.setdefault(section, {})[key] = value
        elif name.startswith(prefix):
            raise SettingsError(f"variable {name}", f"is no setting{_nearest(name, [*known_top, *known])}")
    return plain, sectioned


def _from_text(form: type[Any], value: Any) -> Any:
    if form is Path and isinstance(value, str):
        return Path(value).expanduser()
    if form is Path and isinstance(value, Path):
        return value
    raise ValueError(f"Expected `{form.__name__}`, got {value!r}")


def _explain(form: type[msgspec.Struct], message: str) -> str:
    found = _UNKNOWN.search(message)
    if found is None:
        return f"has a value that does not fit: {message.replace('$.', '').replace('$', 'the document')}"
    table = found["table"] or ""
    names = [field.name for field in msgspec.structs.fields(_inside(form, table))]
    place = f" in [{table}]" if table else ""
    return f"has the unknown key {found['key']!r}{place}{_nearest(found['key'], names)}"


def _inside(form: type[msgspec.Struct], table: str) -> type[msgspec.Struct]:
    for step in filter(None, table.split(".")):
        types = {field.name: field.type for field in msgspec.structs.fields(form)}
        inner = types.get(step)
        if not (isinstance(inner, type) and issubclass(inner, msgspec.Struct)):
            return form
        form = inner
    return form


def _nearest(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    close = get_close_matches(name, names, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(names)}"
