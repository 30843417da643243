"""What arrivals are: rows for the inbox, dead letters, states, replies, notes. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import zstandard

from ingest.importing import Imported, Noted, place_of, take_in
from ingest.plausible import check_set, check_state
from ingest.together import judge_opened
from ingest.validate import Accepted, Dead, Knowledge, NeedsSet, Opened, look
from vehicle.errors import MessageError, Reason, TopicError, WireError
from vehicle.messages import Reply, State, decode
from vehicle.signal_set import SignalSet
from vehicle.topics import Kind, parse_topic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.importing import Place
    from ingest.subscriber import Arrival

Verdict = Accepted | Imported | Dead | NeedsSet


@dataclass(slots=True)
class Work:
    """What arrivals amount to before the database is asked."""

    verdicts: list[Verdict] = field(default_factory=list)
    noted: list[Noted] = field(default_factory=list)
    states: list[tuple[str, State, int, bool]] = field(default_factory=list)
    replies: list[tuple[str, Reply]] = field(default_factory=list)


def sort_out(arrivals: Sequence[Arrival], knowledge: Knowledge) -> Work:
    """What each arrival is; one that cannot be read becomes a dead letter."""
    sorting = _Sorting(knowledge)
    for arrival in arrivals:
        sorting.take(arrival)
    return sorting.done()


def dead_letter(device: str | None, arrival: Arrival, reason: Reason, sentence: str) -> Dead:
    """The dead letter that an arrival becomes."""
    return Dead(device_id=device, topic=arrival.topic, reason=reason, sentence=sentence, payload=arrival.payload)


class _Sorting:
    """Arrivals one after the other; the rows of packed batches are read together at the end."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._sets = dict(knowledge.signal_sets)
        self._knowledge = Knowledge(
            vehicles=knowledge.vehicles, signal_sets=self._sets, anchors=dict(knowledge.anchors)
        )
        self._zstd = zstandard.ZstdDecompressor()
        self._work = Work()
        self._found: list[Verdict | Opened] = []

    def take(self, arrival: Arrival) -> None:
        """Takes the next one."""
        foreign = place_of(arrival.topic)
        if foreign is not None:
            self._take_foreign(foreign, arrival)
            return
        try:
            device, kind = parse_topic(arrival.topic)
        except TopicError as error:
            self._found.append(dead_letter(None, arrival, Reason.IDENTITY_MISMATCH, str(error)))
            return
        if kind in {Kind.TELEMETRY, Kind.EVENT}:
            self._take_numbered(device, kind, arrival)
        elif device in self._knowledge.vehicles and arrival.payload:
            self._take_message(device, kind, arrival)

    def done(self) -> Work:
        """What they amount to."""
        opened = [found for found in self._found if isinstance(found, Opened)]
        judged = iter(judge_opened(opened, self._knowledge))
        self._work.verdicts = [next(judged) if isinstance(found, Opened) else found for found in self._found]
        return self._work

    def _take_numbered(self, device: str, kind: Kind, arrival: Arrival) -> None:
        known, now_ms = self._knowledge, arrival.received_ms
        found = look(device, kind, arrival.topic, arrival.payload, known, now_ms, self._zstd)
        if isinstance(found, Accepted) and found.signal_set is not None:
            self._sets.setdefault(found.signal_set.id, found.signal_set)
        self._found.append(found)

    def _take_foreign(self, place: Place, arrival: Arrival) -> None:
        if not arrival.payload:
            return
        topic, payload, now_ms = arrival.topic, arrival.payload, arrival.received_ms
        found = take_in(place, topic, payload, self._knowledge, now_ms, retained=arrival.retained)
        if isinstance(found, Noted):
            self._work.noted.append(found)
        else:
            self._found.append(found)

    def _take_message(self, device: str, kind: Kind, arrival: Arrival) -> None:
        try:
            if kind is Kind.REPLY:
                self._work.replies.append((device, decode(Reply, arrival.payload)))
            elif kind is Kind.STATE:
                self._take_state(device, arrival)
        except MessageError as error:
            self._found.append(dead_letter(device, arrival, Reason.DECODE, str(error)))
        except WireError as error:
            self._found.append(dead_letter(device, arrival, error.reason, str(error)))

    def _take_state(self, device: str, arrival: Arrival) -> None:
        state = decode(State, arrival.payload)
        check_state(state)
        announced = [SignalSet.from_announced(rows) for rows in state.signal_sets.values()]
        for found in announced:
            check_set(found)
        self._sets.update({found.id: found for found in announced})
        self._work.states.append((device, state, arrival.received_ms, arrival.retained))
