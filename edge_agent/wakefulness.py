"""Whether the car is awake: by answers, traffic of others, engine speed, vehicle speed and voltage together. Pure.

One sign alone misleads: an engine that stands at a traffic light is no car that sleeps, a voltage of 12.6 V may be a
car that is driven with a smart alternator, and behind a gateway a bus is silent while the car is driven.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from vehicle.signals import CONTROL_MODULE_VOLTAGE, ENGINE_SPEED, SPEED, signal

if TYPE_CHECKING:
    from collections.abc import Mapping

CHARGING_V = 13.2
"""From here on something charges the 12 V battery: a full one at rest has 12.6 to 12.8 V (our choice of the margin)."""
UNANSWERED = 2
"""So many requests in a row without any answer, and the car counts as asleep (our choice)."""
SILENT_S = 2.0
"""A bus on which others spoke, and that is silent for so long, sleeps: cyclic frames come every second (our choice)."""
RESTING_S = 180.0
"""An engine that stands for so long with the battery not charged is no start-stop engine at a light (our choice)."""
GRACE_S = 5.0
"""An engine that has stood for less is polled as before, so that all is read once with the ignition on (our choice)."""
LOOK_S = 5.0
"""While the car rests, one request in so many seconds looks whether it goes on (our choice)."""

_MOVING = (ENGINE_SPEED, SPEED)


class State(StrEnum):
    """How much may be asked."""

    AWAKE = "awake"
    """All that is due."""
    RESTING = "resting"
    """The engine stands: one look now and then."""
    ASLEEP = "asleep"
    """Nothing."""


class Wakefulness:
    """Judges one connection to one car; all times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._unanswered = 0
        self._traffic_s: float | None = None
        self._stands_since_s: float | None = None
        self._values: dict[str, float] = {}

    def asked(self, *, answered: bool) -> None:
        """Notes a request, and whether any ECU answered, if only to refuse."""
        self._unanswered = 0 if answered else self._unanswered + 1

    @property
    def doubtful(self) -> bool:
        """Whether the last request brought no answer: only another one like it should follow."""
        return self._unanswered > 0

    def traffic(self, at_s: float | None) -> None:
        """Notes when others were last heard on the bus; None where they never were."""
        self._traffic_s = at_s

    def read(self, now_s: float, raw: Mapping[str, int]) -> None:
        """Notes what was read, as raw integers by VSS path."""
        for path in (*_MOVING, CONTROL_MODULE_VOLTAGE):
            if path in raw:
                self._values[path] = signal(path).value(raw[path])
        stands = all(self._values.get(path, 0.0) == 0.0 for path in _MOVING)
        known = any(path in self._values for path in _MOVING)
        charged = self._values.get(CONTROL_MODULE_VOLTAGE, 0.0) >= CHARGING_V
        if not (known and stands and not charged):
            self._stands_since_s = None
        elif self._stands_since_s is None:
            self._stands_since_s = now_s

    def state(self, now_s: float) -> State:
        """How much may be asked now."""
        if self._unanswered >= UNANSWERED:
            return State.ASLEEP
        if self._stands_since_s is None or now_s - self._stands_since_s < GRACE_S:
            return State.AWAKE
        fell_silent = self._traffic_s is not None and now_s - self._traffic_s > SILENT_S
        if fell_silent or now_s - self._stands_since_s > RESTING_S:
            return State.ASLEEP
        return State.RESTING
