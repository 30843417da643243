"""What a live source stands on: a way to ask the car's ECUs, whatever wire leads there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_agent.protocols.obd import Heard


class Link(Protocol):
    """One open bus or adapter; one question at a time. All that it sends has passed the gate."""

    physical: bool
    """Whether one ECU alone can be asked."""

    traffic_s: float | None
    """When others were last heard (monotonic clock), while that is listened for; None where they never were."""

    def hear_all(self, wanted: bool) -> None:  # noqa: FBT001  one thing to be told
        """Whether the traffic of others shall be listened for, where the link can."""
        ...

    async def woken(self, patience_s: float) -> bool:
        """Waits so long for a sign that the car wakes, and sends nothing to it: traffic of others, or a voltage.

        Raises:
            BusLostError: the bus or adapter is gone.
        """
        ...

    async def exchange(self, request: bytes, ecu: str = "") -> Sequence[Heard]:
        """What is heard after ``request`` to all ECUs, or to ``ecu`` alone where the link can; empty: all is silent.

        Raises:
            BusLostError: the bus or adapter is gone.
            ForbiddenRequestError: ``request`` is not an allowed read.
        """
        ...

    async def clear(self, request: bytes) -> Sequence[Heard]:
        """What is heard after ``request``, one of :data:`edge_agent.protocols.gate.CLEARS`, to all ECUs.

        Raises:
            BusLostError: the bus or adapter is gone.
            ForbiddenRequestError: the configuration does not allow it.
        """
        ...

    async def close(self) -> None:
        """Lets go of bus or adapter."""
        ...
