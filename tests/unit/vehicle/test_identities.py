"""Trouble codes, VINs, topics, signal sets and messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vehicle import messages, topics
from vehicle.dtc import Dtc, decode_dtcs, encode_dtcs
from vehicle.errors import DtcError, MessageError, ObdDataError, TopicError, VinError
from vehicle.signal_set import SignalSet
from vehicle.signals import CATALOGUE, SPEED
from vehicle.vin import Vin, decode_vin, encode_vin


@given(st.integers(1, 65535))
def test_codes_round_trip(number: int) -> None:
    """Any two bytes are a code, and the code is those bytes."""
    code = Dtc.from_bytes(number.to_bytes(2, "big"))
    assert Dtc(str(code)).to_bytes() == number.to_bytes(2, "big")


def test_known_codes() -> None:
    """The four systems are told apart."""
    pairs = [b"\x04\x20", b"\x41\x23", b"\x92\x34", b"\xc1\x00"]
    assert [str(Dtc.from_bytes(pair)) for pair in pairs] == ["P0420", "C0123", "B1234", "U0100"]


@pytest.mark.parametrize("text", ["", "P042", "X0420", "P4420", "p0420", "P04201"])
def test_what_is_no_code(text: str) -> None:
    """Anything else is refused."""
    with pytest.raises(DtcError):
        Dtc(text)


def test_list_of_codes() -> None:
    """A list of codes round-trips; fillers are dropped; a short one is refused."""
    codes = (Dtc("P0301"), Dtc("P0420"))
    assert decode_dtcs(encode_dtcs(codes)) == codes
    assert decode_dtcs(b"\x02\x03\x01\x00\x00") == (Dtc("P0301"),)
    with pytest.raises(ObdDataError, match="5 bytes for 2 codes"):
        decode_dtcs(b"\x02\x03\x01")


def test_vin_with_digits_that_others_strip() -> None:
    """A VIN that ends in 0, 1 or 2 keeps its last characters."""
    vin = Vin.parse("wp0zzz99zts390000")
    assert (str(decode_vin(encode_vin(vin))), vin.wmi, vin.vds, vin.vis) == (
        "WP0ZZZ99ZTS390000", "WP0", "ZZZ99Z", "TS390000",
    )  # fmt: skip


def test_check_digit() -> None:
    """The check digit of the standard's own example holds, another does not."""
    assert Vin.parse("1M8GDM9AXKP042788").check_digit_valid
    assert not Vin.parse("1M8GDM9A1KP042788").check_digit_valid


@pytest.mark.parametrize(("text", "why"), [("ABC", "3 characters"), ("1M8GDM9AXKP04278O", "'O'")])
def test_what_is_no_vin(text: str, why: str) -> None:
    """The error says what is wrong with it."""
    with pytest.raises(VinError, match=why):
        Vin.parse(text)


@given(st.from_regex(topics.DEVICE_ID, fullmatch=True), st.sampled_from(topics.Kind))
def test_topics_round_trip(device: str, kind: topics.Kind) -> None:
    """Device and kind come back from the topic."""
    assert topics.parse_topic(topics.topic(device, kind)) == (device, kind)


@pytest.mark.parametrize(
    "text",
    ["roadworthy/v1/+/telemetry", "roadworthy/v1/#", "roadworthy/v2/abcdefgh/state", "roadworthy/v1/abcdefgh/x", "a"],
)
def test_foreign_topics(text: str) -> None:
    """Wildcards, other versions and unknown kinds are refused."""
    with pytest.raises(TopicError):
        topics.parse_topic(text)


def test_signal_set_id_follows_from_content() -> None:
    """The announced form gives the same set and id back; another order has another id."""
    chosen = SignalSet.of(CATALOGUE)
    assert SignalSet.from_announced(chosen.announced()) == chosen
    assert SignalSet.from_announced(chosen.announced()).id == chosen.id
    assert SignalSet.of(reversed(list(CATALOGUE))).id != chosen.id


@pytest.mark.parametrize(
    "rows", [[["Vehicle.Speed", 1, 1]], [[1, 1, 1, 1]], [["a", 1, 0, 0]], [[SPEED, 1, 1, 0]] * 1001]
)
def test_announcements_that_are_none(rows: list[list[object]]) -> None:
    """A set that cannot be one is refused."""
    with pytest.raises(MessageError):
        SignalSet.from_announced(rows)


def test_messages_survive_newer_senders() -> None:
    """Fields that we do not know are ignored; a required one that lacks is named."""
    assert messages.decode(messages.Ack, b'{"epoch":1,"upto":5,"new":true}').upto == 5
    with pytest.raises(MessageError, match="upto"):
        messages.decode(messages.Ack, b'{"epoch":1}')
