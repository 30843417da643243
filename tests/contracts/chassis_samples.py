"""Features of trips of sound cars, and what faults of chassis and traction battery add to them."""

from __future__ import annotations

CORNERS = ("fl", "fr", "rl", "rr")
SOUND = {
    **{f"tyre_{corner}_kpa": (235.0, 1.3) for corner in CORNERS}, "tyre_compensated": (1.0, 0.0),
    "tyre_work_km": (25.0, 4.0), "odometer_km": (60_000.0, 0.0),
    **{f"wheel_{corner}_{name}": mean_sd for corner in CORNERS for name, mean_sd in (
        ("rolling_n", (300.0, 10.0)), ("drops", (0.0, 0.0)), ("walking_n", (15.0, 2.0)), ("gone", (0.0, 0.0)),
        ("log", (0.0, 0.002)))},
    "charged_ah": (75.0, 0.7), "charged_percent": (50.0, 0.2), "charged_coldest": (20.0, 3.0),
    **{f"cell_{number}_mv": (0.0, 0.8) for number in range(1, 9)}, "cell_rest_volts": (3.8, 0.02),
    **{f"cell_{number}_mohm": (0.0, 0.05) for number in range(1, 9)},
    "insulation_log": (6.3, 0.08), "insulation_low": (6.2, 0.1), "insulation_humidity": (60.0, 10.0),
    "insulation_bus_volts": (390.0, 5.0),
    "pack_heat_kaah": (3.0, 0.5), "pack_cooling_kh": (1.0, 0.2), "pack_work_h": (0.5, 0.1), "pack_rise_k": (2.1, 0.5),
    "pack_hottest_c": (32.0, 3.0), "pack_apart_k": (1.5, 0.3),
    "ev_parked": (3.0, 0.0), "ev_topups": (0.3, 0.1), "ev_rest_volts": (12.6, 0.05), "ev_sag_volts": (0.6, 0.1),
}  # fmt: skip
"""Mean and spread by feature."""

FAULTY = {
    "brake_pads_rear": {"braking_joules_per_kg": 450_000.0},
    "tyre_wear": {"tyre_work_km": 12_000.0},
    "tyre_pressure": {"tyre_rl_kpa": -60.0},
    "wheel_bearing": {"odometer_km": 101_000.0, "wheel_rr_gone": 1.0},
    "wheel_speed_sensor": {"wheel_fr_drops": 30.0},
    "traction_battery": {"charged_ah": -25.0},
    "cell_imbalance": {"cell_4_mohm": 1.0},
    "insulation": {"insulation_log": -1.6},
    "hv_thermal": {"pack_rise_k": 9.0},
    "battery_12v_ev": {"ev_rest_volts": -0.9},
    "auxiliary_battery": {"measured_battery_12v_percent": 20.0},
}
"""By detector, what its fault adds."""
