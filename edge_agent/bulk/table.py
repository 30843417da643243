"""Decoded signals as one long table: a row a value, in the order of the frames, and of the signals within a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from edge_agent.bulk.decoder import Decoded
    from edge_agent.bulk.frames import Frames
    from edge_agent.decoders.layout import Layout, Signal

Array: TypeAlias = NDArray[Any]


class LongTable:
    """Makes tables with the columns time, message, signal, value, and on demand text.

    ``time`` is UTC in microseconds. ``value`` is float64: whole numbers beyond 2**53 lose their last digits. ``text``
    is the name that the DBC gives to the value, null where it gives none.
    """

    def __init__(self, layout: Layout, *, texts: bool) -> None:
        self._numbers: dict[tuple[int, str], int] = {}
        self._tables: list[tuple[Array, Array] | None] = []
        messages: list[str] = []
        signals: list[str] = []
        named: dict[str, int] = {}
        for message in layout.messages.values():
            for signal in message.signals:
                self._numbers[message.key, signal.name] = len(messages)
                messages.append(message.name)
                signals.append(signal.name)
                self._tables.append(_text_table(signal, named) if texts else None)
        self._message, self._signal = _Words(messages), _Words(signals)
        self._texts = _Words([*named, None]) if texts else None
        self._unnamed = np.uint32(len(named))

    @property
    def schema(self) -> Mapping[str, Any]:
        """Columns and their types."""
        kinds: dict[str, Any] = {
            "time": pl.Datetime("us", "UTC"),
            "message": self._message.kind,
            "signal": self._signal.kind,
            "value": pl.Float64(),
        }
        return kinds if self._texts is None else {**kinds, "text": self._texts.kind}

    def table(self, frames: Frames, decoded: Iterable[Decoded]) -> pl.DataFrame:
        """The rows of what was decoded from ``frames``."""
        parts = list(decoded)
        count = np.zeros(len(frames), np.int64)
        for part in parts:
            count[part.frames] += len(part.signals)
        total = int(count.sum())
        free = np.cumsum(count) - count
        times = np.repeat(frames.times_us, count)
        numbers, values = np.empty(total, np.uint32), np.empty(total, np.float64)
        texts = np.full(total, self._unnamed) if self._texts is not None else None
        for part in parts:
            for signal, column in zip(part.signals, part.values, strict=True):
                places = free[part.frames]
                number = self._numbers[part.message.key, signal.name]
                numbers[places] = number
                values[places] = column
                free[part.frames] += 1
                self._name(texts, places, number, column)
        return self._assembled(times, numbers, values, texts)

    def _name(self, texts: Array | None, places: Array, number: int, column: Array) -> None:
        table = self._tables[number]
        if texts is None or table is None:
            return
        known, codes = table
        at = np.minimum(np.searchsorted(known, column), len(known) - 1)
        texts[places] = np.where(known[at] == column, codes[at], self._unnamed)

    def _assembled(self, times: Array, numbers: Array, values: Array, texts: Array | None) -> pl.DataFrame:
        columns = [
            pl.Series("time", times).cast(self.schema["time"]),
            self._message.series("message", numbers),
            self._signal.series("signal", numbers),
            pl.Series("value", values),
        ]
        if texts is not None and self._texts is not None:
            columns.append(self._texts.series("text", texts))
        return pl.DataFrame(columns)


class _Words:
    """Words by number, as a column in which each word stands once; None is no word."""

    def __init__(self, words: Sequence[str | None]) -> None:
        self.kind = pl.Enum(list(dict.fromkeys(word for word in words if word is not None)))
        self._by_number = pl.Series(words, dtype=self.kind)

    def series(self, name: str, numbers: Array) -> pl.Series:
        return self._by_number.gather(numbers).alias(name)


def _text_table(signal: Signal, named: dict[str, int]) -> tuple[Array, Array] | None:
    """Values that have a name, ascending, and the numbers of their names, which are added to ``named``."""
    texts = sorted(signal.value_texts().items())
    if not texts:
        return None
    codes = [named.setdefault(text, len(named)) for _, text in texts]
    return np.array([value for value, _ in texts], dtype=np.float64), np.array(codes, dtype=np.uint32)
