"""What a benchmark found, for machines and for people."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One benchmark's figures.

    Attributes:
        bench: its name.
        unit: of ``ours`` and ``peers``.
        ours: our figure.
        peers: figures of others by name, measured in the same run on the same input.
        equal: whether our results were compared with a peer's and are the same.
        input: what was worked on.
        detail: what else is worth knowing.
    """

    bench: str
    unit: str
    ours: float
    peers: Mapping[str, float]
    equal: bool
    input: str
    detail: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The JSON object: the fields, and our figure over each peer's."""
        return {
            "bench": self.bench,
            "unit": self.unit,
            "ours": _rounded(self.ours),
            "peers": {name: _rounded(figure) for name, figure in self.peers.items()},
            "ratio": {name: _rounded(self.ours / figure) for name, figure in self.peers.items()},
            "equal": self.equal,
            "input": self.input,
            "detail": dict(self.detail),
        }

    def text(self) -> str:
        """The JSON object on one line."""
        return json.dumps(self.document(), ensure_ascii=False)

    def lines(self) -> Iterator[str]:
        """The figures for people."""
        yield f"{self.bench}: {self.input}"
        yield f"  {'Roadworthy':14} {self.ours:16,.4g} {self.unit}"
        for name, figure in self.peers.items():
            yield f"  {name:14} {figure:16,.4g} {self.unit}   ours is {self.ours / figure:.3g} ×"
        for name, value in self.detail.items():
            yield f"  {name}: {value:,}" if isinstance(value, int | float) else f"  {name}: {value}"
        yield f"  results equal: {'yes' if self.equal else 'NO'}"


def _rounded(figure: float) -> float:
    """Four significant digits: more would claim more than a run can know."""
    return float(f"{figure:.4g}")
