"""A sensor that no longer moves although what it measures must have moved.

Why it works: equal readings prove nothing (a healthy log repeats up to 95 % of its rows), so movement is expected
first and missed second. A coolant sensor must move within ten minutes of engine time after hours of rest; manifold
pressure must move when throttle and engine speed do; the throttle must move when manifold pressure and engine speed
do; speed must leave zero when an engine works far above idle for long. Only trips in which movement was due are
judged, and several must agree.
When not: idling trips, short trips and warm restarts are not judged. Offset and drift are not seen by this test.

Signals needed: for each sensor its own and those that make movement due; a sensor without readings is not observable.

Source: analytic redundancy, the usual plausibility test of on-board monitors; key-on equality after 6 h of rest is
used in EVAP monitors. All numbers are our choice, placed far outside what the recorded sound car shows (smallest
ranges on its trips of ten minutes: coolant 3 K, manifold 10 kPa at idle, 70 kPa driving).

False-alarm rate: 0.005 per vehicle-year aimed at (our choice); measured 0 in 17 h of one recorded sound car.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics import passed, sequential
from diagnostics.arrays import floats, integers
from diagnostics.detector import Cause, Detector, Drawn, Judgement, Later, Observability, latch, latched
from diagnostics.findings import Component, Severity
from diagnostics.sparse import where_told
from diagnostics.telling import tells
from vehicle import signals

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips

SENSORS = ("speed", "throttle", "manifold", "coolant")
"""In the order of the causes."""


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """No trip without movement seen."""
    counts: dict[str, Floats | Integers] = {
        "still_trips": np.zeros((n_vehicles, len(SENSORS)), dtype=np.int64),
        "still_since_ms": np.full((n_vehicles, len(SENSORS)), np.nan),
    }
    return counts | latched(n_vehicles) | passed.initial(n_vehicles, len(SENSORS))


def step(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
    """See the module."""
    due, moved = _due(trips, p), _moved(trips, p)
    before = integers(state["still_trips"])
    still = np.where(due & ~moved, before + 1, np.where(due & moved, 0, before))
    begins = due & ~moved & (before == 0)
    since = np.where(begins, trips["started_ms"][:, None], floats(state["still_since_ms"]))
    enough = p["stuck_trips"][:, None] * passed.again(state, trips["ended_ms"])
    stuck = still >= enough
    last = len(SENSORS) - 1 - np.argmax(stuck[:, ::-1], axis=1)
    any_stuck = stuck.any(axis=1)
    observable: Flags = np.asarray(due.any(axis=1))
    bad = np.where(observable & any_stuck, last, -1)
    good = observable & (still == 0).all(axis=1)
    raised, cleared, latch_state = latch(state, bad=bad, good=good, clear_after=p["stuck_clear_trips"])
    which = np.where(any_stuck, last, 0)
    judgement = Judgement(
        observable=observable,
        raised=raised,
        cleared=cleared,
        since_ms=np.take_along_axis(since, which[:, None], axis=1)[:, 0],
        found_ms=trips["ended_ms"],
        confidence=np.full(len(trips), 0.9),
        health=np.where(observable, np.where(latch_state["active"] >= 0, 0.2, 1.0), np.nan),
        numbers=Later(
            lambda: {
                "value": _of_sensor(which, [trips[f"{sensor}_range"] for sensor in SENSORS]),
                "expectation": np.full(len(trips), np.nan),
                "threshold": _of_sensor(which, _least(p)),
                "trips": sequential.chosen(enough, which),
            }
        ),
    )
    after: dict[str, Floats | Integers] = {"still_trips": still, "still_since_ms": since}
    return judgement, after | passed.after(state, cleared, trips["ended_ms"]) | latch_state


def _due(trips: Trips, p: Parameters) -> Flags:
    """``(n, n_sensors)``: movement was to be expected, and the sensor was read often enough to show it."""
    long = trips["running_s"] >= p["stuck_running_s"]
    revved = trips["rpm_range"] >= p["stuck_rpm_range"]
    enough = p["stuck_readings"]
    return np.stack(
        [
            long & (trips["mean_rpm"] >= p["stuck_mean_rpm"]) & (trips["manifold_range"] >= p["manifold_due_kpa"])
            & (trips["speed_n"] >= enough),
            long & revved & (trips["manifold_range"] >= p["manifold_due_kpa"]) & (trips["throttle_n"] >= enough),
            long & revved & (trips["throttle_range"] >= p["throttle_due_percent"]) & (trips["manifold_n"] >= enough),
            long & (trips["soak_s"] >= p["stuck_soak_s"]) & (trips["coolant_n"] >= enough),
        ],
        axis=1,
    )  # fmt: skip


def _least(p: Parameters) -> list[Floats]:
    """Ranges up to which each sensor counts as still."""
    still = p["coolant_still_k"]
    return [np.zeros_like(still), p["throttle_still_percent"], p["manifold_still_kpa"], still]


def _moved(trips: Trips, p: Parameters) -> Flags:
    ranges = [trips[f"{sensor}_range"] for sensor in SENSORS]
    return np.stack([moved > least for moved, least in zip(ranges, _least(p), strict=True)], axis=1)


def _of_sensor(which: Integers, values: list[Floats]) -> Floats:
    """For each vehicle the value of the sensor that is named."""
    return sequential.chosen(np.stack(values, axis=1), which)


def _cause(sensor: str, unit: str, english: str, chinese: str, check_english: str, check_chinese: str) -> Cause:
    return Cause(
        key=f"{sensor}_stuck",
        severity=Severity.SOON,
        job=f"check_{sensor}_sensor",
        drawn=Drawn(
            feature=f"{sensor}_range",
            unit=unit,
            label={"en": f"{english}: range within a trip", "zh": f"{chinese}：行程内变化幅度"},
        ),
        title={"en": f"{english} sensor is stuck", "zh": f"{chinese}传感器卡滞"},
        text={
            "en": f"{english} did not change on the last {{trips:.0f}} trips on which it had to, although "
            f"its sensor answers. "
            f"Check first: {check_english}.",
            "zh": f"最近{{trips:.0f}}次本应变化的行程中，{chinese}读数始终不变，而传感器仍有应答。优先检查："
            f"{check_chinese}。",
        },
    )


DETECTOR = Detector(
    name="stuck_sensor",
    component=Component.SENSORS,
    observability=Observability.STRONG,
    causes=(
        _cause("speed", "km/h", "Vehicle speed", "车速", "wheel-speed signal, wiring", "轮速信号、线束"),
        _cause("throttle", "percent", "Throttle position", "节气门位置", "connector, its wiper", "插头与滑片"),
        _cause("manifold", "kPa", "Manifold pressure", "进气歧管压力", "hose, connector, soot", "软管、插头、积碳"),
        _cause("coolant", "K", "Coolant temperature", "冷却液温度", "connector, its resistance", "插头及传感器电阻"),
    ),
    needs=("coolant_range",),
    signals=(signals.COOLANT_TEMPERATURE, signals.MAP, signals.THROTTLE, signals.SPEED, signals.ENGINE_SPEED),
    drawn=Drawn(
        feature="coolant_range",
        unit="K",
        label={"en": "Range of the coolant reading within a trip", "zh": "行程内冷却液温度变化幅度"},
    ),
    initial=initial,
    step=where_told(step, ("manifold_range", "rpm_range", "coolant_n")),
    told=tells(("manifold_range", "rpm_range"), counted=("coolant_n",)),
    parameters=(
        "stuck_trips", "stuck_clear_trips", "stuck_running_s", "stuck_rpm_range", "stuck_mean_rpm", "stuck_readings",
        "stuck_soak_s", "manifold_due_kpa", "throttle_due_percent", "throttle_still_percent", "manifold_still_kpa",
        "coolant_still_k",
    ),
)  # fmt: skip
