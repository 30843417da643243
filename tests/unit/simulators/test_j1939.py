"""The truck's engine: bytes as the standard has them."""

from __future__ import annotations

import pytest

from simulators.errors import SimulatorError
from simulators.j1939 import GROUPS, Slot, active_codes, broadcast, frame, truck_code
from vehicle import signals
from vehicle.dtc import SpnFmi
from vehicle.errors import DtcError

OIL = SpnFmi(100, 1)


def test_engine_speed_stands_in_eec1() -> None:
    """1,250 rpm in eighths, lowest byte first, bytes 4 and 5; what is not known is all ones."""
    _, slots = GROUPS[0x0CF00400]
    assert frame(slots, {signals.ENGINE_SPEED: 1250.0}).hex() == "ffffff1027ffffff"


@pytest.mark.parametrize("value", [-41.0, 211.0])
def test_a_value_that_does_not_fit_is_not_available(value: float) -> None:
    """Never a number that means something else."""
    slot = Slot(signals.COOLANT_TEMPERATURE, 0, 1, 1, -40)
    assert frame((slot,), {signals.COOLANT_TEMPERATURE: value})[0] == 0xFF


def test_codes_and_their_absence() -> None:
    """Lamps and four bytes a code; zeroes where there is none."""
    assert active_codes((OIL,)).hex() == "44ff64000101"
    assert active_codes(()).hex() == "00ff00000000"


def test_what_does_not_fit_goes_in_packets() -> None:
    """Ten bytes in two packets, announced to all."""
    opening, first, second = broadcast(0x18FECA00, active_codes((OIL, OIL)))
    assert (opening[0], opening[1].hex()) == (0x1CECFF00, "200a0002ffcafe00")
    assert (first[1].hex(), second[1].hex()) == ("0144ff6400010164", "02000101ffffffff")
    assert broadcast(0x18FECA00, active_codes((OIL,))) == [(0x18FECA00, bytes.fromhex("44ff64000101ffff"))]


def test_codes_as_people_write_them() -> None:
    """A car's code is refused, and what is no code."""
    assert truck_code("SPN 100 FMI 1") == OIL
    with pytest.raises(SimulatorError, match="car's code"):
        truck_code("P0301")
    with pytest.raises(DtcError):
        truck_code("OIL")
