"""What the simulated workshop writes down is what diagnostics asks for."""

from __future__ import annotations

from diagnostics.features.trips import MEASUREMENTS
from simulators.fleet.garage import MODULES, parts


def test_every_measurement_of_the_simulated_workshop_is_known() -> None:
    """A name that diagnostics refuses would stop a fleet in the middle of its year."""
    named = {wear.measurement for powertrain in MODULES for part in parts(powertrain) for wear in part.wear}
    assert named - {""} <= set(MEASUREMENTS)
