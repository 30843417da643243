"""How far ingest's own work on the inbox has come, by the number of its rows.

Rows become visible in the order of their numbers (:func:`ingest.storage.database.take_turn`), so one number says of
each row whether its samples are in history, and no row has to be written again to say so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from ingest.storage.tables import progress

if TYPE_CHECKING:
    from collections.abc import Mapping

HISTORY, SPENT, FORGOTTEN = "history", "spent", "forgotten"
"""Up to which row samples are in history, are gone from the inbox, and digests are gone too; each behind the former."""


def reached(connection: sa.Connection) -> Mapping[str, int]:
    """The last row that each work has dealt with; 0 before the first."""
    return dict.fromkeys((HISTORY, SPENT, FORGOTTEN), 0) | {
        row.work: row.inbox_id for row in connection.execute(sa.select(progress))
    }


def advance(connection: sa.Connection, work: str, *, before: int, to: int) -> bool:
    """Notes that ``work`` has come from row ``before`` to row ``to``; False where another process was quicker."""
    mine = (progress.c.work == work, progress.c.inbox_id == before)
    moved: int = connection.execute(progress.update().where(*mine).values(inbox_id=to)).rowcount
    return moved == 1
