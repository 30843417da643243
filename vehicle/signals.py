"""What can be measured: names of the signals that code speaks of, and the catalogue of all of them."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from vehicle.catalogue import ROWS
from vehicle.errors import UnknownSignalError
from vehicle.quantity import Signal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CATALOGUE", "Signal", "signal"]

SPEED = "Vehicle.Speed"
ODOMETER = "Vehicle.TraveledDistance"
ENGINE_SPEED = "Vehicle.Powertrain.CombustionEngine.Speed"
COOLANT_TEMPERATURE = "Vehicle.Powertrain.CombustionEngine.EngineCoolant.Temperature"
OIL_TEMPERATURE = "Vehicle.Powertrain.CombustionEngine.EngineOil.Temperature"
OIL_PRESSURE = "Vehicle.Powertrain.CombustionEngine.EngineOil.Pressure"
MAP = "Vehicle.Powertrain.CombustionEngine.MAP"
MAF = "Vehicle.Powertrain.CombustionEngine.MAF"
THROTTLE = "Vehicle.OBD.ThrottlePosition"
CONTROL_MODULE_VOLTAGE = "Vehicle.LowVoltageBattery.CurrentVoltage"
FUEL_LEVEL = "Vehicle.OBD.FuelLevel"
AMBIENT_AIR_TEMPERATURE = "Vehicle.OBD.AmbientAirTemperature"
ENGINE_LOAD = "Vehicle.OBD.EngineLoad"
ABSOLUTE_LOAD = "Vehicle.OBD.AbsoluteLoad"
SHORT_TERM_FUEL_TRIM_1 = "Vehicle.OBD.ShortTermFuelTrim1"
LONG_TERM_FUEL_TRIM_1 = "Vehicle.OBD.LongTermFuelTrim1"
SHORT_TERM_FUEL_TRIM_2 = "Vehicle.OBD.ShortTermFuelTrim2"
LONG_TERM_FUEL_TRIM_2 = "Vehicle.OBD.LongTermFuelTrim2"
INTAKE_AIR_TEMPERATURE = "Vehicle.OBD.IntakeTemp"
BAROMETRIC_PRESSURE = "Vehicle.OBD.BarometricPressure"
RUN_TIME = "Vehicle.OBD.RunTime"
TIMING_ADVANCE = "Vehicle.OBD.TimingAdvance"
COMMANDED_EVAP = "Vehicle.OBD.CommandedEVAP"
COMMANDED_EQUIVALENCE_RATIO = "Vehicle.OBD.CommandedEquivalenceRatio"
CATALYST_TEMPERATURE_11 = "Vehicle.OBD.Catalyst.Bank1.Temperature1"
CATALYST_TEMPERATURE_12 = "Vehicle.OBD.Catalyst.Bank1.Temperature2"
FUEL_SYSTEM_STATUS = "Vehicle.OBD.FuelStatus"
FUEL_RATE = "Vehicle.OBD.FuelRate"
MIL_ON = "Vehicle.OBD.Status.IsMILOn"
DTC_COUNT = "Vehicle.OBD.Status.DTCCount"
TIME_SINCE_CODES_CLEARED = "Vehicle.OBD.TimeSinceDTCCleared"
WARM_UPS_SINCE_CODES_CLEARED = "Vehicle.OBD.WarmupsSinceDTCClear"
LATITUDE = "Vehicle.CurrentLocation.Latitude"
LONGITUDE = "Vehicle.CurrentLocation.Longitude"
ALTITUDE = "Vehicle.CurrentLocation.Altitude"
HEADING = "Vehicle.CurrentLocation.Heading"
DEVICE_PROCESSOR_TEMPERATURE = "Vehicle.Device.ProcessorTemperature"
DEVICE_FREE_DISK = "Vehicle.Device.FreeDisk"
DEVICE_FREE_MEMORY = "Vehicle.Device.FreeMemory"
DEVICE_WAITING_MESSAGES = "Vehicle.Device.WaitingMessages"
DEVICE_SUPPLY_VOLTAGE = "Vehicle.Device.SupplyVoltage"

CATALOGUE: Mapping[str, Signal] = MappingProxyType({row.path: row for row in ROWS})


def signal(path: str) -> Signal:
    """The catalogue's row for ``path``.

    Raises:
        UnknownSignalError: the catalogue has no such path; names the nearest.
    """
    found = CATALOGUE.get(path)
    if found is None:
        raise UnknownSignalError(path, CATALOGUE)
    return found
