"""What the electrical system's voltage tells beside its value: how many batteries there are, and whether they rest.

Trucks and buses have two batteries of six cells in series; limits are written for one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from diagnostics.arrays import Flags, Floats

TWO_BATTERIES_V = 18.0
"""Above it there are two: no sound system of six cells reaches it, and none of twelve stays below (our choice)."""
STILL_V = 13.3
"""Of one battery: a full one just off the charger is below it within minutes; above it an alternator gives the voltage
(our choice)."""


def batteries(volts: Floats) -> Floats:
    """How many batteries in series give this voltage ``(n,)``: 1 or 2; NaN counts as one."""
    return np.where(volts > TWO_BATTERIES_V, 2.0, 1.0)


def at_rest(volts: Floats) -> Flags:
    """Where a voltage is one of batteries that nothing charges; not where it is unknown."""
    rests: Flags = volts <= STILL_V * batteries(volts)
    return rests
