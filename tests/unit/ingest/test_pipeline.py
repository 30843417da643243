"""The whole way, from plain MQTT messages to history and back, with a real broker and database."""

from __future__ import annotations

import contextlib
import json
import random
from datetime import UTC, datetime

import aiomqtt
import pytest

from ingest import devices
from ingest.storage import commands, tables
from ingest.storage.database import reading, transaction
from ingest.storage.events import events_since
from vehicle.messages import Command as CommandMessage
from vehicle.messages import Reply, decode, encode
from vehicle.signals import COOLANT_TEMPERATURE, SPEED
from vehicle.topics import Kind

pytestmark = pytest.mark.e2e


async def test_batches_are_stored_and_acknowledged(server, make, until) -> None:
    """What is acknowledged can be read back at once, exactly, with gaps as gaps."""
    golf = server.enrol("golf")
    async with server.dongle(golf) as dongle:
        await dongle.telemetry(make.message(1), make.message(2))
        await until(lambda: dongle.upto == 2, what="the acknowledgement of both")
    frame = server.store.read(vehicle_id=golf.vehicle_id)
    assert frame.columns == ["time", SPEED, COOLANT_TEMPERATURE]
    assert frame[SPEED].to_list() == [0, 1, 2, 3, 4, 5]
    assert frame[COOLANT_TEMPERATURE].to_list() == [90, None, None, 90, None, None]
    assert frame["time"].dt.timestamp("ms").to_list() == [make.NOW_MS + 1000 * row for row in range(6)]


async def test_a_hole_is_told_by_ranges(server, make, until) -> None:
    """Live before old: what came out of order is acknowledged as a range, and the hole closes later."""
    async with server.dongle(server.enrol("golf")) as dongle:
        await dongle.telemetry(make.message(1), make.message(4), make.message(5))
        await until(lambda: dongle.acks[-1].ranges, what="a range")
        await until(lambda: dongle.acks[-1].ranges == [(4, 5)], what="the whole range")
        assert dongle.upto == 1
        await dongle.telemetry(make.message(3), make.message(2))
        await until(lambda: dongle.upto == 5, what="the hole to close")


async def test_what_a_device_dropped_is_not_waited_for(server, make, until) -> None:
    """A device that has nothing before 4 any more dropped 2 and 3: the hole closes, and stays closed."""
    golf = server.enrol("golf")
    async with server.dongle(golf) as dongle:
        await dongle.telemetry(make.message(1), make.message(4), make.message(6))
        await until(lambda: dongle.acks[-1].ranges == [(4, 4), (6, 6)], what="both ranges")
        await dongle.send(Kind.STATE, make.birth(first=4, last=6), retain=True)
        await until(lambda: dongle.upto == 4, what="the hole to close")
        assert dongle.acks[-1].ranges == [(6, 6)]
        await dongle.telemetry(make.message(5))
        await until(lambda: dongle.upto == 6, what="the rest")


async def test_duplicates_change_nothing_also_after_history_was_written(server, make, until) -> None:
    """The same message again is acknowledged again, counted, and stored once."""
    golf = server.enrol("golf")
    async with server.dongle(golf) as dongle:
        await dongle.telemetry(make.message(1), make.message(1))
        await until(lambda: server.counts(golf.device_id).get("duplicate") == 1, what="the duplicate to be counted")
        await until(lambda: server.rows(tables.history_files), what="history")
        before = len(dongle.acks)
        await dongle.telemetry(make.message(1))
        await until(lambda: len(dongle.acks) > before, what="another acknowledgement")
        assert dongle.acks[-1].upto == 1
    assert server.speeds(golf.device_id) == [0, 1, 2]


async def test_other_content_under_one_identity_is_set_apart(server, make, until) -> None:
    """A conflict is a dead letter, is told to the sender, and the first content stays; also when it is in history."""
    golf = server.enrol("golf")
    async with server.dongle(golf) as dongle:
        await dongle.telemetry(make.message(1))
        await until(lambda: any(row.content == 0 for row in server.rows(tables.inbox)), what="the inbox to be emptied")
        await dongle.telemetry(make.message(1, columns=((9, 9, 9), (None, None, None))))
        await until(lambda: dongle.rejected == {1: "conflict"}, what="the conflict to be told")
    assert server.speeds(golf.device_id) == [0, 1, 2]
    (letter,) = server.rows(tables.dead_letters)
    assert (letter.reason, letter.topic) == ("conflict", f"roadworthy/v1/{golf.device_id}/telemetry")


async def test_garbage_is_set_apart_and_stops_nobody(server, make, until) -> None:
    """Each kind of bad message has its reason, and the good ones around them are stored."""
    golf = server.enrol("golf")
    good, damaged = make.message(3), bytearray(make.message(2))
    damaged[-1] ^= 0xFF
    wrong_version = bytearray(make.message(4))
    wrong_version[2] = 9
    bad = {
        b"": "envelope",
        b"\x00" * 10: "envelope",
        bytes(damaged): "crc",
        good[:-3]: "envelope",
        bytes(wrong_version): "unknown_version",
        b"x" * 200_000: "too_large",
        b"{not json": "decode",
        b'{"epoch": 5, "sequence": 6, "time": [1], "columns": {"Vehicle.Speed": [1, 2]}}': "decode",
    }
    async with server.dongle(golf) as dongle:
        for payload in bad:
            await dongle.telemetry(payload)
        await dongle.telemetry(make.message(1), good)
        await until(lambda: dongle.upto == 1 and len(server.rows(tables.dead_letters)) == len(bad), what="all letters")
        # Truncated: its identity is that of the good message, which comes whole later and must not be refused.
        await until(lambda: {4: "unknown_version", 6: "decode"}.items() <= dongle.rejected.items(), what="refusals")
    assert [row.reason for row in server.rows(tables.dead_letters)] == list(bad.values())
    assert server.speeds(golf.device_id)[:3] == [0, 1, 2]


async def test_json_columns_are_taken(server, until) -> None:
    """The hello-world form is stored, survives into history, and a value out of range is a counted gap."""
    golf = server.enrol("golf")
    hello = {"epoch": 1, "sequence": 1, "time": [1_763_888_400_000, 1_763_888_401_000], "columns": {SPEED: [50, 999]}}
    hello["columns"][COOLANT_TEMPERATURE] = [None, 90]
    async with server.dongle(golf, announce=False) as dongle:
        await dongle.telemetry(json.dumps(hello).encode())
        await until(lambda: dongle.upto == 1, what="the acknowledgement")
        await until(lambda: server.rows(tables.history_files), what="history")
    assert server.counts(golf.device_id) == {f"range:{SPEED}": 1}
    frame = server.store.read(device_id=golf.device_id)
    assert frame.rows() == [(frame["time"][0], 50.0, None), (frame["time"][1], None, 90.0)]


async def test_an_unknown_signal_set_is_asked_for(server, make, until) -> None:
    """A batch of a set nobody announced is neither stored nor acknowledged, but asked for; then it is taken."""
    golf = server.enrol("golf")
    async with server.dongle(golf, announce=False) as dongle:
        await dongle.telemetry(make.message(1))
        await until(lambda: dongle.acks, what="an answer")
        assert (dongle.acks[0].upto, dongle.acks[0].need_sets) == (0, [make.SET.id])
        await dongle.send(Kind.STATE, make.birth(), retain=True)
        await dongle.telemetry(make.message(1))
        await until(lambda: dongle.upto == 1, what="the acknowledgement")


async def test_a_set_that_is_never_announced_is_given_up(server, make, until) -> None:
    """At the fifth reception the batch goes to dead letters, so that it does not come for ever."""
    async with server.dongle(server.enrol("golf"), announce=False) as dongle:
        for times in range(1, 6):
            await dongle.telemetry(make.message(1))
            await until(lambda times=times: len(dongle.acks) == times, what=f"answer {times}")
        assert dongle.rejected == {1: "unknown_schema"}
        assert dongle.upto == 1


async def test_ingest_killed_and_started_again_loses_and_doubles_nothing(stopped_server, make, until) -> None:
    """Ingest is torn away five times in mid-stream; what is not acknowledged is sent again; all is there, once."""
    server, rng = stopped_server, random.Random(11)
    golf = server.enrol("golf")
    last = 120
    await server.start("broker")
    await server.start("ingest")
    async with server.dongle(golf) as dongle:
        for kill in range(6):
            held = {
                n for ack in dongle.acks for first, end in [(1, ack.upto), *ack.ranges] for n in range(first, end + 1)
            }
            waiting = [n for n in range(1, last + 1) if n not in held]
            some = waiting if kill == 5 else rng.sample(waiting, min(len(waiting), 40))
            for sequence in some:
                await dongle.telemetry(make.message(sequence))
                if kill < 5 and rng.random() < 0.02:
                    break
            if kill < 5:
                task, _ = server.tasks.pop("ingest")
                task.cancel()
                await until(task.done, what="ingest to be gone")
                await server.start("ingest")
        await until(lambda: dongle.upto == last, what="everything to be acknowledged")
    assert server.speeds(golf.device_id) == [row % 200 for row in range(3 * last)]


async def test_a_broker_that_forgets_everything(server, make, until) -> None:
    """The broker comes back empty; ingest and the device find each other again, and nothing is lost."""
    golf = server.enrol("golf")
    async with server.dongle(golf) as dongle:
        await dongle.telemetry(make.message(1))
        await until(lambda: dongle.upto == 1, what="the first acknowledgement")
    await server.stop("broker")
    await server.start("broker")
    sent = False
    while not sent:
        async with server.dongle(golf, announce=False) as dongle:
            await dongle.send(Kind.STATE, make.birth(), retain=True)
            await until(lambda: dongle.acks, what="ingest to be back")
            await dongle.telemetry(make.message(2))
            await until(lambda: dongle.upto == 2, what="the second acknowledgement")
            sent = True
    assert server.speeds(golf.device_id) == [0, 1, 2, 3, 4, 5]


async def test_a_wrong_clock_is_mended_by_the_birth(server, make, until) -> None:
    """A device that believes in 2001 is placed by its boot clock against the server's time, and it is counted."""
    golf = server.enrol("golf")
    wrong = {"quality": "none", "monotonic_ms": 1000, "times_ms": tuple(range(10**12, 10**12 + 3000, 1000))}
    wrong["quality"] = make.batch().quality.__class__("none")
    async with server.dongle(golf) as dongle:
        await dongle.telemetry(make.message(1, **wrong))
        await until(lambda: dongle.upto == 1, what="the acknowledgement")
        first = server.store.read(device_id=golf.device_id)["time"].dt.timestamp("ms")[0]
        assert abs(first - dongle.acks[0].server_time_ms) < 60_000
    assert server.counts(golf.device_id)["clock_corrected"] == 1


async def test_a_retained_birth_is_no_anchor(stopped_server, make, until) -> None:
    """A birth that waited in the broker while ingest was down says nothing about now: no anchor comes of it."""
    server = stopped_server
    await server.start("broker")
    golf = server.enrol("golf")
    async with server.dongle(golf, announce=False) as dongle:
        await dongle.send(Kind.STATE, make.birth(), retain=True)
        await server.start("ingest")
        await until(lambda: dongle.acks, what="the answer to the retained birth")
        assert server.rows(tables.anchors) == []
        await dongle.send(Kind.STATE, make.birth(), retain=True)
        await until(lambda: server.rows(tables.anchors), what="the anchor of the live birth")


async def test_a_request_reaches_the_device_and_its_answer_the_desk(server, until, make) -> None:
    """A request in the table is published, and the device's reply is found under its id; a stray one is not."""
    golf = server.enrol("golf")
    async with server.dongle(golf) as dongle:
        with transaction(server.engine) as connection:
            number = commands.request_command(
                connection,
                device_id=golf.device_id,
                name="read_dtcs",
                arguments={"deep": True},
                requested_by="ann",
                now=make.NOW,
                expires_at=make.NOW.replace(year=2099),
            )
        await until(lambda: dongle.others, what="the command")
        asked = decode(CommandMessage, dongle.others[0][1])
        assert (asked.id, asked.name, asked.arguments) == (number, "read_dtcs", {"deep": True})
        await dongle.send(Kind.REPLY, encode(Reply(id="nobody-asked", status="done")))
        await dongle.send(Kind.REPLY, encode(Reply(id=number, status="done", result={"dtcs": ["P0301"]})))
        await until(lambda: server.rows(tables.commands)[0].status == "done", what="the answer")
    assert server.rows(tables.commands)[0].result == {"dtcs": ["P0301"]}
    assert server.counts(golf.device_id)["stray_reply"] == 1


async def test_a_request_that_is_over_is_not_sent(server, until, make) -> None:
    """A request whose time has passed before it could be sent never fires; it ends as expired."""
    golf = server.enrol("golf")
    async with server.dongle(golf) as dongle:
        with transaction(server.engine) as connection:
            commands.request_command(
                connection,
                device_id=golf.device_id,
                name="read_dtcs",
                arguments={},
                requested_by="ann",
                now=make.NOW.replace(year=2020),
                expires_at=make.NOW.replace(year=2020),
            )
        await until(lambda: server.rows(tables.commands)[0].status == "expired", what="the request to expire")
        assert dongle.others == []


async def test_events_are_kept_in_order_and_unreadable_input_is_a_letter(server, until, make) -> None:
    """Events share the sequence with telemetry; what the device could not read is listed among the dead letters."""
    golf = server.enrol("golf")
    line = {"source": "csv:drive.csv", "place": "line 17", "reason": "3 of 27 columns", "text": "1;2;3"}
    async with server.dongle(golf) as dongle:
        await dongle.send(Kind.EVENT, make.event(1, "mil", on=True, count=2))
        await dongle.send(Kind.EVENT, make.event(2, "unreadable", **line))
        await dongle.telemetry(make.message(3))
        await until(lambda: dongle.upto == 3, what="the acknowledgement of all")
    with reading(server.engine) as connection:
        found = events_since(connection, 0)
    assert [(one.event.kind, one.event.data) for one in found] == [
        ("mil", {"on": True, "count": 2}),
        ("unreadable", line),
    ]
    (letter,) = server.rows(tables.dead_letters)
    assert (letter.reason, letter.payload) == ("source", b"1;2;3")
    assert letter.sentence == "csv:drive.csv, line 17: 3 of 27 columns"


async def test_presence_follows_birth_and_will(server, until) -> None:
    """A device is online from its birth on; when its connection breaks, its last will says that it went."""

    def online() -> bool:
        with reading(server.engine) as connection:
            return devices.find(connection, "golf").online

    golf = server.enrol("golf")
    async with server.dongle(golf) as dongle:
        assert online()
        await dongle.send(Kind.STATE, b'{"status":"offline"}', retain=True)
        await until(lambda: not online(), what="the device to be offline")


def look(server, name: str) -> devices.Device:
    with reading(server.engine) as connection:
        return devices.find(connection, name)


async def test_listen_only_follows_what_the_device_says(server, make, until) -> None:
    """Kept from its state while it is away too, and gone when it says so."""
    golf = server.enrol("golf")
    async with server.dongle(golf) as dongle:
        assert not look(server, "golf").listen_only
        await dongle.send(Kind.STATE, make.birth(listen_only=True), retain=True)
        await until(lambda: look(server, "golf").listen_only, what="listen-only")
        await dongle.send(Kind.STATE, b'{"status":"offline"}', retain=True)
        await until(lambda: not look(server, "golf").online, what="the device to be offline")
        assert look(server, "golf").listen_only
        await dongle.send(Kind.STATE, make.birth(), retain=True)
        await until(lambda: not look(server, "golf").listen_only, what="the end of listen-only")


async def test_a_lost_broker_takes_presence_with_it(server, until) -> None:
    """Ingest runs on, but nobody can tell it who went while the broker was away."""
    golf = server.enrol("golf")
    with contextlib.suppress(aiomqtt.MqttError):  # with which the device may notice it when it goes
        async with server.dongle(golf):
            await server.stop("broker")
            await until(lambda: not look(server, "golf").online, what="golf to be offline")
    await server.start("broker")
    while not look(server, "golf").online:  # a birth that comes before ingest is back waits in the broker
        async with server.dongle(golf):
            await until(lambda: look(server, "golf").online, what="golf to be back")


async def test_nobody_is_online_who_went_while_nobody_listened(stopped_server, until) -> None:
    """A server that was away knows of nobody until they say so; who is still there is known again at once."""
    server = stopped_server

    def online() -> set[str]:
        with reading(server.engine) as connection:
            return {device.name for device in devices.list_devices(connection) if device.online}

    golf = server.enrol("golf")
    await server.start("broker")
    await server.start("ingest")
    async with server.dongle(golf):
        assert online() == {"golf"}
        await server.stop("ingest")
        await server.start("ingest")
        await until(lambda: online() == {"golf"}, what="the golf to be online again")
        await server.stop("ingest")
    await server.stop("broker")
    await server.start("broker")
    await server.start("ingest")
    await until(lambda: online() == set(), what="the golf to be offline")


async def test_a_device_is_seen_when_it_sends(server, make, until) -> None:
    """Not only when it connects: a drive of hours is seen to its end."""
    golf = server.enrol("golf")

    def seen_at() -> datetime | None:
        with reading(server.engine) as connection:
            return devices.find(connection, "golf").seen_at

    async with server.dongle(golf) as dongle:
        long_ago = datetime(2026, 1, 1, tzinfo=UTC)
        with transaction(server.engine) as connection:
            connection.execute(tables.devices.update().values(seen_at=long_ago))
        await dongle.telemetry(make.message(1))
        await until(lambda: dongle.upto == 1, what="the message to be acknowledged")
    assert seen_at() > long_ago
