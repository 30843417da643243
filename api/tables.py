"""The tables that the service desk owns."""

from __future__ import annotations

import sqlalchemy as sa

from ingest.storage.database import UtcDateTime

metadata = sa.MetaData()
_id = sa.String(64)

dealers = sa.Table(
    "dealers", metadata,
    sa.Column("id", _id, primary_key=True),
    sa.Column("name_en", sa.String(128), nullable=False),
    sa.Column("name_zh", sa.String(128), nullable=False),
    sa.Column("time_zone", sa.String(64), nullable=False),
    sa.Column("hours", sa.JSON, nullable=False),
    sa.Column("closed_days", sa.JSON, nullable=False),
    sa.Column("bays", sa.SmallInteger, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)  # fmt: skip

users = sa.Table(
    "users", metadata,
    sa.Column("id", _id, primary_key=True),
    sa.Column("name", sa.String(128), nullable=False, unique=True),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("dealer_id", _id, sa.ForeignKey("dealers.id"), index=True),
    sa.Column("password_hash", sa.String(255), nullable=False),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("channels", sa.JSON, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("disabled_at", UtcDateTime),
)  # fmt: skip

sessions = sa.Table(
    "sessions", metadata,
    sa.Column("token_hash", sa.String(64), primary_key=True),
    sa.Column("user_id", _id, sa.ForeignKey("users.id"), nullable=False, index=True),
    sa.Column("form_token", sa.String(64), nullable=False),
    sa.Column("opened_at", UtcDateTime, nullable=False),
    sa.Column("seen_at", UtcDateTime, nullable=False),
    sa.Column("ends_at", UtcDateTime, nullable=False),
)  # fmt: skip

tokens = sa.Table(
    "tokens", metadata,
    sa.Column("id", _id, primary_key=True),
    sa.Column("token_hash", sa.String(64), nullable=False, unique=True),
    sa.Column("user_id", _id, sa.ForeignKey("users.id"), nullable=False, index=True),
    sa.Column("label", sa.String(128), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("ends_at", UtcDateTime, nullable=False),
)  # fmt: skip

vehicles = sa.Table(
    "vehicles", metadata,
    sa.Column("id", _id, primary_key=True),
    sa.Column("dealer_id", _id, sa.ForeignKey("dealers.id"), nullable=False, index=True),
    sa.Column("owner_id", _id, sa.ForeignKey("users.id"), index=True),
    sa.Column("vin", sa.String(17)),
    sa.Column("plate", sa.String(32)),
    sa.Column("model", sa.String(128)),
    sa.Column("created_at", UtcDateTime, nullable=False),
)  # fmt: skip

vehicle_tags = sa.Table(
    "vehicle_tags", metadata,
    sa.Column("vehicle_id", _id, sa.ForeignKey("vehicles.id"), primary_key=True),
    sa.Column("tag", sa.String(32), primary_key=True, index=True),
)  # fmt: skip

position_consents = sa.Table(
    "position_consents", metadata,
    sa.Column("vehicle_id", _id, sa.ForeignKey("vehicles.id"), primary_key=True),
    sa.Column("owner_id", _id, sa.ForeignKey("users.id"), nullable=False),
    sa.Column("given_at", UtcDateTime, nullable=False),
)  # fmt: skip

clearing_consents = sa.Table(
    "clearing_consents", metadata,
    sa.Column("vehicle_id", _id, sa.ForeignKey("vehicles.id"), primary_key=True),
    sa.Column("owner_id", _id, sa.ForeignKey("users.id"), nullable=False),
    sa.Column("given_at", UtcDateTime, nullable=False),
    sa.Column("used_by", _id),  # the request that it was used for
)  # fmt: skip

appointments = sa.Table(
    "appointments", metadata,
    sa.Column("id", _id, primary_key=True),
    sa.Column("vehicle_id", _id, sa.ForeignKey("vehicles.id"), nullable=False, index=True),
    sa.Column("dealer_id", _id, sa.ForeignKey("dealers.id"), nullable=False, index=True),
    sa.Column("suggestion_id", _id, index=True),
    sa.Column("component", sa.String(32), nullable=False),
    sa.Column("job", sa.String(64), nullable=False),
    sa.Column("severity", sa.String(16), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("bay", sa.SmallInteger, nullable=False),
    sa.Column("start", UtcDateTime, nullable=False, index=True),
    sa.Column("minutes", sa.Integer, nullable=False),
    sa.Column("alternatives", sa.JSON, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("changed_at", UtcDateTime, nullable=False),
    sa.Column("changed_by", sa.String(128), nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False, index=True),
    # One open appointment for a vehicle and component: the key is there while it is open, and null after.
    sa.Column("open_key", sa.String(128), unique=True),
)  # fmt: skip

slots = sa.Table(
    "slots", metadata,
    sa.Column("dealer_id", _id, primary_key=True),
    sa.Column("bay", sa.SmallInteger, primary_key=True),
    sa.Column("start", UtcDateTime, primary_key=True),
    sa.Column("appointment_id", _id, sa.ForeignKey("appointments.id"), nullable=False, index=True),
)  # fmt: skip

reminders = sa.Table(
    "reminders", metadata,
    sa.Column("id", _id, primary_key=True),
    # A message is about an appointment or about advice; about which vehicle, component and level it is, it says itself.
    sa.Column("appointment_id", _id, sa.ForeignKey("appointments.id")),
    sa.Column("suggestion_id", _id),
    sa.Column("vehicle_id", _id, sa.ForeignKey("vehicles.id"), nullable=False, index=True),
    sa.Column("component", sa.String(32), nullable=False),
    sa.Column("level", sa.String(16), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("user_id", _id, sa.ForeignKey("users.id"), index=True),
    sa.Column("due_at", UtcDateTime, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("tries", sa.SmallInteger, nullable=False),
    sa.Column("sent_at", UtcDateTime),
    sa.Column("subject", sa.Text),
    sa.Column("body", sa.Text),
    sa.Column("problem", sa.Text),
    sa.Column("made_for", UtcDateTime, nullable=False),
    sa.UniqueConstraint("appointment_id", "kind", "made_for"),
    sa.UniqueConstraint("suggestion_id", "kind", "level", name="reminders_of_advice"),
    sa.Index("reminders_due", "state", "due_at"),
)  # fmt: skip

deliveries = sa.Table(
    "deliveries", metadata,
    sa.Column("reminder_id", _id, sa.ForeignKey("reminders.id"), primary_key=True),
    # A hash of the URL by which it went: the URL itself holds secrets, and stands with the person.
    sa.Column("address", sa.String(64), primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
)  # fmt: skip

campaigns = sa.Table(
    "campaigns", metadata,
    sa.Column("id", _id, primary_key=True),
    sa.Column("dealer_id", _id, sa.ForeignKey("dealers.id"), index=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("name", sa.String(128), nullable=False),
    sa.Column("definition", sa.JSON, nullable=False),
    sa.Column("target", sa.JSON, nullable=False),
    sa.Column("until_at", UtcDateTime, nullable=False),
    sa.Column("created_by", sa.String(128), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("changed_by", sa.String(128), nullable=False),
    sa.Column("changed_at", UtcDateTime, nullable=False),
    sa.Column("revoked_at", UtcDateTime),
)  # fmt: skip

campaign_versions = sa.Table(
    "campaign_versions", metadata,
    sa.Column("campaign_id", _id, sa.ForeignKey("campaigns.id"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.String(128), nullable=False),
    sa.Column("definition", sa.JSON, nullable=False),
    sa.Column("target", sa.JSON, nullable=False),
    sa.Column("until_at", UtcDateTime, nullable=False),
    sa.Column("changed_by", sa.String(128), nullable=False),
    sa.Column("changed_at", UtcDateTime, nullable=False),
)  # fmt: skip

idempotency = sa.Table(
    "idempotency", metadata,
    sa.Column("principal", _id, primary_key=True),
    sa.Column("route", sa.String(200), primary_key=True),
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("body_hash", sa.String(64), nullable=False),
    sa.Column("status", sa.SmallInteger),
    sa.Column("body", sa.Text),
    sa.Column("created_at", UtcDateTime, nullable=False),
)  # fmt: skip

audit = sa.Table(
    "audit", metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("who", sa.String(128), nullable=False),
    sa.Column("action", sa.String(64), nullable=False),
    sa.Column("what", sa.String(200), nullable=False),
    sa.Column("details", sa.JSON, nullable=False),
)  # fmt: skip

revisions = sa.Table(
    "desk_revisions", metadata,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)  # fmt: skip
