"""What the key figures of inventory are made of: sums by location over the days looked at, and over all locations.

A pair counts on the days on which its stock is known; only then can stock, sales and stock-outs be set against each
other. A pair is *active* where it had demand in the window. Invariant: the row of all locations is the sum of the
others, so a figure over all is never a mean of figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

PAIR = ("product_sku", "location_id")
EVERYWHERE = "*"
TOLERANCE = {"A": 0.0, "B": 0.01, "C": 0.02}
"""Share of the expected stock by which a count may differ and still match, by class."""


@dataclass(frozen=True, slots=True)
class Window:
    """The days looked at.

    Attributes:
        first: first day.
        last: last day.
    """

    first: date
    last: date

    @property
    def days(self) -> int:
        """Number of days."""
        return (self.last - self.first).days + 1


def stock_days(snapshot: pl.DataFrame, window: Window) -> pl.DataFrame:
    """Known stock of every pair on every day of the window: product_sku, location_id, day, on_hand, was_in_stock.

    Args:
        snapshot: `gold/daily_inventory_snapshot` from at least a month before the window on (it has a row on the first
            of each month).
        window: the days.

    Returns:
        Days with known stock only. `was_in_stock`: the day before ended with stock; null where that is unknown.
    """
    rows = snapshot.filter(pl.col("event_date") <= window.last).sort("event_date")
    days = pl.DataFrame({"day": pl.date_range(window.first, window.last, eager=True)})
    grid = rows.select(PAIR).unique().join(days, how="cross").sort("day")
    dense = grid.join_asof(
        rows.select(*PAIR, "event_date", "closing_book"), left_on="day", right_on="event_date", by=list(PAIR),
        check_sortedness=False,
    )  # fmt: skip
    return (
        dense.with_columns(on_hand=pl.when(pl.col("closing_book").is_not_null()).then(pl.col("closing_book").clip(0)))
        .sort(*PAIR, "day")
        .with_columns(was_in_stock=pl.col("on_hand").shift(1).over(PAIR) > 0)
        .filter(pl.col("on_hand").is_not_null())
        .select(*PAIR, "day", "on_hand", "was_in_stock")
    )


def sums(
    days: pl.DataFrame,
    sales: pl.DataFrame,
    received: pl.DataFrame,
    costs: pl.DataFrame,
    policy: pl.DataFrame,
    position: pl.DataFrame,
    counts: pl.DataFrame,
    window: Window,
) -> pl.DataFrame:
    """Sums by location, and a row `*` of all.

    Args:
        days: rows of `stock_days`.
        sales: store_id, product_sku, transaction_date, demand_quantity, revenue (less cancelled) of the window.
        received: product_sku, location_id, event_date, received of the window.
        costs: product_sku, unit_cost (nullable).
        policy: rows of `replenishment/inventory_policy`.
        position: rows of `gold/inventory_position`.
        counts: product_sku, location_id, event_date, expected, counted: physical counts of the window.
        window: the days.

    Returns:
        location_id and the columns the formulas of `kpi_figures` name.
    """
    cost = costs.select("product_sku", unit_cost=pl.col("unit_cost").cast(pl.Float64))
    sold = sales.group_by(
        "product_sku", pl.col("store_id").alias("location_id"), pl.col("transaction_date").alias("day")
    ).agg(sold=pl.col("demand_quantity").sum(), revenue=pl.col("revenue").cast(pl.Float64).sum())
    active = sold.filter(pl.col("sold") > 0).select(PAIR).unique().with_columns(active=pl.lit(value=True))
    rows = (
        days.join(cost, on="product_sku", how="left")
        .join(sold, on=[*PAIR, "day"], how="left")
        .join(active, on=PAIR, how="left")
        .join(policy.select(*PAIR, "demand_mean_day"), on=PAIR, how="left")
        .with_columns(pl.col("active").fill_null(value=False), pl.col("sold", "revenue").fill_null(0))
    )
    out = pl.col("active") & (pl.col("on_hand") == 0)
    stock = rows.group_by("location_id").agg(
        stock_unit_days=pl.col("on_hand").sum(),
        stock_value_days=(pl.col("on_hand") * pl.col("unit_cost")).sum(),
        uncosted_days=pl.col("unit_cost").is_null().sum(),
        units_sold=pl.col("sold").sum(),
        goods_sold=(pl.col("sold") * pl.col("unit_cost")).sum(),
        revenue=pl.col("revenue").sum(),
        active_days=pl.col("active").sum(),
        out_days=out.sum(),
        out_events=(out & pl.col("was_in_stock")).sum(),
        lost_units=pl.when(out).then((pl.col("demand_mean_day") - pl.col("sold")).clip(0)).sum(),
        uncosted_out_days=(out & pl.col("demand_mean_day").is_null()).sum(),
        active_pairs=pl.struct(PAIR).filter(pl.col("active")).n_unique(),
    )
    opening = rows.filter(pl.col("day") == pl.col("day").min().over(PAIR)).group_by("location_id").agg(
        opening_units=(pl.col("on_hand") + pl.col("sold")).sum()
    )  # fmt: skip
    came = received.join(days.select(*PAIR, event_date="day"), on=[*PAIR, "event_date"], how="semi")
    parts = [
        stock,
        opening,
        came.group_by("location_id").agg(received=pl.col("received").sum()),
        _now(position, cost, policy),
        _counted(counts, policy),
    ]
    joined = parts[0]
    for part in parts[1:]:
        joined = joined.join(part, on="location_id", how="full", coalesce=True)
    numbers = [name for name in joined.columns if name != "location_id"]
    joined = joined.with_columns(pl.col(numbers).fill_null(0).cast(pl.Float64)).sort("location_id")
    total = joined.select(pl.lit(EVERYWHERE).alias("location_id"), pl.col(numbers).sum())
    return pl.concat([total, joined]).with_columns(days=pl.lit(float(window.days)))


def _now(position: pl.DataFrame, cost: pl.DataFrame, policy: pl.DataFrame) -> pl.DataFrame:
    """Sums over the pairs as they stand now."""
    rows = position.filter(pl.col("on_hand").is_not_null()).join(cost, on="product_sku", how="left")
    rows = rows.join(policy.select(*PAIR, "reorder_point", "last_demand_day", "as_of"), on=PAIR, how="left")
    quiet = pl.col("last_demand_day").is_null() | (pl.col("last_demand_day") < pl.col("as_of") - timedelta(days=180))
    value = pl.col("on_hand") * pl.col("unit_cost")
    here = pl.coalesce("inventory_position", "position_before_reserved")
    both = here.is_not_null() & pl.col("reorder_point").is_not_null()
    return rows.group_by("location_id").agg(
        known_pairs=pl.len(),
        empty_pairs=(pl.col("on_hand") == 0).sum(),
        value_now=value.sum(),
        dead_value=value.filter(quiet).sum(),
        uncosted_pairs=(pl.col("unit_cost").is_null() & (pl.col("on_hand") > 0)).sum(),
        planned_pairs=both.sum(),
        low_pairs=(both & (here <= pl.col("reorder_point"))).sum(),
    )


def _counted(counts: pl.DataFrame, policy: pl.DataFrame) -> pl.DataFrame:
    """Physical counts, and those that match within the tolerance of the class."""
    rows = counts.join(policy.select(*PAIR, "abc"), on=PAIR, how="left")
    allowed = pl.col("expected").abs() * pl.col("abc").fill_null("C").replace_strict(TOLERANCE, return_dtype=pl.Float64)
    return rows.group_by("location_id").agg(
        counts=pl.len(), matching=((pl.col("counted") - pl.col("expected")).abs() <= allowed).sum()
    )
