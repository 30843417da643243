"""Open Vehicle Monitoring System, version 3: its metrics as text, one a topic, and its presence. Pure.

Topics and content as in openvehicles/Open-Vehicle-Monitoring-System-3, components/ovms_server_v3/src/
ovms_server_v3.cpp: ``ovms/<user>/<vehicle>/metric/v/p/speed``, QoS 0, retained; units as in main/metrics_standard.cpp.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ingest.foreign import UNKNOWN, Importer, Reading, ignored, one_row
from vehicle import signals
from vehicle.errors import Reason, WireError

if TYPE_CHECKING:
    from collections.abc import Mapping

METRES_PER_KILOMETRE = 1000.0
PRESENCE = "s.v3.connected"
_BELOW_ID = 3
"""Levels below the user's: the vehicle's id, the word ``metric``, and at least one of the name."""
_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,15})?([eE][+-]?\d{1,2})?")

NAMES: Mapping[str, tuple[str, float]] = {
    "v.p.speed": (signals.SPEED, 1.0),
    "v.p.odometer": (signals.ODOMETER, METRES_PER_KILOMETRE),
    "v.b.12v.voltage": (signals.CONTROL_MODULE_VOLTAGE, 1.0),
    "v.b.soc": ("Vehicle.OBD.HybridBatteryRemaining", 1.0),
    "v.e.temp": (signals.AMBIENT_AIR_TEMPERATURE, 1.0),
    "v.e.throttle": (signals.THROTTLE, 1.0),
}
"""Metric -> signal, and what to multiply by to come to its unit."""

SETTINGS = """\
In the module's shell:
config set server.v3 server {host}
config set server.v3 port {port}
config set server.v3 user {device}
config set password server.v3 {password}
config set vehicle id {device}
config set server.v3 topic.prefix ovms/{device}/{device}/
config set auto server.v3 yes
"""


def read(levels: tuple[str, ...], payload: bytes) -> Reading:
    """One metric, or whether the module is connected; an empty one is a metric that has no value.

    Raises:
        WireError: the value of a known metric is no number.
    """
    if len(levels) < _BELOW_ID or levels[1] != "metric":
        return ignored()
    name = ".".join(levels[2:])
    text = payload.decode("utf-8", errors="replace").strip()
    if name == PRESENCE:
        return Reading(online=text == "yes")
    if name not in NAMES:
        return ignored(UNKNOWN)
    if not text:
        return ignored("empty_metric")
    if not _NUMBER.fullmatch(text, endpos=len(text)) or not text.isascii():
        raise WireError(Reason.DECODE, f"{name} is {text[:40]!r}, a number is expected")
    path, factor = NAMES[name]
    return one_row({path: float(text) * factor})


IMPORTER = Importer(kind="ovms", filters=("ovms/+/+/metric/#",), read=read, settings=SETTINGS)
