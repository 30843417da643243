"""Names of on-board monitors by their identifier (OBDMID of service 06; SAE J1979 appendix D, ISO 15031-5)."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Name = tuple[str, str]
"""English, Chinese."""


def _of_sensors(first: int, english: str, chinese: str) -> Iterable[tuple[int, Name]]:
    """Four sensors of each of four banks, one after the other."""
    for at in range(16):
        bank, sensor = at // 4 + 1, at % 4 + 1
        yield (
            first + at,
            (f"{english}, bank {bank} sensor {sensor}", f"{chinese}（第{bank}列第{sensor}个）"),
        )


def _of_banks(first: int, count: int, english: str, chinese: str) -> Iterable[tuple[int, Name]]:
    for at in range(count):
        yield first + at, (f"{english}, bank {at + 1}", f"{chinese}（第{at + 1}列）")


MONITORS: Mapping[int, Name] = MappingProxyType(
    {
        **dict(_of_sensors(0x01, "Oxygen sensor", "氧传感器")),
        **dict(_of_banks(0x21, 4, "Catalyst", "催化器")),
        **dict(_of_banks(0x31, 4, "Exhaust gas recirculation", "废气再循环")),
        **dict(_of_banks(0x35, 4, "Variable valve timing", "可变气门正时")),
        0x39: ("Evaporative system, cap off or 0.150 in", "燃油蒸发系统（油箱盖未盖或0.150英寸）"),
        0x3A: ("Evaporative system, 0.090 in", "燃油蒸发系统（0.090英寸）"),
        0x3B: ("Evaporative system, 0.040 in", "燃油蒸发系统（0.040英寸）"),
        0x3C: ("Evaporative system, 0.020 in", "燃油蒸发系统（0.020英寸）"),
        0x3D: ("Purge flow", "炭罐脱附流量"),
        **dict(_of_sensors(0x41, "Oxygen sensor heater", "氧传感器加热")),
        **dict(_of_banks(0x61, 4, "Heated catalyst", "加热型催化器")),
        **dict(_of_banks(0x71, 4, "Secondary air", "二次空气")),
        **dict(_of_banks(0x81, 4, "Fuel system", "燃油系统")),
        **dict(_of_banks(0x85, 2, "Boost pressure control", "增压压力控制")),
        **dict(_of_banks(0x90, 2, "NOx adsorber", "氮氧化物吸附器")),
        **dict(_of_banks(0x98, 2, "NOx catalyst", "氮氧化物催化器")),
        0xA1: ("Misfire, all cylinders", "失火（全部气缸）"),
        **{0xA1 + one: (f"Misfire, cylinder {one}", f"失火（第{one}缸）") for one in range(1, 13)},
        **dict(_of_banks(0xB0, 2, "Particulate filter", "颗粒捕集器")),
    }
)
"""Those that the standard names; makers have others."""
