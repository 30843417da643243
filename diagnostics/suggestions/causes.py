"""Which fault explains what was found: a naive Bayes table of causes, and findings grouped by the cause they share.

A cause's score is its prior times P(sign | cause) of each sign, as if signs were independent given the cause; they are
not quite, so probabilities are for ranking and are judged as such by the scorecard (top 1, top 3). Priors are counts:
the table's share of :data:`STRENGTH` cases, to which causes that workshops found are added (a Dirichlet distribution's
mean). P(sign | cause) is counted likewise: the table's share of :data:`SIGN_STRENGTH` cases of the cause, to which the
cases are added in which workshops found it behind that sign (a Beta distribution's mean).

Source: Pearl (1988), ch. 2, for the rule; conjugate priors as in Gelman and others, Bayesian Data Analysis, ch. 2 and
3; numbers as said in ``causes.toml``.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log
from typing import TYPE_CHECKING

from diagnostics.cause_table import LEAK, Known, Sign, shipped
from diagnostics.findings import Component, Likely
from diagnostics.trouble_codes import NAME as CODES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from diagnostics.findings import Text

OWN = 0.5
"""P(sign | some other fault of the sign's own component) (our choice)."""
OTHER_PRIOR = 0.01
"""Prior of a component's faults that the table does not name (our choice)."""
EXPLAINS = 0.1
"""A cause explains a sign that it shows as at least this often: ten times the leak (our choice)."""
STRENGTH = 50.0
"""Cases that the table's priors count as, against what workshops confirm (our choice)."""
SIGN_STRENGTH = 10.0
"""Cases of a cause that the table's chance of a sign counts as (our choice)."""
MOST = 4
"""Causes that a suggestion names at most (our choice)."""
LEAST = 0.02
"""Less likely causes are not named (our choice)."""
OTHER = "other"
"""Ends the key of a component's faults that the table does not name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What workshops found: how often each cause, and how often each cause behind each sign, ``(cause, sign)``."""

    causes: Mapping[str, int]
    signs: Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The prior of a cause: as the table has it, with what workshops found, and how often they found it."""

    key: str
    component: Component
    title: Text
    shipped: float
    now: float
    found: int


def sign_name(detector: str, cause: str) -> str:
    """What a finding is called in the table: a trouble code by itself, else "detector.cause"."""
    return cause if detector == CODES else f"{detector}.{cause}"


def rank(signs: Sequence[Sign], confirmed: Mapping[str, int] | Told | None = None) -> list[Likely]:
    """Causes of signs, the likeliest first; probabilities sum to 1 before unlikely ones are left out.

    ``confirmed``: what workshops found, or only how often each cause.
    """
    told = confirmed if isinstance(confirmed, Told) else Told(causes=confirmed or {}, signs={})
    known = [*shipped(), *_others(signs, told.causes)]
    scores = {
        key: log(prior) + sum(log(_chance(cause, sign, told)) for sign in signs)
        for (key, prior), cause in zip(_priors(known, told.causes).items(), known, strict=True)
    }
    top = max(scores.values(), default=0.0)
    weights = {key: exp(score - top) for key, score in scores.items()}
    whole = sum(weights.values())
    ordered = sorted(known, key=lambda cause: (-weights[cause.key], cause.key))
    return [
        _likely(cause, weights[cause.key] / whole) for cause in ordered[:MOST] if weights[cause.key] / whole >= LEAST
    ]


def _priors(known: Sequence[Known], counts: Mapping[str, int]) -> dict[str, float]:
    """The prior of each cause, with what workshops found."""
    total, told = sum(cause.prior for cause in known), sum(counts.values())
    return {
        cause.key: (STRENGTH * cause.prior / total + counts.get(cause.key, 0)) / (STRENGTH + told) for cause in known
    }


def _chance(cause: Known, sign: Sign, told: Told) -> float:
    """P(sign | cause): the table's, with the cases of it that workshops saw, where they saw the signs."""
    shown = cause.chance(sign)
    if not told.signs:
        return shown
    seen = min(told.signs.get((cause.key, sign.name), 0), told.causes.get(cause.key, 0))
    return (SIGN_STRENGTH * shown + seen) / (SIGN_STRENGTH + told.causes.get(cause.key, 0))


def shares(counts: Mapping[str, int]) -> list[Share]:
    """Causes that workshops found, by how often: their priors before and after."""
    known = [*shipped(), *_others([], counts)]
    before, after = _priors(known, {}), _priors(known, counts)
    found = [cause for cause in known if counts.get(cause.key, 0) > 0]
    return [
        Share(
            key=cause.key, component=cause.component, title=dict(cause.title), shipped=before[cause.key],
            now=after[cause.key], found=counts[cause.key],
        )
        for cause in sorted(found, key=lambda cause: (-counts[cause.key], cause.key))
    ]  # fmt: skip


def _others(signs: Iterable[Sign], counts: Mapping[str, int]) -> list[Known]:
    """Faults that the table does not name: of each component with a sign, and of those of which workshops told."""
    names: dict[Component, list[str]] = {}
    for sign in signs:
        names.setdefault(sign.component, []).append(sign.name)
    for part in Component:
        if f"{part}_{OTHER}" in counts:
            names.setdefault(part, [])
    nothing: Text = {"en": "", "zh": ""}
    return [
        Known(
            key=f"{component}_{OTHER}", component=component, prior=OTHER_PRIOR, title=nothing, check=nothing,
            wait=nothing, signs=dict.fromkeys(found, OWN),
        )
        for component, found in names.items()
    ]  # fmt: skip


def _likely(cause: Known, probability: float) -> Likely:
    return Likely(
        key=cause.key, component=cause.component, probability=round(probability, 3), title=dict(cause.title),
        check_first=dict(cause.check), waiting=dict(cause.wait),
    )  # fmt: skip


def suspects(signs: Sequence[Sign], confirmed: Mapping[str, int] | None = None) -> list[Component]:
    """Components by how likely the fault is theirs, the likeliest first."""
    shares: dict[Component, float] = {}
    for cause in rank(signs, confirmed):
        shares[cause.component] = shares.get(cause.component, 0.0) + cause.probability
    return sorted(shares, key=lambda component: (-shares[component], component))


def grouped(signs: Sequence[Sign]) -> list[list[int]]:
    """Places of signs by the cause that explains them; a component's signs are always together.

    The cause that explains most, weighed by how well, is taken first; what it leaves is grouped likewise.
    """
    left = list(range(len(signs)))
    groups: list[list[int]] = []
    while left:
        found = _best(signs, left)
        parts = {signs[at].component for at in found}
        groups.append([at for at in left if at in found or signs[at].component in parts])
        left = [at for at in left if at not in groups[-1]]
    return groups


def _best(signs: Sequence[Sign], left: Sequence[int]) -> set[int]:
    """Of the signs that are left, those that the best cause explains; a single one where none explains more."""
    best, most = {left[0]}, 0.0
    for cause in shipped():
        chances = {at: cause.chance(signs[at]) for at in left}
        explained = {at for at, share in chances.items() if share >= EXPLAINS}
        gain = sum(log(chances[at] / LEAK) for at in explained) + log(cause.prior)
        if len({signs[at].component for at in explained}) > 1 and gain > most:
            best, most = explained, gain
    return best


def group_of(signs: Sequence[Sign], sign: Sign) -> list[Sign]:
    """The signs that are grouped with one of them."""
    for group in grouped(signs):
        found = [signs[at] for at in group]
        if sign in found:
            return found
    return [sign]
