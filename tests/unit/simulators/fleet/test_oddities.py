"""What looks like a fault and is none is in the ledger too."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from simulators.fleet import confounders, course, garage
from simulators.fleet.arrays import averaged, floats, full
from simulators.fleet.faults import POWERTRAINS
from simulators.fleet.makes import world
from simulators.fleet.moment import Weather
from simulators.fleet.population import plan
from simulators.fleet.stress import NONE

if TYPE_CHECKING:
    from simulators.fleet.subsystem import AnySubsystem

MILD = Weather(ambient_c=full(2, 20.0), baro_kpa=full(2, 101.0), humidity=full(2, 0.5))


@pytest.fixture(name="begun", scope="module")
def _begun():
    base = world("development")
    block = plan(replace(base, platforms=base.platforms[:1]), 300, 365, 9, 400)[0]
    return course.begin(block, NONE)


def test_every_kind_of_oddity_comes_about(begun) -> None:
    """Mountains, early batteries, cleared codes, other wheels, E85, days far from the season, trailers."""
    begun.sessions(range(28))
    rows = [*begun.odd.rows, *begun.towed, *confounders.weather(begun), *confounders.fuels(begun)]
    assert {row.kind for row in rows} == {
        "altitude", "battery_swap", "code_clear", "tyre_swap", "e85", "heat_wave", "cold_snap", "towing",
    }  # fmt: skip
    assert all(row.from_ms < row.to_ms and 0 <= row.vehicle < 300 for row in rows)


def test_a_spell_of_heat_is_hot(begun) -> None:
    """In a heat wave the air is warmer than the season by more than its usual spread."""
    spells = [row for row in confounders.weather(begun) if row.kind == "heat_wave"]
    air, row = begun.life.air, spells[0]
    climate = begun.vehicles.climate[row.vehicle]
    day = int(air.day(np.array([row.from_ms]))[0])
    assert air.departure_c[climate, day] > air.climates[climate].spread_c


def test_mountains_lower_the_pressure(begun) -> None:
    """A car on holiday in the mountains drives in thinner air than at home."""
    vehicle, day = (int(each[0]) for each in np.nonzero(begun.odd.altitude_m[:, :330]))
    sessions = begun.sessions(range(day, day + 28))
    mine = sessions.vehicle == vehicle
    at = begun.life.air.day(sessions.start_ms)
    up = mine & (begun.odd.altitude_m[vehicle, at] > 0)
    home = mine & (begun.odd.altitude_m[vehicle, at] == 0)
    if up.any() and home.any():
        assert sessions.baro_kpa[up].max() < sessions.baro_kpa[home].min() + 3.0
        assert sessions.baro_kpa[up].mean() < sessions.baro_kpa[home].mean() - 5.0


def test_drives_follow_one_another(begun) -> None:
    """No car begins a drive before the last one is over, and few are driven more than is usual."""
    sessions = begun.sessions(range(28))
    over, same = sessions.start_ms + sessions.lasts_ms(), np.diff(sessions.vehicle) == 0
    assert (sessions.start_ms[1:] >= over[:-1])[same].all()
    hours = np.bincount(sessions.vehicle, sessions.lasts_ms() / 3.6e6, minlength=300) / 28
    assert hours.max() < 1.2
    assert 0.1 < hours.mean() < 0.6


def test_a_control_unit_forgets_what_its_monitors_found(begun) -> None:
    """Trims begin anew and results are not told (SAE J1979, service 04); those of other cars stay."""
    forgot = confounders.unlearnt(begun.cars, [3, 7], begun.parts)
    places = {part.subsystem.name: at for at, part in enumerate(begun.parts)}
    for name, field in (("exhaust", "catalyst_result"), ("exhaust", "rear_result"), ("mixture", "result"),
                        ("tank", "result")):  # fmt: skip
        before, after = (getattr(cars.states[places[name]], field) for cars in (begun.cars, forgot))
        assert np.isnan(after[[3, 7]]).all()
        assert not np.isnan(before).any()
        assert (np.delete(after, [3, 7]) == np.delete(before, [3, 7])).all()
    assert (forgot.states[places["mixture"]].long[[3, 7]] == 0.0).all()


def subsystems() -> dict[str, AnySubsystem]:
    """Those of all powertrains by name."""
    return {part.subsystem.name: part.subsystem for kind in POWERTRAINS for part in garage.parts(kind)}


def test_all_that_is_forgotten_is_there_to_be_forgotten() -> None:
    """A name that no subsystem has, or a field that it lacks, would be forgotten in silence."""
    known = subsystems()
    assert set(confounders.UNLEARNT) <= set(known)
    for name, fields in confounders.UNLEARNT.items():
        subsystem, rng = known[name], np.random.default_rng(1)
        state = subsystem.begin(subsystem.build({}, 2, rng), MILD)
        assert all(hasattr(state, field) for field in fields)


@pytest.mark.parametrize(
    ("name", "result", "tests"),
    [
        ("mixture", "result", {"closed_s": 900.0}),
        ("exhaust", "catalyst_result", {"tested_s": 900.0}),
        ("exhaust", "rear_result", {"cuts_s": 900.0}),
        ("diesel", "result", {"tested_s": 900.0}),
        ("tank", "result", {"fuel_l": 25.0, "ran_s": 3000.0, "ambient_c": 20.0}),
    ],
)
def test_a_monitor_tells_again_after_a_drive_in_which_it_could_run(name: str, result: str, tests) -> None:
    """And not after one in which it could not."""
    subsystem, rng = subsystems()[name], np.random.default_rng(1)
    build, condition = subsystem.build({}, 2, rng), subsystem.sound(2, rng)
    state = replace(subsystem.begin(build, MILD), **{result: full(2, np.nan)})
    could = replace(state, **{field: floats([value, 0.0]) for field, value in tests.items()})
    found = getattr(subsystem.after(could, build, condition, rng), result)
    assert np.isfinite(found[0])
    assert np.isnan(found[1])


def test_the_first_result_after_that_stands_alone() -> None:
    """A test that runs again gives its result whole, later ones are averaged in, and without a test there is none."""
    before, seen = np.array([np.nan, np.nan, 10.0, 10.0]), np.array([40.0, 40.0, 40.0, 40.0])
    found = averaged(before, seen, np.array([True, False, True, False]), 0.3)
    assert found.tolist() == pytest.approx([40.0, np.nan, 19.0, 10.0], nan_ok=True)


def test_what_could_be_measured_is_kept_without_error(begun) -> None:
    """Each month's readings are those of the cars, one a car and part that can be measured."""
    shop = begun.caretaker.workshop
    found = list(shop.readings(begun.cars, 5))
    names = {life.part.measurement for life in shop.lives if life.part.measured is not None}
    assert {one.name for one in found} == names
    assert len(found) == 300 * len(names)
    assert all(one.value >= 0.0 and one.time_ms == 5 for one in found)
    life = next(life for life in shop.lives if life.part.measurement == "oil_life_percent")
    true = life.part.measured(
        *(each[life.place] for each in (begun.cars.states, begun.cars.builds, begun.cars.conditions))
    )
    assert [one.value for one in found if one.name == "oil_life_percent"] == np.maximum(true, 0.0).tolist()
