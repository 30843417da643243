"""Codes that the table does not hold are about the component of their block."""

from __future__ import annotations

import pytest

from diagnostics.code_families import FAMILIES, family_of
from diagnostics.codes import explain, table
from diagnostics.findings import Component, Severity


@pytest.mark.parametrize(
    ("code", "component"),
    [
        ("C0750", Component.TYRE_PRESSURE), ("C0050", Component.WHEEL_SPEED_SENSOR), ("P0AA6", Component.INSULATION),
        ("P0A7E", Component.HV_THERMAL), ("P0BBD", Component.CELL_IMBALANCE), ("P0A80", Component.TRACTION_BATTERY),
        ("P0139", Component.OXYGEN_SENSOR), ("P0316", Component.ENGINE), ("P0432", Component.CATALYST),
        ("P1AA6", Component.ENGINE), ("C1234", Component.BRAKES), ("P0622-11", Component.CHARGING),
    ],
)  # fmt: skip
def test_a_code_is_about_the_component_of_its_block(code: str, component: Component) -> None:
    """What nobody has described is still booked for the right part; a maker's own code is in no block."""
    assert explain(code).component is component


def test_blocks_go_upwards_and_narrow_ones_come_first() -> None:
    """Each block can be reached: its own first code finds it, and no block ends before it begins."""
    assert all(family.first <= family.last and family_of(family.first) is family for family in FAMILIES)


def test_codes_of_the_table_keep_what_the_table_says() -> None:
    """A described code goes before its block."""
    assert all(explain(code).component is known.component for code, known in table().items())


@pytest.mark.parametrize("code", ["P2463", "P0101"])
def test_codes_that_name_no_broken_part_book_nothing(code: str) -> None:
    """A filter full of soot or an air flow that does not fit has causes elsewhere as often as not: advice only."""
    assert explain(code).severity is Severity.NEXT_SERVICE
