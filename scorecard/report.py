"""The report of the scores, in English and Chinese: every figure in it is read from the scores."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from scorecard.beside import Beside, sections
from scorecard.markdown import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from scorecard.result import Figure, Score

Words = "Mapping[str, str]"
LANGUAGES = ("en", "zh")
YEAR = "year"
"""What a card is called that is of no stress, but of a longer time."""
BARS: Mapping[str, tuple[str, float]] = MappingProxyType(
    {
        "recall_a": (">=", 0.95), "recall_b": (">=", 0.80), "false_bookings_per_vehicle_year": ("<=", 0.02),
        "false_advisories_per_vehicle_year": ("<=", 0.10), "precision": (">=", 0.85), "lead_days": (">=", 21.0),
        "lead_share_14d": (">=", 0.85), "lead_days_before_dtc": (">=", 7.0), "top1_cause": (">=", 0.85),
        "top3_cause": (">=", 0.97), "failure_probability_ece": ("<=", 0.03), "brier_skill": (">=", 0.30),
        "cost_vs_schedule": ("<=", -0.25),
    }
)  # fmt: skip
"""What was asked of the diagnosis before it was built."""
RANGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"interval_coverage": (0.88, 0.92), "arl0_ratio": (0.8, 1.25)}
)
TEXT: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "title": {"en": "Scorecard", "zh": "评分报告"},
        "made": {
            "en": "`VEHICLES={vehicles} YEARS={years:.2g} SEED={seed} STRESSES='{stresses}'{long} make score` makes "
            "this page and its charts anew. {vehicles:,} simulated vehicles of the {world} world, {years:.2g} years, "
            "seed {seed}: {vehicle_years:,.0f} vehicle-years, {driven:,.0f} h driven, {failures:,} failures. "
            "Thresholds were set on the development world; this one differs in cars, climates, structure and all "
            "chance. Intervals are 95 % by a bootstrap over vehicles.",
            "zh": "本页及图表由`VEHICLES={vehicles} YEARS={years:.2g} SEED={seed} STRESSES='{stresses}'{long} "
            "make score`生成。{world}世界的{vehicles:,}辆模拟车，{years:.2g}年，"
            "种子{seed}：共{vehicle_years:,.0f}车年，行驶{driven:,.0f}小时，{failures:,}次失效。"
            "阈值在development世界确定；本世界的车型、气候、结构与随机数均不同。区间为按车辆自助法的95 %区间。",
        },
        "whole": {"en": "All components", "zh": "全部部件"},
        "measure": {"en": "figure", "zh": "指标"},
        "value": {"en": "value (95 %)", "zh": "数值（95 %）"},
        "asked": {"en": "asked", "zh": "要求"},
        "met": {"en": "met", "zh": "达到"},
        "yes": {"en": "yes", "zh": "是"},
        "no": {"en": "**no**", "zh": "**否**"},
        "by": {"en": "By component", "zh": "按部件"},
        "component": {"en": "component", "zh": "部件"},
        "class": {"en": "class", "zh": "类别"},
        "failures": {"en": "failures (sudden)", "zh": "失效（突发）"},
        "found": {"en": "found before", "zh": "提前发现"},
        "lead": {"en": "median lead, days", "zh": "提前天数中位数"},
        "false": {"en": "false bookings / advisories", "zh": "误预约/误提示"},
        "coverage": {"en": "90 % intervals hold", "zh": "90 %区间覆盖率"},
        "peers": {"en": "Rivals, counted by the same rules", "zh": "对照方案（同一规则）"},
        "ablations": {"en": "With parts left out, and with more known", "zh": "消融对比"},
        "ablations_text": {
            "en": "`measured_monthly` is the same service, had a workshop measured pads, tread, oil and the 12 V "
            "battery of cars without a starter every month without error. The difference is what such looks would "
            "add; what it misses too, looks do not mend.",
            "zh": "`measured_monthly`：同一服务，但假设维修站每月无误差地测量制动片、胎纹、机油"
            "及无起动机车辆的12V蓄电池。差额即这些测量带来的增益；其仍漏检者，测量也无法弥补。",
        },
        "robust": {"en": "Under what it was not made for", "zh": "稳健性"},
        "long": {
            "en": "`year`: {vehicles} other cars, {days:.0f} days, no stress; most limits were set on half years.",
            "zh": "`year`：另外{vehicles}辆车行驶{days:.0f}天，无附加扰动；多数阈值按半年数据确定。",
        },
        "blind": {"en": "What cannot be seen", "zh": "无法检测的项目"},
        "blind_text": {
            "en": "Failures that come within hours give no warning; these kinds and parts of class C are not claimed:",
            "zh": "数小时内发生的失效没有征兆；以下类型以及C类部件不作声明：",
        },
        "missed": {"en": "Why failures were missed", "zh": "漏报原因"},
        "missed_text": {
            "en": "Gradual failures of classes A and B. No signal: no detector of the part ever stated a health of "
            "that car. Too late: a right alert came, after the failure. Not told: a detector of the part could judge "
            "the car by some signal, and no right alert came. Of {failures} failures {missed} were missed: {unseen} "
            "without a signal, {late} too late, {silent} not told.",
            "zh": "A、B类渐变失效。无信号：该部件的检测器从未给出该车的健康度；过晚：失效后才发出正确提示；"
            "未提示：检测器可凭部分信号判断该车，但未给出正确提示。{failures}次失效中漏报{missed}次：无信号{unseen}次，"
            "过晚{late}次，未提示{silent}次。",
        },
        "kind": {"en": "kind of failure", "zh": "失效类型"},
        "all": {"en": "failures", "zh": "失效次数"},
        "unseen": {"en": "no signal", "zh": "无信号"},
        "late": {"en": "too late", "zh": "过晚"},
        "silent": {"en": "not told", "zh": "未提示"},
        "trade": {
            "en": "What more sensitive limits of tests would find, and earlier advice on parts that wear, and what "
            "both would cost in false alarms:",
            "zh": "更灵敏的检验阈值或更早的易损件建议能多发现多少，以及误报的代价：",
        },
    }
)


def report(score: Score, robust: Mapping[str, Score], language: str, beside: Beside | None = None) -> str:
    """The page in a language; charts are looked for in ``scorecard/`` beside it."""
    lines = list(_lines(score, robust, language))
    for title, more in sections(beside or Beside(), language):
        lines += ["", f"## {title}", "", *more]
    return "\n".join(lines) + "\n"


def _t(key: str, language: str) -> str:
    return TEXT[key][language]


def _lines(score: Score, robust: Mapping[str, Score], language: str) -> Iterator[str]:
    yield f"# {_t('title', language)}"
    yield ""
    yield _t("made", language).format(
        vehicles=score.vehicles, world=score.world, years=score.years, seed=score.seed,
        vehicle_years=score.vehicle_years, driven=score.driven_hours, failures=score.failures,
        stresses=" ".join(name for name in robust if name != YEAR),
        long=f" LONG={robust[YEAR].vehicles}" if YEAR in robust else "",
    )  # fmt: skip
    yield from _section("whole", language, _whole(score, language))
    yield from ["", "![](scorecard/reliability.svg)"]
    yield from _section("by", language, _by_component(score, language))
    yield from ["", "![](scorecard/components.svg)", "", _t("trade", language), "", "![](scorecard/trade-off.svg)"]
    yield from _section("peers", language, _cards({"roadworthy": score.figures, **score.peers}, language))
    yield from ["", "![](scorecard/peers.svg)"]
    cards = {"roadworthy": score.figures, **score.ablations}
    yield from _section("ablations", language, [_t("ablations_text", language), "", *_cards(cards, language)])
    if robust:
        cards = {"-": score.figures, **{name: each.figures for name, each in robust.items()}}
        yield from _section("robust", language, _cards(cards, language))
        if YEAR in robust:
            yield from ["", _t("long", language).format(vehicles=robust[YEAR].vehicles, days=365 * robust[YEAR].years)]
        yield from ["", "![](scorecard/robustness.svg)"]
    if score.kinds:
        yield from _section("missed", language, _missed(score, language))
    yield from _section("blind", language, [_t("blind_text", language), "", *[f"- {n}" for n in score.not_detectable]])


def _missed(score: Score, language: str) -> list[str]:
    head = [_t(key, language) for key in ("component", "kind", "class", "all", "found", "unseen", "late", "silent")]
    counts = {name: sum(getattr(row, name) for row in score.kinds) for name in ("unseen", "late", "silent")}
    failures = sum(row.failures for row in score.kinds)
    text = _t("missed_text", language).format(failures=failures, missed=sum(counts.values()), **counts)
    rows = [
        [row.component, row.kind, row.observability, str(row.failures), str(row.found), str(row.unseen),
         str(row.late), str(row.silent)]
        for row in score.kinds
    ]  # fmt: skip
    return [text, "", *table(head, rows)]


def _section(key: str, language: str, lines: Sequence[str]) -> Iterator[str]:
    yield from ["", f"## {_t(key, language)}", "", *lines]


def shown(figure: Figure | None, digits: int = 3) -> str:
    """A figure with its interval, a dash where there is none."""
    if figure is None or figure.value is None:
        return "–"
    interval = f" ({figure.low:.{digits}g} … {figure.high:.{digits}g})" if figure.low is not None else ""
    return f"{figure.value:.{digits}g}{interval}"


def is_met(name: str, figure: Figure) -> bool | None:
    """Whether a figure is what was asked; None where nothing was asked or there is no figure."""
    if figure.value is None:
        return None
    if name in RANGES:
        low, high = RANGES[name]
        return low <= figure.value <= high
    if name in BARS:
        sign, bar = BARS[name]
        return figure.value >= bar if sign == ">=" else figure.value <= bar
    return None


def _asked(name: str) -> str:
    if name in RANGES:
        return "{:g} … {:g}".format(*RANGES[name])
    return "{} {:g}".format(*BARS[name]) if name in BARS else "–"


def _whole(score: Score, language: str) -> list[str]:
    words = {True: _t("yes", language), False: _t("no", language), None: "–"}
    rows = [
        [f"`{name}`", shown(figure), _asked(name), words[is_met(name, figure)]]
        for name, figure in score.figures.items()
    ]
    return table([_t(key, language) for key in ("measure", "value", "asked", "met")], rows)


def _by_component(score: Score, language: str) -> list[str]:
    head = [_t(key, language) for key in ("component", "class", "failures", "found", "lead", "false", "coverage")]
    return table(
        head,
        [
            [
                name, row.observability, f"{row.failures} ({row.sudden})", shown(row.found), shown(row.lead_days),
                f"{row.false_bookings} / {row.false_advisories}", shown(row.coverage),
            ]
            for name, row in score.components.items()
        ],
    )  # fmt: skip


def _cards(cards: Mapping[str, Mapping[str, Figure]], language: str) -> list[str]:
    names = list(dict.fromkeys(name for card in cards.values() for name in card))
    rows = [[f"`{name}`", *[shown(card.get(name), 2) for card in cards.values()]] for name in names]
    return table([_t("measure", language), *cards], rows)
