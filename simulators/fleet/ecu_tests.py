"""What the cars' control units test, with limits as makers publish them: the honest rival of every other diagnosis.

Each test looks at the true readings of its own sensors, sums the seconds in which it could judge and those in which its
limit was crossed, and passes or fails at the end of a drive. Numbers differ between makes; these are of single makes
whose service texts are public: lean 25 % (Ford), low voltage 11 V (Kia), 16 V (Hyundai), 11 K below the thermostat
(Suzuki), boost 27 kPa for five seconds (Honda, Acura), soot 50 g (Opel), gearbox 130 °C for ten minutes (GM), a wheel
at 2 km/h while the others are above 10 (Hyundai); 25 % below the placard is of FMVSS 138, 500 Ω/V of UN R100.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet.air_path import RESIDUAL_KPA
from simulators.fleet.recording import CHARGING, DRIVING, KEY_OFF, KEY_ON
from vehicle import signals as s

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import numpy.typing as npt

    from simulators.fleet.arrays import Floats
    from simulators.fleet.recording import Rows

    Bools = npt.NDArray[np.bool_]

ALSO_READ = (s.AMBIENT_AIR_TEMPERATURE, s.COMMANDED_EGR)
"""What tests take into account where the car has it, beside what they need."""
RESULT_LIMIT = 100.0
ROWS_AT_ONCE = 2048
SOAKED_S = 6 * 3600.0
NEAR_C = 22.0
"""Coolant and intake air after a long stand may differ by this much."""
WARM_AFTER_S, WARM_FROM_KMH, WARM_IN_C, COLDER_K = 1500.0, 35.0, -5.0, 16.0
TURNS_RPM, OIL_KPA = 1200.0, 45.0
TRIMS_FROM_C, TRIM_LIMIT = 70.0, 25.0
SETTLED_S, LOW_V, HIGH_V = 60.0, 11.0, 16.0
FILLING = 0.87
"""Of a make that states none."""
METERS_FROM_GPS, METER_OFF = 6.0, 0.3
STEADY_EGR, EGR_ROWS = 4.0, 3
"""The valve takes its time: what it lets in is known once the command stood, within so much a row, for three rows."""
BOOSTS_FROM_KPA, BOOST_LACKS_KPA, BOOST_ROWS = 120.0, 27.0, 3
TURNING_KMH, STANDING_KMH = 10.0, 2.0
SOFT, UNEVEN_V = 0.75, 0.25


@dataclass(slots=True)
class Look:
    """Rows of a run, column by column; ``soaked_s`` is how long the car had stood at a key-on row, else 0."""

    rows: Rows
    soaked_s: Floats
    platform: Mapping[str, float]
    columns: Mapping[str, Floats]

    def has(self, *paths: str) -> bool:
        """Whether the car has all of these."""
        return all(path in self.rows.signals for path in paths)

    def of(self, path: str) -> Floats:
        """A signal's true reading in each row."""
        return self.columns[path]

    def kind(self, kind: int) -> Bools:
        """Rows of a kind."""
        of_kind: Bools = self.rows.kind == kind
        return of_kind


def columns(rows: Rows, paths: Iterable[str]) -> dict[str, Floats]:
    """Signals as contiguous columns, some rows at a time so that they stay in the cache.

    Each is an array of its own, small enough for memory that the process has already.
    """
    wanted = [path for path in dict.fromkeys(paths) if path in rows.signals]
    place = [rows.signals.index(path) for path in wanted]
    found: list[Floats] = [np.empty(len(rows), dtype=np.float32) for _ in wanted]
    for begin in range(0, len(rows), ROWS_AT_ONCE):
        here = rows.copied(np.arange(begin, min(begin + ROWS_AT_ONCE, len(rows))))
        for column, at in zip(found, place, strict=True):
            column[begin : begin + ROWS_AT_ONCE] = here[:, at]
    return dict(zip(wanted, found, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """``judge`` gives the rows in which the test could judge and those in which its limit was crossed.

    The drive fails after ``fails_s`` seconds beyond the limit, and passes after ``judged_s`` of judging without.
    ``trips`` failing drives in a row store the code; ``lamp``: the malfunction lamp comes on with it.
    """

    code: str
    component: str
    needs: tuple[str, ...]
    judge: Callable[[Look], tuple[Bools, Bools]]
    fails_s: float = 2.0
    judged_s: float = 2.0
    trips: int = 2
    lamp: bool = True


def _beyond(path: str, limit: float, *, kind: int = KEY_OFF) -> Callable[[Look], tuple[Bools, Bools]]:
    """A reading above its limit in rows of a kind."""

    def judge(look: Look) -> tuple[Bools, Bools]:
        at = np.flatnonzero(look.kind(kind))
        judged, beyond = np.zeros(len(look.rows), dtype=np.bool_), np.zeros(len(look.rows), dtype=np.bool_)
        value = look.of(path)[at]
        judged[at], beyond[at] = ~np.isnan(value), value > limit
        return judged, beyond

    return judge


def _below(path: str, limit: float, kinds: tuple[int, ...]) -> Callable[[Look], tuple[Bools, Bools]]:
    def judge(look: Look) -> tuple[Bools, Bools]:
        value = look.of(path)
        judged = np.isin(look.rows.kind, kinds) & ~np.isnan(value)
        return judged, judged & (value < limit)

    return judge


def _trim(look: Look) -> tuple[Bools, Floats]:
    total = look.of(s.SHORT_TERM_FUEL_TRIM_1) + look.of(s.LONG_TERM_FUEL_TRIM_1)
    return look.kind(DRIVING) & (look.of(s.COOLANT_TEMPERATURE) > TRIMS_FROM_C) & ~np.isnan(total), total


def _lean(look: Look) -> tuple[Bools, Bools]:
    judged, total = _trim(look)
    return judged, judged & (total > TRIM_LIMIT)


def _rich(look: Look) -> tuple[Bools, Bools]:
    judged, total = _trim(look)
    return judged, judged & (total < -TRIM_LIMIT)


def _cold(look: Look) -> tuple[Bools, Bools]:
    """Still colder than the thermostat less 16 K after half an hour, at speed, in air that is not very cold."""
    judged = look.kind(DRIVING) & (look.of(s.RUN_TIME) > WARM_AFTER_S) & (look.of(s.SPEED) > WARM_FROM_KMH)
    if look.has(s.AMBIENT_AIR_TEMPERATURE):
        judged &= look.of(s.AMBIENT_AIR_TEMPERATURE) > WARM_IN_C
    if look.has(s.ENGINE_SPEED):
        judged &= look.of(s.ENGINE_SPEED) > TURNS_RPM
    limit = look.platform.get("thermostat_c", 88.0) - COLDER_K
    return judged, judged & (look.of(s.COOLANT_TEMPERATURE) < limit)


def _no_oil(look: Look) -> tuple[Bools, Bools]:
    judged = look.kind(DRIVING) & (look.of(s.ENGINE_SPEED) > TURNS_RPM)
    return judged, judged & (look.of(s.OIL_PRESSURE) < OIL_KPA)


def _coolant_odd(look: Look) -> tuple[Bools, Bools]:
    """Far from the intake air after a long stand."""
    judged = look.kind(KEY_ON) & (look.soaked_s > SOAKED_S)
    apart = np.abs(look.of(s.COOLANT_TEMPERATURE) - look.of(s.INTAKE_AIR_TEMPERATURE))
    return judged, judged & (apart > NEAR_C)


def _undercharged(look: Look) -> tuple[Bools, Bools]:
    judged = look.kind(DRIVING) & (look.of(s.RUN_TIME) > SETTLED_S)
    return judged, judged & (look.of(s.CONTROL_MODULE_VOLTAGE) < LOW_V)


def _overcharged(look: Look) -> tuple[Bools, Bools]:
    judged = look.kind(DRIVING)
    return judged, judged & (look.of(s.CONTROL_MODULE_VOLTAGE) > HIGH_V)


def _meter(look: Look) -> tuple[Bools, Bools]:
    """Air by the meter against air by speed and density, less the exhaust in it: let in, or left over.

    A valve of recirculation that lets in far less or more than it is told shows here as well.
    """
    metered, pressure, rpm = look.of(s.MAF), look.of(s.MAP), look.of(s.ENGINE_SPEED)
    litres = look.platform.get("filling", FILLING) * look.platform.get("displacement_l", 1.5)
    kelvin = look.of(s.INTAKE_AIR_TEMPERATURE) + 273.15
    judged, fresh_kpa = look.kind(DRIVING), pressure - RESIDUAL_KPA
    if look.has(s.COMMANDED_EGR):
        let_in = look.of(s.COMMANDED_EGR)
        fresh_kpa = pressure * (1.0 - 0.01 * let_in)
        moved = np.abs(np.diff(let_in, prepend=np.nan))
        moved[np.flatnonzero(np.diff(look.rows.vehicle)) + 1] = np.nan
        judged &= lasting(moved < STEADY_EGR, EGR_ROWS)
    expected = litres * rpm / 120.0 * fresh_kpa / (0.287 * kelvin)
    judged = judged & (expected > METERS_FROM_GPS) & (look.of(s.RUN_TIME) > 2 * SETTLED_S)
    return judged, judged & (np.abs(metered - expected) > METER_OFF * expected)


def _weak_boost(look: Look) -> tuple[Bools, Bools]:
    judged = look.kind(DRIVING) & (look.of(s.BOOST_COMMANDED) > BOOSTS_FROM_KPA)
    return judged, lasting(judged & (look.of(s.BOOST_COMMANDED) - look.of(s.BOOST) > BOOST_LACKS_KPA), BOOST_ROWS)


def lasting(beyond: Bools, rows: int) -> Bools:
    """Where something has held for so many rows in a row, and does."""
    held = beyond.copy()
    for back in range(1, rows):
        held[back:] &= beyond[:-back]
        held[:back] = False
    return held


def _wheel(at: int) -> Callable[[Look], tuple[Bools, Bools]]:
    def judge(look: Look) -> tuple[Bools, Bools]:
        wheels = [look.of(path) for path in s.WHEEL_SPEEDS]
        others = np.minimum.reduce([speed for each, speed in enumerate(wheels) if each != at])
        judged = look.kind(DRIVING) & (others > TURNING_KMH)
        return judged, judged & ~(wheels[at] > STANDING_KMH)

    return judge


def _soft(look: Look) -> tuple[Bools, Bools]:
    """A tyre at three quarters of the placard or less."""
    front, rear = look.platform.get("tyre_front_kpa", 230.0), look.platform.get("tyre_rear_kpa", 220.0)
    placard = (front, front, rear, rear)
    share = np.minimum.reduce([look.of(path) / of for path, of in zip(s.TYRE_PRESSURES, placard, strict=True)])
    judged = look.kind(DRIVING) & ~np.isnan(share)
    return judged, judged & (share < SOFT)


def _uneven(look: Look) -> tuple[Bools, Bools]:
    apart = look.of(s.CELL_HIGHEST) - look.of(s.CELL_LOWEST)
    judged = look.kind(DRIVING) | look.kind(CHARGING)
    return judged, judged & (apart > UNEVEN_V)


_COOLANT, _TRIMS = s.COOLANT_TEMPERATURE, (s.SHORT_TERM_FUEL_TRIM_1, s.LONG_TERM_FUEL_TRIM_1, s.COOLANT_TEMPERATURE)
MISFIRE_LIMIT = 60.0
"""Counts of a cylinder in a drive, as the mean of ten (our choice; makes say two per cent of firings)."""

TESTS: tuple[Test, ...] = (
    Test(code="P0171", component="fuel_air", needs=_TRIMS, judge=_lean, fails_s=40.0, judged_s=120.0),
    Test(code="P0172", component="fuel_air", needs=_TRIMS, judge=_rich, fails_s=40.0, judged_s=120.0),
    Test(code="P0128", component="thermostat", needs=(_COOLANT, s.RUN_TIME, s.SPEED), judge=_cold, fails_s=180.0,
         judged_s=60.0),
    Test(code="P0217", component="cooling", needs=(_COOLANT,), judge=_beyond(_COOLANT, 118.0, kind=DRIVING),
         fails_s=10.0, judged_s=300.0, trips=1),
    Test(code="P0116", component="sensors", needs=(_COOLANT, s.INTAKE_AIR_TEMPERATURE), judge=_coolant_odd,
         fails_s=1.0, judged_s=1.0),
    Test(code="P0118", component="sensors", needs=(_COOLANT,), judge=_below(_COOLANT, -38.0, (DRIVING,)), fails_s=4.0,
         judged_s=30.0, trips=1),
    Test(code="P0113", component="sensors", needs=(s.INTAKE_AIR_TEMPERATURE,),
         judge=_below(s.INTAKE_AIR_TEMPERATURE, -38.0, (DRIVING,)), fails_s=4.0, judged_s=30.0, trips=1),
    Test(code="P0101", component="fuel_air", needs=(s.MAF, s.MAP, s.ENGINE_SPEED, s.INTAKE_AIR_TEMPERATURE, s.RUN_TIME),
         judge=_meter, fails_s=60.0, judged_s=120.0),
    Test(code="P0562", component="charging", needs=(s.CONTROL_MODULE_VOLTAGE, s.RUN_TIME), judge=_undercharged,
         fails_s=60.0, judged_s=60.0, trips=1),
    Test(code="P0563", component="charging", needs=(s.CONTROL_MODULE_VOLTAGE,), judge=_overcharged, fails_s=10.0,
         judged_s=60.0, trips=1),
    Test(code="P0299", component="boost", needs=(s.BOOST_COMMANDED, s.BOOST), judge=_weak_boost, fails_s=2.0,
         judged_s=20.0),
    Test(code="P0420", component="catalyst", needs=(s.CATALYST_RESULT,),
         judge=_beyond(s.CATALYST_RESULT, RESULT_LIMIT)),
    Test(code="P0133", component="oxygen_sensor", needs=(s.FRONT_OXYGEN_RESULT,),
         judge=_beyond(s.FRONT_OXYGEN_RESULT, RESULT_LIMIT)),
    Test(code="P0139", component="oxygen_sensor", needs=(s.REAR_OXYGEN_RESULT,),
         judge=_beyond(s.REAR_OXYGEN_RESULT, RESULT_LIMIT)),
    Test(code="P0442", component="evap", needs=(s.EVAPORATIVE_RESULT,),
         judge=_beyond(s.EVAPORATIVE_RESULT, RESULT_LIMIT)),
    Test(code="P0401", component="egr", needs=(s.EGR_RESULT,), judge=_beyond(s.EGR_RESULT, RESULT_LIMIT)),
    *(Test(code=f"P030{at + 1}", component="misfire", needs=(path,), judge=_beyond(path, MISFIRE_LIMIT))
      for at, path in enumerate(s.MISFIRES)),
    Test(code="P2463", component="dpf", needs=(s.FILTER_SOOT,), judge=_beyond(s.FILTER_SOOT, 50.0, kind=DRIVING),
         fails_s=60.0, judged_s=60.0, trips=1),
    Test(code="P0524", component="engine_oil", needs=(s.OIL_PRESSURE, s.ENGINE_SPEED), judge=_no_oil, fails_s=10.0,
         judged_s=60.0, trips=1),
    Test(code="P0218", component="transmission", needs=(s.GEARBOX_TEMPERATURE,),
         judge=_beyond(s.GEARBOX_TEMPERATURE, 130.0, kind=DRIVING), fails_s=600.0, judged_s=600.0, trips=1),
    *(Test(code=code, component="wheel_speed_sensor", needs=s.WHEEL_SPEEDS, judge=_wheel(at), fails_s=4.0,
           judged_s=60.0, trips=1, lamp=False) for at, code in enumerate(("C0035", "C0040", "C0045", "C0050"))),
    Test(code="C0750", component="tyre_pressure", needs=s.TYRE_PRESSURES, judge=_soft, fails_s=300.0, judged_s=300.0,
         trips=1, lamp=False),
    Test(code="P0A80", component="traction_battery", needs=(s.TRACTION_HEALTH,),
         judge=_below(s.TRACTION_HEALTH, 70.0, (DRIVING,)), fails_s=60.0, judged_s=60.0),
    Test(code="P0BBD", component="cell_imbalance", needs=(s.CELL_HIGHEST, s.CELL_LOWEST), judge=_uneven,
         fails_s=240.0, judged_s=240.0),
    Test(code="P0AA6", component="insulation", needs=(s.INSULATION,),
         judge=_below(s.INSULATION, 200_000.0, (DRIVING, CHARGING)), fails_s=60.0, judged_s=60.0, trips=1),
    Test(code="P0A7E", component="hv_thermal", needs=(s.TRACTION_HOTTEST,),
         judge=_beyond(s.TRACTION_HOTTEST, 58.0, kind=DRIVING), fails_s=60.0, judged_s=60.0, trips=1),
)  # fmt: skip


def tests_of(signals: tuple[str, ...]) -> tuple[Test, ...]:
    """The tests that a car with these sensors can run."""
    return tuple(test for test in TESTS if set(test.needs) <= set(signals))
