"""What has to be done to the frames of one message, found out once: signals that need the same steps are done together.

A signal is read from the smallest window of 1, 2, 4 or 8 bytes that holds it. All signals of one window size become
the rows of one array, so that a step (shift, mask, sign, scale) is one call for all of them and runs over small
numbers: a flag costs one byte, not eight.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge_agent.bulk.convert import Converter, converter, result_type
from edge_agent.decoders.frame import compile_message
from edge_agent.decoders.layout import Coding, Message, Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

Array: TypeAlias = NDArray[Any]
_WINDOWS = (1, 2, 4, 8)
_LEAST_WIDTH = 8


def padded(length: int) -> int:
    """How many columns the frames of a message of ``length`` bytes must have, so that each window lies inside."""
    return max(length, _LEAST_WIDTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Signals of one window size, byte order and conversion: row ``i`` of the arrays belongs to signal ``i``."""

    signals: tuple[Signal, ...]
    window: int
    big_endian: bool
    offsets: Array
    shifts: Array | None
    masks: Array | None
    signs: Array | None
    convert: Converter

    def raw(self, frames: Array, planes: Array) -> Array:
        """The raw numbers, shape ``(signals, frames)``, in the window's own type.

        Args:
            frames: shape ``(frames, width)``, contiguous.
            planes: the same, transposed and contiguous.
        """
        rows = self._windows(frames, planes)
        if self.shifts is not None:
            np.right_shift(rows, self.shifts, out=rows)
        if self.masks is not None:
            np.bitwise_and(rows, self.masks, out=rows)
        if self.signs is None:
            return rows
        np.bitwise_xor(rows, self.signs, out=rows)
        np.subtract(rows, self.signs, out=rows)
        return rows.view(f"i{self.window}")

    def _windows(self, frames: Array, planes: Array) -> Array:
        if self.window == 1:
            return planes.take(self.offsets, axis=0)
        count, width = frames.shape
        rows = np.empty((len(self.signals), count), dtype=f"u{self.window}")
        kind = np.dtype(f"{'>' if self.big_endian else '<'}u{self.window}")
        for row, offset in zip(rows, self.offsets.tolist(), strict=True):
            row[:] = np.ndarray((count,), kind, frames.data, offset, (width,))
        return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """Signals that are in a frame while the raw value of ``selector`` is one of ``ids``."""

    selector: Step
    ids: Array
    plan: Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The signals that come together in frames of one length, and the branches that multiplexers open below them.

    ``one_by_one`` reads the few signals that no window or no type of numpy holds, from the bytes of a frame.
    """

    steps: tuple[Step, ...]
    slow: tuple[Signal, ...]
    one_by_one: Callable[[bytes], dict[str, float]]
    branches: tuple[Branch, ...]

    def run(self, frames: Array) -> Iterator[tuple[Array | None, list[Signal], list[Array]]]:
        """Rows of ``frames`` (None: all), signals, and the values of each: first its own, then each branch's.

        Args:
            frames: shape ``(frames, width)`` with the width of :func:`padded`, contiguous, bytes.
        """
        planes = np.ascontiguousarray(frames.T)
        signals: list[Signal] = []
        values: list[Array] = []
        for step in self.steps:
            signals += step.signals
            values += list(step.convert.values(step.raw(frames, planes)))
        if self.slow:
            decoded = [self.one_by_one(row.tobytes()) for row in frames]
            signals += self.slow
            values += [np.array([found[signal.name] for found in decoded], dtype=object) for signal in self.slow]
        if signals:
            yield None, signals, values
        for branch in self.branches:
            yield from _branch(branch, frames, planes)


def _branch(branch: Branch, frames: Array, planes: Array) -> Iterator[tuple[Array | None, list[Signal], list[Array]]]:
    selected = np.flatnonzero(np.isin(branch.selector.raw(frames, planes)[0], branch.ids))
    if not selected.size:
        return
    for rows, signals, values in branch.plan.run(frames[selected]):
        yield (selected if rows is None else selected[rows]), signals, values


def plan(message: Message, length: int) -> Plan:
    """The plan for frames of a message of which ``length`` bytes are to be read."""
    usable = message.within(length)
    return _plan(usable, [signal for signal in usable.signals if signal.selection is None])


def _plan(message: Message, signals: Sequence[Signal]) -> Plan:
    width = padded(message.length)
    quick = [signal for signal in signals if _window(signal) and result_type(signal) != "object"]
    slow = tuple(signal for signal in signals if signal not in quick)
    return Plan(
        steps=tuple(_step(group, width) for group in _groups(quick)),
        slow=slow,
        one_by_one=compile_message(_alone(message, slow, width), width),
        branches=tuple(_branches(message, signals)),
    )


def _alone(message: Message, signals: Iterable[Signal], width: int) -> Message:
    free = tuple(dataclasses.replace(signal, selection=None) for signal in signals)
    return dataclasses.replace(message, signals=free, length=width)


def _branches(message: Message, above: Iterable[Signal]) -> Iterator[Branch]:
    width = padded(message.length)
    for selector in above:
        chosen: dict[frozenset[int], list[Signal]] = defaultdict(list)
        for signal in message.signals:
            if signal.selection is not None and signal.selection.by == selector.name:
                chosen[signal.selection.ids].append(signal)
        for ids, signals in chosen.items():
            yield Branch(selector=_step([selector], width), ids=np.array(sorted(ids)), plan=_plan(message, signals))


def _groups(signals: Iterable[Signal]) -> Iterable[list[Signal]]:
    groups: dict[object, list[Signal]] = defaultdict(list)
    for signal in signals:
        window = _window(signal)
        order = signal.big_endian and window > 1
        bits = signal.length if signal.coding is Coding.FLOAT else 0
        groups[window, order, signal.coding, bits, signal.conversion, result_type(signal)].append(signal)
    return groups.values()


def _window(signal: Signal) -> int:
    """Bytes of the smallest window that holds a signal, or 0 if none does."""
    span = (signal.end - 1) // 8 - signal.first // 8 + 1
    return next((window for window in _WINDOWS if window >= span), 0)


def _step(signals: Sequence[Signal], width: int) -> Step:
    window = _window(signals[0])
    kind = f"u{window}"
    offsets = [min(signal.first // 8, width - window) for signal in signals]
    shifts = [_shift(signal, offset, window) for signal, offset in zip(signals, offsets, strict=True)]
    masks = [(1 << signal.length) - 1 for signal in signals]
    signed = signals[0].coding is Coding.SIGNED
    return Step(
        signals=tuple(signals),
        window=window,
        big_endian=signals[0].big_endian,
        offsets=np.array(offsets),
        shifts=np.array(shifts, dtype=kind)[:, None] if any(shifts) else None,
        masks=np.array(masks, dtype=kind)[:, None] if set(masks) != {(1 << (8 * window)) - 1} else None,
        signs=np.array([1 << (signal.length - 1) for signal in signals], dtype=kind)[:, None] if signed else None,
        convert=converter(signals),
    )


def _shift(signal: Signal, offset: int, window: int) -> int:
    """How far a signal stands above the lowest bit of its window."""
    return 8 * (offset + window) - signal.end if signal.big_endian else signal.first - 8 * offset
