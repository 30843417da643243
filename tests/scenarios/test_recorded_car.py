"""One sound car, recorded: nothing is said about it; with a fault put into its drives, the fault is named."""

from __future__ import annotations

import pytest

from diagnostics.evaluation.delays import said_about
from diagnostics.evaluation.injection import FAULTS
from diagnostics.evaluation.recordings import read_drive, recorded_files

LIFE = 5
"""How often the five shipped drives are driven before a fault begins, and after."""

AT_MOST = {
    "thermostat open": 20,
    "fuel trim +8 %": 12,
    "charging -0.6 V": 12,
    "no charging": 5,
    "battery resistance x2": 25,
    "coolant sensor stuck": 10,
    "manifold sensor stuck": 15,
    "coolant lost": 5,
    "fuel trim +5 %": 12,
    "charging -0.5 V": 12,
    "coolant sensor noise x3": 12,
    "intake air sensor noise x3": 12,
    "voltage noise x3": 12,
    "manifold sensor noise x3": 12,
    "coolant sensor 30 % missing": 12,
    "intake air sensor 30 % missing": 12,
    "voltage 30 % missing": 12,
    "manifold sensor 30 % missing": 12,
    "throttle sensor 30 % missing": 12,
}
"""Trips of the shipped drives until a fault is named: two of the five are long enough to settle, three to rev."""


ALSO = {"no charging": {"charging"}, "coolant lost": {"cooling"}}
"""What else rightly speaks: a dead alternator charges too little, and an engine that overheats is too hot."""


@pytest.fixture(name="shipped", scope="module")
def _shipped(root):
    return [read_drive(path) for path in recorded_files(root / "tests" / "golden" / "carobd")]


def test_nothing_is_said_about_a_sound_car(shipped) -> None:
    """Fifty trips of a sound car: no alarm at all."""
    assert said_about(shipped * 2 * LIFE).alarms == ()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named(shipped, fault: str) -> None:
    """Each fault that is put into real drives is found by its detector within the trips stated here."""
    detector, inject = FAULTS[fault]
    said = said_about([*shipped * LIFE, *(inject(drive) for drive in shipped * LIFE)])
    found = said.trips_until(detector, after=LIFE * len(shipped))
    assert found is not None
    assert found <= AT_MOST[fault]
    others = {alarm.detector for alarm in said.alarms if alarm.cause >= 0} - {detector}
    assert others <= ALSO.get(fault, set())


def test_the_whole_recording_is_sound(shared_data) -> None:
    """All shared drives of the sound car, in order: no booking and at most one advisory; in fact nothing."""
    drives = [read_drive(path) for path in recorded_files(shared_data / "carobd")]
    assert len(drives) == 33
    assert said_about(drives).alarms == ()
