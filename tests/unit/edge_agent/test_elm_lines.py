"""What adapters say, line by line: the data sheet's examples, clones, and rubbish."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import GarbledAnswerError
from edge_agent.protocols.elm327 import MOST_BYTES, Lines, read_reply

VIN_ANSWER = bytes.fromhex("490201") + b"LSVAA49J132030021"


@pytest.mark.parametrize(
    ("text", "command", "heard"),
    [
        ("7E8064100BE3EB813\r\r", "0100", [("7E8", "4100BE3EB813")]),
        ("7E8 06 41 00 BE 3E B8 13 \r\n7E9 06 41 00 80 00 00 01 \r\n\r\n", "0100",
         [("7E8", "4100BE3EB813"), ("7E9", "410080000001")]),
        ("SEARCHING...\r7E8064100BE3EB813\r", "0100", [("7E8", "4100BE3EB813")]),
        ("0100\r41 00 BE 3E B8 13\r", "0100", [("", "4100BE3EB813")]),
        ("18DAF110064100BE3EB813\r", "0100", [("18DAF110", "4100BE3EB813")]),
        ("7E803410D32AAAAAAAA\r", "010D", [("7E8", "410D32")]),
    ],
)  # fmt: skip
def test_answers(text: str, command: str, heard: list[tuple[str, str]]) -> None:
    """With and without spaces, echo, headers, line feeds, padding, and the word of searching."""
    reply = read_reply(text, command)
    assert [(ecu, payload.hex().upper()) for ecu, payload in reply.heard] == heard
    assert reply.garbled == ()


def test_frames_of_two_ecus_mixed() -> None:
    """Each ECU's frames are put together by its header."""
    text = "7E8100B490A01414243\r7E9100B490A01585960\r7E82144454647480000\r7E92161626364650000\r"
    found = dict(read_reply(text, "090A").heard)
    assert found == {"7E8": bytes.fromhex("490A014142434445464748"), "7E9": bytes.fromhex("490A015859606162636465")}


def test_an_answer_that_breaks_off_is_counted() -> None:
    reply = read_reply("7E8101449020146424C\r7E803410D32\r", "0902")
    assert reply.heard == (("7E8", b"\x41\x0d\x32"),)
    assert read_reply("7E8101449020146424C\r", "0902").garbled == ("7E8: its answer broke off",)


@pytest.mark.parametrize("headers", [True, False])
def test_the_vin_comes_whole(headers: bool) -> None:
    """As frames with headers, and as an adapter numbers it without."""
    head = VIN_ANSWER[:6].hex().upper()
    rest = [VIN_ANSWER[at : at + 7].hex().upper() for at in (6, 13)]
    if headers:
        text = f"7E81014{head}\r7E821{rest[0]}\r7E822{rest[1]}\r"
    else:
        text = f"014\r0:{head}\r1:{rest[0]}\r2:{rest[1]}\r"
    (answer,) = read_reply(text, "0902").heard
    assert answer[1] == VIN_ANSWER


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("NO DATA\r", "NO DATA"),
        ("SEARCHING...\rUNABLE TO CONNECT\r", "UNABLE TO CONNECT"),
        ("CAN ERROR\r", "CAN ERROR"),
        ("?\r", "?"),
        ("7E803410D32\rBUFFER FULL\r", "BUFFER FULL"),
        ("STOPPED\r", "STOPPED"),
    ],
)
def test_complaints(text: str, complaint: str) -> None:
    """Each of the data sheet's words is known; what came before it is kept."""
    reply = read_reply(text, "010D")
    assert reply.complaint == complaint
    assert reply.garbled == ()
    assert len(reply.heard) == text.count("7E8")


def test_an_adapter_that_began_anew_is_noticed() -> None:
    """It has forgotten its set-up, so that the next answers would be read wrongly."""
    assert read_reply("\r\rELM327 v1.5\r\r", "010C").restarted


def test_rubbish_is_counted_and_the_rest_is_kept() -> None:
    """Broken lines beside a good one."""
    reply = read_reply("7E803410D32\rHELLO\r7E8XX\r", "010D")
    assert reply.heard == (("7E8", b"\x41\x0d\x32"),)
    assert reply.garbled == ("HELLO", "7E8XX")


@given(st.text(alphabet="0123456789ABCDEF:>\r\n NOATEU?.\x00", max_size=200))
def test_no_text_breaks_it(text: str) -> None:
    reply = read_reply(text, "0100")
    assert all(payload for _, payload in reply.heard)


@given(st.data())
def test_bytes_come_in_any_pieces(data: st.DataObject) -> None:
    """Prompts cut the texts, wherever the pieces end; NUL bytes are left out."""
    whole = b"ELM327 v1.5\r\r>OK\r\r>\x007E8\x00 03\r>rest"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    lines, texts = Lines(), []
    for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        texts += lines.feed(whole[start:end])
    assert texts == ["ELM327 v1.5\r\r", "OK\r\r", "7E8 03\r"]


def test_babbling_has_an_end() -> None:
    """An adapter that never prompts does not fill the memory."""
    lines = Lines()
    with pytest.raises(GarbledAnswerError, match="no prompt"):
        for _ in range(MOST_BYTES):
            lines.feed(b"41 0C ")
    assert lines.feed(b"OK>") == ["OK"]
