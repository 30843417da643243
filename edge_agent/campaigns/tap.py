"""Where a live source hands over what it hears as it hears it, and sees what campaigns want of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

EXTENDED = 1 << 31
"""Set in an identifier of 29 bits."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame as it was on the bus: microseconds of the boot clock, identifier, data, whether we sent it."""

    at_us: int
    identifier: int
    data: bytes
    sent: bool = False


def _nobody_hears(_: object) -> None:
    """While no campaign runs."""


@dataclass(slots=True)
class Tap:
    """Between one source and the campaigns.

    The source calls ``hear`` with raw values by VSS path, and ``frame`` while ``wants_frames``; ``has_frames`` says
    that it can. The campaigns set ``periods_s``, how often which signal shall be read; ``revision`` grows when it or
    ``wants_frames`` changes.
    """

    has_frames: bool = False
    wants_frames: bool = False
    periods_s: Mapping[str, float] = field(default_factory=dict)
    revision: int = 0
    hear: Callable[[Mapping[str, int]], None] = _nobody_hears
    frame: Callable[[Frame], None] = _nobody_hears

    def want(self, periods_s: Mapping[str, float], *, frames: bool) -> None:
        """Tells the source what is wanted from now on."""
        if (periods_s, frames) != (self.periods_s, self.wants_frames):
            self.periods_s, self.wants_frames = periods_s, frames
            self.revision += 1
