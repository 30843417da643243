"""How a car is used: time, way, revolutions. Trips themselves rest on these sums."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.features import covering
from diagnostics.features.matter import Matter
from vehicle import signals as s

if TYPE_CHECKING:
    from diagnostics.arrays import Floats
    from diagnostics.features.sums import Sums
    from diagnostics.features.view import View


def measure(view: View) -> dict[str, Floats]:
    """Times, way and revolutions of each row."""
    sample, passed, speed = view.sample, view.passed_ms, view.held(s.SPEED)
    time = view.time_ms.astype(float)
    time[~sample] = float("nan")
    found = {
        "rows": view.only(sample),
        "started_ms": time,
        "ended_ms": time,
        "running_ms": view.only(view.running, passed),
        "moving_ms": view.only(view.driving, passed),
        "active_ms": view.only(view.running | view.driving, passed),
        "missed_ms": view.only(view.running | view.driving, view.missed_ms),
        "metres": view.only(sample, speed / 3.6 * passed / 1000.0),
        "speed_n": view.only(view.fresh(s.SPEED)),
    }
    if view.told(s.ENGINE_SPEED):
        found["revolutions"] = view.only(view.running, view.held(s.ENGINE_SPEED) / 60.0 * passed / 1000.0)
    if view.told(s.IS_CHARGING):
        found["charging_ms"] = view.only(view.charging, passed)
    return found


def derive(sums: Sums) -> dict[str, Floats]:
    """Seconds, kilometres and the mean engine speed."""
    return {
        "running_s": sums["running_ms"] / 1000.0,
        "moving_s": sums["moving_ms"] / 1000.0,
        "charging_s": sums["charging_ms"] / 1000.0,
        "km": covering.whole(sums, "metres") / 1000.0,
        "mean_rpm": sums.mean("revolutions", "running_ms") * 60_000.0,
    }


MATTER = Matter(
    name="use",
    signals=(s.SPEED, s.ENGINE_SPEED, s.RUN_TIME, s.IS_CHARGING),
    measure=measure,
    derive=derive,
    summed=(
        "rows", "running_ms", "moving_ms", "active_ms", "missed_ms", "charging_ms", "metres", "revolutions", "speed_n",
    ),
    largest=("ended_ms",),
    least=("started_ms",),
    features=("running_s", "moving_s", "charging_s", "km", "revolutions", "mean_rpm", "speed_n"),
)  # fmt: skip
