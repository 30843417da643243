"""What every subsystem of every kind of car owes to those that break, mend and renew it."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from simulators.fleet.arrays import full
from simulators.fleet.faults import COMPONENTS, POWERTRAINS
from simulators.fleet.garage import MODULES, parts
from simulators.fleet.moment import Weather

N = 6
ONCE = {part.subsystem.name + str(at): part for at, part in enumerate(p for kind in MODULES for p in parts(kind))}


def made(part):
    rng = np.random.default_rng(5)
    weather = Weather(ambient_c=full(N, 15.0), baro_kpa=full(N, 101.0), humidity=full(N, 0.6))
    built, condition = part.subsystem.build({"automatic": 1.0}, N, rng), part.subsystem.sound(N, rng)
    return built, condition, part.subsystem.begin(built, weather)


@pytest.mark.parametrize("part", ONCE.values(), ids=ONCE)
def test_a_fault_moves_fields_that_there_are_away_from_sound(part) -> None:
    """Each kind names a component and fields of its condition; sound cars are nearer to sound than to failed."""
    _, condition, _ = made(part)
    for kind in part.faults:
        assert kind.component in COMPONENTS
        assert set(kind.powertrains) <= set(POWERTRAINS)
        entries = np.asarray(getattr(condition, kind.field))
        assert len(entries) == N
        assert np.all(np.abs(entries - kind.failed) > 0.5 * abs(kind.sound - kind.failed)), kind.name
        assert {name for name, _ in kind.also} <= {field.name for field in fields(condition)}


@pytest.mark.parametrize("part", ONCE.values(), ids=ONCE)
def test_new_sound_cars_have_not_failed(part) -> None:
    """No kind of fault has failed by function in a car that has just been built."""
    built, condition, state = made(part)
    for kind in part.faults:
        if kind.failed_when is not None:
            assert not np.any(kind.failed_when(state, built, condition)), kind.name


@pytest.mark.parametrize("part", ONCE.values(), ids=ONCE)
def test_a_wearing_part_is_renewed_and_aged_as_asked(part) -> None:
    """After it is put to a part of its life that is what is left, in the cars asked for alone; a new one is whole."""
    built, condition, state = made(part)
    which = np.arange(N) < N // 2
    for wear in part.wear:
        for left in (0.4, 1.0):
            after = wear.worn(state, built, which, full(N, left))
            now = np.asarray(wear.left(after, built, condition)).reshape(N, -1).min(axis=1)
            assert now[which] == pytest.approx(np.full(N // 2, left), abs=0.07), wear.name
            before = np.asarray(wear.left(state, built, condition)).reshape(N, -1).min(axis=1)
            assert now[~which] == pytest.approx(before[~which], abs=1e-5), wear.name


@pytest.mark.parametrize("part", ONCE.values(), ids=ONCE)
def test_a_mended_part_works(part) -> None:
    """What a repair sets right in the state leaves no functional failure behind."""
    built, condition, state = made(part)
    for kind in part.faults:
        if kind.mended is not None and kind.failed_when is not None:
            after = kind.mended(state, built, np.ones(N, dtype=np.bool_))
            assert not np.any(kind.failed_when(after, built, condition)), kind.name
