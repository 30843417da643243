"""What sound trips look like to the detectors of the engine and gearbox, and what their faults add to them."""

from __future__ import annotations

SOUND = {
    "misfires": (4.0, 0.5), "misfire_1": (1.0, 0.2), "misfire_2": (1.0, 0.2), "misfire_3": (1.0, 0.2),
    "misfire_4": (1.0, 0.2), "catalyst_result": (40.0, 4.0), "front_oxygen_result": (35.0, 4.0),
    "rear_oxygen_result": (35.0, 4.0), "evap_result": (30.0, 5.0), "egr_result": (40.0, 4.0),
    "fuel_first": (50.0, 0.5), "fuel_last": (47.0, 0.5), "egr_error": (1.0, 3.0), "egr_command": (25.0, 3.0),
    "boost_gap": (0.5, 1.2), "boost_control": (45.0, 2.5), "charge_air_excess": (0.05, 0.015),
    "dpf_k": (20.0, 0.1), "dpf_soot_first": (8.0, 0.5), "dpf_soot_last": (8.5, 0.5), "dpf_regen_s": (0.0, 0.0),
    "dpf_regen_open": (0.0, 0.0), "gearbox_dose_h": (0.4, 0.05), "gearbox_hot_s": (0.0, 0.0),
    "gearbox_max": (92.0, 3.0), "fluid_excess": (3.0, 2.0), "idle_oil_pressure": (5.0, 0.03),
    "cruise_oil_pressure": (5.8, 0.03), "oil_pressure_low": (0.0, 0.0), "converter_slip": (12.0, 6.0),
    "gear_ratio_2": (0.9, 0.002),
    "gear_ratio_3": (0.6, 0.002), "gear_ratio_4": (0.3, 0.002), "gear_ratio_5": (0.1, 0.002),
    "gear_ratio_6": (-0.2, 0.002), "intake_depression": (3.0, 0.6), "intake_air_kg": (12.0, 1.0),
    "own_oil_life": (60.0, 0.0),
}  # fmt: skip
HOLES = ("dpf_regen_soot",)
"""Features that are NaN on every sound trip."""

FAULTY = {
    "misfire": {"misfire_3": 400.0, "misfires": 400.0},
    "catalyst": {"catalyst_result": 55.0},
    "oxygen_sensor": {"front_oxygen_result": 60.0},
    "evap": {"evap_result": 90.0},
    "egr": {"egr_error": 30.0},
    "boost": {"boost_gap": 20.0},
    "dpf": {"dpf_soot_first": 50.0, "dpf_soot_last": 51.0},
    "transmission": {"gear_ratio_2": 0.06, "gear_ratio_3": 0.06, "gear_ratio_4": 0.06, "gear_ratio_5": 0.06},
    "oil_pressure": {"oil_pressure_low": 20.0},
    "gearbox_fluid": {"gearbox_dose_h": 300.0},
    "air_filter": {"intake_depression": 6.0},
}
"""By detector, what its fault adds to the features of a sound trip."""
EMPTY = ("intake_air_kg", "gearbox_dose_h", "gearbox_hot_s", "dpf_regen_s")
"""Sums that are 0 in a trip that tells nothing."""
