"""What was committed is delivered or reported as a gap, whatever the disk does."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from edge_agent.errors import SpoolError
from edge_agent.spool import Entry, Gone, Position, Spool
from vehicle.messages import Ack, Rejected
from vehicle.wire import Lane

MEGABYTE = 1024 * 1024


def entry(lane: Lane, text: str = "", size: int = 0) -> Entry:
    """Bytes that tell their own epoch and sequence."""
    return Entry(lane, lambda epoch, sequence: f"{epoch}/{sequence}/{text}".encode().ljust(size, b"."))


def gap(gone: Gone) -> Entry:
    told = json.dumps([gone.first, gone.last, gone.count, gone.rows, gone.reason])
    return Entry(Lane.EVENT, lambda _epoch, _sequence: b"gap" + told.encode())


def opened(path: Path, max_bytes: int = 8 * MEGABYTE) -> Spool:
    return Spool(path, max_bytes=max_bytes, gap=gap)


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    return tmp_path / "spool.db"


def everything(spool: Spool) -> list[int]:
    return [record.sequence for record in spool.waiting(but=(), limit=10**6)]


class Delivery(RuleBasedStateMachine):
    """Appending, acknowledging, closing and opening in any order, against a plain model."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "spool.db"
        self.spool = opened(self.path)
        self.epoch, self.next = self.spool.epoch, 1
        self.model: dict[int, Lane] = {}

    @rule(lanes=st.lists(st.sampled_from(list(Lane)), max_size=5))
    def append(self, lanes: list[Lane]) -> None:
        self.spool.append([entry(lane) for lane in lanes], Position("log", 5, self.next, 7))
        for lane in lanes:
            self.model[self.next] = lane
            self.next += 1

    @rule(upto=st.integers(0, 20), span=st.tuples(st.integers(1, 40), st.integers(0, 5)), refused=st.integers(0, 40))
    def acknowledge(self, upto: int, span: tuple[int, int], refused: int) -> None:
        first, last = span[0], span[0] + span[1]
        held = {one for one in self.model if one <= upto or first <= one <= last or one == refused}
        ack = Ack(
            epoch=self.epoch, upto=upto, ranges=[(first, last)], rejected=[Rejected(sequence=refused, reason="crc")]
        )
        assert self.spool.acknowledge(ack) == len(held)
        for one in held:
            del self.model[one]

    @rule(upto=st.integers(0, 50))
    def a_foreign_acknowledgement(self, upto: int) -> None:
        assert self.spool.acknowledge(Ack(epoch=self.epoch + 1, upto=upto)) == 0

    @rule()
    def open_anew(self) -> None:
        self.spool.close()
        self.spool = opened(self.path)
        assert self.spool.epoch == self.epoch
        known = self.spool.position("log")
        assert known is None or known.start_ms == 5
        self.nothing_is_live()

    @rule()
    def reconnect(self) -> None:
        self.spool.begin_sending()
        self.nothing_is_live()

    def nothing_is_live(self) -> None:
        self.model = {one: Lane.BACKLOG if lane is Lane.LIVE else lane for one, lane in self.model.items()}

    @invariant()
    def what_waits_is_what_was_not_acknowledged(self) -> None:
        if not hasattr(self, "spool"):
            return
        records = self.spool.waiting(but=(), limit=10**6)
        assert [(one.lane, one.sequence) for one in records] == sorted((lane, one) for one, lane in self.model.items())
        assert all(one.payload.startswith(f"{self.epoch}/{one.sequence}/".encode()) for one in records)

    def teardown(self) -> None:
        if hasattr(self, "spool"):
            self.spool.close()
            self.folder.cleanup()


TestDelivery = Delivery.TestCase
TestDelivery.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)


def test_a_full_spool_drops_the_oldest_telemetry_and_says_so(path: Path) -> None:
    """Events stay; every sequence that is missing is named by a gap; what came last is there."""
    spool = opened(path, max_bytes=2 * MEGABYTE)
    spool.append([entry(Lane.EVENT, "first")])
    for _ in range(200):
        spool.append([entry(Lane.LIVE, size=20_000)])
    records = spool.waiting(but=(), limit=10**6)
    here = {one.sequence for one in records}
    gaps = [json.loads(one.payload[3:]) for one in records if one.payload.startswith(b"gap")]
    missing = set(range(1, max(here) + 1)) - here
    assert missing
    assert missing == {one for first, last, *_ in gaps for one in range(first, last + 1)} - here
    assert sum(count for _, _, count, *_ in gaps) == len(missing)
    assert 1 in here
    assert path.stat().st_size <= 2 * MEGABYTE


@pytest.mark.parametrize("size", [60, 325, 1000])
def test_a_full_spool_connects_whatever_was_live(path: Path, size: int) -> None:
    """Where there is no room for a single page more, what was live becomes backlog all the same."""
    spool = opened(path, max_bytes=256 * 1024)
    while not any(one.payload.startswith(b"gap") for one in spool.waiting(but=(), limit=1)):
        spool.append([entry(Lane.LIVE, size=size) for _ in range(20)])
    for _ in range(60):  # at every degree of fullness
        spool.append([entry(Lane.LIVE, size=size) for _ in range(3)])
        spool.begin_sending()
        assert {one.lane for one in spool.waiting(but=(), limit=10**6)} == {Lane.EVENT, Lane.BACKLOG}


def test_nothing_is_dropped_without_its_gap(path: Path) -> None:
    """What stops the spool between dropping and saying so undoes the dropping too."""

    def killed(*_: object) -> Entry:
        raise KeyboardInterrupt

    spool = Spool(path, max_bytes=2 * MEGABYTE, gap=killed)
    kept: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        for _ in range(200):
            kept = everything(spool)
            spool.append([entry(Lane.LIVE, size=20_000)])
    assert everything(spool) == kept == list(range(1, len(kept) + 1))


def test_a_spool_full_of_events_says_what_to_do(path: Path) -> None:
    """Events are never dropped; what could not be kept is refused loudly."""
    spool = opened(path, max_bytes=MEGABYTE)
    with pytest.raises(SpoolError, match="full of events"):
        for _ in range(200):
            spool.append([entry(Lane.EVENT, size=20_000)])
    assert everything(spool) == list(range(1, len(everything(spool)) + 1))


def test_a_damaged_file_is_set_aside(path: Path) -> None:
    """A new epoch begins, the old file stays for whoever wants to look, and the gap is reported."""
    first = opened(path)
    first.append([entry(Lane.LIVE)])
    first.close()
    path.write_bytes(b"no database" * 1000)
    spool = opened(path)
    assert spool.epoch != first.epoch
    assert len(list(path.parent.glob("*.damaged-*"))) == 1
    (record,) = spool.waiting(but=(), limit=9)
    assert b"set aside" in record.payload


def test_a_second_agent_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_agent.spool.BUSY_S", 0.05)
    first = opened(path)
    with pytest.raises(SpoolError, match="in use by another agent"):
        opened(path)
    first.close()


def test_events_go_first_then_live_then_backlog(path: Path) -> None:
    spool = opened(path)
    spool.append([entry(Lane.BACKLOG), entry(Lane.LIVE), entry(Lane.EVENT)])
    assert everything(spool) == [3, 2, 1]
    assert [one.sequence for one in spool.waiting(but={3}, limit=1)] == [2]


def test_codes_are_remembered_with_the_events_that_told_them(path: Path) -> None:
    spool = opened(path)
    key = ("7E8", "P0301", "stored")
    spool.append([entry(Lane.EVENT)], codes=[(key, True), (("7E8", "P0420", "stored"), True)])
    spool.append([entry(Lane.EVENT)], codes=[(("7E8", "P0420", "stored"), False)])
    spool.close()
    assert opened(path).codes() == {key}


def test_signal_sets_are_kept(path: Path) -> None:
    spool = opened(path)
    spool.keep_set("abc", [["Vehicle.Speed", 1]])
    spool.close()
    assert opened(path).sets() == {"abc": [["Vehicle.Speed", 1]]}
