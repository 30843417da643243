"""The rows of the signal catalogue.

Paths are COVESA VSS 6.0 where its core has the quantity, and its OBD overlay (``overlays/extensions/OBD``) where not;
a quantity that neither names continues the overlay's style. Resolution and range are those of SAE J1979, so that a
value from an OBD answer is held exactly. The order is the order of columns wherever signals are listed.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from vehicle.quantity import Signal
from vehicle.units import Unit

_OBD = "Vehicle.OBD."
_ENGINE = "Vehicle.Powertrain.CombustionEngine."
_DEVICE = "Vehicle.Device."
_PLACE = "Vehicle.CurrentLocation."

_FUEL_SYSTEM_STATES = {
    0: "off",
    1: "open loop, too cold",
    2: "closed loop",
    4: "open loop, load or fuel cut",
    8: "open loop, system failure",
    16: "closed loop, one sensor faulty",
}
_SECONDARY_AIR_STATES = {1: "upstream", 2: "downstream", 4: "off", 8: "diagnostic pump on"}
_OBD_STANDARDS = {
    1: "OBD-II (CARB)", 2: "OBD (EPA)", 3: "OBD and OBD-II", 4: "OBD-I", 5: "none", 6: "EOBD",
    7: "EOBD and OBD-II", 8: "EOBD and OBD", 9: "EOBD, OBD and OBD-II", 10: "JOBD", 11: "JOBD and OBD-II",
    12: "JOBD and EOBD", 13: "JOBD, EOBD and OBD-II", 17: "EMD", 18: "EMD+", 19: "HD OBD-C", 20: "HD OBD",
    21: "WWH OBD", 23: "HD EOBD-I", 24: "HD EOBD-I N", 25: "HD EOBD-II", 26: "HD EOBD-II N", 28: "OBDBr-1",
    29: "OBDBr-2", 30: "KOBD", 31: "IOBD I", 32: "IOBD II", 33: "HD EOBD-VI", 34: "OBD, OBD-II and HD OBD",
    35: "OBDBr-3",
}  # fmt: skip
_FUEL_TYPES = {
    0: "not available", 1: "petrol", 2: "methanol", 3: "ethanol", 4: "diesel", 5: "LPG", 6: "CNG", 7: "propane",
    8: "electric", 9: "bifuel petrol", 10: "bifuel methanol", 11: "bifuel ethanol", 12: "bifuel LPG",
    13: "bifuel CNG", 14: "bifuel propane", 15: "bifuel electric", 16: "bifuel electric and combustion",
    17: "hybrid petrol", 18: "hybrid ethanol", 19: "hybrid diesel", 20: "hybrid electric",
    21: "hybrid electric and combustion", 22: "hybrid regenerative", 23: "bifuel diesel",
}  # fmt: skip
_ON_OFF = {0: "off", 1: "on"}
_IGNITION = {0: "spark", 1: "compression"}


def _row(path: str, unit: Unit, english: str, chinese: str, **scale: Any) -> Signal:
    states = MappingProxyType(scale.pop("states", {}))
    return Signal(path=path, unit=unit, english=english, chinese=chinese, states=states, **scale)


def _percent(path: str, english: str, chinese: str, bits: int = 8) -> Signal:
    return _row(path, Unit.PERCENT, english, chinese, numerator=100, denominator=255, bits=bits)


def _trim(path: str, english: str, chinese: str) -> Signal:
    return _row(path, Unit.PERCENT, english, chinese, numerator=100, denominator=128, offset=-12800)


def _celsius(path: str, english: str, chinese: str) -> Signal:
    return _row(path, Unit.CELSIUS, english, chinese, offset=-40)


def _hot(path: str, english: str, chinese: str) -> Signal:
    return _row(path, Unit.CELSIUS, english, chinese, denominator=10, offset=-400, bits=16)


def _ratio(path: str, english: str, chinese: str) -> Signal:
    return _row(path, Unit.RATIO, english, chinese, numerator=2, denominator=65536, bits=16)


def _torque(path: str, english: str, chinese: str) -> Signal:
    return _row(path, Unit.PERCENT, english, chinese, offset=-125)


def _state(path: str, english: str, chinese: str, states: dict[int, str], bits: int = 8) -> Signal:
    return _row(path, Unit.NONE, english, chinese, states=states, bits=bits)


def _oxygen(number: int) -> tuple[Signal, ...]:
    narrow, wide = f"{_OBD}O2.Sensor{number}.", f"{_OBD}O2WR.Sensor{number}."
    return (
        _row(narrow + "Voltage", Unit.VOLT, f"Oxygen sensor {number} voltage", f"氧传感器{number}电压", denominator=200),
        _trim(narrow + "ShortTermFuelTrim", f"Oxygen sensor {number} fuel trim", f"氧传感器{number}短期燃油修正"),
        _ratio(wide + "Lambda", f"Air-fuel sensor {number} equivalence ratio", f"空燃比传感器{number}当量比"),
        _row(
            wide + "Voltage", Unit.VOLT, f"Air-fuel sensor {number} voltage", f"空燃比传感器{number}电压",
            numerator=8, denominator=65536, bits=16,
        ),
        _row(
            wide + "Current", Unit.MILLIAMPERE, f"Air-fuel sensor {number} current", f"空燃比传感器{number}电流",
            denominator=256, offset=-32768, bits=16,
        ),
    )  # fmt: skip


def _catalyst(bank: int, sensor: int) -> Signal:
    return _hot(
        f"{_OBD}Catalyst.Bank{bank}.Temperature{sensor}",
        f"Catalyst temperature, bank {bank} sensor {sensor}",
        f"催化器温度 {bank}列{sensor}号",
    )


_EVERYDAY: tuple[Signal, ...] = (
    _row(_OBD + "RunTime", Unit.SECONDS, "Engine run time", "发动机运行时间", bits=16),
    _row(_ENGINE + "Speed", Unit.REVOLUTIONS_PER_MINUTE, "Engine speed", "发动机转速", denominator=4, bits=16),
    _row("Vehicle.Speed", Unit.KILOMETRES_PER_HOUR, "Speed", "车速"),
    _percent(_OBD + "ThrottlePosition", "Throttle position", "节气门开度"),
    _percent(_OBD + "EngineLoad", "Engine load", "发动机负荷"),
    _celsius(_ENGINE + "EngineCoolant.Temperature", "Coolant temperature", "冷却液温度"),
    _trim(_OBD + "LongTermFuelTrim1", "Long-term fuel trim, bank 1", "长期燃油修正 1列"),
    _trim(_OBD + "ShortTermFuelTrim1", "Short-term fuel trim, bank 1", "短期燃油修正 1列"),
    _trim(_OBD + "LongTermFuelTrim2", "Long-term fuel trim, bank 2", "长期燃油修正 2列"),
    _trim(_OBD + "ShortTermFuelTrim2", "Short-term fuel trim, bank 2", "短期燃油修正 2列"),
    _row(_ENGINE + "MAP", Unit.KILOPASCAL, "Intake manifold pressure", "进气歧管压力"),
    _row(_ENGINE + "MAF", Unit.GRAMS_PER_SECOND, "Mass air flow", "进气流量", denominator=100, bits=16),
    _percent(_OBD + "FuelLevel", "Fuel level", "燃油液位"),
    _percent(_OBD + "ThrottlePositionB", "Throttle position B", "节气门开度 B"),
    _percent(_OBD + "ThrottlePositionC", "Throttle position C", "节气门开度 C"),
    _percent(_OBD + "AcceleratorPositionD", "Accelerator position D", "加速踏板位置 D"),
    _percent(_OBD + "AcceleratorPositionE", "Accelerator position E", "加速踏板位置 E"),
    _percent(_OBD + "AcceleratorPositionF", "Accelerator position F", "加速踏板位置 F"),
    _percent(_OBD + "ThrottleActuator", "Commanded throttle actuator", "节气门执行器指令"),
    _ratio(_OBD + "CommandedEquivalenceRatio", "Commanded equivalence ratio", "指令当量比"),
    _row(_OBD + "BarometricPressure", Unit.KILOPASCAL, "Barometric pressure", "大气压力"),
    _percent(_OBD + "RelativeThrottlePosition", "Relative throttle position", "相对节气门开度"),
    _percent(_OBD + "RelativeAcceleratorPosition", "Relative accelerator position", "相对加速踏板位置"),
    _celsius(_OBD + "IntakeTemp", "Intake air temperature", "进气温度"),
    _celsius(_OBD + "AmbientAirTemperature", "Ambient air temperature", "环境温度"),
    _celsius(_ENGINE + "EngineOil.Temperature", "Engine oil temperature", "机油温度"),
    _row(_OBD + "TimingAdvance", Unit.DEGREES, "Timing advance", "点火提前角", denominator=2, offset=-128),
    *(_catalyst(bank, sensor) for sensor in (1, 2) for bank in (1, 2)),
    _row(
        "Vehicle.LowVoltageBattery.CurrentVoltage", Unit.VOLT, "Control module voltage", "控制模块电压",
        denominator=1000, bits=16,
    ),
    _percent(_OBD + "CommandedEVAP", "Commanded evaporative purge", "碳罐清洗指令"),
    _row(_OBD + "RunTimeMIL", Unit.MINUTES, "Run time with the lamp on", "故障灯亮后运行时间", bits=16),
    _row(_OBD + "TimeSinceDTCCleared", Unit.MINUTES, "Time since codes were cleared", "清码后时间", bits=16),
    _row(_OBD + "DistanceWithMIL", Unit.KILOMETRE, "Distance with the lamp on", "故障灯亮后里程", bits=16),
    _row(_OBD + "DistanceSinceDTCClear", Unit.KILOMETRE, "Distance since codes were cleared", "清码后里程", bits=16),
    _row(_OBD + "WarmupsSinceDTCClear", Unit.COUNT, "Warm-ups since codes were cleared", "清码后暖机次数"),
    _row("Vehicle.TraveledDistance", Unit.METRE, "Odometer", "总里程", numerator=100, bits=32),
    _state(_OBD + "Status.IsMILOn", "Malfunction lamp", "故障灯", _ON_OFF, bits=1),
    _row(_OBD + "Status.DTCCount", Unit.COUNT, "Stored trouble codes", "已存故障码数", bits=7),
)  # fmt: skip

_LESS_COMMON: tuple[Signal, ...] = (
    _state(_OBD + "Status.IgnitionType", "Ignition type", "点火方式", _IGNITION, bits=1),
    _row(_OBD + "Status.ContinuousMonitorsSupported", Unit.NONE, "Continuous monitors supported", "支持的连续监测", bits=3),
    _row(_OBD + "Status.ContinuousMonitorsIncomplete", Unit.NONE, "Continuous monitors incomplete", "未完成的连续监测", bits=3),
    _row(_OBD + "Status.MonitorsSupported", Unit.NONE, "Monitors supported", "支持的监测"),
    _row(_OBD + "Status.MonitorsIncomplete", Unit.NONE, "Monitors incomplete", "未完成的监测"),
    _row(_OBD + "DriveCycleStatus.MonitorsEnabled", Unit.NONE, "Monitors enabled this drive cycle", "本循环启用的监测"),
    _row(_OBD + "DriveCycleStatus.MonitorsIncomplete", Unit.NONE, "Monitors incomplete this drive cycle", "本循环未完成的监测"),
    _state(_OBD + "FuelStatus", "Fuel system 1 status", "燃油系统1状态", _FUEL_SYSTEM_STATES),
    _state(_OBD + "FuelStatus2", "Fuel system 2 status", "燃油系统2状态", _FUEL_SYSTEM_STATES),
    _row(_OBD + "FuelPressure", Unit.KILOPASCAL, "Fuel pressure", "燃油压力", numerator=3),
    _state(_OBD + "CommandedSecondaryAir", "Secondary air status", "二次空气状态", _SECONDARY_AIR_STATES),
    _row(_OBD + "OxygenSensorsIn2Banks", Unit.NONE, "Oxygen sensors present, two banks", "氧传感器配置（2列）"),
    _row(_OBD + "OxygenSensorsIn4Banks", Unit.NONE, "Oxygen sensors present, four banks", "氧传感器配置（4列）"),
    _state(_OBD + "OBDStandards", "OBD standard", "OBD标准", _OBD_STANDARDS),
    _state(_OBD + "IsPTOActive", "Power take-off", "取力器", _ON_OFF, bits=1),
    _row(_OBD + "FuelRailPressureVac", Unit.KILOPASCAL, "Fuel rail pressure, to vacuum", "油轨压力（相对真空）", numerator=79, denominator=1000, bits=16),
    _row(_OBD + "FuelRailPressureDirect", Unit.KILOPASCAL, "Fuel rail pressure, gauge", "油轨压力（表压）", numerator=10, bits=16),
    _row(_OBD + "FuelRailPressureAbsolute", Unit.KILOPASCAL, "Fuel rail pressure, absolute", "油轨压力（绝对）", numerator=10, bits=16),
    *(row for number in range(1, 9) for row in _oxygen(number)),
    _percent(_OBD + "CommandedEGR", "Commanded EGR", "EGR指令"),
    _trim(_OBD + "EGRError", "EGR error", "EGR偏差"),
    _row(_OBD + "EVAPVaporPressure", Unit.PASCAL, "EVAP vapour pressure", "蒸发系统压力", denominator=4, bits=16, signed=True),
    _row(_OBD + "EVAPVaporPressureAbsolute", Unit.KILOPASCAL, "EVAP vapour pressure, absolute", "蒸发系统绝对压力", denominator=200, bits=16),
    _row(_OBD + "EVAPVaporPressureAlternate", Unit.PASCAL, "EVAP vapour pressure, wide", "蒸发系统压力（宽）", bits=16, signed=True),
    _percent(_OBD + "AbsoluteLoad", "Absolute load", "绝对负荷", bits=16),
    _row(_OBD + "MaxEquivalenceRatio", Unit.RATIO, "Largest equivalence ratio", "当量比上限"),
    _row(_OBD + "MaxO2Voltage", Unit.VOLT, "Largest oxygen sensor voltage", "氧传感器电压上限"),
    _row(_OBD + "MaxO2Current", Unit.MILLIAMPERE, "Largest oxygen sensor current", "氧传感器电流上限"),
    _row(_OBD + "MaxMAP", Unit.KILOPASCAL, "Largest manifold pressure", "歧管压力上限", numerator=10),
    _row(_OBD + "MaxMAF", Unit.GRAMS_PER_SECOND, "Largest mass air flow", "进气流量上限", numerator=10),
    _state(_OBD + "FuelType", "Fuel type", "燃料类型", _FUEL_TYPES),
    _percent(_OBD + "EthanolPercent", "Ethanol share", "乙醇含量"),
    _trim(_OBD + "ShortTermO2Trim1", "Short-term secondary oxygen trim, bank 1", "后氧短期修正 1列"),
    _trim(_OBD + "LongTermO2Trim1", "Long-term secondary oxygen trim, bank 1", "后氧长期修正 1列"),
    _trim(_OBD + "ShortTermO2Trim2", "Short-term secondary oxygen trim, bank 2", "后氧短期修正 2列"),
    _trim(_OBD + "LongTermO2Trim2", "Long-term secondary oxygen trim, bank 2", "后氧长期修正 2列"),
    _percent(_OBD + "HybridBatteryRemaining", "Hybrid battery remaining", "混动电池剩余"),
    _row(_OBD + "FuelInjectionTiming", Unit.DEGREES, "Fuel injection timing", "喷油正时", denominator=128, offset=-26880, bits=16),
    _row(_OBD + "FuelRate", Unit.LITRES_PER_HOUR, "Fuel rate", "油耗率", denominator=20, bits=16),
    _row(_OBD + "EmissionRequirements", Unit.NONE, "Emission requirements", "排放要求"),
    _torque(_OBD + "DemandedTorque", "Driver's demanded torque", "需求扭矩"),
    _torque(_OBD + "ActualTorque", "Actual engine torque", "实际扭矩"),
    _torque(_OBD + "FrictionTorque", "Engine friction torque", "摩擦扭矩"),
    _row(_OBD + "ReferenceTorque", Unit.NEWTON_METRE, "Reference torque", "参考扭矩", bits=16),
    _row(_OBD + "MAFSensorA", Unit.GRAMS_PER_SECOND, "Mass air flow, sensor A", "进气流量 A", denominator=32, bits=16),
    _row(_OBD + "MAFSensorB", Unit.GRAMS_PER_SECOND, "Mass air flow, sensor B", "进气流量 B", denominator=32, bits=16),
    _celsius(_OBD + "CoolantTemperatureSensor1", "Coolant temperature, sensor 1", "冷却液温度 1号"),
    _celsius(_OBD + "CoolantTemperatureSensor2", "Coolant temperature, sensor 2", "冷却液温度 2号"),
    _celsius(_OBD + "IntakeTemp.Bank1.Sensor1", "Intake air temperature, bank 1 sensor 1", "进气温度 1列1号"),
    _celsius(_OBD + "IntakeTemp.Bank1.Sensor2", "Intake air temperature, bank 1 sensor 2", "进气温度 1列2号"),
    *(_hot(f"{_OBD}ExhaustTemperature.Bank1.Sensor{n}", f"Exhaust temperature, bank 1 sensor {n}", f"排气温度 1列{n}号") for n in (1, 2, 3, 4)),
    *(_hot(f"{_OBD}DieselParticulateFilter.Bank1.Temperature{n}", f"Particulate filter temperature {n}", f"颗粒捕集器温度{n}") for n in (1, 2)),
    _celsius(_OBD + "ManifoldSurfaceTemperature", "Manifold surface temperature", "进气歧管表面温度"),
    _percent(_OBD + "ThrottlePositionG", "Throttle position G", "节气门开度 G"),
    _row(_OBD + "EngineFuelRate", Unit.GRAMS_PER_SECOND, "Engine fuel rate", "发动机燃油流量", denominator=50, bits=16),
    _row(_OBD + "VehicleFuelRate", Unit.GRAMS_PER_SECOND, "Vehicle fuel rate", "整车燃油流量", denominator=50, bits=16),
    _row(_OBD + "ExhaustFlowRate", Unit.KILOGRAMS_PER_HOUR, "Exhaust flow rate", "排气流量", denominator=5, bits=16),
    _row(_OBD + "CylinderFuelRate", Unit.MILLIGRAMS_PER_STROKE, "Cylinder fuel rate", "单缸喷油量", denominator=32, bits=16),
    _row(_OBD + "TotalRunTime", Unit.SECONDS, "Total engine run time", "发动机总运行时间", bits=32),
    _row(_OBD + "TotalIdleTime", Unit.SECONDS, "Total idle time", "发动机总怠速时间", bits=32),
)  # fmt: skip

_BATTERY = "Vehicle.Powertrain.TractionBattery."
_GEARBOX = "Vehicle.Powertrain.Transmission."
_FILTER = _ENGINE + "DieselParticulateFilter."
_TEST = _OBD + "TestResult."
_CORNERS = (
    ("Row1.Wheel.Left", "front left", "左前"), ("Row1.Wheel.Right", "front right", "右前"),
    ("Row2.Wheel.Left", "rear left", "左后"), ("Row2.Wheel.Right", "rear right", "右后"),
)  # fmt: skip


def _half_celsius(path: str, english: str, chinese: str) -> Signal:
    return _row(path, Unit.CELSIUS, english, chinese, denominator=2, offset=-80)


def _cell(path: str, english: str, chinese: str) -> Signal:
    return _row(path, Unit.VOLT, english, chinese, denominator=1000, bits=13)


def _share(path: str, english: str, chinese: str) -> Signal:
    return _row(_TEST + path, Unit.PERCENT, english, chinese, denominator=10, bits=14)


def _wheel(corner: str, english: str, chinese: str) -> tuple[Signal, ...]:
    wheel = f"Vehicle.Chassis.Axle.{corner}."
    return (
        _row(
            wheel + "Speed",
            Unit.KILOMETRES_PER_HOUR,
            f"Wheel speed, {english}",
            f"{chinese}轮速",
            denominator=100,
            bits=16,
        ),
        _row(
            wheel + "Tire.Pressure",
            Unit.KILOPASCAL,
            f"Tyre pressure, {english}",
            f"{chinese}胎压",
            denominator=4,
            bits=12,
        ),
        _celsius(wheel + "Tire.Temperature", f"Tyre temperature, {english}", f"{chinese}胎温"),
    )


_CHASSIS: tuple[Signal, ...] = (
    *(row for corner in _CORNERS for row in _wheel(*corner)),
    _row("Vehicle.Chassis.Brake.PedalPosition", Unit.PERCENT, "Brake pedal position", "制动踏板位置", bits=7),
    _row("Vehicle.Acceleration.Lateral", Unit.METRES_PER_SECOND_SQUARED, "Lateral acceleration", "横向加速度", denominator=100, bits=12, signed=True),
    _row("Vehicle.AngularVelocity.Yaw", Unit.DEGREES_PER_SECOND, "Yaw rate", "横摆角速度", denominator=10, bits=12, signed=True),
    _row("Vehicle.Exterior.Humidity", Unit.PERCENT, "Air humidity", "空气湿度", bits=7),
    _row("Vehicle.LowVoltageBattery.CurrentCurrent", Unit.AMPERE, "12 V battery current", "12V蓄电池电流", denominator=100, bits=18, signed=True),
)  # fmt: skip

_DRIVETRAIN: tuple[Signal, ...] = (
    _celsius(_GEARBOX + "Temperature", "Gearbox oil temperature", "变速箱油温"),
    _row(_GEARBOX + "CurrentGear", Unit.NONE, "Gear engaged", "当前挡位", bits=5, signed=True),
    _row(_GEARBOX + "TurbineSpeed", Unit.REVOLUTIONS_PER_MINUTE, "Gearbox turbine speed", "变速箱涡轮转速", denominator=4, bits=16),
    _row(_GEARBOX + "OutputSpeed", Unit.REVOLUTIONS_PER_MINUTE, "Gearbox output speed", "变速箱输出转速", denominator=4, bits=16),
    _row(_OBD + "BoostPressure.Commanded", Unit.KILOPASCAL, "Boost pressure commanded", "增压压力指令", denominator=32, bits=16),
    _row(_OBD + "BoostPressure.Actual", Unit.KILOPASCAL, "Boost pressure", "增压压力", denominator=32, bits=16),
    _percent(_OBD + "TurbochargerControl", "Turbocharger control, commanded", "增压器控制指令"),
    _row(_FILTER + "DeltaPressure", Unit.PASCAL, "Particulate filter pressure difference", "颗粒捕集器压差", numerator=10, bits=16, signed=True),
    _row(_FILTER + "SootMass", Unit.GRAM, "Particulate filter soot, by the car's own model", "颗粒捕集器碳载量", denominator=10, bits=12),
    _state(_FILTER + "IsRegenerating", "Particulate filter regenerating", "颗粒捕集器再生", _ON_OFF, bits=1),
)  # fmt: skip

_TRACTION: tuple[Signal, ...] = (
    _row(_BATTERY + "CurrentVoltage", Unit.VOLT, "Traction battery voltage", "动力电池电压", denominator=10, bits=14),
    _row(_BATTERY + "CurrentCurrent", Unit.AMPERE, "Traction battery current, charging positive", "动力电池电流（充电为正）", denominator=10, bits=16, signed=True),
    _row(_BATTERY + "StateOfCharge.Current", Unit.PERCENT, "Traction battery charge", "动力电池荷电状态", denominator=10, bits=10),
    _row(_BATTERY + "StateOfHealth", Unit.PERCENT, "Traction battery health, by the car", "动力电池健康度（车辆自报）", denominator=10, bits=10),
    _half_celsius(_BATTERY + "Temperature.Average", "Traction battery temperature, mean", "动力电池平均温度"),
    _half_celsius(_BATTERY + "Temperature.Min", "Traction battery temperature, coldest", "动力电池最低温度"),
    _half_celsius(_BATTERY + "Temperature.Max", "Traction battery temperature, hottest", "动力电池最高温度"),
    _half_celsius(_BATTERY + "CoolantTemperature", "Traction battery coolant temperature", "动力电池冷却液温度"),
    _cell(_BATTERY + "CellVoltage.Min", "Lowest cell voltage", "最低单体电压"),
    _cell(_BATTERY + "CellVoltage.Max", "Highest cell voltage", "最高单体电压"),
    *(_cell(f"{_BATTERY}BlockVoltage.Block{n}", f"Cell voltage of block {n}", f"第{n}组单体电压") for n in range(1, 9)),
    _row(_BATTERY + "IsolationResistance", Unit.OHM, "High-voltage insulation resistance", "高压绝缘电阻", numerator=1000, bits=14),
    _state(_BATTERY + "Charging.IsCharging", "Charging", "充电中", _ON_OFF, bits=1),
)  # fmt: skip

_TEST_RESULTS: tuple[Signal, ...] = (
    _share("Catalyst.Bank1", "Catalyst monitor, share of its limit", "催化器监测值占限值比"),
    _share("OxygenSensor.Bank1Sensor1", "Front oxygen sensor monitor, share of its limit", "前氧监测值占限值比"),
    _share("OxygenSensor.Bank1Sensor2", "Rear oxygen sensor monitor, share of its limit", "后氧监测值占限值比"),
    _share("EvaporativeSystem", "Evaporative system monitor, share of its limit", "蒸发系统监测值占限值比"),
    _share("ExhaustGasRecirculation", "EGR monitor, share of its limit", "EGR监测值占限值比"),
    *(
        _row(f"{_TEST}Misfire.Cylinder{n}", Unit.COUNT, f"Misfires of cylinder {n}, mean of ten trips", f"{n}缸失火次数（十次行程均值）", bits=16)
        for n in range(1, 5)
    ),
)  # fmt: skip
"""Results of on-board monitors (service 06) as a share of the limit that the ECU gives with them, 100 % at the limit;
misfires as the counts of test 0B (mean of the last ten driving cycles)."""

BEYOND_OBD: tuple[Signal, ...] = (
    _row(_ENGINE + "EngineOil.Pressure", Unit.KILOPASCAL, "Engine oil pressure", "机油压力", numerator=4),
    _row(_ENGINE + "EngineOil.Life", Unit.PERCENT, "Engine oil life, by the car", "机油寿命（车辆自报）", bits=7),
    _celsius(_DEVICE + "ProcessorTemperature", "Device: processor temperature", "设备处理器温度"),
    _row(_DEVICE + "FreeDisk", Unit.PERCENT, "Device: free disk", "设备剩余磁盘", bits=7),
    _row(_DEVICE + "FreeMemory", Unit.PERCENT, "Device: free memory", "设备剩余内存", bits=7),
    _row(_DEVICE + "WaitingMessages", Unit.COUNT, "Device: messages waiting", "设备待发消息", bits=32),
    _row(_DEVICE + "SupplyVoltage", Unit.VOLT, "Device: supply voltage", "设备供电电压", denominator=1000, bits=16),
    _row(_PLACE + "Latitude", Unit.DEGREES, "Latitude", "纬度", denominator=1_000_000, bits=29, signed=True),
    _row(_PLACE + "Longitude", Unit.DEGREES, "Longitude", "经度", denominator=1_000_000, bits=29, signed=True),
    _row(_PLACE + "Altitude", Unit.METRE, "Altitude", "海拔", denominator=10, bits=20, signed=True),
    _row(_PLACE + "Heading", Unit.DEGREES, "Heading", "航向", denominator=10, bits=12),
    *_CHASSIS,
    *_DRIVETRAIN,
    *_TRACTION,
    *_TEST_RESULTS,
)
"""What no PID gives: SAE J1939 does, a car's own CAN or data identifiers do, the device says it of itself, or a GNSS
receiver where the owner allows it."""

ROWS: tuple[Signal, ...] = _EVERYDAY + _LESS_COMMON + BEYOND_OBD
