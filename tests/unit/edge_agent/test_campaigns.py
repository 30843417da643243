"""Campaigns in the car: what falls into the windows and only that, budgets, ends, restarts, and what is refused."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.campaigns.book import DAY_MS, Book
from edge_agent.campaigns.parts import events_of
from edge_agent.campaigns.record import record
from edge_agent.campaigns.ring import Ring
from edge_agent.campaigns.runner import Runner
from edge_agent.campaigns.tap import Frame, Tap
from edge_agent.campaigns.trigger import Capture, Now, Trigger
from edge_agent.clock import Clock
from edge_agent.polling import Poller
from edge_agent.spool import Spool
from edge_agent.store import Store
from vehicle.batch import TimeQuality
from vehicle.campaign import Campaign, CapturePart, Config, checked, read_part
from vehicle.messages import Command, Reply
from vehicle.signals import COOLANT_TEMPERATURE, ENGINE_SPEED, SPEED
from vehicle.wire import MAX_MESSAGE_BYTES, decode_envelope, decode_event, encode_event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

FAR_MS = 1 << 45
CAMPAIGN = Campaign(
    id="fast", version=1, name="fast", condition=f"{SPEED} > 80", until_ms=FAR_MS, signals={SPEED: 100},
    before_s=3, after_s=2,
)  # fmt: skip


def changed(**fields: object) -> Campaign:
    return msgspec.structs.replace(CAMPAIGN, **fields)


def at(at_ms: int) -> Now:
    return Now(at_ms, at_ms, at_ms, TimeQuality.NTP)


def triggered(campaign: Campaign, readings: list[tuple[int, int]]) -> list[Capture]:
    """All captures of a campaign over readings of the speed."""
    trigger = Trigger(checked(campaign), lambda _: True)
    found = [trigger.read(at(at_ms), {SPEED: speed}) for at_ms, speed in readings]
    return [one for one in (*found, trigger.close()) if one is not None]


@given(
    st.lists(st.tuples(st.integers(100, 2500), st.integers(70, 90)), min_size=1, max_size=60),
    st.sampled_from([0, 1.5, 3, 10]), st.sampled_from([0.5, 2, 8]),
)  # fmt: skip
def test_the_windows_hold_everything_and_only_that(steps, before_s: float, after_s: float) -> None:
    """Each capture holds the readings from before to after its trigger, all of them and no other."""
    now_ms, readings = 0, []
    for step_ms, speed in steps:
        now_ms += step_ms
        readings.append((now_ms, speed))
    captures = triggered(changed(before_s=before_s, after_s=after_s), readings)
    expected, blocked_ms = [], -1
    for (_, earlier), (when, speed) in zip([(0, 0), *readings], readings, strict=False):
        if speed > 80 and not earlier > 80 and when > blocked_ms:
            begin_ms = max(when - round(before_s * 1000), readings[0][0])
            end_ms = when + round(after_s * 1000)
            expected.append([one for one in readings if begin_ms <= one[0] <= end_ms])
            blocked_ms = end_ms + 500
    assert [[(when, values[SPEED]) for when, values in one.rows] for one in captures] == expected


def test_a_value_that_is_too_old_does_not_fire() -> None:
    """Coolant that was hot once, and is not read any more, is unknown."""
    plan = checked(changed(condition=f"{COOLANT_TEMPERATURE} > 105 and {SPEED} > 80"))
    trigger = Trigger(plan, lambda _: True)
    trigger.read(at(1000), {COOLANT_TEMPERATURE: 150})
    trigger.read(at(1000 + plan.stale_ms + 1), {SPEED: 90})
    assert trigger.open is None
    trigger.read(at(1000 + plan.stale_ms + 2), {COOLANT_TEMPERATURE: 150})
    assert trigger.open is not None
    assert trigger.open.fired == {COOLANT_TEMPERATURE: 110.0, SPEED: 90.0}


def test_a_signal_is_kept_at_the_rate_asked_for() -> None:
    """Readings that come more often than asked for are thinned."""
    (capture,) = triggered(changed(signals={SPEED: 1000}), [(100 * step, 90) for step in range(1, 30)])
    assert [when for when, _ in capture.rows] == [100, 900, 1900]


def test_frames_are_those_of_the_windows() -> None:
    """Frames before, between and after; late ones of the driver still find their window."""
    trigger = Trigger(checked(changed(frames=True, before_s=1, after_s=1)), lambda _: True)
    frames = [Frame(step * 1000, 0x100, bytes([step % 256])) for step in range(0, 5000, 50)]
    for frame in frames:
        if frame.at_us == 2_000_000:
            trigger.read(at(2000), {SPEED: 90})
        trigger.hear(frame)
    assert trigger.tick(3400) is None
    capture = trigger.tick(3501)
    assert capture is not None
    assert capture.frames == [frame for frame in frames if 1_000_000 <= frame.at_us < 3_001_000]


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(1, 40)), max_size=80), st.integers(0, 200), st.integers(1, 300)
)
def test_a_ring_is_bounded_by_time_and_bytes(steps, span: int, most: int) -> None:
    """What is left is the latest: within the span, within the bytes; what went for want of room is told."""
    ring: Ring[int] = Ring(span, most)
    when, items = 0, []
    for step, size in steps:
        when += step
        items.append((when, size))
        ring.add(when, len(items) - 1, size)
        left = ring.after(-1)
        assert left == list(range(len(items) - len(left), len(items)))
        assert sum(items[one][1] for one in left) <= most
        assert all(items[one][0] >= when - span for one in left)
        missing = [items[one] for one in range(len(items) - len(left)) if items[one][0] >= when - span]
        assert not missing or (ring.lost is not None and ring.lost >= max(one for one, _ in missing))


def test_memory_that_is_full_shortens_the_window_and_says_so() -> None:
    """A window that does not fit into memory begins later or ends earlier, without a hole, and is marked."""
    trigger = Trigger(checked(changed(frames=True, before_s=30, after_s=60)), lambda _: True)
    frames = [Frame(1_000_000 + 500 * step, 0x100, bytes(8)) for step in range(120_000)]
    trigger.read(at(1000), {SPEED: 50})
    for frame in frames[:50_000]:
        trigger.hear(frame)
    trigger.read(at(26_000), {SPEED: 90})
    for frame in frames[50_000:]:
        trigger.hear(frame)
    capture = trigger.close()
    assert capture is not None
    assert capture.cut
    assert 1000 < capture.begin_ms < 26_000 < capture.end_ms < 61_000
    assert capture.frames == [one for one in frames if capture.begin_ms <= one.at_us // 1000 <= capture.end_ms]


def parts_of(capture: Capture) -> list[CapturePart]:
    """A capture's parts, through bytes and back."""
    messages = [encode_event(epoch=1, sequence=2, event=event) for event, _ in events_of(capture, boot_id=1)]
    assert all(len(one) < MAX_MESSAGE_BYTES for one in messages)
    return [read_part(decode_event(decode_envelope(one).body).data) for one in messages]


def test_large_captures_go_in_parts() -> None:
    """Frames that cannot be compressed go in as many messages as it takes, and come together again."""
    rng = random.Random(1)
    trigger = Trigger(checked(changed(frames=True, before_s=30)), lambda _: True)
    frames = [Frame(1_000_000 + 400 * step, rng.getrandbits(29) | 1 << 31, rng.randbytes(64)) for step in range(20_000)]
    trigger.read(at(1000), {SPEED: 50})
    for frame in frames:
        trigger.hear(frame)
    trigger.read(at(9001), {SPEED: 90})
    capture = trigger.close(9001)
    assert capture is not None
    assert capture.cut
    parts = parts_of(capture)
    assert len(parts) > 5
    assert [(part.part, part.parts) for part in parts] == [(at, len(parts)) for at in range(1, len(parts) + 1)]
    assert len({part.capture for part in parts}) == 1
    got = [bytes.fromhex(data) for part in parts for data in part.frames.data]
    assert got == [frame.data for frame in frames]
    times = [9_001_000 + at_us for part in parts for at_us in part.frames.at_us]
    assert times == [frame.at_us for frame in frames]
    rows = [(when, part.rows.columns[SPEED][at]) for part in parts for at, when in enumerate(part.rows.at_ms)]
    assert rows == [(-8001, 50), (0, 90)]


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
