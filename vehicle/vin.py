"""The vehicle identification number (ISO 3779)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from vehicle.errors import ObdDataError, VinError

LENGTH = 17
_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"
_VALUES = dict(
    zip(
        "0123456789ABCDEFGHJKLMNPRSTUVWXYZ",
        [*range(10), *range(1, 9), *range(1, 6), 7, 9, *range(2, 10)],
        strict=True,
    )
)
_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_CHECK_POSITION = 8


@dataclass(frozen=True, slots=True)
class Vin:
    """A 17-character identity without I, O and Q; make one with :meth:`parse`."""

    text: str

    def __str__(self) -> str:
        return self.text

    @classmethod
    def parse(cls, text: str) -> Self:
        """The VIN in ``text``, in capitals and without surrounding space.

        The check digit is not judged here: it is required in North America and China, not in Europe.

        Raises:
            VinError: wrong length or a character that VINs don't have.
        """
        candidate = text.strip().upper()
        if len(candidate) != LENGTH:
            raise VinError(text, f"it has {len(candidate)} characters instead of {LENGTH}")
        wrong = [letter for letter in candidate if letter not in _LETTERS]
        if wrong:
            raise VinError(
                text, f"it contains {', '.join(map(repr, wrong))}; letters but I, O, Q and digits are allowed"
            )
        return cls(candidate)

    @property
    def wmi(self) -> str:
        """World manufacturer identifier: characters 1 to 3."""
        return self.text[:3]

    @property
    def vds(self) -> str:
        """Vehicle descriptor section: characters 4 to 9."""
        return self.text[3:9]

    @property
    def vis(self) -> str:
        """Vehicle indicator section: characters 10 to 17."""
        return self.text[9:]

    @property
    def check_digit_valid(self) -> bool:
        """Whether character 9 is the check digit of 49 CFR 565.15 (also GB 16735)."""
        remainder = sum(_VALUES[letter] * weight for letter, weight in zip(self.text, _WEIGHTS, strict=True)) % 11
        return self.text[_CHECK_POSITION] == "0123456789X"[remainder]


def decode_vin(data: bytes) -> Vin:
    """The VIN in a service 09 PID 02 answer: ``data`` is what follows service and PID: a count of 1, 17 characters.

    ECUs that pad in front (ISO 15031-5 over older buses) send zeroes before the first character.

    Raises:
        ObdDataError: no 17 characters.
        VinError: characters that VINs don't have.
    """
    text = data[1:].strip(b"\0")
    if len(text) != LENGTH:
        raise ObdDataError("the VIN", data, "a count and 17 characters")
    return Vin.parse(text.decode("ascii", errors="replace"))


def encode_vin(vin: Vin) -> bytes:
    """Count and characters as an ECU answers service 09 PID 02 on CAN."""
    return b"\x01" + vin.text.encode("ascii")
