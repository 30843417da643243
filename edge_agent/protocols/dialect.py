"""How a car wants to be asked for what OBD-II tells: by the services of SAE J1979, or on UDS (SAE J1979-2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from edge_agent.errors import GarbledAnswerError
from edge_agent.protocols import obd, uds
from vehicle.dtc import SERVICE_OF_STATE, Dtc, DtcState, decode_dtcs
from vehicle.errors import ObdDataError
from vehicle.obd import BITMAP_PIDS, PIDS

if TYPE_CHECKING:
    from collections.abc import Sequence

_BITMAP_BYTES = 4
_VIN = 0x02


class Dialect(Protocol):
    """Requests, and the data of their answers after the service byte, in one way of asking."""

    name: str
    most: int
    """How many parameters one request names."""
    code_requests: Sequence[bytes]
    vin_request: bytes
    clear_request: bytes

    def parameters(self, pids: Sequence[int]) -> bytes:
        """The request for parameters of service 01, or for one of their bitmaps."""
        ...

    def data(self, asked: Sequence[int], data: bytes) -> dict[int, bytes]:
        """Bytes by parameter.

        Raises:
            GarbledAnswerError: it is no answer to that.
        """
        ...

    def codes(self, request: bytes, data: bytes) -> dict[DtcState, tuple[Dtc, ...]]:
        """Codes by state.

        Raises:
            GarbledAnswerError: it is no list of codes.
        """
        ...

    def vin_data(self, data: bytes) -> bytes:
        """What :func:`vehicle.vin.decode_vin` reads: a count and the characters."""
        ...


class J1979:
    """Services 01, 03, 07, 09, 0A."""

    name = "SAE J1979"
    most = obd.MOST_PIDS
    code_requests: Sequence[bytes] = tuple(bytes([service]) for service in SERVICE_OF_STATE.values())
    vin_request = obd.VIN_REQUEST
    clear_request = b"\x04"
    _states = {service: state for state, service in SERVICE_OF_STATE.items()}  # noqa: RUF012  never changed

    def parameters(self, pids: Sequence[int]) -> bytes:
        """Service 01."""
        return obd.live_request(pids)

    def data(self, asked: Sequence[int], data: bytes) -> dict[int, bytes]:
        """As :func:`edge_agent.protocols.obd.live_data`."""
        return obd.live_data(asked, data)

    def codes(self, request: bytes, data: bytes) -> dict[DtcState, tuple[Dtc, ...]]:
        """Those of the one state that the service is for."""
        try:
            return {self._states[request[0]]: decode_dtcs(data)}
        except ObdDataError as error:
            raise GarbledAnswerError("a list of codes", data, str(error)) from error

    def vin_data(self, data: bytes) -> bytes:
        """Without the information type."""
        return data[1:]


class OnUds:
    """Services 22 and 19."""

    name = "SAE J1979-2"
    most = uds.MOST_IDENTIFIERS
    code_requests: Sequence[bytes] = (uds.CONFIRMED_AND_PENDING, uds.PERMANENT_CODES)
    vin_request = uds.data_request([uds.OBD_INFORMATION | _VIN])
    clear_request = bytes([0x14, 0xFF, 0xFF, uds.EMISSIONS])

    def parameters(self, pids: Sequence[int]) -> bytes:
        """Service 22 for identifiers F4xx."""
        return uds.data_request([uds.OBD_PID | pid for pid in pids])

    def data(self, asked: Sequence[int], data: bytes) -> dict[int, bytes]:
        """By the lower byte of the identifier."""
        lengths = {uds.OBD_PID | pid: _BITMAP_BYTES if pid in BITMAP_PIDS else PIDS[pid].length for pid in asked}
        return {identifier & 0xFF: value for identifier, value in uds.data_of(lengths, data).items()}

    def codes(self, request: bytes, data: bytes) -> dict[DtcState, tuple[Dtc, ...]]:
        """As :func:`edge_agent.protocols.uds.codes_of`."""
        return uds.codes_of(request, data)

    def vin_data(self, data: bytes) -> bytes:
        """With the count that service 09 has and identifier F802 has not."""
        return b"\x01" + data[2:]


DIALECTS: Sequence[Dialect] = (J1979(), OnUds())
"""Those that are tried in turn."""
