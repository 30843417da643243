"""Freeze frames, readiness and monitors, as bytes and as requests to simulated control units."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_agent.errors import AgentError, ForbiddenRequestError, GarbledAnswerError, NoAnswerError
from edge_agent.health import Health
from edge_agent.protocols.monitors import RECORD_BYTES, monitor_results
from edge_agent.protocols.readiness import readiness
from edge_agent.questions import Questions
from edge_agent.requests import REQUESTS
from simulators.ecu import answers
from tests.property_examples import examples
from vehicle.dtc import Dtc, DtcState
from vehicle.errors import ObdDataError
from vehicle.signals import COOLANT_TEMPERATURE, OIL_TEMPERATURE, SPEED


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A simulated car needs no rest between questions."""
    monkeypatch.setattr("edge_agent.questions.SPACING_S", 0.0)


class Car:
    """A link to simulated control units, which keeps what was asked."""

    physical = True

    def __init__(self, *units) -> None:
        self.units, self.asked = units, []

    async def exchange(self, request: bytes, ecu: str = "") -> list[tuple[str, bytes]]:
        self.asked.append(request)
        named = [(f"{unit.answer_id:03X}", unit) for unit in self.units]
        return [
            (name, payload)
            for name, unit in named
            if ecu in {"", name}
            for payload in answers(request, unit, functional=not ecu)
        ]

    async def clear(self, request: bytes) -> list[tuple[str, bytes]]:
        return await self.exchange(request)


class Babbling:
    """A link whose every answer is the same bytes after the right service byte."""

    physical = True

    def __init__(self, tail: bytes) -> None:
        self.tail = tail

    async def exchange(self, request: bytes, ecu: str = "") -> list[tuple[str, bytes]]:
        return [(ecu or "7E8", bytes([request[0] + 0x40]) + request[1:2] + self.tail)]


ARGUMENTS = {
    "read_signals": {"signals": [SPEED, COOLANT_TEMPERATURE]},
    "clear_dtcs": {"advisor": "ann", "consent": "Li Wei, 2026-11-23"},
}


async def carried_out(link, name: str, arguments=None):
    return await REQUESTS[name](Questions(link, Health()), lambda _: None, arguments or ARGUMENTS.get(name, {}))


def test_readiness_of_a_spark_engine() -> None:
    """82 07 65 04: lamp on, two codes, continuous monitors complete; the evaporative system has not completed."""
    found = readiness(bytes.fromhex("82076504"))
    assert (found.lamp, found.codes, found.compression) == (True, 2, False)
    assert {name for name, complete in found.complete.items() if not complete} == {"evaporative_system"}
    assert set(found.complete) == {
        "misfire", "fuel_system", "components", "catalyst", "evaporative_system", "oxygen_sensor",
        "oxygen_sensor_heater",
    }  # fmt: skip


def test_readiness_of_a_compression_engine() -> None:
    """Bit 3 of the second byte changes what the third and fourth mean."""
    found = readiness(bytes.fromhex("000A4B02"))
    assert found.compression
    assert found.complete == {
        "fuel_system": True, "nmhc_catalyst": True, "nox_aftertreatment": False, "boost_pressure": True,
        "particulate_filter": True,
    }  # fmt: skip


@given(st.binary(max_size=8))
def test_readiness_takes_four_bytes_only(data: bytes) -> None:
    """Any four bytes can be read; all else is refused."""
    if len(data) == 4:
        assert "" not in readiness(data).complete
    else:
        with pytest.raises(ObdDataError):
            readiness(data)


def test_monitor_results_with_units() -> None:
    """Two tests of monitor 01: 0.365 V within 0.365 to 0.4 V, and -2.5 °C above its limit of -3 °C."""
    volts, degrees = monitor_results(1, bytes.fromhex("01010B016D016D0190 010596FFE7FF9CFFE2"))
    assert (volts.value, volts.minimum, volts.maximum, volts.unit, volts.passed) == (0.365, 0.365, 0.4, "V", True)
    assert (degrees.value, degrees.minimum, degrees.maximum, degrees.passed) == (-2.5, -10.0, -3.0, False)


def test_an_unknown_scaling_keeps_raw_values() -> None:
    """Signed from 80 on."""
    (plain,) = monitor_results(0xA1, bytes.fromhex("A1807FFFFF0000FFFF"))
    (signed,) = monitor_results(0xA1, bytes.fromhex("A180F0FFFF80007FFF"))
    assert (plain.known, plain.value, signed.value, signed.minimum) == (False, 65535, -1, -32768)


@given(st.integers(0, 255), st.binary(max_size=40))
def test_monitor_results_are_whole_or_refused(mid: int, data: bytes) -> None:
    """No test is made of fewer than nine bytes, or of another monitor's."""
    try:
        found = monitor_results(mid, data)
    except GarbledAnswerError:
        assert not data or len(data) % RECORD_BYTES or any(first != mid for first in data[::RECORD_BYTES])
        return
    assert len(found) == len(data) // RECORD_BYTES > 0


async def test_monitors_of_a_car(unit, second_unit) -> None:
    """Only what the bitmaps name is asked for; a misfire shows as a count."""
    car = Car(unit(), second_unit)
    found = (await carried_out(car, "read_monitors"))["monitors"]
    assert {(one["ecu"], one["mid"]) for one in found} == {(e, m) for e in ("7E8", "7E9") for m in (0xA1, 0xA2)}
    assert [one["value"] for one in found if one["ecu"] == "7E8"] == [24, 24]
    assert {request[1] for request in car.asked} <= {0, 0x20, 0x40, 0x60, 0x80, 0xA0, 0xA1, 0xA2}


async def test_the_freeze_frame_of_a_car(unit, second_unit) -> None:
    """The code that froze it, and values in the catalogue's units; a unit without codes holds none."""
    frozen = unit(freeze={SPEED: 63.0, COOLANT_TEMPERATURE: 91.0})
    found = await carried_out(Car(frozen, second_unit), "read_freeze_frame")
    (frame,) = found["freeze_frames"]
    assert (frame["ecu"], frame["code"]) == ("7E8", "P0301")
    assert {one["signal"]: one["value"] for one in frame["values"]} == {SPEED: 63.0, COOLANT_TEMPERATURE: 91.0}


async def test_a_car_without_a_freeze_frame(unit) -> None:
    """Nothing frozen is an answer; silence is none."""
    found = await carried_out(Car(unit(codes={})), "read_freeze_frame")
    assert found == {"freeze_frames": [], "ecus": ["7E8"]}


async def test_readiness_of_a_car(unit, second_unit) -> None:
    (told,) = (await carried_out(Car(unit(), second_unit), "read_readiness"))["readiness"]
    assert (told["ecu"], told["lamp"], told["codes"], told["compression"]) == ("7E8", True, 1, False)


async def test_permanent_codes_come_with_the_others(unit) -> None:
    found = await carried_out(Car(unit(codes={DtcState.PERMANENT: (Dtc("P0420"),)})), "read_dtcs")
    assert found["codes"] == [{"ecu": "7E8", "code": "P0420", "state": "permanent"}]


@pytest.mark.parametrize("name", sorted(REQUESTS))
async def test_silence_is_an_error_of_ours(name: str) -> None:
    with pytest.raises(NoAnswerError):
        await carried_out(Car(), name)


async def test_what_control_units_are(unit, second_unit) -> None:
    """Names, calibrations and their numbers; a unit is asked for what its bitmap names and no more."""
    car = Car(unit(), second_unit)
    first, _ = (await carried_out(car, "read_units"))["units"]
    assert first == {
        "ecu": "7E8", "name": ["ECM-EngineControl"], "calibrations": ["RW-SIM-2026.1"],
        "verification_numbers": ["1791BC82"],
    }  # fmt: skip
    assert {request[1] for request in car.asked} == {0, 4, 6, 10}


async def test_signals_once(unit) -> None:
    """Those that are named, in their order, in the catalogue's units; what the car lacks is said to be absent."""
    car = Car(unit(values={SPEED: 63.0, COOLANT_TEMPERATURE: 91.0}))
    wanted = [COOLANT_TEMPERATURE, OIL_TEMPERATURE, SPEED, SPEED]
    found = await carried_out(car, "read_signals", {"signals": wanted})
    assert found == {
        "signals": [
            {"ecu": "7E8", "signal": COOLANT_TEMPERATURE, "value": 91.0, "unit": "°C"},
            {"ecu": "7E8", "signal": SPEED, "value": 63.0, "unit": "km/h"},
        ],
        "absent": [OIL_TEMPERATURE],
    }


@pytest.mark.parametrize("signals", [None, [], "Vehicle.Speed", ["Vehicle.Sped"], [7], [SPEED] * 21])
async def test_signals_that_cannot_be_asked_for(unit, signals) -> None:
    """Nothing, too much, or what OBD-II does not have is refused before anything is asked."""
    car = Car(unit())
    with pytest.raises(ForbiddenRequestError, match="read_signals"):
        await carried_out(car, "read_signals", {"signals": signals})
    assert car.asked == []


@pytest.mark.parametrize("name", ["read_freeze_frame", "read_readiness", "read_monitors", "read_units", "read_signals"])
@settings(max_examples=examples(30), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(tail=st.binary(max_size=12))
async def test_no_answer_breaks_a_request(name: str, tail: bytes) -> None:
    """Whatever bytes a control unit says, a request ends in plain data or an error of ours."""
    questions = Questions(Babbling(tail), Health())
    try:
        found = await REQUESTS[name](questions, lambda _: None, ARGUMENTS.get(name, {}))
    except AgentError:
        return
    assert isinstance(found, dict)
