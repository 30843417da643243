"""Every DBC file of the PyPI package opendbc: random frames, both decoders, the values of cantools."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cantools
import numpy as np
import pytest

from edge_agent.bulk.decoder import BulkDecoder
from edge_agent.bulk.frames import Frames
from edge_agent.decoders.dbc import layout, load
from edge_agent.decoders.frame import FrameDecoder
from edge_agent.errors import DbcError

if TYPE_CHECKING:
    from cantools.database.can import Message as DbcMessage

FRAMES = 3
"""Random frames of each message."""
FILES_FEWEST = 115
"""Of opendbc 0.3.1."""
REFUSED = {
    "_bosch_2018", "_honda_common", "_stellantis_common", "chrysler_cusw", "chrysler_pacifica_2017_hybrid",
    "fca_giorgio", "gm_global_a_lowspeed", "gm_global_a_powertrain", "honda_bosch_radarless", "honda_crv_ex_2017_body",
    "hyundai_kia_generic", "hyundai_palisade_2023", "mazda_2017", "psa_aee2010_r3", "rivian_primary_actuator",
    "subaru_global_2017", "tesla_can", "toyota_2017_ref_pt", "toyota_radar_dsu_tssp", "vw_meb", "vw_mqbevo",
}  # fmt: skip
"""Files of opendbc 0.3.1 that cantools 45.1 cannot read, for syntax or for identifiers of too many bits."""


def folder() -> Path | None:
    """Where opendbc's files are installed; the package itself is not imported."""
    spec = importlib.util.find_spec("opendbc")
    places = list(spec.submodule_search_locations or []) if spec else []
    return Path(places[0]) / "dbc" if places else None


FOLDER = folder()
FILES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.dbc")) if FOLDER else []
needs_opendbc = pytest.mark.skipif(
    FOLDER is None, reason="opendbc is not installed; it needs Python below 3.13: pip install opendbc"
)


def read(name: str) -> Any:
    """A file as cantools reads it, or None."""
    assert FOLDER is not None
    try:
        return cantools.database.load_file(FOLDER / name, strict=False)
    except (cantools.errors.Error, ValueError):
        return None


def answers(database: Any, message: DbcMessage) -> bool:
    """Whether frames of the message's identifier are decoded as this message, and not as another that shares it."""
    return database.get_message_by_frame_id(message.frame_id, message.is_extended_frame) is message


def alone(message: DbcMessage, data: bytes) -> dict[str, Any]:
    """Each signal as cantools decodes it by itself, in a message of as many bytes as the frame."""
    found: dict[str, Any] = {}
    for signal in message.signals:
        single = type(message)(frame_id=1, name="Alone", length=len(data), signals=[signal], strict=True)
        found |= single.decode(data, decode_choices=False)
    return found


def wanted(message: DbcMessage, data: bytes) -> dict[str, Any] | None:
    """The values of cantools; where it cannot unpack overlapping signals, those of each signal by itself.

    None where it refuses the frame for a multiplexer value that the file does not know.
    """
    try:
        return dict(message.decode(data, decode_choices=False))
    except cantools.database.errors.DecodeError as error:
        if "unpacking failed" in str(error) and not message.is_multiplexed():
            return alone(message, data)
        assert "unpacking failed" in str(error) or "expected multiplexer id" in str(error)
        return None


def in_bulk(decoder: BulkDecoder, recorded: list[tuple[DbcMessage, bytes]], keys: list[int]) -> list[dict[str, Any]]:
    """Values by frame."""
    data = np.zeros((len(recorded), 64), dtype=np.uint8)
    for row, (_, one) in zip(data, recorded, strict=True):
        row[: len(one)] = np.frombuffer(one, np.uint8)
    frames = Frames(
        times_us=np.arange(len(recorded)),
        keys=np.array(keys, dtype=np.uint32),
        lengths=np.array([len(one) for _, one in recorded], dtype=np.uint8),
        data=data,
    )
    found: list[dict[str, Any]] = [{} for _ in recorded]
    for decoded in decoder.decode(frames):
        for signal, values in zip(decoded.signals, decoded.values, strict=True):
            for at, value in zip(decoded.frames.tolist(), values.tolist(), strict=True):
                found[at][signal.name] = value
    return found


def same(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    """Whether names, types and values agree."""
    return ours == theirs and all(type(ours[name]) is type(value) for name, value in theirs.items())


@needs_opendbc
@pytest.mark.parametrize("name", FILES)
def test_a_file_of_opendbc_decodes_as_cantools_does(name: str) -> None:
    """Each message of each file: equal values of equal types, from random frames."""
    database = read(name)
    if database is None or not database.messages:
        assert FOLDER is not None
        assert database is not None or Path(name).stem in REFUSED
        with pytest.raises(DbcError, match=name.rpartition("/")[2]):
            load((FOLDER / name).read_bytes(), source=name)
        return
    chance = random.Random(name)
    found = layout(database.messages)
    mine = [message for message in database.messages if answers(database, message)]
    recorded = [(message, chance.randbytes(reach(message))) for message in mine for _ in range(FRAMES)]
    keys = [message.frame_id | (1 << 31 if message.is_extended_frame else 0) for message, _ in recorded]
    bulk, single = in_bulk(BulkDecoder(found), recorded, keys), FrameDecoder(found)
    for (message, data), from_bulk in zip(recorded, bulk, strict=True):
        ours = single.decode(message.frame_id, data, extended=message.is_extended_frame)
        theirs = wanted(message, data)
        assert ours is not None
        assert same(from_bulk, ours), message.name
        assert theirs is None or same(ours, theirs), message.name


def reach(message: DbcMessage) -> int:
    """Bytes that hold all signals of a message, also those that do not fit into it."""
    ends = [(s.start ^ 7 if s.byte_order == "big_endian" else s.start) + s.length for s in message.signals]
    return max([message.length, *((end + 7) // 8 for end in ends)])


@needs_opendbc
def test_opendbc_is_all_there() -> None:
    """The comparison cannot pass by finding no files."""
    assert len(FILES) >= FILES_FEWEST
