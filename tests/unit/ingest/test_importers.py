"""Messages of foreign devices: what is made of them, whose they are, and that nothing in them is fatal."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import devices
from ingest.access import SERVICE, may_publish, may_receive, may_subscribe
from ingest.foreign import REPEATED_WITHIN_MS, UNKNOWN
from ingest.importers import ovms, wican
from ingest.importing import FILTERS, IMPORTERS, Imported, Noted, device_of, place_of, take_in
from ingest.quarantine import Quarantine
from ingest.storage import inbox, tables
from ingest.storage.database import reading, transaction
from ingest.validate import Dead, Knowledge
from tests.property_examples import examples
from vehicle import signals
from vehicle.batch import TimeQuality
from vehicle.errors import Reason
from vehicle.topics import Kind, topic

MINE, OTHER = "0123456789abcdef", "fedcba9876543210"
NOW_MS = 1_795_420_800_000
LATER = datetime(2026, 12, 24, tzinfo=UTC)
"""When the database is written to has no say in what is a duplicate."""
KNOWN = Knowledge(vehicles={MINE: "car"}, signal_sets={}, anchors={})


def come(topic_text: str, payload: bytes | str | object, *, retained: bool = False) -> Imported | Noted | Dead:
    """What ingest makes of a message."""
    content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    place = place_of(topic_text)
    assert place is not None
    return take_in(place, topic_text, content, KNOWN, NOW_MS, retained=retained)


def values(found: Imported | Noted | Dead) -> dict[str, list[float | None]]:
    """Physical values by signal."""
    assert isinstance(found, Imported), found
    entries = found.accepted.signal_set.entries
    return {
        entry.path: [None if raw is None else entry.value(raw) for raw in column]
        for entry, column in zip(entries, found.batch.columns, strict=True)
    }


def test_every_file_is_an_importer_of_its_own_name() -> None:
    """Found by its package; it listens below its own word only."""
    assert set(IMPORTERS) == {"json", "ovms", "wican"}
    for kind, importer in IMPORTERS.items():
        assert importer.kind == kind
        assert all(text.startswith(f"{kind}/+") for text in importer.filters)
        assert MINE in importer.settings.format(device=MINE, password="p", host="h", port=1)


def test_signals_that_importers_name_are_in_the_catalogue() -> None:
    """A wrong path would be found by a car only."""
    for path, _ in (*wican.NAMES.values(), *ovms.NAMES.values()):
        assert path in signals.CATALOGUE
    for pid in wican.STANDARD:
        assert len(wican.PIDS[pid].fields) == 1


def test_wican_frames_of_its_documentation() -> None:
    """The answer 03 41 5B AA of Usage.md is a state of charge of 66.67 %."""
    frame = {"id": 2024, "dlc": 8, "rtr": False, "extd": False, "data": [3, 65, 91, 170, 0, 0, 0, 0]}
    found = come(f"wican/{MINE}/can/rx", {"bus": "0", "type": "rx", "ts": 51561, "frame": [frame]})
    assert values(found)["Vehicle.OBD.HybridBatteryRemaining"] == [pytest.approx(66.67, abs=0.01)]
    assert found.repeated_within_ms == wican.RUNS_AT_A_MINUTE_MS
    assert found.batch.times_ms == (NOW_MS,)
    assert found.batch.quality is TimeQuality.SERVER


def test_wican_frames_that_are_no_answers_are_counted() -> None:
    """The first example of Usage.md holds frames of the car's own; nothing is guessed from them."""
    frames = [{"id": 123, "data": [1, 2, 3]}, {"id": 2024, "data": [0x10, 20, 0x41]}, {"id": 2024, "data": []}]
    found = come(f"wican/{MINE}/can/rx", {"bus": 0, "type": "rx", "ts": 34610, "frame": frames})
    assert found == Noted(MINE, None, {"unknown_frame": 1, "unread_answer": 2})


def test_wican_several_parameters_in_one_answer() -> None:
    """Speed and engine speed together."""
    frame = {"id": 0x7E8, "data": [6, 0x41, 0x0D, 23, 0x0C, 0x12, 0x34, 0xAA]}
    found = values(come(f"wican/{MINE}/can/rx", {"frame": [frame]}))
    assert found == {signals.SPEED: [23], signals.ENGINE_SPEED: [1165]}


def test_wican_values_by_name() -> None:
    """Profile names, names of standard PIDs, and those that nobody knows."""
    sent = {"SPEED": 50, "ODOMETER": 12345.6, "0C-EngineRPM": 750, "05-EngineCoolantTemp": 90, "HV_V": 350, "FF-X": 1}
    found = come(f"wican/{MINE}/autopid", sent)
    assert values(found) == {
        signals.SPEED: [50],
        signals.ODOMETER: [12_345_600],
        signals.ENGINE_SPEED: [750],
        signals.COOLANT_TEMPERATURE: [90],
    }
    assert found.accepted.counts[UNKNOWN] == 2
    assert found.repeated_within_ms == REPEATED_WITHIN_MS


def test_wican_values_sent_once_more_are_not_taken() -> None:
    """What carries _meta was read and sent before."""
    found = come(f"wican/{MINE}/autopid", {"SPEED": 50, "_meta": {"age": 90, "stale": True}})
    assert found == Noted(MINE, None, {"cached_values": 1})


@pytest.mark.parametrize("below", ["status", "can/status"])
def test_wican_presence(below: str) -> None:
    """Also where the broker had kept it."""
    assert come(f"wican/{MINE}/{below}", {"status": "online"}, retained=True) == Noted(MINE, True, {})
    assert come(f"wican/{MINE}/{below}", {"status": "offline"}) == Noted(MINE, False, {})


@pytest.mark.parametrize(
    ("name", "text", "path", "value"),
    [
        ("v/p/speed", b"88", signals.SPEED, 88),
        ("v/p/odometer", b"100000.5", signals.ODOMETER, 100_000_500),
        ("v/b/12v/voltage", b"12.61", signals.CONTROL_MODULE_VOLTAGE, 12.61),
        ("v/e/temp", b"-5", signals.AMBIENT_AIR_TEMPERATURE, -5),
    ],
)
def test_ovms_metrics(name: str, text: bytes, path: str, value: float) -> None:
    """In the units of its metrics."""
    assert values(come(f"ovms/{MINE}/DEMO/metric/{name}", text)) == {path: [pytest.approx(value)]}


def test_ovms_presence_unknown_and_empty_metrics() -> None:
    """A position is not taken: nobody has consented here."""
    assert come(f"ovms/{MINE}/DEMO/metric/s/v3/connected", b"yes") == Noted(MINE, True, {})
    assert come(f"ovms/{MINE}/DEMO/metric/s/v3/connected", b"no") == Noted(MINE, False, {})
    assert come(f"ovms/{MINE}/DEMO/metric/v/p/latitude", b"22.2809") == Noted(MINE, None, {UNKNOWN: 1})
    assert come(f"ovms/{MINE}/DEMO/metric/v/p/speed", b"") == Noted(MINE, None, {"empty_metric": 1})


def test_what_the_broker_had_kept_is_no_sample() -> None:
    """Nobody knows how old it is."""
    assert come(f"ovms/{MINE}/DEMO/metric/v/p/speed", b"88", retained=True) == Noted(MINE, None, {"retained_value": 1})


def test_json_columns_keep_their_times() -> None:
    """The form of the telemetry stream without numbers; an unknown signal is counted."""
    columns = {signals.SPEED: [50, None], "Vehicle.Nothing": [1, 2]}
    found = come(f"json/{MINE}", {"time": [NOW_MS - 2000, NOW_MS - 1000], "columns": columns})
    assert values(found) == {signals.SPEED: [50, None]}
    assert found.batch.times_ms == (NOW_MS - 2000, NOW_MS - 1000)
    assert found.accepted.counts == {UNKNOWN: 1}
    assert found.repeated_within_ms is None


def test_a_value_out_of_range_is_a_gap_and_counted() -> None:
    """As everywhere."""
    found = come(f"ovms/{MINE}/DEMO/metric/v/p/speed", b"900")
    assert values(found) == {signals.SPEED: [None]}
    assert found.accepted.counts == {f"range:{signals.SPEED}": 1}


@pytest.mark.parametrize(
    ("text", "payload", "reason"),
    [
        (f"wican/{MINE}/can/rx", b"{", Reason.DECODE),
        (f"wican/{MINE}/can/rx", b"[1]", Reason.DECODE),
        (f"wican/{MINE}/can/rx", b'{"frame": [{"id": 1, "data": [256]}]}', Reason.DECODE),
        (f"wican/{MINE}/autopid", b'{"SPEED": "fast"}', Reason.DECODE),
        (f"wican/{MINE}/status", b'{"status": 1}', Reason.DECODE),
        (f"wican/{MINE}/status", b'{"status": []}', Reason.DECODE),
        (f"ovms/{MINE}/X/metric/v/p/speed", b"88km/h", Reason.DECODE),
        (f"ovms/{MINE}/X/metric/v/p/speed", b"nan", Reason.DECODE),
        (f"json/{MINE}", b'{"time": [2, 1], "columns": {"Vehicle.Speed": [1, 2]}}', Reason.DECODE),
        (f"json/{MINE}", b'{"time": [1], "columns": {"Vehicle.Speed": [1, 2]}}', Reason.DECODE),
        (f"json/{MINE}", b" " * 200_000, Reason.TOO_LARGE),
        (f"json/{OTHER}", b"{}", Reason.UNKNOWN_DEVICE),
    ],
)
def test_what_cannot_be_read_is_set_apart_whole(text: str, payload: bytes, reason: Reason) -> None:
    """With its reason and a sentence."""
    found = come(text, payload)
    assert isinstance(found, Dead)
    assert (found.reason, found.payload, found.topic) == (reason, payload, text)
    assert found.sentence


@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize(
    ("text", "payload", "within_ms"),
    [
        (f"wican/{MINE}/autopid", b'{"SPEED": 50}', REPEATED_WITHIN_MS),
        (f"wican/{MINE}/can/rx", b'{"ts": 5, "frame": [{"id": 2024, "data": [3, 65, 13, 50]}]}', 50_000),
    ],
)
def test_equal_content_counts_once_within_its_time(
    engine, text: str, payload: bytes, within_ms: int, *, apart: bool
) -> None:
    """By when it came, whether it is stored together or apart; what comes later is a new sample of the same value."""
    place = place_of(text)
    moments = (NOW_MS, NOW_MS + within_ms, NOW_MS + within_ms + 1, NOW_MS + 3 * within_ms)
    found = [take_in(place, text, payload, KNOWN, moment, retained=False) for moment in moments]
    for some in ([one] for one in found) if apart else (found,):
        with transaction(engine) as connection:
            inbox.store(connection, some, now=LATER, tries={}, quarantine=Quarantine())
    with reading(engine) as connection:
        stored = connection.execute(sa.select(tables.inbox.c.sequence, tables.inbox.c.first_ms)).all()
        assert devices.counts_of(connection, MINE) == {"duplicate": 1}
    assert stored == [(1, moments[0]), (2, moments[2]), (3, moments[3])]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
names = st.sampled_from(["SPEED", "ODOMETER", "0C-EngineRPM", "frame", "status", "_meta", "ts", "time", "columns"])
frames = st.fixed_dictionaries({"id": st.sampled_from([0x7E8, 1]), "data": st.lists(st.integers(-1, 256), max_size=9)})
objects = st.dictionaries(names, json_values | st.lists(frames, max_size=3), max_size=5).map(json.dumps)
payloads = st.binary(max_size=60) | objects.map(str.encode) | st.text(max_size=20).map(str.encode)
levels = st.sampled_from(
    ["", "/can/rx", "/status", "/autopid", "/can/tx", "/X/metric/v/p/speed", "/X/metric", "/X/metric/s/v3/connected"]
)


@settings(max_examples=examples(500), deadline=None)
@given(st.sampled_from(sorted(IMPORTERS)), levels, payloads, st.booleans())
def test_whatever_comes_is_taken_or_refused_with_a_sentence(
    kind: str, below: str, payload: bytes, retained: bool
) -> None:
    """Nothing else leaves an importer, and what is taken can be stored."""
    found = come(f"{kind}/{MINE}{below}", payload, retained=retained)
    if isinstance(found, Imported):
        assert found.numbered(1).payload
        assert not retained
    elif isinstance(found, Dead):
        assert found.sentence
    else:
        assert all(count > 0 for count in found.counts.values())


@given(st.text(max_size=300))
def test_a_topic_is_somebodys_or_nobodys(text: str) -> None:
    """No text makes the rules stumble, and nobody gains a topic by it."""
    device_of(text)
    for first in ("", "wican/", "ovms/", f"wican/{MINE}/"):
        place = place_of(first + text)
        assert place is None or may_publish(place.device_id, first + text)
        assert not may_publish(OTHER, f"wican/{MINE}/{text}")


def test_a_foreign_device_sends_below_its_own_id_and_hears_nothing() -> None:
    """Orders to such devices, as frames to send into a car, go through nobody's hands here."""
    for text in (f"wican/{MINE}/can/rx", f"ovms/{MINE}/DEMO/metric/v/p/speed", f"json/{MINE}"):
        assert may_publish(MINE, text)
        assert not may_publish(OTHER, text)
        assert not may_publish(SERVICE, text)
        assert may_receive(SERVICE, text)
        assert not may_receive(MINE, text)
        assert not may_subscribe(MINE, text)
    assert all(may_subscribe(SERVICE, text) for text in FILTERS)
    for text in ("wican/#", "wican/+/can/tx", f"wican/{MINE}/#", f"wican/{MINE}/+"):
        assert not may_subscribe(MINE, text)
        assert not may_subscribe(SERVICE, text)
        assert not may_publish(MINE, text)
    assert place_of(topic(MINE, Kind.TELEMETRY)) is None
    assert device_of(topic(MINE, Kind.TELEMETRY)) == MINE
    assert device_of(f"wican/{MINE}/can/rx") == MINE
