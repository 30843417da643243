"""The language of conditions: text to a small tree, and the tree back to text. Nothing is ever evaluated as a program.

``Vehicle.Speed > 80 and Vehicle.OBD.EngineLoad > 70 for 3 s``: signals by VSS path, numbers, ``+ - * /``, comparisons,
``rises above``, ``falls below``, ``changed``, ``for N s``, ``not``, ``and``, ``or``, parentheses, ``always``. Binding,
tightest first: ``* /``, ``+ -``, comparisons, ``for``, ``not``, ``and``, ``or``. So ``for`` holds for the comparison
before it, or for what stands in parentheses before it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vehicle.errors import ConditionError, UnknownSignalError
from vehicle.signals import signal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    _Rule = Callable[[], "Truth | Quantity"]

MAX_TEXT = 1000
MAX_DEPTH = 30
"""Parentheses, signs and ``not`` within each other (our choice): far more than anybody can read."""
MAX_TOKENS = 200
"""Words, numbers and signs (our choice): no tree is deeper than a program can go down."""
MAX_SECONDS = 3600.0
"""Longest ``for`` (our choice)."""
COMPARISONS = ("<=", ">=", "==", "!=", "<", ">")
CROSSINGS = {"rises": "above", "falls": "below"}
_RESERVED = frozenset({"and", "or", "not", "for", "s", "changed", "always", *CROSSINGS, *CROSSINGS.values()})
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<path>[A-Za-z]\w*(?:\.\w+)+)|(?P<word>[A-Za-z]\w*)"
    r"|(?P<sign><=|>=|==|!=|<|>|\+|-|\*|/|\(|\)))"
)


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it stands in the text."""

    value: float


@dataclass(frozen=True, slots=True)
class Reading:
    """The latest value of a signal, in the catalogue's unit."""

    path: str


@dataclass(frozen=True, slots=True)
class Negative:
    """A quantity with the other sign."""

    of: Quantity


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Two quantities and one of ``+ - * /``."""

    sign: str
    left: Quantity
    right: Quantity


@dataclass(frozen=True, slots=True)
class Always:
    """What is true from the beginning."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two quantities and one of ``< <= > >= == !=``."""

    sign: str
    left: Quantity
    right: Quantity


@dataclass(frozen=True, slots=True)
class Crossing:
    """True at the look at which the left quantity came to be above (``rises``), or below, the right one."""

    rises: bool
    left: Quantity
    right: Quantity


@dataclass(frozen=True, slots=True)
class Changed:
    """True at the look at which a signal has another value than at the look before."""

    path: str


@dataclass(frozen=True, slots=True)
class Held:
    """What has been true without a break for so long."""

    of: Truth
    seconds: float


@dataclass(frozen=True, slots=True)
class Not:
    """The contrary."""

    of: Truth


@dataclass(frozen=True, slots=True)
class Joined:
    """Two or more of which all (``and``) or one (``or``) must be true."""

    word: str
    parts: tuple[Truth, ...]


Quantity = Number | Reading | Negative | Arithmetic
"""What has a value."""
Truth = Always | Comparison | Crossing | Changed | Held | Not | Joined
"""What is true, false, or not known."""
_QUANTITIES = (Number, Reading, Negative, Arithmetic)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def parse(text: str) -> Truth:
    """The tree of a condition.

    Raises:
        ConditionError: it cannot be read; names the place (a column from 1) and the mend.
    """
    if len(text) > MAX_TEXT:
        raise ConditionError(
            MAX_TEXT, "it has {count} characters, at most {most} are taken", count=len(text), most=MAX_TEXT
        )
    tokens = list(_tokens(text))
    if len(tokens) > MAX_TOKENS:
        why = "it has {count} words, numbers and signs, at most {most} are taken"
        raise ConditionError(tokens[MAX_TOKENS].at + 1, why, count=len(tokens), most=MAX_TOKENS)
    parser = _Parser(text, tokens)
    found = parser.truth(parser.joined)
    if (rest := parser.token).kind != "end":
        raise ConditionError(
            rest.at + 1, "{word!r} is not expected here; join conditions with `and` or `or`", word=rest.text
        )
    return found


def readings(tree: Truth | Quantity) -> frozenset[str]:
    """The signals that a tree names."""
    match tree:
        case Reading(path) | Changed(path):
            return frozenset({path})
        case Negative(of) | Not(of) | Held(of, _):
            return readings(of)
        case Arithmetic(_, left, right) | Comparison(_, left, right) | Crossing(_, left, right):
            return readings(left) | readings(right)
        case Joined(_, parts):
            return frozenset().union(*(readings(part) for part in parts))
        case Number() | Always():
            return frozenset()


def written(tree: Truth | Quantity) -> str:
    """A tree as text, with parentheses that show how it is read; :func:`parse` reads it to the same tree."""
    match tree:
        case Number(value):
            text = f"{value:.12f}".rstrip("0").rstrip(".")
        case Reading(path):
            text = path
        case Arithmetic(sign, left, right) | Comparison(sign, left, right):
            text = f"{_inner(left)} {sign} {_inner(right)}"
        case Negative(of):
            text = f"-{_inner(of)}"
        case _:
            text = _written_truth(tree)
    return text


def _written_truth(tree: Always | Changed | Not | Held | Crossing | Joined) -> str:
    match tree:
        case Always():
            text = "always"
        case Changed(path):
            text = f"{path} changed"
        case Not(of):
            text = f"not {_inner(of)}"
        case Held(of, seconds):
            text = f"{_inner(of)} for {written(Number(seconds))} s"
        case Crossing(rises, left, right):
            text = f"{_inner(left)} {'rises above' if rises else 'falls below'} {_inner(right)}"
        case Joined(word, parts):
            text = f" {word} ".join(_inner(part) for part in parts)
    return text


def _inner(tree: Truth | Quantity) -> str:
    return written(tree) if isinstance(tree, Number | Reading | Always) else f"({written(tree)})"


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            if text[at] == "=":
                raise ConditionError(at + 1, "write == for equal")
            raise ConditionError(
                at + 1, "{letter!r} has no meaning here; see the table of the language", letter=text[at]
            )
        yield _Token(found.lastgroup, found[found.lastgroup], found.start(found.lastgroup))
        at = found.end()


class _Parser:
    """Reads tokens from left to right, one rule a method."""

    def __init__(self, text: str, tokens: list[_Token]) -> None:
        self._tokens = [*tokens, _Token("end", "", len(text.rstrip()))]
        self._next = self._depth = 0

    @property
    def token(self) -> _Token:
        """What stands next."""
        return self._tokens[self._next]

    def truth(self, rule: _Rule) -> Truth:
        """What a rule reads, if it is true or false."""
        at = self.token.at
        found = rule()
        if isinstance(found, _QUANTITIES):
            raise ConditionError(at + 1, "here is a number where a condition is needed; compare it, as `… > 80`")
        return found

    def joined(self) -> Truth | Quantity:
        """``a and b or c``."""
        return self._chain("or", lambda: self._chain("and", self._negated))

    def _chain(self, word: str, rule: _Rule) -> Truth | Quantity:
        at = self.token.at
        found = rule()
        if self.token.text != word:
            return found
        parts = [self._must_be_truth(found, at, word)]
        while self._skip(word):
            parts.append(self.truth(rule))
        return Joined(word, tuple(parts))

    def _negated(self) -> Truth | Quantity:
        if not self._skip("not"):
            return self._held()
        self._deeper()
        found = Not(self.truth(self._negated))
        self._depth -= 1
        return found

    def _held(self) -> Truth | Quantity:
        at = self.token.at
        found = self._compared()
        while self._skip("for"):
            held = self._must_be_truth(found, at, "for")
            found = Held(held, self._seconds())
        return found

    def _seconds(self) -> float:
        token = self._take()
        if token.kind != "number" or not 0 < float(token.text) <= MAX_SECONDS:
            raise ConditionError(token.at + 1, "`for` needs seconds, 0 to {most:g}, as `for 3 s`", most=MAX_SECONDS)
        if not self._skip("s"):
            raise ConditionError(self.token.at + 1, "write the unit: `for {number} s`", number=token.text)
        return float(token.text)

    def _compared(self) -> Truth | Quantity:
        at = self.token.at
        left = self._sum()
        token = self.token
        if token.text in COMPARISONS:
            self._take()
            return Comparison(token.text, self._must_be_number(left, at), self._quantity(self._sum))
        if token.text in CROSSINGS:
            self._take()
            if not self._skip(CROSSINGS[token.text]):
                words = f"{token.text} {CROSSINGS[token.text]}"
                raise ConditionError(self.token.at + 1, "write `{words}`", words=words)
            return Crossing(token.text == "rises", self._must_be_number(left, at), self._quantity(self._sum))
        if token.text == "changed":
            self._take()
            if not isinstance(left, Reading):
                raise ConditionError(at + 1, "`changed` follows one signal, as `Vehicle.OBD.Status.IsMILOn changed`")
            return Changed(left.path)
        return left

    def _sum(self) -> Truth | Quantity:
        return self._arithmetic(("+", "-"), lambda: self._arithmetic(("*", "/"), self._signed))

    def _arithmetic(self, signs: tuple[str, ...], rule: _Rule) -> Truth | Quantity:
        at = self.token.at
        found = rule()
        while (token := self.token).text in signs:
            self._take()
            found = Arithmetic(token.text, self._must_be_number(found, at), self._quantity(rule))
        return found

    def _signed(self) -> Truth | Quantity:
        if not self._skip("-"):
            return self._primary()
        self._deeper()
        found = Negative(self._quantity(self._signed))
        self._depth -= 1
        return found

    def _primary(self) -> Truth | Quantity:
        token = self._take()
        if token.kind == "number":
            return Number(float(token.text))
        if token.kind == "path":
            return self._reading(token)
        if token.text == "always":
            return Always()
        if token.text == "(":
            self._deeper()
            found = self.joined()
            if not self._skip(")"):
                why = "the parenthesis of column {column_of_it} is not closed"
                raise ConditionError(self.token.at + 1, why, column_of_it=token.at + 1)
            self._depth -= 1
            return found
        raise _misplaced(token)

    @staticmethod
    def _reading(token: _Token) -> Reading:
        try:
            return Reading(signal(token.text).path)
        except UnknownSignalError as error:
            raise _unknown(token, error) from error

    def _quantity(self, rule: _Rule) -> Quantity:
        at = self.token.at
        return self._must_be_number(rule(), at)

    @staticmethod
    def _must_be_number(found: Truth | Quantity, at: int) -> Quantity:
        if isinstance(found, _QUANTITIES):
            return found
        raise ConditionError(at + 1, "here is a condition where a number is needed; compare signals and numbers only")

    @staticmethod
    def _must_be_truth(found: Truth | Quantity, at: int, word: str) -> Truth:
        if isinstance(found, _QUANTITIES):
            why = "here is a number before `{word}`; compare it first, as `… > 80`"
            raise ConditionError(at + 1, why, word=word)
        return found

    def _take(self) -> _Token:
        token = self.token
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token

    def _skip(self, text: str) -> bool:
        if self.token.text != text:
            return False
        self._take()
        return True

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            why = "at most {most} parentheses or signs stand within each other"
            raise ConditionError(self.token.at + 1, why, most=MAX_DEPTH)


def _misplaced(token: _Token) -> ConditionError:
    column = token.at + 1
    if token.kind == "end":
        return ConditionError(column, "the condition ends here, but a signal or a number is missing")
    if token.kind == "word" and token.text not in _RESERVED:
        why = "{word!r} is no word of the language; signals are VSS paths, as Vehicle.Speed"
        return ConditionError(column, why, word=token.text)
    return ConditionError(column, "{word!r} stands where a signal or a number is needed", word=token.text)


def _unknown(token: _Token, error: UnknownSignalError) -> ConditionError:
    column, nearest = token.at + 1, ", ".join(error.nearest)
    if not nearest:
        return ConditionError(column, "signal {path!r} is not in the catalogue", path=error.path)
    why = "signal {path!r} is not in the catalogue; did you mean {nearest}?"
    return ConditionError(column, why, path=error.path, nearest=nearest)
