"""Which matters there are, and which signals they look at: the usual order of the columns of arrays of samples."""

from __future__ import annotations

from diagnostics.features import matters
from diagnostics.features.matter import discover_matters, signals_of
from vehicle import signals as s

FRAME = (s.ENGINE_SPEED, s.SPEED, s.RUN_TIME, s.IS_CHARGING)
"""What tells drives, charging and rest apart."""
MATTERS = discover_matters(matters)
SIGNALS = signals_of(MATTERS, FRAME)
