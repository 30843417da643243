"""Identifiers to numbers."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.bulk.numbering import Numbering
from edge_agent.decoders.layout import EXTENDED
from tests.property_examples import examples

KEYS = st.integers(0, 0x7FF) | st.integers(0, 0x1FFF_FFFF).map(lambda identifier: identifier | EXTENDED)


@given(known=st.sets(KEYS, max_size=300), asked=st.lists(KEYS, max_size=50))
@settings(max_examples=examples(100), deadline=None)
def test_each_known_key_has_its_number_and_others_the_last(known: set[int], asked: list[int]) -> None:
    """Numbers follow the order of the keys; whatever is not known gets the number after them."""
    order = sorted(known)
    wanted = [order.index(key) if key in known else len(order) for key in [*order, *asked]]
    found = Numbering(known).numbers(np.array([*order, *asked], dtype=np.uint32))
    assert found.tolist() == wanted


def test_neighbouring_and_distant_identifiers_do_not_meet() -> None:
    """All 11-bit identifiers at once, and the same numbers with 29 bits: the table stays small."""
    keys = [*range(2048), *(number | EXTENDED for number in range(0, 1 << 29, 1 << 18))]
    numbering = Numbering(keys)
    assert numbering.numbers(numbering.keys).tolist() == list(range(len(keys)))


def test_very_many_identifiers_are_searched() -> None:
    """Where no table of a bearable size keeps them apart, the numbers are the same."""
    chance = np.random.default_rng(1)
    keys = np.unique(chance.integers(0, 1 << 29, 20_000)).astype(np.uint32) | np.uint32(EXTENDED)
    numbering = Numbering(keys.tolist())
    asked = np.append(keys, np.uint32(5))
    assert numbering.numbers(asked).tolist() == list(range(len(keys) + 1))
