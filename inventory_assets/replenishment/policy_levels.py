"""From demand, lead times, costs and parameters to levels: reorder point, order-up-to level, safety stock, lot.

Every number of a row follows from the other columns of that row by the formulas of this room, so that a planner can
check it. Periodic review (R3 of the requirements): S = F(L + R) + SS(L + R), ordered up to whenever the position is at
or below it; the watched position of live alerts has r = F(L) + SS(L). Invariant: levels are null together, with a
reason; an item without a sale in the last
`dead_after` days of the data has levels of 0.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from inventory_assets.contracts.replenishment import INVENTORY_POLICY
from inventory_assets.contracts.schemas import polars_schema
from inventory_assets.replenishment.classification import abc_classes, demand_patterns, xyz_classes
from inventory_assets.replenishment.demand_history import PAIR, History, weekly
from inventory_assets.replenishment.demand_statistics import (
    LEAST_UNITS,
    WARM_UP,
    bounded_deviation,
    skewed_demand,
    smoothed_statistics,
    trailing_statistics,
)
from inventory_assets.replenishment.domain import BoolArray, FloatArray
from inventory_assets.replenishment.lot_sizes import economic_order_quantity
from inventory_assets.replenishment.safety_stock import level_for_cycle_service, level_for_fill_rate

LEAST_HISTORY_DAYS = 28
"""Days of demand below which no level is given; longer intervals need more, so that two of their errors are known."""
YEAR_DAYS = 365
PLAIN_WINDOW_DAYS = 90
"""Days the textbook formulas of the comparison look at."""
NO_LEAD_TIME = "no lead time: the supplier has delivered nothing and agreed to none; set lead_time"
SHORT = "demand is known for too few days: {} of {}"


def classes(history: History, unit_value: FloatArray) -> pl.DataFrame:
    """ABC by usage of the last year at cost, XYZ by weekly demand, and the pattern of daily demand, a row a pair.

    Args:
        history: demand by pair and day.
        unit_value: money a unit of each pair; nan counts as 0.
    """
    units = history.units
    usage = units[:, -YEAR_DAYS:].sum(axis=1) * np.nan_to_num(unit_value, nan=0.0)
    return history.pairs.with_columns(
        abc=pl.Series(abc_classes(np.maximum(usage, 0)), dtype=pl.String),
        xyz=pl.Series(xyz_classes(np.maximum(weekly(units), 0)), dtype=pl.String),
        pattern=pl.Series(demand_patterns(np.maximum(units, 0)).pattern, dtype=pl.String),
    )


def with_lead_times(pairs: pl.DataFrame, performance: pl.DataFrame, suppliers: pl.DataFrame) -> pl.DataFrame:
    """Pairs with lead_time_days, lead_time_sd_days, lead_time_from: the parameter, what was measured, what was agreed.

    Args:
        pairs: supplier_id, lead_time, lead_time_sd (parameters).
        performance: `gold/supplier_performance`; a supplier of several sources counts by its lines.
        suppliers: current `silver/suppliers`.
    """
    lines = pl.col("lead_time_lines")
    told = performance.filter(lines > 0, pl.col("lead_time_mean_days").is_not_null())
    measured = told.group_by("supplier_id").agg(
        mean=(pl.col("lead_time_mean_days") * lines).sum() / lines.sum(),
        spread=((pl.col("lead_time_std_days").fill_null(0) ** 2 * lines).sum() / lines.sum()).sqrt(),
    )
    agreed = suppliers.filter(pl.col("lead_time_days").is_not_null()).select(
        "supplier_id", agreed=pl.col("lead_time_days").cast(pl.Float64)
    )
    joined = pairs.join(measured, on="supplier_id", how="left", maintain_order="left")
    joined = joined.join(agreed, on="supplier_id", how="left", maintain_order="left")
    return joined.with_columns(
        lead_time_days=pl.coalesce("lead_time", "mean", "agreed"),
        lead_time_sd_days=pl.coalesce(
            "lead_time_sd", pl.when(pl.col("lead_time").is_null()).then("spread"), pl.lit(0.0)
        ),
        lead_time_from=pl.when(pl.col("lead_time").is_not_null())
        .then(pl.lit("parameter"))
        .when(pl.col("mean").is_not_null())
        .then(pl.lit("supplier_performance"))
        .when(pl.col("agreed").is_not_null())
        .then(pl.lit("supplier_master")),
    ).drop("mean", "spread", "agreed")


def levels(
    pairs: pl.DataFrame,
    history: History,
    forecast: pl.DataFrame | None,
    today: date,
    waiting: Collection[str] = (),
) -> pl.DataFrame:
    """Rows of `replenishment/inventory_policy`.

    Args:
        pairs: rows of `classes`, in its order, with supplier_id, currency, unit_cost_known, the resolved parameters and
            lead times.
        history: demand by pair and day, same order.
        forecast: product_sku, location_id, horizon_days, cumulative_mean, cumulative_sd of issued forecasts; pairs it
            does not name take the statistics of their history (`smoothed_statistics`).
        today: UTC day of the computation.
        waiting: locations whose demand waits where there is no stock (warehouses); elsewhere it is lost.
    """
    lead = _numbers(pairs, "lead_time_days")
    review = _numbers(pairs, "review_period")
    known_lead = ~np.isnan(lead)
    time = np.nan_to_num(lead, nan=0.0)
    horizons = np.stack([np.ceil(time), np.ceil(time + review)], axis=1).astype(np.int64)
    told = (~np.isnan(history.demand)).sum(axis=1)
    mean, spread, source = _expected(pairs, history, forecast, horizons)
    spread = bounded_deviation(mean[:, None] * horizons, spread, horizons)
    lead_sd = _numbers(pairs, "lead_time_sd_days")
    before_mean, protected_mean = mean * time, mean * (time + review)
    protected_sd = np.sqrt(spread[:, 1] ** 2 + (mean * lead_sd) ** 2)
    before_sd = np.minimum(np.sqrt(spread[:, 0] ** 2 + (mean * lead_sd) ** 2), protected_sd)
    quiet = np.array([(history.last_day - day).days for day in pairs["last_demand_day"]]) > _numbers(
        pairs, "dead_after"
    )
    needed = np.maximum(LEAST_HISTORY_DAYS, WARM_UP + horizons[:, 1] + 1)
    good = known_lead & (told >= LEAST_HISTORY_DAYS) & ~np.isnan(protected_sd) & ~np.isnan(mean)
    cost, rate = _numbers(pairs, "unit_cost"), _numbers(pairs, "holding_cost_rate")
    lot = _economic(mean, _numbers(pairs, "fixed_cost"), rate * cost, good & ~quiet)
    moving = good & ~quiet & (protected_mean > LEAST_UNITS)
    up_to, live = np.zeros(len(mean)), np.zeros(len(mean))
    up_to[moving], live[moving] = _service_levels(
        pairs.filter(pl.Series(moving)), before_mean[moving], before_sd[moving], protected_mean[moving],
        protected_sd[moving], np.maximum(lot, mean * review)[moving], waiting,
    )  # fmt: skip
    plain = trailing_statistics(history.demand, PLAIN_WINDOW_DAYS)
    factor = _safety_factor(_numbers(pairs, "service_target"))
    frame = pairs.with_columns(
        as_of=pl.lit(history.last_day),
        history_days=pl.Series(told),
        demand_from=pl.Series(source, dtype=pl.String),
        demand_mean_day=_series(mean, good),
        review_period_days=pl.col("review_period"),
        lead_demand_mean=_series(before_mean, good),
        lead_demand_sd=_series(before_sd, good),
        protected_mean=_series(protected_mean, good),
        protected_sd=_series(protected_sd, good),
        calculated=_series(up_to, good),
        live_reorder_point=_whole(live, good),
        economic_quantity=_whole(lot, good),
        maximum_stock=pl.coalesce("maximum_stock", "max_stock"),
        minimum_order=pl.col("minimum_order"),
        shelf_life_days=pl.col("shelf_life"),
        overstock_cover_days=pl.col("overstock_cover"),
        transfer_days=pl.col("transfer_time"),
        may_transfer=pl.col("transfer") == "yes",
        count_interval_days=pl.col("abc").replace_strict({"A": "a", "B": "b", "C": "c"}, return_dtype=pl.String),
        seed_reorder_point=_whole(plain.mean * time + factor * plain.deviation * np.sqrt(time), good),
        textbook_order_up_to=_whole(
            plain.mean * (time + review) + factor * plain.deviation * np.sqrt(time + review), good
        ),
        null_reason=pl.Series(
            [_why(*each) for each in zip(known_lead, told, needed, good, strict=True)], dtype=pl.String
        ),
        dead=pl.Series(quiet),
        processing_date=pl.lit(today),
    )
    return _by_rule(frame).select(INVENTORY_POLICY.column_names).cast(polars_schema(INVENTORY_POLICY)).sort(PAIR)  # type: ignore[arg-type]


def _by_rule(frame: pl.DataFrame) -> pl.DataFrame:
    """Levels under the rule of each pair, from the calculated one."""
    calculated = pl.col("calculated")
    floor = pl.coalesce(pl.when(~pl.col("dead")).then("fixed_reorder_point"), calculated)
    point = pl.when(calculated.is_not_null()).then(floor).ceil()
    further = (
        pl.when(pl.col("rule") == "fixed_quantity")
        .then(pl.coalesce("fixed_quantity", "economic_quantity", pl.lit(1)).cast(pl.Float64))
        .when(pl.col("rule") == "period_of_cover")
        .then(pl.col("demand_mean_day") * pl.coalesce("cover", pl.col("review_period").cast(pl.Float64)))
        .otherwise(0.0)
    )
    up_to = pl.max_horizontal(calculated, point + pl.when("dead").then(0.0).otherwise(further))
    intervals = [f"count_interval_{each}" for each in "abc"]
    which = pl.col("count_interval_days")
    interval = pl.coalesce(pl.when(which == name[-1]).then(name) for name in intervals)
    return frame.with_columns(
        reorder_point=pl.when(point.is_not_null()).then(point.clip(0)).cast(pl.Int64),
        order_up_to=pl.when(point.is_not_null()).then(up_to.ceil().clip(0)).cast(pl.Int64),
        safety_stock=pl.when(point.is_not_null() & ~pl.col("dead")).then(floor - pl.col("protected_mean")),
        fixed_quantity=pl.when(pl.col("rule") == "fixed_quantity").then("fixed_quantity"),
        unit_cost=pl.col("unit_cost").cast(pl.Decimal(18, 4)),
        count_interval_days=interval,
    )


def _expected(
    pairs: pl.DataFrame, history: History, forecast: pl.DataFrame | None, horizons: NDArray[np.int64]
) -> tuple[FloatArray, FloatArray, list[str]]:
    """Mean a day, deviation over both horizons, and where they come from."""
    both = [smoothed_statistics(history.demand, horizons[:, column]) for column in (0, 1)]
    length = np.maximum(horizons[:, 1], 1)
    mean, spread = both[1].mean / length, np.stack([each.deviation for each in both], axis=1)
    source = np.full(len(mean), "trailing", dtype=object)
    if forecast is not None and forecast.height:
        issued = [_issued(pairs, forecast, horizons[:, column]) for column in (0, 1)]
        has = ~np.isnan(issued[1][0]) & ~np.isnan(issued[1][1])
        before = np.where(np.isnan(issued[0][1]), 0 if (horizons[:, 0] == 0).all() else np.nan, issued[0][1])
        scaled = issued[1][1] * np.sqrt(horizons[:, 0] / length)
        mean = np.where(has, issued[1][0] / length, mean)
        spread[:, 0] = np.where(has, np.where(np.isnan(before), scaled, before), spread[:, 0])
        spread[:, 1] = np.where(has, issued[1][1], spread[:, 1])
        source[has] = "demand_forecast"
    override = _numbers(pairs, "demand_override")
    said = ~np.isnan(override)
    return np.where(said, override, mean), spread, np.where(said, "override", source).tolist()


def _issued(pairs: pl.DataFrame, forecast: pl.DataFrame, horizon: NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
    wanted = pairs.select(PAIR).with_columns(horizon_days=pl.Series(horizon).cast(pl.Int64))
    told = forecast.select(*PAIR, pl.col("horizon_days").cast(pl.Int64), "cumulative_mean", "cumulative_sd")
    found = wanted.join(told, on=[*PAIR, "horizon_days"], how="left", maintain_order="left")
    return _numbers(found, "cumulative_mean"), _numbers(found, "cumulative_sd")


def _service_levels(
    pairs: pl.DataFrame, before_mean: FloatArray, before_sd: FloatArray, mean: FloatArray, spread: FloatArray,
    lot: FloatArray, waiting: Collection[str],
) -> tuple[FloatArray, FloatArray]:  # fmt: skip
    """Order-up-to level S over L + R, and watched reorder point r over L, for the named service."""
    target, by_fill = _numbers(pairs, "service_target"), (pairs["service"] == "fill_rate").to_numpy()
    protected, before = skewed_demand(mean, spread), skewed_demand(before_mean, before_sd)
    between, lost = mean - before_mean, ~pairs["location_id"].is_in(list(waiting)).to_numpy()
    up_to = np.where(
        by_fill,
        level_for_fill_rate(protected, between, target, lead_time_demand=before, lost=lost).level,
        level_for_cycle_service(protected, target).level,
    )
    live = np.where(
        by_fill,
        level_for_fill_rate(before, lot, target).level,
        level_for_cycle_service(before, target).level,
    )
    return np.maximum(up_to, 0), np.clip(live, 0, np.maximum(up_to, 0))


def _economic(mean: FloatArray, setup: FloatArray, holding: FloatArray, wanted: BoolArray) -> FloatArray:
    """Economic order quantity; 0 where an order costs nothing, nothing is held or the cost of a unit is unknown."""
    lot = np.zeros(len(mean))
    rows = wanted & (setup > 0) & (holding > 0) & (mean > 0)
    if rows.any():
        lot[rows] = economic_order_quantity(setup[rows], holding[rows] / YEAR_DAYS, mean[rows]).quantity
    return lot


def _safety_factor(target: FloatArray) -> FloatArray:
    from scipy import special

    return special.ndtri(target)


def _why(known_lead: bool, told: int, needed: int, good: bool) -> str | None:
    if good:
        return None
    if not known_lead:
        return NO_LEAD_TIME
    return SHORT.format(told, needed)


def _numbers(frame: pl.DataFrame, name: str) -> FloatArray:
    return frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _series(values: FloatArray, good: BoolArray) -> pl.Series:
    return pl.Series(np.where(good, values, np.nan)).fill_nan(None)


def _whole(values: FloatArray, good: BoolArray) -> pl.Series:
    known = good & ~np.isnan(values)
    return pl.Series(np.where(known, np.ceil(np.maximum(values, 0) - 1e-9), np.nan)).fill_nan(None).cast(pl.Int64)
