"""The whole score of a simulated fleet: drive it, look at it, judge what was said, and the same for every rival."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib import resources
from multiprocessing import get_context
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from diagnostics.chances import read_chances
from diagnostics.prognosis import chance
from diagnostics.prognosis.crossing import FAR_DAYS
from scorecard import ageing, anomaly, rivals
from scorecard.ablations import ablations
from scorecard.alerts import Alerts, alerts_of, mended
from scorecard.card import Chances, Intervals, Service, components, figures
from scorecard.costs import bill
from scorecard.judging import heard, months_of, of_component, opinion
from scorecard.kinds import by_kind
from scorecard.matching import counted, lead_days, match
from scorecard.result import Score, score_of
from scorecard.seeing import code_version, groups_of, see, seen_in, together
from scorecard.truth import DAY_MS, faults_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from scorecard.judging import Opinion
    from scorecard.matching import Matched
    from scorecard.seeing import Request, Seen
    from scorecard.truth import Flags, Floats, Integers

SCALES = (0.6, 0.8, 1.0, 1.3, 1.7)
"""By which all limits of sequential tests are multiplied for the trade-off curve."""
AHEAD = (0.7, 1.0, 1.15, 1.3, 1.6, 2.0)
"""So many times as early parts that wear are advised, for the other curve."""
MEANT: Mapping[str, str] = MappingProxyType(
    {
        "engine_oil": "engine_oil/engine oil",
        "brake_pads_front": "brakes/front_pads",
        "brake_pads_rear": "brakes/rear_pads",
        "tyre_wear": "tyre_wear/tread",
        "gearbox_fluid": "transmission/gearbox_oil",
        "air_filter": "air_filter/air filter",
        "traction_battery": "traction_battery/traction_capacity",
        "auxiliary_battery": "battery_12v_ev/auxiliary_battery",
    }
)
"""Whose remaining life a detector states, in the ledger's words."""
RELIABILITY_BINS = 12
LEAST_DETECTABLE = 0.5
"""A kind of which less than half was found is named as not detectable (our choice)."""


def seen_fleet(request: Request, folder: Path, processes: int, progress: Callable[[int, int], None]) -> Seen:
    """Drives the fleet, as far as it was not driven before, and reads what was seen of it."""
    groups = groups_of(request)
    version = code_version()
    paths: dict[int, Path] = {}
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        order = sorted(range(len(groups)), key=lambda at: -sum(block.n for block in groups[at]))
        waiting = [pool.submit(see, request, number, folder, version) for number in order]
        for done, future in enumerate(as_completed(waiting)):
            paths |= future.result()
            progress(done + 1, len(groups))
    return together(seen_in(paths[number]) for number in sorted(paths))


def score(request: Request, seen: Seen, say: Callable[[str], None], *, rivals_too: bool = True) -> Score:
    """Scores our service, and the rivals where they are wanted."""
    watched, truth = seen.watched, seen.truth
    base = _base(seen)
    say("detectors")
    ours = opinion(seen.record)
    service = ours_as_service(ours, seen)
    found, matched = figures(truth, service, watched, base, request.seed)
    others = dict(_rivals(seen, say)) if rivals_too else {}
    by_scale = ((step, ours if step == 1.0 else opinion(seen.record, scale=step)) for step in SCALES)
    by_ahead = ((step, ours if step == 1.0 else opinion(seen.record, ahead=step)) for step in AHEAD)
    say("figures")
    values: dict[str, Any] = {
        "world": request.world, "stress": request.stress.name, "vehicles": request.vehicles,
        "years": request.days / 365.25, "seed": request.seed,
        "vehicle_years": float(watched.days.sum() / 365.25), "driven_hours": seen.driven_s / 3600.0,
        "faults": len(faults_of(truth)), "failures": int(counted(truth, watched).sum()),
        "figures": found, "components": components(truth, service, matched, watched, request.seed),
        "peers": {name: figures(truth, Service(alerts=each), watched, base, request.seed)[0]
                  for name, each in others.items()},
        "ablations": _ablations(seen, base, request.seed, say) if rivals_too else {},
        "trade_off": _trade_off(seen, base, say, by_scale) if rivals_too else [],
        "wear_trade_off": _trade_off(seen, base, say, by_ahead) if rivals_too else [],
        "reliability": reliability(service.chances) if service.chances is not None else [],
        "not_detectable": not_detectable(seen, service.alerts, matched),
        "kinds": [msgspec.to_builtins(row) for row in by_kind(truth, watched, service.alerts, matched, ours.stated)],
    }  # fmt: skip
    return score_of(values)


def _base(seen: Seen) -> Floats:
    """What schedule and repair after failure cost each vehicle: nothing is said, everything fails."""
    none = alerts_of([])
    return bill(seen.truth, none, match(seen.truth, none), seen.watched).of_vehicle


def ours_as_service(ours: Opinion, seen: Seen) -> Service:
    """Our opinion in the form in which every service is counted."""
    return Service(
        alerts=alerts_of(ours.said, mended(seen.record)), chances=_chances(ours, seen),
        intervals=_intervals(ours, seen), false_alarms_nominal=nominal(),
    )  # fmt: skip


def nominal() -> float | None:
    """False alarms a vehicle-year that the limits are set for, all together."""
    stated = read_nominal()
    return sum(stated.values()) if stated else None


def read_nominal(text: str | None = None) -> dict[str, float]:
    """False alarms a vehicle-year by component, as counted on the development fleet."""
    shipped = resources.files("scorecard") / "nominal.toml"
    return dict(msgspec.toml.decode(text if text is not None else shipped.read_text(encoding="utf-8")))


def questions(ours: Opinion, seen: Seen) -> Iterator[tuple[str, float, chance.Heard, Flags, Integers]]:
    """For each component and month: what was heard of which cars, and whether the part failed within 30 days.

    Asked of cars whose powertrain has the part: those of a kind in which it ever failed; not of cars in which it
    has failed and waits for its repair.
    """
    truth, cars = faults_of(seen.truth), seen.record.cars
    months = months_of(float(seen.watched.days.min()), seen.record.start_ms)
    for component in sorted({str(name) for name in truth.component}):
        mine = truth.only(truth.component == component)
        kinds = np.unique(cars.powertrain[mine.vehicle])
        has_it = np.isin(cars.powertrain, kinds)
        part = of_component(ours, component)
        for at_ms in months[1:-1].astype(np.float64):
            lying = (mine.failed_ms <= at_ms) & ~(mine.ended_ms <= at_ms)
            soon = (mine.failed_ms > at_ms) & (mine.failed_ms <= at_ms + chance.WITHIN_DAYS * DAY_MS)
            which = np.setdiff1d(np.flatnonzero(has_it), mine.vehicle[lying])
            came = np.isin(which, mine.vehicle[soon & mine.matters])
            yield component, at_ms, heard(part, component, at_ms, len(cars)), came, which


def _chances(ours: Opinion, seen: Seen) -> Chances | None:
    """Stated and age-only chances at the ends of months; None where the record is too short for any."""
    table, laws = read_chances(), ageing.read_laws()
    age = seen.record.cars.age_days
    rows: list[tuple[Integers, np.ndarray, Floats, Floats, Flags]] = []
    for component, at_ms, said, came, which in questions(ours, seen):
        now = age[which] + (at_ms - seen.record.start_ms) / DAY_MS
        law = laws.get(component)
        rival = law.soon(now) if law is not None else np.full(len(which), float(came.mean()) if len(came) else 0.0)
        stated = chance.chances(component, said, table)[which]
        rows.append((which, np.full(len(which), component), stated, rival, came))
    if not rows:
        return None
    vehicle, of, predicted, by_age, came_true = (np.concatenate(column) for column in zip(*rows, strict=True))
    return Chances(vehicle=vehicle, component=of, predicted=predicted, by_age=by_age, came=came_true)


def _intervals(ours: Opinion, seen: Seen) -> Intervals:
    """Stated remaining lives at the ends of months against what was really left of the part that was meant.

    The longest life that is stated means *so long or longer*.
    """
    truth = {
        (int(v), str(part), round(float(t) / DAY_MS)): float(d)
        for v, part, t, d in zip(seen.left.vehicle, seen.left.part, seen.left.at_ms, seen.left.days, strict=True)
    }
    rows: list[tuple[int, str, float, float, float]] = []
    for one in (stated for stated in ours.stated if stated.detector in MEANT):
        for vehicle in np.flatnonzero(~np.isnan(one.life_days[:, 1])):
            left = truth.get((int(vehicle), MEANT[one.detector], round(one.at_ms / DAY_MS)))
            if left is not None:
                low, high = one.life_days[vehicle, 0], one.life_days[vehicle, 2]
                rows.append((int(vehicle), one.component, low, high if high < FAR_DAYS else np.inf, left))
    columns: list[Any] = list(zip(*rows, strict=True)) if rows else [(), (), (), (), ()]
    return Intervals(
        vehicle=np.array(columns[0], dtype=np.int64), component=np.array(columns[1], dtype=np.str_),
        low=np.array(columns[2], dtype=np.float64), high=np.array(columns[3], dtype=np.float64),
        left=np.array(columns[4], dtype=np.float64),
    )  # fmt: skip


def reliability(said: Chances) -> list[tuple[float, float, int]]:
    """Mean stated chance, share that came, and how many, by bins that hold equal expected failures."""
    order = np.argsort(said.predicted, kind="stable")
    expected = np.cumsum(said.predicted[order])
    if not len(expected):
        return []
    edges = np.searchsorted(expected, np.linspace(0.0, expected[-1], RELIABILITY_BINS + 1)[1:-1])
    return [
        (float(said.predicted[part].mean()), float(said.came[part].mean()), len(part))
        for part in np.split(order, edges)
        if len(part)
    ]


def _until(seen: Seen) -> float:
    return float(seen.watched.until_ms.max())


def _rivals(seen: Seen, say: Callable[[str], None]) -> Iterator[tuple[str, Alerts]]:
    record, until = seen.record, _until(seen)
    say("rivals")
    yield "dtc_mil_only", rivals.lamp(record)
    yield "mileage_schedule", rivals.schedule(record, until)
    yield "age_only_weibull", rivals.by_age(record, ageing.read_laws(), until)
    yield "fixed_oem_thresholds", rivals.fixed_limits(record)
    forest = anomaly.grow(record, anomaly.features_for(record), seed=1)
    yield "isolation_forest", anomaly.oddities(record, forest, anomaly.components_of_features())


def _ablations(seen: Seen, base: Floats, seed: int, say: Callable[[str], None]) -> Mapping[str, Any]:
    found = {}
    for name, alerts in ablations(seen):
        say(f"ablation: {name}")
        found[name] = figures(seen.truth, Service(alerts=alerts), seen.watched, base, seed)[0]
    return found


def _trade_off(
    seen: Seen, base: Floats, say: Callable[[str], None], asked: Iterable[tuple[float, Opinion]]
) -> list[tuple[float, float, float]]:
    """Recall of classes A and B together, and false alarms, of our opinions step by step."""
    found = []
    for step, ours in asked:
        say(f"trade-off: {step:g}")
        service = Service(alerts=alerts_of(ours.said, mended(seen.record)))
        card, _ = figures(seen.truth, service, seen.watched, base, seed=0, draws=0)
        wrong = card["false_bookings_per_vehicle_year"].value + card["false_advisories_per_vehicle_year"].value
        recall = [card[name].value for name in ("recall_a", "recall_b") if name in card]
        found.append((step, float(np.mean(recall)) if recall else float("nan"), wrong))
    return found


def not_detectable(seen: Seen, alerts: Alerts, matched: Matched) -> list[str]:
    """Kinds of failures of which less than half was said before, with the figures; and those that come at once."""
    fell = counted(seen.truth, seen.watched)
    before = ~np.isnan(lead_days(seen.truth, alerts, matched))
    rows = []
    for kind in sorted({str(name) for name in seen.truth.kind[fell]}):
        these = fell & (seen.truth.kind == kind)
        share = float(before[these].mean())
        if share < LEAST_DETECTABLE:
            sudden = "" if seen.truth.gradual[these].all() else ", sudden"
            component = str(seen.truth.component[these][0])
            rows.append(f"{component}: {kind}{sudden}: {int(before[these].sum())} of {int(these.sum())}")
    return rows
