"""Which component a standard code is about that the table does not hold: the blocks of SAE J2012.

J2012 numbers its codes by circuit, in blocks; a code that nobody has described still belongs to one of them. First and
last code of a block are written as the car writes them; letters and digits are hexadecimal, so text order is the order
of numbers. Codes with a manufacturer's digit (P1, P30 to P33, C1, B1, U1) are in no block.

Source: the number blocks of SAE J2012 as they are commonly listed, not checked against the standard's text; for the
chassis the numbers that makers use by custom. Names: ours.
"""

from __future__ import annotations

from dataclasses import dataclass

from diagnostics.findings import Component


@dataclass(frozen=True, slots=True)
class Family:
    """A block of codes, both ends included, in words and as a component."""

    first: str
    last: str
    english: str
    chinese: str
    component: Component


FAMILIES = (
    Family("C0030", "C0050", "wheel speed sensor", "轮速传感器", Component.WHEEL_SPEED_SENSOR),
    Family("C0750", "C0779", "tyre pressure", "轮胎压力监测", Component.TYRE_PRESSURE),
    Family("P0068", "P0074", "air flow or outside air sensor", "空气流量或环境温度传感器", Component.SENSORS),
    Family("P0107", "P0119", "pressure or temperature sensor", "压力或温度传感器", Component.SENSORS),
    Family("P0125", "P0128", "coolant does not warm up", "冷却液升温不足", Component.THERMOSTAT),
    Family("P0130", "P0167", "oxygen sensor", "氧传感器", Component.OXYGEN_SENSOR),
    Family("P0217", "P0217", "engine too hot", "发动机过热", Component.COOLING),
    Family("P0234", "P0250", "charge pressure", "增压压力", Component.BOOST),
    Family("P0299", "P0299", "charge pressure", "增压压力", Component.BOOST),
    Family("P0300", "P0314", "misfire", "失火", Component.MISFIRE),
    Family("P0350", "P0362", "ignition coil", "点火线圈", Component.MISFIRE),
    Family("P0400", "P0409", "exhaust gas recirculation", "废气再循环", Component.EGR),
    Family("P0420", "P0434", "catalyst", "催化转化器", Component.CATALYST),
    Family("P0440", "P0459", "fuel vapour system", "燃油蒸发系统", Component.EVAP),
    Family("P0480", "P0485", "cooling fan", "冷却风扇", Component.COOLING),
    Family("P0486", "P0490", "exhaust gas recirculation", "废气再循环", Component.EGR),
    Family("P0496", "P0499", "fuel vapour system", "燃油蒸发系统", Component.EVAP),
    Family("P0560", "P0563", "system voltage", "系统电压", Component.CHARGING),
    Family("P0620", "P0626", "generator", "发电机", Component.CHARGING),
    Family("P0A7E", "P0A7E", "traction battery too hot", "动力电池过热", Component.HV_THERMAL),
    Family("P0AA1", "P0AA5", "high-voltage contactors", "高压接触器", Component.TRACTION_BATTERY),
    Family("P0AA6", "P0AA6", "high-voltage insulation", "高压绝缘", Component.INSULATION),
    Family("P0BBD", "P0BBD", "cells of the traction battery apart", "动力电池单体电压不一致", Component.CELL_IMBALANCE),
    Family("P0A00", "P0FFF", "hybrid or electric drive", "混合动力或电驱动系统", Component.TRACTION_BATTERY),
    Family("P2002", "P2003", "particulate filter", "颗粒捕集器", Component.DPF),
    Family("P2195", "P2198", "oxygen sensor", "氧传感器", Component.OXYGEN_SENSOR),
    Family("P2231", "P2260", "oxygen sensor", "氧传感器", Component.OXYGEN_SENSOR),
    Family("P2270", "P2278", "oxygen sensor", "氧传感器", Component.OXYGEN_SENSOR),
    Family("P2452", "P2463", "particulate filter", "颗粒捕集器", Component.DPF),
    Family("P2A00", "P2A07", "oxygen sensor", "氧传感器", Component.OXYGEN_SENSOR),
)
"""Narrower blocks stand before those that hold them."""


def family_of(code: str) -> Family | None:
    """The first block that holds the code."""
    return next((family for family in FAMILIES if family.first <= code <= family.last), None)
