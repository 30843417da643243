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
OIL_LIFE = "Vehicle.Powertrain.CombustionEngine.EngineOil.Life"
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

_AXLE, _BATTERY, _TEST = "Vehicle.Chassis.Axle.", "Vehicle.Powertrain.TractionBattery.", "Vehicle.OBD.TestResult."
_CORNERS = ("Row1.Wheel.Left", "Row1.Wheel.Right", "Row2.Wheel.Left", "Row2.Wheel.Right")
WHEEL_SPEEDS = tuple(f"{_AXLE}{corner}.Speed" for corner in _CORNERS)
"""Front left, front right, rear left, rear right; so are the next two."""
TYRE_PRESSURES = tuple(f"{_AXLE}{corner}.Tire.Pressure" for corner in _CORNERS)
TYRE_TEMPERATURES = tuple(f"{_AXLE}{corner}.Tire.Temperature" for corner in _CORNERS)
BRAKE_PEDAL = "Vehicle.Chassis.Brake.PedalPosition"
LATERAL_ACCELERATION = "Vehicle.Acceleration.Lateral"
YAW_RATE = "Vehicle.AngularVelocity.Yaw"
HUMIDITY = "Vehicle.Exterior.Humidity"
BATTERY_CURRENT = "Vehicle.LowVoltageBattery.CurrentCurrent"
GEARBOX_TEMPERATURE = "Vehicle.Powertrain.Transmission.Temperature"
GEAR = "Vehicle.Powertrain.Transmission.CurrentGear"
TURBINE_SPEED = "Vehicle.Powertrain.Transmission.TurbineSpeed"
GEARBOX_OUTPUT_SPEED = "Vehicle.Powertrain.Transmission.OutputSpeed"
BOOST_COMMANDED = "Vehicle.OBD.BoostPressure.Commanded"
BOOST = "Vehicle.OBD.BoostPressure.Actual"
TURBOCHARGER_CONTROL = "Vehicle.OBD.TurbochargerControl"
COMMANDED_EGR = "Vehicle.OBD.CommandedEGR"
EGR_ERROR = "Vehicle.OBD.EGRError"
ETHANOL_SHARE = "Vehicle.OBD.EthanolPercent"
FILTER_PRESSURE = "Vehicle.Powertrain.CombustionEngine.DieselParticulateFilter.DeltaPressure"
FILTER_SOOT = "Vehicle.Powertrain.CombustionEngine.DieselParticulateFilter.SootMass"
FILTER_REGENERATING = "Vehicle.Powertrain.CombustionEngine.DieselParticulateFilter.IsRegenerating"
FILTER_TEMPERATURE = "Vehicle.OBD.DieselParticulateFilter.Bank1.Temperature1"
TRACTION_VOLTAGE = f"{_BATTERY}CurrentVoltage"
TRACTION_CURRENT = f"{_BATTERY}CurrentCurrent"
TRACTION_CHARGE = f"{_BATTERY}StateOfCharge.Current"
TRACTION_HEALTH = f"{_BATTERY}StateOfHealth"
TRACTION_TEMPERATURE = f"{_BATTERY}Temperature.Average"
TRACTION_COLDEST = f"{_BATTERY}Temperature.Min"
TRACTION_HOTTEST = f"{_BATTERY}Temperature.Max"
TRACTION_COOLANT = f"{_BATTERY}CoolantTemperature"
CELL_LOWEST = f"{_BATTERY}CellVoltage.Min"
CELL_HIGHEST = f"{_BATTERY}CellVoltage.Max"
BLOCK_VOLTAGES = tuple(f"{_BATTERY}BlockVoltage.Block{n}" for n in range(1, 9))
INSULATION = f"{_BATTERY}IsolationResistance"
IS_CHARGING = f"{_BATTERY}Charging.IsCharging"
CATALYST_RESULT = f"{_TEST}Catalyst.Bank1"
FRONT_OXYGEN_RESULT = f"{_TEST}OxygenSensor.Bank1Sensor1"
REAR_OXYGEN_RESULT = f"{_TEST}OxygenSensor.Bank1Sensor2"
EVAPORATIVE_RESULT = f"{_TEST}EvaporativeSystem"
EGR_RESULT = f"{_TEST}ExhaustGasRecirculation"
MISFIRES = tuple(f"{_TEST}Misfire.Cylinder{n}" for n in range(1, 5))

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
