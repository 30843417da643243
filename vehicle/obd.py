"""The parameters of OBD service 01 (SAE J1979, ISO 15031-5): one row each, which both decodes and encodes.

A row says which bits of the answer carry which signal; scale, offset and range are the signal's own, so that the raw
integer of the answer is the raw integer of the catalogue, without rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from vehicle.errors import ObdDataError
from vehicle.signals import CATALOGUE, signal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_OBD = "Vehicle.OBD."
_ENGINE = "Vehicle.Powertrain.CombustionEngine."

BITMAP_PIDS = (0x00, 0x20, 0x40, 0x60, 0x80, 0xA0, 0xC0, 0xE0)
"""PIDs whose answer is the bitmap of the 32 PIDs that follow."""


@dataclass(frozen=True, slots=True)
class Field:
    """Where a signal stands in an answer: ``first`` counts bits from the first byte's most significant bit.

    ``support`` is the bit of the first byte that says whether the value is there; ``absent`` the raw value that says
    it is not.
    """

    path: str
    first: int
    support: int | None = None
    absent: int | None = None


@dataclass(frozen=True, slots=True)
class Pid:
    """One parameter of service 01: ``length`` bytes of answer, and the signals in it."""

    number: int
    length: int
    fields: tuple[Field, ...]

    def decode(self, data: bytes) -> dict[str, int]:
        """Raw values by VSS path; what the answer marks as absent is left out.

        Raises:
            ObdDataError: ``data`` is not ``length`` bytes long.
        """
        if len(data) != self.length:
            raise ObdDataError(f"PID {self.number:02X} of service 01", data, f"{self.length} bytes")
        whole, size = int.from_bytes(data, "big"), 8 * self.length
        values = {}
        for field in self.fields:
            row = CATALOGUE[field.path]
            raw = (whole >> (size - field.first - row.bits)) & ((1 << row.bits) - 1)
            supported = field.support is None or data[0] >> field.support & 1
            if not supported or raw == field.absent:
                continue
            values[field.path] = raw - (1 << row.bits) if row.signed and raw >> (row.bits - 1) else raw
        return values

    def encode(self, values: Mapping[str, float]) -> bytes:
        """Answer bytes for physical ``values``; a signal that is not given is marked absent, or 0 where it can't be.

        Raises:
            SignalRangeError: a value that its signal cannot have.
        """
        whole, size = 0, 8 * self.length
        for field in self.fields:
            row = signal(field.path)
            if field.path in values:
                raw = row.raw(values[field.path]) & ((1 << row.bits) - 1)
                if field.support is not None:
                    whole |= 1 << (size - 8 + field.support)
            else:
                raw = field.absent or 0
            whole |= raw << (size - field.first - row.bits)
        return whole.to_bytes(self.length, "big")


def supported_pids(base: int, data: bytes) -> frozenset[int]:
    """PIDs that the four-byte bitmap of PID ``base`` (00, 20, 40 …) reports.

    Raises:
        ObdDataError: the bitmap is not four bytes long.
    """
    if len(data) != 4:  # noqa: PLR2004  the bitmap of J1979
        raise ObdDataError(f"bitmap {base:02X} of service 01", data, "4 bytes")
    bits = int.from_bytes(data, "big")
    return frozenset(base + 1 + index for index in range(32) if bits >> (31 - index) & 1)


def supported_bitmap(base: int, pids: Iterable[int]) -> bytes:
    """Four-byte bitmap that PID ``base`` answers for an ECU that supports ``pids``."""
    bits = sum(1 << (31 - (pid - base - 1)) for pid in set(pids) if base < pid <= base + 32)
    return bits.to_bytes(4, "big")


def _one(number: int, path: str) -> Pid:
    return Pid(number, CATALOGUE[path].bits // 8, (Field(path, 0),))


def _oxygen_rows() -> Iterable[Pid]:
    for index in range(8):
        narrow, wide = f"{_OBD}O2.Sensor{index + 1}.", f"{_OBD}O2WR.Sensor{index + 1}."
        yield Pid(
            0x14 + index,
            2,
            (Field(narrow + "Voltage", 0), Field(narrow + "ShortTermFuelTrim", 8, absent=0xFF)),
        )
        yield Pid(0x24 + index, 4, (Field(wide + "Lambda", 0), Field(wide + "Voltage", 16)))
        yield Pid(0x34 + index, 4, (Field(wide + "Lambda", 0), Field(wide + "Current", 16)))


_SINGLES: Mapping[int, str] = {
    0x04: _OBD + "EngineLoad", 0x05: _ENGINE + "EngineCoolant.Temperature", 0x06: _OBD + "ShortTermFuelTrim1",
    0x07: _OBD + "LongTermFuelTrim1", 0x08: _OBD + "ShortTermFuelTrim2", 0x09: _OBD + "LongTermFuelTrim2",
    0x0A: _OBD + "FuelPressure", 0x0B: _ENGINE + "MAP", 0x0C: _ENGINE + "Speed", 0x0D: "Vehicle.Speed",
    0x0E: _OBD + "TimingAdvance", 0x0F: _OBD + "IntakeTemp", 0x10: _ENGINE + "MAF", 0x11: _OBD + "ThrottlePosition",
    0x12: _OBD + "CommandedSecondaryAir", 0x13: _OBD + "OxygenSensorsIn2Banks", 0x1C: _OBD + "OBDStandards",
    0x1D: _OBD + "OxygenSensorsIn4Banks", 0x1F: _OBD + "RunTime", 0x21: _OBD + "DistanceWithMIL",
    0x22: _OBD + "FuelRailPressureVac", 0x23: _OBD + "FuelRailPressureDirect", 0x2C: _OBD + "CommandedEGR",
    0x2D: _OBD + "EGRError", 0x2E: _OBD + "CommandedEVAP", 0x2F: _OBD + "FuelLevel",
    0x30: _OBD + "WarmupsSinceDTCClear", 0x31: _OBD + "DistanceSinceDTCClear", 0x32: _OBD + "EVAPVaporPressure",
    0x33: _OBD + "BarometricPressure", 0x3C: _OBD + "Catalyst.Bank1.Temperature1",
    0x3D: _OBD + "Catalyst.Bank2.Temperature1", 0x3E: _OBD + "Catalyst.Bank1.Temperature2",
    0x3F: _OBD + "Catalyst.Bank2.Temperature2", 0x42: "Vehicle.LowVoltageBattery.CurrentVoltage",
    0x43: _OBD + "AbsoluteLoad", 0x44: _OBD + "CommandedEquivalenceRatio", 0x45: _OBD + "RelativeThrottlePosition",
    0x46: _OBD + "AmbientAirTemperature", 0x47: _OBD + "ThrottlePositionB", 0x48: _OBD + "ThrottlePositionC",
    0x49: _OBD + "AcceleratorPositionD", 0x4A: _OBD + "AcceleratorPositionE", 0x4B: _OBD + "AcceleratorPositionF",
    0x4C: _OBD + "ThrottleActuator", 0x4D: _OBD + "RunTimeMIL", 0x4E: _OBD + "TimeSinceDTCCleared",
    0x51: _OBD + "FuelType", 0x52: _OBD + "EthanolPercent", 0x53: _OBD + "EVAPVaporPressureAbsolute",
    0x54: _OBD + "EVAPVaporPressureAlternate", 0x59: _OBD + "FuelRailPressureAbsolute",
    0x5A: _OBD + "RelativeAcceleratorPosition", 0x5B: _OBD + "HybridBatteryRemaining",
    0x5C: _ENGINE + "EngineOil.Temperature", 0x5D: _OBD + "FuelInjectionTiming", 0x5E: _OBD + "FuelRate",
    0x5F: _OBD + "EmissionRequirements", 0x61: _OBD + "DemandedTorque", 0x62: _OBD + "ActualTorque",
    0x63: _OBD + "ReferenceTorque", 0x84: _OBD + "ManifoldSurfaceTemperature", 0x8D: _OBD + "ThrottlePositionG",
    0x8E: _OBD + "FrictionTorque", 0x9E: _OBD + "ExhaustFlowRate", 0xA2: _OBD + "CylinderFuelRate",
    0xA6: "Vehicle.TraveledDistance",
}  # fmt: skip

_COMPOSITES: tuple[Pid, ...] = (
    Pid(0x01, 4, (
        Field(_OBD + "Status.IsMILOn", 0), Field(_OBD + "Status.DTCCount", 1),
        Field(_OBD + "Status.ContinuousMonitorsIncomplete", 9), Field(_OBD + "Status.IgnitionType", 12),
        Field(_OBD + "Status.ContinuousMonitorsSupported", 13), Field(_OBD + "Status.MonitorsSupported", 16),
        Field(_OBD + "Status.MonitorsIncomplete", 24),
    )),
    Pid(0x03, 2, (Field(_OBD + "FuelStatus", 0), Field(_OBD + "FuelStatus2", 8))),
    Pid(0x1E, 1, (Field(_OBD + "IsPTOActive", 7),)),
    Pid(0x41, 4, (
        Field(_OBD + "DriveCycleStatus.MonitorsEnabled", 16), Field(_OBD + "DriveCycleStatus.MonitorsIncomplete", 24),
    )),
    Pid(0x4F, 4, (
        Field(_OBD + "MaxEquivalenceRatio", 0), Field(_OBD + "MaxO2Voltage", 8), Field(_OBD + "MaxO2Current", 16),
        Field(_OBD + "MaxMAP", 24),
    )),
    Pid(0x50, 4, (Field(_OBD + "MaxMAF", 0),)),
    Pid(0x55, 1, (Field(_OBD + "ShortTermO2Trim1", 0),)),
    Pid(0x56, 1, (Field(_OBD + "LongTermO2Trim1", 0),)),
    Pid(0x57, 1, (Field(_OBD + "ShortTermO2Trim2", 0),)),
    Pid(0x58, 1, (Field(_OBD + "LongTermO2Trim2", 0),)),
    Pid(0x66, 5, (Field(_OBD + "MAFSensorA", 8, support=0), Field(_OBD + "MAFSensorB", 24, support=1))),
    Pid(0x67, 3, (
        Field(_OBD + "CoolantTemperatureSensor1", 8, support=0),
        Field(_OBD + "CoolantTemperatureSensor2", 16, support=1),
    )),
    Pid(0x68, 7, (
        Field(_OBD + "IntakeTemp.Bank1.Sensor1", 8, support=0), Field(_OBD + "IntakeTemp.Bank1.Sensor2", 16, support=1),
    )),
    Pid(0x78, 9, tuple(
        Field(f"{_OBD}ExhaustTemperature.Bank1.Sensor{n}", 16 * n - 8, support=n - 1) for n in (1, 2, 3, 4)
    )),
    Pid(0x7C, 9, tuple(
        Field(f"{_OBD}DieselParticulateFilter.Bank1.Temperature{n}", 16 * n - 8, support=n - 1) for n in (1, 2)
    )),
    Pid(0x7F, 13, (Field(_OBD + "TotalRunTime", 8, support=0), Field(_OBD + "TotalIdleTime", 40, support=1))),
    Pid(0x9D, 4, (Field(_OBD + "EngineFuelRate", 0), Field(_OBD + "VehicleFuelRate", 16))),
)  # fmt: skip

PIDS: Mapping[int, Pid] = MappingProxyType(
    {
        row.number: row
        for row in sorted(
            (*(_one(number, path) for number, path in _SINGLES.items()), *_COMPOSITES, *_oxygen_rows()),
            key=lambda row: row.number,
        )
    }
)
"""Every service-01 parameter that carries a number or a state, by number."""

PID_OF: Mapping[str, int] = MappingProxyType(
    {field.path: row.number for row in sorted(PIDS.values(), key=lambda row: -row.number) for field in row.fields}
)
"""The (lowest) PID that carries a signal, by VSS path."""
