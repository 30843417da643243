"""Roles, and which vehicles a person may see. Every query about objects takes a scope; there is none without."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import sqlalchemy as sa

from api.tables import vehicles

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement


class Role(StrEnum):
    """What a person is to the dealer; ``admin`` runs the service and sees all dealers."""

    OWNER = "owner"
    ADVISOR = "advisor"
    MANAGER = "manager"
    ENGINEER = "engineer"
    ADMIN = "admin"


STAFF = frozenset({Role.ADVISOR, Role.MANAGER, Role.ENGINEER})
EVERYONE = frozenset(Role)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """A signed-in person: who, in which role, of which dealer, reading which language."""

    user_id: str
    name: str
    role: Role
    dealer_id: str | None
    language: str = "en"
    form_token: str | None = None
    """Set where the person came with a session cookie; unsafe requests must then carry it."""

    def visible(self) -> ColumnElement[bool]:
        """Condition on ``vehicles`` for what this person may see."""
        if self.role is Role.ADMIN:
            return sa.true()
        if self.role is Role.OWNER:
            return vehicles.c.owner_id == self.user_id
        return vehicles.c.dealer_id == self.dealer_id

    def sees_dealer(self, dealer_id: str | None) -> bool:
        """Whether objects of that dealer that belong to no vehicle are this person's."""
        return self.role is Role.ADMIN or (self.role in STAFF and dealer_id == self.dealer_id)
