"""python-can as the car can afford it.

Where asammdf is installed, python-can loads it when it is imported, and with it pandas and polars: 110 MiB instead of
27. So asammdf is hidden while python-can is loaded; cantools, which imports python-can, comes after this module too.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from types import ModuleType

_HEAVY = "asammdf"
sys.modules.setdefault(_HEAVY, cast("ModuleType", None))

import can as can  # noqa: E402, PLC0414  after asammdf is hidden; other modules take it from here
from can.io.blf import BLFParseError as BLFParseError  # noqa: E402, PLC0414  likewise


def asammdf() -> ModuleType:
    """The library of measurement files, which is an optional one.

    Raises:
        ImportError: it is not installed.
    """
    if sys.modules.get(_HEAVY) is None:
        sys.modules.pop(_HEAVY, None)
    return importlib.import_module(_HEAVY)
