"""A sensor that no longer answers each time it is asked.

Why it works: a control unit answers what it supports, or it does not; a loose contact or a failing unit leaves some
answers out. The feature is the number of readings to one reading of the engine speed, on trips with driving. How often
each signal is asked for differs by device and may be changed from afar, so two shares are followed by a CUSUM each
against the car's own normal: to the engine speed, and to the middle one of the other sensors. Both must have fallen:
another rate of polling moves one of them only.
When not: a device that is out of reach loses all alike, which says nothing about a sensor; where packets are lost at
random the shares of what is asked for rarely jump about, so sums and limit reckon with the car's own spread and
``missing_trips`` more trips than not must be short, lately; short and idling trips are left out; a sensor that answered
badly from the first trips on is taken for normal.

Signals needed: engine speed, speed and at least two of the sensors; otherwise it is not observable.

Source: fresh-sample ratio of a parameter against the others; the recorded sound car answers
always. The spread in the table (0.1), limits, four trips and the least loss of 15 % are our choice.

False-alarm rate: 0.002 per vehicle-year aimed at (our choice); measured 0 in the 33 recorded drives of one sound car.
Development fleets: with 30 % of packets lost and late rows (seed 21, 63 vehicle-years) 3 advisories before the sums
knew the car's own spread, 0 since; half a year each of seeds 12 and 13 (1000 vehicle-years) 1 before, 0 since. Drawn
shares of 300 cars over 400 trips, where answers come by chance: 263 cars with six a trip before, 0 since; 8 with 2.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics import passed, restless, sequential
from diagnostics.arrays import floats, integers
from diagnostics.detector import Cause, Detector, Drawn, Judgement, Later, Observability, latch, latched
from diagnostics.findings import Component, Severity
from diagnostics.sparse import where_told
from diagnostics.telling import tells
from vehicle import signals

if TYPE_CHECKING:
    from diagnostics.arrays import Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips
    from diagnostics.sequential import Drift

SENSORS = ("throttle", "manifold", "volts", "intake", "coolant")
"""In the order of the causes."""
LEAST_SHARE = 1e-3
QUIET_SD, SPREADS = 0.08, 3.0
"""Spread of a share's logarithm on a line of which nothing is known, and of how many of the car's own a loss must
exceed: on a bad line the shares move by themselves (our choice)."""
MOST_SPREADS = 8.0
"""The widest own spread, in those of a quiet line: 0.64, of which six answers a trip that come by chance show 0.45 (our
choice)."""
KINDS = ("own", "others")


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """Nothing learned."""
    own = restless.initial(n_vehicles, len(SENSORS))
    repeated: dict[str, Floats | Integers] = {"repeated": np.zeros((n_vehicles, len(SENSORS)))}
    own |= repeated | passed.initial(n_vehicles, len(SENSORS))
    return own | sequential.initial(n_vehicles, len(KINDS) * len(SENSORS)) | latched(n_vehicles)


def step(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
    """See the module."""
    share = np.stack([trips[f"{sensor}_share"] for sensor in SENSORS], axis=1)
    logs = np.log(np.maximum(share, LEAST_SHARE))
    own, spreads = restless.follow(logs, state, np.full_like(logs, QUIET_SD), odd=MOST_SPREADS)
    drift, sums = _followed(logs, own, trips, state, p)
    half = len(SENSORS)
    fallen = np.minimum(drift.down[:, :half], drift.down[:, half:])
    usual = np.exp(drift.baseline[:, :half])
    limit = usual * np.minimum(1.0 - p["missing_part"][:, None], np.exp(-SPREADS * own))
    few, before = share < limit, floats(state["repeated"])
    enough = p["missing_trips"][:, None] * passed.again(state, trips["ended_ms"])
    # what is counted beyond it would take as many sound trips to forget
    counted = np.clip(before + np.where(few, 1.0, -1.0), 0.0, enough)
    repeated = np.where(np.isnan(share), before, counted)
    said = integers(state["active"])[:, None] == np.arange(half)  # of which one short trip tells that it stands
    missing = few & (fallen > p["missing_h"][:, None]) & ((repeated >= enough) | said)
    observable = (~np.isnan(share)).sum(axis=1) > 1
    any_missing = missing.any(axis=1)
    which = np.where(any_missing, half - 1 - np.argmax(missing[:, ::-1], axis=1), 0)
    raised, cleared, latch_state = latch(
        state,
        bad=np.where(observable & any_missing, which, -1),
        good=observable & ~few.any(axis=1),
        clear_after=p["missing_clear_trips"],
    )
    judgement = Judgement(
        observable=observable,
        raised=raised,
        cleared=cleared,
        since_ms=sequential.chosen(drift.down_since_ms, which),
        found_ms=trips["ended_ms"],
        confidence=np.full(len(trips), 0.8),
        health=np.where(observable, np.where(latch_state["active"] >= 0, 0.5, 1.0), np.nan),
        numbers=Later(
            lambda: {
                "value": sequential.chosen(share, which),
                "expectation": sequential.chosen(usual, which),
                "threshold": sequential.chosen(limit, which),
                "lost": 100.0 * (1.0 - sequential.chosen(share / usual, which)),
            }
        ),
    )
    seen: dict[str, Floats | Integers] = {"repeated": np.where(cleared[:, None], 0.0, repeated)}
    seen |= passed.after(state, cleared, trips["ended_ms"])
    return judgement, sequential.restarted(sums, cleared[:, None]) | spreads | seen | latch_state


def _followed(
    own: Floats, apart: Floats, trips: Trips, state: State, p: Parameters
) -> tuple[Drift, dict[str, Floats | Integers]]:
    """Logarithms of the shares to the engine speed, then to the middle one of the sensors that the car has.

    ``apart`` is how far each lies apart by itself: where that is far more than on a quiet line, it is reckoned with.
    """
    known = ~np.isnan(own)
    ordered = np.sort(np.where(known, own, np.inf), axis=1)
    middle = np.take_along_axis(ordered, np.maximum(known.sum(axis=1) - 1, 0)[:, None] // 2, axis=1)
    sd = np.maximum(restless.wide(apart, np.full_like(apart, QUIET_SD)), p["missing_log_sd"][:, None])
    others = np.where(known.sum(axis=1)[:, None] > 1, own - middle, np.nan)
    return sequential.follow(
        np.concatenate([own, others], axis=1), trips["ended_ms"][:, None], state,
        mean=np.zeros((1, 1)), sd=np.tile(sd, 2), learn=p["missing_learn_trips"][:, None],
        k=p["cusum_k"][:, None], hold=p["missing_h"][:, None] / 2.0, prior=0.0,
    )  # fmt: skip


def _cause(sensor: str, english: str, chinese: str) -> Cause:
    return Cause(
        key=f"{sensor}_missing",
        severity=Severity.NEXT_SERVICE,
        job="check_sensor_contacts",
        drawn=Drawn(
            feature=f"{sensor}_share",
            unit="ratio",
            label={"en": f"{english}: readings to one of engine speed", "zh": f"{chinese}：相对发动机转速的读数比例"},
        ),
        title={"en": f"{english}: readings are missing", "zh": f"{chinese}：读数缺失"},
        text={
            "en": f"{english}: {{lost:.0f}} % of the usual readings do not come any more, while other sensors answer. "
            "Check first: connector and wiring; then the control unit's supply.",
            "zh": f"{chinese}：与平常相比缺失{{lost:.0f}} %的读数，而其他传感器仍有应答。"
            "优先检查：插头和线束；然后检查控制单元供电。",
        },
    )


DETECTOR = Detector(
    name="missing_readings",
    component=Component.SENSORS,
    observability=Observability.STRONG,
    causes=(
        _cause("throttle", "Throttle position", "节气门位置"),
        _cause("manifold", "Manifold pressure", "进气歧管压力"),
        _cause("volts", "Control module voltage", "控制模块电压"),
        _cause("intake", "Intake air temperature", "进气温度"),
        _cause("coolant", "Coolant temperature", "冷却液温度"),
    ),
    needs=("coolant_share",),
    signals=(
        signals.COOLANT_TEMPERATURE, signals.INTAKE_AIR_TEMPERATURE, signals.CONTROL_MODULE_VOLTAGE, signals.MAP,
        signals.THROTTLE, signals.SPEED, signals.ENGINE_SPEED,
    ),
    drawn=Drawn(
        feature="coolant_share",
        unit="ratio",
        label={"en": "Coolant readings to one of engine speed", "zh": "冷却液温度相对发动机转速的读数比例"},
    ),
    initial=initial,
    step=where_told(step, [f"{sensor}_share" for sensor in SENSORS]),
    told=tells([f"{sensor}_share" for sensor in SENSORS]),
    parameters=(
        "cusum_k", "missing_log_sd", "missing_learn_trips", "missing_h", "missing_trips", "missing_part",
        "missing_clear_trips",
    ),
)  # fmt: skip
