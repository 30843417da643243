"""A truck's engine control unit on a CAN bus (SAE J1939): it says by itself what it measures, and what is wrong.

Nothing is asked and nothing answered: each parameter group goes out at its rate. What does not fit a frame goes in
packets to all (BAM), 50 ms apart. Scales are written down here anew, from J1939-71, and shared with no decoder.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import can

from simulators.errors import SimulatorError
from vehicle import signals
from vehicle.dtc import SpnFmi, parse_code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vehicle.vin import Vin

LOG = logging.getLogger(__name__)

ENGINE = 0x00
"""Source address of the first engine (J1939 preferred addresses)."""
PACKET_GAP_S = 0.05
DM1_S, VIN_S = 1.0, 5.0
NOT_AVAILABLE = b"\xff"
_TORQUE, _POSITION, _LOAD = "Vehicle.OBD.ActualTorque", "Vehicle.OBD.AcceleratorPositionD", signals.ENGINE_LOAD
_HOURS = "Vehicle.OBD.TotalRunTime"
_EEC1, _EEC2, _ET1, _FLUIDS, _CCVS = 0x0CF00400, 0x0CF00300, 0x18FEEE00, 0x18FEEF00, 0x18FEF100
_VEP1, _FUEL, _AMBIENT, _TOTAL_HOURS, _DISTANCE = 0x18FEF700, 0x18FEF200, 0x18FEF500, 0x18FEE500, 0x18FEC100
_DM1, _VIN, _CONNECTION, _TRANSFER = 0x18FECA00, 0x18FEEC00, 0x1CECFF00, 0x1CEBFF00


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a quantity lies in eight bytes: first byte, number of bytes; steps a unit, and what zero stands for."""

    path: str
    first: int
    size: int
    steps: float
    zero: float = 0.0


GROUPS: Mapping[int, tuple[float, tuple[Slot, ...]]] = {
    _EEC1: (0.05, (Slot(_TORQUE, 2, 1, 1, -125), Slot(signals.ENGINE_SPEED, 3, 2, 8))),
    _EEC2: (0.05, (Slot(_POSITION, 1, 1, 2.5), Slot(_LOAD, 2, 1, 1))),
    _CCVS: (0.1, (Slot(signals.SPEED, 1, 2, 256),)),
    _FUEL: (0.1, (Slot(signals.FUEL_RATE, 0, 2, 20), Slot(signals.THROTTLE, 6, 1, 2.5))),
    _FLUIDS: (0.5, (Slot(signals.OIL_PRESSURE, 3, 1, 0.25),)),
    _ET1: (1.0, (Slot(signals.COOLANT_TEMPERATURE, 0, 1, 1, -40), Slot(signals.OIL_TEMPERATURE, 2, 2, 32, -273))),
    _VEP1: (1.0, (Slot(signals.CONTROL_MODULE_VOLTAGE, 4, 2, 20),)),
    _AMBIENT: (
        1.0,
        (
            Slot(signals.BAROMETRIC_PRESSURE, 0, 1, 2),
            Slot(signals.AMBIENT_AIR_TEMPERATURE, 3, 2, 32, -273),
            Slot(signals.INTAKE_AIR_TEMPERATURE, 5, 1, 1, -40),
        ),
    ),
    _TOTAL_HOURS: (1.0, (Slot(_HOURS, 0, 4, 20 / 3600),)),
    _DISTANCE: (1.0, (Slot(signals.ODOMETER, 0, 4, 1 / 5),)),
}
"""Identifier without source -> seconds between two frames, and what is in them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truck:
    """What the unit knows now: values in the catalogue's units by path, active codes, identity."""

    values: Mapping[str, float] = field(default_factory=dict)
    codes: tuple[SpnFmi, ...] = ()
    vin: Vin | None = None


def truck_code(text: str) -> SpnFmi:
    """A truck's code as people write it.

    Raises:
        DtcError: it is no code at all.
        SimulatorError: it is a car's.
    """
    found = parse_code(text)
    if not isinstance(found, SpnFmi):
        raise SimulatorError(f"{text} is a car's code; a truck's is written as SPN 100 FMI 1")
    return found


def frame(slots: tuple[Slot, ...], values: Mapping[str, float]) -> bytes:
    """Eight bytes; all ones, "not available", where a value is missing or does not fit."""
    data = bytearray(NOT_AVAILABLE * 8)
    for slot in slots:
        value = values.get(slot.path)
        raw = -1 if value is None else round((value - slot.zero) * slot.steps)
        if 0 <= raw < 0xFB << 8 * (slot.size - 1):
            data[slot.first : slot.first + slot.size] = raw.to_bytes(slot.size, "little")
    return bytes(data)


def active_codes(codes: tuple[SpnFmi, ...]) -> bytes:
    """The data of DM1: malfunction and amber lamps steadily on while there are codes, each seen once."""
    lit = 0b01_00_01_00 if codes else 0
    said = b"".join(bytes([code.spn & 0xFF, code.spn >> 8 & 0xFF, code.spn >> 16 << 5 | code.fmi, 1]) for code in codes)
    return bytes([lit, 0xFF]) + (said or bytes(4))


def broadcast(identifier: int, data: bytes) -> list[tuple[int, bytes]]:
    """Identifiers and data of the frames that carry ``data``: one, or an announcement and packets of seven bytes."""
    if len(data) <= 8:  # noqa: PLR2004  what a frame holds
        return [(identifier, data.ljust(8, NOT_AVAILABLE))]
    count = (len(data) + 6) // 7
    group = (identifier >> 8 & 0x3FFFF).to_bytes(3, "little")
    opening = bytes([0x20]) + len(data).to_bytes(2, "little") + bytes([count, 0xFF]) + group
    packets = (bytes([at + 1]) + data[7 * at : 7 * at + 7].ljust(7, NOT_AVAILABLE) for at in range(count))
    return [(_CONNECTION, opening), *((_TRANSFER, packet) for packet in packets)]


class EngineOnCan:
    """Speaks on a bus until cancelled; ``truck`` is asked for what the unit knows each time."""

    def __init__(self, bus: can.BusABC, truck: Callable[[], Truck], *, vin_every_s: float = VIN_S) -> None:
        self._bus, self._truck, self._vin_every_s = bus, truck, vin_every_s
        self.sent = 0

    async def run(self) -> None:
        """Sends each group at its rate, codes each second, and the VIN as if a tool asked for it now and then."""
        async with asyncio.TaskGroup() as tasks:
            for identifier, (period_s, slots) in GROUPS.items():
                tasks.create_task(self._repeat(identifier, period_s, slots), name=f"j1939 {identifier:08X}")
            tasks.create_task(self._tell(), name="j1939 codes")

    def close(self) -> None:
        """Lets go of the bus."""
        self._bus.shutdown()

    async def _repeat(self, identifier: int, period_s: float, slots: tuple[Slot, ...]) -> None:
        while True:
            self._put(identifier, frame(slots, self._truck().values))
            await asyncio.sleep(period_s)

    async def _tell(self) -> None:
        loop, vin_due_s = asyncio.get_running_loop(), 0.0
        while True:
            vin = self._truck().vin
            if vin and loop.time() >= vin_due_s:
                vin_due_s = loop.time() + self._vin_every_s
                await self._put_all(broadcast(_VIN, f"{vin}*".encode("ascii")))
            await self._put_all(broadcast(_DM1, active_codes(self._truck().codes)))
            await asyncio.sleep(DM1_S)

    async def _put_all(self, frames: list[tuple[int, bytes]]) -> None:
        for identifier, data in frames:
            self._put(identifier, data)
            if len(frames) > 1:
                await asyncio.sleep(PACKET_GAP_S)

    def _put(self, identifier: int, data: bytes) -> None:
        message = can.Message(arbitration_id=identifier | ENGINE, data=data, is_extended_id=True)
        try:
            self._bus.send(message, timeout=0.5)
            self.sent += 1
        except can.CanError as error:
            LOG.warning("%08X could not be sent: %s", identifier, error)
