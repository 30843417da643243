"""Collection campaigns: what a device shall collect, when, how much and until when; and what comes back. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from vehicle.errors import CampaignError, ConditionError, MessageError, UnknownSignalError
from vehicle.expression import Truth, parse, readings
from vehicle.signals import signal

if TYPE_CHECKING:
    from collections.abc import Iterator

CAMPAIGN_ID = re.compile(r"[a-z0-9-]{4,64}")
MOST_CAMPAIGNS = 20
"""Campaigns of one device at a time (our choice)."""
MOST_SIGNALS = 32
PERIODS_MS = (100, 60_000)
"""Fastest and slowest rate of a signal; how fast a car answers is the car's affair."""
MOST_BEFORE_S, MOST_AFTER_S = 300.0, 600.0
"""Longest pre- and post-trigger windows of signals; for frames see below (our choice)."""
MOST_BEFORE_FRAMES_S, MOST_AFTER_FRAMES_S = 30.0, 60.0
MOST_TRIGGERS = 1000
BYTES_A_DAY = (10_000, 64_000_000)
STALE_MS = 10_000
"""A signal that has not been read for so long, and for three of its periods, is unknown to a condition (our choice)."""
MOST_FRAMES = 500_000
_MAX_NAME = 120


class Campaign(msgspec.Struct, frozen=True, kw_only=True):
    """One campaign of a device.

    ``signals`` are VSS paths with the milliseconds between two readings; ``frames`` asks for the raw frames of the
    bus too. When ``condition`` becomes true, what happened from ``before_s`` before to ``after_s`` after it is
    collected; not after ``until_ms`` (UTC), not more than ``most_a_day`` times and ``bytes_a_day`` bytes a day.
    """

    id: str
    version: int
    name: str
    condition: str
    until_ms: int
    signals: dict[str, int] = {}
    frames: bool = False
    before_s: float = 0.0
    after_s: float = 0.0
    most_a_day: int = 20
    bytes_a_day: int = 5_000_000


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign that a device does not carry out, and why."""

    campaign: str
    version: int
    reason: str


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """All that a device shall collect; ``version`` grows with each change, and the device tells which one it has.

    ``positions`` says that the vehicle's owner allows positions to be collected.
    """

    version: int
    campaigns: list[Campaign] = []
    positions: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """A campaign that was found right, with its condition read."""

    campaign: Campaign
    condition: Truth

    @property
    def watched(self) -> frozenset[str]:
        """The signals of the condition."""
        return readings(self.condition)

    @property
    def periods_ms(self) -> dict[str, int]:
        """How often each signal is to be read: as asked, and what only the condition needs once a second."""
        return dict.fromkeys(sorted(self.watched), _CONDITION_MS) | self.campaign.signals

    @property
    def stale_ms(self) -> int:
        """Age above which a reading says nothing to the condition."""
        return max(STALE_MS, *(3 * period for period in self.periods_ms.values()), 0)


_CONDITION_MS = 1000


def checked(campaign: Campaign) -> Plan:
    """The campaign, read.

    Raises:
        CampaignError: a field that does not fit; names the place and the mend. The first of :func:`faults`.
    """
    for fault in faults(campaign):
        raise fault
    return Plan(campaign, parse(campaign.condition))


def faults(campaign: Campaign) -> Iterator[CampaignError]:
    """Everything that is wrong with a campaign, field by field."""
    if not CAMPAIGN_ID.fullmatch(campaign.id) or campaign.version < 1:
        yield CampaignError(
            "id", "{identity!r} is no campaign's identity", identity=f"{campaign.id}/{campaign.version}"
        )
    if not 0 < len(campaign.name.strip()) <= _MAX_NAME:
        yield CampaignError("name", "give it a name of 1 to {most} characters", most=_MAX_NAME)
    try:
        parse(campaign.condition)
    except ConditionError as error:
        yield CampaignError("condition", error.sentence, column=error.column, **error.values)
    yield from _signal_faults(campaign)
    yield from _window_faults(campaign)
    yield from _budget_faults(campaign)


def _signal_faults(campaign: Campaign) -> Iterator[CampaignError]:
    if not campaign.signals and not campaign.frames:
        yield CampaignError("signals", "name at least one signal, or ask for the raw frames")
    if len(campaign.signals) > MOST_SIGNALS:
        why = "{count} signals, at most {most} are taken"
        yield CampaignError("signals", why, count=len(campaign.signals), most=MOST_SIGNALS)
    fastest, slowest = PERIODS_MS
    for path, period_ms in campaign.signals.items():
        try:
            signal(path)
        except UnknownSignalError as error:
            why = "signal {path!r} is not in the catalogue; did you mean {nearest}?"
            yield CampaignError("signals", why, path=path, nearest=", ".join(error.nearest) or "…")
        if not fastest <= period_ms <= slowest:
            why = "{path} every {period_ms} ms; {fastest} to {slowest} ms are possible"
            yield CampaignError("signals", why, path=path, period_ms=period_ms, fastest=fastest, slowest=slowest)


def _window_faults(campaign: Campaign) -> Iterator[CampaignError]:
    most_before = MOST_BEFORE_FRAMES_S if campaign.frames else MOST_BEFORE_S
    most_after = MOST_AFTER_FRAMES_S if campaign.frames else MOST_AFTER_S
    windows = (("before_s", campaign.before_s, most_before), ("after_s", campaign.after_s, most_after))
    for place, seconds, most in windows:
        if 0 <= seconds <= most:
            continue
        if campaign.frames:
            yield CampaignError(
                place, "{seconds:g} s; with raw frames 0 to {most:g} s are possible", seconds=seconds, most=most
            )
        else:
            yield CampaignError(place, "{seconds:g} s; 0 to {most:g} s are possible", seconds=seconds, most=most)
    if campaign.before_s == campaign.after_s == 0:
        yield CampaignError("before_s", "both windows are empty; give seconds before or after the trigger")


def _budget_faults(campaign: Campaign) -> Iterator[CampaignError]:
    if not 1 <= campaign.most_a_day <= MOST_TRIGGERS:
        why = "{count}; 1 to {most} triggers a day are possible"
        yield CampaignError("most_a_day", why, count=campaign.most_a_day, most=MOST_TRIGGERS)
    fewest, most = BYTES_A_DAY
    if not fewest <= campaign.bytes_a_day <= most:
        why = "{count}; {fewest} to {most} bytes a day are possible"
        yield CampaignError("bytes_a_day", why, count=campaign.bytes_a_day, fewest=fewest, most=most)
    if campaign.until_ms <= 0:
        yield CampaignError("until_ms", "say until when it shall run")


class Rows(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Readings: ``at_ms`` from the trigger (negative before it), and a column of raw integers, or null, a signal."""

    at_ms: list[int] = []
    columns: dict[str, list[int | None]] = {}


class Frames(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Raw frames: ``at_us`` from the trigger, identifiers with bit 31 set where they have 29 bits, data in hex.

    ``sent`` are the places, from 0, of those that the device itself sent.
    """

    at_us: list[int] = []
    ids: list[int] = []
    data: list[str] = []
    sent: list[int] = []


class CapturePart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The data of an event of kind ``campaign``: one of ``parts`` numbered parts of what one trigger collected.

    ``capture`` names the trigger, ``fired`` holds the values that made the condition true. ``begin_ms`` and ``end_ms``
    are the span that was really watched, from the trigger; ``missed`` counts triggers that the budget left out since
    the capture before; ``cut`` says that memory ended the span before its time.
    """

    campaign: str
    version: int
    capture: str
    part: int
    parts: int
    begin_ms: int
    end_ms: int
    fired: dict[str, float] = {}
    missed: int = 0
    cut: bool = False
    rows: Rows = Rows()
    frames: Frames = Frames()


_CAPTURE_ID = re.compile(r"[0-9a-f]{16}")
_MOST_PARTS = 10_000


def read_config(payload: bytes) -> Config:
    """What a device is told to collect.

    Raises:
        MessageError: not JSON, or not of this form.
    """
    try:
        return msgspec.json.decode(payload, type=Config)
    except msgspec.DecodeError as error:
        raise MessageError("config", str(error)) from error


def write_config(config: Config) -> bytes:
    """The message that tells a device what to collect."""
    return msgspec.json.encode(config)


def read_part(data: dict[str, Any]) -> CapturePart:
    """What an event of kind ``campaign`` holds.

    Raises:
        MessageError: a field is missing or of another type, or columns and times don't go together.
    """
    try:
        part = msgspec.convert(data, CapturePart)
    except msgspec.ValidationError as error:
        raise MessageError("campaign", str(error)) from error
    for wrong, why in _part_faults(part):
        if wrong:
            raise MessageError("campaign", why)
    return part


def _part_faults(part: CapturePart) -> Iterator[tuple[bool, str]]:
    rows, frames = part.rows, part.frames
    identity = CAMPAIGN_ID.fullmatch(part.campaign) and _CAPTURE_ID.fullmatch(part.capture) and part.version > 0
    yield not identity, "campaign, version or capture is no identity"
    yield not 1 <= part.part <= part.parts <= _MOST_PARTS, f"part {part.part} of {part.parts}"
    yield len(part.fired) > MOST_SIGNALS, "too many values in `fired`"
    yield any(len(column) != len(rows.at_ms) for column in rows.columns.values()), "a column and the times differ"
    yield len(rows.columns) > MOST_SIGNALS, "too many columns"
    yield not len(frames.at_us) == len(frames.ids) == len(frames.data), "frames and their times differ"
    yield any(not 0 <= at < len(frames.ids) for at in frames.sent), "`sent` names a frame that is not there"
    yield not all(_HEX.fullmatch(data) for data in frames.data), "the data of a frame is not hex"


_HEX = re.compile(r"(?:[0-9A-F]{2}){0,64}")
