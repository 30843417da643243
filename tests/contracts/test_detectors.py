"""What every detector and wear model must do, whichever it is; a new file is found and judged here by itself."""

from __future__ import annotations

import importlib
import inspect
import string
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from diagnostics import detectors, wear
from diagnostics.detector import Detector, Observability, discover
from diagnostics.features.trips import FEATURES, Trips
from diagnostics.findings import Severity
from diagnostics.platforms import GENERIC, parameters_of, read_platforms
from tests.contracts import chassis_samples, engine_samples
from vehicle.signals import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Sequence

MODULES = {
    **{found.name: f"diagnostics.detectors.{found.name}" for found in discover(detectors, "DETECTOR")},
    **{found.name: f"diagnostics.wear.{found.name}" for found in discover(wear, "MODEL")},
}
EVERY = [*discover(detectors, "DETECTOR"), *discover(wear, "MODEL")]
every = pytest.mark.parametrize("detector", EVERY, ids=lambda detector: detector.name)
UNHEARD = {"battery_12v_ev": ("rest_volts",)}
"""Features from which a detector would learn what a later trip tells it too: that the car starts an engine."""
SPARSE = [detector for detector in EVERY if inspect.unwrap(detector.step) is not detector.step]
VEHICLES = 7
DAY_MS = 86_400_000.0
HOLES = ("hot_ms", "hot_value", "undervolt_ms", "undervolt_value", *engine_samples.HOLES)
"""Features that are NaN on every sound trip."""

SOUND = {
    "running_s": (1500.0, 100.0), "moving_s": (1300.0, 100.0), "km": (15.0, 3.0), "revolutions": (40_000.0, 3000.0),
    "soak_s": (29_500.0, 200.0), "rest_volts": (12.45, 0.05), "crank_volts": (11.0, 0.3),
    "charging_volts": (13.9, 0.1), "coolant_first": (25.0, 2.0), "coolant_last": (88.0, 1.0),
    "coolant_max": (92.0, 1.0), "coolant_range": (60.0, 3.0),
    "coolant_n": (800.0, 20.0), "settled_c": (87.0, 0.7), "ambient_c": (20.0, 3.0), "trim": (0.5, 1.5),
    "trim_idle": (0.5, 1.5), "trim_load": (0.5, 1.5), "oil_dose": (45_000.0, 4000.0),
    "braking_joules_per_kg": (900.0, 150.0), "manifold_range": (80.0, 3.0), "throttle_range": (40.0, 5.0),
    "rpm_range": (2200.0, 200.0), "speed_range": (70.0, 5.0), "mean_rpm": (1500.0, 80.0), "speed_n": (900.0, 20.0),
    "manifold_n": (900.0, 20.0), "throttle_n": (900.0, 20.0), "start_volts": (12.05, 0.05),
    "warm_gain_k": (60.0, 1.0), "warm_air_kg": (1.2, 0.1), "warm_still_kks": (10.0, 1.0),
    "warm_moving_kkm": (30.0, 3.0), "hot_slow_c": (91.0, 1.0), "hot_fast_c": (88.0, 1.0),
    "key_coolant_c": (20.0, 1.0), "key_intake_c": (20.0, 1.0), "key_ambient_c": (20.0, 1.0), "key_oil_c": (20.0, 1.0),
    "coolant_jitter": (0.12, 0.02), "intake_jitter": (0.16, 0.03), "volts_jitter": (0.03, 0.005),
    "manifold_jitter": (6.0, 0.8), "coolant_share": (0.72, 0.02), "intake_share": (0.68, 0.02),
    "volts_share": (0.94, 0.03), "manifold_share": (0.97, 0.02), "throttle_share": (0.8, 0.02),
    **engine_samples.SOUND,
    **chassis_samples.SOUND,
}  # fmt: skip


def trips(number: int, rng: np.random.Generator, vehicles: int = VEHICLES, **changed: float) -> Trips:
    """The ``number``-th trip of each of some sound cars, eight hours apart; ``changed`` features are added to."""
    began = 1.7e12 + number * DAY_MS / 3.0
    columns = {name: mean + sd * rng.standard_normal(vehicles) for name, (mean, sd) in SOUND.items()}
    columns |= {name: np.full(vehicles, np.nan) for name in HOLES}
    columns |= {"started_ms": np.full(vehicles, began), "ended_ms": np.full(vehicles, began + 1.5e6)}
    columns |= {name: columns[name] + value for name, value in changed.items()}
    unknown = np.full(vehicles, np.nan)
    values = np.stack([columns.get(name, unknown) for name in FEATURES], axis=1)
    return Trips(vehicle=np.arange(vehicles), values=values)


def parameters(detector: Detector) -> dict:
    return parameters_of(read_platforms(), [OF_KIND.get(detector.name, GENERIC)] * VEHICLES)


OF_KIND = {"auxiliary_battery": "electric"}
"""Detectors of a part that not every kind of vehicle has."""
UNTOLD = {"auxiliary_battery"}
"""Those that know nothing of a part that no workshop has told of, which the sound cars here are."""


COUNTS = (
    "km", "revolutions", "oil_dose", "braking_joules_per_kg", "coolant_n", "speed_n", "manifold_n", "throttle_n",
)  # fmt: skip
"""Features that are 0, not untold, where a trip has none of them."""

FAULTY = {
    "overheating": {"hot_ms": 1.0, "hot_value": 120.0},
    "charging_failure": {"undervolt_ms": 1.0, "undervolt_value": 11.2},
    "thermostat": {"settled_c": -20.0},
    "fuel_trim": {"trim": 9.0, "trim_idle": 9.0, "trim_load": 9.0},
    "charging": {"charging_volts": -1.2},
    "battery": {"crank_volts": -3.0, "rest_volts": -1.0},
    "cooling": {"hot_slow_c": 15.0, "hot_fast_c": 15.0},
    "implausible_sensor": {"key_coolant_c": 20.0},
    "stuck_sensor": {"coolant_range": -1000.0},
    "noisy_sensor": {"volts_jitter": 0.09},
    "missing_readings": {"intake_share": -0.25},
    "engine_oil": {"oil_dose": 3_000_000.0},
    "brake_pads_front": {"braking_joules_per_kg": 300_000.0},
    **engine_samples.FAULTY,
    **chassis_samples.FAULTY,
}
"""By detector, what its fault adds to the features of a sound trip; one without a row here fails."""


def faulty(detector: Detector, number: int, rng: np.random.Generator) -> Trips:
    found = trips(number, rng)
    for name, value in FAULTY[detector.name].items():
        column = found.values[:, FEATURES.index(name)]
        found.values[:, FEATURES.index(name)] = np.where(np.isnan(column), value, np.maximum(column + value, 0.0))
        if name.endswith("_ms"):
            found.values[:, FEATURES.index(name)] = found["started_ms"] + 600_000.0
    return found


def lives(detector: Detector, count: int = 60) -> list[Trips]:
    """A sound life that turns bad after 30 trips."""
    rng = np.random.default_rng(7)
    return [trips(n, rng) if n < count // 2 else faulty(detector, n, rng) for n in range(count)]


def run(detector: Detector, series: list[Trips], p: dict | None = None, rows: np.ndarray | None = None) -> tuple:
    """All judgements of a series, and the last state."""
    chosen = rows if rows is not None else np.arange(len(series[0]))
    p = {name: values[chosen] for name, values in (p or parameters(detector)).items()}
    state, judged = detector.initial(len(chosen)), []
    for one in series:
        judgement, state = detector.step(one.only(chosen), state, p)
        judged.append(judgement)
    return judged, state


def told_features(detector: Detector) -> Sequence[str]:
    """The features of which one at least must be told for the detector to be asked."""
    features: Sequence[str] = inspect.getclosurevars(detector.step).nonlocals["features"]
    return features


def bits(state: dict) -> dict:
    return {name: (values.dtype, values.shape, values.tobytes()) for name, values in state.items()}


@every
def test_it_argues_in_its_docstring(detector: Detector) -> None:
    """The module says why it works, when not, what it needs, its sources and its false-alarm rate."""
    text = " ".join(importlib.import_module(MODULES[detector.name]).__doc__.split())
    wanted = ("Why it works:", "When not:", "Signals needed:", "Source:", "False-alarm rate:", "our choice")
    assert [part for part in wanted if part not in text] == []
    assert "not observable" in text


@every
def test_its_words_exist_in_both_languages(detector: Detector) -> None:
    """Titles, texts and labels are in English and Chinese and name the same numbers."""
    for words in (detector.drawn.label, *(c.title for c in detector.causes), *(c.text for c in detector.causes)):
        assert set(words) == {"en", "zh"}
        assert all(words.values())
        fields = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in words.values()]
        assert fields[0] == fields[1]


@every
def test_its_declarations_hold(detector: Detector) -> None:
    """Features, signals and parameters that it names exist; C never books; causes get worse in their order."""
    drawn = [detector.drawn, *(cause.drawn for cause in detector.causes if cause.drawn is not None)]
    assert {one.feature for one in drawn} <= set(FEATURES)
    assert set(detector.needs) <= set(FEATURES)
    assert set(detector.signals) <= set(CATALOGUE)
    assert set(detector.parameters) <= set(read_platforms()[GENERIC])
    ranks = [cause.severity.rank for cause in detector.causes]
    assert ranks == sorted(ranks, reverse=True)
    if detector.observability is Observability.INDIRECT:
        assert {cause.severity for cause in detector.causes} <= {Severity.NEXT_SERVICE, Severity.MONITOR}


@every
def test_it_uses_only_the_parameters_that_it_names(detector: Detector) -> None:
    """With the named parameters alone it works, so the table of a platform can be complete."""
    p = {name: values for name, values in parameters(detector).items() if name in detector.parameters}
    run(detector, lives(detector), p)


@every
def test_it_changes_nothing_that_it_is_given(detector: Detector) -> None:
    """Trips and state are the same after a step."""
    series = lives(detector)
    _, state = run(detector, series)
    before, values = bits(state), series[-1].values.copy()
    detector.step(series[-1], state, parameters(detector))
    assert bits(state) == before
    np.testing.assert_array_equal(series[-1].values, values)


@every
def test_it_is_deterministic(detector: Detector) -> None:
    """The same trips give the same judgements and the same bits of state."""
    (first, one), (second, two) = run(detector, lives(detector)), run(detector, lives(detector))
    assert bits(one) == bits(two)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.raised, b.raised)


@pytest.mark.parametrize("detector", SPARSE, ids=lambda detector: detector.name)
def test_it_may_be_spared_the_trips_that_it_is_not_asked_about(detector: Detector) -> None:
    """Asked about trips that tell none of its features it says nothing, and judges all later ones the same."""
    raw = replace(detector, step=inspect.unwrap(detector.step))
    series = lives(detector)
    for number in (*range(3), *range(20, 24), *range(45, 50)):
        some = slice(None) if number % 4 == 0 else slice(None, None, 2)
        for name in (*told_features(detector), *UNHEARD.get(detector.name, ())):
            series[number].values[some, FEATURES.index(name)] = np.nan
    (spared, _), (asked, _) = run(detector, series), run(raw, series)
    for a, b in zip(spared, asked, strict=True):
        for name in ("observable", "raised", "cleared", "health"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


def with_holes(series: list[Trips], rng: np.random.Generator) -> list[Trips]:
    """The same trips, of each a random part of the features not told, or zero where it counts something."""
    found = []
    for one in series:
        share = rng.choice([0.0, 0.5, 0.9, 0.98, 1.0], size=(len(one), 1))
        lost = rng.random(one.values.shape) < share
        lost[:, [FEATURES.index(name) for name in ("started_ms", "ended_ms", "previous_end_ms")]] = False
        counts = np.isin(FEATURES, [*COUNTS, *engine_samples.EMPTY])
        found.append(Trips(vehicle=one.vehicle, values=np.where(lost, np.where(counts, 0.0, np.nan), one.values)))
    return found


@pytest.mark.parametrize("detector", [one for one in EVERY if one.told is not None], ids=lambda detector: detector.name)
def test_trips_that_do_not_tell_it_anything_change_no_bit(detector: Detector) -> None:
    """After the first trip, of those that ``told`` does not find nothing is said, and the state stays, bit for bit."""
    assert detector.told is not None
    series = with_holes(lives(detector, 120), np.random.default_rng(17))
    _, state = run(detector, series[:1])
    silent = 0
    for one in series[1:]:
        rows = np.flatnonzero(~detector.told(one, state))
        judgement, after = detector.step(one, state, parameters(detector))
        assert not (judgement.observable | (judgement.raised >= 0) | judgement.cleared)[rows].any()
        kept = [{name: np.asarray(values)[rows] for name, values in part.items()} for part in (state, after)]
        assert bits(kept[0]) == bits(kept[1])
        state, silent = after, silent + len(rows)
    assert silent > 0


@every
def test_the_order_of_vehicles_makes_no_difference(detector: Detector) -> None:
    """Each vehicle gets the same judgement, bit for bit, wherever it stands and whoever stands beside it."""
    order = np.random.default_rng(3).permutation(VEHICLES)
    whole, state = run(detector, lives(detector))
    mixed, mixed_state = run(detector, lives(detector), rows=order)
    assert bits({name: values[order] for name, values in state.items()}) == bits(mixed_state)
    alone, _ = run(detector, lives(detector), rows=np.array([2]))
    for a, b, c in zip(whole, mixed, alone, strict=True):
        np.testing.assert_array_equal(a.raised[order], b.raised)
        np.testing.assert_array_equal(a.health[2:3], c.health)


@every
def test_state_survives_bytes(detector: Detector) -> None:
    """State written to bytes and read back goes on as if nothing had happened."""
    series = lives(detector)
    _, state = run(detector, series[:40])
    read = {
        name: np.frombuffer(values.tobytes(), dtype=values.dtype).reshape(values.shape)
        for name, values in state.items()
    }
    (one, after), (two, again) = (detector.step(series[40], given, parameters(detector)) for given in (state, read))
    assert bits(after) == bits(again)
    np.testing.assert_array_equal(one.raised, two.raised)


@every
def test_it_is_silent_on_sound_cars(detector: Detector) -> None:
    """A hundred trips of sound cars raise nothing, and health stays high where it is known."""
    rng = np.random.default_rng(11)
    judged, _ = run(detector, [trips(n, rng) for n in range(100)])
    assert [n for n, judgement in enumerate(judged) if (judgement.raised >= 0).any()] == []
    assert np.isnan(judged[-1].health).all() == (detector.name in UNTOLD)
    assert not (judged[-1].health < 0.5).any()


@every
def test_it_finds_its_fault_once(detector: Detector) -> None:
    """A lasting fault is found in every car, each of its causes at most once, with the numbers that its text needs."""
    judged, _ = run(detector, lives(detector))
    raised = np.array([judgement.raised for judgement in judged])
    assert (raised[:30] < 0).all()
    assert (raised >= 0).any(axis=0).all()
    for vehicle in range(VEHICLES):
        causes = raised[:, vehicle][raised[:, vehicle] >= 0]
        assert len(set(causes)) == len(causes)
    for judgement in judged:
        for row in np.flatnonzero(judgement.raised >= 0):
            cause = detector.causes[judgement.raised[row]]
            numbers = {name: float(values[row]) for name, values in judgement.numbers.items()}
            assert {"value", "expectation", "threshold"} <= set(numbers)
            said = [text.format(**numbers) for text in cause.text.values()]
            assert not any("nan" in text for text in said)
            assert 0.0 < judgement.confidence[row] <= 1.0
            assert not np.isnan(judgement.found_ms[row])


@every
def test_without_signals_it_does_not_judge(detector: Detector) -> None:
    """Trips that lack every feature but their times are not observable: nothing is found, health is unknown."""
    rng, series = np.random.default_rng(5), []
    for number in range(40):
        found = faulty(detector, number, rng)
        times = [FEATURES.index("started_ms"), FEATURES.index("ended_ms")]
        bare = np.full_like(found.values, np.nan)
        bare[:, times] = found.values[:, times]
        for name in (*COUNTS, *engine_samples.EMPTY):
            bare[:, FEATURES.index(name)] = 0.0
        series.append(Trips(vehicle=found.vehicle, values=bare))
    judged, _ = run(detector, series)
    assert not any(judgement.observable.any() for judgement in judged)
    assert not any((judgement.raised >= 0).any() for judgement in judged)


@every
def test_trips_that_say_nothing_change_no_mind(detector: Detector) -> None:
    """Unobservable trips in between neither raise nor clear what the others lead to."""
    series = lives(detector)
    needed = [FEATURES.index(name) for name in detector.needs]
    blind = []
    for one in series[-10:]:
        values = one.values.copy()
        values[:, needed] = np.nan
        blind.append(Trips(vehicle=one.vehicle, values=values))
    judged, _ = run(detector, [*series, *blind])
    assert not any(judgement.cleared.any() for judgement in judged[len(series) :])


@every
def test_it_clears_by_itself_or_says_nothing_new(detector: Detector) -> None:
    """After the fault has gone, whatever is cleared is cleared once and not raised again by sound trips."""
    rng = np.random.default_rng(13)
    judged, state = run(detector, [*lives(detector), *(trips(60 + n, rng) for n in range(60))])
    cleared = np.array([judgement.cleared for judgement in judged])
    assert (cleared.sum(axis=0) <= 1).all()
    assert not any((judgement.raised >= 0).any() for judgement in judged[62:])
    if detector.name in {found.name for found in discover(detectors, "DETECTOR")}:
        assert (np.asarray(state["active"]) < 0).all()
