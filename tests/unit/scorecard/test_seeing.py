"""Driving a fleet for the scorecard: what is kept, and that it depends on nothing but what was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from scorecard.scoring import seen_fleet
from scorecard.seeing import Request, groups_of, see, seen_in, together

if TYPE_CHECKING:
    from pathlib import Path

REQUEST = Request(world="development:enriched", vehicles=14, days=1, seed=2)
"""Two cars or so of each platform."""


@pytest.fixture(name="kept", scope="module")
def _kept(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """The files of all blocks, made in this process, the last group first."""
    folder, paths = tmp_path_factory.mktemp("alone"), {}
    for number in reversed(range(len(groups_of(REQUEST)))):
        paths |= see(REQUEST, number, folder, "code")
    return paths


def test_the_number_of_processes_does_not_matter(kept: dict[int, Path], tmp_path: Path) -> None:
    """Two processes that share the groups see the same fleet as one that drives them one by one."""
    said: list[tuple[int, int]] = []
    shared = seen_fleet(REQUEST, tmp_path, 2, lambda done, of: said.append((done, of)))
    alone = together(seen_in(kept[number]) for number in sorted(kept))
    assert len(shared.record.cars) == REQUEST.vehicles
    assert said[-1] == (len(groups_of(REQUEST)),) * 2
    np.testing.assert_array_equal(shared.record.trips.vehicle, alone.record.trips.vehicle)
    np.testing.assert_array_equal(shared.record.trips.values, alone.record.trips.values)
    np.testing.assert_array_equal(shared.record.cars.platform, alone.record.cars.platform)
    np.testing.assert_array_equal(shared.truth.onset_ms, alone.truth.onset_ms)
    np.testing.assert_array_equal(shared.left.days, alone.left.days)
    assert (shared.record.codes, shared.record.services) == (alone.record.codes, alone.record.services)
    assert shared.driven_s == alone.driven_s > 0
    assert shared.exact == alone.exact


def test_exact_readings_are_those_of_their_cars(kept: dict[int, Path]) -> None:
    """Numbered through with the cars: only the 12 V batteries of cars without a starter are read as such."""
    seen = together(seen_in(kept[number]) for number in sorted(kept))
    by_name: dict[str, set[int]] = {}
    for vehicle, name, at_ms, value in seen.exact:
        by_name.setdefault(name, set()).add(vehicle)
        assert at_ms == seen.watched.until_ms[vehicle]
        assert value >= 0.0
    everyone = set(range(REQUEST.vehicles))
    kind = seen.record.cars.powertrain
    assert by_name["pad_front_mm"] == by_name["tread_mm"] == everyone
    assert by_name["battery_12v_percent"] == {v for v in everyone if kind[v] in {"hybrid", "electric"}}
    assert by_name["oil_life_percent"] == {v for v in everyone if kind[v] != "electric"}


def test_a_group_of_which_a_block_is_missing_is_driven_again(kept: dict[int, Path]) -> None:
    """What was there before comes out the same; what is there in whole is left alone."""
    group = groups_of(REQUEST)[1]
    assert len(group) > 1
    missing, other = kept[group[0].number], kept[group[1].number]
    before, untouched = pl.read_parquet(missing), pl.read_parquet(other)
    missing.unlink()
    assert see(REQUEST, 1, missing.parent, "code")[group[0].number] == missing
    assert pl.read_parquet(missing).equals(before, null_equal=True)
    assert pl.read_parquet(other).equals(untouched, null_equal=True)
    changed_ns = missing.stat().st_mtime_ns
    see(REQUEST, 1, missing.parent, "code")
    assert missing.stat().st_mtime_ns == changed_ns


def test_a_block_is_kept_under_the_name_of_its_group(kept: dict[int, Path], tmp_path: Path) -> None:
    """No two blocks have a file in common, and other code has other files."""
    assert len(set(kept.values())) == len(kept)
    number = len(groups_of(REQUEST)) - 1
    (other,) = see(REQUEST, number, tmp_path, "changed").values()
    assert other.name not in {path.name for path in kept.values()}
