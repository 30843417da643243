"""What the page tells beside the simulated fleet: recorded drives, turbofan engines, how real the trips are, and time.

Each is the JSON that a command printed: ``roadworthy score real``, ``score cmapss``, ``score realism`` and ``bench
detectors``, all with ``--json``.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from diagnostics.evaluation.real import RealScore
from diagnostics.evaluation.turbofan import CrossValidation
from scorecard.errors import NotThatFileError
from scorecard.markdown import table
from scorecard.realism import Realism

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Form = TypeVar("Form")
ASKED: Mapping[str, float] = MappingProxyType(
    {
        "bookings": 0, "advisories": 1, "found": 0.95, "rmse": 12.0, "coverage_low": 0.85, "coverage_high": 0.95,
        "auc": 0.75, "seconds": 60.0, "mib": 4096.0,
    }
)  # fmt: skip
"""What was asked before it was measured: most bookings and advisories of a sound car, least share of faults, most error
in cycles, bounds of coverage, most area under the curve, most seconds and MiB."""
TITLES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "real": {"en": "On recorded drives", "zh": "实车记录"},
        "turbofan": {"en": "On turbofan engines", "zh": "涡扇发动机"},
        "realism": {"en": "Are the simulated trips like real ones?", "zh": "模拟行程像真的吗？"},
        "speed": {"en": "Time and space", "zh": "耗时与内存"},
    }
)
TEXT: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "real": {
            "en": "`roadworthy score real --json`: {drives} drives of one sound car, {hours:.1f} h, lived through in "
            "{lives} orders: {bookings} bookings and {advisories} advisories while it is sound. Faults put into them, "
            "found within 12 trips: {value:.4f} ({low:.4f} … {high:.4f}). Asked: {asked[bookings]:g} bookings, at most "
            "{asked[advisories]:g} advisory, {asked[found]:g}: {met}.",
            "zh": "`roadworthy score real --json`：一辆正常车的{drives}段实车行程，共{hours:.1f}小时，"
            "按{lives}种顺序重放：正常时误预约{bookings}次、误提示{advisories}次。注入的故障在12次行程内发现的比例：{value:.4f}"
            "（{low:.4f} … {high:.4f}）。要求：误预约{asked[bookings]:g}次、误提示至多{asked[advisories]:g}次、"
            "比例{asked[found]:g}：{met}。",
        },
        "turbofan": {
            "en": "`roadworthy score cmapss --predictions FILE --json`: NASA's FD001, on {engines} training engines "
            "left out in turn, {cuts} cuts: root mean square error {rmse:.2f} cycles (life capped at 125), 90 % "
            "intervals hold {coverage:.3f} and are {width:.0f} cycles wide. Asked: below {asked[rmse]:g}, "
            "{asked[coverage_low]:g} … {asked[coverage_high]:g}: {met}. The test engines' truth is not read.",
            "zh": "`roadworthy score cmapss --predictions FILE --json`：NASA FD001，逐一留出{engines}台训练发动机、"
            "{cuts}个截断点：均方根误差{rmse:.2f}个循环（寿命上限125），90 %区间覆盖率{coverage:.3f}，"
            "区间宽{width:.0f}个循环。要求：低于{asked[rmse]:g}，{asked[coverage_low]:g} … {asked[coverage_high]:g}："
            "{met}。不读取测试发动机的真值。",
        },
        "realism": {
            "en": "`roadworthy score realism --json`: a forest tells {recorded} recorded trips from {simulated} "
            "simulated ones, each platform on its own scale, with an area under the curve of {auc:.3f} ({low:.3f} … "
            "{high:.3f}) over {features} features. Asked: {asked[auc]:g} at most: {met}. No feature alone tells more "
            "than {loudest:.2f}; the most: {names}.",
            "zh": "`roadworthy score realism --json`：随机森林以{features}个特征区分{recorded}段实车行程与{simulated}段"
            "模拟行程（各车型按自身尺度），曲线下面积{auc:.3f}（{low:.3f} … {high:.3f}）。"
            "要求不超过{asked[auc]:g}：{met}。单个特征至多{loudest:.2f}，最大的是：{names}。",
        },
        "met": {"en": "met", "zh": "达到"},
        "missed": {"en": "**not met**", "zh": "**未达到**"},
        "speed": {
            "en": "`roadworthy bench detectors --json`: a day ({input}): {seconds:.1f} s on {cores} cores, "
            "{mib:,} MiB. Asked: {asked[seconds]:g} s, {asked[mib]:,.0f} MiB: {met}. Processor time a car: {each}.",
            "zh": "`roadworthy bench detectors --json`：一天的数据（{input}）：{cores}核{seconds:.1f}秒，"
            "{mib:,} MiB。要求{asked[seconds]:g}秒、{asked[mib]:,.0f} MiB：{met}。每车处理器时间：{each}。",
        },
        "speed_car": {"en": "{us:.0f} µs in a fleet of {cars}", "zh": "车队{cars}辆时{us:.0f}微秒"},
        "speed_peers": {
            "en": "An update (one trip of one car in one detector) takes {ours:.2f} µs; in the same run {peers}.",
            "zh": "每次更新（一辆车一次行程的一个检测器）{ours:.2f}微秒；同次运行中{peers}。",
        },
        "fault": {"en": "fault", "zh": "故障"},
        "within": {"en": "found within 12 trips", "zh": "12次行程内发现"},
        "half": {"en": "median trips to find", "zh": "发现所需行程中位数"},
        "detector": {"en": "detector", "zh": "检测器"},
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Of a day of a million cars: time, memory, and processor time a car by the size of the fleet."""

    seconds_for_a_day_of_a_million_cars: float
    cores: int
    core_us_a_car: dict[str, float]
    peak_mib_of_all_processes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """What the benchmark of the detectors tells: updates a second of ours and of its peers."""

    ours: float
    peers: dict[str, float]
    input: str
    detail: Spent


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What there is of it; None where it was not measured."""

    real: RealScore | None = None
    turbofan: CrossValidation | None = None
    realism: Realism | None = None
    speed: Speed | None = None


def read(*, real: Path | None, turbofan: Path | None, realism: Path | None, speed: Path | None) -> Beside:
    """The files that the commands wrote.

    Raises:
        NotThatFileError: a file is of another command.
    """
    return Beside(
        real=_decoded(real, RealScore, "score real --json"),
        turbofan=_decoded(turbofan, CrossValidation, "score cmapss --predictions FILE --json"),
        realism=_decoded(realism, Realism, "score realism --json"),
        speed=_decoded(speed, Speed, "bench detectors --json"),
    )  # fmt: skip


def _decoded(path: Path | None, form: type[Form], command: str) -> Form | None:
    if path is None:
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=form)
    except (OSError, msgspec.MsgspecError) as error:
        raise NotThatFileError(path, command, error) from error


def sections(beside: Beside, language: str) -> Iterator[tuple[str, list[str]]]:
    """Title and lines of each in a language."""
    told = {
        "real": _real(beside.real, language) if beside.real else [],
        "turbofan": [_turbofan(beside.turbofan, language)] if beside.turbofan else [],
        "realism": [_realism(beside.realism, language)] if beside.realism else [],
        "speed": _speed(beside.speed, language) if beside.speed else [],
    }
    for name, lines in told.items():
        if lines:
            yield TITLES[name][language], lines


def _t(key: str, language: str) -> str:
    return TEXT[key][language]


def _verdict(*, met: bool, language: str) -> dict[str, Any]:
    return {"asked": ASKED, "met": _t("met" if met else "missed", language)}


def _turbofan(found: CrossValidation, language: str) -> str:
    met = found.rmse < ASKED["rmse"] and ASKED["coverage_low"] <= found.coverage <= ASKED["coverage_high"]
    return _t("turbofan", language).format(**msgspec.to_builtins(found), **_verdict(met=met, language=language))


def _real(found: RealScore, language: str) -> list[str]:
    calm = found.bookings <= ASKED["bookings"] and found.advisories <= ASKED["advisories"]
    text = _t("real", language).format(
        drives=found.drives, hours=found.hours, lives=found.lives, bookings=found.bookings,
        advisories=found.advisories, value=found.recall.value, low=found.recall.low, high=found.recall.high,
        **_verdict(met=calm and found.recall.value >= ASKED["found"], language=language),
    )  # fmt: skip
    head = [_t(key, language) for key in ("fault", "within", "half", "detector")]
    rows = [
        [
            name, f"{one.found.value:.2f} ({one.found.low:.2f} … {one.found.high:.2f})",
            "–" if one.median_trips is None else f"{one.median_trips:.0f}", f"`{one.detector}`",
        ]
        for name, one in sorted(found.faults.items(), key=lambda item: item[1].found.value)
    ]  # fmt: skip
    return [text, "", *table(head, rows)]


def _realism(found: Realism, language: str) -> str:
    return _t("realism", language).format(
        auc=found.auc, low=found.low, high=found.high, recorded=found.recorded, simulated=found.simulated,
        features=found.features, loudest=max(found.loudest.values()),
        names=", ".join(f"`{name}`" for name in list(found.loudest)[:4]),
        **_verdict(met=found.auc <= ASKED["auc"], language=language),
    )  # fmt: skip


def _speed(found: Speed, language: str) -> list[str]:
    spent = found.detail
    met = spent.seconds_for_a_day_of_a_million_cars <= ASKED["seconds"]
    met = met and spent.peak_mib_of_all_processes <= ASKED["mib"]
    each = ", ".join(_t("speed_car", language).format(us=us, cars=cars) for cars, us in spent.core_us_a_car.items())
    peers = ", ".join(f"{name} {1e6 / rate:.2f} µs" for name, rate in found.peers.items())
    return [
        _t("speed", language).format(
            input=found.input, seconds=spent.seconds_for_a_day_of_a_million_cars, cores=spent.cores,
            mib=spent.peak_mib_of_all_processes, each=each, **_verdict(met=met, language=language),
        ),
        "",
        _t("speed_peers", language).format(ours=1e6 / found.ours, peers=peers),
    ]  # fmt: skip
