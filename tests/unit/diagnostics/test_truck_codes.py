"""Codes of trucks: what they say, and their way from an event to a finding, on both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from diagnostics import memory, repository
from diagnostics.codes import explain
from diagnostics.findings import Component, Severity, SuggestionState
from diagnostics.trouble_codes import CodeEvent, code_findings
from diagnostics.truck_codes import parameters
from ingest.storage.database import migrate, open_database, reading, transaction

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import sqlalchemy as sa

LONGEST = "SPN 520192 FMI 31"
AT_MS = 1_760_000_000_000


@pytest.mark.parametrize(
    ("code", "title", "component", "severity"),
    [
        ("SPN 100 FMI 1", "Engine oil pressure: far too low", Component.ENGINE_OIL, Severity.STOP_NOW),
        ("SPN 110 FMI 16", "Coolant temperature: too high", Component.COOLING, Severity.SOON),
        ("SPN 102 FMI 17", "Boost pressure: slightly too low", Component.FUEL_AIR, Severity.NEXT_SERVICE),
        ("SPN 3226 FMI 4", "NOx sensor, after-treatment outlet: voltage", Component.EMISSIONS, Severity.SOON),
        (LONGEST, "Parameter 520192: the condition exists", Component.ENGINE, Severity.SOON),
        ("SPN 110 FMI 25", "failure mode that the standard reserves", Component.COOLING, Severity.SOON),
    ],
)
def test_what_a_code_says(code: str, title: str, component: Component, severity: Severity) -> None:
    """Parameter and failure mode in words of both languages; what it belongs to and how bad it is."""
    known = explain(code)
    assert title in known.title["en"]
    assert (known.code, known.component, known.severity) == (code, component, severity)
    for text in (known.title, known.meaning, known.check_first):
        assert any("\u4e00" <= letter <= "\u9fff" for letter in text["zh"])


def test_the_table_is_sound() -> None:
    """Each parameter has a name in both languages, and a number that an SPN can have."""
    assert len(parameters()) > 40
    for spn, known in parameters().items():
        assert 0 < spn < 1 << 19
        assert known.title["en"]
        assert known.title["zh"]


def test_words_that_are_no_code_are_explained_by_rule() -> None:
    """What only looks like a truck's code does no harm."""
    assert explain("SPN 9999999 FMI 1").generic


def event(*, present: bool = True, at_ms: int = AT_MS, state: str = "active", code: str = LONGEST) -> CodeEvent:
    return CodeEvent(vehicle_id="v", ecu="00", code=code, time_ms=at_ms, state=state, present=present)


def test_an_active_code_is_stated_and_an_inactive_one_is_not() -> None:
    """DM2 tells of the past; a code that is no longer active clears its finding."""
    assert code_findings([event(state="inactive")]) == []
    (found,) = code_findings([event(), event(at_ms=AT_MS + 1000, present=False)])
    assert found.cleared_at is not None
    assert (found.cause, found.job) == (LONGEST, "diagnose_spn_520192_fmi_31")


@pytest.fixture(name="engine", params=["sqlite", "postgresql"])
def _engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    server = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    url = server.create() if server else f"sqlite:///{tmp_path / 'trucks.db'}"
    engine = open_database(url)
    migrate(engine, "diagnostics")
    yield engine
    engine.dispose()
    if server:
        server.drop(url)


def test_the_longest_code_is_kept_whole(engine: sa.Engine) -> None:
    """Code, state and finding fit their columns."""
    with transaction(engine) as connection:
        memory.add_code_events(connection, [("d", event()), ("d", event(state="inactive", at_ms=AT_MS + 1))])
        (found,) = code_findings([event()])
        repository.save_finding(connection, found)
    with reading(engine) as connection:
        kept = memory.code_events_of(connection, ["v"])
        assert {(one.code, one.state) for one in kept} == {(LONGEST, "active"), (LONGEST, "inactive")}
        assert repository.finding(connection, found.id) == found


def test_a_truck_s_code_becomes_advice(desk) -> None:
    """From the device's event to advice for the shop, with nothing cut off."""
    desk.put(desk.code("SPN 100 FMI 1", AT_MS, state="active"))
    desk.follow(desk.follower())
    (found,) = desk.read(repository.findings_of, desk.vehicle_id)
    assert found.cause == "SPN 100 FMI 1"
    (advice,) = desk.read(repository.suggestions_of, [desk.vehicle_id], [SuggestionState.OPEN])
    assert (advice.component, advice.severity) == (Component.ENGINE_OIL, Severity.STOP_NOW)
