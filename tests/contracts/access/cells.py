"""The table of who may do what, apart from :mod:`api.policy`, so that neither can be changed alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from api.auth.scope import Role

if TYPE_CHECKING:
    from collections.abc import Callable

V1 = "/api/v1"
PASSWORD = "correct horse battery"
NOBODY: frozenset[Role] = frozenset()
EVERYONE = frozenset({Role.OWNER, Role.ADVISOR, Role.MANAGER, Role.ENGINEER, Role.ADMIN})
SHOP = EVERYONE - {Role.OWNER}
DESK = SHOP - {Role.ENGINEER}
DECIDE = DESK | {Role.OWNER}
MAKERS = frozenset({Role.ENGINEER, Role.ADMIN})
TEXT = {"en": "Words", "zh": "字"}


@dataclass(frozen=True)
class Car:
    """A vehicle with everything that hangs on it, and who keeps it."""

    vehicle_id: str
    dealer: str
    owner: str
    booked: str
    free: str
    proposed: str
    agreed: str
    command_id: str
    finding_id: str
    other_time: str
    campaign_id: str
    capture_id: str

    def ids(self) -> set[str]:
        """Everything by which an answer could give this car away."""
        return {
            self.vehicle_id,
            self.booked,
            self.free,
            self.proposed,
            self.agreed,
            self.command_id,
            self.finding_id,
            self.campaign_id,
            self.capture_id,
        }


@dataclass(frozen=True)
class Cell:
    """What one operation asks and answers: the roles that may do it, and how it is done to a car."""

    roles: frozenset[Role]
    status: int = 200
    body: Callable[[Car], dict[str, Any]] | None = None
    form: Callable[[Car], dict[str, Any]] | None = None
    query: str = ""
    suggestion: str = "free"
    appointment: str = "proposed"
    shows: str = ""
    """Name of the car's id that the answer must hold for who may see it (lists)."""
    led_on: frozenset[Role] = NOBODY
    """Roles that are led to a page of their own."""


def start(car: Car) -> dict[str, Any]:
    """Body with another time."""
    return {"start": car.other_time}


def plan(car: Car) -> dict[str, Any]:
    """Body of a campaign for the car."""
    return {
        "name": "x", "condition": "Vehicle.Speed > 80", "signals": {"Vehicle.Speed": 1000}, "before_s": 5,
        "until": car.other_time, "target": {"vehicles": [car.vehicle_id]},
    }  # fmt: skip


def plan_form(car: Car) -> dict[str, Any]:
    """The same as the console's form."""
    return {
        "name": "x", "condition": "Vehicle.Speed > 80", "signal-1": "Vehicle.Speed", "rate-1": "1000", "before": "5",
        "after": "0", "most": "5", "megabytes": "1", "until": car.other_time[:10], f"vehicle:{car.vehicle_id}": "on",
    }  # fmt: skip


API: dict[str, Cell] = {
    "DELETE /session": Cell(EVERYONE, 204),
    "GET /me": Cell(EVERYONE),
    "GET /tokens": Cell(EVERYONE),
    "GET /users": Cell(frozenset({Role.MANAGER, Role.ADMIN})),
    "GET /vehicles": Cell(EVERYONE, shows="vehicle_id"),
    "GET /vehicles/{vehicle_id}": Cell(EVERYONE),
    "PATCH /vehicles/{vehicle_id}": Cell(DESK, body=lambda _: {"plate": "new"}),
    "GET /vehicles/{vehicle_id}/health": Cell(EVERYONE),
    "GET /vehicles/{vehicle_id}/history": Cell(EVERYONE, query="?signal=Vehicle.Speed"),
    "GET /vehicles/{vehicle_id}/codes": Cell(EVERYONE),
    "GET /vehicles/{vehicle_id}/findings": Cell(EVERYONE, shows="finding_id"),
    "GET /vehicles/{vehicle_id}/maintenance": Cell(EVERYONE),
    "POST /vehicles/{vehicle_id}/maintenance": Cell(DESK, 201, body=lambda _: {"item": "brake_fluid"}),
    "GET /vehicles/{vehicle_id}/measurements": Cell(EVERYONE),
    "POST /vehicles/{vehicle_id}/measurements": Cell(DESK, 201, body=lambda _: {"name": "tread_mm", "value": 4.5}),
    "POST /vehicles/{vehicle_id}/commands": Cell(SHOP, 202, body=lambda _: {"name": "read_dtcs"}),
    "GET /vehicles/{vehicle_id}/commands/{command_id}": Cell(SHOP, shows="command_id"),
    "GET /suggestions": Cell(EVERYONE, shows="free"),
    "GET /suggestions/{suggestion_id}": Cell(EVERYONE),
    "POST /suggestions/{suggestion_id}/dismissal": Cell(SHOP, body=lambda _: {"why": "sold"}),
    "POST /suggestions/{suggestion_id}/outcome": Cell(SHOP, body=lambda _: {"outcome": "confirmed"}),
    "GET /detectors": Cell(SHOP),
    "GET /causes": Cell(SHOP),
    "GET /appointments": Cell(EVERYONE, shows="proposed"),
    "POST /appointments": Cell(DESK, 201, body=lambda car: {"suggestion_id": car.free}),
    "GET /appointments/{appointment_id}": Cell(EVERYONE),
    "GET /appointments/{appointment_id}/free-times": Cell(DECIDE),
    "GET /appointments/{appointment_id}/calendar.ics": Cell(EVERYONE),
    "POST /appointments/{appointment_id}/acceptance": Cell(DECIDE, body=lambda _: {}),
    "POST /appointments/{appointment_id}/move": Cell(DECIDE, body=start),
    "POST /appointments/{appointment_id}/decline": Cell(DECIDE),
    "POST /appointments/{appointment_id}/cancellation": Cell(DECIDE, appointment="agreed"),
    "POST /appointments/{appointment_id}/completion": Cell(DESK, appointment="agreed"),
    "GET /reminders": Cell(EVERYONE, shows="proposed"),
    "GET /campaigns": Cell(SHOP, shows="campaign_id"),
    "POST /campaigns": Cell(MAKERS, 201, body=plan),
    "POST /campaigns/condition": Cell(MAKERS, body=lambda _: {"condition": "always"}),
    "GET /campaigns/{campaign_id}": Cell(SHOP),
    "POST /campaigns/{campaign_id}/versions": Cell(MAKERS, 201, body=plan),
    "POST /campaigns/{campaign_id}/revocation": Cell(MAKERS),
    "GET /campaigns/{campaign_id}/devices": Cell(SHOP, shows="vehicle_id"),
    "GET /campaigns/{campaign_id}/captures": Cell(SHOP, shows="capture_id"),
    "POST /vehicles/{vehicle_id}/recordings": Cell(
        MAKERS, 202, body=lambda _: {"seconds": 5, "signals": {"Vehicle.Speed": 1000}}
    ),
    "GET /vehicles/{vehicle_id}/captures": Cell(SHOP, shows="capture_id"),
    "GET /captures/{capture_id}": Cell(SHOP),
    "GET /captures/{capture_id}/rows.csv": Cell(SHOP),
    "GET /captures/{capture_id}/frames.log": Cell(SHOP),
    "GET /ingest/dead-letters": Cell(frozenset({Role.ENGINEER, Role.ADMIN})),
    "GET /stream": Cell(EVERYONE),
}
PAGES: dict[str, Cell] = {
    "POST /sign-out": Cell(EVERYONE, 303),
    "GET /attention": Cell(SHOP, shows="vehicle_id"),
    "GET /vehicles": Cell(SHOP, shows="vehicle_id"),
    "GET /vehicles/{vehicle_id}": Cell(SHOP, shows="free"),
    "GET /vehicles/{vehicle_id}/evidence/{finding_id}": Cell(EVERYONE),
    "GET /vehicles/{vehicle_id}/signals": Cell(EVERYONE, query="?path=Vehicle.Speed"),
    "GET /vehicles/{vehicle_id}/device": Cell(SHOP),
    "POST /vehicles/{vehicle_id}/positions": Cell(frozenset({Role.OWNER}), 303, form=lambda _: {"allow": "yes"}),
    "POST /vehicles/{vehicle_id}/measure": Cell(DESK, 303, form=lambda _: {"name": "tread_mm", "value": "4.5"}),
    "GET /vehicles/{vehicle_id}/maintenance": Cell(EVERYONE),
    "POST /vehicles/{vehicle_id}/maintenance": Cell(DESK, 303, form=lambda _: {"item": "brake_fluid"}),
    "POST /vehicles/{vehicle_id}/identity": Cell(DESK, 303, form=lambda _: {"powertrain": "diesel"}),
    "POST /vehicles/{vehicle_id}/read-codes": Cell(SHOP, 303),
    "POST /vehicles/{vehicle_id}/ask": Cell(SHOP, 303, form=lambda _: {"name": "read_vin"}),
    "POST /vehicles/{vehicle_id}/clearing": Cell(frozenset({Role.OWNER}), 303, form=lambda _: {"allow": "no"}),
    "POST /vehicles/{vehicle_id}/clear-codes": Cell(frozenset({Role.ADVISOR, Role.MANAGER}), 409),
    "POST /vehicles/{vehicle_id}/listen-only": Cell(SHOP, 303),
    "POST /vehicles/{vehicle_id}/ask-again": Cell(SHOP, 303),
    "GET /vehicles/{vehicle_id}/commands/{command_id}": Cell(SHOP, shows="command_id"),
    "POST /suggestions/{suggestion_id}/dismiss": Cell(SHOP, 303, form=lambda _: {"why": "sold"}),
    "POST /suggestions/{suggestion_id}/outcome": Cell(SHOP, 303, form=lambda _: {"outcome": "confirmed"}),
    "POST /suggestions/{suggestion_id}/propose": Cell(DESK, 303),
    "GET /appointments": Cell(SHOP, shows="vehicle_id"),
    "GET /appointments/{appointment_id}/times": Cell(DECIDE, shows="proposed"),
    "POST /appointments/{appointment_id}/accept": Cell(DECIDE, 303),
    "POST /appointments/{appointment_id}/move": Cell(DECIDE, 303, form=start),
    "POST /appointments/{appointment_id}/decline": Cell(DECIDE, 303),
    "POST /appointments/{appointment_id}/cancel": Cell(DECIDE, 303, appointment="agreed"),
    "POST /appointments/{appointment_id}/finish": Cell(DESK, 303, appointment="agreed"),
    "GET /campaigns": Cell(SHOP, shows="campaign_id"),
    "GET /campaigns/new": Cell(MAKERS),
    "POST /campaigns": Cell(MAKERS, 303, form=plan_form),
    "POST /campaigns/check": Cell(MAKERS, form=lambda _: {"condition": "always"}),
    "GET /campaigns/{campaign_id}": Cell(SHOP, shows="capture_id"),
    "GET /campaigns/{campaign_id}/change": Cell(MAKERS),
    "POST /campaigns/{campaign_id}/change": Cell(MAKERS, 303, form=plan_form),
    "POST /campaigns/{campaign_id}/revoke": Cell(MAKERS, 303),
    "GET /vehicles/{vehicle_id}/captures": Cell(SHOP, shows="capture_id"),
    "POST /vehicles/{vehicle_id}/record": Cell(MAKERS, 303, form=lambda _: {"seconds": "5", "frames": "on"}),
    "GET /captures/{capture_id}": Cell(SHOP, shows="campaign_id"),
    "GET /captures/{capture_id}/chart": Cell(SHOP, query="?signal=Vehicle.Speed"),
    "GET /me": Cell(EVERYONE, shows="proposed", led_on=SHOP),
    "GET /quality": Cell(SHOP),
    "GET /live": Cell(EVERYONE),
}
CELLS = {operation.replace(" ", f" {V1}", 1): cell for operation, cell in API.items()} | PAGES
PERSONAL = f"DELETE {V1}/tokens/{{token_id}}"
"""Tried apart: a token is nobody's but one's own, not even an administrator's."""
MAKING = f"POST {V1}/tokens"
"""Tried apart: for everyone, but with a session only."""
