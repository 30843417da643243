"""When a car counts as awake, resting or asleep; and the switch that forbids asking."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import ForbiddenRequestError
from edge_agent.switch import Switch
from edge_agent.wakefulness import GRACE_S, RESTING_S, SILENT_S, State, Wakefulness
from vehicle.signals import CATALOGUE, CONTROL_MODULE_VOLTAGE, ENGINE_SPEED, SPEED

if TYPE_CHECKING:
    from pathlib import Path


def raw(**values: float) -> dict[str, int]:
    paths = {"rpm": ENGINE_SPEED, "speed": SPEED, "volts": CONTROL_MODULE_VOLTAGE}
    return {paths[name]: CATALOGUE[paths[name]].raw(value) for name, value in values.items()}


def judged(*steps: tuple[float, dict[str, int]], at_s: float, traffic_s: float | None = None) -> State:
    judge = Wakefulness()
    for when, values in steps:
        judge.asked(answered=True)
        judge.read(when, values)
    judge.traffic(traffic_s)
    return judge.state(at_s)


@pytest.mark.parametrize(
    ("values", "state"),
    [
        (raw(rpm=800.0, speed=0.0, volts=12.4), State.AWAKE),
        (raw(rpm=0.0, speed=30.0, volts=12.4), State.AWAKE),
        (raw(rpm=0.0, speed=0.0, volts=14.1), State.AWAKE),
        (raw(rpm=0.0, speed=0.0, volts=12.4), State.RESTING),
        (raw(rpm=0.0, speed=0.0), State.RESTING),
        (raw(speed=0.0), State.RESTING),
        (raw(volts=12.4), State.AWAKE),
        ({}, State.AWAKE),
    ],
)
def test_signs_are_judged_together(values: dict[str, int], state: State) -> None:
    """Turning, moving or charging is awake; standing uncharged rests; nothing is guessed."""
    assert judged((0.0, values), at_s=1.0) is State.AWAKE
    assert judged((0.0, values), at_s=GRACE_S + 1) is state


def test_resting_ends_in_sleep() -> None:
    """When the bus falls silent, or when it takes too long for a traffic light."""
    parked = (0.0, raw(rpm=0.0, speed=0.0, volts=12.4))
    assert judged(parked, at_s=RESTING_S - 1) is State.RESTING
    assert judged(parked, at_s=RESTING_S + 1) is State.ASLEEP
    assert judged(parked, at_s=10.0, traffic_s=9.5) is State.RESTING
    assert judged(parked, at_s=10.0, traffic_s=9.5 - SILENT_S) is State.ASLEEP
    assert judged(parked, (5.0, raw(rpm=900.0)), at_s=RESTING_S + 1) is State.AWAKE


@given(st.lists(st.booleans(), max_size=20))
def test_two_silences_in_a_row_are_sleep(answers: list[bool]) -> None:
    judge = Wakefulness()
    for answered in answers:
        judge.asked(answered=answered)
    asleep = answers[-2:] == [False, False]
    assert (judge.state(0.0) is State.ASLEEP) == asleep
    assert judge.doubtful == (answers[-1:] == [False])


def test_a_switch_is_kept(tmp_path: Path) -> None:
    """What was decided holds after a restart, with its reason."""
    path = tmp_path / "switch.json"
    Switch(path).turn(listen_only=True, why="because")
    again = Switch(path)
    assert (again.listen_only, again.why, again.may_ask.is_set()) == (True, "because", False)
    again.turn(listen_only=False, why="the desk")
    assert not Switch(path).listen_only


def test_a_damaged_switch_is_the_careful_one(tmp_path: Path) -> None:
    path = tmp_path / "switch.json"
    path.write_bytes(b"{nonsense")
    assert Switch(path).listen_only


def test_what_the_configuration_says_cannot_be_taken_back_from_afar() -> None:
    switch = Switch(local=True)
    with pytest.raises(ForbiddenRequestError, match="configuration"):
        switch.turn(listen_only=False, why="the desk")
    assert switch.listen_only
