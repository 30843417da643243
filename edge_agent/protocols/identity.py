"""What a control unit says it is: service 09 beyond the VIN (SAE J1979, ISO 15031-5), as bytes and as texts."""

from __future__ import annotations

from edge_agent.errors import GarbledAnswerError

CALIBRATION_IDS, VERIFICATION_NUMBERS, NAME = 0x04, 0x06, 0x0A
"""Information types: CALID, CVN, ECU name."""
_ITEM_BYTES = {CALIBRATION_IDS: 16, VERIFICATION_NUMBERS: 4, NAME: 20}


def items(data: bytes) -> list[str]:
    """The texts in an answer of service 09, ``data`` following the service byte: type, count, items of one length.

    A verification number is given in hex digits, a name with its abbreviation in front.

    Raises:
        GarbledAnswerError: another type, or fewer bytes than the count promises.
    """
    size = _ITEM_BYTES.get(data[0]) if data else None
    if size is None or len(data) < 2 or len(data) < 2 + data[1] * size:  # noqa: PLR2004  type and count
        raise GarbledAnswerError("an answer", data, "calibrations, their numbers or a name are expected")
    parts = [data[at : at + size] for at in range(2, 2 + data[1] * size, size)]
    return [part.hex().upper() if data[0] == VERIFICATION_NUMBERS else _text(part) for part in parts]


def _text(part: bytes) -> str:
    """Printable ASCII; NUL fills up at the end, and stands between an abbreviation and the dash behind it."""
    return "".join(chr(byte) for byte in part if 0x20 <= byte < 0x7F).strip()  # noqa: PLR2004  printable ASCII
