"""What a matter is: the signals of one physical question, what each row says about it, and features of trips.

A file of ``features/matters/`` defines ``MATTER``. It is found by its package; nothing is registered.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from diagnostics.errors import MatterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import ModuleType

    from diagnostics.arrays import Floats
    from diagnostics.features.sums import Sums
    from diagnostics.features.view import View

KINDS = ("summed", "largest", "least", "first", "last", "carried")


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """One question about a car, asked of every row and answered for every trip.

    ``measure(view)`` gives for each name of ``summed``, ``largest``, ``least``, ``first``, ``last``, ``carried`` and
    ``histograms`` an array with a value a row of the view, NaN where the row says nothing (-1 in a histogram);
    names that it leaves out say nothing. ``derive(sums)`` gives each feature with a value a trip, NaN where the trip
    does not tell; a feature that has the name of a sum need not be given.

    ``signals``: those that ``measure`` reads. ``needs``: where nothing was ever read of any of them, ``measure`` is not
    called. ``on``: ``measure`` sees only rows in which one of these was read (and the heads, which say nothing); ideal
    for what is read seldom. ``summed`` are kept to :data:`diagnostics.features.sums.GRAIN`. ``histograms``: name to
    number of cells; ``measure`` gives the cell. ``carried``: what ``measure`` itself needs to know at the next row;
    the last row's value is given back by ``view.carried(name)``. ``wakes``: the sums begin not with the key but with
    the first reading after the stretch before, so that what a parked car tells now and then counts too.
    ``parameters``: names that ``view.parameter`` is asked for.
    """

    name: str
    signals: tuple[str, ...]
    measure: Callable[[View], dict[str, Floats]]
    derive: Callable[[Sums], dict[str, Floats]] | None = None
    needs: tuple[str, ...] = ()
    on: tuple[str, ...] = ()
    summed: tuple[str, ...] = ()
    largest: tuple[str, ...] = ()
    least: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    carried: tuple[str, ...] = ()
    histograms: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    features: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    wakes: bool = False

    @property
    def sums(self) -> tuple[str, ...]:
        """Names of what is kept of a trip, cells of histograms not among them."""
        return (*self.summed, *self.largest, *self.least, *self.first, *self.last, *self.carried)


def discover_matters(package: ModuleType) -> tuple[Matter, ...]:
    """``MATTER`` of every module of a package, by name of the module.

    Raises:
        AttributeError: a module defines none; an error while importing one is not caught either.
        MatterError: a name is used twice, or a matter names no signal that it says it needs.
    """
    names = sorted(found.name for found in pkgutil.iter_modules(package.__path__))
    matters = tuple(importlib.import_module(f"{package.__name__}.{name}").MATTER for name in names)
    check(matters)
    return matters


def check(matters: Sequence[Matter]) -> None:
    """Refuses matters that cannot stand beside each other.

    Raises:
        MatterError: a name is used twice, or a matter needs a signal that it does not read.
    """
    for what, names in (
        ("matter", [matter.name for matter in matters]),
        ("sum", list(_kept(matters))),
        ("feature", [name for matter in matters for name in matter.features]),
    ):
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise MatterError(twice[0], f"is the name of more than one {what}; rename one")
    for matter in matters:
        foreign = {*matter.needs, *matter.on} - set(matter.signals)
        if foreign:
            raise MatterError(matter.name, f"needs {min(foreign)}, which is not among its signals; add it")


def signals_of(matters: Sequence[Matter], first: Sequence[str]) -> tuple[str, ...]:
    """Every signal that is read, those of ``first`` first, each once."""
    return tuple(dict.fromkeys([*first, *(path for matter in matters for path in matter.signals)]))


def _kept(matters: Sequence[Matter]) -> Iterator[str]:
    for matter in matters:
        yield from matter.sums
        yield from matter.histograms
