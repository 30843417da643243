"""Requests from afar: progress, one end each, and refusals with the reason."""

from __future__ import annotations

import asyncio

import pytest

from edge_agent.errors import NoAnswerError
from edge_agent.remote import answer
from edge_agent.switch import Switch
from vehicle.messages import Command, Reply


class Asked:
    """A source that answers as it was told to."""

    uri = "csv:drive.csv"

    def __init__(self, result: object) -> None:
        self.result, self.calls = result, []

    async def ask(self, name, progress, arguments):
        assert arguments == {}
        self.calls.append(name)
        progress("reading")
        if isinstance(self.result, BaseException):
            raise self.result
        if self.result is None:
            await asyncio.Event().wait()
        return self.result


async def replies(source: Asked, name: str = "read_dtcs", *, expires_ms: int = 2_000) -> list[Reply]:
    said: list[Reply] = []

    async def reply(one: Reply) -> None:
        said.append(one)

    await answer(source, lambda: 1_000, Command(id="c1", name=name, expires_ms=expires_ms), reply)
    assert {one.id for one in said} == {"c1"}
    return said


async def test_progress_and_result() -> None:
    said = await replies(Asked({"codes": []}))
    assert [one.status for one in said] == ["progress", "progress", "done"]
    assert said[-1].result == {"codes": []}


async def test_a_silent_car_is_a_failure_with_its_reason() -> None:
    said = await replies(Asked(NoAnswerError("03")))
    assert said[-1].status == "failed"
    assert "ignition" in said[-1].reason


async def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_agent.remote.PATIENCE_S", 0.05)
    said = await replies(Asked(None))
    assert (said[-1].status, "within 0.05 s" in said[-1].reason) == ("failed", True)


@pytest.mark.parametrize("name", ["reset_ecu", "", "READ_DTCS", "../read_dtcs"])
async def test_what_is_not_allowed_never_reaches_the_car(name: str) -> None:
    source = Asked({})
    said = await replies(source, name)
    assert [one.status for one in said] == ["refused"]
    assert "read_dtcs, read_vin" in said[0].reason
    assert source.calls == []


async def test_a_request_that_came_too_late_is_not_carried_out() -> None:
    source = Asked({})
    said = await replies(source, expires_ms=999)
    assert [one.status for one in said] == ["expired"]
    assert source.calls == []


class Turnable(Asked):
    """A source with a switch."""

    def __init__(self, *, local: bool = False) -> None:
        super().__init__(None)
        self.switch = Switch(local=local)


async def test_listening_only_is_switched_from_afar() -> None:
    """The device itself carries it out; the car is not asked, and the answer says what holds now."""
    source = Turnable()
    said = await replies(source, "listen_only_on")
    assert (said[-1].status, said[-1].result) == ("done", {"listen_only": True})
    assert source.switch.listen_only
    assert (await replies(source, "listen_only_off"))[-1].result == {"listen_only": False}


async def test_what_cannot_be_switched_is_said() -> None:
    """A configuration that says listen only, and a source that never sends."""
    local = await replies(Turnable(local=True), "listen_only_off")
    assert (local[-1].status, "configuration" in local[-1].reason) == ("refused", True)
    log = await replies(Asked(None), "listen_only_on")
    assert (log[-1].status, "sends nothing" in log[-1].reason) == ("refused", True)
