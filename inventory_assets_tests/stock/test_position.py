"""The position keeps unknown and unfollowed figures null, each with its reason."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.contracts.gold import INVENTORY_POSITION, OPEN_SUPPLIER_ORDERS, SUPPLY_COVERAGE
from inventory_assets.contracts.schemas import check, polars_schema
from inventory_assets.contracts.silver import QUARANTINE
from inventory_assets.stock.fold import fold, no_state
from inventory_assets.stock.position import KEPT, position, quarantined_units
from inventory_assets_tests.stock.histories import EPOCH, Event, counts, histories, model, movements

TODAY = date(2024, 6, 1)
PAIR = ("A", "west")


def quarantine(*rows: tuple[str, str | None, str | None, int | None]) -> pl.DataFrame:
    named = [dict(zip(("feed", "product_sku", "location_id", "quantity"), row, strict=True)) for row in rows]
    return pl.DataFrame(named, schema=polars_schema(QUARANTINE))


def orders(*rows: dict) -> pl.DataFrame:
    """Open order lines of item A to west, 5 units that count, unless said otherwise."""
    line = {"product_sku": "A", "location_id": "west", "open_quantity": 5, "counts_as": "on_order"}
    return pl.DataFrame([{**line, **row} for row in rows], schema=polars_schema(OPEN_SUPPLIER_ORDERS))


def followed(**locations: tuple[str | None, str | None]) -> pl.DataFrame:
    """Coverage by location: how orders and how transfers are followed."""
    rows = [
        {"location_id": name, "orders_followed": ordered, "transfers_followed": moved}
        for name, (ordered, moved) in locations.items()
    ]
    return pl.DataFrame(rows, schema=polars_schema(SUPPLY_COVERAGE))


def positions(
    events: list[Event],
    held: pl.DataFrame | None = None,
    open_orders: pl.DataFrame | None = None,
    coverage: pl.DataFrame | None = None,
    promised: pl.DataFrame | None = None,
) -> pl.DataFrame:
    units = quarantined_units(quarantine() if held is None else held)
    awaited = orders() if open_orders is None else open_orders
    told = followed() if coverage is None else coverage
    states = fold(no_state(), movements(events), counts(events)).select(KEPT)
    return position(states, units, awaited, told, promised, TODAY)


def reserved(**items: int) -> pl.DataFrame:
    """Units reserved by item, in the west."""
    rows = [(item, "west", units) for item, units in items.items()]
    schema = {"product_sku": pl.String, "location_id": pl.String, "reserved": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def event(number: int, kind: str, quantity: int, unavailable: int = 0) -> Event:
    return Event(number, PAIR, EPOCH + timedelta(days=number), kind, quantity, unavailable)


coverages = st.fixed_dictionaries(
    {
        name: st.tuples(st.sampled_from([None, "named", "declared"]), st.sampled_from([None, "one_step"]))
        for name in ("east", "west")
    }
).map(lambda locations: followed(**locations))


@settings(max_examples=40, deadline=None)
@given(histories(), coverages, st.sampled_from([None, reserved(), reserved(A=2, B=1)]))
def test_every_null_is_named_in_its_reason_and_only_nulls_are(events, coverage, promised):
    rows = check(positions(events, coverage=coverage, promised=promised), INVENTORY_POSITION)
    expected = model(events)
    assert rows.height == len(expected)
    for row in rows.to_dicts():
        book = expected[row["product_sku"], row["location_id"]]["book"]
        assert row["book"] == book
        assert row["on_hand"] == (None if book is None else max(0, book))
        assert row["shortfall"] == (None if book is None else max(0, -book))
        reason = row.pop("null_reason") or ""
        words = {word.strip(",:;") for word in reason.replace(": ", " ").split()}
        for name, value in row.items():
            if name not in {"product_sku", "location_id", "stock_basis"}:
                assert (value is None) == (name in words), name


def test_more_sold_than_known_of_is_a_shortfall_and_no_negative_stock():
    row = positions([event(1, "opening", 2), event(2, "sale", -5)]).row(0, named=True)
    assert (row["book"], row["on_hand"], row["shortfall"]) == (-3, 0, 3)


def test_an_opening_alone_is_a_position_without_a_movement():
    row = positions([event(1, "opening", 2)]).row(0, named=True)
    assert (row["book"], row["stock_basis"], row["last_movement_at"]) == (2, "opening", None)
    assert "no movement yet" in row["null_reason"]


def test_units_in_quarantine_stand_beside_the_position_they_belong_to():
    held = quarantine(
        ("pos", " a ", "west", 3),
        ("pos", "A", "west", -2),
        ("warehouse", "A", "west ", 1),
        ("pos", None, "west", 9),
        ("supplier", "A", "west", 50),
        ("pos", "A", "west", None),
        ("pos", "GHOST", "west", 4),
    )
    rows = positions([event(1, "opening", 2)], held)
    assert rows.select("product_sku", "quarantined_quantity").rows() == [("A", 6)]


FOLLOWED = followed(west=("named", "one_step"), east=(None, "one_step"))


def test_on_order_is_the_sum_of_the_lines_that_count_and_zero_where_none_is_open():
    events = [event(1, "opening", 2), event(2, "sale", -5)]
    lines = orders({}, {"open_quantity": 3}, {"open_quantity": 90, "counts_as": "neither", "reason": "overdue"})
    row = positions(events, open_orders=lines, coverage=FOLLOWED).row(0, named=True)
    assert (row["on_hand"], row["on_order"], row["in_transit"], row["position_before_reserved"]) == (0, 8, 0, 8)
    row = positions(events, coverage=FOLLOWED).row(0, named=True)
    assert (row["on_order"], row["position_before_reserved"]) == (0, 0)
    row = positions(events).row(0, named=True)
    assert (row["on_order"], row["in_transit"], row["position_before_reserved"]) == (None, None, None)


def test_what_is_reserved_is_not_available_and_counts_against_the_position():
    events = [event(1, "opening", 9), event(2, "return", 2, 2), event(3, "sale", -3)]
    row = positions(events, open_orders=orders({}), coverage=FOLLOWED, promised=reserved(A=5)).row(0, named=True)
    assert (row["reserved"], row["available"], row["inventory_position"]) == (5, 8 - 2 - 5, 8 - 2 - 5 + 5)
    row = positions(events, coverage=FOLLOWED, promised=reserved(B=5)).row(0, named=True)
    assert (row["reserved"], row["available"], row["inventory_position"]) == (0, 6, 6)
    assert "reserved" not in (row["null_reason"] or "")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({"reason": "state_unknown"}, {"A": None, "B": 0}),
        ({"reason": "quantity_unknown", "open_quantity": None}, {"A": None, "B": 0}),
        ({"reason": "no_destination", "location_id": None}, {"A": None, "B": 0}),
        ({"reason": "not_ordered_yet"}, {"A": 0, "B": 0}),
        ({"reason": "state_unknown", "location_id": "east"}, {"A": 0, "B": 0}),
    ],
)
def test_a_line_that_says_too_little_leaves_its_pair_unknown_and_no_other(line, expected):
    events = [event(1, "opening", 2), Event(2, ("B", "west"), EPOCH, "opening", 7)]
    rows = positions(events, open_orders=orders({**line, "counts_as": "neither"}), coverage=FOLLOWED)
    assert dict(rows.select("product_sku", "on_order").rows()) == expected


def test_goods_on_order_for_a_place_that_never_had_any_have_a_row_with_unknown_stock():
    rows = check(positions([], open_orders=orders({}, {"counts_as": "neither"}), coverage=FOLLOWED), INVENTORY_POSITION)
    row = rows.row(0, named=True)
    assert (rows.height, row["on_order"], row["on_hand"], row["stock_basis"]) == (1, 5, None, "unknown")
    assert "no opening or count yet" in row["null_reason"]
