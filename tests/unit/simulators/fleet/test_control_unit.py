"""The fleet's control unit: tests, two-trip logic, lamp, codes that are forgotten or cleared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simulators.fleet.ecu import clear, fresh, told, watch
from simulators.fleet.ecu_tests import TESTS, Look, columns
from simulators.fleet.recording import DRIVING, KEY_OFF, KEY_ON, Rows
from vehicle import signals as s

PATHS = (s.SPEED, s.RUN_TIME, s.COOLANT_TEMPERATURE, s.CATALYST_RESULT, s.CONTROL_MODULE_VOLTAGE)
DAY_MS = 86_400_000


def trip(day: int, *, result: float = 40.0, volts: float = 14.0, coolant: float = 88.0, n: int = 900) -> Rows:
    """A drive of half an hour of one car, with the monitor's result at its end."""
    kind = np.r_[KEY_ON, np.full(n, DRIVING), KEY_OFF].astype(np.int8)
    time_ms = day * DAY_MS + np.r_[0, 2000 * np.arange(1, n + 1), 2000 * (n + 1)]
    values = np.full((n + 2, len(PATHS)), np.nan, dtype=np.float32)
    values[1:-1] = np.stack(
        [np.full(n, 50.0), 2.0 * np.arange(1, n + 1), np.full(n, coolant), np.full(n, result), np.full(n, volts)],
        axis=1,
    )
    values[-1, 3] = result
    return Rows(kind=kind, vehicle=np.zeros(n + 2, dtype=np.int64), time_ms=time_ms, values=values, signals=PATHS)


@pytest.fixture(name="memory")
def _memory():
    return fresh(PATHS, 0, 1, np.random.default_rng(1))


def states(memory, rows: Rows) -> list[tuple[str, str]]:
    return [(code.code, code.state) for code in watch(memory, rows, {})]


def test_a_code_takes_two_failing_drives(memory) -> None:
    """The first failing drive makes it pending, the second stores it and turns the lamp on."""
    assert states(memory, trip(1, result=120.0)) == [("P0420", "pending")]
    assert not memory.lamp[0]
    assert states(memory, trip(2, result=120.0)) == [("P0420", "stored")]
    assert memory.lamp[0]


def test_a_good_drive_between_begins_anew(memory) -> None:
    """Failing drives must follow one another."""
    for day, result in enumerate((120.0, 40.0, 120.0, 40.0)):
        assert ("P0420", "stored") not in states(memory, trip(day, result=result))
    assert not memory.lamp[0]


def test_what_cannot_wait_takes_one_drive(memory) -> None:
    """Too little voltage with the engine running is stored at once, with readings of that drive."""
    codes = watch(memory, trip(1, volts=10.4), {})
    assert [(code.code, code.state) for code in codes] == [("P0562", "stored")]
    assert codes[0].freeze[s.CONTROL_MODULE_VOLTAGE] == pytest.approx(10.4)


def test_the_lamp_goes_out_after_three_good_drives_and_the_code_after_forty(memory) -> None:
    """The lamp is off before the code is gone."""
    for day in (1, 2):
        watch(memory, trip(day, result=120.0), {})
    for day in range(3, 6):
        assert memory.lamp[0]
        watch(memory, trip(day), {})
    assert not memory.lamp[0]
    assert memory.stored.any()
    gone = [state for day in range(6, 50) for _, state in states(memory, trip(day))]
    assert gone == ["cleared"]


def test_clearing_forgets_everything(memory) -> None:
    """After a clear no code is there, counts begin at zero, and nothing is ready."""
    for day in (1, 2):
        watch(memory, trip(day, result=120.0), {})
    clear(memory, 0, 3 * DAY_MS)
    assert not memory.stored.any()
    assert not memory.ready[0].any()
    lamp, count, warm_ups, minutes = told(memory, trip(4))[-1]
    assert (lamp, count, warm_ups) == (0.0, 0.0, 0.0)
    assert minutes == pytest.approx(24 * 60 + 30, abs=1)


def test_a_drive_may_come_in_pieces(memory) -> None:
    """Rows of one drive in two flushes count as one drive."""
    whole = trip(1, result=120.0)
    for piece in (slice(0, 500), slice(500, None)):
        part = Rows(
            kind=whole.kind[piece], vehicle=whole.vehicle[piece], time_ms=whole.time_ms[piece],
            values=whole.values[piece], signals=PATHS,
        )  # fmt: skip
        found = states(memory, part)
    assert found == [("P0420", "pending")]


def test_an_engine_that_stays_cold_is_told(memory) -> None:
    """Far below the thermostat after half an hour at speed, on two drives."""
    cold = [states(memory, trip(day, coolant=55.0)) for day in (1, 2)]
    assert cold == [[("P0128", "pending")], [("P0128", "stored")]]


AIR = (s.MAF, s.MAP, s.ENGINE_SPEED, s.INTAKE_AIR_TEMPERATURE, s.RUN_TIME, s.COMMANDED_EGR)
DIESEL = {"displacement_l": 2.0, "filling": 0.95}


def breathes(day: int, gps: float, egr: np.ndarray, n: int = 900) -> Rows:
    """A drive at 2,000 rpm and 120 kPa whose meter gives so much air; exhaust let in by command, per cent."""
    kind = np.r_[KEY_ON, np.full(n, DRIVING), KEY_OFF].astype(np.int8)
    values = np.full((n + 2, len(AIR)), np.nan, dtype=np.float32)
    steady = [np.full(n, each) for each in (gps, 120.0, 2_000.0, 26.85)]
    values[1:-1] = np.stack([*steady, 2.0 * np.arange(1, n + 1), egr], axis=1)
    time_ms = day * DAY_MS + np.r_[0, 2000 * np.arange(1, n + 1), 2000 * (n + 1)]
    return Rows(kind=kind, vehicle=np.zeros(n + 2, dtype=np.int64), time_ms=time_ms, values=values, signals=AIR)


@pytest.mark.parametrize(
    ("share", "egr", "found"),
    [(1.0, 0.0, []), (0.68, 0.0, ["P0101"]), (1.35, 0.0, ["P0101"]), (0.5, 50.0, []), (1.0, 50.0, ["P0101"])],
)
def test_the_air_meter_is_compared_with_what_this_engine_takes(share: float, egr: float, found: list[str]) -> None:
    """Its own filling and displacement, less the exhaust that the unit lets in: 44 g/s here."""
    memory = fresh(AIR, 0, 1, np.random.default_rng(1))
    takes_gps = 0.95 * 2.0 * 2_000.0 / 120.0 * 120.0 / (0.287 * 300.0)
    rows = breathes(1, share * takes_gps, np.full(900, egr))
    assert [code.code for code in watch(memory, rows, DIESEL)] == found


@pytest.mark.parametrize(("share", "found"), [(1.0, []), (0.75, []), (0.65, ["P0101"])])
def test_an_engine_without_recirculation_keeps_some_exhaust(share: float, found: list[str]) -> None:
    """At 40 kPa a sixth of the cylinder's filling is old exhaust, which no meter sees."""
    rows = breathes(1, share * 2.0 * 0.95 * 4_000.0 / 120.0 * 33.5 / (0.287 * 300.0), np.zeros(900))
    rows.values[:, 1:3] *= np.float32([40.0 / 120.0, 2.0])
    paths = AIR[:-1]
    plain = replace(rows, values=np.ascontiguousarray(rows.values[:, :-1]), signals=paths)
    codes = watch(fresh(paths, 0, 1, np.random.default_rng(1)), plain, DIESEL)
    assert [code.code for code in codes] == found


def test_the_air_meter_is_not_judged_while_the_exhaust_valve_moves() -> None:
    """Its command is ahead of what it lets in."""
    memory = fresh(AIR, 0, 1, np.random.default_rng(1))
    hunting = np.tile([0.0, 50.0], 450)
    assert states(memory, breathes(1, 44.0, hunting)) == []


def test_each_car_s_exhaust_valve_is_its_own() -> None:
    """Of two in one piece the second's command is not compared with the first's."""
    shut, open_ = breathes(1, 44.0, np.zeros(900)), breathes(1, 44.0, np.full(900, 50.0))
    both = Rows(
        kind=np.r_[shut.kind[1:-1], open_.kind[1:-1]], vehicle=np.repeat([0, 1], 900),
        time_ms=np.r_[shut.time_ms[1:-1], open_.time_ms[1:-1]],
        values=np.concatenate([shut.values[1:-1], open_.values[1:-1]]), signals=AIR,
    )  # fmt: skip
    both.values[:, AIR.index(s.RUN_TIME)] += 1_000.0
    look = Look(both, np.zeros(1_800, dtype=np.float32), DIESEL, columns(both, AIR))
    (test,) = (each for each in TESTS if each.code == "P0101")
    assert list(np.flatnonzero(~test.judge(look)[0])) == [0, 1, 2, 900, 901, 902]
