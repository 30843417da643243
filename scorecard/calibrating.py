"""What the judge fits on the development fleet: chances, laws of age, and the false alarms that limits are set for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from diagnostics.chances import written as written_chances
from diagnostics.prognosis import chance
from scorecard import ageing
from scorecard.alerts import alerts_of, mended
from scorecard.judging import opinion
from scorecard.matching import FALSE, match
from scorecard.scoring import questions
from scorecard.truth import DAY_MS, faults_of

if TYPE_CHECKING:
    from scorecard.judging import Opinion
    from scorecard.seeing import Seen

YEAR_DAYS = 365.25


def calibrated(seen: Seen) -> dict[str, str]:
    """The tables to be written, by name."""
    ours = opinion(seen.record)
    return {
        "diagnostics/chances.toml": written_chances(fitted_chances(ours, seen)),
        "scorecard/ages.toml": ageing.written(fitted_laws(seen)),
        "scorecard/nominal.toml": _nominal(false_alarms(ours, seen)),
    }


def fitted_chances(ours: Opinion, seen: Seen) -> chance.Chances:
    """The table of chances that explains best what failed within 30 days."""
    names: dict[str, int] = {}
    designs, came, of = [], [], []
    for component, _, said, fell, which in questions(ours, seen):
        place = names.setdefault(component, len(names))
        designs.append(chance.terms(said)[which])
        came.append(fell)
        of.append(np.full(len(which), place))
    asked = list(names), np.concatenate(designs), np.concatenate(came), np.concatenate(of)
    return chance.with_own(chance.fit(*asked), *asked)


def fitted_laws(seen: Seen) -> dict[str, ageing.Weibull]:
    """How each component fails by the car's age alone, among cars whose powertrain has it."""
    truth, cars = faults_of(seen.truth), seen.record.cars
    out = cars.age_days + seen.watched.days
    laws = {}
    for component in sorted({str(name) for name in truth.component}):
        mine = truth.only((truth.component == component) & truth.matters)
        fell = mine.only((mine.failed_ms >= seen.record.start_ms) & (mine.failed_ms <= seen.watched.until_ms.max()))
        has_it = np.isin(cars.powertrain, np.unique(cars.powertrain[truth.vehicle[truth.component == component]]))
        age = cars.age_days[fell.vehicle] + (fell.failed_ms - seen.record.start_ms) / DAY_MS
        laws[component] = ageing.fit(age, cars.age_days[has_it], out[has_it])
    return laws


def false_alarms(ours: Opinion, seen: Seen) -> dict[str, float]:
    """False alerts a vehicle-year by component."""
    alerts = alerts_of(ours.said, mended(seen.record))
    wrong = alerts.component[match(seen.truth, alerts).label == FALSE]
    years = float(seen.watched.days.sum()) / YEAR_DAYS
    return {str(name): float((wrong == name).sum()) / years for name in np.unique(wrong)}


def _nominal(rates: dict[str, float]) -> str:
    head = "# False alarms a vehicle-year by component, counted on the development fleet.\n"
    return head + "".join(f"{name} = {rate:.6f}\n" for name, rate in sorted(rates.items()))
