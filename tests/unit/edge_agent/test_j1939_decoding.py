"""Messages of a DBC by their parameter group: any priority, source and destination, and in packets."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import cantools
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import roadworthy
from edge_agent.bulk.decoder import BulkDecoder
from edge_agent.bulk.frames import Frames
from edge_agent.bulk.groups import are_packets
from edge_agent.decoders.dbc import load
from edge_agent.decoders.frame import FrameDecoder
from edge_agent.decoders.layout import EXTENDED
from edge_agent.protocols.j1939 import TP_CM, TP_DT, header

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

EEC1, TSC1, OF_ENGINE, LONG, PLAIN, SHORT_ID = 0x0CF004FE, 0x0C0003FE, 0x18FEEE00, 0x18FECAFE, 0x18FFA001, 0x123
TEXT = f"""VERSION ""
NS_ :
BS_:
BU_: Engine
BO_ {EEC1 | EXTENDED} EEC1: 8 Engine
 SG_ Torque : 16|8@1+ (1,-125) [-125|125] "%" Vector__XXX
 SG_ Speed : 24|16@1+ (0.125,0) [0|8031.875] "rpm" Vector__XXX
BO_ {TSC1 | EXTENDED} TSC1: 8 Engine
 SG_ Wanted : 8|16@1+ (0.125,0) [0|8031.875] "rpm" Vector__XXX
BO_ {OF_ENGINE | EXTENDED} EngineET1: 8 Engine
 SG_ Coolant : 0|8@1+ (1,-40) [-40|210] "C" Vector__XXX
BO_ {LONG | EXTENDED} Long: 100 Engine
 SG_ First : 0|8@1+ (1,0) [0|255] "" Vector__XXX
 SG_ Middle : 407|32@0- (0.5,1) [0|0] "" Vector__XXX
 SG_ Last : 784|16@1+ (1,0) [0|65535] "" Vector__XXX
BO_ {PLAIN | EXTENDED} Plain: 8 Engine
 SG_ Other : 0|8@1+ (1,0) [0|255] "" Vector__XXX
BO_ {SHORT_ID} Short: 8 Engine
 SG_ Another : 0|8@1+ (1,0) [0|255] "" Vector__XXX
BA_DEF_ BO_ "VFrameFormat" ENUM "StandardCAN","ExtendedCAN","reserved","J1939PG";
BA_DEF_DEF_ "VFrameFormat" "StandardCAN";
BA_ "VFrameFormat" BO_ {EEC1 | EXTENDED} 3;
BA_ "VFrameFormat" BO_ {TSC1 | EXTENDED} 3;
BA_ "VFrameFormat" BO_ {OF_ENGINE | EXTENDED} 3;
BA_ "VFrameFormat" BO_ {LONG | EXTENDED} 3;
BA_ "VFrameFormat" BO_ {PLAIN | EXTENDED} 1;
"""
LAYOUT = load(TEXT.encode(), source="made.dbc")
CANTOOLS = cantools.database.load_string(TEXT, "dbc")
BY_PGN = {header(one).pgn: one for one in (EEC1, TSC1, LONG)}


def frames_of(recorded: Sequence[tuple[int, bytes]]) -> Frames:
    """Frames of 29 bits, 10 ms apart."""
    data = np.zeros((len(recorded), 8), np.uint8)
    for row, (_, one) in zip(data, recorded, strict=True):
        row[: len(one)] = np.frombuffer(one, np.uint8)
    return Frames(
        times_us=np.arange(len(recorded)) * 10_000,
        keys=np.array([identifier | EXTENDED for identifier, _ in recorded], dtype=np.uint32),
        lengths=np.array([len(one) for _, one in recorded], dtype=np.uint8),
        data=data,
    )


def in_bulk(decoder: BulkDecoder, frames: Frames) -> list[dict[str, Any]]:
    """Values by frame."""
    found: list[dict[str, Any]] = [{} for _ in range(len(frames))]
    for part in decoder.decode(frames):
        for signal, values in zip(part.signals, part.values, strict=True):
            for at, value in zip(part.frames.tolist(), values.tolist(), strict=True):
                assert signal.name not in found[at]
                found[at][signal.name] = value
    return found


def wanted(identifier: int, data: bytes) -> dict[str, Any]:
    """What cantools makes of it, once we say which message it is."""
    pgn, exact = header(identifier).pgn, {OF_ENGINE, PLAIN}
    if pgn == header(OF_ENGINE).pgn and identifier & 0xFF == 0:
        exact.add(identifier)
        known = OF_ENGINE
    else:
        known = identifier if identifier in exact else BY_PGN.get(pgn, 0)
    if not known:
        return {}
    return dict(CANTOOLS.get_message_by_frame_id(known).decode(data, decode_choices=False, allow_truncated=True))


def near(identifier: int) -> st.SearchStrategy[int]:
    """The identifier with any priority, destination and source."""
    return st.tuples(st.integers(0, 7), st.integers(0, 255), st.integers(0, 255)).map(
        lambda parts: identifier & 0x03FF0000 | parts[0] << 26
        | (identifier & 0xFF00 if identifier >> 16 & 0xFF >= 240 else parts[1] << 8) | parts[2]
    )  # fmt: skip


IDENTIFIERS = st.one_of(*(near(one) for one in (EEC1, TSC1, OF_ENGINE, PLAIN)), st.integers(0, (1 << 29) - 1))


@given(st.lists(st.tuples(IDENTIFIERS, st.binary(min_size=8, max_size=8)), min_size=1, max_size=40))
def test_by_parameter_group(recorded: list[tuple[int, bytes]]) -> None:
    """Both decoders give cantools' values, whoever sends, to whom, and how urgently."""
    recorded = [frame for frame in recorded if not are_packets(np.array([frame[0] | EXTENDED], np.uint32))[0]]
    single = FrameDecoder(LAYOUT)
    one_by_one = [single.decode(identifier, data, extended=True) or {} for identifier, data in recorded]
    assert one_by_one == [wanted(*frame) for frame in recorded]
    assert recorded == [] or in_bulk(BulkDecoder(LAYOUT), frames_of(recorded)) == one_by_one


@given(st.binary(min_size=9, max_size=300), st.integers(0, 255), st.integers(0, 40))
def test_messages_in_packets(data: bytes, source: int, cut: int) -> None:
    """In bulk as from cantools, at the place of the last packet, also when the input is cut in the midst."""
    count = -(-len(data) // 7)
    opening = (
        bytes([32])
        + len(data).to_bytes(2, "little")
        + bytes([count, 0xFF])
        + (LONG >> 8 & 0x3FFFF).to_bytes(3, "little")
    )
    recorded = [(TP_CM << 8 | 0x1C00FF00 | source, opening)] + [
        (TP_DT << 8 | 0x1C00FF00 | source, bytes([number + 1]) + data[7 * number : 7 * number + 7].ljust(7, b"\xff"))
        for number in range(count)
    ]  # fmt: skip
    decoder, frames = BulkDecoder(LAYOUT), frames_of(recorded)
    found = in_bulk(decoder, frames[:cut]) + in_bulk(decoder, frames[cut:])
    message = CANTOOLS.get_message_by_frame_id(LONG)
    assert found[-1] == message.decode(data, decode_choices=False, allow_truncated=True)
    assert not any(found[:-1])
    assert (decoder.tally.assembled, decoder.tally.lost, decoder.tally.unknown) == (1, 0, 0)
    assert FrameDecoder(LAYOUT).decode(LONG & ~0xFF | source, data, extended=True) == found[-1]


def test_an_eleven_bit_identifier_has_no_group() -> None:
    """It is found by itself alone."""
    assert FrameDecoder(LAYOUT).decode(SHORT_ID, bytes(8)) == {"Another": 0}
    assert FrameDecoder(LAYOUT).decode(0x4FE, bytes(8)) is None


def test_a_layout_without_marks_can_be_taken_for_j1939() -> None:
    """Files that do not say that they are of J1939."""
    unmarked = load(TEXT.replace("3;", "1;").encode(), source="made.dbc")
    assert FrameDecoder(unmarked).decode(EEC1 & ~0xFF, bytes(8), extended=True) is None
    assert FrameDecoder(unmarked.by_group()).decode(EEC1 & ~0xFF, bytes(8), extended=True) == {
        "Torque": -125,
        "Speed": 0,
    }


@pytest.mark.parametrize("identifier", [TP_CM << 8, TP_DT << 8 | 0x1C00FF03])
def test_packets_are_told_by_their_group(identifier: int) -> None:
    """With 29 bits only."""
    assert are_packets(np.array([identifier | EXTENDED, identifier], np.uint32)).tolist() == [True, False]


def test_the_command_reads_a_truck_s_log(tmp_path: Path) -> None:
    """With our own groups where no DBC is named; packets are summed up; without either the mend is said."""
    log, out = tmp_path / "truck.log", tmp_path / "truck.csv"
    frames = ["0CF00400#FFFF7D1027FFFFFF", "18FEEE27#83FFFFFFFFFFFFFF", "1CECFF00#200A0002FFCAFE00"]
    packets = ["1CEBFF00#0144FF6400010164", "1CEBFF00#02000101FFFFFFFF"]
    lines = [f"(1700000000.{at}00000) can0 {text}\n" for at, text in enumerate([*frames, *packets])]
    log.write_text("".join(lines))
    ran = CliRunner().invoke(roadworthy.app, ["decode", str(log), "--j1939", "--out", str(out)])
    assert "3 packets of J1939 made 1 messages; 0 did not become whole" in ran.stdout
    with out.open() as file:
        found = {(row["message"], row["signal"]): float(row["value"]) for row in csv.DictReader(file)}
    assert found["EEC1", "EngineSpeed"] == 1250.0
    assert found["ET1", "CoolantTemperature"] == 91.0
    refused = CliRunner().invoke(roadworthy.app, ["decode", str(log), "--out", str(out)])
    assert refused.exit_code == 2
