"""The framework's app, with our description of it, and with guards outside of everything that it does itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from api.bodies import Bounded
from api.description import describe
from api.headers import Guarded
from api.methods import Methods

if TYPE_CHECKING:
    from starlette.types import ASGIApp


class DeskApp(FastAPI):
    """An app whose description tells what it really answers, and whose guards hold for faults of ours too."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, made once."""
        if self.openapi_schema is None:
            self.openapi_schema = describe(super().openapi(), self.routes)
        return self.openapi_schema

    def build_middleware_stack(self) -> ASGIApp:
        """The framework's layers within ours: middleware that is added stands inside of what answers faults."""
        return Guarded(Methods(Bounded(super().build_middleware_stack()), self.routes))
