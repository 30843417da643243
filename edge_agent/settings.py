"""The agent's configuration, ``agent.toml``.

Required: ``device``, ``password``. Optional: ``source`` (a URI, for when the command names none), ``spool`` (beside
this file), ``[broker]`` host and port, ``[collect]`` how to sample, ``[limits]`` how much to keep, ``listen_only``,
``allow_clearing`` (of trouble codes, on request, with the owner's consent).
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from edge_agent.errors import ConfigError
from edge_agent.position import Receiver
from vehicle.errors import SettingsError
from vehicle.settings import build, read_toml
from vehicle.topics import DEVICE_ID


class Broker(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to publish; with ``tls`` encrypted, trusting ``ca`` (a PEM file) or, where that is empty, the system."""

    host: str = "127.0.0.1"
    port: int = 1883
    tls: bool = False
    ca: str = ""


class Collect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How live sources are sampled: a grid of ``period_ms``, batches of ``batch_rows`` or ``batch_seconds``.

    ``device_every_s`` is how often the device tells of itself (0: never).
    """

    period_ms: int = 1000
    batch_rows: int = 30
    batch_seconds: float = 5.0
    codes_every_s: float = 60.0
    device_every_s: float = 60.0


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``spool_bytes`` on disk; ``window`` unacknowledged batches under way, unless the server says otherwise."""

    spool_bytes: int = 64 * 1024 * 1024
    window: int = 64


class AgentSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that the agent is told.

    ``gnss`` names a receiver, as ``/dev/ttyACM0`` or ``gpsd://127.0.0.1:2947``; it is read only where the vehicle's
    owner has allowed it on the server, too.
    """

    device: str
    password: str
    source: str = ""
    spool: Path = Path("agent.spool.db")
    listen_only: bool = False
    allow_clearing: bool = False
    gnss: str = ""
    broker: Broker = Broker()
    collect: Collect = Collect()
    limits: Limits = Limits()


def load(path: Path) -> AgentSettings:
    """The configuration in ``path``.

    Raises:
        ConfigError: the file cannot be read, or a key is unknown, missing or of another type; names the mend.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        why = f"cannot be read ({error.strerror}); write one with `roadworthy device add NAME --out {path}`"
        raise ConfigError(path, why) from error
    try:
        settings = build(AgentSettings, read_toml(text, source=str(path)), source=str(path))
    except SettingsError as error:
        raise ConfigError(path, str(error).removeprefix(f"{path} ")) from error
    if not DEVICE_ID.fullmatch(settings.device):
        raise ConfigError(path, f"device {settings.device!r} is not a device id; take the one that `device add` wrote")
    if settings.gnss:
        Receiver.parse(settings.gnss)
    spool = settings.spool if settings.spool.is_absolute() else path.resolve().parent / settings.spool
    ca = str(path.resolve().parent / settings.broker.ca) if settings.broker.ca else ""
    if ca and not Path(ca).is_file():
        raise ConfigError(path, f"names the certificate file {ca}, which is not there")
    return msgspec.structs.replace(settings, spool=spool, broker=msgspec.structs.replace(settings.broker, ca=ca))
