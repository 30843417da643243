"""What the judge fits on the development fleet: chances, laws of age, and the false alarms that limits are set for."""

from __future__ import annotations

from itertools import chain
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
    from collections.abc import Sequence

    from scorecard.judging import Opinion
    from scorecard.seeing import Seen
    from scorecard.truth import Floats

YEAR_DAYS = 365.25


def calibrated(seen: Seen, also: Sequence[Seen] = ()) -> dict[str, str]:
    """The tables to be written, by name: chances and laws of age by all fleets, false alarms by the first."""
    fleets = [(opinion(each.record), each) for each in (seen, *also)]
    return {
        "diagnostics/chances.toml": written_chances(fitted_chances(fleets)),
        "scorecard/ages.toml": ageing.written(fitted_laws([each for _, each in fleets])),
        "scorecard/nominal.toml": _nominal(false_alarms(*fleets[0])),
    }


def fitted_chances(fleets: Sequence[tuple[Opinion, Seen]]) -> chance.Chances:
    """The table of chances that explains best what failed within 30 days."""
    names: dict[str, int] = {}
    designs, came, of = [], [], []
    for component, _, said, fell, which in chain.from_iterable(questions(ours, seen) for ours, seen in fleets):
        place = names.setdefault(component, len(names))
        designs.append(chance.terms(said)[which])
        came.append(fell)
        of.append(np.full(len(which), place))
    asked = list(names), np.concatenate(designs), np.concatenate(came), np.concatenate(of)
    return chance.with_own(chance.fit(*asked), *asked)


def fitted_laws(fleets: Sequence[Seen]) -> dict[str, ageing.Weibull]:
    """How each component fails by the car's age alone, among cars whose powertrain has it."""
    kinds: dict[str, set[str]] = {}
    for seen in fleets:
        truth, powertrain = faults_of(seen.truth), seen.record.cars.powertrain
        for component, kind in zip(truth.component.tolist(), powertrain[truth.vehicle].tolist(), strict=True):
            kinds.setdefault(component, set()).add(kind)
    laws = {}
    for component in sorted(kinds):
        ages = [_ages(seen, component, kinds[component]) for seen in fleets]
        laws[component] = ageing.fit(*(np.concatenate(each) for each in zip(*ages, strict=True)))
    return laws


def _ages(seen: Seen, component: str, kinds: set[str]) -> tuple[Floats, Floats, Floats]:
    """Ages of cars, days, at failures of a component; and of all that have it, at the record's beginning and end.

    ``kinds`` are the powertrains that have it.
    """
    truth, cars = faults_of(seen.truth), seen.record.cars
    mine = truth.only((truth.component == component) & truth.matters)
    fell = mine.only((mine.failed_ms >= seen.record.start_ms) & (mine.failed_ms <= seen.watched.until_ms.max()))
    has_it = np.isin(cars.powertrain, sorted(kinds))
    at_failure = cars.age_days[fell.vehicle] + (fell.failed_ms - seen.record.start_ms) / DAY_MS
    return at_failure, cars.age_days[has_it], (cars.age_days + seen.watched.days)[has_it]


def false_alarms(ours: Opinion, seen: Seen) -> dict[str, float]:
    """False alerts a vehicle-year by component."""
    alerts = alerts_of(ours.said, mended(seen.record))
    wrong = alerts.component[match(seen.truth, alerts).label == FALSE]
    years = float(seen.watched.days.sum()) / YEAR_DAYS
    return {str(name): float((wrong == name).sum()) / years for name in np.unique(wrong)}


def _nominal(rates: dict[str, float]) -> str:
    head = "# False alarms a vehicle-year by component, counted on the development fleet.\n"
    return head + "".join(f"{name} = {rate:.6f}\n" for name, rate in sorted(rates.items()))
