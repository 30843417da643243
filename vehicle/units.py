"""The units that signals are given in, named as COVESA VSS 6.0 does (``spec/units.yaml``)."""

from __future__ import annotations

from enum import StrEnum


class Unit(StrEnum):
    """A VSS unit key; ``symbol`` is what people read."""

    NONE = ""
    KILOMETRES_PER_HOUR = "km/h"
    REVOLUTIONS_PER_MINUTE = "rpm"
    CELSIUS = "celsius"
    PERCENT = "percent"
    KILOPASCAL = "kPa"
    PASCAL = "Pa"
    VOLT = "V"
    MILLIAMPERE = "mA"
    AMPERE = "A"
    OHM = "Ohm"
    GRAMS_PER_SECOND = "g/s"
    LITRES_PER_HOUR = "l/h"
    MILLIGRAMS_PER_STROKE = "mg/stroke"
    SECONDS = "s"
    MINUTES = "min"
    METRE = "m"
    KILOMETRE = "km"
    DEGREES = "degrees"
    RATIO = "ratio"
    NEWTON_METRE = "Nm"
    COUNT = "count"
    KILOGRAMS_PER_HOUR = "kg/h"
    GRAM = "g"
    METRES_PER_SECOND_SQUARED = "m/s^2"
    DEGREES_PER_SECOND = "degrees/s"

    @property
    def symbol(self) -> str:
        """The unit as people write it, e.g. ``°C``."""
        return _SYMBOLS.get(self, self.value)


_SYMBOLS = {
    Unit.CELSIUS: "°C",
    Unit.PERCENT: "%",
    Unit.DEGREES: "°",
    Unit.RATIO: "",
    Unit.COUNT: "",
    Unit.LITRES_PER_HOUR: "L/h",
    Unit.MILLIGRAMS_PER_STROKE: "mg",
    Unit.NEWTON_METRE: "N·m",
    Unit.OHM: "Ω",
    Unit.METRES_PER_SECOND_SQUARED: "m/s²",
    Unit.DEGREES_PER_SECOND: "°/s",
}
