"""What the subsystems of a car tell each other within one second, and the weather that a car stands or drives in."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from simulators.fleet.arrays import Floats, full

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """The air about the cars, ``(n,)`` each; while a car stands, the mean of the last hours."""

    ambient_c: Floats
    baro_kpa: Floats
    humidity: Floats
    """Relative, 0 to 1."""


@dataclass(slots=True, kw_only=True)
class Moment:
    """One second of ``n`` vehicles: arrays ``(n,)`` of float32, ``(n, 4)`` where it says so.

    The one value here that changes in place: the runner fills the first group, then each subsystem in its order reads
    what those before it wrote and writes the fields that its module names in ``GIVES``. A subsystem replaces a field
    (``moment.rpm = ...``) and never writes into an array that another has put there. What no subsystem of a
    powertrain writes stays zero.
    """

    speed_mps: Floats
    accel_mps2: Floats
    lateral_mps2: Floats
    yaw_rps: Floats
    grade: Floats
    """Slope of the road as a fraction, up positive."""
    payload_kg: Floats
    """People and goods beyond the driver, and the trailer."""
    tow_kg: Floats
    """Of the trailer; 0 without one."""
    ambient_c: Floats
    baro_kpa: Floats
    humidity: Floats
    wet: Floats
    """1 on a wet road, else 0."""
    air_conditioning: Floats
    """0 off to 1 full."""
    heater: Floats
    """0 off to 1 full."""
    night: Floats
    """1 in the dark, else 0."""
    consumers_w: Floats
    """What people have switched on in the 12 V system beyond the base load."""
    session_s: Floats
    """Seconds since the session (drive or charge) began."""
    run_s: Floats
    """Seconds since the engine, or readiness to drive, began."""
    charger_w: Floats
    """Power that the charging post offers at the battery's terminals; 0 while driving."""
    charge_to: Floats
    """Charge, 0 to 1, at which the driver has set charging to end."""

    mass_kg: Floats
    wheel_power_w: Floats
    """Asked at the wheels: positive traction, negative to be braked."""
    friction_brake_w: Floats
    """Of the slowing, what the friction brakes turn to heat (>= 0)."""
    regen_w: Floats
    """Of the slowing, what a motor takes back (>= 0)."""
    engine_on: Floats
    """1 while the combustion engine turns by itself, else 0."""
    rpm: Floats
    input_rpm: Floats
    """Engine side of the gearbox: what the converter or clutch is driven with."""
    gear: Floats
    torque_nm: Floats
    heat_w: Floats
    """Heat that fuel must give for the work asked."""
    fuel_gps: Floats
    air_gps: Floats
    """Into the cylinders."""
    metered_gps: Floats
    """What the control unit takes the air to be."""
    purge_percent: Floats
    """Of the fuel, what comes as vapour from the tank."""
    ethanol: Floats
    """Of the fuel in the tank, 0 to 1."""
    lean_percent: Floats
    """How much leaner than wanted the mixture is."""
    enrichment: Floats
    """Fuel beyond what burns with the air, as a part of it: full load and cold start."""
    manifold_kpa: Floats
    boost_kpa: Floats
    load: Floats
    """Air of the filling as a part of what fits, 0 to 1 (above with boost)."""
    fuel_cut: Floats
    """1 where the car pushes the engine and no fuel is given."""
    friction_w: Floats
    """Lost in the engine itself."""
    intake_c: Floats
    bonnet_c: Floats
    coolant_c: Floats
    oil_c: Floats
    exhaust_c: Floats
    accessories_w: Floats
    """Taken from the engine's shaft by compressor, pumps and alternator."""
    electrical_load_w: Floats
    """Asked of the 12 V system."""
    low_voltage_v: Floats
    misfire_share: Floats
    """Of all firings, those that fail, 0 to 1."""
    motor_w: Floats
    """Electrical power of the traction motor: positive driving, negative taking back."""
    high_voltage_v: Floats
    traction_charge: Floats
    """State of charge of the traction battery, 0 to 1."""
    charge_limit_w: Floats
    """What the traction battery can take at its terminals."""
    held_back: Floats
    """Part of the motors' power that the traction battery's management forbids, 0 to 1."""
    motor_rpm: Floats
    disc_c: Floats
    """Temperature of the brake discs, ``(n, 4)``: front left, front right, rear left, rear right."""
    turning: Floats
    """How fast the wheels turn against wheels of nominal radius without slip, ``(n, 4)``."""

    def arrays(self) -> Iterator[tuple[str, Floats]]:
        """Every field with its name."""
        for field in fields(self):
            yield field.name, getattr(self, field.name)


def still(n: int) -> Moment:
    """``n`` vehicles of which nothing is known: all zero, at 20 °C and at sea level."""
    zero = np.zeros(n, dtype=np.float32)
    moment = Moment(**{field.name: zero for field in fields(Moment)})
    moment.ambient_c, moment.intake_c, moment.bonnet_c = full(n, 20.0), full(n, 20.0), full(n, 20.0)
    moment.coolant_c, moment.oil_c, moment.exhaust_c = full(n, 20.0), full(n, 20.0), full(n, 20.0)
    moment.baro_kpa, moment.humidity = full(n, 101.3), full(n, 0.6)
    moment.manifold_kpa, moment.low_voltage_v = full(n, 101.3), full(n, 12.6)
    moment.mass_kg = full(n, 1400.0)
    moment.disc_c, moment.turning = full(4 * n, 20.0).reshape(4, n).T, full(4 * n, 1.0).reshape(4, n).T
    return moment


def weather_of(moment: Moment) -> Weather:
    """The air of this second."""
    return Weather(ambient_c=moment.ambient_c, baro_kpa=moment.baro_kpa, humidity=moment.humidity)
