"""The polling contract (docs/polling.md) on cars of every temper, and the proof that the judge notices a breach."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
import uuid
from typing import TYPE_CHECKING

import can
import pytest

from edge_agent.buses.base import open_source
from edge_agent.buses.can import CanLink
from edge_agent.campaigns.tap import Tap
from edge_agent.health import Health
from edge_agent.protocols.gate import Gate
from edge_agent.settings import Collect
from edge_agent.switch import Switch
from simulators.can_bus import EcuOnCan, open_bus
from simulators.ecu import Behaviour, Unit
from simulators.elm327 import Elm327
from tests.bus_traffic import Traffic, judge_logs
from tests.polling_judge import Seen, breaches, is_answer, requests
from vehicle.dtc import Dtc, DtcState
from vehicle.signals import CONTROL_MODULE_VOLTAGE, COOLANT_TEMPERATURE, ENGINE_SPEED, SPEED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@contextlib.contextmanager
def recording(bus: str) -> Iterator[list[Seen]]:
    """All frames of a bus, by somebody who only listens."""
    log: list[Seen] = []
    with contextlib.closing(_Ear(bus, log)):
        yield log


class _Ear:
    def __init__(self, bus: str, log: list[Seen]) -> None:
        self._bus = can.Bus(interface="virtual", channel=bus.partition(":")[2])

        def take(message: can.Message) -> None:
            identifier = message.arbitration_id
            log.append(Seen(message.timestamp, identifier, bytes(message.data), asked=not is_answer(identifier)))

        self._notifier = can.Notifier(self._bus, [take], timeout=0.05)

    def close(self) -> None:
        self._notifier.stop()
        self._bus.shutdown()


DRIVEN = {SPEED: 50.0, ENGINE_SPEED: 2000.0, COOLANT_TEMPERATURE: 88.0, CONTROL_MODULE_VOLTAGE: 14.1}
PARKED = {SPEED: 0.0, ENGINE_SPEED: 0.0, COOLANT_TEMPERATURE: 88.0, CONTROL_MODULE_VOLTAGE: 12.4}


def steady(behaviour: Behaviour) -> Callable[[float], tuple[Unit, ...]]:
    return lambda _: (Unit(values=DRIVEN, behaviour=behaviour),)


def falling_asleep(age_s: float) -> tuple[Unit, ...]:
    return (Unit(values=DRIVEN, behaviour=Behaviour.NORMAL if age_s < 3 else Behaviour.SILENT),)


def engine_off(age_s: float) -> tuple[Unit, ...]:
    return (Unit(values=DRIVEN if age_s < 3 else PARKED),)


def setting_a_code(age_s: float) -> tuple[Unit, ...]:
    codes = {DtcState.STORED: (Dtc("P0420"), *((Dtc("U0100"),) if age_s > 3 else ()))}
    return (Unit(values=DRIVEN, codes=codes),)


TEMPERS = {
    "slow": steady(Behaviour.SLOW),
    "refusing several parameters": steady(Behaviour.ONE_PID),
    "answering out of order": steady(Behaviour.OUT_OF_ORDER),
    "falling asleep": falling_asleep,
    "setting a code": setting_a_code,
    "switched off and still answering": engine_off,
    "asking for time": steady(Behaviour.PENDING),
    "good": steady(Behaviour.NORMAL),
    "speaking J1979-2 only": lambda _: (Unit(values=DRIVEN, on_uds=True),),
}


async def drive(units: Callable[[float], tuple[Unit, ...]], seconds: float, switch: Switch) -> tuple[float, list[Seen]]:
    """What travels when the agent reads a car of that temper for so long; and when it began."""
    bus = f"virtual:{uuid.uuid4().hex}"
    begun = time.monotonic()
    ecu = EcuOnCan(open_bus(bus), lambda: units(time.monotonic() - begun))
    running = asyncio.create_task(ecu.run())
    source = open_source(
        f"can:{bus}", collect=Collect(period_ms=200, codes_every_s=1.0), health=Health(), switch=switch
    )
    with recording(bus) as log:
        begun_s = time.time()

        async def read() -> None:
            async for _ in source.rows(skip=0, start_ms=None):
                pass

        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(read(), seconds)
        await source.close()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    ecu.close()
    return begun_s, log


@pytest.mark.parametrize("temper", TEMPERS)
async def test_the_contract_holds(temper: str) -> None:
    """Whatever the temper of the car's control unit, nothing on the bus breaks the contract, and it is read."""
    switch = Switch()
    quiet_s = QUIET_S.get(temper)
    begun_s, log = await drive(TEMPERS[temper], 7.0 if quiet_s is None else quiet_s + 4, switch)
    assert breaches([begun_s], log) == set()
    asked = requests(log)
    assert sum(SPEED_PID in one.pids for one in asked) >= 2, "the car was not read"
    assert switch.listen_only == (temper == "setting a code")
    if quiet_s is not None:
        busy = sum(one.at_s < begun_s + 3 for one in asked)
        assert sum(one.at_s > begun_s + quiet_s for one in asked) < busy / 3, "it goes on asking"


ON_ADAPTER = sorted(TEMPERS.keys() - {"slow", "speaking J1979-2 only"})
"""The simulated adapter knows no slow car, and the agent asks on UDS by CAN only."""


async def drive_by_adapter(units: Callable[[float], tuple[Unit, ...]], seconds: float, switch: Switch) -> list[Seen]:
    """What travels on the bus behind an ELM327 when the agent reads a car of that temper for so long."""
    log: list[Seen] = []
    begun, ready = time.monotonic(), asyncio.Event()

    def heard(identifier: int, data: bytes, asked: bool) -> None:
        log.append(Seen(time.time(), identifier, data, asked=asked))

    adapter = Elm327(lambda: units(time.monotonic() - begun), heard)
    running = asyncio.create_task(adapter.run("127.0.0.1", 0, ready))
    await ready.wait()
    collect = Collect(period_ms=200, codes_every_s=1.0)
    uri = f"elm327:socket://127.0.0.1:{adapter.port}"
    source = open_source(uri, collect=collect, health=Health(), switch=switch)

    async def read() -> None:
        async for _ in source.rows(skip=0, start_ms=None):
            pass

    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(read(), seconds)
    await source.close()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    return log


@pytest.mark.parametrize("temper", ON_ADAPTER)
async def test_the_contract_holds_behind_an_adapter(temper: str) -> None:
    """An ELM327 puts nothing on the bus that breaks the contract, whatever the temper of the car, and it is read."""
    switch = Switch()
    quiet_s = QUIET_S.get(temper)
    log = await drive_by_adapter(TEMPERS[temper], 7.0 if quiet_s is None else quiet_s + 4, switch)
    assert breaches([], log) == set()
    asked = requests(log)
    assert sum(SPEED_PID in one.pids for one in asked) >= 2, "the car was not read"
    assert switch.listen_only == (temper == "setting a code")
    if quiet_s is not None:
        begun_s = asked[0].at_s
        busy = sum(one.at_s < begun_s + 3 for one in asked)
        assert sum(one.at_s > begun_s + quiet_s for one in asked) < busy / 3, "it goes on asking"


SPEED_PID = 0x0D
QUIET_S = {"falling asleep": 4.0, "setting a code": 5.0, "switched off and still answering": 9.0}
"""Seconds after which little or nothing may be asked any more; it happens after three."""


async def test_listen_only_sends_nothing_at_all(tmp_path: Path) -> None:
    """Also when it is switched while the car is read; and it stays so after a restart."""
    path = tmp_path / "switch.json"
    assert (await drive(TEMPERS["good"], 2.0, Switch(local=True)))[1] == []
    switch = Switch(path)
    turning = asyncio.get_running_loop().call_later(2.0, lambda: switch.turn(listen_only=True, why="the test says so"))
    begun_s, log = await drive(TEMPERS["good"], 4.0, switch)
    turning.cancel()
    assert requests(log)
    assert max(seen.at_s for seen in log) < begun_s + 2.5
    assert Switch(path).listen_only
    assert (await drive(TEMPERS["good"], 1.5, Switch(path)))[1] == []


def on_bus(*texts: str) -> list[Seen]:
    """A log in words: seconds, identifier and data."""
    parts = (text.split() for text in texts)
    frames = ((float(at), int(identifier, 16), bytes.fromhex("".join(data))) for at, identifier, *data in parts)
    return [Seen(at_s, identifier, data, asked=not is_answer(identifier)) for at_s, identifier, data in frames]


BITMAP = ("1.2 7DF 02 01 00", "1.21 7E8 06 41 00 08 18 00 00")
GOOD = (*BITMAP, "1.3 7E0 03 01 0C 0D", "1.31 7E8 06 41 0C 1F 40 0D 32", "1.4 7DF 01 03", "1.41 7E8 02 43 00")
BROKEN = {
    "something else than a read in a single frame": (*GOOD, "2 7E0 01 04"),
    "asked before listening": ("0.1 7DF 02 01 00",),
    "too close together": (*GOOD, "1.41 7E0 02 01 0D"),
    "too many parameters": (*GOOD, "2 7E0 08 01 0C 0D 05 0C 0D 05 0C"),
    "a parameter that no bitmap names": (*GOOD, "2 7E0 03 22 F4 0D"),
    "several parameters though they are refused": (
        *GOOD,
        *itertools.chain.from_iterable((f"{at} 7E0 03 01 0C 0D", f"{at}.01 7E8 03 7F 01 12") for at in range(2, 6)),
    ),
    "a sleeping car is not left alone": (*GOOD, *(f"2.{at} 7E0 02 01 0D" for at in range(1, 5))),
    "asked on after a code of communication": (*GOOD, "2 7DF 01 03", "2.01 7E8 04 43 01 C1 00", "5 7E0 02 01 0D"),
}


def test_a_good_log_passes() -> None:
    assert breaches([0.0], on_bus(*GOOD)) == set()


@pytest.mark.parametrize("rule", BROKEN)
def test_the_judge_notices(rule: str) -> None:
    """Each rule, broken once, is found."""
    assert rule in breaches([0.0], on_bus(*BROKEN[rule]))


LOOKS = ("1.2 7DF 02 01 00", "1.7 18DB33F1 02 01 00", "3 7DF 03 22 F4 00", "3.5 18DB33F1 03 22 F4 00")


def test_a_look_in_both_widths_is_one() -> None:
    """Where no car has answered yet, each look is made with 11-bit and 29-bit identifiers; a third time is too much."""
    assert breaches([0.0], on_bus(*LOOKS)) == set()
    assert breaches([0.0], on_bus(*LOOKS, "4 7DF 02 01 00")) == {"a sleeping car is not left alone"}


async def test_nobody_on_the_bus() -> None:
    """The agent looks less and less often."""
    begun_s, log = await drive(lambda _: (Unit(values={}, behaviour=Behaviour.SILENT),), 6.0, Switch())
    assert breaches([begun_s], log) == set()
    assert 2 <= len(log) <= 6


async def test_the_suite_s_traffic_is_recorded_and_judged(bus_traffic: Traffic) -> None:
    """What the agent asks in any test is taken down, with the answers; a request that changes something is noticed."""
    await drive(TEMPERS["good"], 2.0, Switch())
    (log,) = bus_traffic.frames.values()
    first = requests(log)[0]
    assert first.payload == b"\x01\x00"
    assert first.answers
    assert bus_traffic.breaches(times=True) == set()
    with can.Bus(interface="virtual", channel=uuid.uuid4().hex) as bus:
        link = CanLink(bus, "can:virtual:x", Gate(Switch()), Health(), Tap())
        bus.send(can.Message(arbitration_id=0x7DF, data=b"\x01\x04", is_extended_id=False))
        await link.close()
    assert bus_traffic.breaches(times=False) == {"something else than a read in a single frame"}
    bus_traffic.frames.clear()


async def test_the_suite_s_traffic_behind_adapters_is_judged_too(bus_traffic: Traffic) -> None:
    """What an ELM327 of any test puts on its bus for the agent is taken down, and a breach is noticed."""
    log = await drive_by_adapter(TEMPERS["good"], 1.0, Switch())
    assert [one.data for one in bus_traffic.behind_adapters] == [one.data for one in log] != []
    assert bus_traffic.breaches(times=True) == set()
    bus_traffic.behind_adapters += on_bus("9 7DF 01 04")
    assert bus_traffic.breaches(times=False) == {"something else than a read in a single frame"}
    bus_traffic.behind_adapters.clear()


@pytest.mark.parametrize(("direction", "is_fine"), [("R", False), ("T", True)])
def test_logs_of_cars_are_judged(tmp_path: Path, direction: str, *, is_fine: bool) -> None:
    """A simulated car in a process of its own writes down what it hears and says; what it hears is judged."""
    (tmp_path / "1.candump").write_text(f"(1.000000) can0 7DF#0104 {direction}\n")
    with contextlib.nullcontext() if is_fine else pytest.raises(AssertionError, match="something else than a read"):
        judge_logs(tmp_path)
