"""How many examples property tests try: few each time, and many times more in a long search for harm."""

from __future__ import annotations

import os

from hypothesis import settings

VARIABLE = "ROADWORTHY_EXAMPLES"
_USUAL = 100


def examples(usual: int) -> int:
    """``usual``, as many times as the variable says; `make fuzz` sets it."""
    return usual * int(os.environ.get(VARIABLE, "1"))


def register_profile() -> None:
    """Lets tests that name no number of examples follow the variable, where it is set; no example is too slow then."""
    if VARIABLE in os.environ:
        settings.register_profile("many", max_examples=examples(_USUAL), deadline=None)
        settings.load_profile("many")
