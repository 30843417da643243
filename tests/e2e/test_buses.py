"""Cars in other processes: our ECU on a multicast bus, our ELM327 port, and an ELM327 emulator that is not ours."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from vehicle.signals import COOLANT_TEMPERATURE, ENGINE_SPEED, SPEED

pytestmark = pytest.mark.e2e

VIN = "LSVAA49J132030021"
CODES = ["P0301", "P0420"]


def sees(home, device: str) -> bool:
    """Whether speed, engine speed and coolant temperature have come in."""
    rows = home.history(device)
    return all(any(row.get(path) for row in rows) for path in (SPEED, ENGINE_SPEED, COOLANT_TEMPERATURE))


def events(home, device: str) -> dict[str, set[str]]:
    """Codes and VIN that have come in from a device."""
    found: dict[str, set[str]] = {"dtc": set(), "vin": set()}
    for event in json.loads(home.run("device", "events", device, "--json")):
        if event["kind"] == "dtc":
            found["dtc"].add(event["data"]["code"])
        if event["kind"] == "vin":
            found["vin"].add(event["data"]["vin"])
    return found


def check(home, until, source: str, *, vin: str, codes: list[str]) -> None:
    home.serve()
    home.run("device", "add", "car", "--out", "agent.toml")
    home.start("agent", "--config", "agent.toml", "--source", source)
    until(lambda: sees(home, "car"), what="speed, engine speed and coolant temperature")
    until(lambda: set(codes) <= events(home, "car")["dtc"], what=f"the codes {codes}")
    until(lambda: vin in events(home, "car")["vin"], what=f"the VIN {vin}")


def test_ecu_on_a_multicast_bus(home, until, free_port) -> None:
    """OBD-II over ISO-TP between two processes on a bus that stays on this machine."""
    bus = f"udp_multicast:239.74.163.2:{free_port()}"
    home.start("simulate", "car", "--can", bus, "--vin", VIN, *(word for code in CODES for word in ("--dtc", code)))
    check(home, until, f"can:{bus}", vin=VIN, codes=CODES)


def test_a_truck_on_a_multicast_bus(home, until, free_port) -> None:
    """J1939 between two processes: values, both codes out of packets, the VIN, and the codes when asked for them."""
    bus, codes = f"udp_multicast:239.74.163.3:{free_port()}", ["SPN 100 FMI 1", "SPN 520192 FMI 31"]
    home.start("simulate", "truck", "--can", bus, "--vin", VIN, *(word for code in codes for word in ("--dtc", code)))
    check(home, until, f"j1939:{bus}", vin=VIN, codes=codes)


def test_our_elm327_port(home, until, free_port) -> None:
    """An adapter on a TCP port in another process."""
    port = free_port()
    home.start(
        "simulate",
        "car",
        "--elm327",
        f"127.0.0.1:{port}",
        "--vin",
        VIN,
        *(w for code in CODES for w in ("--dtc", code)),
    )
    check(home, until, f"elm327:socket://127.0.0.1:{port}", vin=VIN, codes=CODES)


def test_an_emulator_that_is_not_ours(home, until, free_port) -> None:
    """The PyPI package elmulator (MIT), with the scenario that it ships."""
    port = free_port()
    command = [sys.executable, "-m", "elmulator", "serve", "p0420_basic", "--port", str(port)]
    home.running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    check(home, until, f"elm327:socket://127.0.0.1:{port}", vin="1C4RJFBG8FC123456", codes=["P0420"])
