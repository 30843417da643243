"""Captures in the car: what falls into the windows and only that, in how much memory, and in which parts."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.campaigns.parts import events_of
from edge_agent.campaigns.ring import Ring
from edge_agent.campaigns.tap import Frame
from edge_agent.campaigns.trigger import Capture, Now, Trigger
from tests.unit.edge_agent.campaigns_given import changed
from vehicle.batch import TimeQuality
from vehicle.campaign import Campaign, CapturePart, checked, read_part
from vehicle.signals import COOLANT_TEMPERATURE, SPEED
from vehicle.wire import MAX_MESSAGE_BYTES, decode_envelope, decode_event, encode_event


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


def test_a_value_that_is_too_old_is_not_told_as_one_of_the_moment() -> None:
    """Of the signals of the condition those that it knew then."""
    plan = checked(changed(condition=f"{COOLANT_TEMPERATURE} > 105 or {SPEED} > 80"))
    trigger = Trigger(plan, lambda _: True)
    trigger.read(at(1000), {COOLANT_TEMPERATURE: 50})
    trigger.read(at(1000 + plan.stale_ms + 1), {SPEED: 90})
    assert trigger.open is not None
    assert trigger.open.fired == {SPEED: 90.0}


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
