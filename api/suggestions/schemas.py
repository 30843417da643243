"""What goes in and out about suggestions."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from diagnostics.findings import Component, Outcome

Text = dict[str, str]


class LikelyOut(BaseModel):
    """A cause that may be behind the findings; texts are empty for another fault of the component."""

    model_config = ConfigDict(from_attributes=True)

    key: str
    component: str
    probability: float
    title: Text
    check_first: Text
    waiting: Text


class TimingOut(BaseModel):
    """What waiting costs.

    ``chance`` of failing within 30 days; ``ratio``: how many times as much a failure costs as the planned repair;
    ``waiting``: what a month costs on average, as a part of it; ``days`` until the repair was cheapest when this was
    computed, where a remaining life is known.
    """

    model_config = ConfigDict(from_attributes=True)

    chance: float
    ratio: float
    waiting: float
    days: float | None


class SuggestionOut(BaseModel):
    """Advice: a job, how urgent, and why; causes have the likeliest first.

    ``raised_at`` and ``cleared_at`` are by the car's own time: when the matter began, and when it was normal again for
    long enough. ``closed_at`` is when the advice ended.
    """

    model_config = ConfigDict(from_attributes=True)

    id: str
    vehicle_id: str
    component: str
    job: str
    severity: str
    confidence: float
    state: str
    created_at: datetime
    due_by: datetime | None
    title: Text
    text: Text
    finding_ids: list[str]
    causes: list[LikelyOut]
    raised_at: datetime | None
    cleared_at: datetime | None
    closed_at: datetime | None
    timing: TimingOut | None


class Dismissal(BaseModel):
    """Why advice is not followed."""

    why: str = Field("", max_length=1000)


class OutcomeIn(BaseModel):
    """What the workshop found."""

    outcome: Outcome
    component: Component | None = Field(None, description="Which one it was, where it was another cause.")
    note: str = Field("", max_length=4000)


class PrecisionOut(BaseModel):
    """How often a detector was right, where the workshop told, and what to expect of it: a share and its 90 % interval.

    ``poor``: even the upper end is less than bookings need.
    """

    detector: str
    confirmed: int
    other_cause: int
    no_trouble: int
    judged: int
    precision: float | None
    expected: float
    low: float
    high: float
    poor: bool


class CauseOut(BaseModel):
    """A cause that workshops found: its prior as shipped and now, and how often it was found."""

    model_config = ConfigDict(from_attributes=True)

    key: str
    component: str
    title: Text
    shipped: float
    now: float
    found: int
