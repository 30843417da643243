"""The polling contract (docs/polling.md), judged on what travels by somebody who knows nothing of the agent.

The judge sees frames with their times, and which of them the tester sent. It is proven by logs that break each rule
once (tests/contracts/test_polling.py), and looks at the traffic of the whole suite (tests/bus_traffic.py).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

FLOW_CONTROL, ON_UDS = 0x30, 0x22
FUNCTIONAL, FUNCTIONAL_29 = 0x7DF, 0x18DB33F1
READS = {0x01, 0x02, 0x03, 0x06, 0x07, 0x09, 0x0A, 0x19, 0x22}
LISTEN_S, SPACING_S, LEFT_ALONE_S, HARM_S = 1.0, 0.05, 1.0, 1.5
TOLERANCE = 0.85
"""Of each time: what a timer of a busy machine may take off."""
ANSWER_S = 0.5
MOST_PIDS, MOST_SHORT, MOST_SILENT = 6, 2, 2


@dataclass(frozen=True)
class Seen:
    """A frame of the bus: when, with which identifier, what, and whether the tester sent it."""

    at_s: float
    identifier: int
    data: bytes
    asked: bool


@dataclass
class Asked:
    """A request as it was on the bus, and what came after it before the next one."""

    at_s: float
    identifier: int
    payload: bytes
    answers: list[bytes] = field(default_factory=list)

    @property
    def pids(self) -> bytes:
        """The parameters that it names: by service 01, or on UDS by identifiers F4xx."""
        if self.payload[0] == ON_UDS:
            named = [self.payload[at : at + 2] for at in range(1, len(self.payload), 2)]
            return bytes(one[1] for one in named if one[0] == 0xF4)
        return self.payload[1:] if self.payload[0] == 0x01 else b""


def breaches(begun_s: Sequence[float], log: list[Seen], *, times: bool = True) -> set[str]:
    """Which rules of the contract a log breaks, whose tester came at each ``begun_s``; those of ``times`` or not."""
    asked = requests(log)
    found = {
        "something else than a read in a single frame"
        for seen in log
        if seen.asked and seen.data[0] & 0xF0 != FLOW_CONTROL and not _is_read(seen)
    }
    if any(len(one.pids) > MOST_PIDS for one in asked):
        found.add("too many parameters")
    found |= _blind(asked) | _stubborn(asked)
    return found | (_untimely(begun_s, asked) if times else set())


def _untimely(begun_s: Sequence[float], asked: list[Asked]) -> set[str]:
    found = _disturbing(asked) | _harmful(asked)
    if any(0 <= one.at_s - begun < TOLERANCE * LISTEN_S for one in asked for begun in begun_s):
        found.add("asked before listening")
    if any(b.at_s - a.at_s < TOLERANCE * SPACING_S for a, b in itertools.pairwise(asked)):
        found.add("too close together")
    return found


def _is_read(seen: Seen) -> bool:
    size, identifier = seen.data[0], seen.identifier
    to_ecus = identifier == FUNCTIONAL or 0x7E0 <= identifier <= 0x7E7
    to_ecus_29 = identifier == FUNCTIONAL_29 or identifier & ~0xFF00 == 0x18DA00F1
    return 1 <= size <= 7 and seen.data[1] in READS and (to_ecus or to_ecus_29)


def is_answer(identifier: int) -> bool:
    """Whether control units answer with that identifier (ISO 15765-4)."""
    return 0x7E8 <= identifier <= 0x7EF or identifier & ~0xFF == 0x18DAF100


def requests(log: list[Seen]) -> list[Asked]:
    """The requests of a log, each with the beginnings of the answers that followed it."""
    made: list[Asked] = []
    for seen in log:
        if not seen.asked and is_answer(seen.identifier):
            first = seen.data[2:] if seen.data[0] & 0xF0 == 0x10 else seen.data[1 : 1 + (seen.data[0] & 0x0F)]
            if made and seen.data[0] & 0xF0 != 0x20:
                made[-1].answers.append(bytes(first))
        elif seen.asked and seen.data[0] & 0xF0 == 0:
            made.append(Asked(seen.at_s, seen.identifier, bytes(seen.data[1 : 1 + seen.data[0]])))
    return made


def _blind(asked: list[Asked]) -> set[str]:
    """Parameters that no bitmap named, by the same way of asking."""
    known: dict[int, set[int]] = {0x01: {0}, ON_UDS: {0}}
    for one in asked:
        pids, service = one.pids, one.payload[0]
        if not set(pids) <= known.get(service, set()):
            return {"a parameter that no bitmap names"}
        if len(pids) == 1 and pids[0] % 0x20 == 0:
            head = 2 if service == 0x01 else 3
            for answer in one.answers:
                bits = int.from_bytes(answer[head : head + 4], "big") if answer[0] == service + 0x40 else 0
                known[service] |= {pids[0] + 1 + at for at in range(32) if bits >> (31 - at) & 1}
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
    return answer[:2] in {b"\x7f\x01", b"\x7f\x22"} and answer[2:3] != b"\x78"  # 78: the answer is still to come


def _disturbing(asked: list[Asked]) -> set[str]:
    """Requests to a car that sleeps."""
    silent = 0
    for one, following in itertools.pairwise(_looks([one for one in asked if one.payload[0] in {0x01, ON_UDS}])):
        silent = 0 if one.answers else silent + 1
        if silent >= MOST_SILENT and following.at_s - one.at_s < TOLERANCE * LEFT_ALONE_S:
            return {"a sleeping car is not left alone"}
    return set()


def _looks(asked: list[Asked]) -> list[Asked]:
    """A question that found nobody with 11-bit identifiers and is put once more with 29-bit ones is one question."""
    looks: list[Asked] = []
    for one in asked:
        before = looks[-1] if looks else None
        again = before is not None and not before.answers and before.payload == one.payload
        if before is not None and again and before.identifier == FUNCTIONAL and one.identifier == FUNCTIONAL_29:
            looks.pop()
        looks.append(one)
    return looks


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
