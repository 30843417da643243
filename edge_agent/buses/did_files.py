"""Tables of data identifiers from files."""

from __future__ import annotations

from pathlib import Path

from edge_agent.errors import DidTableError
from edge_agent.protocols.did_table import DidTable, parse


def open_table(path: str) -> DidTable:
    """The table in that file; an empty one for no file.

    Raises:
        DidTableError: it cannot be read, or a row cannot be meant so.
    """
    if not path:
        return DidTable()
    try:
        return parse(Path(path).read_text(encoding="utf-8"), Path(path))
    except OSError as error:
        raise DidTableError(path, f"it cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise DidTableError(path, "it is no text in UTF-8") from error
