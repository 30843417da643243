"""Placing what a car with a wrong clock has sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.clock import FLOOR_MS, TOLERANCE_MS, Placement, place
from vehicle.batch import TimeQuality

NOW = 1_763_888_400_000
DAY = 24 * 3600 * 1000
BELIEVED = [TimeQuality.GNSS, TimeQuality.NTP, TimeQuality.SERVER, TimeQuality.RTC, TimeQuality.NONE]
WEAK = [TimeQuality.SERVER, TimeQuality.RTC, TimeQuality.NONE]


def placed(
    first: int, quality: TimeQuality, *, anchor: int | None = None, boot_clock: int = 0, rows: int = 30
) -> Placement:
    return place(
        first_ms=first, last_ms=first + 1000 * rows, monotonic_ms=boot_clock, quality=quality, anchor_offset_ms=anchor,
        now_ms=NOW,
    )  # fmt: skip


@pytest.mark.parametrize("quality", list(TimeQuality))
def test_a_right_clock_is_left_alone(quality: TimeQuality) -> None:
    """Without an anchor a believable time stays as it is, whatever its quality."""
    assert placed(NOW - DAY, quality) == Placement()


@pytest.mark.parametrize("quality", WEAK)
@pytest.mark.parametrize("wrong", [0, NOW - 400 * DAY, NOW + 3650 * DAY, NOW - 2 * DAY])
def test_an_anchor_places_the_whole_boot(quality: TimeQuality, wrong: int) -> None:
    """However wrong the clock is, the boot clock against the server's time places the rows to the millisecond."""
    booted = NOW - 3_600_000
    found = placed(wrong, quality, anchor=booted, boot_clock=60_000)
    assert found.corrected
    assert wrong + found.shift_ms == booted + 60_000


@pytest.mark.parametrize("quality", WEAK)
def test_a_small_difference_is_left_alone(quality: TimeQuality) -> None:
    """Five minutes are within what travel time and drift may be."""
    assert placed(NOW - DAY, quality, anchor=NOW - DAY + TOLERANCE_MS) == Placement()
    assert placed(NOW - DAY, quality, anchor=NOW - DAY + TOLERANCE_MS + 1).corrected


@pytest.mark.parametrize("quality", [TimeQuality.GNSS, TimeQuality.NTP])
def test_a_good_clock_is_believed_against_an_anchor(quality: TimeQuality) -> None:
    """Satellite and network time beat the anchor, unless they are absurd."""
    assert placed(NOW - 40 * DAY, quality, anchor=NOW - DAY) == Placement()
    assert placed(NOW + 40 * DAY, quality, anchor=NOW - DAY).corrected


@pytest.mark.parametrize("quality", BELIEVED)
def test_absurd_without_an_anchor_is_kept_and_marked(quality: TimeQuality) -> None:
    """Nothing is dropped: the rows end at the time of reception, and the mark says that this is a guess."""
    for first in (0, FLOOR_MS - 1, NOW + DAY):
        found = placed(first, quality)
        assert found.suspect
        assert first + 30_000 + found.shift_ms == NOW


def test_a_recording_is_trusted() -> None:
    """A log's own time stays, old or not; in the future it is marked."""
    assert placed(NOW - 4000 * DAY, TimeQuality.RECORDED) == Placement(suspect=True)
    assert placed(NOW - 3000 * DAY, TimeQuality.RECORDED, anchor=NOW) == Placement()
    assert placed(NOW + DAY, TimeQuality.RECORDED) == Placement(suspect=True)


@given(
    first=st.integers(0, NOW * 3), anchor=st.none() | st.integers(-NOW, NOW * 3), boot_clock=st.integers(0, NOW),
    quality=st.sampled_from(BELIEVED),
)  # fmt: skip
def test_what_is_not_recorded_never_lies_in_the_future(
    first: int, anchor: int | None, boot_clock: int, quality: TimeQuality
) -> None:
    """Whatever clock and anchor say, even an absurd anchor, rows are placed between the floor and now."""
    found = placed(first, quality, anchor=anchor, boot_clock=boot_clock)
    assert first + found.shift_ms >= FLOOR_MS
    assert first + 30_000 + found.shift_ms <= NOW + TOLERANCE_MS
