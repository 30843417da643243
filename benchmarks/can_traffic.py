"""A bus that is busy: ``python -m benchmarks.can_traffic INTERFACE:CHANNEL:PORT FRAMES_PER_S IDENTIFIERS``.

With ``listen`` for the rate it takes frames with python-can and does nothing with them.
"""

from __future__ import annotations

import asyncio
import sys
import time

import can

BURST = 20
FIRST_ID = 0x100


def open_bus(text: str) -> can.BusABC:
    """The bus; its packets do not leave the machine."""
    interface, channel, port = text.split(":")
    return can.Bus(interface=interface, channel=channel, port=int(port), hop_limit=0)


def send(bus: can.BusABC, frames_per_s: float, identifiers: int) -> None:
    """Sends in small bursts, for ever, one identifier after the other."""
    due_s, number = time.monotonic(), 0
    while True:
        for _ in range(BURST):
            number += 1
            place = number % identifiers
            data = bytes((number + at) % 100 for at in range(8))
            identifier = FIRST_ID + place
            bus.send(can.Message(arbitration_id=identifier, data=data, is_extended_id=False))
        due_s += BURST / frames_per_s
        time.sleep(max(0.0, due_s - time.monotonic()))


async def listen(bus: can.BusABC) -> None:
    """Takes frames for ever, as the agent has them taken."""
    with can.Notifier(bus, [lambda _: None], loop=asyncio.get_running_loop()):
        await asyncio.Event().wait()


def main() -> None:
    """Sends or listens."""
    bus = open_bus(sys.argv[1])
    if sys.argv[2] == "listen":
        asyncio.run(listen(bus))
    else:
        send(bus, float(sys.argv[2]), int(sys.argv[3]))


if __name__ == "__main__":
    main()
