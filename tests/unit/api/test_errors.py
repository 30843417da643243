"""Errors of the service desk as classes: one root, and sentences that can be said in another language."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from datetime import UTC, datetime

import api
from api.errors import DeskError, NotFoundError, SlotTakenError, TooManyTriesError
from api.idempotency import AnsweredError


def exceptions() -> set[type[Exception]]:
    """Every exception class that a module of the desk defines."""
    names = [found.name for found in pkgutil.walk_packages(api.__path__, "api.") if ".migrations" not in found.name]
    kinds = (kind for name in names for kind in vars(importlib.import_module(name)).values())
    return {
        kind for kind in kinds if inspect.isclass(kind) and issubclass(kind, Exception) and kind.__module__ in names
    }


def test_everything_that_the_desk_refuses_has_one_root() -> None:
    """A caller who catches DeskError catches every refusal; an answer that is repeated is none."""
    strangers = {kind for kind in exceptions() if not issubclass(kind, DeskError)}
    assert strangers == {AnsweredError}


def test_an_error_keeps_its_values_beside_its_sentence() -> None:
    """What stands in the sentence can be read by programs, and told in other words."""
    error = TooManyTriesError(7)
    assert str(error) == "too many tries; try again in 7 s"
    assert error.values == {"seconds": 7}
    assert (
        SlotTakenError(datetime(2026, 3, 2, tzinfo=UTC)).sentence.format(start="now")
        == "now was taken meanwhile; choose another time"
    )


def test_braces_of_strangers_are_no_placeholders() -> None:
    """A name that looks like a placeholder stands in the sentence as it is."""
    assert "'{0.__class__}'" in str(NotFoundError("vehicle", "{0.__class__}"))
