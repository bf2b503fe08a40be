from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.contracts import gold, silver
from inventory_assets.contracts.schemas import check
from inventory_assets.medallion.exact import money_mean
from inventory_assets.medallion.gold_sales import (
    ITEM_DAY,
    PRODUCT_DAY,
    STORE_DAY,
    daily_inventory_summary,
    product_performance,
    sales_tables,
    store_performance,
)
from inventory_assets_tests.medallion.frames import FIRST_DAY, PROCESSED, by_key, cancelled_by, frame, pos_row, pos_rows

CENT_OF_CENT = Decimal("0.0001")


def tables(sales=(), returns=(), given=(), adjusted=()):
    return (
        frame(silver.SALES, list(sales)).lazy(),
        frame(silver.RETURNS, list(returns)).lazy(),
        frame(silver.GIVEN_AWAY, list(given)).lazy(),
        frame(silver.STOCK_ADJUSTMENTS, list(adjusted)).lazy(),
    )


def key_of(row: dict, key: tuple[str, ...]) -> tuple:
    return tuple(row[name] for name in key)


def half_even(total: Decimal, number: int) -> Decimal:
    with localcontext() as context:
        context.prec = 60
        return (total / number).quantize(CENT_OF_CENT, ROUND_HALF_EVEN)


def looped(key, sales, returns):
    """What all three tables share, by loops."""
    result = {}
    for row in sales:
        group = result.setdefault(key_of(row, key), {"lines": []})
        group["lines"].append(row)
    for group in result.values():
        lines = group.pop("lines")
        gone = [line for line in lines if line["cancelled_by_transaction_id"] is not None]
        group.update(
            units=sum(line["quantity_sold"] for line in lines),
            amount=sum(line["total_amount"] for line in lines),
            lines=len(lines),
            price=half_even(sum(line["unit_price"] for line in lines), len(lines)),
            last=max(line["timestamp"] for line in lines),
            first=min(line["timestamp"] for line in lines),
            cancelled_quantity=sum(line["quantity_sold"] for line in gone),
            cancelled_amount=sum((line["total_amount"] for line in gone), Decimal(0)),
            returned_quantity=0,
            returned_amount=Decimal(0),
            score=sum(line["data_quality_score"] for line in lines) / len(lines),
            stores=len({line["store_id"] for line in lines}),
            items=len({line["product_sku"] for line in lines}),
            cashiers=len({line["cashier_id"] for line in lines} - {None}),
        )
    for row in returns:
        if group := result.get(key_of(row, key)):
            group["returned_quantity"] -= row["quantity_sold"]
            group["returned_amount"] -= row["total_amount"]
    return result


drawn = given(
    pos_rows(cancelled_by_transaction_id=cancelled_by),
    pos_rows(sign=-1),
    pos_rows(price=st.just(Decimal(0))),
    pos_rows(price=st.just(Decimal(0))).map(lambda rows: [{**r, "quantity_sold": -r["quantity_sold"]} for r in rows]),
)


@drawn
@settings(max_examples=40, deadline=None)
def test_the_three_tables_equal_loops_over_the_lines(sales, returns, given_away, adjusted):
    found = sales_tables(*tables(sales, returns, given_away, adjusted), PROCESSED)
    for table in (gold.DAILY_INVENTORY_SUMMARY, gold.PRODUCT_PERFORMANCE, gold.STORE_PERFORMANCE):
        check(found[table.path], table)

    expected = looped(ITEM_DAY, sales, returns)
    summary = by_key(found["gold/daily_inventory_summary"], ITEM_DAY)
    assert summary.keys() == expected.keys()
    for key, group in expected.items():
        row = summary[key]
        free = [line for line in given_away if key_of(line, ITEM_DAY) == key]
        corrections = [line for line in adjusted if key_of(line, ITEM_DAY) == key]
        assert row["total_quantity_sold"] == group["units"]
        assert row["total_revenue"] == group["amount"]
        assert row["total_transactions"] == group["lines"]
        assert row["avg_unit_price"] == group["price"]
        assert (row["first_transaction_time"], row["last_transaction_time"]) == (group["first"], group["last"])
        assert (row["returned_quantity"], row["returned_amount"]) == (
            group["returned_quantity"], group["returned_amount"],
        )  # fmt: skip
        assert (row["cancelled_quantity"], row["cancelled_amount"]) == (
            group["cancelled_quantity"], group["cancelled_amount"],
        )  # fmt: skip
        assert row["demand_quantity"] == group["units"] - group["cancelled_quantity"]
        assert row["given_away_quantity"] == sum(line["quantity_sold"] for line in free)
        assert row["adjusted_quantity"] == sum(line["quantity_sold"] for line in corrections)
        assert row["data_quality_score"] == pytest.approx(group["score"], abs=1e-6)
        assert row["event_date"] == row["transaction_date"]
        assert row["processing_date"] == PROCESSED

    expected = looped(PRODUCT_DAY, sales, returns)
    products = by_key(found["gold/product_performance"], PRODUCT_DAY)
    assert products.keys() == expected.keys()
    for key, group in expected.items():
        row = products[key]
        assert (row["daily_quantity_sold"], row["daily_revenue"]) == (group["units"], group["amount"])
        assert (row["daily_transactions"], row["stores_sold"]) == (group["lines"], group["stores"])
        assert row["avg_unit_price"] == group["price"]
        assert (row["returned_quantity"], row["returned_amount"]) == (
            group["returned_quantity"], group["returned_amount"],
        )  # fmt: skip
        assert row["demand_quantity"] == group["units"] - group["cancelled_quantity"]
        assert row["cancelled_amount"] == group["cancelled_amount"]

    expected = looped(STORE_DAY, sales, returns)
    stores = by_key(found["gold/store_performance"], STORE_DAY)
    assert stores.keys() == expected.keys()
    for key, group in expected.items():
        row = stores[key]
        assert (row["daily_quantity_sold"], row["daily_revenue"]) == (group["units"], group["amount"])
        assert (row["daily_transactions"], row["products_sold"]) == (group["lines"], group["items"])
        assert row["active_cashiers"] == group["cashiers"]
        assert (row["returned_quantity"], row["cancelled_quantity"]) == (
            group["returned_quantity"], group["cancelled_quantity"],
        )  # fmt: skip
        assert (row["returned_amount"], row["cancelled_amount"]) == (
            group["returned_amount"], group["cancelled_amount"],
        )  # fmt: skip


@drawn
@settings(max_examples=15, deadline=None)
def test_one_pass_equals_each_table_by_itself_and_days_may_be_computed_apart(sales, returns, given_away, adjusted):
    inputs = tables(sales, returns, given_away, adjusted)
    found = sales_tables(*inputs, PROCESSED)
    alone = {
        "gold/daily_inventory_summary": daily_inventory_summary(*inputs, PROCESSED),
        "gold/product_performance": product_performance(inputs[0], inputs[1], PROCESSED),
        "gold/store_performance": store_performance(inputs[0], inputs[1], PROCESSED),
    }
    for path, rows in alone.items():
        assert rows.collect().sort(pl.all()).equals(found[path].sort(pl.all()))
    for path, whole in found.items():
        parts = [
            sales_tables(*(frame.filter(pl.col("event_date") == day) for frame in inputs), PROCESSED)[path]
            for day in sorted({row["event_date"] for row in sales})
        ]
        assert pl.concat([whole.clear(), *parts]).sort(pl.all()).equals(whole.sort(pl.all()))


@given(pos_rows(cancelled_by_transaction_id=cancelled_by), st.randoms())
@settings(max_examples=15, deadline=None)
def test_order_of_the_lines_changes_no_bit(sales, source):
    shuffled = sales.copy()
    source.shuffle(shuffled)
    found, again = (sales_tables(*tables(lines), PROCESSED) for lines in (sales, shuffled))
    for path, rows in found.items():
        assert rows.sort(pl.all()).equals(again[path].sort(pl.all()))


@given(st.lists(st.tuples(st.integers(-(10**20), 10**20), st.integers(1, 10**7)), max_size=50))
@settings(max_examples=50, deadline=None)
def test_money_mean_rounds_half_even_to_the_last_digit_like_python_decimals(pairs):
    # A polars release that rounds decimals otherwise fails here.
    rows = pl.DataFrame(
        {"total": [Decimal(total).scaleb(-4) for total, _ in pairs], "number": [number for _, number in pairs]},
        schema={"total": pl.Decimal(38, 4), "number": pl.Int64},
    )
    rows = rows.filter(pl.col("total").abs() / pl.col("number") < 10**13)
    found = rows.select(money_mean(pl.col("total"), pl.col("number")))["total"].to_list()
    assert found == [half_even(total, number) for total, number in rows.rows()]


@pytest.mark.parametrize(
    ("prices", "mean"),
    [
        (["0.0001", "0.0002"], "0.0002"),
        (["0.0002", "0.0003"], "0.0002"),
        (["0.1", "0.2"], "0.15"),
        (["9999999999.9999", "9999999999.9998"], "9999999999.9998"),
    ],
)
def test_mean_price_of_a_tie_goes_to_the_even_digit(prices, mean):
    lines = [pos_row(line_number=n, unit_price=Decimal(p)) for n, p in enumerate(prices, 1)]
    row = daily_inventory_summary(*tables(lines), PROCESSED).collect().row(0, named=True)
    assert row["avg_unit_price"] == Decimal(mean)


def test_returns_gifts_and_corrections_alone_add_no_row():
    inputs = tables(
        [pos_row()],
        [pos_row(product_sku="B", quantity_sold=-1)],
        [pos_row(product_sku="C", unit_price=Decimal(0))],
        [pos_row(store_id="S2", quantity_sold=-1, unit_price=Decimal(0))],
    )
    found = sales_tables(*inputs, PROCESSED)
    assert [rows.height for rows in found.values()] == [1, 1, 1]


def test_two_currencies_are_never_summed():
    lines = [pos_row(currency="EUR", unit_price=Decimal(2)), pos_row(currency="USD", unit_price=Decimal(3))]
    found = sales_tables(*tables(lines), PROCESSED)
    for path, column in (("gold/store_performance", "daily_revenue"), ("gold/product_performance", "daily_revenue")):
        assert sorted(found[path].select("currency", column).rows()) == [("EUR", Decimal(2)), ("USD", Decimal(3))]


def test_the_business_day_groups_not_the_utc_day():
    late = datetime(2026, 3, 2, 3, tzinfo=UTC)  # still the evening of March 1 in New York
    lines = [pos_row(), pos_row(line_number=2, timestamp=late, transaction_date=FIRST_DAY)]
    found = daily_inventory_summary(*tables(lines), PROCESSED).collect()
    assert found["total_transactions"].to_list() == [2]


def test_a_day_without_anything_gives_empty_tables_in_contract_shape():
    found = sales_tables(*tables(), PROCESSED)
    for table in (gold.DAILY_INVENTORY_SUMMARY, gold.PRODUCT_PERFORMANCE, gold.STORE_PERFORMANCE):
        assert check(found[table.path], table).is_empty()
