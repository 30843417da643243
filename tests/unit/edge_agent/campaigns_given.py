"""The campaign that tests of campaigns in the car begin with."""

from __future__ import annotations

import msgspec

from vehicle.campaign import Campaign
from vehicle.signals import SPEED

FAR_MS = 1 << 45
CAMPAIGN = Campaign(
    id="fast", version=1, name="fast", condition=f"{SPEED} > 80", until_ms=FAR_MS, signals={SPEED: 100},
    before_s=3, after_s=2,
)  # fmt: skip


def changed(**fields: object) -> Campaign:
    return msgspec.structs.replace(CAMPAIGN, **fields)
