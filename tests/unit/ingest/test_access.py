"""The rules of the broker, as a table of who may do what."""

from __future__ import annotations

from ingest.access import SERVICE, may_publish, may_receive, may_subscribe
from vehicle.topics import DOWNLINK, UPLINK, Kind, topic

MINE, OTHER = "0123456789abcdef", "fedcba9876543210"


def test_a_device_sends_its_uplinks_and_hears_its_downlinks() -> None:
    """Every stream in one direction only, and only the device's own."""
    for kind in Kind:
        up = kind in UPLINK
        assert may_publish(MINE, topic(MINE, kind)) is up
        assert may_subscribe(MINE, topic(MINE, kind)) is not up
        assert may_receive(MINE, topic(MINE, kind)) is not up
        assert not may_publish(MINE, topic(OTHER, kind))
        assert not may_subscribe(MINE, topic(OTHER, kind))
        assert not may_receive(MINE, topic(OTHER, kind))


def test_the_server_hears_uplinks_and_sends_downlinks() -> None:
    """The server cannot be made to speak for a device."""
    for kind in Kind:
        assert may_publish(SERVICE, topic(MINE, kind)) is (kind in DOWNLINK)
        assert may_receive(SERVICE, topic(MINE, kind)) is (kind in UPLINK)
        assert may_subscribe(SERVICE, f"roadworthy/v1/+/{kind}") is (kind in UPLINK)


def test_wildcards_and_other_schemes_are_nobodys() -> None:
    """No filter that could match more than a topic of one's own, and no topic that is not of our scheme."""
    strange = [
        "#",
        "+",
        "$SYS/#",
        "roadworthy/v1/#",
        f"roadworthy/v1/{MINE}/#",
        f"roadworthy/v1/{MINE}/+",
        "roadworthy/v1/+/ack",
    ]
    strange += [
        f"$share/g/roadworthy/v1/{MINE}/ack",
        f"roadworthy/v2/{MINE}/ack",
        f"/roadworthy/v1/{MINE}/ack",
        "",
        "a" * 70_000,
    ]
    strange += [f"roadworthy/v1/{MINE}/ack/", f"roadworthy/v1/{MINE.upper()}/ack", f"roadworthy/v1/{MINE}\n/ack"]
    for text in strange:
        for user in (MINE, SERVICE, "", "+", "#"):
            assert not may_publish(user, text)
            assert not may_receive(user, text)
            assert not may_subscribe(user, text)


def test_a_strange_user_name_gains_nothing() -> None:
    """A user that is no device id owns no topic."""
    for user in ("", "+", "#", "short", "../" + MINE, f"{MINE}/telemetry"):
        assert not may_publish(user, f"roadworthy/v1/{user}/telemetry")
