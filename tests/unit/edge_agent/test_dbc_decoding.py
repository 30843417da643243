"""Values of a DBC's signals, frame by frame and in bulk, against cantools as an independent reader."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any

import cantools
import numpy as np
import pytest
from cantools.database.can import Database
from cantools.database.can import Message as DbcMessage
from cantools.database.can import Signal as DbcSignal
from cantools.database.conversion import BaseConversion
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from edge_agent.bulk.decoder import BulkDecoder
from edge_agent.bulk.frames import Frames
from edge_agent.decoders.dbc import layout, load
from edge_agent.decoders.frame import FrameDecoder
from edge_agent.decoders.layout import EXTENDED, Layout, Message, Signal
from edge_agent.errors import DbcError
from tests.property_examples import examples

if TYPE_CHECKING:
    from collections.abc import Sequence

    Recorded = Sequence[tuple[int, bytes]]

LENGTHS = (1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64)


def frames_of(recorded: Recorded) -> Frames:
    """Frames from pairs of key and data."""
    data = np.zeros((len(recorded), 8 if all(len(data) <= 8 for _, data in recorded) else 64), dtype=np.uint8)
    for row, (_, one) in zip(data, recorded, strict=True):
        row[: len(one)] = np.frombuffer(one, np.uint8)
    return Frames(
        times_us=np.arange(len(recorded)),
        keys=np.array([key for key, _ in recorded], dtype=np.uint32),
        lengths=np.array([len(one) for _, one in recorded], dtype=np.uint8),
        data=data,
    )


def in_bulk(chosen: Layout, recorded: Recorded) -> list[dict[str, Any]]:
    """Values by frame, decoded in bulk."""
    found: list[dict[str, Any]] = [{} for _ in recorded]
    for decoded in BulkDecoder(chosen).decode(frames_of(recorded)):
        for signal, values in zip(decoded.signals, decoded.values, strict=True):
            for at, value in zip(decoded.frames.tolist(), values.tolist(), strict=True):
                assert signal.name not in found[at]
                found[at][signal.name] = value
    return found


def one_by_one(chosen: Layout, recorded: Recorded) -> list[dict[str, Any]]:
    """Values by frame, decoded frame by frame."""
    decoder = FrameDecoder(chosen)
    return [decoder.decode(key & ~EXTENDED, data, extended=bool(key & EXTENDED)) or {} for key, data in recorded]


def same(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    """Whether names, types and values agree; not-a-number is equal to itself."""
    return ours.keys() == theirs.keys() and all(
        type(ours[name]) is type(value) and (ours[name] == value or (math.isnan(ours[name]) and math.isnan(value)))
        for name, value in theirs.items()
    )


@st.composite
def signals(draw: st.DrawFn, number: int, taken: set[int], bits: int) -> DbcSignal | None:
    """A signal on bits that are free, of any coding, or None if it would overlap."""
    big_endian, coding = draw(st.booleans()), draw(st.sampled_from(("unsigned", "unsigned", "signed", "float")))
    length = draw(st.sampled_from((16, 32, 64)) if coding == "float" else st.integers(1, min(bits, 80)))
    if length > bits:
        return None
    first = draw(st.integers(0, bits - length))
    order = [at ^ 7 for at in range(first, first + length)] if big_endian else list(range(first, first + length))
    if taken & set(order):
        return None
    taken |= set(order)
    whole, real = st.integers(-1000, 1000), st.sampled_from((0.5, 0.1, -0.25, 0.001, 1e-9, 2.5, 3.14159))
    scale, offset = draw(st.one_of(st.just(1), whole.filter(bool), real)), draw(st.one_of(st.just(0), whole, real))
    choices = draw(st.sampled_from((None, {0: "off", 1: "on"}))) if coding != "float" else None
    return DbcSignal(
        name=f"S{number}",
        start=order[0],
        length=length,
        byte_order="big_endian" if big_endian else "little_endian",
        is_signed=coding == "signed",
        conversion=BaseConversion.factory(scale=scale, offset=offset, choices=choices, is_float=coding == "float"),
    )


@st.composite
def selectors(draw: st.DrawFn, taken: set[int], bits: int) -> list[DbcSignal]:
    """One or two multiplexers, the second below the first, in the first byte or two."""
    found = [DbcSignal(name="M0", start=0, length=2, byte_order="little_endian", is_multiplexer=True)]
    if bits > 8 and draw(st.booleans()):
        ids = sorted(draw(st.sets(st.integers(0, 3), min_size=1)))
        found.append(
            DbcSignal(
                name="M1",
                start=8,
                length=3,
                byte_order="little_endian",
                is_multiplexer=True,
                multiplexer_ids=ids,
                multiplexer_signal="M0",
            )
        )
        taken |= {8, 9, 10}
    taken |= {0, 1}
    return found


@st.composite
def messages(draw: st.DrawFn) -> DbcMessage:
    """A message of any length with signals that do not overlap, some of them multiplexed."""
    length = draw(st.sampled_from(LENGTHS))
    taken: set[int] = set()
    above = draw(selectors(taken, 8 * length)) if draw(st.booleans()) else []
    found = [draw(signals(number, taken, 8 * length)) for number in range(draw(st.integers(1, 12)))]
    kept = [signal for signal in found if signal is not None]
    for signal in kept:
        if above and draw(st.booleans()):
            parent = draw(st.sampled_from(above))
            signal.multiplexer_signal = parent.name
            signal.multiplexer_ids = sorted(draw(st.sets(st.integers(0, 7 if parent.name == "M1" else 3), min_size=1)))
    extended = draw(st.booleans())
    return DbcMessage(
        frame_id=draw(st.integers(0, (1 << (29 if extended else 11)) - 1)),
        name="Any",
        length=length,
        signals=[*above, *kept],
        is_extended_frame=extended,
        is_fd=length > 8,
        strict=True,
    )


def theirs(message: DbcMessage, data: bytes) -> dict[str, Any] | None:
    """What cantools decodes, or None where it refuses a multiplexer value that it does not know."""
    try:
        return dict(message.decode(data, decode_choices=False, allow_truncated=True))
    except cantools.database.errors.DecodeError as error:
        assert "expected multiplexer id" in str(error)
        return None


@given(message=messages(), seed=st.randoms(use_true_random=False), data=st.data())
@settings(max_examples=examples(300), deadline=None)
def test_every_coding_gives_cantools_values(message: DbcMessage, seed: Any, data: st.DataObject) -> None:
    """Any layout, random frames of its length, shorter and longer: both decoders give cantools' values and types."""
    lengths = data.draw(st.lists(st.integers(0, 64) | st.just(message.length), min_size=1, max_size=12))
    found = layout([message])
    (key,) = found.messages
    recorded = [(key, seed.randbytes(length)) for length in lengths]
    bulk, single = in_bulk(found, recorded), one_by_one(found, recorded)
    for (_, one), from_bulk, from_single in zip(recorded, bulk, single, strict=True):
        wanted = theirs(message, one)
        assert same(from_bulk, from_single)
        assert wanted is None or same(from_single, wanted)


@given(message=messages(), seed=st.randoms(use_true_random=False))
@settings(max_examples=examples(60), deadline=None)
def test_a_file_says_the_same_as_the_objects(message: DbcMessage, seed: Any) -> None:
    """What cantools writes as a DBC file, we read to the same values."""
    assume(not any(signal.is_float and signal.length == 16 for signal in message.signals))  # a DBC cannot say float16
    text = Database(messages=[message]).as_dbc_string()
    reread = cantools.database.load_string(text, "dbc").messages[0]
    found = load(text.encode(), source="made.dbc")
    (key,) = found.messages
    frame = seed.randbytes(message.length)
    wanted = theirs(reread, frame)
    assert wanted is None or same(one_by_one(found, [(key, frame)])[0], wanted)


def one_message(*parts: Signal, length: int = 8) -> Layout:
    """A layout of one message, 0x100, with these signals."""
    return Layout([Message(identifier=0x100, extended=False, name="One", length=length, signals=parts)])


def test_a_short_frame_gives_the_signals_that_it_holds() -> None:
    """A frame of three bytes gives what lies in three bytes, and counts as short."""
    near = Signal(name="near", start=8, length=16, big_endian=False)
    far = Signal(name="far", start=16, length=16, big_endian=False)
    found = one_message(near, far)
    recorded = [(0x100, bytes([1, 2, 3])), (0x100, bytes([1, 2, 3, 4, 0, 0, 0, 0])), (0x100, b"")]
    wanted = [{"near": 0x0302}, {"near": 0x0302, "far": 0x0403}, {}]
    assert one_by_one(found, recorded) == wanted
    assert in_bulk(found, recorded) == wanted
    decoder = BulkDecoder(found)
    list(decoder.decode(frames_of(recorded)))
    assert (decoder.tally.frames, decoder.tally.short, decoder.tally.unknown) == (3, 2, 0)


def test_unknown_identifiers_are_counted() -> None:
    """A frame that the layout does not know is counted, also where the number is known with another length."""
    found = one_message(Signal(name="a", start=0, length=8, big_endian=False))
    recorded = [(0x100, b"\x07" + bytes(7)), (0x101, bytes(8)), (0x100 | EXTENDED, bytes(8))]
    decoder = BulkDecoder(found)
    (decoded,) = decoder.decode(frames_of(recorded))
    assert (decoded.frames.tolist(), decoded.values[0].tolist()) == ([0], [7])
    assert decoder.tally.unknown == 2
    assert FrameDecoder(found).decode(0x100, bytes(8), extended=True) is None


def test_no_frames_decode_to_nothing() -> None:
    """An empty log is no error."""
    found = one_message(Signal(name="a", start=0, length=8, big_endian=False))
    assert in_bulk(found, []) == []


def test_a_signal_beyond_its_message_is_read_where_the_frame_has_it() -> None:
    """A DBC that gives a message too few bytes loses no signal of the frames that are long enough."""
    found = one_message(Signal(name="last", start=56, length=8, big_endian=False), length=7)
    recorded = [(0x100, bytes(7) + b"\x2a"), (0x100, bytes(7))]
    assert one_by_one(found, recorded) == in_bulk(found, recorded) == [{"last": 42}, {}]


def test_whole_numbers_beyond_64_bits_stay_exact() -> None:
    """A product that no type of numpy holds is kept as Python's own number."""
    wide = Signal(name="wide", start=0, length=64, big_endian=False, scale=1000, offset=-1)
    longest = Signal(name="longest", start=64, length=100, big_endian=False)
    found = one_message(wide, longest, length=64)
    recorded = [(0x100, b"\xff" * 64)]
    wanted = [{"wide": ((1 << 64) - 1) * 1000 - 1, "longest": (1 << 100) - 1}]
    assert one_by_one(found, recorded) == in_bulk(found, recorded) == wanted


def test_types_are_the_smallest_that_hold_all_values() -> None:
    """A flag costs one byte a frame; a scaled number only what its range needs."""
    flag = Signal(name="flag", start=0, length=1, big_endian=False)
    scaled = Signal(name="scaled", start=8, length=8, big_endian=False, scale=10, offset=-40)
    real = Signal(name="real", start=16, length=8, big_endian=False, scale=0.5)
    decoded = list(BulkDecoder(one_message(flag, scaled, real)).decode(frames_of([(0x100, bytes(8))])))
    kinds = {s.name: v.dtype.str for one in decoded for s, v in zip(one.signals, one.values, strict=True)}
    assert kinds == {"flag": "|u1", "scaled": "<i2", "real": "<f8"}


def test_floats_may_be_infinite_or_nothing() -> None:
    """Infinity and not-a-number come through as they were sent."""
    head = 'VERSION ""\nBO_ 256 One: 8 X\n'
    lines = ' SG_ a : 0|32@1- (1,0) [0|0] "" X\n SG_ b : 39|32@0- (1,0) [0|0] "" X\n'
    text = f"{head}{lines}SIG_VALTYPE_ 256 a : 1;\nSIG_VALTYPE_ 256 b : 1;\n"
    found = load(text.encode(), source="floats.dbc")
    recorded = [(256, struct.pack("<f", float("inf")) + struct.pack(">f", float("nan")))]
    for values in (one_by_one(found, recorded)[0], in_bulk(found, recorded)[0]):
        assert values["a"] == float("inf")
        assert math.isnan(values["b"])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'VERSION ""\n', "describes no message"),
        (b"\x00\xff\xfe not a dbc", "cannot be read"),
        (b'VERSION ""\nBO_ 4096 Long: 8 X\n', "2147483648"),
        (b'VERSION ""\nBO_ 1 One: 8 X\n SG_ a : 0|8@1+ (1,0) [0|0] "" X\nVAL_ 1 b 0 "off" ;\n', "does not have"),
    ],
)
def test_what_is_no_dbc_is_refused_with_its_name(content: bytes, said: str) -> None:
    """The error names the file, the cause, and what would be right."""
    with pytest.raises(DbcError, match=said) as caught:
        load(content, source="car.dbc")
    assert "car.dbc" in str(caught.value)


@given(content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@settings(max_examples=examples(100), deadline=None)
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    """No content of a file ends in anything but a layout or our own error."""
    try:
        load(content, source="any.dbc")
    except DbcError as error:
        assert "any.dbc" in str(error)


def test_names_in_chinese_and_in_windows_1252_are_read() -> None:
    """A file in UTF-8 keeps its units and texts; so does one in Windows-1252."""
    text = 'VERSION ""\nBO_ 1 One: 8 X\n SG_ a : 0|8@1+ (1,0) [0|0] "{}" X\nVAL_ 1 a 1 "{}" ;\n'
    for unit, word, encoding in (("°C", "开", "utf-8"), ("°C", "geöffnet", "cp1252")):
        (message,) = load(text.format(unit, word).encode(encoding), source="a.dbc").messages.values()
        assert (message.signals[0].unit, message.signals[0].texts) == (unit, {1: word})
