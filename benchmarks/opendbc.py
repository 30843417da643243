"""DBC files of the PyPI package opendbc; the package itself is not imported."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from benchmarks.errors import MissingPeerError


def file(name: str, *, bench: str) -> Path:
    """The path of a DBC file.

    Raises:
        MissingPeerError: opendbc is not installed, or has no such file.
    """
    spec = importlib.util.find_spec("opendbc")
    places = list(spec.submodule_search_locations or []) if spec else []
    found = [path for place in places if (path := Path(place) / "dbc" / name).is_file()]
    if not found:
        raise MissingPeerError(bench, "opendbc")
    return found[0]
