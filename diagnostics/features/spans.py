"""How long things hold and last: what is common to all matters."""

from __future__ import annotations

HOLD_MS = 15_000
"""How long a value stands for the time after it (our choice: three slow polls)."""
CHARGE_HOLD_MS = 180_000
"""How long it stands while a car charges, which tells of itself once a minute (our choice: three minutes)."""
MISSED_MS = 90_000
"""Silence up to which a car that was active before it and is after is taken to have been so within it, unless the
engine's own run time tells (our choice: some packets lost one after another; a stop at a kiosk is longer)."""
TRIP_GAP_MS = 600_000
"""Silence that ends a trip (our choice; a stop-start pause or a fuel stop with the engine on is shorter)."""
ENGINE_OFF_MS = 300_000
"""Everything off for so long ends a trip though samples go on (our choice; stop-start pauses are shorter)."""
SOAK_MS = 10_800_000
"""Off for so long, temperatures have come close to each other and a battery's voltage has settled (three hours)."""
