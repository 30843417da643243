"""Words for codes that pages show; English here, translated like every other text of the templates."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SEVERITIES: Mapping[str, str] = MappingProxyType(
    {"stop_now": "Stop now", "soon": "Soon", "next_service": "At the next service", "monitor": "Keep an eye on"}
)
COLOURS: Mapping[str, str] = MappingProxyType(
    {"stop_now": "red", "soon": "orange", "next_service": "yellow", "monitor": "azure"}
)
STATES: Mapping[str, str] = MappingProxyType(
    {
        "proposed": "Proposed", "accepted": "Agreed", "declined": "Declined", "withdrawn": "Withdrawn",
        "cancelled": "Cancelled", "done": "Done", "pending": "Pending", "stored": "Stored", "permanent": "Permanent",
        "active": "Active", "inactive": "No longer active",
    }
)  # fmt: skip
COMPONENTS: Mapping[str, str] = MappingProxyType(
    {
        "battery_12v": "12 V battery", "charging": "Charging", "cooling": "Cooling", "thermostat": "Thermostat",
        "fuel_air": "Fuel and air", "sensors": "Sensors", "engine_oil": "Engine oil", "brakes_front": "Front brakes",
        "brakes_rear": "Rear brakes",
        "engine": "Engine", "emissions": "Emissions", "transmission": "Transmission", "brakes": "Brakes",
        "body": "Body", "network": "Vehicle network", "misfire": "Misfire", "catalyst": "Catalyst",
        "oxygen_sensor": "Oxygen sensor", "evap": "Fuel tank vapours", "egr": "Exhaust gas recirculation",
        "boost": "Turbocharger and charge air", "dpf": "Particulate filter", "air_filter": "Air filter",
        "tyre_pressure": "Tyre pressure", "tyre_wear": "Tyre wear", "wheel_bearing": "Wheel bearing",
        "wheel_speed_sensor": "Wheel speed sensor", "traction_battery": "Traction battery",
        "cell_imbalance": "Cells of the traction battery", "insulation": "High-voltage insulation",
        "hv_thermal": "Traction battery cooling", "battery_12v_ev": "12 V battery of an electric car",
    }
)  # fmt: skip
STANDINGS: Mapping[str, str] = MappingProxyType(
    {
        "waiting": "Waiting to be sent", "sent": "Sent, not yet acknowledged", "taken": "Acknowledged",
        "refused": "Refused by the device", "let_go": "Let go of", "running": "Running", "over": "Over",
        "revoked": "Revoked",
    }
)  # fmt: skip
"""How devices stand with a campaign, and how a campaign stands."""
STANDING_COLOURS: Mapping[str, str] = MappingProxyType(
    {"waiting": "yellow", "sent": "yellow", "taken": "green", "refused": "red", "let_go": "azure"}
)
ROLES: Mapping[str, str] = MappingProxyType(
    {
        "owner": "Owner",
        "advisor": "Service advisor",
        "manager": "Manager",
        "engineer": "Engineer",
        "admin": "Administrator",
    }
)
MEASURED: Mapping[str, str] = MappingProxyType(
    {
        "pad_front_mm": "Brake pads, front (mm)",
        "pad_rear_mm": "Brake pads, rear (mm)",
        "tread_mm": "Tyre tread (mm)",
        "oil_life_percent": "Engine oil life (%)",
        "battery_state_percent": "Traction battery health (%)",
        "battery_12v_percent": "12 V battery by the tester (%)",
    }
)
"""What a workshop can enter."""
MESSAGES: Mapping[str, str] = MappingProxyType(
    {
        "proposed": "Told with a proposed time", "day_before": "Reminded the day before", "noticed": "Told",
        "after_7_days": "Reminded after 7 days", "after_14_days": "Reminded after 14 days",
    }
)  # fmt: skip
"""What went out to an owner about advice."""
POWERTRAINS: Mapping[str, str] = MappingProxyType(
    {
        "petrol": "Petrol", "petrol_turbo": "Petrol, turbo", "diesel": "Diesel", "hybrid": "Hybrid",
        "electric": "Electric", "van": "Van (diesel)",
    }
)  # fmt: skip
"""What a car can be told to be."""
READINGS: Mapping[str, str] = MappingProxyType(
    {
        "read_signals": "Values now",
        "read_freeze_frame": "Freeze frame",
        "read_readiness": "Readiness",
        "read_monitors": "Monitor results",
        "read_units": "Control units",
        "read_vin": "VIN",
    }
)
"""What a car can be asked for beside its codes."""
READINESS: Mapping[str, str] = MappingProxyType(
    {
        "misfire": "Misfire", "fuel_system": "Fuel system", "components": "Components", "catalyst": "Catalyst",
        "heated_catalyst": "Heated catalyst", "evaporative_system": "Evaporative system",
        "secondary_air": "Secondary air", "air_conditioning": "Air conditioning", "oxygen_sensor": "Oxygen sensor",
        "oxygen_sensor_heater": "Oxygen sensor heater", "egr_vvt": "Exhaust gas recirculation or valve timing",
        "nmhc_catalyst": "NMHC catalyst", "nox_aftertreatment": "NOx aftertreatment",
        "boost_pressure": "Boost pressure", "exhaust_gas_sensor": "Exhaust gas sensor",
        "particulate_filter": "Particulate filter",
    }
)  # fmt: skip
"""The monitors of the emission system."""
