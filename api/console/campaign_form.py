"""The form of a campaign: from what a person typed to a draft, and from a campaign to what the form shows. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from api.campaigns.repository import Target
from api.campaigns.service import Draft
from api.errors import FaultyCampaignError
from api.times import EARLIEST, is_usable
from vehicle.campaign import BYTES_A_DAY, MOST_SIGNALS, PERIODS_MS
from vehicle.errors import CampaignError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from api.campaigns.repository import Record

SIGNAL_ROWS = 8
"""Signals that a new form asks for (our choice); by the API there may be more."""
RATES_MS = (100, 200, 500, 1000, 2000, 5000, 10_000, 60_000)
FRESH: Mapping[str, str] = {
    "before": "10", "after": "10", "most": "20", "megabytes": "5", "signal-1": "Vehicle.Speed", "rate-1": "1000",
}  # fmt: skip
"""What a new form begins with, besides the end of the campaign."""
MEGABYTE = 1_000_000
_TOO_LONG_MS = 1 << 31
"""Stands for each rate of so many milliseconds or more, however many digits it has; it is refused in words."""


@dataclass(slots=True)
class Typed:
    """A form that was read: the draft, and the fields that are no numbers or days."""

    draft: Draft
    faults: list[CampaignError] = field(default_factory=list)


def read(form: Mapping[str, str], time_zone: str) -> Typed:
    """The draft that a form stands for; a field that cannot be read is told, and left out."""
    faults: list[CampaignError] = []

    def number(name: str, place: str) -> float:
        text = form.get(name, "").strip().replace(",", ".")
        try:
            return float(text)
        except ValueError:
            faults.append(CampaignError(place, "{text!r} is no number", text=text))
            return 1.0

    draft = Draft(
        name=form.get("name", ""), condition=form.get("condition", "").strip(), signals=_signals(form, faults),
        frames="frames" in form, before_s=number("before", "before_s"), after_s=number("after", "after_s"),
        most_a_day=_whole(number("most", "most_a_day")),
        bytes_a_day=_whole(number("megabytes", "bytes_a_day") * MEGABYTE), until=_until(form, time_zone, faults),
        target=Target(**{f"{kind}s": _chosen(form, kind) for kind in ("vehicle", "model", "tag")}),
    )  # fmt: skip
    return Typed(draft, faults)


def seconds(form: Mapping[str, str]) -> float:
    """How long to record.

    Raises:
        FaultyCampaignError: that is no number.
    """
    text = form.get("seconds", "").strip()
    try:
        return float(text.replace(",", "."))
    except ValueError as error:
        raise FaultyCampaignError([CampaignError("seconds", "{text!r} is no number", text=text)]) from error


def in_its_unit(fault: CampaignError) -> CampaignError:
    """What is wrong with a field, in the unit of the form's field; the campaign's own budget is in bytes."""
    if fault.place != "bytes_a_day" or "fewest" not in fault.values:
        return fault
    why = "{fewest:g} to {most:g} megabytes a day are possible"
    fewest, most = (bound / MEGABYTE for bound in BYTES_A_DAY)
    return CampaignError(fault.place, why, fewest=fewest, most=most)


def rows(typed: Mapping[str, str]) -> range:
    """The numbers of the signals that the form has room for: as many as a campaign by the API has, if that is more."""
    last = max((at for at in range(1, MOST_SIGNALS + 1) if f"signal-{at}" in typed), default=0)
    return range(1, max(SIGNAL_ROWS, last) + 1)


def rates(typed: Mapping[str, str], number: int) -> Sequence[int]:
    """Rates to choose from for a signal, in milliseconds; with its own, which may be another by the API.

    One that no campaign can have is not offered, whatever was sent in its place.
    """
    own, (fastest, slowest) = _rate(typed.get(f"rate-{number}", "")), PERIODS_MS
    return RATES_MS if own is None or not fastest <= own <= slowest else sorted({*RATES_MS, own})


def shown(record: Record, time_zone: str) -> dict[str, str]:
    """What the form shows of a campaign."""
    made = record.campaign
    fields = {
        "name": made.name, "condition": made.condition, "before": f"{made.before_s:g}", "after": f"{made.after_s:g}",
        "most": str(made.most_a_day), "megabytes": f"{made.bytes_a_day / MEGABYTE:g}",
        "until": record.until_at.astimezone(ZoneInfo(time_zone)).date().isoformat(),
    }  # fmt: skip
    for at, (path, period_ms) in enumerate(made.signals.items(), start=1):
        fields |= {f"signal-{at}": path, f"rate-{at}": str(period_ms)}
    target = record.target
    named = (("vehicle", target.vehicles), ("model", target.models), ("tag", target.tags))
    fields |= {f"{kind}:{name}": "on" for kind, names in named for name in names}
    return fields | ({"frames": "on"} if made.frames else {})


def _signals(form: Mapping[str, str], faults: list[CampaignError]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, value in form.items():
        path, number = value.strip(), name.removeprefix("signal-")
        if not name.startswith("signal-") or not path:
            continue
        text = form.get(f"rate-{number}", "")
        rate = _rate(text)
        if rate is None:
            faults.append(CampaignError("signals", "{text!r} is no number", text=text))
        else:
            found[path] = rate
    return found


def _rate(text: str) -> int | None:
    """A rate in milliseconds, or None where there is none; Python reads no number of thousands of digits."""
    if not (text.isascii() and text.isdecimal()):
        return None
    digits = text.lstrip("0") or "0"
    return int(digits) if len(digits) < len(str(_TOO_LONG_MS)) else _TOO_LONG_MS


def _whole(value: float) -> int:
    return round(max(-1e12, min(value, 1e12))) if value == value else -1  # noqa: PLR0124  not a number is none


def _until(form: Mapping[str, str], time_zone: str, faults: list[CampaignError]) -> datetime:
    """The end of the day that was chosen, in the shop's time."""
    text = form.get("until", "")
    try:
        found = datetime.combine(date.fromisoformat(text), time(23, 59, 59), ZoneInfo(time_zone))
        if is_usable(found):
            return found
    except (ValueError, OverflowError):
        faults.append(CampaignError("until", "{text!r} is no day", text=text))
        return EARLIEST
    return EARLIEST


def _chosen(form: Mapping[str, str], kind: str) -> Sequence[str]:
    return [name.partition(":")[2] for name in form if name.startswith(f"{kind}:")]
