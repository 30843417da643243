"""Who may do what: every operation of the app stands here, or the app does not start."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from api.auth.scope import EVERYONE, Role
from api.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

V1 = "/api/v1"
DESK = frozenset({Role.ADVISOR, Role.MANAGER, Role.ADMIN})
"""Those who talk with customers and change things for them."""
SHOP = DESK | {Role.ENGINEER}
SERVICE = frozenset({Role.ENGINEER, Role.ADMIN})
LEADS = frozenset({Role.MANAGER, Role.ADMIN})
DECIDE = DESK | {Role.OWNER}

PUBLIC: frozenset[str] = frozenset(
    {
        f"POST {V1}/session",
        f"GET {V1}/openapi.json",
        "GET /healthz",
        "GET /readyz",
        "GET /",
        "GET /sign-in",
        "POST /sign-in",
        "POST /language",
    }
)
"""Operations for which nobody needs to be signed in."""

ROLES: Mapping[str, frozenset[Role]] = MappingProxyType(
    {
        f"DELETE {V1}/session": EVERYONE,
        f"GET {V1}/me": EVERYONE,
        f"GET {V1}/tokens": EVERYONE,
        f"POST {V1}/tokens": EVERYONE,
        f"DELETE {V1}/tokens/{{token_id}}": EVERYONE,
        f"GET {V1}/vehicles": EVERYONE,
        f"GET {V1}/vehicles/{{vehicle_id}}": EVERYONE,
        f"PATCH {V1}/vehicles/{{vehicle_id}}": DESK,
        f"GET {V1}/vehicles/{{vehicle_id}}/health": EVERYONE,
        f"GET {V1}/vehicles/{{vehicle_id}}/history": EVERYONE,
        f"GET {V1}/vehicles/{{vehicle_id}}/codes": EVERYONE,
        f"GET {V1}/vehicles/{{vehicle_id}}/findings": EVERYONE,
        f"GET {V1}/vehicles/{{vehicle_id}}/maintenance": EVERYONE,
        f"POST {V1}/vehicles/{{vehicle_id}}/maintenance": DESK,
        f"GET {V1}/vehicles/{{vehicle_id}}/measurements": EVERYONE,
        f"POST {V1}/vehicles/{{vehicle_id}}/measurements": DESK,
        f"POST {V1}/vehicles/{{vehicle_id}}/commands": SHOP,
        f"GET {V1}/vehicles/{{vehicle_id}}/commands/{{command_id}}": SHOP,
        f"GET {V1}/suggestions": EVERYONE,
        f"GET {V1}/suggestions/{{suggestion_id}}": EVERYONE,
        f"POST {V1}/suggestions/{{suggestion_id}}/dismissal": SHOP,
        f"POST {V1}/suggestions/{{suggestion_id}}/outcome": SHOP,
        f"GET {V1}/appointments": EVERYONE,
        f"POST {V1}/appointments": DESK,
        f"GET {V1}/appointments/{{appointment_id}}": EVERYONE,
        f"GET {V1}/appointments/{{appointment_id}}/free-times": DECIDE,
        f"GET {V1}/appointments/{{appointment_id}}/calendar.ics": EVERYONE,
        f"POST {V1}/appointments/{{appointment_id}}/acceptance": DECIDE,
        f"POST {V1}/appointments/{{appointment_id}}/move": DECIDE,
        f"POST {V1}/appointments/{{appointment_id}}/decline": DECIDE,
        f"POST {V1}/appointments/{{appointment_id}}/cancellation": DECIDE,
        f"POST {V1}/appointments/{{appointment_id}}/completion": DESK,
        f"GET {V1}/reminders": EVERYONE,
        f"GET {V1}/campaigns": SHOP,
        f"POST {V1}/campaigns": SERVICE,
        f"POST {V1}/campaigns/condition": SERVICE,
        f"GET {V1}/campaigns/{{campaign_id}}": SHOP,
        f"POST {V1}/campaigns/{{campaign_id}}/versions": SERVICE,
        f"POST {V1}/campaigns/{{campaign_id}}/revocation": SERVICE,
        f"GET {V1}/campaigns/{{campaign_id}}/devices": SHOP,
        f"GET {V1}/campaigns/{{campaign_id}}/captures": SHOP,
        f"POST {V1}/vehicles/{{vehicle_id}}/recordings": SERVICE,
        f"GET {V1}/vehicles/{{vehicle_id}}/captures": SHOP,
        f"GET {V1}/captures/{{capture_id}}": SHOP,
        f"GET {V1}/captures/{{capture_id}}/rows.csv": SHOP,
        f"GET {V1}/captures/{{capture_id}}/frames.log": SHOP,
        f"GET {V1}/detectors": SHOP,
        f"GET {V1}/causes": SHOP,
        f"GET {V1}/ingest/dead-letters": SERVICE,
        f"GET {V1}/users": LEADS,
        f"GET {V1}/stream": EVERYONE,
    }
)
"""Operation -> roles; whose objects they are is decided by the scope, not here."""


def allowed_roles(operation: str) -> frozenset[Role]:
    """The roles that may do ``operation``; nobody where it is not listed."""
    return ROLES.get(operation) or PAGES.get(operation, frozenset())


def check_complete(operations: Iterable[str]) -> None:
    """Lets the app start if each of its operations has a policy.

    Raises:
        PolicyError: some have none.
    """
    known = PUBLIC | ROLES.keys() | PAGES.keys()
    missing = sorted(operation for operation in operations if operation not in known)
    if missing:
        raise PolicyError(missing)


PAGES: Mapping[str, frozenset[Role]] = MappingProxyType(
    {
        "POST /sign-out": EVERYONE,
        "GET /attention": SHOP,
        "GET /vehicles": SHOP,
        "GET /vehicles/{vehicle_id}": SHOP,
        "GET /vehicles/{vehicle_id}/evidence/{finding_id}": EVERYONE,
        "GET /vehicles/{vehicle_id}/signals": EVERYONE,
        "GET /vehicles/{vehicle_id}/device": SHOP,
        "POST /vehicles/{vehicle_id}/positions": frozenset({Role.OWNER}),
        "GET /vehicles/{vehicle_id}/maintenance": EVERYONE,
        "POST /vehicles/{vehicle_id}/maintenance": DESK,
        "POST /vehicles/{vehicle_id}/measure": DESK,
        "POST /vehicles/{vehicle_id}/identity": DESK,
        "POST /vehicles/{vehicle_id}/read-codes": SHOP,
        "POST /vehicles/{vehicle_id}/ask": SHOP,
        "POST /vehicles/{vehicle_id}/clearing": frozenset({Role.OWNER}),
        "POST /vehicles/{vehicle_id}/clear-codes": frozenset({Role.ADVISOR, Role.MANAGER}),
        "POST /vehicles/{vehicle_id}/listen-only": SHOP,
        "POST /vehicles/{vehicle_id}/ask-again": SHOP,
        "GET /vehicles/{vehicle_id}/commands/{command_id}": SHOP,
        "POST /suggestions/{suggestion_id}/dismiss": SHOP,
        "POST /suggestions/{suggestion_id}/outcome": SHOP,
        "POST /suggestions/{suggestion_id}/propose": DESK,
        "GET /appointments": SHOP,
        "GET /appointments/{appointment_id}/times": DECIDE,
        "POST /appointments/{appointment_id}/accept": DECIDE,
        "POST /appointments/{appointment_id}/move": DECIDE,
        "POST /appointments/{appointment_id}/decline": DECIDE,
        "POST /appointments/{appointment_id}/cancel": DECIDE,
        "POST /appointments/{appointment_id}/finish": DESK,
        "GET /campaigns": SHOP,
        "GET /campaigns/new": SERVICE,
        "POST /campaigns": SERVICE,
        "POST /campaigns/check": SERVICE,
        "GET /campaigns/{campaign_id}": SHOP,
        "GET /campaigns/{campaign_id}/change": SERVICE,
        "POST /campaigns/{campaign_id}/change": SERVICE,
        "POST /campaigns/{campaign_id}/revoke": SERVICE,
        "GET /vehicles/{vehicle_id}/captures": SHOP,
        "POST /vehicles/{vehicle_id}/record": SERVICE,
        "GET /captures/{capture_id}": SHOP,
        "GET /captures/{capture_id}/chart": SHOP,
        "GET /me": EVERYONE,
        "GET /quality": SHOP,
        "GET /live": EVERYONE,
    }
)
"""The same for the console's and the owner's pages."""
