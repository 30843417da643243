"""DM1 and DM2: codes in four ways of writing, lamps, and what becomes an event."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.dm_watch import HOLD_S, DmWatch
from edge_agent.errors import GarbledAnswerError
from edge_agent.protocols.j1939 import DM1, DM2
from edge_agent.protocols.j1939_dtc import Fault, Lamp, LampState, Version, diagnosis, fault
from vehicle.dtc import Dtc, SpnFmi, parse_code
from vehicle.errors import DtcError

OFF, DARK = bytes([0x00, 0xFF]), bytes([0, 0, 0, 0, 0xFF, 0xFF])
OIL = bytes([100, 0, 1, 3])
COOLANT = bytes([110, 0, 0, 1])


def written(spn: int, fmi: int, count: int, version: int) -> bytes:
    """The four bytes of a code, bit string by bit string as the tables of the standard draw them."""
    bits = f"{spn:019b}"
    upper, middle, lower = bits[:8], bits[8:16], bits[16:]
    if version == 2:
        upper, middle = middle, upper
    if version in {3, 4}:
        upper, middle, lower = bits[11:], bits[3:11], bits[:3]
    method = "0" if version == 4 else "1"
    text = upper + middle + lower + f"{fmi:05b}" + method + f"{count:07b}"
    return bytes(int(text[at : at + 8], 2) for at in range(0, 32, 8))


def changes(happened) -> list[tuple[str, str, bool]]:
    return [(data["code"], data["state"], data["present"]) for kind, data in happened if kind == "dtc"]


@pytest.mark.parametrize(
    ("part", "version"),
    [("0097038a", 1), ("9700038a", 2), ("b804038a", 3), ("b804030a", 4)],
)
def test_one_code_in_four_ways(part: str, version: int) -> None:
    """SPN 1208 FMI 3, ten times, as each version of the standard writes it."""
    found = fault(bytes.fromhex(part), Version(version if version < 4 else 1))
    assert found == Fault(code=SpnFmi(1208, 3), count=10, version=Version(version))


@given(st.integers(0, (1 << 19) - 1), st.integers(0, 31), st.integers(0, 127), st.sampled_from(Version))
def test_every_code_in_every_way(spn: int, fmi: int, count: int, version: Version) -> None:
    """All 19 bits, the failure mode and the count come back."""
    older = Version.SECOND if version is Version.FOURTH else version
    found = fault(written(spn, fmi, count, version), older)
    assert found == Fault(code=SpnFmi(spn, fmi), count=count, version=version)


def test_lamps() -> None:
    """Each lamp by itself, and how it flashes."""
    found = diagnosis(bytes([0b01_00_01_11, 0b11_11_00_11]) + OIL).lamps
    assert found == {
        Lamp.MALFUNCTION: LampState.ON, Lamp.RED_STOP: LampState.OFF,
        Lamp.AMBER_WARNING: LampState.SLOW_FLASH, Lamp.PROTECT: LampState.UNKNOWN,
    }  # fmt: skip


@pytest.mark.parametrize("filling", [DARK, b"\xff" * 6, bytes(6)])
def test_no_code_is_none(filling: bytes) -> None:
    """Zeroes say that nothing is active; some units fill up with ones."""
    assert diagnosis(OFF + filling).faults == ()


def test_several_codes_and_what_fills_up() -> None:
    found = diagnosis(OFF + OIL + COOLANT + b"\xff\xff")
    assert [str(one.code) for one in found.faults] == ["SPN 100 FMI 1", "SPN 110 FMI 0"]


@given(st.binary(max_size=60))
def test_whatever_comes_is_read_or_refused(data: bytes) -> None:
    """Short data is refused with a sentence; nothing else fails."""
    if len(data) < 6:
        with pytest.raises(GarbledAnswerError):
            diagnosis(data)
    else:
        assert len(diagnosis(data).faults) <= (len(data) - 2) // 4


def test_repetitions_are_told_once() -> None:
    """An hour of one DM1 a second makes one event of its code, and one of its lamps."""
    watch = DmWatch()
    happened = [one for at in range(3600) for one in watch.take(0, DM1, bytes([0x44, 0xFF]) + OIL, float(at))]
    assert happened == [
        ("dtc", {"ecu": "00", "code": "SPN 100 FMI 1", "state": "active", "present": True, "count": 3}),
        ("mil", {
            "on": True, "count": 1, "ecu": "00",
            "lamps": {"malfunction": "on", "red_stop": "off", "amber_warning": "on", "protect": "off"},
        }),
    ]  # fmt: skip


def test_a_code_is_gone_when_it_stays_away() -> None:
    """Not while it flickers; then once, and it can come again."""
    watch = DmWatch()
    said = [OIL, DARK, OIL, DARK] * 20
    happened = [one for at, part in enumerate(said) for one in watch.take(0, DM1, OFF + part, float(at))]
    assert changes(happened) == [("SPN 100 FMI 1", "active", True)]
    assert changes(watch.take(0, DM1, OFF + DARK, 78.0 + HOLD_S)) == [("SPN 100 FMI 1", "active", False)]
    assert changes(watch.take(0, DM1, OFF + DARK, 100.0)) == []
    assert changes(watch.take(0, DM1, OFF + OIL, 101.0)) == [("SPN 100 FMI 1", "active", True)]


def test_units_and_states_are_apart() -> None:
    """Another unit's message, or one of past codes, says nothing about this one's active codes."""
    watch = DmWatch()
    watch.take(0, DM1, OFF + OIL, 0.0)
    assert changes(watch.take(3, DM1, OFF + DARK, 60.0)) == []
    assert changes(watch.take(0, DM2, OFF + COOLANT, 60.0)) == [("SPN 110 FMI 0", "inactive", True)]


def test_codes_of_the_last_run_go_too() -> None:
    """A code that was repaired while the agent was off is reported gone; those of an OBD car are left alone."""
    watch = DmWatch()
    watch.recall({("00", "SPN 100 FMI 1", "active"), ("7E8", "P0420", "stored")})
    assert changes(watch.take(0, DM1, OFF + DARK, 5.0)) == []
    assert changes(watch.take(0, DM1, OFF + DARK, 5.0 + HOLD_S)) == [("SPN 100 FMI 1", "active", False)]


def test_lamps_that_flicker_are_told_seldom() -> None:
    """Every ten seconds at most, and the last state in the end."""
    watch = DmWatch()
    told = []
    for at in range(100):
        told += watch.take(0, DM1, bytes([0x40 * (at % 2), 0xFF]) + DARK, float(at))
    assert 2 <= len(told) <= 11


def test_an_older_unit_is_said_to_be_one() -> None:
    """Where nothing on the bus tells how the SPN is written, the event says what was taken."""
    ((_, data), _) = DmWatch(Version.FIRST).take(0, DM1, OFF + bytes.fromhex("0097038a"), 0.0)
    assert (data["code"], data["spn_version"]) == ("SPN 1208 FMI 3", 1)


def test_both_kinds_of_codes_are_written_and_read() -> None:
    """A truck's code beside a car's."""
    assert parse_code("SPN 100 FMI 1") == SpnFmi(100, 1)
    assert parse_code("P0420") == Dtc("P0420")


@pytest.mark.parametrize("text", ["SPN 524288 FMI 1", "SPN 1 FMI 32", "SPN 01 FMI 1", "SPN -1 FMI 1", "SPN1 FMI 1", ""])
def test_no_code_of_either_kind(text: str) -> None:
    with pytest.raises(DtcError):
        parse_code(text)
