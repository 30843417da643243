"""What the agent asks in any test of the suite is recorded, and judged by the polling contract at its end.

Within the process every frame that is sent on a virtual or multicast bus is taken down, and every frame of the bus
behind a simulated adapter; a simulated car in a process of its own writes a log (`roadworthy simulate car
--bus-log`). Tests whose times are shortened say so with the mark ``shortened_times``: rules of time are not judged
there.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import can
import pytest
from can.interfaces.udp_multicast import UdpMulticastBus
from can.interfaces.virtual import VirtualBus

from edge_agent.buses.can import CanLink
from edge_agent.buses.elm327 import ElmLink
from simulators.elm327 import Elm327
from tests.polling_judge import Seen, breaches

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass
class Traffic:
    """Frames by channel, and when the agent came to each."""

    frames: dict[str, list[Seen]] = field(default_factory=lambda: defaultdict(list))
    begun_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    behind_adapters: list[Seen] = field(default_factory=list)
    by_adapter: bool = False
    """Whether the agent uses one; others may, to try the simulated adapter itself."""
    _agents: set[int] = field(default_factory=set)

    def came(self, bus: can.BusABC) -> None:
        """The agent opened this bus."""
        self._agents.add(id(bus))
        self.begun_s[bus.channel_info].append(time.time())

    def sent(self, bus: can.BusABC, message: can.Message) -> None:
        """Somebody sent a frame."""
        asked = id(bus) in self._agents
        seen = Seen(time.time(), message.arbitration_id, bytes(message.data), asked=asked)
        self.frames[bus.channel_info].append(seen)

    def breaches(self, *, times: bool) -> set[str]:
        """Which rules were broken, on any channel."""
        behind = breaches([], self.behind_adapters, times=times) if self.by_adapter else set()
        return behind | {
            rule for channel, log in self.frames.items() for rule in breaches(self.begun_s[channel], log, times=times)
        }


@pytest.fixture(name="bus_traffic", autouse=True)
def _bus_traffic(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Traffic]:
    """Records what travels in this process, and fails a test in which the agent broke the contract."""
    traffic = Traffic()
    real = CanLink.__init__

    def come(self: CanLink, bus: can.BusABC, *rest: Any) -> None:
        traffic.came(bus)
        real(self, bus, *rest)

    monkeypatch.setattr(CanLink, "__init__", come)
    for kind in (VirtualBus, UdpMulticastBus):
        monkeypatch.setattr(kind, "send", _recording(kind.send, traffic))
    _record_adapters(monkeypatch, traffic)
    yield traffic
    times = request.node.get_closest_marker("shortened_times") is None
    broken = traffic.breaches(times=times)
    assert not broken, f"the polling contract (docs/polling.md) is broken: {sorted(broken)}"


def _recording(real: Any, traffic: Traffic) -> Any:
    def send(self: can.BusABC, msg: can.Message, timeout: float | None = None) -> None:
        traffic.sent(self, msg)
        real(self, msg, timeout)

    return send


def _record_adapters(monkeypatch: pytest.MonkeyPatch, traffic: Traffic) -> None:
    made, set_up = Elm327.__init__, ElmLink.set_up

    def make(self: Elm327, units: Any, heard: Any = lambda *_: None) -> None:
        def both(identifier: int, data: bytes, asked: bool) -> None:
            traffic.behind_adapters.append(Seen(time.time(), identifier, data, asked=asked))
            heard(identifier, data, asked)

        made(self, units, both)

    async def begin(self: ElmLink) -> None:
        traffic.by_adapter = True
        await set_up(self)

    monkeypatch.setattr(Elm327, "__init__", make)
    monkeypatch.setattr(ElmLink, "set_up", begin)


def judge_logs(folder: Path) -> None:
    """Looks at the logs that simulated cars wrote there."""
    for path in sorted(folder.glob("*.candump")):
        with can.CanutilsLogReader(path) as reader:
            log = [Seen(one.timestamp, one.arbitration_id, bytes(one.data), asked=one.is_rx) for one in reader]
        broken = breaches([], log)
        assert not broken, f"{path.name}: the polling contract (docs/polling.md) is broken: {sorted(broken)}"
