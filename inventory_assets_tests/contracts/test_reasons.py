from __future__ import annotations

import pytest

from inventory_assets.contracts.reasons import EXPLAINED, PAGE, explained, page
from inventory_assets.contracts.silver import REASONS


def test_every_reason_is_explained_in_the_order_of_precedence():
    assert tuple(EXPLAINED) == REASONS
    assert all(len(each.meaning) > 15 and len(each.mend) > 10 for each in EXPLAINED.values())


def test_a_failed_cast_is_explained_whatever_its_column():
    assert explained("type:quantity_sold") is EXPLAINED["type"]


def test_the_runbook_page_is_current():
    assert PAGE.read_text("utf-8") == page(PAGE.read_text("utf-8")), "run make docs"


@pytest.mark.parametrize("code", REASONS)
def test_the_runbook_has_a_row_for_each_reason(code):
    assert f"| `{code}` |" in PAGE.read_text("utf-8")
