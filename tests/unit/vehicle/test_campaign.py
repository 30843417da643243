"""Campaigns: what is taken, what is refused and where, and what comes back."""

from __future__ import annotations

import msgspec
import pytest

from vehicle.campaign import (
    Campaign,
    CapturePart,
    Config,
    Frames,
    Rows,
    checked,
    faults,
    read_config,
    read_part,
    write_config,
)
from vehicle.errors import CampaignError, MessageError
from vehicle.signals import COOLANT_TEMPERATURE, SPEED

GOOD = Campaign(
    id="overheats", version=1, name="Overheats uphill", condition=f"{COOLANT_TEMPERATURE} > 105", until_ms=1,
    signals={SPEED: 500}, before_s=10, after_s=5,
)  # fmt: skip


def test_a_config_comes_through_as_it_was() -> None:
    """What the server writes the device reads; fields of a newer server are ignored."""
    config = Config(version=7, campaigns=[GOOD])
    assert read_config(write_config(config)) == config
    assert read_config(b'{"version": 3, "colour": 1}') == Config(version=3)
    with pytest.raises(MessageError):
        read_config(b'{"campaigns": 3}')


def test_a_plan_reads_what_the_condition_needs_too() -> None:
    """The signals of the condition are read once a second unless the campaign says otherwise."""
    plan = checked(GOOD)
    assert plan.periods_ms == {COOLANT_TEMPERATURE: 1000, SPEED: 500}
    assert plan.stale_ms == 10_000
    assert checked(msgspec.structs.replace(GOOD, signals={SPEED: 60_000})).stale_ms == 180_000


@pytest.mark.parametrize(
    ("change", "place", "words"),
    [
        ({"name": " "}, "name", "name"),
        ({"id": "No"}, "id", "identity"),
        ({"condition": "Vehicle.Speed >"}, "condition", "missing"),
        ({"signals": {}}, "signals", "at least one"),
        ({"signals": {"Vehicle.Sped": 1000}}, "signals", "did you mean Vehicle.Speed"),
        ({"signals": {SPEED: 5}}, "signals", "100 to 60000"),
        ({"before_s": 301}, "before_s", "0 to 300"),
        ({"before_s": 31, "frames": True}, "before_s", "with raw frames 0 to 30 s"),
        ({"before_s": float("nan")}, "before_s", "0 to 300"),
        ({"before_s": 0, "after_s": 0}, "before_s", "empty"),
        ({"most_a_day": 0}, "most_a_day", "1 to 1000"),
        ({"bytes_a_day": 5}, "bytes_a_day", "10000"),
        ({"until_ms": 0}, "until_ms", "until when"),
    ],
)
def test_each_fault_has_its_place(change, place: str, words: str) -> None:
    """A campaign that cannot be taken is refused with the field and what would be right."""
    (fault,) = faults(msgspec.structs.replace(GOOD, **change))
    assert fault.place == place
    assert words in fault.why
    with pytest.raises(CampaignError):
        checked(msgspec.structs.replace(GOOD, **change))


PART = CapturePart(
    campaign="overheats", version=1, capture="0123456789abcdef", part=1, parts=1, begin_ms=-10, end_ms=10,
    rows=Rows(at_ms=[-10, 0], columns={SPEED: [3, None]}),
    frames=Frames(at_us=[5], ids=[0x7E8], data=["03410D00"], sent=[0]),
)  # fmt: skip


def test_a_part_comes_through_as_it_was() -> None:
    """The plain form of a part is read to the same part."""
    assert read_part(msgspec.to_builtins(PART)) == PART


@pytest.mark.parametrize(
    "change",
    [
        {"capture": "x"},
        {"part": 2},
        {"parts": 0},
        {"rows": {"at_ms": [1], "columns": {SPEED: []}}},
        {"frames": {"at_us": [1], "ids": [], "data": []}},
        {"frames": {"at_us": [1], "ids": [1], "data": ["0"]}},
        {"frames": {"at_us": [1], "ids": [1], "data": ["00"], "sent": [1]}},
        {"colour": 1},
        {"version": "one"},
    ],
)
def test_a_part_that_does_not_hold_together_is_refused(change) -> None:
    """What no honest device sends is set apart, whole."""
    with pytest.raises(MessageError):
        read_part(msgspec.to_builtins(PART) | change)
