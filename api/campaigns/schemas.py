"""What goes in and out about campaigns."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from api.times import Moment
from vehicle.expression import MAX_TEXT


class TargetIn(BaseModel):
    """The vehicles that are named, those of the models, and those with the tags."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    vehicles: list[str] = Field([], max_length=1000)
    models: list[str] = Field([], max_length=1000)
    tags: list[str] = Field([], max_length=1000)


class CampaignIn(BaseModel):
    """What shall be collected; docs/campaigns.md has the language of conditions."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=120)
    condition: str = Field(max_length=MAX_TEXT, description="When it triggers, as `Vehicle.Speed > 80 for 3 s`.")
    signals: dict[str, int] = Field({}, description="VSS path to milliseconds between two readings.")
    frames: bool = Field(default=False, description="The raw frames of the bus too.")
    before_s: float = Field(0.0, description="Seconds before the trigger.")
    after_s: float = Field(0.0, description="Seconds after it.")
    until: Moment
    most_a_day: int = Field(20, description="Triggers a day and device.")
    bytes_a_day: int = Field(5_000_000, description="Bytes a day and device, as they are sent.")
    target: TargetIn


class RecordingIn(BaseModel):
    """What a vehicle shall record from now on, for at most a minute."""

    model_config = ConfigDict(extra="forbid")

    seconds: float = Field(gt=0, le=60)
    signals: dict[str, int] = Field({}, description="VSS path to milliseconds between two readings.")
    frames: bool = Field(default=False, description="The raw frames of the bus too.")


class CampaignOut(BaseModel):
    """A campaign as it stands."""

    id: str
    version: int
    name: str
    state: str = Field(description="running, over or revoked.")
    condition: str
    signals: dict[str, int]
    frames: bool
    before_s: float
    after_s: float
    until: datetime
    most_a_day: int
    bytes_a_day: int
    target: TargetIn
    created_by: str
    created_at: datetime
    changed_by: str
    changed_at: datetime


class ConditionIn(BaseModel):
    """A condition to be looked at."""

    condition: str = Field(max_length=MAX_TEXT)


class ConditionOut(BaseModel):
    """How a condition is read; where it cannot be, the column and what would be right."""

    reads_as: str | None = None
    signals: list[str] = []
    column: int | None = None
    problem: str | None = None


class StandingOut(BaseModel):
    """How a device stands with a campaign: waiting, sent, taken, refused (with the reason) or let_go.

    Of one that is revoked or over, waiting and sent are the word that ends it; let_go is what the device has confirmed.
    """

    vehicle_id: str
    device: str
    state: str
    reason: str
    triggers: int


class CaptureOut(BaseModel):
    """What one trigger collected; times from the trigger."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    campaign_id: str
    version: int
    vehicle_id: str
    triggered_at: datetime
    begin_ms: int
    end_ms: int
    fired: dict[str, float] = Field(description="The values that made the condition true.")
    missed: int = Field(description="Triggers that the budget left out since the one before.")
    cut: bool = Field(description="Whether the device's memory or its end cut the window short.")
    parts: int
    size: int
    received_at: datetime


class ColumnOut(BaseModel):
    """Readings of a signal: milliseconds from the trigger and value."""

    path: str
    unit: str
    points: list[tuple[int, float]]


class CaptureDetail(CaptureOut):
    """A capture with its readings; frames are read at frames.log."""

    parts_held: int
    columns: list[ColumnOut]
    frames: int
