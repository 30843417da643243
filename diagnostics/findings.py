"""What diagnostics says: findings with their evidence, suggestions, and the health of components.

Plain values that the database, the service desk and the screens share. Times are aware UTC ``datetime``; a text is a
mapping with the keys ``en`` and ``zh``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

Text = dict[str, str]
"""The same sentence by language: ``en`` and ``zh``."""


class Severity(StrEnum):
    """How bad it is if true, worst first."""

    STOP_NOW = "stop_now"
    SOON = "soon"
    NEXT_SERVICE = "next_service"
    MONITOR = "monitor"

    @property
    def rank(self) -> int:
        """0 is the worst."""
        return list(Severity).index(self)


class SuggestionState(StrEnum):
    """Where a suggestion is: it starts ``open`` and ends in one of the last three."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DISMISSED = "dismissed"
    WITHDRAWN = "withdrawn"
    DONE = "done"


LIVING = frozenset({SuggestionState.OPEN, SuggestionState.ACCEPTED})
"""States in which a suggestion still asks for something."""


class Outcome(StrEnum):
    """What the workshop found."""

    CONFIRMED = "confirmed"
    OTHER_CAUSE = "other_cause"
    NO_TROUBLE_FOUND = "no_trouble_found"


class Component(StrEnum):
    """What can fail or wear out."""

    BATTERY_12V = "battery_12v"
    CHARGING = "charging"
    COOLING = "cooling"
    THERMOSTAT = "thermostat"
    FUEL_AIR = "fuel_air"
    SENSORS = "sensors"
    ENGINE_OIL = "engine_oil"
    BRAKES_FRONT = "brakes_front"
    BRAKES_REAR = "brakes_rear"
    ENGINE = "engine"
    EMISSIONS = "emissions"
    TRANSMISSION = "transmission"
    BRAKES = "brakes"
    BODY = "body"
    NETWORK = "network"
    MISFIRE = "misfire"
    CATALYST = "catalyst"
    OXYGEN_SENSOR = "oxygen_sensor"
    EVAP = "evap"
    EGR = "egr"
    BOOST = "boost"
    DPF = "dpf"
    AIR_FILTER = "air_filter"
    TYRE_PRESSURE = "tyre_pressure"
    TYRE_WEAR = "tyre_wear"
    WHEEL_BEARING = "wheel_bearing"
    WHEEL_SPEED_SENSOR = "wheel_speed_sensor"
    TRACTION_BATTERY = "traction_battery"
    CELL_IMBALANCE = "cell_imbalance"
    INSULATION = "insulation"
    HV_THERMAL = "hv_thermal"
    BATTERY_12V_EV = "battery_12v_ev"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a finding rests on, enough to draw it and to compute it again.

    ``points`` are (epoch milliseconds, value) by trip, oldest first, in ``unit``; ``expectation`` is what a sound car
    would show (one number, or points); ``threshold`` the limit that counted; ``window`` the samples behind it.
    """

    feature: str
    unit: str
    label: Text
    points: tuple[tuple[int, float], ...]
    expectation: float | tuple[tuple[int, float], ...] | None
    threshold: float | None
    window: tuple[int, int]
    signals: tuple[str, ...]
    device_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Immutable statement by a detector. ``since`` and ``found_at`` are times of the car's own samples.

    ``cleared_at`` is the time of the sample that showed the trouble gone, or None while it lasts.
    """

    id: str
    vehicle_id: str
    detector: str
    cause: str
    component: Component
    severity: Severity
    confidence: float
    since: datetime
    found_at: datetime
    cleared_at: datetime | None
    evidence: Evidence
    title: Text
    text: Text
    job: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Likely:
    """A cause that may be behind findings, how likely, what to check first, and what waiting costs.

    Texts are empty for "some other fault of the component", of which the findings' own words are all that is known.
    """

    key: str
    component: Component
    probability: float
    title: Text
    check_first: Text
    waiting: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What waiting with a repair costs, and when it is cheapest.

    ``chance`` of failing within 30 days; ``ratio``: how many times as much a failure on the road costs; ``waiting``:
    what 30 days of waiting cost on average, as a part of the planned repair; ``days`` from when it was computed until
    the repair is cheapest, None where no remaining life is stated or waiting is no dearer.
    """

    chance: float
    ratio: float
    waiting: float
    days: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Advice to a person, made of findings that share a cause; ``revision`` grows with every change of any of them.

    ``job`` is a code of work such as ``replace_thermostat``; ``due_by`` None means the next service; ``causes`` has the
    likeliest first. ``raised_at`` and ``cleared_at`` are times of the car's own samples: when the matter began, pauses
    of less than a week included, and when all of it had been normal for long enough. ``closed_at`` is when the advice
    ended, by the server's clock.
    """

    id: str
    vehicle_id: str
    component: Component
    job: str
    severity: Severity
    confidence: float
    state: SuggestionState
    created_at: datetime
    due_by: datetime | None
    title: Text
    text: Text
    finding_ids: tuple[str, ...]
    revision: int = 0
    changed_by: str = "diagnostics"
    causes: tuple[Likely, ...] = ()
    raised_at: datetime | None = None
    cleared_at: datetime | None = None
    closed_at: datetime | None = None
    timing: Timing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentHealth:
    """Health of a component, 1 is as new; ``rul_days`` is (low, median, high), low to high holding 90 %."""

    vehicle_id: str
    component: Component
    health: float
    rul_days: tuple[float, float, float] | None
    updated_at: datetime
    basis: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorPrecision:
    """How often a detector was right where the workshop told: ``confirmed`` of ``judged``.

    The others had another cause, or there was no trouble.
    """

    detector: str
    confirmed: int
    judged: int
    other_cause: int = 0
    no_trouble: int = 0

    @property
    def precision(self) -> float | None:
        """Share of judged suggestions that were confirmed; None before the first."""
        return self.confirmed / self.judged if self.judged > 0 else None


def as_json(evidence: Evidence) -> dict[str, Any]:
    """The evidence as plain JSON."""
    series = evidence.expectation
    return {
        "feature": evidence.feature,
        "unit": evidence.unit,
        "label": evidence.label,
        "points": [list(point) for point in evidence.points],
        "expectation": [list(point) for point in series] if isinstance(series, tuple) else series,
        "threshold": evidence.threshold,
        "window": list(evidence.window),
        "signals": list(evidence.signals),
        "device_id": evidence.device_id,
    }


def evidence_of(data: Mapping[str, Any]) -> Evidence:
    """The evidence that :func:`as_json` wrote."""
    series = data["expectation"]
    return Evidence(
        feature=data["feature"],
        unit=data["unit"],
        label=dict(data["label"]),
        points=tuple((int(at), float(value)) for at, value in data["points"]),
        expectation=tuple((int(at), float(value)) for at, value in series) if isinstance(series, list) else series,
        threshold=data["threshold"],
        window=(int(data["window"][0]), int(data["window"][1])),
        signals=tuple(data["signals"]),
        device_id=data["device_id"],
    )
