"""A control unit by its answers: services of SAE J1979, refusals, and how badly it can behave."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.ecu import ENGINE_ID, FUNCTIONAL_ID, TRANSMISSION_ID, Behaviour, Unit, answers, asked_of, fitting
from vehicle import signals
from vehicle.dtc import Dtc, DtcState, decode_dtcs
from vehicle.obd import PID_OF, PIDS, supported_pids
from vehicle.vin import Vin, decode_vin

VIN = "LSVAA49J132030021"
VALUES = {
    signals.SPEED: 50.0, signals.ENGINE_SPEED: 2000.0, signals.COOLANT_TEMPERATURE: 88.0, signals.MAF: 12.5,
    signals.CONTROL_MODULE_VOLTAGE: 13.9, signals.MIL_ON: 1.0, signals.DTC_COUNT: 2.0, signals.ODOMETER: 26_350_000.0,
}  # fmt: skip
CODES = {
    DtcState.STORED: (Dtc("P0301"), Dtc("P0420")), DtcState.PENDING: (Dtc("U0100"),), DtcState.PERMANENT: (),
}  # fmt: skip


def unit(**changed) -> Unit:
    return Unit(**({"values": VALUES, "codes": CODES, "freeze": VALUES, "vin": Vin.parse(VIN)} | changed))


def ask(request: str, *, functional: bool = True, **changed) -> list[str]:
    """Answers in hex to a request in hex."""
    return [
        answer.hex(" ").upper() for answer in answers(bytes.fromhex(request), unit(**changed), functional=functional)
    ]


def test_bitmaps_tell_exactly_what_it_answers() -> None:
    """From bitmap to bitmap a tester finds every parameter that it has, and each is answered; no other is."""
    found, base = set(), 0
    while True:
        (answer,) = answers(bytes([1, base]), unit())
        assert answer[:2] == bytes([0x41, base])
        found |= (here := supported_pids(base, answer[2:]))
        if base + 0x20 not in here:
            break
        base += 0x20
    parameters = {pid for pid in found if pid % 0x20}
    assert parameters == {PID_OF[path] for path in VALUES}
    for pid in set(PIDS) - set(range(0, 0x100, 0x20)):
        assert bool(answers(bytes([1, pid]), unit())) == (pid in parameters)


def test_one_request_may_name_six_parameters() -> None:
    """Answers come in the order asked; what it has not is left out; a seventh is refused."""
    assert ask("01 0C 0D 05") == ["41 0C 1F 40 0D 32 05 80"]
    assert ask("01 0D 2F 05") == ["41 0D 32 05 80"]
    assert ask("01 0C 0D 05 10 42 01") == ["41 0C 1F 40 0D 32 05 80 10 04 E2 42 36 4C 01 82 00 00 00"]
    assert ask("01 0C 0D 05 10 42 01 0C", functional=False) == ["7F 01 13"]


@pytest.mark.parametrize(
    ("service", "state"), [(3, DtcState.STORED), (7, DtcState.PENDING), (0x0A, DtcState.PERMANENT)]
)
def test_codes_by_their_state(service: int, state: DtcState) -> None:
    """Services 03, 07 and 0A list what was set, with a count; none is an answer too."""
    (answer,) = answers(bytes([service]), unit())
    assert answer[0] == service + 0x40
    assert decode_dtcs(answer[1:]) == CODES[state]


def test_who_it_is() -> None:
    """Service 09 tells which it knows, the VIN and names; without a VIN it says nothing to all."""
    (answer,) = answers(b"\x09\x02", unit())
    assert decode_vin(answer[2:]).text == VIN
    assert supported_pids(0, answers(b"\x09\x00", unit())[0][2:]) == {0x02, 0x04, 0x06, 0x0A}
    assert supported_pids(0, answers(b"\x09\x00", unit(vin=None))[0][2:]) == {0x04, 0x06, 0x0A}
    assert ask("09 02", vin=None) == []
    assert ask("09 02", vin=None, functional=False) == ["7F 09 12"]


def test_the_frozen_frame_names_its_code() -> None:
    """Service 02 gives values of frame 0 and the code that froze them; without a stored code there is none."""
    assert ask("02 02 00") == ["42 02 00 03 01"]
    assert ask("02 05 00") == ["42 05 00 80"]
    assert ask("02 05 01", functional=False) == ["7F 02 12"]
    assert ask("02 05 00", functional=False, codes={}) == ["7F 02 12"]


def test_misfires_are_counted_in_service_06() -> None:
    assert ask("06 A2") == ["46 A2 0B 24 00 18 00 00 FF FF"]
    assert ask("06 A2", codes={}) == ["46 A2 0B 24 00 00 00 00 FF FF"]


@pytest.mark.parametrize("request_hex", ["04", "22 F1 90", "10 03", "3E 00", "FF"])
def test_an_unknown_service_is_refused_or_left_unanswered(request_hex: str) -> None:
    """To itself: not supported. Asked of all, it stays silent, as ISO 15765-4 wants; clearing is such a service."""
    assert ask(request_hex, functional=False) == [f"7F {request_hex[:2]} 11"]
    assert ask(request_hex) == []


def test_silent_answers_nothing() -> None:
    assert [ask(request, behaviour=Behaviour.SILENT) for request in ("01 00", "03", "09 02")] == [[], [], []]


def test_no_data_tells_what_it_has_and_gives_nothing() -> None:
    """Bitmaps are answered, nothing else is."""
    assert ask("01 00", behaviour=Behaviour.NO_DATA) == ask("01 00")
    assert [ask(request, behaviour=Behaviour.NO_DATA) for request in ("01 0C", "03", "09 02")] == [[], [], []]


@given(st.binary(min_size=1, max_size=7))
def test_garbage_is_never_an_answer(request_bytes: bytes) -> None:
    """What it says does not begin as an answer to what was asked, and is the same each time."""
    (answer,) = answers(request_bytes, unit(behaviour=Behaviour.GARBAGE))
    assert answers(request_bytes, unit(behaviour=Behaviour.GARBAGE)) == (answer,)
    assert not (answer[0] == request_bytes[0] + 0x40 and answer[1 : len(request_bytes)] == request_bytes[1:])


def test_pending_asks_for_time_before_each_answer() -> None:
    assert ask("01 0D", behaviour=Behaviour.PENDING) == ["7F 01 78", "41 0D 32"]


def test_one_pid_refuses_more_than_one() -> None:
    assert ask("01 0D", behaviour=Behaviour.ONE_PID) == ["41 0D 32"]
    assert ask("01 0D 0C", behaviour=Behaviour.ONE_PID) == []
    assert ask("01 0D 0C", behaviour=Behaviour.ONE_PID, functional=False) == ["7F 01 13"]


@given(st.binary(max_size=12), st.sampled_from(Behaviour), st.booleans())
def test_whatever_is_asked_it_answers_in_form(request_bytes: bytes, behaviour: Behaviour, functional: bool) -> None:
    """Any bytes: no exception; a refusal has three bytes, names the service and never answers a request to all."""
    for answer in answers(request_bytes, unit(behaviour=behaviour), functional=functional):
        assert 0 < len(answer) <= 4095
        if answer[0] == 0x7F and behaviour is not Behaviour.GARBAGE:
            assert answer[1] == request_bytes[0]
            assert len(answer) == 3
            assert answer[2] == 0x78 or not functional


def test_who_is_asked() -> None:
    """7DF asks all, 7E0 the engine, 7E1 the gearbox, anything else nobody."""
    both = (unit(answer_id=ENGINE_ID), unit(answer_id=TRANSMISSION_ID))
    assert asked_of(FUNCTIONAL_ID, both) == both
    assert asked_of(0x7E0, both) == both[:1]
    assert asked_of(0x7E1, both) == both[1:]
    assert asked_of(0x123, both) == ()


def test_values_are_held_within_what_an_answer_can_carry() -> None:
    """So that a hot engine is answered as the hottest that the byte can say."""
    assert fitting({signals.COOLANT_TEMPERATURE: 400.0, signals.SPEED: -3.0}) == {
        signals.COOLANT_TEMPERATURE: 215.0,
        signals.SPEED: 0.0,
    }
