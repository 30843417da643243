"""What trouble codes mean: a table that ships with the package, and rules for codes that it does not hold."""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING

from diagnostics.code_families import family_of
from diagnostics.findings import Component, Severity
from diagnostics.knowledge import Knowledge
from diagnostics.truck_codes import explain_truck
from vehicle.dtc import SpnFmi, parse_code
from vehicle.errors import DtcError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from diagnostics.findings import Text


_SYSTEMS: Mapping[str, tuple[Text, Component]] = MappingProxyType(
    {
        "P0": ({"en": "Powertrain fault", "zh": "动力系统故障"}, Component.ENGINE),
        "P1": ({"en": "Powertrain fault, manufacturer's code", "zh": "动力系统故障（厂家自定义码）"}, Component.ENGINE),
        "P2": ({"en": "Powertrain fault", "zh": "动力系统故障"}, Component.ENGINE),
        "P3": ({"en": "Powertrain fault", "zh": "动力系统故障"}, Component.ENGINE),
        "C": ({"en": "Chassis fault", "zh": "底盘系统故障"}, Component.BRAKES),
        "B": ({"en": "Body fault", "zh": "车身系统故障"}, Component.BODY),
        "U": ({"en": "Network fault", "zh": "车载网络故障"}, Component.NETWORK),
    }
)
_SUBSYSTEMS: Mapping[str, tuple[str, str, Component]] = MappingProxyType(
    {
        "1": ("fuel and air metering", "燃油和空气计量", Component.FUEL_AIR),
        "2": ("injectors, fuel and air metering", "喷油与空气计量", Component.FUEL_AIR),
        "3": ("ignition or misfire", "点火系统或失火", Component.ENGINE),
        "4": ("emission control", "排放控制", Component.EMISSIONS),
        "5": ("speed, idle and auxiliary inputs", "车速、怠速及辅助输入", Component.ENGINE),
        "6": ("engine computer and outputs", "发动机电脑及输出", Component.ENGINE),
        "7": ("transmission", "变速箱", Component.TRANSMISSION),
        "8": ("transmission", "变速箱", Component.TRANSMISSION),
        "9": ("transmission", "变速箱", Component.TRANSMISSION),
    }
)


@cache
def table() -> Mapping[str, Knowledge]:
    """The codes that are known by name, from ``codes.csv``."""
    text = (resources.files("diagnostics") / "codes.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return MappingProxyType({row["code"]: _row(row) for row in rows})


def explain(code: str) -> Knowledge:
    """What is known of a code; of one that is not in the table, what its letters and digits say.

    A truck's code (``SPN 100 FMI 1``) is put together from what its parameter and its failure mode mean; of one with
    a failure type (``P0420-13``) it is what is known of the code itself.
    """
    return table().get(code) or _of_truck(code) or table().get(code.partition("-")[0]) or _by_rule(code)


def _of_truck(code: str) -> Knowledge | None:
    try:
        found = parse_code(code)
    except DtcError:
        return None
    return explain_truck(found) if isinstance(found, SpnFmi) else None


def _row(row: Mapping[str, str]) -> Knowledge:
    def text(name: str) -> Text:
        return {"en": row[f"{name}_en"], "zh": row[f"{name}_zh"]}

    return Knowledge(
        code=row["code"],
        title=text("title"),
        meaning=text("meaning"),
        causes={language: tuple(row[f"causes_{language}"].split("; ")) for language in ("en", "zh")},
        check_first=text("check"),
        severity=Severity(row["severity"]),
        component=Component(row["component"]),
    )


def _by_rule(code: str) -> Knowledge:
    system, component = _SYSTEMS.get(code[:2]) or _SYSTEMS.get(code[:1]) or _SYSTEMS["P1"]
    title, meaning = dict(system), {
        "en": f"{code} is not in our table; the maker's documents say what it means.",
        "zh": f"{code}不在知识表中，具体含义请查阅厂家资料。",
    }  # fmt: skip
    standard = code[:2] in {"P0", "P2"} and code[2:3] in _SUBSYSTEMS
    if (family := family_of(code)) is not None:
        component = family.component
        title = {"en": f"{system['en']}: {family.english}", "zh": f"{system['zh']}：{family.chinese}"}
    elif standard:
        english, chinese, component = _SUBSYSTEMS[code[2]]
        title = {"en": f"{system['en']}: {english}", "zh": f"{system['zh']}：{chinese}"}
    return Knowledge(
        code=code,
        title=title,
        meaning=meaning,
        causes={"en": (), "zh": ()},
        check_first={
            "en": "Read the freeze frame and the maker's test plan.",
            "zh": "读取冻结帧并按厂家检测流程处理。",
        },
        severity=Severity.SOON,
        component=component,
        generic=True,
    )
