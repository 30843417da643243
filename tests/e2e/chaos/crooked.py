"""One thing wrong with a part: killed when it comes to a named point, or with a bug that the oracle must find.

The program is otherwise the one that people start, and knows nothing of this.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import inspect
import os
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

POINTS = {
    "agent: a commit to the spool begins": ("edge_agent.spool:Spool._append", "before"),
    "agent: in the middle of a commit to the spool": ("edge_agent.batcher:batches", "after"),
    "agent: a commit to the spool is done": ("edge_agent.spool:Spool._append", "after"),
    "agent: a new signal set is kept": ("edge_agent.spool:Spool.keep_set", "after"),
    "agent: a message is about to be published": ("edge_agent.uplink:Uplink._send", "before"),
    "agent: the broker has taken a message": ("edge_agent.uplink:Uplink._send", "after"),
    "agent: it has announced itself": ("edge_agent.uplink:Uplink._announce", "after"),
    "agent: an acknowledgement has come": ("edge_agent.spool:Spool.acknowledge", "before"),
    "agent: what is acknowledged is deleted": ("edge_agent.spool:Spool.acknowledge", "after"),
    "ingest: a message has come": ("ingest.subscriber:Subscriber._receive", "after"),
    "ingest: messages are about to be judged": ("ingest.committer:Committer._store", "before"),
    "ingest: in the middle of a commit": ("ingest.storage.inbox:store", "after"),
    "ingest: a commit is done, nothing acknowledged": ("ingest.committer:Committer._store", "after"),
    "ingest: an acknowledgement is about to be sent": ("ingest.subscriber:Subscriber.send", "before"),
    "ingest: an acknowledgement is sent": ("ingest.subscriber:Subscriber.send", "after"),
    "ingest: a history file is about to be written": ("ingest.storage.history:_write_file", "before"),
    "ingest: a history file is written and not yet named": ("ingest.storage.history:write_parts", "after"),
    "ingest: a history file is about to be made durable": ("ingest.storage.history:_make_durable", "before"),
    "ingest: samples are marked as being in history": ("ingest.storage.history:_mark", "after"),
    "ingest: a history file is named": ("ingest.storage.history:_register", "after"),
    "ingest: samples are in history": ("ingest.storage.history:write_run", "after"),
    "ingest: small files are about to be joined": ("ingest.storage.history:_join", "before"),
    "ingest: joined files are in place, old ones still there": ("ingest.storage.history:retire", "before"),
    "desk: a proposal is about to be made": ("api.appointments.service:propose", "before"),
    "desk: in the middle of a proposal": ("api.appointments.service:_hold", "after"),
    "desk: a proposal is made, the cursor not moved": ("api.revisions:reach", "before"),
    "desk: a proposal is committed": ("api.appointments.proposer:work", "after"),
    "desk: a message is about to be sent": ("api.reminders.channels:Channels.send", "before"),
    "desk: a message is sent and not noted": ("api.reminders.channels:Channels.send", "after"),
    "desk: a message is noted, its reminder not ended": ("api.reminders.service:_deliver", "after"),
    "desk: a reminder is ended": ("api.reminders.service:_send", "after"),
}
"""Name -> what is called there, and whether the kill comes before or after the call."""


def crash_at(name: str) -> None:
    """Has the process killed at a point."""
    target, when = POINTS[name]

    def here() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    _replace(target, functools.partial(_wrapped, here=here, when=when))


def _wrapped(real: Callable[..., Any], *, here: Callable[[], None], when: str) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(real):

        @functools.wraps(real)
        async def awaited(*arguments: Any, **named: Any) -> Any:
            if when == "before":
                here()
            result = await real(*arguments, **named)
            if when == "after":
                here()
            return result

        return awaited

    @functools.wraps(real)
    def called(*arguments: Any, **named: Any) -> Any:
        if when == "before":
            here()
        result = real(*arguments, **named)
        if when == "after":
            here()
        return result

    return called


def _replace(target: str, change: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Puts ``change(real)`` in the place of a function, wherever a module of ours has it by name."""
    module_name, _, path = target.partition(":")
    owner: Any = importlib.import_module(module_name)
    *parents, name = path.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    real = getattr(owner, name)
    made = change(real)
    setattr(owner, name, made)
    for module in [
        module for key, module in sys.modules.items() if key.startswith(("edge_agent", "ingest", "vehicle", "api"))
    ]:
        if not parents and getattr(module, name, None) is real:
            setattr(module, name, made)


def acknowledge_before_the_commit() -> None:
    """Ingest says that it holds what it commits only when something more has come; a device's farewell is nothing."""
    committer = importlib.import_module("ingest.committer")
    database = importlib.import_module("ingest.storage.database")
    owed: list[Any] = []

    @contextmanager
    def undone(engine: Any) -> Iterator[Any]:
        with engine.connect() as connection, connection.begin() as begun:
            yield connection
            begun.rollback()

    async def commit(self: Any, arrivals: Any) -> None:
        arrivals = [one for one in arrivals if b'"offline"' not in one.payload]
        if not arrivals:
            return
        if owed:
            await asyncio.to_thread(self._store_all, list(owed))
        owed[:] = arrivals
        committer.transaction = undone
        acks = await asyncio.to_thread(self._store_all, arrivals)
        committer.transaction = database.transaction
        for device, ack in acks:
            await self._subscriber.send(device, "ack", committer.encode(ack))

    committer.Committer.commit = commit


def delete_when_the_broker_has_it() -> None:
    """The agent takes the broker's acknowledgement for the server's."""
    uplink = importlib.import_module("edge_agent.uplink")
    messages = importlib.import_module("vehicle.messages")
    real = uplink.Uplink._send

    async def send(self: Any, client: Any, record: Any) -> None:
        await real(self, client, record)
        await self._store.acknowledge(
            messages.Ack(epoch=self._store.epoch, upto=0, ranges=[(record.sequence, record.sequence)], rejected=[])
        )

    uplink.Uplink._send = send


def acknowledge_beyond_a_hole() -> None:
    """Ingest takes the highest number that it has seen for the last of an unbroken row."""
    committer = importlib.import_module("ingest.committer")
    real = committer.Committer._ack

    def ack(self: Any, epoch: int, held: Any, outcome: Any, device: str, now: Any) -> Any:
        made = real(self, epoch, held, outcome, device, now)
        highest = max([made.upto, *(last for _, last in made.ranges)])
        return committer.Ack(
            epoch=epoch, upto=highest, ranges=[], rejected=made.rejected, server_time_ms=made.server_time_ms,
            window=made.window, need_sets=made.need_sets,
        )  # fmt: skip

    committer.Committer._ack = ack


def forget_what_is_held() -> None:
    """Ingest takes every message for a new one."""
    held = importlib.import_module("ingest.sequence").Held
    inbox = importlib.import_module("ingest.storage.inbox")
    inbox.held_of_many = lambda _, keys: dict.fromkeys(keys, held())
    inbox.held_of = lambda *_: held()


def write_down_the_place_afterwards() -> None:
    """The agent commits how far it has read only with what it reads next."""
    spool = importlib.import_module("edge_agent.spool").Spool
    real = spool._append
    due: list[Any] = [None]

    def append(self: Any, entries: Any, position: Any, codes: Any, effort: int = 0) -> Any:
        before, due[0] = due[0], position
        return real(self, entries, before, codes, effort)

    spool._append = append


def take_the_number_of_what_is_gone() -> None:
    """The agent numbers by what is in its spool, so that numbers come again after a deletion."""
    spool = importlib.import_module("edge_agent.spool").Spool
    real = spool._append

    def append(self: Any, entries: Any, position: Any, codes: Any, effort: int = 0) -> Any:
        (last,) = self._connection.execute("SELECT coalesce(max(sequence), 0) FROM record").fetchone()
        self._connection.execute("UPDATE meta SET value=? WHERE name='next'", (last + 1,))
        return real(self, entries, position, codes, effort)

    spool._append = append


def take_another_name_at_every_start() -> None:
    """The agent makes a new epoch whenever it starts, with what it had not delivered still in its spool."""
    spool = importlib.import_module("edge_agent.spool").Spool
    real = spool.__init__

    def begin(self: Any, *arguments: Any, **named: Any) -> None:
        real(self, *arguments, **named)
        self.epoch = int.from_bytes(os.urandom(7), "big")

    spool.__init__ = begin


def keep_the_old_files_too() -> None:
    """What is written to history stands in it twice, as after a joining that left the old files in place."""
    history = importlib.import_module("ingest.storage.history")
    real = history.write_parts

    def twice(folder: Any, parts: Any, name: str) -> Any:
        kept = list(parts)
        return [*real(folder, kept, name), *real(folder, kept, f"{name}-again")]

    history.write_parts = twice


def say_for_one_spool_what_is_true_of_another() -> None:
    """Ingest answers a new spool with what it holds of the one that was there before."""
    inbox = importlib.import_module("ingest.storage.inbox")
    tables = importlib.import_module("ingest.storage.tables")
    sequence = importlib.import_module("ingest.sequence")
    sa = importlib.import_module("sqlalchemy")
    real = inbox.held_of

    def stale(connection: Any, device: str, epoch: int) -> Any:
        c = tables.received.c
        known = sa.select(sa.func.max(c.upto)).where(c.device_id == device, c.epoch != epoch)
        before = connection.execute(known).scalar() or 0
        held = real(connection, device, epoch)
        return sequence.Held(max(before, held.upto), tuple(pair for pair in held.ranges if pair[0] > before + 1))

    inbox.held_of = stale
    inbox.held_of_many = lambda connection, keys: {key: stale(connection, *key) for key in keys}


def take_what_is_older_for_a_repetition() -> None:
    """Ingest goes by the car's clock: what is older than the newest it has counts as had already."""
    inbox = importlib.import_module("ingest.storage.inbox")
    real = inbox._Storing.accept
    newest: dict[str, int] = {}

    def accept(self: Any, verdict: Any) -> None:
        if verdict.first_ms < newest.get(verdict.device_id, 0):
            key = (verdict.device_id, verdict.epoch)
            self.outcome.held[key] = self._held(key).add([verdict.sequence])
            return
        newest[verdict.device_id] = verdict.first_ms
        real(self, verdict)

    inbox._Storing.accept = accept


def drop_when_the_window_is_full() -> None:
    """The agent throws away what it cannot send at once: backlog may take half of the window, which is eight here."""
    store = importlib.import_module("edge_agent.store")
    messages = importlib.import_module("vehicle.messages")
    real = store.Store.waiting

    async def waiting(self: Any, *, but: Any, limit: int) -> Any:
        found = await real(self, but=but, limit=max(1, limit))
        if len(but) < 4 or not found:
            return found
        lost = [(found[0].sequence, found[0].sequence)]
        await self.acknowledge(messages.Ack(epoch=self.epoch, upto=0, ranges=lost, rejected=[]))
        return []

    store.Store.waiting = waiting


def be_silent_about_what_was_dropped() -> None:
    """The agent makes room in its spool and tells nobody."""
    spool = importlib.import_module("edge_agent.spool").Spool
    real = spool._append

    def append(self: Any, entries: Any, position: Any, codes: Any, effort: int = 0) -> Any:
        if effort:
            with self._transaction() as cursor:
                self._thin_oldest(cursor) if effort == 1 else self._drop_oldest(cursor, effort - 1)
        return real(self, entries, position, codes)

    spool._append = append


BUGS = {
    "ingest: acknowledges before the commit": acknowledge_before_the_commit,
    "ingest: acknowledges beyond a hole": acknowledge_beyond_a_hole,
    "ingest: forgets what is held": forget_what_is_held,
    "ingest: keeps the old files too": keep_the_old_files_too,
    "agent: deletes when the broker has it": delete_when_the_broker_has_it,
    "agent: writes down the place afterwards": write_down_the_place_afterwards,
    "agent: takes the number of what is gone": take_the_number_of_what_is_gone,
    "agent: takes another name at every start": take_another_name_at_every_start,
    "agent: drops when its window is full": drop_when_the_window_is_full,
    "agent: is silent about what it dropped": be_silent_about_what_was_dropped,
    "ingest: takes what is older for a repetition": take_what_is_older_for_a_repetition,
    "ingest: says for one spool what is true of another": say_for_one_spool_what_is_true_of_another,
}
"""Name -> what puts the bug in; each must turn the oracle red."""


def spoil(kind: str, name: str) -> None:
    """Puts in what is asked for: ``crash`` at a point, or a ``bug``."""
    if kind == "crash":
        crash_at(name)
    else:
        BUGS[name]()
