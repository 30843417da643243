"""What stands on the page beside the simulated fleet is read from what commands printed, and only from that."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from diagnostics.evaluation.real import FaultScore, Figure, RealScore
from diagnostics.evaluation.turbofan import CrossValidation
from scorecard import beside, result
from scorecard.errors import NotThatFileError
from scorecard.realism import Realism

REAL = RealScore(
    drives=33, hours=12.5, lives=100, bookings=0, advisories=0, recall=Figure(value=0.9511, low=0.94, high=0.96),
    faults={
        "charging -0.5 V": FaultScore(
            detector="charging", found=Figure(value=0.96, low=0.9, high=1.0), median_trips=4.0, p90_trips=8.0
        ),
        "dirty air meter": FaultScore(
            detector="fuel_trim", found=Figure(value=0.25, low=0.2, high=0.3), median_trips=None, p90_trips=None
        ),
    },
)  # fmt: skip
REALISM = Realism(
    auc=0.988, low=0.976, high=0.995, recorded=33, simulated=330, features=61,
    loudest={"crank_volts": 0.65, "map_kpa": 0.6},
)  # fmt: skip
TURBOFAN = CrossValidation(engines=100, cuts=500, rmse=10.7, bias=0.1, coverage=0.895, width=40.0)
SPEED = {
    "ours": 1e6, "peers": {"river_adwin": 1e7}, "input": "1,000,000 cars", "more": "is let be",
    "detail": {"seconds_for_a_day_of_a_million_cars": 42.8, "cores": 2, "core_us_a_car": {"1,000": 99.0},
               "peak_mib_of_all_processes": 2124},
}  # fmt: skip


@pytest.fixture(name="files")
def _files(tmp_path):
    values = {"real": REAL, "turbofan": TURBOFAN, "realism": REALISM, "speed": SPEED}
    for name, value in values.items():
        (tmp_path / name).write_bytes(msgspec.json.encode(value))
    return {name: tmp_path / name for name in values}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_file_has_its_section_with_its_figures(files, language) -> None:
    """A fault never found has no trips; the hardest fault stands first."""
    found = dict(beside.sections(beside.read(**files), language))
    assert list(found) == [beside.TITLES[name][language] for name in ("real", "turbofan", "realism", "speed")]
    real, turbofan, realism, speed = ("\n".join(lines) for lines in found.values())
    assert "0.9511" in real
    assert real.index("| dirty air meter | 0.25 (0.20 … 0.30) | – |") < real.index("| charging -0.5 V |")
    assert "10.70" in turbofan
    assert "0.988" in realism
    assert beside.TEXT["missed"][language] in realism
    assert "2,124 MiB" in speed
    assert "river_adwin 0.10 µs" in speed


@pytest.mark.parametrize(
    ("name", "met", "missed"),
    [
        ("real", REAL, replace(REAL, bookings=1)),
        ("real", REAL, replace(REAL, recall=Figure(value=0.94, low=0.9, high=0.97))),
        ("turbofan", TURBOFAN, replace(TURBOFAN, rmse=12.0)),
        ("turbofan", TURBOFAN, replace(TURBOFAN, coverage=0.96)),
        ("realism", replace(REALISM, auc=0.7), REALISM),
        ("speed", SPEED, SPEED | {"detail": SPEED["detail"] | {"seconds_for_a_day_of_a_million_cars": 60.1}}),
        ("speed", SPEED, SPEED | {"detail": SPEED["detail"] | {"peak_mib_of_all_processes": 4097}}),
    ],
)
def test_each_section_says_whether_what_was_asked_is_met(files, name, met, missed) -> None:
    """A miss does not pass unmarked."""
    for value, verdict in ((met, ": met."), (missed, ": **not met**.")):
        files[name].write_bytes(msgspec.json.encode(value))
        page = "\n".join(dict(beside.sections(beside.read(**files), "en"))[beside.TITLES[name]["en"]])
        assert verdict in page


def test_what_was_not_measured_is_not_told() -> None:
    """Without a file there is no section."""
    assert list(beside.sections(beside.read(real=None, turbofan=None, realism=None, speed=None), "en")) == []


@pytest.mark.parametrize("text", ["{}", "no JSON", "[1]"])
def test_a_file_of_another_kind_is_named_with_its_command(files, text) -> None:
    """The sentence names the file and the command that makes it."""
    files["speed"].write_text(text)
    with pytest.raises(
        NotThatFileError, match=r"speed was to hold what `roadworthy bench detectors --json` wrote: it is not"
    ):
        beside.read(**files)
    with pytest.raises(NotThatFileError, match="score fleet --out"):
        result.read(files["speed"])


def test_a_file_that_is_not_there_is_named(tmp_path) -> None:
    """No traceback for a slip of the pen."""
    with pytest.raises(NotThatFileError, match=r"none\.json .*: No such file or directory; make it"):
        result.read(tmp_path / "none.json")
