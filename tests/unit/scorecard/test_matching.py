"""The judge's rules: which alert meant which fault, what was found, what was wrong, what it costs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorecard.alerts import Said, alerts_of, mended
from scorecard.card import Service, components, figures
from scorecard.costs import FOR_NOTHING, PLANNED, UNPLANNED, bill
from scorecard.matching import FALSE, NEUTRAL, RIGHT, SAME_PART, lead_days, match
from scorecard.measures import brier_skill, calibration_error, middle, share, with_interval
from scorecard.record import Cars, Record, Trips
from scorecard.record import Service as Mending
from scorecard.truth import DAY_MS, Left, Truth, Watched, with_expected
from simulators.fleet.faults import POWERTRAINS
from simulators.fleet.garage import parts

NEVER = float("nan")
WATCHED = Watched(from_ms=np.zeros(4), until_ms=np.full(4, 365.0 * DAY_MS))


def fault(
    vehicle,
    component,
    onset,
    failed,
    *,
    ended=NEVER,
    matters=True,
    wears=False,
    gradual=True,
    code=NEVER,
    expected=None,
    kind="",
):
    ends = failed if expected is None else expected
    return vehicle, component, kind or component, matters, wears, gradual, onset, failed, ended, code, ends


def truth(*faults) -> Truth:
    """Days instead of milliseconds."""
    vehicle, component, kind, matters, wears, gradual, *times = zip(*faults, strict=True)
    days = [np.array(each, dtype=np.float64) * DAY_MS for each in times]
    return Truth(
        vehicle=np.array(vehicle), component=np.array(component), kind=np.array(kind),
        observability=np.array(["A"] * len(vehicle)), gradual=np.array(gradual), wears=np.array(wears),
        matters=np.array(matters), onset_ms=days[0], noticeable_ms=days[0], failed_ms=days[1], ended_ms=days[2],
        code_ms=days[3], expected_ms=days[4],
    )  # fmt: skip


def says(vehicle, component, day, *, books=True, suspects=()):
    return Said(
        vehicle=vehicle, component=component, detector=component, at_ms=day * DAY_MS, books=books, suspects=suspects
    )


def repaired(component: str, day: float) -> Record:
    """A car that did nothing but have a component repaired."""
    word, one = np.array(["any"]), np.ones(1)
    nobody = Cars(platform=word, powertrain=word, age_days=one, odometer_km=one)
    none = Trips(vehicle=np.zeros(0, dtype=np.int64), values=np.zeros((0, 0)), names=())
    return Record(cars=nobody, trips=none, services=(Mending(vehicle=0, component=component, at_ms=day * DAY_MS),))


def test_an_alert_between_onset_and_failure_is_right_and_leads_by_the_days_between() -> None:
    """And one before the onset, of another component or of another car is false."""
    what = truth(fault(0, "thermostat", 100, 200, ended=203))
    said = alerts_of(
        [says(0, "thermostat", 150), says(0, "brakes", 150), says(1, "thermostat", 150), says(2, "egr", 90)]
    )
    matched = match(what, said)
    assert list(matched.label) == [RIGHT, FALSE, FALSE, FALSE]
    assert lead_days(what, said, matched) == pytest.approx([50.0])


def test_an_alert_before_the_onset_is_false() -> None:
    """Being early is no merit: nothing was wrong yet."""
    said = alerts_of([says(0, "thermostat", 99)])
    assert list(match(truth(fault(0, "thermostat", 100, 200)), said).label) == [FALSE]


def test_an_alert_stands_for_all_faults_of_its_component_that_the_vehicle_had_then() -> None:
    """There is one at a time: a second fault cannot raise another. One that begins later, or wears, gets no credit."""
    what = truth(
        fault(0, "fuel_air", 100, 200),
        fault(0, "fuel_air", 110, 180),
        fault(0, "fuel_air", 130, 190),
        fault(0, "fuel_air", -900, 170, wears=True),
    )
    said = alerts_of([says(0, "fuel_air", 120)])
    found = lead_days(what, said, match(what, said))
    assert found == pytest.approx([80.0, 60.0, NEVER, NEVER], nan_ok=True)


def test_an_alert_of_a_dying_battery_stands_for_its_wear_and_for_its_fault() -> None:
    """Whichever the ledger has first, one new battery mends both; not so for wear of oil and a fault of the pump."""
    wear = fault(0, "battery_12v_ev", -900, 200, wears=True, kind="auxiliary_battery")
    fades = fault(0, "battery_12v_ev", 100, 190, kind="auxiliary_capacity_fades")
    drain = fault(0, "battery_12v_ev", 100, 180, kind="auxiliary_drain")
    said = alerts_of([says(0, "battery_12v_ev", 150)])
    for entries, leads in (
        ((wear, fades, drain), [50.0, 40.0, 30.0]), ((fades, wear, drain), [40.0, 50.0, 30.0]),
        ((wear, drain), [50.0, NEVER]),
    ):  # fmt: skip
        what = truth(*entries)
        assert lead_days(what, said, match(what, said)) == pytest.approx(leads, nan_ok=True)
    oil = truth(fault(0, "engine_oil", -90, 200, wears=True), fault(0, "engine_oil", 100, 180, kind="pump"))
    said = alerts_of([says(0, "engine_oil", 150)])
    assert lead_days(oil, said, match(oil, said)) == pytest.approx([50.0, NEVER], nan_ok=True)


def test_wear_and_faults_that_the_same_new_part_mends_are_all_of_the_ledger_s() -> None:
    """The judge names those that the simulated workshop replaces the same part for, and no others."""
    found: dict[str, set[str]] = {}
    for part in {each.subsystem.name: each for power in POWERTRAINS for each in parts(power)}.values():
        for worn in part.wear:
            for kind in part.faults:
                if (kind.component, kind.repair) == (worn.component, worn.repair):
                    found.setdefault(worn.component, {worn.name}).add(kind.name)
    assert {component: set(names) for component, names in SAME_PART.items()} == found


def test_an_alert_of_a_dying_traction_battery_stands_for_whatever_a_new_one_mends() -> None:
    """Wear, early fading and resistance, whichever the ledger has first."""
    wear = fault(0, "traction_battery", -900, 200, wears=True, kind="traction_capacity")
    early = fault(0, "traction_battery", 100, 190, kind="capacity_fades_early")
    grows = fault(0, "traction_battery", 100, 180, kind="resistance_grows")
    said = alerts_of([says(0, "traction_battery", 150)])
    for entries, leads in (((wear, early, grows), [50.0, 40.0, 30.0]), ((grows, wear), [30.0, 50.0])):
        what = truth(*entries)
        assert lead_days(what, said, match(what, said)) == pytest.approx(leads)


def test_two_words_for_one_battery_are_one_alert_which_its_repair_ends() -> None:
    """Neither right twice while both stand, nor opened again after a new battery by either word."""
    what = truth(fault(0, "battery_12v_ev", 100, 190, kind="auxiliary_capacity_fades"))
    said = [says(0, "battery_12v", 150), says(0, "battery_12v_ev", 151)]
    assert list(match(what, alerts_of(said)).label) == [RIGHT]
    gone = [replace(one, at_ms=151.5 * DAY_MS, books=None) for one in said]
    back = [*said, *gone, says(0, "battery_12v_ev", 152.9)]
    assert len(alerts_of(back)) == 1
    for component in ("battery_12v", "battery_12v_ev"):
        assert len(alerts_of(back, mended(repaired(component, 152.0)))) == 2, component


def test_a_car_has_one_twelve_volt_battery_by_either_word() -> None:
    """An alert of the 12 V battery is right in a hybrid; of the traction battery it is not."""
    what = truth(fault(0, "battery_12v_ev", 100, 190, kind="auxiliary_capacity_fades"))
    said = alerts_of([says(0, "battery_12v", 150), says(0, "traction_battery", 150)])
    matched = match(what, said)
    assert (list(matched.label), list(matched.rank)) == ([RIGHT, FALSE], [0, -1])
    assert lead_days(what, said, matched) == pytest.approx([40.0])


def test_a_fault_too_small_to_matter_gives_no_credit_and_no_penalty() -> None:
    """An alert about it is neutral."""
    said = alerts_of([says(0, "egr", 120)])
    assert list(match(truth(fault(0, "egr", 100, NEVER, matters=False)), said).label) == [NEUTRAL]


def test_a_wearing_part_is_rightly_advised_only_near_its_end() -> None:
    """It has no onset that could be found, so half a year before its end is what counts."""
    what = truth(fault(0, "brakes", 0, 300, wears=True))
    assert list(match(what, alerts_of([says(0, "brakes", 100)])).label) == [FALSE]
    assert list(match(what, alerts_of([says(0, "brakes", 150)])).label) == [RIGHT]


def test_advice_about_a_part_that_was_renewed_before_its_end_is_neutral_where_it_was_near() -> None:
    """The workshop was sooner, or the record ended: the ledger says when the end would have come."""
    what = truth(fault(0, "brakes", 0, NEVER, ended=160, wears=True, expected=300))
    assert list(match(what, alerts_of([says(0, "brakes", 100)])).label) == [FALSE]
    assert list(match(what, alerts_of([says(0, "brakes", 150)])).label) == [NEUTRAL]


def test_where_nobody_knows_when_a_renewed_part_would_have_ended_advice_is_neutral() -> None:
    """It was renewed before the ledger projected its end; of one that is still in use the ledger would know."""
    said = alerts_of([says(0, "engine_oil", 20)])
    untold = truth(fault(0, "engine_oil", -400, NEVER, ended=28, wears=True))
    assert list(match(untold, said).label) == [NEUTRAL]
    assert list(match(untold, alerts_of([says(0, "engine_oil", 60)])).label) == [FALSE]
    assert list(match(truth(fault(0, "engine_oil", -400, NEVER, wears=True)), said).label) == [FALSE]
    later = truth(fault(0, "engine_oil", -400, NEVER, ended=220, wears=True))
    assert list(match(later, said).label) == [FALSE]


def test_a_life_that_did_not_end_goes_on_as_the_ledger_last_projected_it() -> None:
    """By the part's own name and within its own life; a life that ended keeps its end."""
    what = truth(
        fault(0, "brakes", 0, 90, wears=True, ended=95), fault(0, "brakes", 95, NEVER, wears=True),
        fault(1, "brakes", 0, NEVER, wears=True), fault(2, "egr", 0, NEVER),
    )  # fmt: skip
    left = Left(
        vehicle=np.array([0, 0, 0, 1, 2]),
        part=np.array(["brakes/brakes", "brakes/brakes", "brakes/brakes", "brakes/other", "egr/egr"]),
        at_ms=np.array([56.0, 112.0, 140.0, 56.0, 56.0]) * DAY_MS, days=np.array([40.0, 70.0, 60.0, 9.0, 9.0]),
    )  # fmt: skip
    found = with_expected(what, left).expected_ms / DAY_MS
    assert found.tolist() == pytest.approx([90.0, 200.0, NEVER, NEVER], nan_ok=True)


def test_a_part_that_was_hardly_worn_when_the_record_ended_has_an_end_too() -> None:
    """Of such a life the ledger tells only what is left: advice is neutral where that is near, else false."""
    what = truth(
        fault(0, "engine_oil", -100, NEVER, wears=True, ended=30), fault(1, "engine_oil", -100, 40, wears=True)
    )
    left = Left(
        vehicle=np.array([0, 0, 2, 3]), part=np.array(["engine_oil/engine_oil"] * 4),
        at_ms=np.array([56.0, 84.0, 84.0, 84.0]) * DAY_MS, days=np.array([150.0, 120.0, 120.0, 400.0]),
    )  # fmt: skip
    whole = with_expected(what, left)
    assert whole.vehicle.tolist() == [0, 1, 0, 2, 3]
    assert not whole.matters[2:].any()
    assert (whole.expected_ms[2:] / DAY_MS).tolist() == [204.0, 204.0, 484.0]
    said = alerts_of([says(0, "engine_oil", 100), says(2, "engine_oil", 100), says(3, "engine_oil", 100)])
    assert list(match(whole, said).label) == [NEUTRAL, NEUTRAL, FALSE]


def test_the_right_cause_among_the_suspects_counts_with_its_place() -> None:
    """An alert of another component that suspects the true one is right, and its place is remembered."""
    what = truth(fault(0, "misfire", 100, 200))
    said = alerts_of([says(0, "catalyst", 150, suspects=("catalyst", "misfire"))])
    matched = match(what, said)
    assert (list(matched.label), list(matched.rank)) == ([RIGHT], [1])


def test_an_alert_is_one_until_all_who_said_it_take_it_back() -> None:
    """Two detectors of one component make one alert; what comes after it closed is another."""
    word = says(0, "cooling", 10, books=False)
    other = Said(vehicle=0, component="cooling", detector="overheating", at_ms=11 * DAY_MS, books=True)
    gone = [
        Said(vehicle=0, component="cooling", detector=name, at_ms=day * DAY_MS, books=None)
        for name, day in (("cooling", 12), ("overheating", 13))
    ]
    said = alerts_of([word, other, *gone, says(0, "cooling", 20)])
    assert list(said.at_ms / DAY_MS) == [10, 20]
    assert list(said.booked_ms / DAY_MS) == [11, 20]
    assert said.ended_ms[0] / DAY_MS == 13


def test_failures_of_cars_that_nobody_knew_yet_do_not_count() -> None:
    """The first weeks of a record are for learning."""
    what = truth(fault(0, "egr", 5, 30), fault(1, "egr", 100, 160))
    found, _ = figures(what, Service(alerts=alerts_of([says(1, "egr", 120)])), WATCHED, np.ones(4), 1)
    assert found["recall_a"].value == 1.0


def test_sudden_failures_are_counted_apart() -> None:
    """Nobody can say beforehand what happens within hours."""
    what = truth(fault(0, "egr", 100, 100.1, gradual=False), fault(1, "egr", 100, 160))
    service = Service(alerts=alerts_of([says(1, "egr", 120)]))
    found, matched = figures(what, service, WATCHED, np.ones(4), 1)
    row = components(what, service, matched, WATCHED, 1)["egr"]
    assert (found["recall_a"].value, row.failures, row.sudden) == (1.0, 1, 1)


def test_a_part_is_of_the_class_of_most_of_its_failures() -> None:
    """Pads are class B and discs C; what never failed is of the class of what the ledger has of it."""
    what = truth(fault(0, "brakes", 100, np.nan), fault(1, "brakes", 100, 160), fault(2, "brakes", 100, 170))
    what = replace(what, observability=np.array(["C", "B", "B"]))
    service = Service(alerts=alerts_of([]))
    _, matched = figures(what, service, WATCHED, np.ones(4), 1)
    assert components(what, service, matched, WATCHED, 1)["brakes"].observability == "B"
    never = what.only(np.array([0]))
    _, matched = figures(never, service, WATCHED, np.ones(4), 1)
    assert components(never, service, matched, WATCHED, 1)["brakes"].observability == "C"


def test_what_is_caught_costs_an_appointment_and_what_is_not_a_breakdown() -> None:
    """A false booking costs an inspection."""
    what = truth(fault(0, "charging", 100, 200), fault(1, "charging", 100, 200))
    said = alerts_of([says(0, "charging", 150), says(2, "egr", 10)])
    cost = bill(what, said, match(what, said), WATCHED).of_vehicle
    assert list(cost) == [PLANNED["charging"], UNPLANNED["charging"], FOR_NOTHING, 0.0]


def test_notice_shorter_than_an_appointment_needs_catches_nothing() -> None:
    """An alert a day before the failure is found, but costs as a breakdown."""
    what = truth(fault(0, "charging", 100, 200))
    said = alerts_of([says(0, "charging", 199)])
    assert bill(what, said, match(what, said), WATCHED).of_vehicle[0] == UNPLANNED["charging"]


@given(st.lists(st.floats(0.0, 1000.0), min_size=1, max_size=50))
def test_the_middle_is_a_value_with_half_on_either_side(values) -> None:
    """With all weights equal it is a median."""
    found = middle(np.arange(len(values)), np.array(values))(np.ones(len(values)))
    assert found in values
    assert sum(value < found for value in values) <= len(values) / 2
    assert sum(value > found for value in values) <= len(values) / 2


def test_an_interval_holds_its_value_and_narrows_with_more_vehicles() -> None:
    """Ten times the vehicles, about a third of the width."""
    rng = np.random.default_rng(3)
    few, many = (with_interval(share(np.arange(n), rng.random(n) < 0.3), n, 1) for n in (100, 1000))
    assert few.low < few.value < few.high
    assert (many.high - many.low) < 0.5 * (few.high - few.low)


def test_a_calibrated_prediction_has_no_error_and_a_sharper_one_has_skill() -> None:
    """Against the base rate for all."""
    rng = np.random.default_rng(4)
    predicted = rng.choice([0.02, 0.6], 4000, p=[0.9, 0.1])
    came = rng.random(4000) < predicted
    vehicle, ones = np.arange(4000), np.ones(4000)
    assert calibration_error(vehicle, predicted, came)(ones) < 0.01
    assert brier_skill(vehicle, predicted, np.full(4000, came.mean()), came)(ones) > 0.3


def test_what_comes_back_within_a_week_is_the_same_alert_opened_again() -> None:
    """Raised when it was first, booked where it ever was; a week after its closing it is another."""
    gone = [replace(says(0, "cooling", day), books=None) for day in (10, 14, 30)]
    said = [says(0, "cooling", 9, books=False), gone[0], says(0, "cooling", 13), gone[1]]
    once = alerts_of(said)
    assert (list(once.at_ms / DAY_MS), list(once.booked_ms / DAY_MS), list(once.ended_ms / DAY_MS)) == ([9], [13], [14])
    twice = alerts_of([*said, says(0, "cooling", 21, books=False), gone[2]])
    assert list(twice.at_ms / DAY_MS) == [9, 21]
    assert np.isnan(twice.booked_ms).tolist() == [False, True]
    others = alerts_of([*said, says(0, "egr", 15), says(1, "cooling", 15)])
    assert len(others) == 3, "of another component or car"


def test_a_booking_that_flaps_for_half_a_year_is_not_one_alert() -> None:
    """It is another each time that it comes back after the appointment; mere advice has none, and goes on."""

    def flaps(books: bool) -> list[Said]:
        days = np.arange(10.0, 190.0, 7.5)
        pairs = [(says(0, "cooling", day, books=books), says(0, "cooling", day + 1.0)) for day in days]
        return [one for word, gone in pairs for one in (word, replace(gone, books=None))]

    booked = alerts_of(flaps(True))
    assert len(booked) == 24
    assert not np.isnan(booked.booked_ms).any()
    assert len(alerts_of(flaps(False))) == 1
    soon = [says(0, "cooling", 10), replace(says(0, "cooling", 11), books=None), says(0, "cooling", 12)]
    assert len(alerts_of(soon)) == 1, "before the appointment"


def test_what_comes_back_after_the_workshop_mended_it_is_another_alert() -> None:
    """People had ended the first; a repair of something else, or before it was raised, ended nothing."""
    said = [says(0, "brakes", 9), replace(says(0, "brakes", 10), books=None), says(0, "brakes", 11.5)]

    def alerts(component: str, day: float) -> int:
        return len(alerts_of(said, mended(repaired(component, day))))

    assert [alerts("brakes_front", day) for day in (8.0, 10.0, 11.0, 14.0)] == [1, 2, 2, 1]
    assert alerts("egr", 10.0) == 1


def test_a_repair_ends_the_alert_though_a_code_stays_stored() -> None:
    """Who mended it has settled the advice; what is said of the next fault is new, what was said before is not."""
    code = replace(says(0, "misfire", 3), detector="trouble_codes P0302")
    said = [code, replace(says(0, "misfire", 3), books=True), replace(says(0, "misfire", 16), books=None),
            says(0, "misfire", 31)]  # fmt: skip
    whole = truth(fault(0, "misfire", 0, 2, ended=15), fault(0, "misfire", 15, 47, ended=52))
    assert len(alerts_of(said)) == 1
    alerts = alerts_of(said, mended(repaired("misfire", 15.5)))
    assert (alerts.at_ms / DAY_MS).tolist() == [3.0, 31.0]
    assert alerts.ended_ms[0] == 15.5 * DAY_MS
    assert match(whole, alerts).first.tolist() == [0, 1]
    assert len(alerts_of(said, mended(repaired("misfire", 60.0)))) == 1


def test_the_pads_of_either_axle_have_alerts_of_their_own() -> None:
    """Each means its own pads, never the other axle's; what is not told apart by axle gives no credit, no penalty."""
    pads = truth(
        fault(0, "brakes", 0, 80, wears=True, kind="discs"),
        fault(0, "brakes", 0, 95, wears=True, kind="front_pads"),
        fault(0, "brakes", 0, 83, wears=True, kind="rear_pads"),
        fault(1, "brakes", 0, 90, wears=True, kind="rear_pads"),
        fault(1, "brakes", 0, 900, wears=True, kind="front_pads"),
    )
    said = [replace(says(car, "brakes", day, books=False), part=part, detector=part)
            for car, day, part in ((0, 7, "brakes_rear"), (0, 13, "brakes_front"), (1, 8, "brakes_front"))]  # fmt: skip
    alerts = alerts_of(said)
    assert len(alerts) == 3
    found = match(pads, alerts)
    assert found.first.tolist() == [-1, 1, 0, -1, -1]
    assert found.label.tolist() == [RIGHT, RIGHT, FALSE]
    lumped = match(pads, alerts_of([replace(one, part="") for one in said]))
    assert lumped.label.tolist() == [RIGHT, RIGHT], "who does not tell the axles apart is not asked to"
    rear_first = [said[0], replace(said[0], at_ms=100 * DAY_MS, books=None), replace(said[0], at_ms=102 * DAY_MS)]
    front_new = mended(repaired("brakes_front", 101.0))
    assert len(alerts_of(rear_first, front_new)) == 1, "the other axle's repair ends nothing"
    for either in ("brakes_rear", "brakes"):
        assert len(alerts_of(rear_first, mended(repaired(either, 101.0)))) == 2
    fine = truth(fault(0, "brakes", 0, 80, wears=True, kind="discs"),
                 fault(0, "brakes", 0, 900, wears=True, kind="rear_pads"))  # fmt: skip
    assert match(fine, alerts_of(said[:2])).label.tolist() == [NEUTRAL, NEUTRAL]
