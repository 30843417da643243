"""A sensor that reads wrong although it moves: it disagrees with the others after a night.

Why it works: after eight hours of rest coolant, oil, intake and outside air have come to one temperature, so with the
key on their sensors must agree; the one that stands apart while the others agree among themselves reads wrong. With the
engine standing the manifold holds the pressure of the air outside, so its sensor must agree with the barometer. It must
be so, and by the same, on several starts that follow each other.
When not: with less than three temperatures nothing tells which is wrong; a block heater warms coolant and oil together,
the sun outside and intake air, so then no single one stands apart and nothing is said; a car whose barometer is its
manifold sensor agrees with itself. Where the first packets of a drive were lost, the engine was running at the first
readings: a drive counts only where its start was seen, and a manifold that is sucked empty is no sensor's error. Where
packets come late, a start may bring the coolant with which the drive before ended: no engine keeps that through a
night, and the start says nothing where so much was to be lost (:mod:`diagnostics.held_over`), since air may be that of
the drive before as well.

Signals needed: three of coolant, intake air, outside air and oil temperature, and voltage or manifold pressure, which
tell that the start was seen; or manifold and barometric pressure with the engine standing. Otherwise it is not
observable.

Source: agreement within 10 K at the start is what makers ask before a test of tank vapours (GM); 3 kPa is usual between
manifold and barometer at key-on. 9 K, 6 kPa, others within 6 K, five starts, eight hours: our choice.

False-alarm rate: bookings 0.0008, advisories 0.004 per vehicle-year aimed at (our choice); not measured on recorded
drives, which lack these signals. Development fleets: none in 1000 vehicle-years (seeds 12 and 13); with 30 % of packets
lost and late rows 1 in 63 (seed 21; a car that stands in a garage and starts with the air of its last drive, which
cannot be told from a sensor that reads low), 0 in 37 (enriched, seed 31; 3 before coolant held over was known) and 1 in
200 (seed 18, on which that was set; 14 before such a start said nothing at all).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics import held_over, passed, sequential
from diagnostics.arrays import floats, in_a_row, integers
from diagnostics.detector import Cause, Detector, Drawn, Judgement, Later, Observability, latch, latched
from diagnostics.findings import Component, Severity
from diagnostics.onboard_voltage import at_rest
from diagnostics.telling import tells
from vehicle import signals

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips

TEMPERATURES = ("ambient", "intake", "oil", "coolant")
COOLANT = TEMPERATURES.index("coolant")
SENSORS = ("manifold", *TEMPERATURES)
"""In the order of the causes."""
LEAST_SENSORS = 3
SAME_PART = 0.4
"""A sensor that reads wrong is wrong by the same from start to start, within this part of the limit; readings that came
late, after the engine had warmed or before the car stood in its garage, are not (our choice)."""
TURNING, IDLING = 0.75, 0.5
"""Below the first part of the air's pressure the engine was turning already, unless the voltage says that it stood;
below the second it idled, and the voltage was an old one: idling holds 30 to 45 kPa (our choice)."""


def initial(n_vehicles: int) -> dict[str, Floats | Integers]:
    """No start seen on which one stood apart."""
    counts: dict[str, Floats | Integers] = {
        "apart_starts": np.zeros((n_vehicles, len(SENSORS)), dtype=np.int64),
        "apart_since_ms": np.full((n_vehicles, len(SENSORS)), np.nan),
        "apart_first": np.full((n_vehicles, len(SENSORS)), np.nan),
    }
    counts |= passed.initial(n_vehicles, len(SENSORS))
    return counts | held_over.initial(n_vehicles) | latched(n_vehicles)


def step(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
    """See the module."""
    away, judged = _away(trips, state, p)
    limit = np.concatenate([p["apart_kpa"][:, None], np.repeat(p["apart_k"][:, None], 4, axis=1)], axis=1)
    apart = judged & (np.abs(np.where(judged, away, 0.0)) >= limit)
    first = floats(state["apart_first"])
    same = np.abs(away - first) <= SAME_PART * limit
    before = np.where(apart & ~same, 0, integers(state["apart_starts"]))
    count = in_a_row(apart, judged, before)
    began = apart & (before == 0)
    since = np.where(began, trips["started_ms"][:, None], floats(state["apart_since_ms"]))
    enough = p["apart_starts"][:, None] * passed.again(state, trips["ended_ms"])
    found = count >= enough
    any_found = np.asarray(found.any(axis=1))
    which = np.where(any_found, len(SENSORS) - 1 - np.argmax(found[:, ::-1], axis=1), 0)
    observable: Flags = np.asarray(judged.any(axis=1))
    bad = np.where(observable & any_found, which, -1)
    good = observable & np.asarray((count == 0).all(axis=1))
    raised, cleared, latch_state = latch(state, bad=bad, good=good, clear_after=p["apart_clear_starts"])
    judgement = Judgement(
        observable=observable,
        raised=raised,
        cleared=cleared,
        since_ms=sequential.chosen(since, which),
        found_ms=trips["ended_ms"],
        confidence=np.full(len(trips), 0.85),
        health=np.where(observable, np.where(latch_state["active"] >= 0, 0.3, 1.0), np.nan),
        numbers=Later(
            lambda: {
                "value": sequential.chosen(away, which),
                "expectation": np.zeros(len(trips)),
                "threshold": sequential.chosen(limit, which),
                "starts": sequential.chosen(enough, which),
            }
        ),
    )
    after: dict[str, Floats | Integers] = {
        "apart_starts": count, "apart_since_ms": since, "apart_first": np.where(began, away, first),
    }  # fmt: skip
    after |= passed.after(state, cleared, trips["ended_ms"])
    return judgement, after | held_over.after(trips, state) | latch_state


def _away(trips: Trips, state: State, p: Parameters) -> tuple[Floats, Flags]:
    """How far each sensor stands from the others' middle, ``(n, n_sensors)``, and where that tells anything."""
    read = np.stack([trips[f"key_{name}_c"] for name in TEMPERATURES], axis=1)
    still = at_rest(trips["rest_volts"])
    turning = trips["key_manifold_kpa"] < np.where(still, IDLING, TURNING) * trips["key_baro_kpa"]
    still |= np.isnan(trips["rest_volts"]) & ~np.isnan(trips["key_manifold_kpa"]) & ~turning
    rested = still & (trips["soak_s"] >= p["apart_soak_s"])
    read = np.where(rested[:, None], read, np.nan)
    held = held_over.held_over(read[:, COOLANT], trips, state, p)
    read = np.where(held[:, None], np.nan, read)
    away, spread = np.full_like(read, np.nan), np.full_like(read, np.nan)
    for at in range(len(TEMPERATURES)):
        others = np.delete(read, at, axis=1)
        low, high = np.fmin.reduce(others, axis=1), np.fmax.reduce(others, axis=1)
        away[:, at], spread[:, at] = read[:, at] - (low + high) / 2.0, high - low
    enough = (~np.isnan(read)).sum(axis=1)[:, None] >= LEAST_SENSORS
    judged = enough & ~np.isnan(read) & (spread <= p["apart_others_k"][:, None])
    pressed = trips["key_manifold_kpa"] - trips["key_baro_kpa"]
    pressed = np.where(turning, np.nan, pressed)
    return (
        np.concatenate([pressed[:, None], away], axis=1),
        np.concatenate([~np.isnan(pressed)[:, None], judged], axis=1),
    )


def _cause(sensor: str, unit: str, english: str, chinese: str) -> Cause:
    temperature = sensor in TEMPERATURES
    against = (
        ("the other temperatures after a night", "静置一夜后的其他温度") if temperature else ("the barometer", "气压计")
    )
    feature = f"key_{sensor}_c" if temperature else "key_manifold_kpa"
    return Cause(
        key=f"{sensor}_implausible",
        severity=Severity.NEXT_SERVICE,
        job="check_sensor_contacts",
        drawn=Drawn(
            feature=feature,
            unit="degC" if temperature else "kPa",
            label={"en": f"{english} with the key on", "zh": f"点火开关接通时：{chinese}"},
        ),
        title={"en": f"{english} sensor reads wrong", "zh": f"{chinese}传感器读数不准"},
        text={
            "en": f"On the last {{starts:.0f}} starts the {english.lower()} sensor stood {{value:+.0f}} {unit} from "
            f"{against[0]} (limit {{threshold:.0f}} {unit}). Check first: connector and its contact resistance, then "
            "compare it with an instrument and replace it.",
            "zh": f"最近{{starts:.0f}}次启动时，{chinese}传感器与{against[1]}相差{{value:+.0f}} {unit}"
            f"（限值{{threshold:.0f}} {unit}）。优先检查：插头及接触电阻，然后用仪器核对并更换。",
        },
    )


DETECTOR = Detector(
    name="implausible_sensor",
    component=Component.SENSORS,
    observability=Observability.STRONG,
    causes=(
        _cause("manifold", "kPa", "Manifold pressure", "进气歧管压力"),
        _cause("ambient", "K", "Outside temperature", "车外温度"),
        _cause("intake", "K", "Intake air temperature", "进气温度"),
        _cause("oil", "K", "Oil temperature", "机油温度"),
        _cause("coolant", "K", "Coolant temperature", "冷却液温度"),
    ),
    needs=("key_coolant_c", "key_intake_c", "key_ambient_c", "key_oil_c", "key_manifold_kpa"),
    signals=(
        signals.COOLANT_TEMPERATURE, signals.INTAKE_AIR_TEMPERATURE, signals.AMBIENT_AIR_TEMPERATURE,
        signals.OIL_TEMPERATURE, signals.MAP, signals.BAROMETRIC_PRESSURE, signals.ENGINE_SPEED,
        signals.CONTROL_MODULE_VOLTAGE,
    ),
    drawn=Drawn(
        feature="key_coolant_c",
        unit="degC",
        label={"en": "Coolant temperature with the key on", "zh": "点火开关接通时冷却液温度"},
    ),
    initial=initial,
    step=step,
    told=tells(("key_coolant_c", "key_intake_c", "key_oil_c", "key_manifold_kpa", "coolant_last")),
    parameters=(
        "apart_k", "apart_kpa", "apart_others_k", "apart_starts", "apart_soak_s", "apart_clear_starts", "held_over_k",
    ),
)  # fmt: skip
