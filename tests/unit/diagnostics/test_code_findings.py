"""Trouble codes that wait: those of passing states, and those that the drives since have to bear out."""

from __future__ import annotations

import math
from dataclasses import replace

from diagnostics.findings import Severity
from diagnostics.lamp import lamp_findings
from diagnostics.suggestions.standing import RUN_OF, Run, run_of
from diagnostics.trouble_codes import CONFIRMED, CodeEvent, code_findings
from tests.unit.diagnostics.one_car import DAY_MS, START_MS


def stored(code: str, *days: float) -> list[Severity]:
    """How bad a code is each time that it is stored, a day each."""
    events = [
        CodeEvent(vehicle_id="v", ecu="7E8", code=code, time_ms=START_MS + int((day + gone) * DAY_MS),
                  state=CONFIRMED, present=not gone)
        for day in days
        for gone in (0, 1)
    ]  # fmt: skip
    return [finding.severity for finding in code_findings(events)]


def driven(times: int, hottest_c: float = math.nan, minutes: float = 25.0) -> list[Run]:
    """A drive a day from the day after the first on."""
    ends = [int(START_MS + DAY_MS * (number + 1)) for number in range(times)]
    return [
        Run(
            started_ms=end - int(60_000 * minutes),
            ended_ms=end,
            running_s=60.0 * minutes,
            engine_s=60.0 * minutes,
            hottest_c=hottest_c,
        )
        for end in ends
    ]


def test_a_full_filter_s_code_is_said_once_it_is_stored_again() -> None:
    """A long drive burns the soot of short ones, and the filter's detector reminds of it; what comes back is said."""
    assert stored("P2463", 0.0) == []
    assert stored("P2463", 0.0, 9.0) == [Severity.NEXT_SERVICE]
    assert stored("P2463", 0.0, 80.0) == []
    standing = [
        CodeEvent(vehicle_id="v", ecu="7E8", code="P2463", time_ms=START_MS + day * int(DAY_MS), state=CONFIRMED,
                  present=True)
        for day in (0, 9)
    ]  # fmt: skip
    assert [finding.found_at.timestamp() * 1000.0 for finding in code_findings(standing)] == [standing[1].time_ms]


def test_a_full_filter_s_code_that_outlives_what_a_car_keeps_is_said() -> None:
    """The device tells changes only; a car forgets a passed code after 40 warm drives, so this one failed again."""
    came = CodeEvent(vehicle_id="v", ecu="7E8", code="P2463", time_ms=START_MS, state=CONFIRMED, present=True)
    gone = replace(came, time_ms=START_MS + 60 * DAY_MS, present=False)
    drives = driven(50)
    assert code_findings([came], {"v": drives[:40]}) == []
    assert code_findings([came], {"other": drives}) == []
    assert code_findings([came, replace(gone, time_ms=START_MS + 20 * DAY_MS)], {"v": drives}) == []
    (stands,) = code_findings([came], {"v": drives})
    assert (stands.severity, stands.cleared_at) == (Severity.NEXT_SERVICE, None)
    assert stands.found_at.timestamp() * 1000.0 == drives[40].ended_ms
    (ended,) = code_findings([came, gone], {"v": drives})
    assert ended.id == stands.id
    assert ended.cleared_at is not None


def test_a_code_that_one_drive_stores_books_nothing_by_itself() -> None:
    """A wet morning or a flat battery is enough for it: advice, the table's word the second time within a month."""
    assert stored("P0562", 0.0) == [Severity.NEXT_SERVICE]
    assert stored("P0562", 0.0, 9.0)[1] is not Severity.NEXT_SERVICE
    assert stored("P0AA6", 0.0) == [Severity.STOP_NOW], "a person may touch it"
    assert stored("C0750", 0.0) == [Severity.NEXT_SERVICE], "a frost, and tyres that nobody filled"
    assert stored("C0750", 0.0, 9.0)[1] is Severity.SOON
    assert stored("P0562", 0.0, 80.0) == [Severity.NEXT_SERVICE, Severity.NEXT_SERVICE]


def test_a_hot_traction_battery_is_said_by_its_code_once_it_is_hot_again() -> None:
    """One hot afternoon ends with the night; the second within a month is booked, one that stays is advice."""
    assert stored("P0A7E", 0.0) == []
    assert stored("P0A7E", 0.0, 80.0) == []
    assert stored("P0A7E", 0.0, 9.0) == [Severity.SOON]
    came = CodeEvent(vehicle_id="v", ecu="7E8", code="P0A7E", time_ms=START_MS, state=CONFIRMED, present=True)
    assert [found.severity for found in code_findings([came], {"v": driven(50)})] == [Severity.NEXT_SERVICE]


def test_a_hot_traction_battery_is_left_to_its_detector_where_drives_tell_its_balance_of_heat() -> None:
    """A sound one is too hot for the code on every pass of the Alps; what does not tell it is taken at its word."""
    came = CodeEvent(vehicle_id="v", ecu="7E8", code="P0A7E", time_ms=START_MS, state=CONFIRMED, present=True)
    events = [came, replace(came, time_ms=START_MS + DAY_MS // 2, present=False),
              replace(came, time_ms=START_MS + 9 * DAY_MS)]  # fmt: skip
    told = [replace(run, pack_rise_k=4.0) for run in driven(60)]
    assert code_findings(events, {"v": told}) == []
    assert code_findings([came], {"v": told}) == [], "nor for how long it stands"
    assert len(code_findings(events, {"v": driven(60)})) == 1
    assert len(code_findings(events, {"v": told[20:]})) == 1, "what was said stays said"
    late = [came, *(replace(event, time_ms=event.time_ms + 50 * DAY_MS) for event in events)]
    assert len(code_findings(late, {"v": [*told[:10], *driven(60)[10:]]})) == 1, "told once is not told now"
    third = replace(came, time_ms=START_MS + 20 * DAY_MS)
    (said,) = code_findings([*events, third], {"v": told})
    assert said.found_at.timestamp() * 1000.0 == third.time_ms, "thrice in a month is said whatever drives tell"
    thrice = [replace(third, time_ms=third.time_ms + minute * 60_000) for minute in (-9, -5)]
    assert code_findings([came, *thrice, third], {"v": told}) == [], "told thrice on one day is one"
    stands = code_findings([came], {"v": [told[0], *driven(60)[1:]]})
    assert [one.found_at.timestamp() * 1000.0 for one in stands] == [driven(60)[41].ended_ms]
    at_its_end = replace(driven(1)[0], ended_ms=START_MS, started_ms=START_MS - 60_000, pack_rise_k=4.0)
    assert code_findings(events, {"v": [at_its_end]}) == [], "a code that is told as the drive ends is of that drive"


def test_drives_tell_what_codes_wait_for() -> None:
    """Each number of a trip at its own place."""
    assert RUN_OF == ("started_ms", "ended_ms", "running_s", "moving_s", "coolant_max", "pack_rise_k")
    run = run_of((1_000.0, 9_000.0, 5.0, 7.0, 88.0, 3.0))
    assert run == Run(started_ms=1_000, ended_ms=9_000, running_s=7.0, engine_s=5.0, hottest_c=88.0, pack_rise_k=3.0)


def test_a_code_of_a_cold_engine_waits_for_the_coolant_to_say_so_too() -> None:
    """Frost and short drives are enough for its monitor, again and again; four cold drives in a row bear it out."""
    came = CodeEvent(vehicle_id="v", ecu="7E8", code="P0128", time_ms=START_MS, state=CONFIRMED, present=True)

    def found(*drives: Run) -> list[float]:
        return [one.found_at.timestamp() * 1000.0 for one in code_findings([came], {"v": drives})]

    warm, cold = driven(60, 88.0), driven(60, 61.0)
    assert stored("P0128", 0.0, 9.0) == []
    assert found(*warm) == []
    assert found(*cold[:3], *warm[3:6], *cold[6:9], *warm[9:]) == [], "three in a row are the weather"
    assert found(*warm[:5], *cold[5:]) == [cold[8].ended_ms]
    short = driven(60, 61.0, minutes=8.0)
    assert found(*short[:39]) == [], "too short to be warm"
    assert found(*short) == [short[39].ended_ms], "but never warm"
    told_daily = [replace(came, time_ms=START_MS + day * DAY_MS) for day in range(60)]
    assert len(code_findings(told_daily, {"v": cold})) == 1
    assert found(*driven(60)) == [driven(4)[-1].ended_ms], "a car that does not tell is taken at its word"
    assert found(*driven(2), *warm[2:]) == []


def test_a_code_that_waits_explains_the_lamp() -> None:
    """It is stored, so nobody is told that the car stores none; a lamp without any is said."""
    lit = CodeEvent(vehicle_id="v", ecu="7E8", code="MIL", time_ms=START_MS + 5_000, state="lamp", present=True)
    came = CodeEvent(vehicle_id="v", ecu="7E8", code="P0128", time_ms=START_MS, state=CONFIRMED, present=True)
    assert [one.cause for one in lamp_findings([lit], [], driven(9, 88.0))] == ["MIL"]
    assert lamp_findings([lit, came], [], driven(9, 88.0)) == []
    assert lamp_findings([lit, replace(came, time_ms=lit.time_ms + 60_000)], [], driven(9, 88.0)) == []
    gone = replace(came, time_ms=START_MS + 2_000, present=False)
    assert [one.cause for one in lamp_findings([lit, came, gone], [], driven(9, 88.0))] == ["MIL"]
    later = replace(gone, time_ms=START_MS + 3 * DAY_MS)
    (unexplained,) = lamp_findings([lit, came, later], [], driven(30, 88.0))
    assert unexplained.since.timestamp() * 1000.0 == later.time_ms, "from when nothing explains it"
    (ended,) = lamp_findings([lit, replace(came, time_ms=START_MS + 20 * DAY_MS)], [], driven(30, 88.0))
    assert ended.cleared_at is not None, "the code has taken it over"
    pending = replace(came, state="pending", time_ms=START_MS + DAY_MS, present=False)
    assert lamp_findings([lit, came, pending], [], driven(9, 88.0)) == [], "what is pending goes by itself"
    other = replace(came, code="P2463", time_ms=START_MS + 2 * DAY_MS)
    assert lamp_findings([lit, came, later, other], [], driven(30, 88.0)) == [], "one takes over from the other"
    parked = replace(came, time_ms=lit.time_ms + 16 * 60_000)
    (told,) = lamp_findings([lit, parked, later], [], driven(30, 88.0))
    assert told.since.timestamp() * 1000.0 == later.time_ms
    hot = replace(came, code="P0A7E")
    assert [one.cause for one in lamp_findings([lit, hot], [], driven(9, 88.0))] == ["MIL"], "set without the lamp"


def test_a_code_that_two_drives_store_keeps_its_severity() -> None:
    """The car has confirmed it itself, so the first time already says all."""
    assert stored("P0301", 0.0, 9.0) == [Severity.SOON, Severity.SOON]
