"""The condition language: what it reads, what it refuses and where, and whether it is true, against an oracle."""

from __future__ import annotations

import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vehicle import expression as ex
from vehicle.condition import Watcher
from vehicle.errors import ConditionError
from vehicle.signals import ENGINE_SPEED, SPEED

STALE_MS = 5000
NUMBERS = st.integers(0, 12).map(float)
PATHS = st.sampled_from([SPEED, ENGINE_SPEED])


def trees():
    """Conditions of every kind within each other."""
    leaves = NUMBERS.map(ex.Number) | PATHS.map(ex.Reading)
    quantities = st.recursive(
        leaves,
        lambda inner: (
            inner.map(ex.Negative) | st.builds(ex.Arithmetic, st.sampled_from(["+", "-", "*", "/"]), inner, inner)
        ),
        max_leaves=3,
    )
    simple = (
        st.builds(ex.Comparison, st.sampled_from(ex.COMPARISONS), quantities, quantities)
        | st.builds(ex.Crossing, st.booleans(), quantities, quantities)
        | PATHS.map(ex.Changed)
        | st.just(ex.Always())
    )
    return st.recursive(
        simple,
        lambda inner: (
            inner.map(ex.Not)
            | st.builds(ex.Held, inner, st.sampled_from([0.5, 1.0, 3.0]))
            | st.builds(ex.Joined, st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3).map(tuple))
        ),
        max_leaves=5,
    )


@given(trees())
def test_what_is_written_is_read_again(tree) -> None:
    """Every tree has a text from which the same tree is read."""
    assert ex.parse(ex.written(tree)) == tree


COMPARE = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
CALCULATE = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}


class Oracle:
    """The same question asked of the whole past at once, with nothing remembered in between."""

    def __init__(self, looks) -> None:
        self.looks = looks

    def value(self, node, k):
        at_ms, known = self.looks[k]
        if isinstance(node, ex.Number):
            return node.value
        if isinstance(node, ex.Reading):
            found = known.get(node.path)
            return found[0] if found and at_ms - found[1] <= STALE_MS else None
        if isinstance(node, ex.Negative):
            inner = self.value(node.of, k)
            return None if inner is None else -inner
        both = self.value(node.left, k), self.value(node.right, k)
        if None in both or (node.sign == "/" and both[1] == 0):
            return None
        return CALCULATE[node.sign](*both)

    def truth(self, node, k):
        if isinstance(node, ex.Always):
            return True
        if isinstance(node, ex.Comparison):
            both = self.value(node.left, k), self.value(node.right, k)
            return None if None in both else COMPARE[node.sign](*both)
        if isinstance(node, ex.Crossing | ex.Changed):
            return self.moved(node, k)
        if isinstance(node, ex.Not):
            inner = self.truth(node.of, k)
            return None if inner is None else not inner
        return self.held(node, k) if isinstance(node, ex.Held) else self.joined(node, k)

    def moved(self, node, k):
        if isinstance(node, ex.Crossing):
            sides = [
                self.truth(ex.Comparison(">" if node.rises else "<", node.left, node.right), j)
                for j in (k - 1, k)
                if j >= 0
            ]
            return None if len(sides) < 2 or None in sides else sides == [False, True]
        values = [self.value(ex.Reading(node.path), j) for j in (k - 1, k) if j >= 0]
        return None if len(values) < 2 or None in values else values[0] != values[1]

    def joined(self, node, k):
        found = {self.truth(part, k) for part in node.parts}
        if (node.word == "or") in found:
            return node.word == "or"
        return None if None in found else node.word == "and"

    def held(self, node, k):
        now = self.truth(node.of, k)
        if now is not True:
            return now
        first = k
        while first > 0 and self.truth(node.of, first - 1) is True:
            first -= 1
        return self.looks[k][0] - self.looks[first][0] >= node.seconds * 1000


@st.composite
def pasts(draw):
    """Looks at growing times; each signal is read at some of them, and stays as it was at the others."""
    at_ms, known, looks = 0, {}, []
    for _ in range(draw(st.integers(1, 10))):
        at_ms += draw(st.sampled_from([100, 500, 1000, 3000, 6000]))
        for path in (SPEED, ENGINE_SPEED):
            if draw(st.booleans()):
                known = {**known, path: (draw(NUMBERS), at_ms)}
        looks.append((at_ms, known))
    return looks


@given(trees(), pasts())
def test_it_is_true_when_the_oracle_says_so(tree, looks) -> None:
    """True, false and unknown are those of an oracle that looks at the whole past anew each time."""
    watcher, oracle = Watcher(tree, STALE_MS), Oracle(looks)
    assert [watcher.look(*look) for look in looks] == [oracle.truth(tree, k) for k in range(len(looks))]


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        (f"{SPEED} > 1 and {SPEED} < 9 for 3 s", f"({SPEED} > 1) and (({SPEED} < 9) for 3 s)"),
        (f"not {SPEED} > 1 or always", f"(not ({SPEED} > 1)) or always"),
        (f"{SPEED} > 1 or {SPEED} > 2 and {SPEED} > 3", f"({SPEED} > 1) or (({SPEED} > 2) and ({SPEED} > 3))"),
        (f"{SPEED} + 2 * 3 - 1 >= -4", f"(({SPEED} + (2 * 3)) - 1) >= (-4)"),
    ],
)
def test_what_binds_tighter(text: str, reading: str) -> None:
    """The written form shows how a text is read."""
    assert ex.written(ex.parse(text)) == reading


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("", 1, "missing"),
        (SPEED, 1, "compare it"),
        (f"{SPEED} = 3", 15, "write =="),
        (f"{SPEED} > 3 {SPEED} > 4", 19, "and"),
        (f"({SPEED} > 3", 19, "not closed"),
        ("Vehicle.Sped > 3", 1, "did you mean Vehicle.Speed"),
        (f"{SPEED} > 3 for 2", 24, "unit"),
        (f"{SPEED} > 3 for 9999 s", 23, "seconds"),
        (f"{SPEED} rises 3", 21, "rises above"),
        ("3 changed", 1, "follows one signal"),
        (f"({SPEED} > 3) > 4", 1, "a condition where a number is"),
        (f"{SPEED} and always", 1, "a number before `and`"),
        (f"{SPEED} > 3 and", 22, "missing"),
        (f"{SPEED} > import", 17, "no word of the language"),
        (f"{SPEED} > `3`", 17, "no meaning"),
        ("(" * 31, 32, "within each other"),
        ("not " * 31, 124, "within each other"),
        ("1" + "+1" * 100, 201, "at most 200"),
        ("a" * 1001, 1000, "1001 characters"),
    ],
)
def test_a_refusal_names_place_and_mend(text: str, column: int, words: str) -> None:
    """What cannot be read is refused with the column and what would be right."""
    with pytest.raises(ConditionError) as refused:
        ex.parse(text)
    assert refused.value.column == column
    assert words in refused.value.why


@given(st.text(max_size=60) | st.text(alphabet="()-+*/<>=! .0123456789andortfs" + SPEED, max_size=60))
def test_no_text_makes_it_stumble(text: str) -> None:
    """Any text is read or refused."""
    try:
        tree = ex.parse(text)
    except ConditionError as error:
        assert error.column >= 1
    else:
        assert ex.parse(ex.written(tree)) == tree


def test_signals_of_a_condition() -> None:
    """All signals that a condition needs are known before it is watched."""
    assert ex.readings(ex.parse(f"not ({SPEED} changed) or -{ENGINE_SPEED} / 2 falls below 3 for 1 s")) == {
        SPEED,
        ENGINE_SPEED,
    }
