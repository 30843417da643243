"""Campaigns in the car: budgets, ends, restarts, and what is refused."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from edge_agent.campaigns.book import DAY_MS, Book
from edge_agent.campaigns.record import record
from edge_agent.campaigns.runner import Runner
from edge_agent.campaigns.tap import Tap
from edge_agent.clock import Clock
from edge_agent.polling import Poller
from edge_agent.spool import Spool
from edge_agent.store import Store
from vehicle.batch import TimeQuality
from vehicle.campaign import CapturePart, Config, read_part
from vehicle.messages import Command, Reply
from vehicle.signals import COOLANT_TEMPERATURE, ENGINE_SPEED, SPEED
from vehicle.wire import decode_envelope, decode_event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

from tests.unit.edge_agent.campaigns_given import CAMPAIGN, changed


class Bench:
    """A runner over a real spool, with the server's time in our hands."""

    def __init__(self, folder: Path, tap: Tap | None = None) -> None:
        spool = Spool(folder / "spool.db", max_bytes=1 << 24, gap=lambda *_: pytest.fail("nothing may be dropped"))
        self.store, self.tap = Store(spool), tap
        self.now_ms = DAY_MS * 20_000
        self.book = Book(folder / "campaigns.json")
        self.runner = Runner(tap, self.store, Clock(), self.book, lambda: self.now_ms)

    async def drive(self, *speeds: int, begin_ms: int = 1000) -> None:
        """A recording with a reading a second, and its end."""
        for second, speed in enumerate(speeds):
            self.runner.read_row(begin_ms + 1000 * second, {SPEED: speed}, TimeQuality.RECORDED)
        self.runner.end()
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            running = group.create_task(self.runner.run())
            while not self.runner.idle:
                await asyncio.sleep(0.01)
            running.cancel()

    async def close(self) -> None:
        """Waits for what a cancelled run is still writing; closed under it, SQLite ends the whole process."""
        await self.store.close()

    async def parts(self) -> list[CapturePart]:
        """What lies in the spool."""
        records = await self.store.waiting(but=(), limit=1000)
        return [read_part(decode_event(decode_envelope(one.payload).body).data) for one in records]


@pytest.fixture(name="bench")
async def _bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(tmp_path)
    yield made
    await made.close()


async def test_nothing_is_kept_without_a_trigger(bench: Bench) -> None:
    """A campaign whose condition is never true sends nothing."""
    await bench.runner.take(Config(version=1, campaigns=[CAMPAIGN]))
    await bench.drive(*[70] * 50)
    assert await bench.parts() == []


async def test_what_was_told_holds_after_a_restart(bench: Bench, tmp_path: Path) -> None:
    """A device that starts again without a network carries its campaigns out, and knows what they used today."""
    await bench.runner.take(Config(version=4, campaigns=[changed(most_a_day=1)]))
    await bench.drive(70, 90, 70)
    await bench.close()
    again = Bench(tmp_path)
    assert again.runner.told == (4, [])
    await again.drive(70, 90, 70, begin_ms=100_000)
    assert len(await again.parts()) == 1
    again.now_ms += DAY_MS
    await again.drive(70, 90, 70, begin_ms=200_000)
    assert [part.missed for part in await again.parts()] == [0, 1]
    await again.close()


async def test_a_damaged_book_is_begun_anew(bench: Bench, tmp_path: Path) -> None:
    """The server then sees version 0 and tells everything again."""
    await bench.runner.take(Config(version=4, campaigns=[CAMPAIGN]))
    (tmp_path / "campaigns.json").write_bytes(b"{")
    assert Book(tmp_path / "campaigns.json").config == Config(version=0)


async def test_a_disk_that_refuses_leaves_what_was_told_before(bench: Bench, tmp_path: Path) -> None:
    """What could not be kept is not acknowledged, so that the server tells it again."""
    await bench.runner.take(Config(version=1, campaigns=[CAMPAIGN]))
    (tmp_path / "campaigns.json.new").mkdir()
    with pytest.raises(OSError, match=r"campaigns\.json\.new"):
        await bench.runner.take(Config(version=2))
    assert bench.runner.told == (1, [])
    await bench.drive(70, 90)
    assert len(await bench.parts()) == 1


async def test_only_what_is_newer_is_taken(bench: Bench) -> None:
    """A config that comes late, or again, changes nothing."""
    assert await bench.runner.take(Config(version=2, campaigns=[CAMPAIGN]))
    assert not await bench.runner.take(Config(version=2))
    assert not await bench.runner.take(Config(version=1))
    await bench.drive(70, 90)
    assert len(await bench.parts()) == 1
    assert await bench.runner.take(Config(version=3))
    await bench.drive(70, 90, begin_ms=100_000)
    assert len(await bench.parts()) == 1


async def test_what_cannot_be_carried_out_is_refused_with_the_reason(bench: Bench) -> None:
    """One campaign that is wrong, or asks for frames where there are none, does not keep the others."""
    wrong = changed(id="wrong", condition="Vehicle.Speed >")
    frames = changed(id="frames", frames=True)
    await bench.runner.take(Config(version=1, campaigns=[wrong, frames, CAMPAIGN]))
    version, refused = bench.runner.told
    assert (version, [one.campaign for one in refused]) == (1, ["wrong", "frames"])
    assert "column 16" in refused[0].reason
    assert "no raw frames" in refused[1].reason
    await bench.drive(70, 90)
    assert [part.campaign for part in await bench.parts()] == ["fast"]


async def test_a_campaign_ends_by_the_servers_time(bench: Bench) -> None:
    """After its last day nothing fires, whatever the time of the readings says."""
    await bench.runner.take(Config(version=1, campaigns=[changed(until_ms=bench.now_ms)]))
    bench.now_ms += 1
    await bench.drive(70, 90)
    assert await bench.parts() == []


async def test_a_clock_that_was_set_back_does_not_prolong_a_campaign(bench: Bench, tmp_path: Path) -> None:
    """Started again without a network and with its clock in 1970, the device knows that the last day was over."""
    bench.runner.is_anchored = lambda: True
    await bench.runner.take(Config(version=1, campaigns=[changed(until_ms=bench.now_ms + 10)]))
    bench.now_ms += 5
    await bench.drive(70, 90)
    bench.now_ms += 10
    await bench.drive(70, 90, begin_ms=100_000)
    await bench.book.save()
    await bench.close()
    again = Bench(tmp_path)
    again.now_ms = 0
    await again.drive(70, 90, begin_ms=200_000)
    assert len(await again.parts()) == 1
    await again.close()


async def test_the_bytes_of_a_day_are_a_limit(bench: Bench) -> None:
    """What would go beyond the budget is left out, and so is the rest of the day."""
    await bench.runner.take(Config(version=1, campaigns=[changed(bytes_a_day=10_000)]))
    bench.book.used("fast", bench.now_ms).size = 9_950
    await bench.drive(70, 90, 70)
    await bench.drive(70, 90, 70, begin_ms=100_000)
    assert await bench.parts() == []
    bench.now_ms += DAY_MS
    await bench.drive(70, 90, 70, begin_ms=200_000)
    assert [part.missed for part in await bench.parts()] == [1]


async def test_a_live_source_is_told_what_is_wanted(tmp_path: Path) -> None:
    """The fastest rate that any campaign asks for, the signals of conditions too; and no longer when it is over."""
    bench = Bench(tmp_path, tap := Tap(has_frames=True))
    other = changed(id="other", signals={SPEED: 500, ENGINE_SPEED: 2000}, condition="always", frames=True)
    await bench.runner.take(Config(version=1, campaigns=[CAMPAIGN, other]))
    assert (tap.periods_s, tap.wants_frames) == ({SPEED: 0.1, ENGINE_SPEED: 2.0}, True)
    await bench.runner.take(Config(version=2, campaigns=[changed(condition=f"{COOLANT_TEMPERATURE} > 3")]))
    assert (tap.periods_s, tap.wants_frames) == ({SPEED: 0.1, COOLANT_TEMPERATURE: 1.0}, False)
    await bench.runner.take(Config(version=3))
    assert (tap.periods_s, tap.wants_frames) == ({}, False)
    await bench.close()


async def test_a_window_ends_while_nothing_is_read(tmp_path: Path) -> None:
    """A car that falls silent after the trigger does not keep the capture back."""
    bench = Bench(tmp_path, tap := Tap())
    await bench.runner.take(Config(version=1, campaigns=[changed(after_s=0.1)]))
    tap.hear({SPEED: 70})
    tap.hear({SPEED: 90})
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        running = group.create_task(bench.runner.run())
        while not await bench.parts():
            await asyncio.sleep(0.01)
        running.cancel()
    (part,) = await bench.parts()
    assert (part.cut, part.end_ms, part.rows.columns) == (False, 100, {SPEED: [70, 90]})
    await bench.close()


async def asked_to_record(bench: Bench, *readings: int, **arguments: object) -> list[Reply]:
    """What a request to record is answered, while the car says something."""
    replies: list[Reply] = []

    async def reply(answer: Reply) -> None:
        replies.append(answer)

    command = Command(id="0123456789", name="record", arguments=arguments, expires_ms=bench.now_ms + 1)
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        running = group.create_task(bench.runner.run())
        asking = group.create_task(record(bench.runner, lambda: bench.now_ms, command, reply))
        await asyncio.sleep(0)
        for speed in readings:
            if bench.tap is not None:
                bench.tap.hear({SPEED: speed})
        await asking
        running.cancel()
    return replies


async def test_a_request_to_record(tmp_path: Path) -> None:
    """Progress, the capture in the spool, its size in the answer; the source is asked for nothing after that."""
    bench = Bench(tmp_path, tap := Tap(has_frames=True))
    replies = await asked_to_record(bench, 70, seconds=0.1, signals={SPEED: 100}, frames=True)
    assert [one.status for one in replies] == ["progress", "done"]
    assert replies[-1].result == {"campaign": "record-0123456789", "readings": 1, "frames": 0}
    (part,) = await bench.parts()
    assert (part.campaign, part.begin_ms, part.end_ms, part.cut) == ("record-0123456789", 0, 100, False)
    assert part.rows.columns == {SPEED: [70]}
    assert (tap.periods_s, tap.wants_frames) == ({}, False)
    assert bench.runner.idle
    await bench.close()


async def test_a_request_to_record_that_cannot_be_done(bench: Bench, tmp_path: Path) -> None:
    """A recording, no frames, nonsense, or too late: each is answered with the reason, and nothing is kept."""
    (answer,) = await asked_to_record(bench, seconds=1, signals={SPEED: 100})
    assert (answer.status, "only a car" in answer.reason) == ("refused", True)
    await bench.close()
    other = Bench(tmp_path, Tap())
    for arguments, words in (
        ({"seconds": 1, "frames": True}, "no raw frames"),
        ({"seconds": -1, "frames": True}, "0 to 60"),
        ({"seconds": 1}, "at least one signal"),
        ({"second": 1}, "unknown field"),
    ):
        (answer,) = await asked_to_record(other, **arguments)
        assert answer.status == "refused"
        assert words in answer.reason
    other.now_ms += 10
    assert await other.parts() == []
    late = Command(id="x", name="record", arguments={}, expires_ms=0)
    said: list[Reply] = []

    async def reply(answer: Reply) -> None:
        said.append(answer)

    await record(other.runner, lambda: other.now_ms, late, reply)
    assert [one.status for one in said] == ["expired"]
    await other.close()


def test_the_poller_reads_more_often_what_is_wanted() -> None:
    """A signal that is wanted is read at that rate, others as before; what the car lacks is never asked for."""
    poller = Poller({"7E8": {0x0D, 0x05}}, 0.0)
    poller.want({COOLANT_TEMPERATURE: 0.5, ENGINE_SPEED: 0.5})
    counts: dict[int, int] = {}
    now_s = 0.0
    while now_s < 20:
        while turn := poller.due(now_s):
            for pid in turn[1]:
                counts[pid] = counts.get(pid, 0) + 1
                poller.answered(pid, now_s)
        now_s += 0.05
    assert counts[0x0D] == pytest.approx(20, abs=1)
    assert counts[0x05] == pytest.approx(40, abs=1)
    poller.want({})
    before = counts[0x05]
    while now_s < 40:
        while turn := poller.due(now_s):
            for pid in turn[1]:
                counts[pid] = counts.get(pid, 0) + 1
                poller.answered(pid, now_s)
        now_s += 0.05
    assert counts[0x05] - before <= 6
    assert set(counts) == {0x0D, 0x05}
