"""What codes of SAE J1939 mean: which parameter (SPN, ``spn.csv``), and how it fails (FMI, J1939-73 appendix A).

Words and severities are ours. A failure mode says by itself how far a value is out: of the most severe level the truck
must stop where the parameter is vital (oil, coolant, brake air), of the least it can wait for the next service.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING

from diagnostics.findings import Component, Severity
from diagnostics.knowledge import Knowledge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from diagnostics.findings import Text
    from vehicle.dtc import SpnFmi


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A suspect parameter: its name, what it belongs to, and whether a truck must not go on without it."""

    title: Text
    component: Component
    vital: bool


_MOST_SEVERE, _LEAST_SEVERE = frozenset({0, 1}), frozenset({15, 17})
_ELECTRICAL = frozenset({3, 4, 5, 6})
_FAILURES: Mapping[int, Text] = MappingProxyType(
    {
        0: {"en": "far too high", "zh": "严重过高"},
        1: {"en": "far too low", "zh": "严重过低"},
        2: {"en": "erratic or implausible", "zh": "信号不稳定或不可信"},
        3: {"en": "voltage too high, or shorted to supply", "zh": "电压过高或对电源短路"},
        4: {"en": "voltage too low, or shorted to ground", "zh": "电压过低或对地短路"},
        5: {"en": "current too low, or open circuit", "zh": "电流过低或断路"},
        6: {"en": "current too high, or shorted to ground", "zh": "电流过大或对地短路"},
        7: {"en": "does not respond mechanically", "zh": "机械部件无响应"},
        8: {"en": "frequency or pulse width wrong", "zh": "频率或脉宽异常"},
        9: {"en": "updated too seldom", "zh": "更新频率异常"},
        10: {"en": "changes too fast", "zh": "变化率异常"},
        11: {"en": "fault of unknown cause", "zh": "原因不明的故障"},
        12: {"en": "device or component faulty", "zh": "部件或控制器损坏"},
        13: {"en": "out of calibration", "zh": "标定超差"},
        14: {"en": "special instructions of the maker", "zh": "厂家特殊说明"},
        15: {"en": "slightly too high", "zh": "轻微偏高"},
        16: {"en": "too high", "zh": "偏高"},
        17: {"en": "slightly too low", "zh": "轻微偏低"},
        18: {"en": "too low", "zh": "偏低"},
        19: {"en": "data on the network wrong", "zh": "网络数据错误"},
        20: {"en": "drifted high", "zh": "数据漂移偏高"},
        21: {"en": "drifted low", "zh": "数据漂移偏低"},
        31: {"en": "the condition exists", "zh": "该状况存在"},
    }
)
_UNKNOWN_FAILURE: Text = {"en": "failure mode that the standard reserves", "zh": "标准保留的故障模式"}
_CIRCUIT: Text = {
    "en": "Plug, wiring and sensor of this parameter, before the part itself.",
    "zh": "先检查该参数的插头、线束和传感器，再检查部件本身。",
}
_VALUE: Text = {
    "en": "Whether the value is real: compare it with a gauge, then follow the maker's test plan.",
    "zh": "先用仪表核对数值是否属实，再按厂家检测流程处理。",
}


@cache
def parameters() -> Mapping[int, Parameter]:
    """The parameters that are known by name, by SPN."""
    text = (resources.files("diagnostics") / "spn.csv").read_text(encoding="utf-8")
    return MappingProxyType({int(row["spn"]): _parameter(row) for row in csv.DictReader(text.splitlines())})


def _parameter(row: Mapping[str, str]) -> Parameter:
    return Parameter(
        title={"en": row["title_en"], "zh": row["title_zh"]},
        component=Component(row["component"]),
        vital=row["vital"] == "1",
    )


def explain_truck(code: SpnFmi) -> Knowledge:
    """What a truck's code says; of an unknown parameter, how it fails."""
    known = parameters().get(code.spn)
    failure = _FAILURES.get(code.fmi, _UNKNOWN_FAILURE)
    title = known.title if known else {"en": f"Parameter {code.spn}", "zh": f"参数{code.spn}"}
    return Knowledge(
        code=str(code),
        title={"en": f"{title['en']}: {failure['en']}", "zh": f"{title['zh']}：{failure['zh']}"},
        meaning=_meaning(code, named=known is not None),
        causes={"en": (), "zh": ()},
        check_first=_CIRCUIT if code.fmi in _ELECTRICAL else _VALUE,
        severity=_severity(code, vital=known is not None and known.vital),
        component=known.component if known else Component.ENGINE,
        generic=known is None,
    )


def _meaning(code: SpnFmi, *, named: bool) -> Text:
    if named:
        return {
            "en": f"A control unit reports parameter {code.spn} with failure mode {code.fmi}.",
            "zh": f"控制单元报告参数{code.spn}出现故障模式{code.fmi}。",
        }
    return {
        "en": f"Parameter {code.spn} is not in our table; the maker's documents say what it is.",
        "zh": f"参数{code.spn}不在知识表中，具体含义请查阅厂家资料。",
    }


def _severity(code: SpnFmi, *, vital: bool) -> Severity:
    if vital and code.fmi in _MOST_SEVERE:
        return Severity.STOP_NOW
    if code.fmi in _LEAST_SEVERE and not vital:
        return Severity.NEXT_SERVICE
    return Severity.SOON
