"""Stock of the coming days as things stand, and the alerts that follow from it.

Expected stock loses the expected demand of each day and gains what is due on it; it never falls below 0, because what
is not there is not sold. The band around it holds the demand *since today*: it widens with √days from the deviation
over lead time and review period. Invariant: nothing that is only proposed is counted as coming.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from inventory_assets.contracts.replenishment import REORDER_ALERTS, STOCK_PROJECTION
from inventory_assets.contracts.schemas import polars_schema
from inventory_assets.replenishment.domain import FloatArray
from inventory_assets.replenishment.explaining import urgency

PAIR = ("product_sku", "location_id")
LEAST_DAYS, MOST_DAYS = 7, 90
ONE_OF_TEN = 1.2815515655446004
"""Standard normal quantile of 0.9."""


def receipts_due(open_orders: pl.DataFrame, today: date) -> pl.DataFrame:
    """Units due by pair and day over the order lines that count; overdue ones are due today.

    Args:
        open_orders: rows of `gold/open_supplier_orders`.
        today: the day.

    Returns:
        product_sku, location_id, day, due; lines without an expected day are left out.
    """
    counted = open_orders.filter(
        pl.col("counts_as") == "on_order", pl.col("expected_at").is_not_null(), pl.col("open_quantity") > 0
    )
    return (
        counted.with_columns(day=pl.max_horizontal(pl.col("expected_at").dt.date(), pl.lit(today)))
        .group_by(*PAIR, "day")
        .agg(due=pl.col("open_quantity").sum())
    )


def projection(stock: pl.DataFrame, due: pl.DataFrame, today: date) -> pl.DataFrame:
    """Rows of `replenishment/stock_projection`.

    Args:
        stock: rows of `proposing.stock_now`.
        due: rows of `receipts_due`.
        today: the day; the first projected one.

    Returns:
        Days up to max(7, L + 2·R), at most 90, of every pair.
    """
    if stock.is_empty():
        return pl.DataFrame(schema=polars_schema(STOCK_PROJECTION))
    span = (stock["lead_time_days"].ceil() + 2 * stock["review_period_days"]).cast(pl.Int64)
    length = span.clip(LEAST_DAYS, MOST_DAYS)
    longest = int(length.max())  # type: ignore[arg-type]
    coming = _grid(stock, due, today, longest)
    mean = stock["demand_mean_day"].to_numpy()
    protected = (stock["lead_time_days"] + stock["review_period_days"]).to_numpy()
    day_sd = stock["protected_sd"].to_numpy() / np.sqrt(protected)
    opening, closing, out = _run_down(np.maximum(stock["free"].to_numpy(), 0), coming, mean)
    since = np.arange(1, longest + 1)
    spread = ONE_OF_TEN * day_sd[:, None] * np.sqrt(since)
    left = np.maximum(stock["free"].to_numpy(), 0)[:, None] + np.cumsum(coming, axis=1) - mean[:, None] * since
    rows, days = np.nonzero(since <= length.to_numpy()[:, None])
    of = stock[rows]
    return (
        pl.DataFrame(
            {
                "product_sku": of["product_sku"],
                "location_id": of["location_id"],
                "day": pl.Series(days).cast(pl.Int32) + pl.Series([today]).to_physical()[0],
                "opening": opening[rows, days],
                "receipts_due": coming[rows, days].astype(np.int64),
                "demand_p10": np.maximum(mean - ONE_OF_TEN * day_sd, 0)[rows],
                "demand_p50": mean[rows],
                "demand_p90": (mean + ONE_OF_TEN * day_sd)[rows],
                "demand_mean": mean[rows],
                "projected_stock": closing[rows, days],
                "low_stock": np.maximum(left - spread, 0)[rows, days],
                "high_stock": np.maximum(left + spread, 0)[rows, days],
                "reorder_line": of["reorder_point"],
                "safety_line": of["safety_stock"].fill_null(0.0),
                "first_stock_out": out[rows, days],
                "processing_date": pl.Series([today]).new_from_index(0, rows.size),
            }
        )
        .with_columns(pl.col("day").cast(pl.Date))
        .cast(polars_schema(STOCK_PROJECTION))
    )  # type: ignore[arg-type]


def _grid(stock: pl.DataFrame, due: pl.DataFrame, today: date, longest: int) -> FloatArray:
    array = np.zeros((stock.height, longest))
    inside = due.filter(pl.col("day") < today + timedelta(days=longest)).join(
        stock.select(PAIR).with_row_index("row"), on=PAIR
    )
    days = inside["day"].to_physical().to_numpy() - pl.Series([today]).to_physical()[0]
    np.add.at(array, (inside["row"].to_numpy(), days), inside["due"].to_numpy())
    return array


def _run_down(stock: FloatArray, coming: FloatArray, mean: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Stock in the morning and evening of each day, and the first day that runs short."""
    opening, closing = np.empty(coming.shape), np.empty(coming.shape)
    out = np.zeros(coming.shape, dtype=bool)
    level, short_before = stock.astype(np.float64), np.zeros(stock.size, dtype=bool)
    for day in range(coming.shape[1]):
        opening[:, day] = level
        left = level + coming[:, day] - mean
        out[:, day] = (left < 0) & ~short_before
        short_before |= left < 0
        level = np.maximum(left, 0)
        closing[:, day] = level
    return opening, closing, out


def alerts(stock: pl.DataFrame, projected: pl.DataFrame, proposals: pl.DataFrame, today: date) -> pl.DataFrame:
    """Rows of `replenishment/reorder_alerts`.

    Args:
        stock: rows of `proposing.stock_now`.
        projected: rows of `projection`.
        proposals: rows of `replenishment/order_proposals`.
        today: the day.
    """
    out = projected.filter("first_stock_out").select(*PAIR, out_of_stock_on="day")
    wanted = (
        proposals.filter(pl.col("state").is_in(["proposed", "approved", "sent", "confirmed"]))
        .group_by(PAIR)
        .agg(proposed=pl.col("quantity").sum())
    )
    low = stock.filter(pl.col("position") <= pl.col("reorder_point"), pl.col("reorder_point") > 0)
    rows = low.join(out, on=PAIR, how="left").join(wanted, on=PAIR, how="left")
    rows = rows.with_columns(
        proposed=pl.col("proposed").fill_null(0),
        urgency=pl.Series([urgency(row) for row in rows.iter_rows(named=True)], dtype=pl.String),
        days_of_cover=pl.when(pl.col("demand_mean_day") > 0).then(pl.col("free").clip(0) / pl.col("demand_mean_day")),
        processing_date=pl.lit(today),
    )
    said = pl.format(
        "{} available, {} with what is under way, reorder point {}; {}.", "free", "position", "reorder_point",
        pl.when(pl.col("proposed") > 0)
        .then(pl.format("{} proposed or approved", "proposed"))
        .otherwise(pl.lit("nothing can be proposed: see exceptions")),
    )  # fmt: skip
    order = pl.col("urgency").replace_strict({"order_now": 0, "reorder": 1}, return_dtype=pl.Int64)
    return (
        rows.with_columns(message=said)
        .sort(order, "days_of_cover", *PAIR, nulls_last=True)
        .select(REORDER_ALERTS.column_names)
        .cast(polars_schema(REORDER_ALERTS))  # type: ignore[arg-type]
    )
