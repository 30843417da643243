"""Rear brake pads: worn by the energy they turn into heat, anchored by every measurement of their thickness.

Why it works: wear of a pad is proportional to the work of its friction (Archard), and that work is what the car's
kinetic energy loses beyond rolling, air, a dragging engine and recuperation. Speed at one reading a second is enough,
since the sum over a braking is a difference of kinetic energies; counted per kilogram of car, so that its mass is in
the rate. Hot discs wear pads faster, so a trip's work is weighted by the temperature that it gave them. Thickness and
wear per work are learned together: the platform's prior first, then what this car's measurements say. One measurement
narrows the interval of remaining life to less than half of what the prior alone gives.
When not: hills and trailers shift work that speed does not show; pads of another make wear at another rate, which the
next measurement tells; the share of the rear axle differs with load and with the car's brake control,
which its wear per work has to take in. So this is class B and always an interval: without a workshop's measurement it
is wide, says so, and asks for one only when the pads are nearly certain to be due.

Signals needed: speed; better with the traction battery's current (what is recuperated is not braked), the kilometre
counter (age of the first pads) and air temperature. Without speed: not observable.

Source: DINAME 2023 (Jensen, Santos): distance x estimated braking force explains 97 % of 18 thickness measurements on
standard OBD with a motion sensor and positions; SAE 2009-01-1032: wear proportional to initial speed squared from 50 to
300 degC; service limit 2.0 mm (Suzuki). Wear per work, its spread and the disc's temperature: our choice, to be
replaced by measurements.

False-alarm rate: not one of statistics: it speaks when the pads are due with the probability that its parameters ask
for. That the 90 % interval holds the truth 88 to 92 times of a hundred is tested by drawing lives
(tests/unit/diagnostics/test_anchored.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.detector import Detector, Judgement, Observability
from diagnostics.findings import Component
from diagnostics.prognosis import book, dose, pads, part
from diagnostics.telling import either, tells
from vehicle import signals

if TYPE_CHECKING:
    from diagnostics.arrays import Floats, Integers, Parameters, State
    from diagnostics.features.trips import Trips


def step(trips: Trips, state: State, p: Parameters) -> tuple[Judgement, dict[str, Floats | Integers]]:
    """See the module."""
    return part.step(trips, pads.use_of(trips, p, "measured_pad_rear_mm"), state, p, "pad_rear")


MODEL = Detector(
    name="brake_pads_rear",
    component=Component.BRAKES_REAR,
    observability=Observability.AGGREGATED,
    causes=pads.causes("Rear", "后"),
    needs=("speed_n",),
    signals=(signals.SPEED, signals.TRACTION_CURRENT, signals.AMBIENT_AIR_TEMPERATURE, signals.ODOMETER),
    drawn=pads.DRAWN,
    initial=part.initial,
    step=step,
    told=either(tells(("measured_pad_rear_mm",), counted=("speed_n", "km")), dose.day_begins),
    measured="measured_pad_rear_mm",
    renewed=part.renewed,
    fitted=book.fitted,
    parameters=(*part.parameters("pad_rear"), *pads.PARAMETERS),
)
