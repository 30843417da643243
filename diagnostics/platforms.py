"""Parameters of detectors and matters by platform and powertrain, from the tables that ship in ``parameters/``.

A file of ``parameters/`` belongs to a detector, a wear model or a matter of features. Its table ``[generic]`` holds all
its parameters; ``[electric]``, ``[diesel]`` or ``[some_platform]`` name only what differs.
"""

from __future__ import annotations

import re
from importlib import resources
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from diagnostics.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from diagnostics.arrays import Floats

GENERIC = "generic"
POWERTRAINS = ("petrol", "petrol_turbo", "diesel", "hybrid", "electric", "van")
"""What a vehicle can be told to be; a table of that name holds what differs for all of its kind."""
_OTHER = re.compile(r"[^a-z0-9]+")

Tables = dict[str, dict[str, float]]
"""Parameters by name, by table."""


def kind_of(platform: str | None, powertrain: str | None) -> str:
    """Whose parameters a vehicle has, as one word: its powertrain's, and over these its platform's."""
    return "/".join(slug(name) for name in (powertrain, platform) if name) or GENERIC


def slug(name: str) -> str:
    """A name as a table is headed: ``Toyota Etios`` is ``toyota_etios``."""
    return _OTHER.sub("_", name.lower()).strip("_")


def read_platforms(texts: Mapping[str, str] | None = None) -> Tables:
    """Parameters by table: ``generic`` with all of them, others with what they name. ``texts`` by file.

    Raises:
        ParameterError: a file has no generic table or names a parameter that another file has, a value is no number, or
            a table names a parameter that the file's generic table has not.
    """
    found: Tables = {GENERIC: {}}
    for file, text in sorted((texts if texts is not None else _shipped()).items()):
        tables: Mapping[str, Any] = msgspec.toml.decode(text)
        if GENERIC not in tables:
            raise ParameterError(file, "the table generic is missing; it must hold every parameter of the file")
        twice = sorted(set(found[GENERIC]) & set(tables[GENERIC]))
        if twice:
            raise ParameterError(file, f"{twice[0]!r} is in another file already; rename one")
        for name, table in tables.items():
            found.setdefault(name, {}).update(_checked(file, name, table, tables[GENERIC]))
    return found


def parameters_of(tables: Tables, kinds: Iterable[str]) -> dict[str, Floats]:
    """Parameters by name, one value a vehicle, of vehicles whose kinds (see :func:`kind_of`) are given."""
    numbers: dict[str, int] = {}
    chosen = np.array([numbers.setdefault(kind, len(numbers)) for kind in kinds], dtype=np.int64)
    names = list(tables[GENERIC])
    complete = [_complete(tables, kind) for kind in numbers]
    matrix = np.array([[table[name] for table in complete] for name in names]).reshape(len(names), len(complete))
    return dict(zip(names, matrix[:, chosen], strict=True))


def _complete(tables: Tables, kind: str) -> dict[str, float]:
    parameters = dict(tables[GENERIC])
    for part in kind.split("/"):
        parameters |= tables.get(part, {})
    return parameters


def _checked(file: str, name: str, table: Mapping[str, Any], generic: Mapping[str, Any]) -> dict[str, float]:
    for parameter, value in table.items():
        if parameter not in generic:
            raise ParameterError(file, f"{parameter!r} of table {name!r} is not in the generic table")
        if not isinstance(value, float | int):
            raise ParameterError(file, f"{parameter!r} of table {name!r} is {value!r}, a number is needed")
    return {parameter: float(value) for parameter, value in table.items()}


def _shipped() -> dict[str, str]:
    folder = resources.files("diagnostics") / "parameters"
    return {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir() if file.name.endswith(".toml")}
