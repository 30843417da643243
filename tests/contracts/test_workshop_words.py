"""What a workshop can enter is what diagnosis asks for: REST, page and limits name the same."""

from __future__ import annotations

from typing import get_args

from api.console.words import MEASURED
from api.console.words import POWERTRAINS as WORDS
from api.vehicles.schemas import MeasurementIn, VehicleChange
from api.vehicles.workshop import MOST
from diagnostics.features.trips import MEASUREMENTS
from diagnostics.platforms import POWERTRAINS


def test_measurements_are_those_that_diagnosis_knows() -> None:
    """One more in diagnosis without a limit, a word or a place in the API is noticed here."""
    assert set(MOST) == set(MEASURED) == set(MEASUREMENTS)
    assert set(get_args(MeasurementIn.model_fields["name"].annotation)) == set(MEASUREMENTS)


def test_powertrains_are_those_that_diagnosis_has_tables_for() -> None:
    """None besides, which stands for what was not changed."""
    literal, none = get_args(VehicleChange.model_fields["powertrain"].annotation)
    assert none is type(None)
    assert set(get_args(literal)) == set(WORDS) == set(POWERTRAINS)
