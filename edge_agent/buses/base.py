"""The contract between sources and the agent.

A source yields :class:`Row`: what was read anew at one time. Live sources (a bus, an adapter) never end and put many
readings on a grid (:mod:`edge_agent.sampler`); finite ones (a log) end, and can start again at any row, so that an
agent that was killed goes on where its spool ends. Any object with these attributes will do: a simulation hands
over its own.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import parse_qsl

import msgspec

from edge_agent.campaigns.tap import Tap
from edge_agent.errors import SourceError
from edge_agent.switch import Switch
from vehicle.errors import SettingsError
from vehicle.settings import build

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from edge_agent.health import Health
    from edge_agent.settings import Collect
    from vehicle.batch import TimeQuality

_Form = TypeVar("_Form", bound=msgspec.Struct)

NOTHING: Mapping[str, Any] = MappingProxyType({})
"""The arguments of most requests."""
SCHEMES: Mapping[str, str] = {
    "csv": "edge_agent.buses.csv",
    "can": "edge_agent.buses.can",
    "j1939": "edge_agent.buses.j1939",
    "log": "edge_agent.buses.log",
    "elm327": "edge_agent.buses.elm327",
    "obd": "edge_agent.buses.python_obd",
}
"""Scheme -> module; imported when a URI of that scheme is opened. A module has ``open_source(request)``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What was read anew at one time: raw values by VSS path at the catalogue's resolution, and happenings.

    ``time_ms`` is the source's own time where it has one, else None: then the agent's clock is read.
    """

    values: Mapping[str, int]
    time_ms: int | None = None
    events: tuple[tuple[str, dict[str, Any]], ...] = ()


class Source(Protocol):
    """Where rows come from.

    ``key`` names a finite source by its content, so that reading can go on where it stopped (None: live).
    ``quality`` tells how far its times are to be trusted (None: the agent's own clock).
    """

    uri: str
    key: str | None
    quality: TimeQuality | None

    def rows(self, *, skip: int, start_ms: int | None) -> AsyncIterator[Row]:
        """The rows after the first ``skip``; ``start_ms`` is the time that an earlier reading gave its first row."""
        ...

    async def ask(
        self, name: str, progress: Callable[[str], None], arguments: Mapping[str, Any] = NOTHING
    ) -> dict[str, Any]:
        """Carries out a remote request such as ``read_dtcs``; raises an AgentError where it can't."""
        ...

    async def close(self) -> None:
        """Lets go of what was opened."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRequest:
    """A source URI taken apart, and what sources share; a live source has ``tap`` as an attribute of its own too."""

    uri: str
    path: str
    query: Mapping[str, str]
    collect: Collect
    health: Health
    switch: Switch = field(default_factory=Switch)
    may_clear: bool = False
    tap: Tap = field(default_factory=Tap)


def open_source(
    uri: str,
    *,
    collect: Collect,
    health: Health,
    listen_only: bool = False,
    switch: Switch | None = None,
    options: Mapping[str, str] | None = None,
    may_clear: bool = False,
) -> Source:
    """The source that ``uri`` names; ``options`` (such as a map's name) stand in for parameters of its query.

    ``switch`` says whether anything may be sent to a car; without one ``listen_only`` does. ``may_clear`` says whether
    trouble codes may be cleared on request.

    Raises:
        SourceError: an unknown scheme or parameter, or what the source itself finds wrong.
    """
    scheme, colon, rest = uri.partition(":")
    if not colon or scheme not in SCHEMES:
        raise SourceError(uri, f"a source starts with one of {', '.join(f'{name}:' for name in SCHEMES)}")
    path, _, query = rest.partition("?")
    given = {**(options or {}), **dict(parse_qsl(query, keep_blank_values=True))}
    turned = switch or Switch(local=listen_only)
    request = OpenRequest(
        uri=uri, path=path, query=given, collect=collect, health=health, switch=turned, may_clear=may_clear
    )
    opener: Callable[[OpenRequest], Source] = importlib.import_module(SCHEMES[scheme]).open_source
    return opener(request)


def parameters(form: type[_Form], request: OpenRequest) -> _Form:
    """The query of a URI as ``form``; an unknown parameter is refused with the nearest known one.

    Raises:
        SourceError: an unknown parameter, or a value that does not fit.
    """
    try:
        return build(form, request.query, source="its query")
    except SettingsError as error:
        raise SourceError(request.uri, str(error)) from error
