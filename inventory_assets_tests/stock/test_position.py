"""The position keeps unknown and unfollowed figures null, each with its reason."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
from hypothesis import given, settings

from inventory_assets.contracts.gold import INVENTORY_POSITION
from inventory_assets.contracts.schemas import check, polars_schema
from inventory_assets.contracts.silver import QUARANTINE
from inventory_assets.stock.fold import no_state
from inventory_assets.stock.position import position, quarantined_units
from inventory_assets_tests.stock.histories import EPOCH, Event, counts, histories, model, movements

TODAY = date(2024, 6, 1)
PAIR = ("A", "west")


def quarantine(*rows: tuple[str, str | None, str | None, int | None]) -> pl.DataFrame:
    named = [dict(zip(("feed", "product_sku", "location_id", "quantity"), row, strict=True)) for row in rows]
    return pl.DataFrame(named, schema=polars_schema(QUARANTINE))


def positions(events: list[Event], held: pl.DataFrame | None = None) -> pl.DataFrame:
    units = quarantined_units(quarantine() if held is None else held)
    return position(no_state(), movements(events), counts(events), units, TODAY)


def event(number: int, kind: str, quantity: int, unavailable: int = 0) -> Event:
    return Event(number, PAIR, EPOCH + timedelta(days=number), kind, quantity, unavailable)


@settings(max_examples=40, deadline=None)
@given(histories())
def test_every_null_is_named_in_its_reason_and_only_nulls_are(events):
    rows = check(positions(events), INVENTORY_POSITION)
    expected = model(events)
    assert rows.height == len(expected)
    for row in rows.to_dicts():
        book = expected[row["product_sku"], row["location_id"]]["book"]
        assert row["book"] == book
        assert row["on_hand"] == (None if book is None else max(0, book))
        assert row["shortfall"] == (None if book is None else max(0, -book))
        reason = row.pop("null_reason")
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
