"""The benchmark command: its JSON, its sentences, and that its comparison would notice a difference."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from typer.testing import CliRunner

import roadworthy
from benchmarks import decode, decode_task, wire
from benchmarks.commands import BENCHES
from benchmarks.errors import MissingPeerError, NoProfileError, UnknownBenchError
from benchmarks.result import Result
from edge_agent.bulk.convert import Converter

if TYPE_CHECKING:
    from pathlib import Path

needs_opendbc = pytest.mark.skipif(
    importlib.util.find_spec("opendbc") is None,
    reason="opendbc is not installed; it needs Python below 3.13: pip install opendbc",
)


@pytest.fixture(name="few_frames")
def _few_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that takes no time."""
    monkeypatch.setattr(decode_task, "FRAMES", 3000)
    monkeypatch.setattr(decode_task, "SLICE", 1000)
    monkeypatch.setattr(decode, "ROUNDS", 1)
    monkeypatch.setattr(decode, "PROFILED_ROUNDS", 1)


def run(*arguments: str) -> Any:
    """The command line's answer."""
    return CliRunner().invoke(roadworthy.app, ["bench", *arguments])


def test_a_result_is_one_json_object() -> None:
    """The object has the figures, and our figure over each peer's."""
    found = Result(bench="b", unit="x/s", ours=30.0, peers={"other": 4.0}, equal=True, input="i", detail={"n": 1})
    assert json.loads(found.text()) == {
        "bench": "b",
        "unit": "x/s",
        "ours": 30.0,
        "peers": {"other": 4.0},
        "ratio": {"other": 7.5},
        "equal": True,
        "input": "i",
        "detail": {"n": 1},
    }
    assert any("7.5 ×" in line for line in found.lines())


def test_the_wire_is_measured_beside_its_peers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """On the drive that ships with the package every batch comes back as it was, in fewer bytes than the peers take."""
    monkeypatch.setenv("ROADWORTHY_SHARED_DATA", str(tmp_path))
    monkeypatch.setattr(wire, "ROUNDS", 1)
    found = json.loads(run("wire", "--json").stdout)
    assert found["equal"]
    assert found["unit"] == "bytes/sample"
    assert all(ratio < 1 for ratio in found["ratio"].values())
    assert "1 recorded drive(s) of the package" in found["input"]


def test_a_benchmark_without_a_profile_says_so() -> None:
    """No traceback for a wish that cannot be granted."""
    assert isinstance(run("wire", "--profile").exception, NoProfileError)


def test_an_unknown_benchmark_is_refused_with_those_there_are() -> None:
    """The error lists the names."""
    found = run("decoed")
    assert isinstance(found.exception, UnknownBenchError)
    assert all(name in str(found.exception) for name in BENCHES)


@needs_opendbc
@pytest.mark.usefixtures("few_frames")
def test_decoding_is_measured_beside_two_peers() -> None:
    """`bench decode --json` prints one object and nothing else, with both peers and equal values."""
    found = run("decode", "--json")
    assert found.exit_code == 0, found.output
    document = json.loads(found.output)
    assert (document["bench"], document["unit"], document["equal"]) == ("decode", "signals/s", True)
    assert set(document["peers"]) == set(document["ratio"]) == {"cantools", "asammdf"}
    assert document["detail"]["frame_by_frame"] > 0
    assert "vw_mqb.dbc" in document["input"]


@needs_opendbc
@pytest.mark.usefixtures("few_frames")
def test_the_profile_names_our_functions() -> None:
    """`bench decode --profile` says in which functions the time is spent."""
    found = run("decode", "--profile")
    assert found.exit_code == 0, found.output
    assert "plan.py raw" in found.output


@needs_opendbc
@pytest.mark.usefixtures("few_frames")
def test_a_wrong_value_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """One value off by the smallest step makes the results unequal, and the command fails."""
    right = Converter.values

    def wrong(self: Converter, raw: Any) -> Any:
        values = right(self, raw)
        if values.dtype == np.float64:
            values[0, -1] = np.nextafter(values[0, -1], np.inf)
        return values

    monkeypatch.setattr(Converter, "values", wrong)
    found = run("decode", "--json")
    assert json.loads(found.output)["equal"] is False
    assert found.exit_code == 1


@pytest.mark.parametrize("package", ["cantools", "asammdf"])
def test_a_missing_peer_is_a_sentence(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not installed is named, with the command that installs it."""
    real = importlib.metadata.version

    def version(name: str) -> str:
        if name == package:
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    found = run("decode")
    assert isinstance(found.exception, MissingPeerError)
    assert package in str(found.exception)
    assert "roadworthy[bench]" in str(found.exception)
