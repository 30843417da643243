"""What the agent counts about itself, and how it says it in plain words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "rows": "rows read",
    "samples": "samples taken",
    "rows_short": "rows with columns missing (what was there is kept)",
    "rows_refused": "rows refused whole (set apart and reported)",
    "cells_refused": "values refused (not a number, or impossible)",
    "written": "messages written to the spool",
    "acknowledged": "messages acknowledged by the server",
    "rejected": "messages set apart by the server",
    "resent": "messages sent again",
    "requests": "requests to the car",
    "silent": "requests without an answer",
    "refused": "requests refused by an ECU",
    "garbage": "answers that could not be read",
    "packets_lost": "messages in packets that did not become whole",
    "complaints": "complaints of the adapter",
    "asleep": "times the car was found asleep, and left alone for a while",
    "reopened": "times the bus or adapter was opened again",
    "dropped": "messages dropped because the spool was full",
}


class Health:
    """Counters of one agent; names are those of ``WORDS``, also with ``:detail`` behind."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def add(self, name: str, count: int = 1, *, detail: str = "") -> None:
        """Counts; ``detail`` such as a column name is counted beside the sum."""
        self.counts[name] += count
        if detail:
            self.counts[f"{name}:{detail}"] += count

    def report(self) -> list[str]:
        """A line for each thing that happened, sums first, details indented below."""
        lines = []
        for name, words in WORDS.items():
            if not self.counts[name]:
                continue
            lines.append(f"{self.counts[name]:>9,} {words}")
            details = sorted(key for key in self.counts if key.startswith(f"{name}:"))
            lines += [f"{self.counts[key]:>13,} {key.partition(':')[2]}" for key in details]
        return lines
