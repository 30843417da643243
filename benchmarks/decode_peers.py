"""How cantools and asammdf do the task of the benchmark `decode`; each function prepares, and returns what is timed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edge_agent.buses import python_can

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.decode_task import Task

_BUS_EVENT, _PLAIN_BUS_EVENT = 2, 4
"""Flags of a channel group in ASAM MDF 4: it holds events of a bus, as they were recorded."""
_FIELDS = (
    ("BusChannel", "u1"), ("ID", "<u4"), ("IDE", "u1"), ("DLC", "u1"), ("DataLength", "u1"), ("DataBytes", "(8,)u1"),
    ("Dir", "u1"), ("EDL", "u1"), ("BRS", "u1"),
)  # fmt: skip


def cantools(task: Task) -> Callable[[], object]:
    """Decoding of frame after frame, the message of each known beforehand."""

    def run() -> None:
        for message, data in task.pairs:
            message.decode(data, decode_choices=False)

    return run


def asammdf(task: Task) -> Callable[[], object]:
    """From a measurement of recorded frames to one of signals, with the database loaded beforehand."""
    measurement, database = _measurement(task), _database(task)

    def run() -> object:
        return measurement.extract_bus_logging({"CAN": [(database, 0)]}, ignore_value2text_conversion=True)

    run()
    return run


def asammdf_inner(task: Task) -> Callable[[], object]:
    """Its function for the frames of one message, for each message."""
    python_can.asammdf()
    from asammdf.blocks.bus_logging_utils import extract_mux  # noqa: PLC0415  heavy, and optional

    known = {(found.arbitration_id.id, bool(found.arbitration_id.extended)): found for found in _database(task)}
    given = [
        (payload, known[message.frame_id, message.is_extended_frame], message.frame_id, times_s)
        for message, payload, times_s in task.by_message()
    ]

    def run() -> None:
        for payload, found, identifier, times_s in given:
            extract_mux(payload, found, identifier, 0, times_s)

    run()
    return run


def _database(task: Task) -> Any:
    python_can.asammdf()
    from asammdf.blocks.utils import load_can_database  # noqa: PLC0415  as above

    return load_can_database(task.path)


def _measurement(task: Task) -> Any:
    """A measurement in memory that holds the frames as a logger would have recorded them."""
    python_can.asammdf()
    from asammdf import MDF, Signal, Source  # noqa: PLC0415  as above
    from asammdf.blocks.v4_blocks import SourceInformation  # noqa: PLC0415  as above

    frames = task.frames
    rows = np.zeros(len(frames), dtype=[(f"CAN_DataFrame.{name}", kind) for name, kind in _FIELDS])
    rows["CAN_DataFrame.BusChannel"] = 1
    rows["CAN_DataFrame.ID"] = frames.keys & 0x1FFF_FFFF
    rows["CAN_DataFrame.IDE"] = frames.keys >> 31
    rows["CAN_DataFrame.DLC"] = rows["CAN_DataFrame.DataLength"] = frames.lengths
    rows["CAN_DataFrame.DataBytes"] = frames.data
    bus: dict[str, Any] = {"source_type": Source.SOURCE_BUS, "bus_type": Source.BUS_TYPE_CAN}
    measurement: Any = MDF(version="4.10")
    source = Source(name="CAN", path="CAN", comment="", **bus)
    measurement.append(Signal(rows, frames.times_us / 1e6, name="CAN_DataFrame", source=source))
    group = measurement.groups[-1].channel_group
    group.flags |= _BUS_EVENT | _PLAIN_BUS_EVENT
    group.acq_source = SourceInformation(**bus)
    return measurement
