"""What front and rear brake pads share: the work that wears them, and the words about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.detector import Cause, Drawn
from diagnostics.findings import Severity
from diagnostics.prognosis.part import Worn

if TYPE_CHECKING:
    from diagnostics.arrays import Floats, Parameters
    from diagnostics.features.trips import Trips

USUAL_C = 15.0
"""Air temperature, where the car does not tell it (our choice)."""
WORK_J_KG = 1e6
"""Unit of work: 1 MJ for each kg of car."""
PARAMETERS = ("disc_k_per_w_kg", "disc_hot_c", "disc_scale_k", "rate_days")


def use_of(trips: Trips, p: Parameters, measured: str) -> Worn:
    """Work of a trip weighted by how hot it made the discs, MJ/kg.

    The disc's mean temperature is the air's plus the mean braking power times what its cooling lets it rise; pads wear
    more by 1 + exp((T - T1) / dT) when hot. Both by trip: a long descent counts several times, town driving once.
    """
    work, seconds = trips["braking_joules_per_kg"], np.maximum(trips["moving_s"], 1.0)
    air = np.where(np.isnan(trips["ambient_c"]), USUAL_C, trips["ambient_c"])
    disc_c = air + p["disc_k_per_w_kg"] * work / seconds
    harm = 1.0 + np.exp(np.minimum((disc_c - p["disc_hot_c"]) / p["disc_scale_k"], 2.0))
    driven = trips["speed_n"] > 0.0
    return Worn(work=np.where(driven, work * harm / WORK_J_KG, np.nan), measured=_in_range(trips[measured]))


def _in_range(measured: Floats) -> Floats:
    """A thickness that no pad has is a slip of the pen and taken for not measured."""
    return np.where((measured >= 0.0) & (measured <= 25.0), measured, np.nan)  # noqa: PLR2004  mm, thicker than any


DRAWN = Drawn(
    feature="braking_joules_per_kg",
    unit="J/kg",
    label={"en": "Braking work of a trip per kilogram", "zh": "每次行程单位质量制动功"},
)


def causes(english: str, chinese: str) -> tuple[Cause, ...]:
    """*Measure* and *worn* of the pads of an axle."""
    text = {
        "en": f"By braking work over {{km:.0f}} km and {{measurements:.0f}} measurements the {english.lower()} "
        f"pads have "
        "{left:.1f} mm left, give or take {error:.1f} mm; the limit of {limit:.0f} mm comes in {low:.0f} to {high:.0f} "
        "days (90 % interval). ",
        "zh": f"根据{{km:.0f}}公里的制动功和{{measurements:.0f}}次测量，{chinese}刹车片剩余约{{left:.1f}} mm"
        "（误差±{error:.1f} mm），将在{low:.0f}至{high:.0f}天内到达{limit:.0f} mm极限（90%区间）。",
    }
    measure = {
        "en": "Check first: measure their thickness at the next visit and tell us, which halves the interval. Waiting "
        "is safe until then.",
        "zh": "优先检查：下次到店测量厚度并反馈，可将区间减半。在此之前可以正常使用。",
    }
    worn = {
        "en": "Check first: measure pads and discs, replace the pads in pairs. Waiting costs the discs, then braking.",
        "zh": "优先检查：测量刹车片和制动盘，成对更换刹车片。拖延会损伤制动盘并降低制动力。",
    }
    return (
        Cause(
            key="soon_due", severity=Severity.NEXT_SERVICE, job="measure_brake_pads",
            title={"en": f"{english} brake pads: measure at the next visit", "zh": f"{chinese}刹车片：下次到店测量"},
            text={language: text[language] + measure[language] for language in text},
        ),
        Cause(
            key="worn", severity=Severity.SOON, job="replace_brake_pads",
            title={"en": f"{english} brake pads are worn", "zh": f"{chinese}刹车片已磨损"},
            text={language: text[language] + worn[language] for language in text},
        ),
    )  # fmt: skip
