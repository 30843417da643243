"""Which fault explains what was found: a naive Bayes table of causes, and findings grouped by the cause they share.

A cause's score is its prior times P(sign | cause) of each sign, as if signs were independent given the cause; they are
not quite, so probabilities are for ranking and are judged as such by the scorecard (top 1, top 3). Priors are counts:
the table's share of :data:`STRENGTH` cases, to which causes that workshops confirmed are added.

Source: Pearl (1988), ch. 2, for the rule; numbers as said in ``causes.toml``.
"""

from __future__ import annotations

from math import exp, log
from typing import TYPE_CHECKING

from diagnostics.cause_table import LEAK, Known, Sign, shipped
from diagnostics.findings import Likely

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from diagnostics.findings import Component, Text

OWN = 0.5
"""P(sign | some other fault of the sign's own component) (our choice)."""
OTHER_PRIOR = 0.01
"""Prior of a component's faults that the table does not name (our choice)."""
EXPLAINS = 0.1
"""A cause explains a sign that it shows as at least this often: ten times the leak (our choice)."""
STRENGTH = 50.0
"""Cases that the table's priors count as, against what workshops confirm (our choice)."""
MOST = 4
"""Causes that a suggestion names at most (our choice)."""
LEAST = 0.02
"""Less likely causes are not named (our choice)."""
OTHER = "other"
"""Ends the key of a component's faults that the table does not name."""


def rank(signs: Sequence[Sign], confirmed: Mapping[str, int] | None = None) -> list[Likely]:
    """Causes of signs, the likeliest first; probabilities sum to 1 before unlikely ones are left out.

    ``confirmed``: how often workshops confirmed each cause.
    """
    counts = confirmed or {}
    known = [*shipped(), *_others(signs)]
    total = sum(cause.prior for cause in known)
    told = sum(counts.values())
    scores = {
        cause.key: log((STRENGTH * cause.prior / total + counts.get(cause.key, 0)) / (STRENGTH + told))
        + sum(log(cause.chance(sign)) for sign in signs)
        for cause in known
    }
    top = max(scores.values(), default=0.0)
    weights = {key: exp(score - top) for key, score in scores.items()}
    whole = sum(weights.values())
    ordered = sorted(known, key=lambda cause: (-weights[cause.key], cause.key))
    return [
        _likely(cause, weights[cause.key] / whole) for cause in ordered[:MOST] if weights[cause.key] / whole >= LEAST
    ]


def _others(signs: Iterable[Sign]) -> list[Known]:
    """For each component with a sign: faults of it that the table does not name."""
    names: dict[Component, list[str]] = {}
    for sign in signs:
        names.setdefault(sign.component, []).append(sign.name)
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
