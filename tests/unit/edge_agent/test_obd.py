"""What ECUs answer, sorted; and the questions we ask over any link."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.errors import GarbledAnswerError, NoAnswerError, RefusedError
from edge_agent.health import Health
from edge_agent.protocols.obd import answers, is_final, live_data, live_request
from edge_agent.questions import Questions
from tests.property_examples import examples
from vehicle.dtc import Dtc, DtcState

ECU, OTHER = "7E8", "7E9"


class Told:
    """A link that says what it was told to, by request."""

    physical = True

    def __init__(self, script: dict[bytes, list[tuple[str, bytes]]]) -> None:
        self.script, self.asked = script, []

    async def exchange(self, request: bytes, ecu: str = "") -> list[tuple[str, bytes]]:
        self.asked.append((request, ecu))
        return self.script.get(request, [])

    async def close(self) -> None:
        """Nothing is open."""


def test_several_ecus_pending_and_refusals() -> None:
    """Each ECU's last word counts; "response pending" is none."""
    found = answers(b"\x01\x0c", [(ECU, b"\x7f\x01\x78"), (OTHER, b"\x7f\x01\x12"), (ECU, b"\x41\x0c\x1f\x40")])
    assert found.data == {ECU: b"\x0c\x1f\x40"}
    assert found.refusals == {OTHER: 0x12}
    assert not is_final(b"\x01\x0c", b"\x7f\x01\x78")
    assert is_final(b"\x01\x0c", b"\x7f\x01\x21")


def test_an_answer_to_another_question_is_garbage() -> None:
    """As from an ECU that was late, or one that babbles."""
    strange = [b"\x41\x0d\x00", b"\x43\x00", b"", b"\x7f\x03\x11", b"\x7f"]
    assert answers(b"\x01\x0c", [(ECU, payload) for payload in strange]).garbled == tuple(strange)


def test_several_parameters_in_one_answer() -> None:
    """Cut by the lengths that J1979 gives; an ECU may leave some out, and padding is left alone."""
    assert live_data((0x0C, 0x0D, 0x05), bytes.fromhex("0C1F400D32")) == {0x0C: b"\x1f\x40", 0x0D: b"\x32"}
    assert live_data((0x0D,), bytes.fromhex("0D325555")) == {0x0D: b"\x32"}


@pytest.mark.parametrize("data", ["0C1F", "050C1F40", "0D320D32"])
def test_answers_that_do_not_fit(data: str) -> None:
    """Too short, not asked for, or twice."""
    with pytest.raises(GarbledAnswerError):
        live_data((0x0C, 0x0D), bytes.fromhex(data))


@pytest.mark.parametrize("pids", [(), tuple(range(7))])
def test_a_request_names_one_to_six(pids: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="1 to 6"):
        live_request(pids)


@settings(max_examples=examples(25), deadline=None)  # each question waits its turn
@given(st.lists(st.tuples(st.sampled_from(["", ECU]), st.binary(max_size=20)), max_size=5))
async def test_no_answer_breaks_the_questions(heard: list[tuple[str, bytes]]) -> None:
    """Whatever ECUs say, questions end in data, nothing, or an error of ours."""
    requests = [b"\x01\x00", b"\x01\x0c", b"\x01\x0c\x0d", b"\x09\x02", b"\x03", b"\x07", b"\x0a"]
    questions = Questions(Told(dict.fromkeys(requests, heard)), Health())
    for asking in (questions.supported(), questions.live(ECU, (0x0C,)), questions.vin(), questions.codes()):
        try:
            await asking
        except (NoAnswerError, RefusedError) as error:
            assert str(error)


async def test_supported_parameters_follow_the_bitmaps() -> None:
    """The next bitmap is asked for only where an ECU names it: there is no blind scanning."""
    link = Told(
        {
            b"\x01\x00": [(ECU, bytes.fromhex("410018180001")), (OTHER, bytes.fromhex("410000080000"))],
            b"\x01\x20": [(ECU, bytes.fromhex("412080000000"))],
        }
    )
    found = await Questions(link, Health()).supported()
    assert found == {ECU: {0x04, 0x05, 0x0C, 0x0D, 0x20, 0x21}, OTHER: {0x0D}}
    assert [request for request, _ in link.asked] == [b"\x01\x00", b"\x01\x20"]


async def test_codes_of_an_ecu_that_babbles_do_not_hide_the_others() -> None:
    """A list that promises more than it holds is counted; the other ECU's codes come."""
    health = Health()
    link = Told({b"\x03": [(ECU, bytes.fromhex("43050301")), (OTHER, bytes.fromhex("43010420"))]})
    assert await Questions(link, health).codes() == {(OTHER, DtcState.STORED): (Dtc("P0420"),)}
    assert health.counts["garbage"] == 1
    assert health.counts["silent"] == 2


async def test_silence_and_refusal_have_words() -> None:
    health = Health()
    with pytest.raises(NoAnswerError, match="ignition"):
        await Questions(Told({}), health).supported()
    with pytest.raises(RefusedError, match="22"):
        await Questions(Told({b"\x01\x0c": [(ECU, b"\x7f\x01\x22")]}), health).live(ECU, (0x0C,))
    assert health.counts["refused:7E8, code 22"] == 1
    assert any("without an answer" in line for line in health.report())
