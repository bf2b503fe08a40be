"""How risky suppliers are: probability × impact × detection, each 1 to 10, from what was measured.

Probability: 1 + 9 × the larger of the shares of late lines and of units that did not come. Impact: 1 + 9 × the share of
expected daily sales at cost that hangs on the supplier. Detection: 1 where every line names a promised day, 10 where
none does. Whole numbers, rounded half up. Invariant: a factor that was not measured is null, and so is the product.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from inventory_assets.contracts.planning_figures import SUPPLIER_RISK
from inventory_assets.contracts.schemas import polars_schema


def supplier_risk(performance: pl.DataFrame, orders: pl.DataFrame, policy: pl.DataFrame, today: date) -> pl.DataFrame:
    """Rows of `replenishment/supplier_risk`.

    Args:
        performance: rows of `gold/supplier_performance`.
        orders: supplier_id, expected_delivery, received_at of the order lines, each in its current state.
        policy: rows of `replenishment/inventory_policy`.
        today: the day.
    """
    lines = performance.group_by("supplier_id").agg(
        pl.col("on_time_lines", "promised_lines", "order_lines", "quantity_ordered", "quantity_received").sum()
    )
    worth = pl.col("demand_mean_day") * pl.col("unit_cost").cast(pl.Float64)
    hangs = (
        policy.filter(pl.col("supplier_id").is_not_null())
        .group_by("supplier_id")
        .agg(
            items=pl.col("product_sku").n_unique(),
            daily_value=worth.sum(),
            unpriced=(worth.is_null() & (pl.col("demand_mean_day") > 0)).sum(),
        )
    )
    late = (
        orders.filter(pl.col("received_at").is_not_null(), pl.col("expected_delivery").is_not_null())
        .with_columns(days=(pl.col("received_at").dt.date() - pl.col("expected_delivery").dt.date()).dt.total_days())
        .filter(pl.col("days") > 0)
        .group_by("supplier_id")
        .agg(days_late=pl.col("days").mean())
    )
    rows = lines.join(hangs, on="supplier_id", how="full", coalesce=True).join(late, on="supplier_id", how="left")
    promised, ordered = pl.col("promised_lines"), pl.col("quantity_ordered")
    rows = rows.with_columns(
        items=pl.col("items").fill_null(0),
        late_share=pl.when(promised > 0).then(1 - pl.col("on_time_lines") / promised),
        short_share=pl.when(ordered > 0).then((1 - pl.col("quantity_received") / ordered).clip(0)),
        daily_value=pl.when(pl.col("unpriced").fill_null(0) == 0).then(pl.col("daily_value").fill_null(0.0)),
    )
    total = pl.col("daily_value").sum()
    rows = rows.with_columns(
        probability=_grade(pl.max_horizontal("late_share", "short_share")),
        impact=pl.when(total > 0).then(_grade(pl.col("daily_value") / total)),
        detection=pl.when(pl.col("order_lines") > 0).then(_grade(1 - promised / pl.col("order_lines"))),
    )
    reasons = pl.concat_str(
        pl.when(pl.col("probability").is_null()).then(pl.lit("probability: no line of it has arrived")),
        pl.when(pl.col("impact").is_null()).then(pl.lit("impact: an item has no unit cost, or nothing sells")),
        pl.when(pl.col("detection").is_null()).then(pl.lit("detection: it has no order line")),
        separator="; ", ignore_nulls=True,
    )  # fmt: skip
    return (
        rows.with_columns(
            risk=pl.col("probability") * pl.col("impact") * pl.col("detection"),
            expected_loss=pl.col("daily_value") * pl.col("late_share") * pl.col("days_late").fill_null(0.0),
            null_reason=pl.when(reasons != "").then(reasons),
            processing_date=pl.lit(today),
        )
        .select(SUPPLIER_RISK.column_names)
        .cast(polars_schema(SUPPLIER_RISK))  # type: ignore[arg-type]
        .sort("risk", "supplier_id", descending=[True, False], nulls_last=True)
    )


def _grade(share: pl.Expr) -> pl.Expr:
    """1 to 10 from a share of 0 to 1."""
    return (1 + 9 * share.fill_nan(None).clip(0, 1) + 0.5).floor().cast(pl.Int64)
