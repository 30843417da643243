"""The framework's app, with guards outside of everything that it does itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI

from api.bodies import Bounded
from api.headers import Guarded
from api.methods import Methods

if TYPE_CHECKING:
    from starlette.types import ASGIApp


class DeskApp(FastAPI):
    """An app whose guards hold for faults of ours too."""

    def build_middleware_stack(self) -> ASGIApp:
        """The framework's layers within ours: middleware that is added stands inside of what answers faults."""
        return Guarded(Methods(Bounded(super().build_middleware_stack()), self.routes))
