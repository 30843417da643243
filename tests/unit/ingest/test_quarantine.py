"""Counting dead letters by the minute."""

from __future__ import annotations

from ingest.quarantine import Quarantine


def test_each_device_has_its_own_minute() -> None:
    """Counts begin anew each minute and do not mix between devices, nor with the nameless."""
    quarantine = Quarantine()
    assert [quarantine.count("a", 59_000 + step) for step in (0, 1, 2)] == [1, 2, 3]
    assert quarantine.count("b", 59_002) == 1
    assert quarantine.count(None, 59_003) == 1
    assert quarantine.count("a", 60_000) == 1


def test_it_does_not_grow_for_ever() -> None:
    """Invented device ids cannot fill the memory: minutes that are over are forgotten."""
    quarantine = Quarantine()
    for number in range(30_000):
        quarantine.count(str(number), number * 10)
    assert len(quarantine._windows) <= 10_001
