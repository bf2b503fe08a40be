"""Supplier orders: the current state of each order line, what is still to come, and where that is known at all.

A line's reports are folded in the order of their event time, so that arrival order, batches and repeats change
nothing; what a report leaves out stays as last said, so that "shipped" after a partial receipt does not undo it. A
receipt booked by a warehouse lowers a line as much as the supplier's own report of it; the larger of both counts.
How much of it a location may count on is in `stock.on_order`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.contracts.gold import OPEN_SUPPLIER_ORDERS, SUPPLY_COVERAGE
from inventory_assets.contracts.orders import STAGES, UNRECOGNISED
from inventory_assets.contracts.schemas import polars_schema

if TYPE_CHECKING:
    from datetime import date

    from inventory_assets.contracts.sources import Profiles

ORDER_LINE = ("source_system", "supplier_id", "order_id", "line_number", "product_sku")
SUPPLIER = ("source_system", "supplier_id")
ORDERED_ITEM = ("order_id", "product_sku")
_SAID = (
    "order_status", "ordered_at", "expected_delivery", "received_at", "quantity_received", "location_id", "unit_cost",
)  # fmt: skip
_ALWAYS_SAID = ("quantity_ordered", "currency", "bare_shape")
US_PER_DAY = 86_400_000_000


def current_lines(supplier_orders: pl.LazyFrame) -> pl.LazyFrame:
    """Each order line as its reports leave it: every value as it was last said.

    Reports count in the order of `updated_at`; equal ones (which the key of `silver/supplier_orders` excludes) in the
    order of their content, so that the result never depends on the order of the rows.

    Args:
        supplier_orders: `silver/supplier_orders`, all reports of the lines wanted.

    Returns:
        `ORDER_LINE`, what the reports say, `first_reported_at` and `updated_at` (the last report).
    """
    return (
        supplier_orders.sort(*ORDER_LINE, "updated_at", *_ALWAYS_SAID, *_SAID)
        .group_by(ORDER_LINE, maintain_order=True)
        .agg(
            *(pl.col(name).drop_nulls().last() for name in _SAID),
            *(pl.col(name).last() for name in _ALWAYS_SAID),
            pl.col("updated_at").first().alias("first_reported_at"),
            pl.col("updated_at").last(),
        )
    )


def order_receipts(warehouse_updates: pl.LazyFrame) -> pl.LazyFrame:
    """Units that warehouses booked as received, by order number and item.

    Args:
        warehouse_updates: rows of `silver/warehouse_updates`.
    """
    receipts = warehouse_updates.filter(pl.col("record_type") == "receipt", pl.col("order_id").is_not_null())
    return receipts.group_by(ORDERED_ITEM).agg(pl.col("quantity").sum().alias("booked"))


def open_orders(
    lines: pl.DataFrame,
    receipts: pl.DataFrame,
    performance: pl.DataFrame,
    profiles: Profiles,
    today: date,
    stop_counting_after_days: int,
) -> pl.DataFrame:
    """Rows of `gold/open_supplier_orders`.

    A line is expected when its supplier promised it, else at order date + mean lead time of the supplier. It is overdue
    when the UTC day of that has passed.

    Args:
        lines: `current_lines`, over ones included: receipts of their orders are theirs.
        receipts: `order_receipts`.
        performance: `gold/supplier_performance`.
        profiles: source profiles.
        today: UTC day of the computation.
        stop_counting_after_days: overdue lines count up to so many days.
    """
    booked = _booked(_with_word_state(lines, profiles), receipts)
    reported, received = pl.col("quantity_received"), pl.col("received")
    arrived = pl.col("received_at").is_not_null() | (pl.col("word_state") == "partly_received").fill_null(value=False)
    to_come = pl.max_horizontal(pl.col("quantity_ordered") - received, pl.lit(0))
    expected, overdue = _expected(performance), pl.col("overdue_days")
    rows = (
        booked.filter(~_over_by_reports())
        .with_columns(
            received=pl.when(reported.is_null() & (pl.col("quantity_booked") == 0) & arrived)
            .then(None)
            .otherwise(pl.max_horizontal(reported.fill_null(0), "quantity_booked"))
        )
        .with_columns(open_quantity=pl.when(received.is_not_null()).then(to_come))
        .filter(pl.col("open_quantity").is_null() | (pl.col("open_quantity") > 0))
        .join(expected, on=SUPPLIER, how="left")
        .with_columns(
            state=_open_state(),
            expected_at=pl.coalesce("expected_delivery", pl.col("ordered_at") + pl.col("mean_lead_time")),
            expected_from=pl.when(pl.col("expected_delivery").is_not_null())
            .then(pl.lit("promised"))
            .when(pl.col("ordered_at").is_not_null() & pl.col("mean_lead_time").is_not_null())
            .then(pl.lit("lead_time"))
            .otherwise(pl.lit("unknown")),
        )
        .with_columns(overdue_days=_days_since(pl.col("expected_at").dt.date(), today))
        .with_columns(
            reason=pl.when(pl.col("state").is_in([name for name, stage in STAGES.items() if stage == "before"]))
            .then(pl.lit("not_ordered_yet"))
            .when(overdue > stop_counting_after_days)
            .then(pl.lit("overdue"))
            .when(pl.col("state") == UNRECOGNISED)
            .then(pl.lit("state_unknown"))
            .when(pl.col("open_quantity").is_null())
            .then(pl.lit("quantity_unknown"))
            .when(pl.col("location_id").is_null())
            .then(pl.lit("no_destination"))
        )
        .with_columns(
            quantity_received="received",
            counts_as=pl.when(pl.col("reason").is_null()).then(pl.lit("on_order")).otherwise(pl.lit("neither")),
            processing_date=pl.lit(today),
        )
    )
    schema = polars_schema(OPEN_SUPPLIER_ORDERS)
    return rows.select(list(schema)).cast(schema).sort(ORDER_LINE)  # type: ignore[arg-type]


def coverage(
    lines: pl.DataFrame, warehouse_updates: pl.LazyFrame, locations: pl.DataFrame, profiles: Profiles, today: date
) -> pl.DataFrame:
    """Rows of `gold/supply_coverage`.

    Args:
        lines: `current_lines`.
        warehouse_updates: `silver/warehouse_updates`, whole.
        locations: `silver/locations`.
        profiles: source profiles.
        today: UTC day of the computation.
    """
    place = pl.col("location_id")
    named = lines.filter(place.is_not_null()).group_by("location_id").agg(order_lines=pl.len().cast(pl.Int64))
    complete = [name for name in lines["source_system"].unique().sort().to_list() if profiles[name].orders_complete]
    without = [name for name in locations["source_system"].unique() if profiles[name].assume.nothing_on_order]
    declared, assumed = (
        locations.filter(pl.col("source_system").is_in(sources)).select("location_id").unique()
        for sources in (complete, without)
    )
    moved = warehouse_updates.filter(pl.col("record_type") != "level")
    handled = pl.concat([moved.select(location_id=name) for name in ("location_id", "from_location", "to_location")])
    known = lines.lazy().select(ORDERED_ITEM).unique().with_columns(known=pl.lit(value=True))
    unordered = (
        moved.filter(pl.col("record_type") == "receipt")
        .join(known, on=ORDERED_ITEM, how="left")
        .filter(pl.col("known").is_null())
        .group_by("location_id")
        .agg(unordered_receipts=pl.len().cast(pl.Int64), unordered_units=pl.col("quantity").sum())
    )
    handled_rows, unordered_rows = pl.collect_all([handled.drop_nulls().unique(), unordered])
    places = pl.concat([named.select("location_id"), declared, assumed, handled_rows]).unique()
    named_there = pl.col("order_lines").is_not_null()
    rows = (
        places.join(named, on="location_id", how="left")
        .join(unordered_rows, on="location_id", how="left")
        .with_columns(
            orders_followed=pl.when(named_there)
            .then(pl.lit("named"))
            .when(place.is_in(declared["location_id"].implode()))
            .then(pl.lit("declared"))
            .when(place.is_in(assumed["location_id"].implode()))
            .then(pl.lit("assumed")),
            transfers_followed=pl.when(place.is_in(handled_rows["location_id"].implode())).then(pl.lit("one_step")),
            processing_date=pl.lit(today),
        )
        .with_columns(pl.col("order_lines", "unordered_receipts", "unordered_units").fill_null(0))
    )
    schema = polars_schema(SUPPLY_COVERAGE)
    return rows.select(list(schema)).cast(schema).sort("location_id")  # type: ignore[arg-type]


def _with_word_state(lines: pl.DataFrame, profiles: Profiles) -> pl.DataFrame:
    """Lines with `word_state`: the state of the last word, null where no report has a word."""
    words = lines.select("source_system", "order_status").unique().drop_nulls()
    states = [profiles[source].order_state(word) for source, word in words.iter_rows()]
    mapped = words.with_columns(pl.Series("word_state", states, dtype=pl.String))
    return lines.join(mapped, on=["source_system", "order_status"], how="left", maintain_order="left")


def _over_by_reports() -> pl.Expr:
    """Whether the reports of a line alone say that nothing is to come.

    Its word says so; or at least as much arrived as was ordered; or it arrived and nobody gives a word or a quantity.
    """
    over = pl.col("word_state").is_in([name for name, stage in STAGES.items() if stage == "over"])
    all_there = pl.col("quantity_received") >= pl.col("quantity_ordered")
    unsaid = pl.col("word_state").is_null() & pl.col("quantity_received").is_null()
    silent = unsaid & pl.col("received_at").is_not_null()
    return over.fill_null(value=False) | all_there.fill_null(value=False) | silent


def _open_state() -> pl.Expr:
    """State of an open line: its word, unless units arrived; a line without a word was sent."""
    word = pl.col("word_state")
    some = (pl.col("received") != 0).fill_null(value=True)
    return (
        pl.when(word == UNRECOGNISED)
        .then(word)
        .when(some)
        .then(pl.lit("partly_received"))
        .otherwise(word.fill_null("sent"))
    )


def _booked(lines: pl.DataFrame, receipts: pl.DataFrame) -> pl.DataFrame:
    """Lines with `quantity_booked`: the receipts of an order and item, dealt to its lines by line number.

    A line takes at most what it ordered; one that is over takes what it reported, so that receipts of a cancelled
    remainder do not fill another line. Receipts name no supplier: where several suppliers use an order number for the
    item, nobody knows whose they are, and only the suppliers' own reports count.
    """
    takes = (
        pl.when(_over_by_reports() & pl.col("quantity_received").is_not_null())
        .then(pl.min_horizontal("quantity_received", "quantity_ordered"))
        .when((pl.col("word_state") == "cancelled").fill_null(value=False))
        .then(0)
        .otherwise("quantity_ordered")
    )
    dealt = pl.col("takes").cum_sum().over(ORDERED_ITEM)
    rest = pl.col("booked") - (dealt - pl.col("takes"))
    return (
        lines.sort(*ORDERED_ITEM, "line_number", *SUPPLIER)
        .join(receipts, on=ORDERED_ITEM, how="left", maintain_order="left")
        .with_columns(
            takes=takes,
            booked=pl.when(pl.struct(SUPPLIER).n_unique().over(ORDERED_ITEM) == 1).then("booked").fill_null(0),
        )
        .with_columns(quantity_booked=rest.clip(0, pl.col("takes")))
    )


def _expected(performance: pl.DataFrame) -> pl.DataFrame:
    micros = (pl.col("lead_time_mean_days") * US_PER_DAY).round().cast(pl.Int64)
    return performance.select(*SUPPLIER, mean_lead_time=micros.cast(pl.Duration("us")))


def _days_since(day: pl.Expr, today: date) -> pl.Expr:
    days = (pl.lit(today) - day).dt.total_days()
    return pl.when(day.is_not_null()).then(pl.max_horizontal(days, pl.lit(0)))
