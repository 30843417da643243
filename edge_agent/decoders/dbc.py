"""A DBC file as a layout. cantools reads the file; what it found is copied out, so that it need not stay in memory.

Overlapping signals and signals that do not fit their message are taken as they stand (many collected files have
them): each signal is read by itself, from the bits that the file gives it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from edge_agent.decoders.layout import Coding, Layout, Message, Selection, Signal
from edge_agent.errors import DbcError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cantools.database.can import Message as DbcMessage
    from cantools.database.can import Signal as DbcSignal


def load(content: bytes, *, source: str) -> Layout:
    """The messages that a DBC file describes.

    Args:
        content: the file; UTF-8, or else Windows-1252, as the tools of cars write it.
        source: its name, for the sentence of an error.

    Raises:
        DbcError: it is no DBC that cantools can read, or describes no message.
    """
    import_module("edge_agent.buses.python_can")  # before cantools, which would load more of it
    from cantools.database import load_string  # noqa: PLC0415  loaded when a file is read, and not before
    from cantools.errors import Error as CantoolsError  # noqa: PLC0415  likewise

    try:
        database = load_string(_text(content), database_format="dbc", strict=False)
    except (CantoolsError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise DbcError(source, _why(error)) from error
    found = layout(getattr(database, "messages", []))
    if not found.messages:
        raise DbcError(source, "it describes no message; is it a DBC file?")
    return found


def layout(messages: Iterable[DbcMessage]) -> Layout:
    """What cantools read, copied into a layout.

    A multiplexed signal whose multiplexer is not marked as one in the file (``m`` where ``M`` was meant) is left out,
    as cantools leaves it out.
    """
    return Layout(_message(message) for message in messages)


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _why(error: Exception) -> str:
    said = " ".join(str(error).removeprefix("DBC: ").strip('"').split()) or type(error).__name__
    mend = ""
    if "more than 11 bits" in said:
        mend = "; a 29-bit identifier stands in a DBC with 2147483648 (bit 31) added"
    elif "unused VAL_" in said:
        mend = "; the values name a signal that its message does not have"
    return f"it cannot be read: {said}{mend}"


def _message(found: DbcMessage) -> Message:
    selectors = {signal.name for signal in found.signals if signal.is_multiplexer}
    reached = [signal for signal in found.signals if signal.multiplexer_signal in {None, *selectors}]
    return Message(
        identifier=found.frame_id,
        extended=found.is_extended_frame,
        name=found.name,
        length=found.length,
        signals=tuple(_signal(signal) for signal in reached),
        j1939=found.is_extended_frame and found.protocol == "j1939",
    )


def _signal(found: DbcSignal) -> Signal:
    coding = Coding.FLOAT if found.is_float else Coding.SIGNED if found.is_signed else Coding.UNSIGNED
    by, ids = found.multiplexer_signal, found.multiplexer_ids
    return Signal(
        name=found.name,
        start=found.start,
        length=found.length,
        big_endian=found.byte_order == "big_endian",
        coding=coding,
        scale=found.scale,
        offset=found.offset,
        unit=found.unit or "",
        texts={int(raw): str(text) for raw, text in (found.choices or {}).items()},
        selection=Selection(by=by, ids=frozenset(ids)) if by is not None and ids else None,
        spn=found.spn or 0,
    )
