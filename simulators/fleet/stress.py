"""What a fleet can be put under, to ask how robust its diagnosis is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Stress:
    """``loss`` share of batches of ``batch_ms`` that never arrive; ``stale``: half of the signals come a row late.

    ``unseen_climate``: the cars stand in regions that no world has; ``unseen_platform``: their makes are others;
    ``mismatch``: each number of a platform is off by up to this share.
    """

    name: str = "none"
    loss: float = 0.0
    batch_ms: int = 10_000
    stale: bool = False
    unseen_climate: bool = False
    unseen_platform: bool = False
    mismatch: float = 0.0


NONE = Stress()
LOSSY = Stress(name="lossy", loss=0.3, stale=True)
CLIMATE = Stress(name="climate", unseen_climate=True)
PLATFORM = Stress(name="platform", unseen_platform=True)
MISMATCH = Stress(name="mismatch", mismatch=0.2)
STRESSES = (LOSSY, CLIMATE, PLATFORM, MISMATCH)
