"""Traction battery: how much of its capacity is left, and when it crosses the lines that warranties and law draw.

Why it works: a charge that raises the state of charge by d puts in d times the capacity, so ampere-hours over d is the
capacity. Each charge of 30 % or more is one measurement; its error is that of two states of charge over their
difference, so a charge of 80 % weighs seven times one of 30 %. A Kalman filter of state of health and its slope puts
them together; one odd charge, or a step by which the battery's computer has recalibrated itself, counts for three
spreads at most. Where the capacity as new is not in the platform's table, the first charges and the car's own state of
health say it, and the doubt about that stays in the interval.
When not: cold batteries take less (charges that began below ``soh_least_c`` are left out); gain errors of the current
sensor never average out but stay the same, so the trend holds where the level does not; iron phosphate batteries err
more in their state of charge, which their table says; a limit set by software looks like a loss.

Signals needed: current, state of charge, charging; better with the temperature and the car's own state of health.
Without charges of 30 % or more: not observable.

Source: error of a charge sqrt(2) sigma over d; 300 cars and 193 180 charges estimated to 1.05 % RMS (BIT 2025); Euro 7:
80 % at 5 years or 100 000 km, 72 % at 8 years or 160 000 km for cars, 75 and 67 % for vans. Prior loss of 2 % a year,
its spread and the errors: our choice.

False-alarm rate: 0.0008 bookings and 0.004 advisories per vehicle-year aimed at, as the share of one detector in the
whole budget; a line counts as crossed only with 95 % certainty. None in the 22 sound vehicle-years that
tests/unit/diagnostics/test_chassis_detectors.py draws with autocorrelated features, which bounds it to 0.14 only; the
rate on the simulated fleet is in the score's report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.arrays import filled, floats, integers
from diagnostics.detector import Cause, Detector, Drawn, Judgement, Later, Observability, latch, latched
from diagnostics.findings import Component, Severity
from diagnostics.prognosis import kalman
from diagnostics.prognosis.crossing import Z_90, days_until
from diagnostics.sparse import where_told
from diagnostics.telling import tells
from vehicle import signals

if TYPE_CHECKING:
    from diagnostics.arrays import Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips

YEAR_DAYS = 365.25
FADING, BELOW = range(2)
ODD, ODD_TIMES = 2.0, 5
"""So many charges in a row, each so many spreads short, are a module that failed and not chance (our choice)."""


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """No charge seen."""
    seen: dict[str, Floats | Integers] = {
        "reference_ah": np.full(n_vehicles, np.nan),
        "first": np.full(n_vehicles, np.nan),
        "charges": np.zeros(n_vehicles, dtype=np.int64),
        "short_n": np.zeros(n_vehicles, dtype=np.int64),
    }
    return seen | kalman.initial(n_vehicles) | latched(n_vehicles)


def step(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
    """See the module."""
    capacity, noise = _capacity(trips, p)
    observable = ~np.isnan(capacity)
    reference = _reference(capacity, trips["bms_health_percent"], state, p)
    health = capacity / reference
    motion = _motion(reference, noise, p)
    trend, after = kalman.follow(health, trips["ended_ms"], _stepped(health, noise, state, motion), motion)
    short = np.where(observable, np.where(trend.surprise < -ODD, integers(state["short_n"]) + 1, 0), state["short_n"])
    first = np.where(
        np.isnan(floats(state["first"])) & (trend.count >= p["soh_learn"]), trend.level, floats(state["first"])
    )
    error = np.sqrt(filled(trend.level_var, 1.0) + _bias(p) ** 2)
    a_year = trend.slope * YEAR_DAYS
    surely = a_year + Z_90 * np.sqrt(filled(trend.slope_var, 1.0)) * YEAR_DAYS < -p["soh_fast_a_year"]
    rul = _remaining(trend, p)
    known = observable & (trend.count >= p["soh_learn"])
    fading = known & surely & (first - trend.level > p["soh_fall"])
    soon = known & (rul[:, 1] < p["soh_soon_days"]) & (trend.level - Z_90 * error < p["soh_line"] + p["soh_fall"])
    below = known & (trend.level + Z_90 * error < p["soh_line"])
    bad = np.where(below, BELOW, np.where(fading | soon, FADING, -1))
    good = known & (bad < 0)
    raised, cleared, latch_state = latch(state, bad=bad, good=good, clear_after=p["soh_clear_charges"])
    judgement = Judgement(
        observable=observable,
        raised=raised,
        cleared=cleared,
        since_ms=trips["ended_ms"],
        found_ms=trips["ended_ms"],
        confidence=np.where(bad == BELOW, 0.95, 0.85),
        health=np.where(known, np.clip((trend.level - p["soh_line"]) / (1.0 - p["soh_line"]), 0.0, 1.0), np.nan),
        rul_days=np.where(known[:, None], rul, np.nan),
        numbers=Later(lambda: _numbers(capacity, reference, trend, error, rul, p)),
    )
    charges = integers(state["charges"]) + observable
    seen: dict[str, Floats | Integers] = {
        "reference_ah": reference,
        "first": first,
        "charges": charges,
        "short_n": integers(short),
    }
    return judgement, seen | after | latch_state


def _numbers(
    capacity: Floats, reference: Floats, trend: kalman.Trend, error: Floats, rul: Floats, p: Parameters
) -> dict[str, Floats]:
    return {
        "value": capacity,
        "expectation": reference,
        "threshold": reference * p["soh_line"],
        "percent": trend.level * 100.0,
        "error": Z_90 * error * 100.0,
        "loss": -trend.slope * YEAR_DAYS * 100.0,
        "line": p["soh_line"] * 100.0,
        "low": np.nan_to_num(rul[:, 0]) / YEAR_DAYS,
        "high": np.nan_to_num(rul[:, 2]) / YEAR_DAYS,
    }


def _capacity(trips: Trips, p: Parameters) -> tuple[Floats, Floats]:
    """Ampere-hours of a full charge, by this one, and its relative error; NaN where it was too short or too cold."""
    part = trips["charged_percent"] / 100.0
    warm = ~(trips["charged_coldest"] < p["soh_least_c"])
    told = (part >= p["soh_least_part"]) & (trips["charged_ah"] > 0.0) & warm
    safe = np.where(told, part, 1.0)
    noise = np.hypot(np.sqrt(2.0) * p["soh_charge_sd"] / safe, p["soh_other_sd"])
    return np.where(told, trips["charged_ah"] / safe, np.nan), noise


def _reference(capacity: Floats, by_car: Floats, state: State, p: Parameters) -> Floats:
    """Capacity as new: the platform's, or what the first charges say, their mean over the state of health then."""
    kept, charges = floats(state["reference_ah"]), floats(state["charges"])
    told = np.where(np.isnan(by_car), p["soh_start"], np.clip(by_car / 100.0, 0.5, 1.0))
    own = capacity / told
    share = 1.0 / (charges + 1.0)
    learned = np.where(np.isnan(kept), own, kept + share * (own - kept))
    learned = np.where(np.isnan(capacity) | (charges >= p["soh_learn"]), kept, learned)
    return np.where(p["pack_ah"] > 0.0, p["pack_ah"], learned)


def _stepped(health: Floats, noise: Floats, state: State, motion: kalman.Motion) -> dict[str, Floats | Integers]:
    """The filter's state, its level set anew where capacity has fallen at once and stayed there."""
    known = {name: floats(state[name]) for name in kalman.initial(0)}
    fell = (integers(state["short_n"]) >= ODD_TIMES) & ~np.isnan(health)
    return kalman.lifted(dict(known), fell, filled(health), noise, motion.slope_sd)


def _motion(reference: Floats, noise: Floats, p: Parameters) -> kalman.Motion:
    level_sd = np.where(p["pack_ah"] > 0.0, p["soh_start_sd"], p["soh_reference_sd"])
    return kalman.Motion(
        level=p["soh_start"] + np.zeros_like(reference),
        level_sd=level_sd,
        slope=-p["soh_loss_a_year"] / YEAR_DAYS,
        slope_sd=p["soh_loss_sd_a_year"] / YEAR_DAYS,
        level_walk=p["soh_walk"],
        slope_walk=p["soh_slope_walk_a_year"] / YEAR_DAYS,
        noise_sd=noise,
    )


def _bias(p: Parameters) -> Floats:
    """Error of the level that no number of charges averages out: of the capacity as new, or of the current sensor."""
    return np.where(p["pack_ah"] > 0.0, p["soh_gain_sd"], p["soh_reference_sd"])


def _remaining(trend: kalman.Trend, p: Parameters) -> Floats:
    """Days ``(n, 3)`` until the line."""
    return days_until(
        trend.level - p["soh_line"], -trend.slope, distance_var=trend.level_var + _bias(p) ** 2,
        rate_var=trend.slope_var, together=-trend.together, daily_var=p["soh_walk"] ** 2,
    )  # fmt: skip


_TEXT = {
    "en": "By the ampere-hours of its charges the traction battery has {percent:.0f} % of its capacity as new, give or "
    "take {error:.1f} points, and loses {loss:.1f} points a year; the line of {line:.0f} % comes in {low:.1f} to "
    "{high:.1f} years (90 % interval). ",
    "zh": "根据充电电量估算，动力电池剩余容量为新车的{percent:.0f}%（误差±{error:.1f}个百分点），"
    "每年下降{loss:.1f}个百分点；预计{low:.1f}至{high:.1f}年后降至{line:.0f}%（90%区间）。",
}
_FADING = {
    "en": "Six in seven such findings are right. Check first: a full charge from below 10 % at 20 °C with the "
    "workshop's "
    "tester, and the software version. Read the warranty's date and mileage: waiting may cost the claim.",
    "zh": "此类判断约85%准确。优先检查：20 °C下从10%以下充满并用诊断仪测容量，核对软件版本。"
    "请核对质保期限和里程：拖延可能错过索赔。",
}
_BELOW = {
    "en": "Nineteen in twenty such findings are right. Check first: confirm by a certified capacity test, then claim "
    "warranty where it still runs. Waiting costs range in the cold and perhaps the claim.",
    "zh": "此类判断约95%准确。优先检查：做认证容量测试确认，质保期内及时索赔。拖延会损失冬季续航，并可能错过索赔。",
}

NEEDS = ("charged_ah", "charged_percent")

MODEL = Detector(
    name="traction_battery",
    component=Component.TRACTION_BATTERY,
    observability=Observability.STRONG,
    causes=(
        Cause(
            key="fading", severity=Severity.NEXT_SERVICE, job="test_traction_battery",
            title={"en": "Traction battery fades faster than it should", "zh": "动力电池衰减偏快"},
            text={language: _TEXT[language] + _FADING[language] for language in _TEXT},
        ),
        Cause(
            key="below_line", severity=Severity.SOON, job="test_traction_battery",
            title={"en": "Traction battery is below its line", "zh": "动力电池容量低于质保线"},
            text={language: _TEXT[language] + _BELOW[language] for language in _TEXT},
        ),
    ),
    needs=NEEDS,
    signals=(signals.TRACTION_CURRENT, signals.TRACTION_CHARGE, signals.IS_CHARGING, signals.TRACTION_TEMPERATURE,
             signals.TRACTION_HEALTH),
    drawn=Drawn(
        feature="charged_ah", unit="Ah", label={"en": "Charged in a session", "zh": "单次充入电量"}
    ),
    initial=initial,
    step=where_told(step, NEEDS[:1]),
    told=tells((), counted=("charged_percent",), unknown="reference_ah"),
    parameters=(
        "soh_least_part", "soh_least_c", "soh_charge_sd", "soh_other_sd", "soh_learn", "soh_start", "soh_start_sd",
        "soh_reference_sd", "soh_gain_sd", "soh_loss_a_year", "soh_loss_sd_a_year", "soh_walk",
        "soh_slope_walk_a_year", "soh_line",
        "soh_fall", "soh_fast_a_year", "soh_soon_days", "soh_clear_charges", "pack_ah",
    ),
)  # fmt: skip
