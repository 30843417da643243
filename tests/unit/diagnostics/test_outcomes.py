"""What workshops found counts: for the trust in detectors, and for the causes that come first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from diagnostics import memory, outcomes, repository
from diagnostics.cause_table import Sign
from diagnostics.findings import Component, DetectorPrecision, Likely, Outcome, SuggestionState
from diagnostics.suggestions.causes import Told, rank, shares
from diagnostics.suggestions.trust import NEEDED, trust
from tests.unit.diagnostics.test_repository import ADVICE, NOW, SAMPLE

LEAN = Sign(name="P0171", component=Component.FUEL_AIR)


def likely(key: str, component: Component, probability: float) -> Likely:
    nothing = {"en": "", "zh": ""}
    return Likely(
        key=key, component=component, probability=probability, title=nothing, check_first=nothing, waiting=nothing
    )


def tell(connection, number: int, outcome: Outcome, component: Component | None = None) -> None:
    """A case of P0171 with an outcome."""
    found = replace(SAMPLE, id=f"f{number}", detector="trouble_codes", cause="P0171", component=Component.FUEL_AIR)
    causes = (likely("vacuum_leak", Component.FUEL_AIR, 0.6), likely("catalyst_aged", Component.CATALYST, 0.1))
    advice = replace(ADVICE, id=f"s{number}", component=Component.FUEL_AIR, finding_ids=(found.id,), causes=causes)
    repository.save_finding(connection, found)
    repository.save_suggestion(connection, advice, at=NOW)
    repository.record_outcome(connection, advice.id, outcome, "", "bob", NOW, component)


def test_another_cause_that_was_named_counts_as_what_it_was(connection) -> None:
    """A named component is the likeliest cause in it, or a fault that the table does not name; unnamed it is none."""
    tell(connection, 1, Outcome.CONFIRMED)
    tell(connection, 2, Outcome.OTHER_CAUSE, Component.CATALYST)
    tell(connection, 3, Outcome.OTHER_CAUSE, Component.EVAP)
    tell(connection, 4, Outcome.OTHER_CAUSE)
    tell(connection, 5, Outcome.NO_TROUBLE_FOUND)
    told = outcomes.told(connection)
    assert told.causes == {"vacuum_leak": 1, "catalyst_aged": 1, "evap_other": 1}
    assert told.signs == {(cause, "P0171"): 1 for cause in told.causes}
    (row,) = outcomes.detector_precision(connection)
    assert (row.confirmed, row.other_cause, row.no_trouble, row.judged) == (1, 3, 1, 5)
    assert repository.suggestion(connection, "s2").state == SuggestionState.DONE


def test_what_was_found_instead_counts_as_mended(connection) -> None:
    """The component that was named begins anew; one that was suspected wrongly does not."""
    tell(connection, 1, Outcome.OTHER_CAUSE, Component.EVAP)
    assert [one.component for one in memory.services_after(connection, 0)] == ["evap"]


def test_what_workshops_find_behind_a_sign_comes_first(connection) -> None:
    """Twelve times the tank's vapours behind a lean mixture make them the likeliest cause of the next."""
    assert rank([LEAN])[0].key == "vacuum_leak"
    for number in range(12):
        tell(connection, number, Outcome.OTHER_CAUSE, Component.EVAP)
    found = rank([LEAN], outcomes.told(connection))
    assert (found[0].key, found[0].component) == ("evap_other", Component.EVAP)
    elsewhere = rank([Sign(name="P0420", component=Component.CATALYST)], outcomes.told(connection))
    assert elsewhere[0].component == Component.CATALYST


def test_a_cause_that_is_found_without_a_sign_loses_that_sign() -> None:
    """Twenty leaks, none of which showed the code, make the code say less of a leak."""
    seen = Told(causes={"vacuum_leak": 20}, signs={("vacuum_leak", "fuel_trim.air_leak"): 20})
    without = Told(causes={"vacuum_leak": 20}, signs={("vacuum_leak", "P0171"): 20})
    chance = {name: rank([LEAN], told)[0].probability for name, told in (("seen", seen), ("without", without))}
    assert chance["seen"] < chance["without"]


def test_priors_move_by_what_was_found() -> None:
    """A count of ten against a strength of fifty moves a share a sixth of the way."""
    (one,) = shares({"vacuum_leak": 10})
    assert one.found == 10
    assert one.now == pytest.approx((50 * one.shipped + 10) / 60)
    assert shares({}) == []


def test_a_detector_whose_outcomes_are_bad_is_shown_so() -> None:
    """Nothing judged: as expected of any; three misses in a row are poor; nine of ten right are not."""
    records = {
        name: trust(DetectorPrecision(detector=name, confirmed=right, judged=judged))
        for name, right, judged in (("new", 0, 0), ("missed", 0, 3), ("good", 9, 10), ("half", 10, 20))
    }
    assert {name: far.poor for name, far in records.items()} == {
        "new": False, "missed": True, "good": False, "half": True
    }  # fmt: skip
    assert records["new"].expected == pytest.approx(0.8)
    assert all(far.low < far.expected < far.high for far in records.values())
    assert records["half"].high < NEEDED
