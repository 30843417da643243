"""What runs in the car, installed alone as a user would: nothing of the server comes with it, and it delivers."""

from __future__ import annotations

import json
import subprocess
import sys
from configparser import ConfigParser

import pytest

from vehicle.signals import ENGINE_SPEED, SPEED

pytestmark = [pytest.mark.e2e, pytest.mark.parametrize("home", ["embedded"], indirect=True)]

SERVER = {"amqtt", "sqlalchemy", "alembic", "numpy", "scipy", "polars", "fastapi", "uvicorn", "apprise", "pandas"}
INSTALL_PATIENCE_S = 300


@pytest.fixture(name="alone", scope="module")
def _alone(tmp_path_factory: pytest.TempPathFactory, root) -> str:
    """The folder of the programs of a virtual environment with the agent alone."""
    folder = tmp_path_factory.mktemp("alone")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    constraints = ["-c", str(root / "constraints.txt")]
    subprocess.run([*pip, *constraints, f"{root}[agent]"], check=True, timeout=INSTALL_PATIENCE_S, cwd=folder)
    return str(folder / "bin")


def test_it_brings_nothing_of_the_server(home, alone: str) -> None:
    """The packages of the server are not there, and a command that needs one says which extra brings it."""
    listed = subprocess.run([f"{alone}/pip", "list", "--format", "json"], check=True, capture_output=True, text=True)
    assert not SERVER & {package["name"].lower() for package in json.loads(listed.stdout)}
    told = subprocess.run(
        [f"{alone}/roadworthy", "serve"], capture_output=True, text=True, check=False, cwd=home.folder
    )
    assert told.returncode == 2
    assert "pip install 'roadworthy[agent,server]'" in told.stderr
    assert "Traceback" not in told.stderr


def test_it_delivers_a_drive_and_reads_a_car(home, alone: str, drive, until, free_port) -> None:
    """With a server elsewhere: a recorded drive arrives whole, and a car on a bus is read."""
    home.serve()
    home.enrol("log", "car")
    env = {key: value for key, value in home.env.items() if key != "PYTHONPATH"}
    agent = [f"{alone}/roadworthy", "agent", "--config"]
    read = ["log.toml", "--source", f"csv:{drive}", "--map", "carobd", "--speed", "max", "--until-acked"]
    subprocess.run([*agent, *read], check=True, env=env, cwd=home.folder, timeout=60)
    assert len(home.history("log")) == 900
    bus = f"udp_multicast:239.74.163.2:{free_port()}"
    home.start("simulate", "car", "--can", bus)
    home.launch("agent", [*agent, "car.toml", "--source", f"can:{bus}"])
    until(lambda: any(row.get(SPEED) and row.get(ENGINE_SPEED) for row in home.history("car")), what="the car's speeds")


def test_its_service_has_no_rights_to_spare(home, root) -> None:
    """The systemd unit that comes with it keeps its account, files, devices and sockets apart from the rest."""
    assert home
    unit = ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(root / "packaging" / "systemd" / "roadworthy-agent.service")
    service = unit["Service"]
    assert service["DynamicUser"] == service["NoNewPrivileges"] == service["MemoryDenyWriteExecute"] == "yes"
    assert service["ProtectSystem"] == "strict"
    assert service["CapabilityBoundingSet"] == ""
    assert service["DevicePolicy"] == "closed"
    assert service["LoadCredential"] == "agent.toml:/etc/roadworthy/agent.toml"
    assert "${CREDENTIALS_DIRECTORY}/agent.toml" in service["ExecStart"]
    assert "ProcSubset" not in service  # it hides which boot this is, and the free memory
