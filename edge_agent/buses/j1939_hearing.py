"""What a listener makes of J1939: samples through a DBC, messages in packets, trouble codes, the VIN."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_agent.buses.hearing import Heard, filter_of, group_filter
from edge_agent.decoders.layout import EXTENDED
from edge_agent.dm_watch import DmWatch
from edge_agent.errors import GarbledAnswerError, SourceError
from edge_agent.protocols.j1939 import DM1, DM2, TP_CM, TP_DT, VEHICLE_IDENTIFICATION, header
from edge_agent.protocols.j1939_dtc import Version
from edge_agent.protocols.j1939_transport import Reassembly
from edge_agent.watch import Watch
from vehicle.errors import VinError
from vehicle.vin import Vin

if TYPE_CHECKING:
    from collections.abc import Collection

    from edge_agent.buses.dbc_map import DbcMap
    from edge_agent.buses.hearing import CodeKey
    from edge_agent.health import Health
    from edge_agent.watch import Happening

LOG = logging.getLogger(__name__)

MAPS = Path(__file__).parent / "maps"
OWN_DBC, OWN_MAP = MAPS / "j1939.dbc", MAPS / "j1939.toml"
"""What ships with the agent: the usual parameter groups, and which signals of the catalogue their parameters are."""
_PACKETS = frozenset({TP_CM, TP_DT})
_SAID = frozenset({DM1, DM2, VEHICLE_IDENTIFICATION})
_WHOLE = _PACKETS | _SAID


def files(dbc: str, chosen: str) -> tuple[str, str]:
    """The DBC and the map to take: those that are named, else our own. Ours goes by SPN, so that it fits every DBC."""
    return dbc or str(OWN_DBC), chosen or str(OWN_MAP)


def spn_version(uri: str, number: int) -> Version:
    """The way of writing SPNs of units with a method bit of 1.

    Raises:
        SourceError: it is not 1, 2 or 3.
    """
    if number not in {Version.FIRST, Version.SECOND, Version.THIRD}:
        raise SourceError(uri, f"spn_version={number} is not 1, 2 or 3; newer units say theirs themselves")
    return Version(number)


class J1939Hearing:
    """Follows one bus. Nothing is requested: DM2 and the VIN are heard when another tool asks for them."""

    def __init__(self, mapped: DbcMap, health: Health, older: Version = Version.THIRD) -> None:
        self._mapped, self._health = mapped, health
        self._reassembly, self._lost = Reassembly(), 0
        self._codes, self._watch = DmWatch(older), Watch()

    @property
    def filters(self) -> list[dict[str, Any]]:
        """The groups of the messages that the map wants, of packets, codes and the VIN."""
        return [filter_of(message) for message in self._mapped.messages] + [group_filter(pgn) for pgn in sorted(_WHOLE)]

    def needs_each(self, key: int) -> bool:
        """Each packet matters, and each DM1."""
        if key & EXTENDED and header(key & ~EXTENDED).pgn in _WHOLE:
            return True
        return self._mapped.is_multiplexed(key)

    def take(self, key: int, data: bytes, at_s: float) -> Heard:
        """What a frame leads to; the packet that completes a message leads to all that the message does."""
        if not key & EXTENDED:
            return Heard(self._mapped.values(key, data, extended=False))
        identifier = key & ~EXTENDED
        if header(identifier).pgn not in _PACKETS:
            return self._message(identifier, data, at_s)
        whole = self._reassembly.take(identifier, data, at_s)
        self._count()
        return Heard({}) if whole is None else self._message(whole.head.identifier, whole.data, at_s)

    def _count(self) -> None:
        lost = self._reassembly.lost_count
        if lost != self._lost:
            self._health.add("packets_lost", lost - self._lost)
            self._lost = lost

    def _message(self, identifier: int, data: bytes, at_s: float) -> Heard:
        head = header(identifier)
        happened = self._said(head.source, head.pgn, data, at_s) if head.pgn in _SAID else []
        return Heard(self._mapped.values(identifier, data, extended=True), happened)

    def _said(self, source: int, pgn: int, data: bytes, at_s: float) -> list[Happening]:
        try:
            if pgn == VEHICLE_IDENTIFICATION:
                return self._watch.vin(Vin.parse(data.partition(b"*")[0].decode("ascii", "replace").strip()))
            return self._codes.take(source, pgn, data, at_s)
        except (GarbledAnswerError, VinError) as error:
            self._health.add("garbage", detail=f"{source:02X}")
            LOG.info("from %02X: %s", source, error)
            return []

    def recall(self, codes: Collection[CodeKey]) -> None:
        """Tells which codes were there when the agent last ran."""
        self._codes.recall(codes)

    def answer(self, name: str) -> dict[str, Any] | None:
        """Codes, once a DM1 or DM2 has been heard."""
        units = self._codes.units
        if name != "read_dtcs" or not units:
            return None
        codes = [{"ecu": unit, "code": code, "state": state} for unit, code, state in self._codes.known]
        return {"codes": codes, "ecus": units}
