"""Remaining life of engines: descriptions, intervals, and the way from files to a prediction."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from typer.testing import CliRunner

from diagnostics.errors import NoRecordingError
from diagnostics.evaluation import turbofan
from diagnostics.evaluation.commands import score

SENSOR_COLUMNS = 26


def worn(number: int, life: int, rng: np.random.Generator, cut: int | None = None) -> np.ndarray:
    """Rows of one engine whose sensors rise the faster the nearer its end is."""
    cycles = np.arange(1, life + 1)
    rise = np.exp(-(life - cycles) / 40.0)[:, None] * np.linspace(0.5, 2.0, 21)
    sensors = 100.0 + rise + rng.normal(0.0, 0.1, (life, 21))
    rows = np.hstack([np.full((life, 1), number), cycles[:, None], np.zeros((life, 3)), sensors])
    return rows[:cut]


def engines_at(path, lives, cuts=None):
    rng = np.random.default_rng(5)
    cut_of = cuts if cuts is not None else [None] * len(lives)
    rows = [worn(n, life, rng, cut) for n, (life, cut) in enumerate(zip(lives, cut_of, strict=True), start=1)]
    np.savetxt(path, np.concatenate(rows))


def test_a_description_of_a_cycle_looks_only_back() -> None:
    """What comes after a cycle does not change how it is described."""
    sensors = np.random.default_rng(1).normal(size=(80, 14))
    for describe in (turbofan.lately, turbofan.whole_life):
        np.testing.assert_allclose(describe(sensors)[:50], describe(sensors[:50]), rtol=0, atol=1e-12)


def test_a_trend_is_the_slope_of_the_least_squares_line() -> None:
    """Of a straight line it is the line's slope, whatever the span."""
    line = 3.0 + 0.25 * np.arange(60)[:, None]
    cycles, total = turbofan._running(line)
    np.testing.assert_allclose(turbofan._trend(line, total, cycles, 20)[5:], 0.25, atol=1e-9)


def test_intervals_hold_nine_of_ten_and_widen_with_the_errors() -> None:
    """On errors that grow with the prediction the limits do too, and leave out a tenth."""
    rng = np.random.default_rng(2)
    predicted = rng.uniform(0.0, 125.0, 4000)
    errors = turbofan.Errors(
        predicted=predicted,
        error=rng.normal(0.0, 1.0 + predicted / 25.0),
        engine=np.arange(4000) // 40,
    )
    low, high = turbofan.interval(errors, np.array([20.0, 60.0, 90.0]))
    assert all(narrow < wide for narrow, wide in pairwise(high - low))
    assert 0.88 <= turbofan.cross_validation(errors).coverage <= 0.92


def test_a_prediction_has_a_line_for_each_engine(tmp_path, monkeypatch) -> None:
    """The command writes life, low and high of every test engine in order, near the truth."""
    monkeypatch.setattr(turbofan, "SEEDS", 1)
    lives = [150 + 9 * number for number in range(12)]
    engines_at(tmp_path / "train_FD001.txt", lives)
    engines_at(tmp_path / "test_FD001.txt", [200, 220], cuts=[190, 120])
    done = CliRunner().invoke(
        score, ["cmapss", "--predictions", str(tmp_path / "found.txt"), "--data", str(tmp_path), "--json"]
    )
    assert done.exit_code == 0, done.output
    (near, far) = np.loadtxt(tmp_path / "found.txt")
    assert near[0] < 40 < far[0]
    assert all(low <= life <= high for life, low, high in (near, far))


def test_a_file_of_another_form_is_refused(tmp_path) -> None:
    """It is named, with what was found and what is needed."""
    np.savetxt(tmp_path / "train.txt", np.zeros((4, 3)))
    with pytest.raises(NoRecordingError, match=r"has 3 columns; unit, cycle, 3 settings and 21 sensors"):
        turbofan.read_engines(tmp_path / "train.txt")
