"""Signs, dispositions and transfers of the movements derived from silver."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.contracts import silver
from inventory_assets.contracts.schemas import check, duplicated_keys, polars_schema
from inventory_assets.stock.movements import movements_of_pos, movements_of_warehouse

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)


def rows(table, *values: dict) -> pl.DataFrame:
    """Rows of a silver table with only the columns that matter here filled in."""
    defaults = {"source_system": "s", "event_date": date(2024, 3, 1), "product_sku": "A", "line_number": 1}
    return pl.DataFrame([{**defaults, **v} for v in values], schema=polars_schema(table))


def till(table, quantity: int, number: str = "1", **more: object) -> pl.DataFrame:
    return rows(
        table, {"transaction_id": number, "store_id": "S", "quantity_sold": quantity, "timestamp": NOON, **more}
    )


def record(record_type: str, quantity: int | None, **more: object) -> dict:
    return {
        "record_type": record_type,
        "quantity": quantity,
        "location_id": "W",
        "event_time": NOON,
        "document_id": "d",
        "location_zone": "z",
        **more,
    }


def pos(**frames: pl.DataFrame) -> pl.DataFrame:
    tables = {
        "sales": silver.SALES,
        "returns": silver.RETURNS,
        "cancellations": silver.CANCELLATIONS,
        "given_away": silver.GIVEN_AWAY,
        "stock_adjustments": silver.STOCK_ADJUSTMENTS,
    }
    return movements_of_pos(**{name: frames.get(name, rows(table)) for name, table in tables.items()})


def effects(frame: pl.DataFrame) -> list[tuple]:
    return frame.select("kind", "location_id", "quantity", "unavailable").rows()


def test_goods_that_leave_the_till_are_negative_and_corrections_keep_their_sign():
    moved = pos(
        sales=till(silver.SALES, 3),
        given_away=till(silver.GIVEN_AWAY, 2, "2"),
        stock_adjustments=till(silver.STOCK_ADJUSTMENTS, -7, "3"),
    )
    assert effects(moved) == [("sale", "S", -3, 0), ("given_away", "S", -2, 0), ("adjustment", "S", -7, 0)]
    assert duplicated_keys(check(moved, silver.STOCK_MOVEMENTS), silver.STOCK_MOVEMENTS).is_empty()


def test_goods_that_come_back_go_where_their_disposition_says():
    expected = {"resalable": (4, 0), "inspect": (4, 4), "damaged": (4, 4), "refurbish": (4, 4), "scrap": (0, 0)}
    for disposition, (quantity, unavailable) in expected.items():
        moved = pos(
            returns=till(silver.RETURNS, -4, disposition=disposition),
            cancellations=till(silver.CANCELLATIONS, -4, disposition=disposition),
        )
        assert effects(moved) == [(kind, "S", quantity, unavailable) for kind in ("return", "cancellation")]


def test_records_of_a_warehouse_move_as_their_type_says_and_levels_move_nothing():
    moved = movements_of_warehouse(
        rows(
            silver.WAREHOUSE_UPDATES,
            record("receipt", 5),
            record("issue", 2),
            record("adjustment", -1),
            record("level", None, current_stock=9),
            record("transfer", 3, from_location="W", to_location="S"),
        )
    )
    assert effects(check(moved, silver.STOCK_MOVEMENTS)) == [
        ("receipt", "W", 5, 0),
        ("issue", "W", -2, 0),
        ("adjustment", "W", -1, 0),
        ("transfer_out", "W", -3, 0),
        ("transfer_in", "S", 3, 0),
    ]


places = st.sampled_from([None, "W", "S", "T"])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(places, places, st.integers(1, 100)), max_size=10))
def test_transfers_conserve_units(transfers):
    updates = rows(
        silver.WAREHOUSE_UPDATES,
        *(
            record("transfer", quantity, from_location=giver, to_location=taker, line_number=line)
            for line, (giver, taker, quantity) in enumerate(transfers)
        ),
    )
    moved = check(movements_of_warehouse(updates), silver.STOCK_MOVEMENTS)
    assert moved.get_column("quantity").sum() == 0
    assert moved.height == 2 * len(transfers)
    assert duplicated_keys(moved, silver.STOCK_MOVEMENTS).is_empty()


def test_lazy_and_eager_frames_give_the_same_movements():
    updates = rows(silver.WAREHOUSE_UPDATES, record("receipt", 5))
    assert movements_of_warehouse(updates.lazy()).collect().equals(movements_of_warehouse(updates))
