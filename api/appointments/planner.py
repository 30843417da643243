"""Which times a shop can offer. Pure: the time and what is taken are handed in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

SLOT = timedelta(minutes=15)
HORIZON_DAYS = 30
"""How far ahead times are offered (our choice)."""
MOVE_HORIZON_DAYS = 180
"""How far ahead people may move an appointment (our choice)."""
_NOON = 12

LEAD: Mapping[str, timedelta] = {
    "stop_now": timedelta(hours=1),
    "soon": timedelta(hours=18),
    "next_service": timedelta(days=3),
    "monitor": timedelta(days=3),
}
"""How long before an offer at the earliest, by severity, so that people can arrange it (our choice)."""

MINUTES: Mapping[str, int] = {
    "change_gearbox_fluid": 90,
    "change_oil": 60,
    "charge_and_test_battery": 90,
    "check_air_filter": 20,
    "check_battery_cooling": 90,
    "check_boost": 90,
    "check_catalyst": 60,
    "check_charge_air": 60,
    "check_charging": 60,
    "check_coolant_sensor": 45,
    "check_cooling": 90,
    "check_egr": 60,
    "check_evap": 60,
    "check_fuel_cap": 20,
    "check_fuel_delivery": 60,
    "check_gearbox": 60,
    "check_ignition": 60,
    "check_insulation": 120,
    "check_intake_leak": 60,
    "check_manifold_sensor": 45,
    "check_mixture": 90,
    "check_oil_pressure": 60,
    "check_sensor_contacts": 60,
    "check_soot_cause": 90,
    "check_speed_sensor": 60,
    "check_thermostat": 45,
    "check_throttle_sensor": 60,
    "check_wheel_speed_sensor": 60,
    "clean_particulate_filter": 180,
    "drive_to_regenerate": 30,
    "inflate_tyres": 15,
    "inspect_traction_battery": 180,
    "inspect_wheel_bearings": 30,
    "measure_brake_pads": 30,
    "measure_tread": 15,
    "regenerate_particulate_filter": 90,
    "repair_charging": 120,
    "repair_tyre": 45,
    "replace_battery": 45,
    "replace_brake_pads": 90,
    "replace_oxygen_sensor": 60,
    "replace_thermostat": 120,
    "replace_tyres": 60,
    "test_battery": 30,
    "test_traction_battery": 240,
}
"""Length of each job that a detector or wear model names (our choice, after common labour times)."""

DIAGNOSE = "diagnose_"
DIAGNOSE_MINUTES: Mapping[str, int] = {
    "air_filter": 30,
    "battery_12v": 45,
    "battery_12v_ev": 45,
    "body": 60,
    "boost": 90,
    "brakes": 60,
    "brakes_front": 45,
    "brakes_rear": 45,
    "catalyst": 90,
    "cell_imbalance": 120,
    "charging": 60,
    "cooling": 60,
    "dpf": 90,
    "egr": 90,
    "emissions": 90,
    "engine": 120,
    "engine_oil": 45,
    "evap": 60,
    "fuel_air": 90,
    "hv_thermal": 90,
    "insulation": 120,
    "misfire": 90,
    "network": 120,
    "oxygen_sensor": 60,
    "sensors": 60,
    "thermostat": 60,
    "traction_battery": 120,
    "transmission": 120,
    "tyre_pressure": 30,
    "tyre_wear": 30,
    "wheel_bearing": 60,
    "wheel_speed_sensor": 60,
}
"""How long it takes to find the cause of a trouble code, ``diagnose_<code>``, by its component (our choice)."""
OTHER_MINUTES = 60
"""Length of a job that this version does not know, named by another (our choice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """When a shop is open: spans of local time by weekday (Monday 0), days off, and how many bays it has."""

    time_zone: str
    hours: Mapping[int, tuple[tuple[time, time], ...]]
    closed_days: frozenset[date]
    bays: int


@dataclass(frozen=True, slots=True, order=True)
class Offer:
    """A free time: when it starts (UTC), and in which bay (from 1)."""

    start: datetime
    bay: int


def minutes_of(job: str, component: str) -> int:
    """How long a job takes."""
    if job.startswith(DIAGNOSE):
        return DIAGNOSE_MINUTES.get(component, OTHER_MINUTES)
    return MINUTES.get(job, OTHER_MINUTES)


def slots_of(start: datetime, minutes: int) -> list[datetime]:
    """The quarter hours that a job of ``minutes`` holds, rounded up."""
    count = -(-minutes // int(SLOT.total_seconds() // 60))
    return [start + at * SLOT for at in range(count)]


def free(
    opening: Opening, taken: Collection[tuple[int, datetime]], *, minutes: int, earliest: datetime
) -> Iterator[Offer]:
    """Free times from ``earliest`` on, soonest first, one bay each; ``taken`` is (bay, slot start in UTC)."""
    for start in _starts(opening, minutes, earliest):
        wanted = slots_of(start, minutes)
        bays = range(1, opening.bays + 1)
        bay = next((bay for bay in bays if all((bay, slot) not in taken for slot in wanted)), None)
        if bay is not None:
            yield Offer(start, bay)


def offers(
    opening: Opening, taken: Collection[tuple[int, datetime]], *, minutes: int, earliest: datetime, count: int = 3
) -> list[Offer]:
    """The soonest free time, and others on other half-days, so that there is a real choice."""
    zone = ZoneInfo(opening.time_zone)
    chosen: list[Offer] = []
    spare: list[Offer] = []
    for offer in free(opening, taken, minutes=minutes, earliest=earliest):
        if len(chosen) == count:
            break
        half_days = {_half_day(one, zone) for one in chosen}
        (spare if _half_day(offer, zone) in half_days else chosen).append(offer)
    missing = count - len(chosen)
    return sorted([*chosen, *islice(spare, max(0, missing))])


def soonest(
    opening: Opening, taken: Collection[tuple[int, datetime]], *, minutes: int, earliest: datetime, count: int = 3
) -> list[Offer]:
    """The soonest free times that do not overlap, for what cannot wait."""
    chosen: list[Offer] = []
    for offer in free(opening, taken, minutes=minutes, earliest=earliest):
        if len(chosen) == count:
            break
        if not chosen or offer.start >= chosen[-1].start + timedelta(minutes=minutes):
            chosen.append(offer)
    return chosen


def fits(opening: Opening, start: datetime, minutes: int) -> bool:
    """Whether the shop offers a job of that length at ``start`` at all."""
    return start in _starts_of_day(opening, minutes, start.astimezone(ZoneInfo(opening.time_zone)).date())


def _half_day(offer: Offer, zone: ZoneInfo) -> tuple[date, bool]:
    local = offer.start.astimezone(zone)
    return local.date(), local.hour >= _NOON


def _starts(opening: Opening, minutes: int, earliest: datetime) -> Iterator[datetime]:
    first_day = earliest.astimezone(ZoneInfo(opening.time_zone)).date()
    for offset in range(HORIZON_DAYS + 1):
        for start in _starts_of_day(opening, minutes, first_day + timedelta(days=offset)):
            if start >= earliest:
                yield start


def _starts_of_day(opening: Opening, minutes: int, day: date) -> Iterator[datetime]:
    if day in opening.closed_days:
        return
    zone = ZoneInfo(opening.time_zone)
    for first, last in opening.hours.get(day.weekday(), ()):
        start = datetime.combine(day, first, zone).astimezone(UTC)
        end = datetime.combine(day, last, zone).astimezone(UTC)
        while start + timedelta(minutes=minutes) <= end:
            yield start
            start += SLOT
