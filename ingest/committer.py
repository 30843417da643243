"""From arrivals to one committed transaction, and from that to acknowledgements."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, OrderedDict
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ingest import devices
from ingest.ending import is_cancelled
from ingest.importing import Imported, device_of
from ingest.quarantine import Quarantine
from ingest.sorting import dead_letter, sort_out
from ingest.storage import campaigns, commands, inbox, letters
from ingest.storage.database import reading, transaction
from ingest.validate import Accepted, Dead, Knowledge, NeedsSet
from vehicle.errors import Reason
from vehicle.messages import Ack, encode
from vehicle.signal_set import SignalSet
from vehicle.topics import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingest.sequence import Held
    from ingest.settings import IngestSettings
    from ingest.sorting import Work
    from ingest.subscriber import Arrival, Subscriber

LOG = logging.getLogger(__name__)
MAX_LETTERS = 10_000
"""Dead letters kept of one device; the oldest go first (our choice)."""
MAX_RANGES = 200
_MAX_TRIES_KEPT = 10_000
_NEVER = datetime.min.replace(tzinfo=UTC)
RETRY_AFTER_FAILURE_S = 1.0


class Committer:
    """Commits arrivals in groups; knows devices, signal sets and anchors from the database."""

    def __init__(self, engine: sa.Engine, settings: IngestSettings, subscriber: Subscriber) -> None:
        self._engine, self._settings, self._subscriber = engine, settings, subscriber
        self._tries: OrderedDict[tuple[str, int, int], int] = OrderedDict()
        self._quarantine = Quarantine()
        self._sets: dict[str, SignalSet] = {}
        self._seen: dict[str, datetime] = {}
        self._failing = False

    async def take(self, arrivals: Sequence[Arrival | None]) -> None:
        """Commits arrivals in their order; where there was no connection (None), no device is known to be there."""
        for lost, some in groupby(arrivals, key=lambda one: one is None):
            if lost:
                await self._forget_presence()
            else:
                await self.commit([one for one in some if one is not None])

    async def commit(self, arrivals: Sequence[Arrival]) -> None:
        """Stores ``arrivals`` and acknowledges what is held then; on a database failure nothing is acknowledged."""
        try:
            acks = await asyncio.to_thread(self._store_all, arrivals)
        except sa.exc.OperationalError as error:
            await self._pause(error)
            return
        self._note_success()
        for device_id, ack in acks:
            await self._subscriber.send(device_id, Kind.ACK, encode(ack))

    async def _forget_presence(self) -> None:
        """Before anything that comes after it: what devices say of themselves then holds."""
        while not is_cancelled():
            try:
                await asyncio.to_thread(self._mark_offline)
            except sa.exc.DBAPIError as error:
                await self._pause(error)
            else:
                self._note_success()
                return

    def _mark_offline(self) -> None:
        with transaction(self._engine) as connection:
            inbox.forget_presence(connection)

    async def _pause(self, error: sa.exc.DBAPIError) -> None:
        if not self._failing:
            LOG.error("the database refuses (%s); the devices keep their data and send it again", error.orig)
        self._failing = True
        await asyncio.sleep(RETRY_AFTER_FAILURE_S)

    def _note_success(self) -> None:
        if self._failing:
            LOG.info("the database takes messages again")
        self._failing = False

    def _store_all(self, arrivals: Sequence[Arrival]) -> list[tuple[str, Ack]]:
        try:
            return self._store(arrivals)
        except sa.exc.OperationalError:
            raise
        except Exception:
            LOG.exception("%d messages cannot be stored together; trying them one by one", len(arrivals))
        return [ack for arrival in arrivals for ack in self._store_alone(arrival)]

    def _store_alone(self, arrival: Arrival) -> list[tuple[str, Ack]]:
        """Stores one message; what makes the software stumble goes to dead letters, so that it stops nobody else."""
        try:
            return self._store([arrival])
        except sa.exc.OperationalError:
            raise
        except Exception as error:
            LOG.exception("a message on %s cannot be stored", arrival.topic)
            sentence = f"it made the software stumble: {type(error).__name__}: {error}"
            dead = dead_letter(None, arrival, Reason.DECODE, sentence)
            with transaction(self._engine) as connection:
                now = datetime.now(UTC)
                inbox.store(connection, [dead], now=now, tries={}, quarantine=self._quarantine)
            return []

    def _store(self, arrivals: Sequence[Arrival]) -> list[tuple[str, Ack]]:
        now = datetime.now(UTC)
        work, vehicles = self._judge(arrivals)
        self._note_tries(work)
        with transaction(self._engine) as connection:
            outcome = inbox.store(
                connection, work.verdicts, now=now, tries=self._tries, quarantine=self._quarantine, kept=self._sets
            )
            seen = self._unseen(_senders(work), now)
            inbox.note_seen(connection, seen, now)
            _keep_notes(connection, work, now)
            asked = self._keep_states(connection, work, now)
            _keep_replies(connection, work, now)
            for device in {verdict.device_id for verdict in work.verdicts if isinstance(verdict, Dead)}:
                letters.forget_beyond(connection, device, keep=MAX_LETTERS)
        self._seen.update(dict.fromkeys(seen, now))
        return [
            (device, self._ack(epoch, held, outcome, device, now))
            for (device, epoch), held in {**outcome.held, **asked}.items()
            if device in vehicles
        ]

    def _unseen(self, senders: set[str], now: datetime) -> set[str]:
        """Those of whom we have not noted lately that they sent something."""
        return {device for device in senders if now - self._seen.get(device, _NEVER) >= inbox.SEEN_EVERY}

    def _judge(self, arrivals: Sequence[Arrival]) -> tuple[Work, Mapping[str, str]]:
        """What the arrivals are, and the vehicles of the devices that they are of.

        A signal set never changes, so those that are known are kept; all are read anew where one is missing.
        """
        names = {name for arrival in arrivals if (name := device_of(arrival.topic)) is not None}
        with reading(self._engine) as connection:
            vehicles = devices.vehicles_of(connection, names)
            anchors = inbox.known_anchors(connection, names)
        work = sort_out(arrivals, Knowledge(vehicles=vehicles, signal_sets=self._sets, anchors=anchors))
        if any(isinstance(one, NeedsSet) for one in work.verdicts):
            with reading(self._engine) as connection:
                self._sets = inbox.known_sets(connection)
            work = sort_out(arrivals, Knowledge(vehicles=vehicles, signal_sets=self._sets, anchors=anchors))
        return work, vehicles

    def _ack(self, epoch: int, held: Held, outcome: inbox.Outcome, device: str, now: datetime) -> Ack:
        key = (device, epoch)
        return Ack(
            epoch=epoch,
            upto=held.upto,
            ranges=list(held.ranges[:MAX_RANGES]),
            rejected=outcome.rejected.get(key, []),
            server_time_ms=int(now.timestamp() * 1000),
            window=self._settings.window,
            need_sets=sorted(outcome.need_sets.get(key, ())),
        )

    def _note_tries(self, work: Work) -> None:
        for verdict in work.verdicts:
            if isinstance(verdict, NeedsSet):
                identity = (verdict.device_id, verdict.epoch, verdict.sequence)
                self._tries[identity] = self._tries.pop(identity, 0) + 1
        while len(self._tries) > _MAX_TRIES_KEPT:
            self._tries.popitem(last=False)

    def _keep_states(self, connection: sa.Connection, work: Work, now: datetime) -> dict[tuple[str, int], Held]:
        asked = {}
        for device, state, received_ms, retained in work.states:
            online = state.status == "online"
            inbox.set_presence(connection, device, online=online, now=now)
            inbox.keep_sets(connection, (SignalSet.from_announced(rows) for rows in state.signal_sets.values()))
            if online and state.boot_id and not retained:  # a retained one's clock stood still since
                inbox.keep_anchor(connection, device, state.boot_id, received_ms - state.monotonic_ms)
            if online:
                inbox.note_listen_only(connection, device, listen_only=state.listen_only)
                campaigns.note_taken(connection, device, state.config_version, state.refused, now)
                asked[device, state.epoch] = inbox.settle(connection, device, state.epoch, state.first)
        return asked


def _senders(work: Work) -> set[str]:
    return {one.device_id for one in work.verdicts if isinstance(one, Accepted | Imported)}


def _keep_notes(connection: sa.Connection, work: Work, now: datetime) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    for note in work.noted:
        if note.online is not None:
            inbox.set_presence(connection, note.device_id, online=note.online, now=now)
        for name, count in note.counts.items():
            counts[note.device_id, name] += count
    inbox.add_counts(connection, counts)


def _keep_replies(connection: sa.Connection, work: Work, now: datetime) -> None:
    strays: Counter[tuple[str, str]] = Counter()
    for device, reply in work.replies:
        kept = commands.record_reply(
            connection, command_id=reply.id, device_id=device, status=reply.status, result=reply.result,
            reason=reply.reason, now=now,
        )  # fmt: skip
        if not kept:
            strays[device, "stray_reply"] += 1
    inbox.add_counts(connection, strays)
