"""What the adapter says: settings, requests, and what it does not understand."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.ecu import ENGINE_ID, FUNCTIONAL_ID, TRANSMISSION_ID, Unit, answers, asked_of
from simulators.elm_dialogue import PROMPT, Settings, respond
from vehicle import signals
from vehicle.vin import Vin

VIN = "LSVAA49J132030021"
UNITS = (
    Unit(answer_id=ENGINE_ID, values={signals.SPEED: 50.0, signals.ENGINE_SPEED: 2000.0}, vin=Vin.parse(VIN)),
    Unit(answer_id=TRANSMISSION_ID, values={signals.SPEED: 51.0}),
)
QUIET = ("ATZ", "ATE0", "ATL0", "ATS0")


@dataclass
class Adapter:
    """A dialogue line by line."""

    units: tuple[Unit, ...] = UNITS
    settings: Settings = field(default_factory=Settings)

    def raw(self, line: str) -> str:
        """All that it says to a line, prompt included."""
        said = respond(line, self.settings, ask=self._ask, voltage_v=12.63)
        self.settings = said.settings
        return said.text

    def say(self, line: str) -> list[str]:
        """The lines of an answer, without echo and prompt."""
        text = self.raw(line)
        assert text.endswith(PROMPT)
        body = text[: -len(PROMPT)].replace("\n", "\r").split("\r")
        return [part for part in body if part and part != line]

    def _ask(self, identifier: int, request: bytes) -> list[tuple[int, bytes]]:
        return [
            (unit.answer_id, payload)
            for unit in asked_of(identifier, self.units)
            for payload in answers(request, unit, functional=identifier == FUNCTIONAL_ID)
        ]


@pytest.fixture(name="adapter")
def _adapter() -> Adapter:
    """An adapter as it is after power."""
    return Adapter()


@pytest.fixture(name="quiet")
def _quiet(adapter: Adapter) -> Adapter:
    """One that was set up as a programme does."""
    for line in QUIET:
        assert adapter.say(line)
    return adapter


def test_after_power_it_echoes_and_ends_lines_with_both(adapter: Adapter) -> None:
    assert adapter.raw("ATI") == "ATI\rELM327 v1.5\r\n\r\n>"


def test_set_up_as_programmes_do(quiet: Adapter) -> None:
    """Without echo, line feeds and spaces an answer is its bare digits."""
    assert quiet.raw("010C") == "SEARCHING...\r410C1F40\r\r>"
    assert quiet.raw("010C") == "410C1F40\r\r>"


def test_a_reset_puts_all_back(quiet: Adapter) -> None:
    """ATZ says its version, and what was set is forgotten."""
    quiet.say("ATH1")
    assert quiet.say("ATZ") == ["ELM327 v1.5"]
    assert quiet.settings == Settings(last="ATZ")


@pytest.mark.parametrize(
    ("line", "answer"),
    [("ATRV", "12.6V"), ("AT@1", "OBDII to RS232 Interpreter"), ("ATDPN", "A6"), ("ATAT1", "OK"), ("ATST32", "OK"),
     ("at sp 0", "OK"), ("ATSH7E0", "OK"), ("ATQQ", "?"), ("AT", "?"), ("ATSH7E", "?"), ("ATE2", "?"), ("XYZ", "?"),
     ("01 0G", "?"), ("0", "?")],
)  # fmt: skip
def test_commands(adapter: Adapter, line: str, answer: str) -> None:
    """Known ones are answered or acknowledged, in capitals or not; anything else is a question mark."""
    assert adapter.say(line) == [answer]


def test_headers_show_who_answers(quiet: Adapter) -> None:
    """Identifier and length byte in front of each answer, one line an ECU."""
    quiet.say("ATH1")
    quiet.say("ATS1")
    assert quiet.say("010D")[1:] == ["7E8 03 41 0D 32", "7E9 03 41 0D 33"]


def test_a_header_asks_one_unit(quiet: Adapter) -> None:
    """After ATSH the request goes to that unit, which refuses what it cannot; ATCRA hears one identifier only."""
    quiet.say("ATSH7E1")
    assert quiet.say("010D")[-1] == "410D33"
    assert quiet.say("010C") == ["7F0112"]
    quiet.say("ATSH7DF")
    quiet.say("ATCRA7E8")
    assert quiet.say("010D") == ["410D32"]
    quiet.say("ATCRA")
    assert quiet.say("010D") == ["410D32", "410D33"]


def test_long_answers_are_numbered_lines(quiet: Adapter) -> None:
    """A length, then rows from 0: without headers; with them the frames as they are."""
    quiet.say("010D")
    assert quiet.say("0902") == ["014", "0:4902014C5356", "1:414134394A3133", "2:32303330303231"]
    quiet.say("ATH1")
    lines = quiet.say("0902")
    assert [line[:5] for line in lines] == ["7E810", "7E821", "7E822"]


def test_a_digit_at_the_end_says_how_many_answers(quiet: Adapter) -> None:
    assert quiet.say("010D1")[1:] == ["410D32"]


def test_nothing_from_the_car() -> None:
    """While it searches: unable to connect; once found, or set by hand: no data."""
    searching, fixed = Adapter(units=()), Adapter(units=())
    assert searching.say("0100") == ["SEARCHING...", "UNABLE TO CONNECT"]
    fixed.say("ATSP6")
    assert fixed.say("0100") == ["NO DATA"]
    found = Adapter()
    found.say("0100")
    assert found.say("0142") == ["NO DATA"]


def test_an_empty_line_repeats(quiet: Adapter) -> None:
    quiet.say("010C")
    assert quiet.say("") == ["410C1F40"]


@given(st.lists(st.text(alphabet="AT0123456789ABCDEFHSPZ @\x00é?", max_size=18), max_size=12))
def test_any_text_gets_a_prompt(lines: list[str]) -> None:
    """Whatever is typed, it says something and is ready again."""
    adapter = Adapter()
    for line in lines:
        text = adapter.raw(line)
        assert text.endswith(PROMPT)
        assert text.count(PROMPT) == 1
