"""Fuel tank vapours: the car's own leak test fails; after refuelling the cap is the likely cause.

Why it works: only the car can seal its tank and time the pressure; it gives the result with its limit. What the result
does not tell is why, and the tank level does: a test that fails within two drives after refuelling, having passed
before, points to a cap that is open, not its own, or has a worn seal. So the driver is asked first to tighten it and to
drive three days; only what lasts is for a workshop. A first failed test is said as a seal that gives way, a second as
a leak. A result that creeps towards the limit over weeks is a seal or hose that gives way.
When not: the test runs only with a tank between 15 and 85 % full, after a cool night; many short drives give no result
for weeks. A tank filled past the first stop can fail once.

Signals needed: result of the evaporative monitor as a share of its limit; tank level for the cap. Without the result:
not observable. Without the level no cap is named.

Source: conditions of the test and its holes of 0.5 and 1 mm (GM, natural vacuum after key-off). Two failed results, two
drives after a rise of ten per cent, three days: our choice.

False-alarm rate: 0.004 advisories per vehicle-year aimed at, no bookings; measured in simulated vehicle-years by
``tests/unit/diagnostics/test_engine_detectors.py`` with autocorrelated results, where it is 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics import margins
from diagnostics.arrays import floats, integers
from diagnostics.detector import Cause, Detector, Drawn, Judgement, Later, Observability, latch, latched
from diagnostics.findings import Component, Severity
from diagnostics.prognosis.dose import DAY_MS
from diagnostics.telling import either, vehicles_that_tell
from vehicle import signals

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips

FUEL_CAP, CREEPING, LEAK = range(3)
LONG_AGO = 1000
"""Drives since refuelling where none was seen."""


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """No result and no refuelling seen."""
    none: dict[str, Floats | Integers] = {
        "drives_since_fuel": np.full(n_vehicles, LONG_AGO, dtype=np.int64),
        "level_before": np.full(n_vehicles, np.nan),
        "failed": np.zeros(n_vehicles, dtype=np.int64),
        "failed_ms": np.full(n_vehicles, np.nan),
        "after_fuel": np.zeros(n_vehicles, dtype=np.int64),
    }
    return none | margins.initial(n_vehicles) | latched(n_vehicles)


def step(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
    """See the module."""
    result, never = trips["evap_result"], np.zeros(len(trips), dtype=bool)
    margin, after = margins.follow(result, trips["ended_ms"], state, never, margins.rule("evap", p))
    since, level = _refuelled(trips, state, p)
    failed, failed_ms, after_fuel = _failures(result, margin.told, trips["ended_ms"], since, state, p)
    lasted_days = (trips["ended_ms"] - failed_ms) / DAY_MS
    is_cap = (after_fuel > 0) & (lasted_days < p["evap_cap_days"])
    once, again = margin.told & (failed >= 1), margin.told & (failed >= p["evap_failed"])
    bad = np.where(margin.approaching | margin.raised | margin.close | once, CREEPING, -1)
    bad = np.where(once & is_cap, FUEL_CAP, np.where(again, LEAK, bad))
    good = margin.told & (result < p["evap_clear_level"])
    raised, cleared, latch_state = latch(state, bad=bad, good=good, clear_after=p["evap_clear_results"])
    judgement = Judgement(
        observable=margin.told,
        raised=raised,
        cleared=cleared,
        since_ms=np.where(failed > 0, failed_ms, trips["ended_ms"]),
        found_ms=trips["ended_ms"],
        confidence=np.where(bad == CREEPING, 0.7, 0.8),
        health=np.where(margin.told, margin.left, np.nan),
        rul_days=margin.days,
        numbers=Later(
            lambda: {
                "value": result,
                "expectation": margin.usual,
                "threshold": np.full(len(trips), margins.LIMIT),
                "recent": margin.recent,
                "low": np.nan_to_num(margin.days[:, 0]),
                "high": np.nan_to_num(margin.days[:, 2]),
            }
        ),
    )
    own: dict[str, Floats | Integers] = {
        "drives_since_fuel": since, "level_before": level, "failed": np.where(cleared, 0, failed),
        "failed_ms": failed_ms, "after_fuel": after_fuel,
    }  # fmt: skip
    return judgement, own | margins.begun_anew(after, cleared) | latch_state


def lately_refuelled(trips: Trips, state: State) -> Flags:
    """Trips of vehicles whose drives since refuelling are still counted."""
    return np.asarray(integers(state["drives_since_fuel"])[trips.vehicle] < LONG_AGO, dtype=bool)


def _refuelled(trips: Trips, state: State, p: Parameters) -> tuple[Integers, Floats]:
    """Drives since the tank was filled, 0 the first one after, and the level at the end of this drive."""
    first, last, before = trips["fuel_first"], trips["fuel_last"], floats(state["level_before"])
    standing = first - before >= p["evap_refuel_rise"]
    driving = last - first >= p["evap_refuel_rise"]
    since = np.minimum(integers(state["drives_since_fuel"]) + 1, LONG_AGO)
    return np.where(standing | driving, 0, since), np.where(np.isnan(last), before, last)


def _failures(
    result: Floats, told: Flags, at_ms: Floats, since: Integers, state: State, p: Parameters
) -> tuple[Integers, Floats, Integers]:
    """Failed results in a row, when the first came, and whether it came soon after refuelling."""
    before = integers(state["failed"])
    beyond = told & (result >= margins.LIMIT)
    failed = np.where(beyond, before + 1, np.where(told, 0, before))
    first = beyond & (before == 0)
    failed_ms = np.where(first, at_ms, floats(state["failed_ms"]))
    soon = (since <= p["evap_refuel_drives"]).astype(np.int64)
    return failed, failed_ms, np.where(first, soon, integers(state["after_fuel"]))


_CHECK = {
    "en": "Check first: cap and its seal, purge valve that does not close, then hoses and tank by smoke test. Waiting "
    "harms nothing but the air; the lamp hides other faults.",
    "zh": "优先检查：油箱盖及密封圈、碳罐电磁阀是否关不严，其次用烟雾测试检查管路和油箱。"
    "拖延只影响排放，但常亮的故障灯会掩盖其他故障。",
}
_MEASURED = {
    "en": "The tank's leak test is at {recent:.0f} % of its limit; {expectation:.0f} % was usual for this car. ",
    "zh": "油箱泄漏测试已达限值的{recent:.0f}%，本车通常为{expectation:.0f}%。",
}

DETECTOR = Detector(
    name="evap",
    component=Component.EVAP,
    observability=Observability.AGGREGATED,
    causes=(
        Cause(
            key="fuel_cap",
            severity=Severity.MONITOR,
            job="check_fuel_cap",
            title={"en": "Fuel cap may be loose", "zh": "油箱盖可能未拧紧"},
            text={
                "en": "The tank failed its leak test ({value:.0f} % of the limit) right after refuelling. Tighten "
                "the cap "
                "until it clicks and drive three days; if it fails again, have cap and hoses checked.",
                "zh": "加油后油箱泄漏测试不合格（为限值的{value:.0f}%）。请将油箱盖拧紧至发出咔嗒声并行驶三天；"
                "若仍不合格，再检查油箱盖和管路。",
            },
        ),
        Cause(
            key="seal_giving_way",
            severity=Severity.NEXT_SERVICE,
            job="check_evap",
            title={"en": "Tank's seal is giving way", "zh": "燃油蒸发系统密封变差"},
            text={
                "en": _MEASURED["en"] + _CHECK["en"],
                "zh": _MEASURED["zh"] + _CHECK["zh"],
            },
        ),
        Cause(
            key="leak",
            severity=Severity.NEXT_SERVICE,
            job="check_evap",
            title={"en": "Fuel vapours leak", "zh": "燃油蒸发系统泄漏"},
            text={"en": _MEASURED["en"] + _CHECK["en"], "zh": _MEASURED["zh"] + _CHECK["zh"]},
        ),
    ),
    needs=("evap_result",),
    signals=(signals.EVAPORATIVE_RESULT, signals.FUEL_LEVEL),
    drawn=Drawn(
        feature="evap_result",
        unit="percent",
        label={"en": "Tank's leak test, share of its limit", "zh": "油箱泄漏测试占限值比"},
    ),
    initial=initial,
    step=step,
    told=either(vehicles_that_tell(("evap_result", "fuel_first", "fuel_last")), lately_refuelled),
    parameters=(
        *margins.parameters("evap"), "evap_refuel_rise", "evap_refuel_drives", "evap_failed", "evap_cap_days",
        "evap_clear_results",
    ),
)  # fmt: skip
