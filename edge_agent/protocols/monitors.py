"""Results of on-board monitors: service 06 on CAN (SAE J1979, ISO 15031-5), as bytes and as quantities.

Units and scaling are those of SAE J1979 (appendix E, later J1979-DA); the factors agree
with the table of python-OBD (``obd/UnitsAndScaling.py``). An identifier that is not in the table keeps its raw values.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from edge_agent.errors import GarbledAnswerError

if TYPE_CHECKING:
    from collections.abc import Mapping

MONITORS = 0x06
RECORD_BYTES = 9
SIGNED_FROM = 0x80
"""Unit-and-scaling identifiers from here on stand for values in two's complement."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """A quantity is ``scale`` times the raw value plus ``offset``, in ``unit``."""

    scale: float
    unit: str = ""
    offset: float = 0.0


SCALINGS: Mapping[int, Scaling] = MappingProxyType(
    {
        0x01: Scaling(1), 0x02: Scaling(0.1), 0x03: Scaling(0.01), 0x04: Scaling(0.001), 0x07: Scaling(0.25, "rpm"),
        0x08: Scaling(0.01, "km/h"), 0x09: Scaling(1, "km/h"), 0x0A: Scaling(0.122, "mV"), 0x0B: Scaling(0.001, "V"),
        0x0C: Scaling(0.01, "V"), 0x0D: Scaling(0.00390625, "mA"), 0x0E: Scaling(0.001, "A"),
        0x0F: Scaling(0.01, "A"), 0x10: Scaling(1, "ms"), 0x11: Scaling(100, "ms"), 0x12: Scaling(1, "s"),
        0x14: Scaling(1, "Ω"), 0x15: Scaling(1, "kΩ"), 0x16: Scaling(0.1, "°C", -40.0),
        0x17: Scaling(0.01, "kPa"), 0x1A: Scaling(1, "kPa"), 0x1B: Scaling(10, "kPa"), 0x1C: Scaling(0.01, "°"),
        0x1D: Scaling(0.5, "°"), 0x20: Scaling(0.00390625), 0x22: Scaling(1, "Hz"), 0x24: Scaling(1),
        0x25: Scaling(1, "km"), 0x27: Scaling(0.01, "g/s"), 0x28: Scaling(1, "g/s"), 0x29: Scaling(0.25, "Pa/s"),
        0x2F: Scaling(0.01, "%"), 0x34: Scaling(1, "min"), 0x35: Scaling(10, "ms"),
        0x81: Scaling(1), 0x82: Scaling(0.1), 0x83: Scaling(0.01), 0x84: Scaling(0.001), 0x8A: Scaling(0.122, "mV"),
        0x8B: Scaling(0.001, "V"), 0x8C: Scaling(0.01, "V"), 0x8E: Scaling(0.001, "A"), 0x90: Scaling(1, "ms"),
        0x96: Scaling(0.1, "°C"), 0x9C: Scaling(0.01, "°"), 0x9D: Scaling(0.5, "°"), 0xA8: Scaling(1, "g/s"),
        0xA9: Scaling(0.25, "Pa/s"), 0xAF: Scaling(0.01, "%"), 0xFD: Scaling(0.001, "kPa"), 0xFE: Scaling(0.25, "Pa"),
    }
)  # fmt: skip
"""By unit-and-scaling identifier; those that are not here are kept raw."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorResult:
    """One test of a monitor; ``value``, ``minimum`` and ``maximum`` in ``unit``, or raw where ``known`` is false."""

    mid: int
    tid: int
    uasid: int
    value: float
    minimum: float
    maximum: float
    unit: str
    known: bool

    @property
    def passed(self) -> bool:
        """Whether the value lies within its limits, which belong to them."""
        return self.minimum <= self.value <= self.maximum


def monitor_results(mid: int, data: bytes) -> tuple[MonitorResult, ...]:
    """The tests of monitor ``mid``; ``data`` follows the service byte: nine bytes a test.

    Raises:
        GarbledAnswerError: another monitor's results, none, or a test that is cut off.
    """
    if not data or len(data) % RECORD_BYTES:
        raise GarbledAnswerError("an answer", data, f"each test has {RECORD_BYTES} bytes")
    records = [data[at : at + RECORD_BYTES] for at in range(0, len(data), RECORD_BYTES)]
    if any(record[0] != mid for record in records):
        raise GarbledAnswerError("an answer", data, f"each test should be of monitor {mid:02X}")
    return tuple(_result(record) for record in records)


def _result(record: bytes) -> MonitorResult:
    mid, tid, uasid = record[:3]
    signed = uasid >= SIGNED_FROM
    scaling = SCALINGS.get(uasid)
    known = scaling or Scaling(1)
    value, minimum, maximum = (
        round(int.from_bytes(record[at : at + 2], "big", signed=signed) * known.scale + known.offset, 8)
        for at in (3, 5, 7)
    )
    return MonitorResult(
        mid=mid, tid=tid, uasid=uasid, value=value, minimum=minimum, maximum=maximum, unit=known.unit,
        known=scaling is not None,
    )  # fmt: skip
