"""Which days of which pairs are promoted: the last word of the narrowest place, and how it is said."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.contracts.parameters import PLANNING_PARAMETERS, Campaign, ParameterError, parsed
from inventory_assets.contracts.schemas import empty
from inventory_assets.replenishment.parameters import Setting, resolved, setting_row
from inventory_assets.replenishment.promotions import promoted, settings_of

FIRST = date(2026, 3, 1)
DAYS = 30
PAIRS = pl.DataFrame(
    {"product_sku": ["A", "A", "B", "C"], "location_id": ["S1", "S2", "S1", "S1"],
     "category": ["juice", "juice", "juice", None], "supplier_id": ["X", "X", "Y", None]}
)  # fmt: skip


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def span(first: int, last: int, kind: str = "") -> str:
    return f"{day(first)}..{day(last)} {kind}".strip()


def said(*words: tuple[str, str, str | None, str | None, int], before: pl.DataFrame | None = None) -> pl.DataFrame:
    """Settings made on days: scope, its value, location, value, day."""
    history = empty(PLANNING_PARAMETERS) if before is None else before
    for scope, value, location, text, on in words:
        now = datetime(2026, 3, 1, 8, tzinfo=UTC) + timedelta(days=on)
        wanted = Setting(scope, value, "promotion", text, "mona", "spring", location)
        history = pl.concat([history, setting_row(wanted, now, history)])
    return history


def kinds(history: pl.DataFrame) -> list[dict[int, str]]:
    """Promoted days of each pair with their kind."""
    found = promoted(settings_of(history), PAIRS, FIRST, DAYS)
    if found is None:
        return [{} for _ in range(PAIRS.height)]
    return [{int(n): found.names[row[n]] for n in np.flatnonzero(row)} for row in found.kind]


def test_a_promotion_is_read_as_days_and_kind_and_anything_else_is_refused():
    assert parsed("promotion", "2026-12-01..2026-12-07 Feature") == Campaign(
        date(2026, 12, 1), date(2026, 12, 7), "feature"
    )
    assert parsed("promotion", "2026-12-01") == Campaign(date(2026, 12, 1), date(2026, 12, 1), "promotion")
    for wrong in (
        "2026-12-07..2026-12-01",
        "2026-12-01..",
        "soon",
        "2026-12-01..2026-12-07 half price",
        "2020-01-01..2026-01-01",
    ):
        with pytest.raises(ParameterError):
            parsed("promotion", wrong)


def test_the_narrowest_place_decides_and_cancelling_there_takes_it_out():
    history = said(
        ("default", "*", None, span(0, 1), 0), ("category", "juice", None, span(1, 3, "deal"), 0),
        ("item", "A", "S2", span(3, 3, "cancelled"), 0), ("supplier", "Y", None, span(5, 5), 0),
    )  # fmt: skip
    everywhere, deal = {0: "promotion"}, {1: "deal", 2: "deal", 3: "deal"}
    assert kinds(history) == [
        everywhere | deal, everywhere | {1: "deal", 2: "deal"}, everywhere | deal | {5: "promotion"},
        everywhere | {1: "promotion"},
    ]  # fmt: skip


def test_cancelling_days_takes_back_those_and_taking_back_all_leaves_what_has_been():
    history = said(("item", "B", None, span(2, 9), 0), ("item", "B", None, span(8, 20, "deal"), 1))
    cancelled = said(("item", "B", None, span(4, 8, "cancelled"), 2), before=history)
    assert sorted(kinds(cancelled)[2]) == [2, 3, *range(9, 21)]
    back = said(("item", "B", None, None, 9), before=history)
    assert kinds(back)[2] == dict.fromkeys(range(2, 8), "promotion") | {8: "deal"}
    again = said(("item", "B", None, span(12, 12), 10), before=back)
    assert kinds(again)[2][12] == "promotion"


def test_the_same_said_twice_is_stored_once_even_where_other_days_were_named_between():
    history = said(("item", "A", None, span(1, 2), 0), ("item", "A", None, span(5, 6), 0))
    assert said(("item", "A", None, span(1, 2), 1), ("item", "A", None, span(5, 6), 1), before=history).height == 2
    assert said(("item", "A", None, None, 8), before=history).height == 2, "nothing is to come"
    taken = said(("item", "A", None, span(1, 2, "cancelled"), 1), before=history)
    assert said(("item", "A", None, span(1, 2), 2), before=taken).height == 4, "promoted anew"


def test_a_promotion_has_its_own_end_and_a_category_takes_nothing_else():
    now, none = datetime(2026, 3, 1, tzinfo=UTC), empty(PLANNING_PARAMETERS)
    for wrong in (
        Setting("class", "A", "promotion", span(1, 2), "mona", "x"),
        Setting("item", "A", "promotion", span(1, 2), "mona", "x", valid_until=day(3)),
        Setting("category", "juice", "lead_time", "3", "mona", "x"),
    ):
        with pytest.raises(ParameterError):
            setting_row(wrong, now, none)


def test_promotions_are_no_rule_of_a_policy():
    pairs = PAIRS.with_columns(abc=pl.lit("A"), xyz=pl.lit("X"))
    rows = resolved(pairs, said(("item", "A", None, span(1, 2), 0)), FIRST)
    assert "promotion" not in rows.columns
    assert rows["set_by"].null_count() == rows.height


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, DAYS - 1), st.integers(0, 12), st.sampled_from(["", "deal", "cancelled", None])),
        max_size=8,
    )
)
def test_the_last_word_about_a_day_counts(words):
    """Against a plain loop over days, in one place."""
    history, expected = empty(PLANNING_PARAMETERS), dict.fromkeys(range(DAYS + 20), "")
    for number, (first, length, kind) in enumerate(words):
        text = None if kind is None else span(first, first + length, kind)
        history = said(("item", "C", None, text, number), before=history)
        for each in range(DAYS + 20):
            if kind is None:
                expected[each] = "" if each >= number else expected[each]
            elif first <= each <= first + length:
                expected[each] = {"": "promotion", "cancelled": ""}.get(kind, kind)
    assert kinds(history)[3] == {each: kind for each, kind in expected.items() if kind and each < DAYS}
