"""Service 01: answers decode and encode by one row."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vehicle import obd
from vehicle.catalogue import BEYOND_OBD
from vehicle.errors import ObdDataError, SignalRangeError, UnknownSignalError
from vehicle.signals import (
    CATALOGUE,
    CATALYST_TEMPERATURE_11,
    COMMANDED_EQUIVALENCE_RATIO,
    CONTROL_MODULE_VOLTAGE,
    COOLANT_TEMPERATURE,
    DTC_COUNT,
    ENGINE_LOAD,
    ENGINE_SPEED,
    MAF,
    MIL_ON,
    ODOMETER,
    RUN_TIME,
    SHORT_TERM_FUEL_TRIM_1,
    SPEED,
    TIMING_ADVANCE,
    signal,
)

EXAMPLES = [
    (0x0C, "1af8", ENGINE_SPEED, 1726.0),
    (0x0D, "21", SPEED, 33.0),
    (0x05, "7b", COOLANT_TEMPERATURE, 83.0),
    (0x04, "ff", ENGINE_LOAD, 100.0),
    (0x06, "80", SHORT_TERM_FUEL_TRIM_1, 0.0),
    (0x06, "00", SHORT_TERM_FUEL_TRIM_1, -100.0),
    (0x0E, "00", TIMING_ADVANCE, -64.0),
    (0x10, "0a7c", MAF, 26.84),
    (0x1F, "012c", RUN_TIME, 300.0),
    (0x3C, "11f1", CATALYST_TEMPERATURE_11, 419.3),
    (0x42, "3593", CONTROL_MODULE_VOLTAGE, 13.715),
    (0x44, "8000", COMMANDED_EQUIVALENCE_RATIO, 1.0),
    (0xA6, "0001e240", ODOMETER, 12_345_600.0),
]


@pytest.mark.parametrize(("pid", "data", "path", "value"), EXAMPLES)
def test_known_answers(pid: int, data: str, path: str, value: float) -> None:
    """Worked examples of SAE J1979 decode to the value and encode to the same bytes."""
    raw = obd.PIDS[pid].decode(bytes.fromhex(data))[path]
    assert signal(path).value(raw) == value
    assert obd.PIDS[pid].encode({path: value}).hex() == data


@given(st.sampled_from(sorted(obd.PIDS)), st.data())
def test_what_is_decoded_encodes_to_values_that_decode_alike(pid: int, data: st.DataObject) -> None:
    """Decode, turn into physical values, encode, decode: the same raw values."""
    row = obd.PIDS[pid]
    first = row.decode(data.draw(st.binary(min_size=row.length, max_size=row.length)))
    values = {path: signal(path).value(raw) for path, raw in first.items()}
    assert row.decode(row.encode(values)) == first


def test_lamp_and_count() -> None:
    """PID 01 tells the lamp and the number of stored codes."""
    read = obd.PIDS[0x01].decode(bytes.fromhex("83076504"))
    assert (read[MIL_ON], read[DTC_COUNT]) == (1, 3)


def test_wrong_length_is_named() -> None:
    """An answer of another length is refused with both lengths."""
    with pytest.raises(ObdDataError, match=r"1 bytes .* expected 2 bytes"):
        obd.PIDS[0x0C].decode(b"\x01")


def test_unused_oxygen_trim_is_absent() -> None:
    """FF in place of an oxygen sensor's trim says that there is none."""
    assert list(obd.PIDS[0x14].decode(b"\x5a\xff")) == ["Vehicle.OBD.O2.Sensor1.Voltage"]


@given(st.sampled_from(obd.BITMAP_PIDS), st.sets(st.integers(1, 255)))
def test_bitmaps_round_trip(base: int, pids: set[int]) -> None:
    """A bitmap tells exactly the PIDs of its 32."""
    expected = {pid for pid in pids if base < pid <= base + 32}
    assert obd.supported_pids(base, obd.supported_bitmap(base, pids)) == expected


def test_every_signal_has_a_pid_and_both_languages() -> None:
    """No row of the catalogue is out of reach or without a name in English or Chinese; some are named as beyond OBD."""
    beyond = {row.path for row in BEYOND_OBD}
    assert set(CATALOGUE) - beyond == set(obd.PID_OF)
    assert not beyond & set(obd.PID_OF)
    assert all(row.english and row.chinese for row in CATALOGUE.values())


@given(st.sampled_from(sorted(CATALOGUE)), st.data())
def test_raw_of_value_of_raw(path: str, data: st.DataObject) -> None:
    """Every raw value survives the way to a float and back."""
    row = CATALOGUE[path]
    raw = data.draw(st.integers(row.raw_minimum, row.raw_maximum))
    assert row.raw(row.value(raw)) == raw


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, 256.0])
def test_impossible_values_are_refused(value: float) -> None:
    """A value that the signal cannot have is an error that names the range."""
    with pytest.raises(SignalRangeError, match="0 to 255 km/h"):
        signal(SPEED).raw(value)


def test_unknown_signal_names_the_nearest() -> None:
    """A misspelt path is answered with the right one."""
    with pytest.raises(UnknownSignalError, match=r"did you mean Vehicle\.Speed"):
        signal("Vehicle.Spede")
