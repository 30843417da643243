"""Which signals diagnostics looks at, in the order of the columns of its arrays."""

from __future__ import annotations

from vehicle import signals as s

SIGNALS: tuple[str, ...] = (
    s.ENGINE_SPEED,
    s.SPEED,
    s.COOLANT_TEMPERATURE,
    s.CONTROL_MODULE_VOLTAGE,
    s.RUN_TIME,
    s.SHORT_TERM_FUEL_TRIM_1,
    s.LONG_TERM_FUEL_TRIM_1,
    s.MAP,
    s.THROTTLE,
    s.INTAKE_AIR_TEMPERATURE,
    s.AMBIENT_AIR_TEMPERATURE,
    s.OIL_TEMPERATURE,
    s.FUEL_SYSTEM_STATUS,
)

(
    ENGINE_SPEED,
    SPEED,
    COOLANT,
    VOLTAGE,
    RUN_TIME,
    SHORT_TRIM,
    LONG_TRIM,
    MANIFOLD,
    THROTTLE,
    INTAKE_AIR,
    AMBIENT,
    OIL,
    FUEL_STATUS,
) = range(len(SIGNALS))
