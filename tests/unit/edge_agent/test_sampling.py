"""Turns of parameters, readings on a grid, and what changed since the last look."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.batcher import Timed, batches
from edge_agent.polling import LONGEST_S, PERIODS_S, Poller
from edge_agent.protocols.obd import BUSY_REPEAT
from edge_agent.sampler import Sampler
from edge_agent.watch import Watch
from vehicle.batch import TimeQuality
from vehicle.dtc import Dtc, DtcState
from vehicle.signal_set import SignalSet
from vehicle.signals import CATALOGUE, DTC_COUNT, MIL_ON
from vehicle.vin import Vin
from vehicle.wire import Lane, encode_telemetry

SPEED, RPM, COOLANT = 0x0D, 0x0C, 0x05


def polled(poller: Poller, until_s: float) -> dict[int, int]:
    """How often each parameter was asked for, where each answer comes at once."""
    counts: dict[int, int] = {}
    now_s = 0.0
    while now_s < until_s:
        while turn := poller.due(now_s):
            for pid in turn[1]:
                counts[pid] = counts.get(pid, 0) + 1
                poller.answered(pid, now_s)
        now_s += 0.05
    return counts


def test_rates() -> None:
    """What moves fast is asked for each second, temperatures less often."""
    counts = polled(Poller({"7E8": {SPEED, RPM, COOLANT}}, 0.0), 60.0)
    assert counts[SPEED] == counts[RPM] == 60
    assert counts[COOLANT] == pytest.approx(60 / PERIODS_S[COOLANT], abs=1)


@given(st.dictionaries(st.sampled_from(["7E8", "7E9"]), st.sets(st.integers(0, 255)), max_size=2))
def test_nothing_is_asked_for_that_the_car_does_not_name(supported: dict[str, set[int]]) -> None:
    """No blind scanning: each request is to one ECU, for at most six of its own parameters."""
    poller = Poller(supported, 0.0)
    for _ in range(300):
        turn = poller.due(0.0)
        if turn is None:
            break
        ecu, pids = turn
        assert 1 <= len(pids) <= 6
        assert set(pids) <= supported[ecu] & PERIODS_S.keys()
        for pid in pids:
            poller.answered(pid, 0.0)
    assert poller.due(0.0) is None


def test_the_first_ecu_that_has_a_parameter_gives_it() -> None:
    poller = Poller({"7E9": {SPEED}, "7E8": {SPEED}}, 0.0)
    assert poller.due(0.0) == ("7E8", (SPEED,))


def test_silence_makes_the_waits_longer_and_an_answer_ends_that() -> None:
    """1 s becomes 2, 4, 8 … up to five minutes; the others go on; alone, so as not to spoil their requests."""
    poller = Poller({"7E8": {SPEED, RPM}}, 0.0)
    waits, now_s = [], 0.0
    for _ in range(12):
        poller.failed(SPEED, now_s)
        poller.answered(RPM, now_s)
        due_s = next(at for at in (now_s + half / 2 for half in range(1, 800)) if (SPEED,) in _turns(poller, at))
        waits.append(due_s - now_s)
        now_s = due_s
    assert waits[:4] == [2.0, 4.0, 8.0, 16.0]
    assert waits[-1] == LONGEST_S
    poller.answered(SPEED, now_s)
    assert poller.due(now_s + 2.0) in {("7E8", (SPEED, RPM)), ("7E8", (RPM, SPEED))}


def _turns(poller: Poller, now_s: float) -> list[tuple[int, ...]]:
    """Requests that are due, with RPM answered on the way."""
    found = []
    for _ in range(400):
        turn = poller.due(now_s)
        if turn is None or SPEED in turn[1]:
            return [*found, *([turn[1]] if turn else [])]
        poller.answered(RPM, now_s)
    return found


def test_refused_for_good_waits_longest_and_busy_does_not() -> None:
    poller = Poller({"7E8": {SPEED}}, 0.0)
    poller.failed(SPEED, 0.0, refusal=0x12)
    assert poller.next_due_s() == LONGEST_S
    poller = Poller({"7E8": {SPEED}}, 0.0)
    poller.failed(SPEED, 0.0, refusal=BUSY_REPEAT)
    assert poller.next_due_s() == 2.0


def test_a_car_that_takes_one_at_a_time() -> None:
    poller = Poller({"7E8": {SPEED, RPM}}, 0.0)
    poller.one_at_a_time()
    assert len(poller.due(0.0)[1]) == 1


def test_only_what_was_read_anew_is_a_sample() -> None:
    """Of several readings the last; then gaps until the next reading; missed grid points are left out."""
    sampler = Sampler.starting(10.0, 1.0)
    sampler.take({"a": 1, "b": 1})
    sampler.take({"a": 2})
    assert sampler.row(10.9) is None
    assert sampler.row(11.0) == {"a": 2, "b": 1}
    assert sampler.row(12.0) == {}
    sampler.take({"b": 3})
    assert sampler.row(15.7) == {"b": 3}
    assert sampler.next_s == 16.0


def test_a_batch_always_fits_into_a_message() -> None:
    """Many columns make batches short, so that no message is ever too large to be sent, whatever the values are."""
    chosen = SignalSet.of(list(CATALOGUE)[:100])
    wild = random.Random(1)
    rows = [
        Timed(1000 * at, 1000 * at, {path: wild.randint(-(2**63), 2**63 - 1) for path in chosen.paths})
        for at in range(500)
    ]
    made = batches(rows, chosen, boot_id=2**63 - 1, quality=TimeQuality.NTP)
    assert [time for batch in made for time in batch.times_ms] == [row.time_ms for row in rows]
    assert len(made) > 1
    for batch in made:
        assert encode_telemetry(epoch=1, sequence=1, lane=Lane.LIVE, batch=batch)


def test_codes_come_and_go() -> None:
    """New and gone codes are told once; an ECU that says nothing loses none."""
    watch = Watch()
    stored, pending = ("7E8", DtcState.STORED), ("7E8", DtcState.PENDING)
    first = watch.codes({stored: (Dtc("P0301"),), pending: (Dtc("P0420"),)})
    assert {(data["code"], data["state"], data["present"]) for _, data in first} == {
        ("P0301", "stored", True),
        ("P0420", "pending", True),
    }
    assert watch.codes({stored: (Dtc("P0301"),)}) == []
    assert watch.codes({}) == []
    ((kind, gone),) = watch.codes({stored: (), pending: (Dtc("P0420"),)})
    assert (kind, gone) == ("dtc", {"ecu": "7E8", "code": "P0301", "state": "stored", "present": False})


def test_codes_that_went_while_the_agent_was_off() -> None:
    """What was known when it last ran, and is not there now, is told gone."""
    watch = Watch()
    watch.known = {("7E8", "P0301", "stored"), ("7E9", "P0700", "stored")}
    ((_, gone),) = watch.codes({("7E8", DtcState.STORED): ()})
    assert (gone["code"], gone["present"]) == ("P0301", False)


def test_lamp_and_identity_are_told_when_they_change() -> None:
    watch, vin = Watch(), Vin.parse("LSVAA49J132030021")
    assert watch.lamp({}) == []
    assert watch.lamp({MIL_ON: 0, DTC_COUNT: 0}) == [("mil", {"on": False, "count": 0})]
    assert watch.lamp({MIL_ON: 0, DTC_COUNT: 0}) == []
    assert watch.lamp({MIL_ON: 1, DTC_COUNT: 2}) == [("mil", {"on": True, "count": 2})]
    assert watch.vin(None) == []
    assert watch.vin(vin) == [("vin", {"vin": str(vin)})]
    assert watch.vin(vin) == []
