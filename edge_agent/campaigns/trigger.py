"""One campaign at work: its condition under watch, the pre-trigger ring, and the capture that a trigger opens. Pure.

A trigger is the moment at which the condition becomes true; while it stays true, and while a capture is open, there is
no other. Times are milliseconds of one clock that never goes back: the boot's, or a log's own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edge_agent.campaigns.ring import Ring
from vehicle.condition import Watcher
from vehicle.signals import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from edge_agent.campaigns.tap import Frame
    from vehicle.batch import TimeQuality
    from vehicle.campaign import Plan
    from vehicle.condition import Known

MOST_ROW_BYTES = 2_000_000
"""Memory of one campaign's rows before, and as much again after a trigger (our choice)."""
MOST_FRAME_BYTES = 8_000_000
"""The same for raw frames: 16 s of a bus with 2,000 frames a second (our choice)."""
_FRAME_BYTES, _ROW_BYTES, _VALUE_BYTES = 230, 450, 40
"""What a frame, a row and a value in it take in memory, about (measured with tracemalloc)."""
GRACE_MS = 500
"""What was on the bus before a window's end may come from the driver so much later (our choice)."""
EARLY = 0.2
"""A reading counts as due so much of its period early: bus and scheduler are never exact (our choice)."""


@dataclass(frozen=True, slots=True)
class Now:
    """A moment: on the clock of the looks, in UTC as believed and how sure, and on the boot's clock."""

    at_ms: int
    time_ms: int
    monotonic_ms: int
    quality: TimeQuality


@dataclass(slots=True)
class Capture:
    """What one trigger collected; ``begin_ms`` and ``end_ms`` are on the clock of the looks."""

    plan: Plan
    trigger: Now
    fired: Mapping[str, float]
    missed: int
    begin_ms: int
    end_ms: int
    rows: list[tuple[int, Mapping[str, int]]] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    cut: bool = False
    room: int = MOST_ROW_BYTES + MOST_FRAME_BYTES

    def pay(self, size: int) -> bool:
        """Whether there is memory for ``size`` bytes more."""
        self.room -= size
        return self.room >= 0


class Trigger:
    """A campaign under watch; ``may_fire`` is asked at each trigger whether budget and time allow a capture."""

    def __init__(self, plan: Plan, may_fire: Callable[[Plan], bool]) -> None:
        self.plan, self._may_fire = plan, may_fire
        self._watcher = Watcher(plan.condition, plan.stale_ms)
        before_ms = round(plan.campaign.before_s * 1000)
        self._before_ms, self._after_ms = before_ms, round(plan.campaign.after_s * 1000)
        self._rows: Ring[tuple[int, Mapping[str, int]]] = Ring(before_ms, MOST_ROW_BYTES)
        self._frames: Ring[Frame] = Ring(before_ms * 1000, MOST_FRAME_BYTES)
        self._known: dict[str, Known] = {}
        self._due: dict[str, int] = {}
        self._since_ms: int | None = None
        self._was_true = False
        self._missed = 0
        self.open: Capture | None = None

    def read(self, now: Now, values: Mapping[str, int]) -> Capture | None:
        """Takes readings (raw values by VSS path) of one moment; the capture that is over by then, if any."""
        done = self.tick(now.at_ms)
        if self._since_ms is None:
            self._since_ms = now.at_ms
        for path in values.keys() & self.plan.watched:
            self._known[path] = (CATALOGUE[path].value(values[path]), now.at_ms)
        true = self._watcher.look(now.at_ms, self._known) is True
        rising, self._was_true = true and not self._was_true, true
        # What fires is kept in any case, also where a reading came a moment before.
        self._keep(now.at_ms, values, always=rising)
        if rising and self.open is None:
            self._fire(now)
        return done

    def fire(self, now: Now) -> None:
        """Opens a capture at once, whatever the condition says."""
        self._since_ms, self._was_true = now.at_ms, True
        self._fire(now)

    def hear(self, frame: Frame) -> None:
        """Takes a frame."""
        at_ms = frame.at_us // 1000
        if self._since_ms is None:
            self._since_ms = at_ms
        size = _FRAME_BYTES + len(frame.data)
        self._frames.add(frame.at_us, frame, size)
        if (capture := self.open) is not None and self._fits(capture, at_ms, size):
            capture.frames.append(frame)

    def tick(self, at_ms: int) -> Capture | None:
        """The capture whose time, or memory, is over at ``at_ms``."""
        if self.open is None or at_ms <= self.open.end_ms + GRACE_MS:
            return None
        return self.close()

    def close(self, at_ms: int | None = None) -> Capture | None:
        """Ends the open capture; before its time where ``at_ms`` says that nothing comes after."""
        capture, self.open = self.open, None
        if capture is not None and at_ms is not None and at_ms < capture.end_ms:
            capture.end_ms, capture.cut = max(at_ms, capture.trigger.at_ms), True
        return capture

    def _keep(self, at_ms: int, values: Mapping[str, int], *, always: bool) -> None:
        kept = {
            path: values[path]
            for path, period_ms in self.plan.campaign.signals.items()
            if path in values and (always or at_ms >= self._due.get(path, at_ms) - EARLY * period_ms)
        }
        if not kept:
            return
        for path in kept:
            period_ms, due_ms = self.plan.campaign.signals[path], self._due.get(path, at_ms)
            self._due[path] = due_ms + period_ms if abs(at_ms - due_ms) < period_ms else at_ms + period_ms
        size = _ROW_BYTES + _VALUE_BYTES * len(kept)
        self._rows.add(at_ms, (at_ms, kept), size)
        if (capture := self.open) is not None and self._fits(capture, at_ms, size):
            capture.rows.append((at_ms, kept))

    @staticmethod
    def _fits(capture: Capture, at_ms: int, size: int) -> bool:
        if at_ms > capture.end_ms:
            return False
        if not capture.pay(size):
            capture.end_ms, capture.cut = at_ms - 1, True
            return False
        return True

    def _fire(self, now: Now) -> None:
        if not self._may_fire(self.plan):
            self._missed += 1
            return
        begin_ms, cut = self._begin(now.at_ms)
        self.open = Capture(
            plan=self.plan, trigger=now, missed=self._missed, begin_ms=begin_ms, end_ms=now.at_ms + self._after_ms,
            fired=self._fresh(now.at_ms),
            rows=self._rows.after(begin_ms), frames=self._frames.after(begin_ms * 1000), cut=cut,
        )  # fmt: skip
        self._missed = 0

    def _fresh(self, at_ms: int) -> dict[str, float]:
        """What the condition knows: of what was not read for long it knows nothing."""
        read = ((path, *self._known[path]) for path in sorted(self.plan.watched & self._known.keys()))
        return {path: value for path, value, read_ms in read if at_ms - read_ms <= self.plan.stale_ms}

    def _begin(self, at_ms: int) -> tuple[int, bool]:
        """From when on all is there, and whether memory was too small for more."""
        wanted_ms = max(at_ms - self._before_ms, self._since_ms if self._since_ms is not None else at_ms)
        lost_ms = [lost for lost in (self._rows.lost, self._frames.lost and self._frames.lost // 1000) if lost]
        begin_ms = max(wanted_ms, *(lost + 1 for lost in lost_ms), 0)
        return begin_ms, begin_ms > wanted_ms
