"""The rival that knows only a car's age: failures as a Weibull hazard by component, and when it pays to replace by age.

Failures of a component in cars watched from one age to another have the log likelihood ``sum(log h(t)) - sum(H(out) -
H(in))`` (left truncation and right censoring in one term; a car may fail again after a repair), with ``H(t) = (t /
scale) ** shape``. Replacement at age ``t`` costs ``(c_p R + c_f (1 - R)) / integral(R)`` a day (Barlow, Hunter 1960);
where no age is cheaper than waiting, nothing is replaced.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from scipy.optimize import minimize

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scorecard.truth import Floats

LEAST_SHAPE, MOST_SHAPE = 0.5, 8.0
WITHIN_DAYS = 30.0
WORTH = 0.03
"""Saving against waiting from which replacing by age is worth the trouble (our choice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weibull:
    """Hazard of a component by the car's age in days."""

    shape: float
    scale: float

    def cumulative(self, age: Floats) -> Floats:
        """Expected failures up to an age."""
        total: Floats = (np.maximum(age, 0.0) / self.scale) ** self.shape
        return total

    def soon(self, age: Floats) -> Floats:
        """Chance of failing within 30 days."""
        chance: Floats = -np.expm1(self.cumulative(age) - self.cumulative(age + WITHIN_DAYS))
        return chance


def fit(failed_age: Floats, entered_age: Floats, left_age: Floats) -> Weibull:
    """Maximum likelihood of ages at failure ``(k,)`` in cars watched from ``entered_age`` to ``left_age`` ``(n,)``.

    Half a failure is added at the middle age, so that a component that never failed gets a rate below one in the fleet.
    """
    middle = np.array([float(np.median((entered_age + left_age) / 2.0))])
    ages = np.concatenate([np.maximum(failed_age, 1.0), middle])
    weight = np.concatenate([np.ones(len(failed_age)), [0.5]])

    def loss(x: Floats) -> float:
        shape, scale = np.exp(x)
        logs = weight * (np.log(shape / scale) + (shape - 1.0) * np.log(ages / scale))
        gone = (left_age / scale) ** shape - (entered_age / scale) ** shape
        return float(-logs.sum() + gone.sum())

    exposure = float((left_age - entered_age).sum())
    start = np.log([1.2, max(exposure / weight.sum(), 100.0)])
    bounds = [(np.log(LEAST_SHAPE), np.log(MOST_SHAPE)), (np.log(100.0), np.log(1e9))]
    search: Any = minimize
    shape, scale = np.exp(search(loss, start, method="L-BFGS-B", bounds=bounds).x)
    return Weibull(shape=float(shape), scale=float(scale))


def best_age(law: Weibull, planned: float, unplanned: float) -> float | None:
    """Age in days at which replacing costs least, None where waiting is no dearer."""
    ages = np.linspace(30.0, 9000.0, 900)
    alive = np.exp(-law.cumulative(ages))
    lived = np.cumsum(np.concatenate([[ages[0]], np.diff(ages) * (alive[1:] + alive[:-1]) / 2.0]))
    daily = (planned * alive + unplanned * (1.0 - alive)) / lived
    at = int(np.argmin(daily))
    worth = daily[at] < (1.0 - WORTH) * daily[-1]
    return float(ages[at]) if worth and at < len(ages) - 1 else None


def read_laws(text: str | None = None) -> dict[str, Weibull]:
    """The laws that ship with the package, fitted on the development fleet, by component."""
    shipped = resources.files("scorecard") / "ages.toml"
    tables: Mapping[str, Any] = msgspec.toml.decode(text if text is not None else shipped.read_text(encoding="utf-8"))
    return {name: Weibull(shape=float(row["shape"]), scale=float(row["scale"])) for name, row in tables.items()}


def written(laws: Mapping[str, Weibull]) -> str:
    """The laws as TOML."""
    head = "# Failures by age of the car, days: fitted by the judge on development fleets.\n"
    return head + "".join(
        f"\n[{name}]\nshape = {law.shape:.4f}\nscale = {law.scale:.1f}\n" for name, law in sorted(laws.items())
    )
