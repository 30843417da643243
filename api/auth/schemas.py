"""What goes in and out about people."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from api.auth.scope import Role


class SignIn(BaseModel):
    """Name and password."""

    name: str = Field(max_length=128)
    password: str = Field(max_length=1024)


class Me(BaseModel):
    """The person who asks; unsafe requests with the session cookie need ``form_token`` as header X-Form-Token."""

    id: str
    name: str
    role: Role
    dealer_id: str | None
    language: str
    form_token: str | None


class NewToken(BaseModel):
    """What a new API token is for."""

    label: str = Field(min_length=1, max_length=128)


class Token(BaseModel):
    """An API token; its secret is told once, when it is made."""

    id: str
    label: str
    created_at: datetime
    ends_at: datetime


class TokenMade(Token):
    """A fresh API token with its secret."""

    secret: str


class User(BaseModel):
    """A person."""

    id: str
    name: str
    role: Role
    dealer_id: str | None
    language: str
