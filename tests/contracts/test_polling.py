"""The polling contract (docs/polling.md), judged on what travels on the bus by somebody who knows nothing of the agent.

The judge sees frames with their times and nothing else. It is proven by logs that break each rule once.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import can
import pytest

from edge_agent.buses.base import open_source
from edge_agent.health import Health
from edge_agent.settings import Collect
from edge_agent.switch import Switch
from simulators.can_bus import EcuOnCan, open_bus
from simulators.ecu import Behaviour, Unit
from vehicle.dtc import Dtc, DtcState
from vehicle.signals import CONTROL_MODULE_VOLTAGE, COOLANT_TEMPERATURE, ENGINE_SPEED, SPEED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

READS = {0x01, 0x02, 0x03, 0x06, 0x07, 0x09, 0x0A, 0x19, 0x22, 0x3E}
LISTEN_S, SPACING_S, LEFT_ALONE_S, HARM_S = 1.0, 0.05, 1.0, 1.5
TOLERANCE = 0.85
"""Of each time: what a timer of a busy machine may take off."""
ANSWER_S = 0.5
MOST_PIDS, MOST_SHORT, MOST_SILENT = 6, 2, 2


@dataclass(frozen=True)
class Seen:
    """A frame of the bus: when, of whom, what."""

    at_s: float
    identifier: int
    data: bytes


@dataclass
class Asked:
    """A request as it was on the bus, and what came after it before the next one."""

    at_s: float
    identifier: int
    payload: bytes
    answers: list[bytes] = field(default_factory=list)

    @property
    def pids(self) -> bytes:
        return self.payload[1:] if self.payload[0] == 0x01 else b""


def breaches(begun_s: float, log: list[Seen]) -> set[str]:
    """Which rules of the contract a log breaks."""
    found = {
        "something else than a read in a single frame"
        for seen in log
        if not 0x7E8 <= seen.identifier <= 0x7EF and seen.data[0] & 0xF0 != 0x30 and not _is_read(seen)
    }
    asked = requests(log)
    if asked and asked[0].at_s - begun_s < TOLERANCE * LISTEN_S:
        found.add("asked before listening")
    if any(b.at_s - a.at_s < TOLERANCE * SPACING_S for a, b in itertools.pairwise(asked)):
        found.add("too close together")
    if any(len(one.pids) > MOST_PIDS for one in asked):
        found.add("too many parameters")
    return found | _blind(asked) | _stubborn(asked) | _disturbing(asked) | _harmful(asked)


def _is_read(seen: Seen) -> bool:
    size = seen.data[0]
    return 1 <= size <= 7 and seen.data[1] in READS and (seen.identifier == 0x7DF or 0x7E0 <= seen.identifier <= 0x7E7)


def requests(log: list[Seen]) -> list[Asked]:
    """The requests of a log, each with the beginnings of the answers that followed it."""
    made: list[Asked] = []
    for seen in log:
        if seen.identifier >= 0x7E8:
            first = seen.data[2:] if seen.data[0] & 0xF0 == 0x10 else seen.data[1 : 1 + (seen.data[0] & 0x0F)]
            if made and seen.data[0] & 0xF0 != 0x20:
                made[-1].answers.append(bytes(first))
        elif seen.data[0] & 0xF0 == 0:
            made.append(Asked(seen.at_s, seen.identifier, bytes(seen.data[1 : 1 + seen.data[0]])))
    return made


def _blind(asked: list[Asked]) -> set[str]:
    """Parameters that no bitmap named."""
    known: set[int] = {0}
    for one in asked:
        if not set(one.pids) <= known:
            return {"a parameter that no bitmap names"}
        for answer in one.answers:
            if answer[:1] == b"\x41" and len(one.pids) == 1 and one.pids[0] % 0x20 == 0:
                bits = int.from_bytes(answer[2:6], "big")
                known |= {one.pids[0] + 1 + at for at in range(32) if bits >> (31 - at) & 1}
    return set()


def _stubborn(asked: list[Asked]) -> set[str]:
    """Several parameters, again and again, of an ECU that does not take them."""
    refused = 0
    for one in asked:
        if len(one.pids) > 1:
            if refused > MOST_SHORT:
                return {"several parameters though they are refused"}
            refused += any(_refuses(answer) for answer in one.answers) or not one.answers
    return set()


def _refuses(answer: bytes) -> bool:
    return answer[:2] == b"\x7f\x01" and answer[2:3] != b"\x78"  # 78: the answer is still to come


def _disturbing(asked: list[Asked]) -> set[str]:
    """Requests to a car that sleeps."""
    silent = 0
    for one, following in itertools.pairwise([one for one in asked if one.payload[0] == 0x01]):
        silent = 0 if one.answers else silent + 1
        if silent >= MOST_SILENT and following.at_s - one.at_s < TOLERANCE * LEFT_ALONE_S:
            return {"a sleeping car is not left alone"}
    return set()


def _harmful(asked: list[Asked]) -> set[str]:
    """Requests after codes of communication that were not there before."""
    known: dict[int, set[bytes]] = {}
    for one in asked:
        codes = {answer[at : at + 2] for answer in one.answers for at in range(2, len(answer) - 1, 2)}
        suspect = {code for code in codes if one.payload[0] in {3, 7, 10} and code[0] >> 6 in {1, 3}}
        new = suspect - known.setdefault(one.payload[0], suspect)
        if new and asked[-1].at_s > one.at_s + HARM_S:
            return {"asked on after a code of communication"}
    return set()


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
            log.append(Seen(message.timestamp, message.arbitration_id, bytes(message.data)))

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
    assert breaches(begun_s, log) == set()
    asked = requests(log)
    assert sum(SPEED_PID in one.pids for one in asked) >= 2, "the car was not read"
    assert switch.listen_only == (temper == "setting a code")
    if quiet_s is not None:
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
    return [Seen(float(at), int(identifier, 16), bytes.fromhex("".join(data))) for at, identifier, *data in parts]


BITMAP = ("1.2 7DF 02 01 00", "1.21 7E8 06 41 00 08 18 00 00")
GOOD = (*BITMAP, "1.3 7E0 03 01 0C 0D", "1.31 7E8 06 41 0C 1F 40 0D 32", "1.4 7DF 01 03", "1.41 7E8 02 43 00")
BROKEN = {
    "something else than a read in a single frame": (*GOOD, "2 7E0 01 04"),
    "asked before listening": ("0.1 7DF 02 01 00",),
    "too close together": (*GOOD, "1.41 7E0 02 01 0D"),
    "too many parameters": (*GOOD, "2 7E0 08 01 0C 0D 05 0C 0D 05 0C"),
    "a parameter that no bitmap names": (*GOOD, "2 7E0 02 01 42"),
    "several parameters though they are refused": (
        *GOOD,
        *itertools.chain.from_iterable((f"{at} 7E0 03 01 0C 0D", f"{at}.01 7E8 03 7F 01 12") for at in range(2, 6)),
    ),
    "a sleeping car is not left alone": (*GOOD, *(f"2.{at} 7E0 02 01 0D" for at in range(1, 5))),
    "asked on after a code of communication": (*GOOD, "2 7DF 01 03", "2.01 7E8 04 43 01 C1 00", "5 7E0 02 01 0D"),
}


def test_a_good_log_passes() -> None:
    assert breaches(0.0, on_bus(*GOOD)) == set()


@pytest.mark.parametrize("rule", BROKEN)
def test_the_judge_notices(rule: str) -> None:
    """Each rule, broken once, is found."""
    assert rule in breaches(0.0, on_bus(*BROKEN[rule]))
