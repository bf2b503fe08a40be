"""Gold into replenishment: policies, proposals, alerts, and what planners look at; run by the nightly job `replenish`.

Each step computes its tables as a whole for the day the clock says, and only where an input or the day changed.
Invariant: run again with nothing new, it writes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, timedelta

import polars as pl

from inventory_assets.contracts.forecast import CUMULATIVE_DEMAND_FORECAST
from inventory_assets.contracts.gold import (
    DAILY_INVENTORY_SUMMARY,
    INVENTORY_POSITION,
    OPEN_SUPPLIER_ORDERS,
    SUPPLIER_PERFORMANCE,
)
from inventory_assets.contracts.log_tables import RETAIL_EVENTS
from inventory_assets.contracts.model import Table
from inventory_assets.contracts.parameters import PLANNING_PARAMETERS
from inventory_assets.contracts.replenishment import (
    INVENTORY_POLICY,
    ORDER_PROPOSALS,
    PROPOSAL_DECISIONS,
)
from inventory_assets.contracts.schemas import empty
from inventory_assets.contracts.silver import (
    LOCATIONS,
    PRODUCTS,
    STOCK_MOVEMENTS,
    SUPPLIER_ORDERS,
    SUPPLIERS,
)
from inventory_assets.lakehouse.lake import Lake, Scope
from inventory_assets.pipeline.emergencies import emergencies
from inventory_assets.pipeline.workspace import Report, Workspace, nothing_new
from inventory_assets.replenishment.deciding import confirmed_by, under_way
from inventory_assets.replenishment.demand_history import PAIR, History, daily_demand, history
from inventory_assets.replenishment.parameters import outlier_days
from inventory_assets.replenishment.policy_inputs import policy_pairs
from inventory_assets.replenishment.policy_levels import levels
from inventory_assets.replenishment.proposing import Inputs, proposals
from inventory_assets.settings import LONGEST_HORIZON

DAY = "clock/day"
SOLD = ("store_id", "product_sku", "transaction_date", "demand_quantity", "total_revenue", "total_quantity_sold")
HISTORY_DAYS = 400
"""Days of demand that are looked at: a year of errors of forecasts, and what they need before them."""
POLICY_INPUTS = (
    DAILY_INVENTORY_SUMMARY, STOCK_MOVEMENTS, SUPPLIER_PERFORMANCE, PRODUCTS, SUPPLIERS, LOCATIONS, PLANNING_PARAMETERS,
    CUMULATIVE_DEMAND_FORECAST,
)  # fmt: skip
PROPOSAL_INPUTS = (
    INVENTORY_POLICY,
    INVENTORY_POSITION,
    PROPOSAL_DECISIONS,
    SUPPLIER_ORDERS,
    OPEN_SUPPLIER_ORDERS,
    STOCK_MOVEMENTS,
    LOCATIONS,
    RETAIL_EVENTS,
)


def refresh_policy(workspace: Workspace, *, anew: bool = False) -> Report:
    """Compute the policy of every pair when demand, masters, suppliers, parameters or the day changed, or `anew`."""
    lake, today = workspace.lake, workspace.now().date()
    report = Report((INVENTORY_POLICY,))
    pins = stale(lake, (INVENTORY_POLICY,), POLICY_INPUTS, today, anew=anew)
    if pins is None:
        return report
    settings = lake.scan(PLANNING_PARAMETERS, pins.get(PLANNING_PARAMETERS.path)).collect()
    rows = computed_policy(lake, pins, today, settings)
    report.add(INVENTORY_POLICY, lake.replace(INVENTORY_POLICY, rows, Scope(), {**pins, DAY: today.toordinal()}), None)
    return report


def computed_policy(
    lake: Lake, pins: Mapping[str, int], today: date, settings: pl.DataFrame, items: Collection[str] | None = None
) -> pl.DataFrame:
    """Rows of `replenishment/inventory_policy` under any settings; nothing is written.

    Args:
        lake: the tables.
        pins: their versions.
        today: the day.
        settings: rows of `replenishment/planning_parameters`, or what they would be.
        items: only rows of these items; classes are those among all.
    """
    daily, told = demand_of(lake, pins, today, settings)
    if told is None:
        return empty(INVENTORY_POLICY)
    summary = daily.select("product_sku", "total_revenue", "total_quantity_sold")
    performance = lake.scan(SUPPLIER_PERFORMANCE, pins.get(SUPPLIER_PERFORMANCE.path)).collect()
    pairs = policy_pairs(
        told, current(lake, PRODUCTS, pins), summary, settings, performance, current(lake, SUPPLIERS, pins), today
    )
    if items is not None:
        kept = pairs["product_sku"].is_in(list(items))
        told = History(told.pairs.filter(kept), told.first_day, told.demand[kept.to_numpy()])
        pairs = pairs.filter(kept)
    places = current(lake, LOCATIONS, pins)
    warehouses = places.filter(pl.col("location_type") == "warehouse")["location_id"].to_list()
    return levels(pairs, told, issued_forecast(lake, pins), today, warehouses)


def issued_forecast(lake: Lake, pins: Mapping[str, int]) -> pl.DataFrame | None:
    """Demand over the next days together with its measured error, by pair and number of days; None before any."""
    names = ("product_sku", "location_id", "horizon_days", "cumulative_mean", "cumulative_sd")
    version = pins.get(CUMULATIVE_DEMAND_FORECAST.path)
    return None if version is None else lake.scan(CUMULATIVE_DEMAND_FORECAST, version).select(names).collect()


def beyond_horizon(lake: Lake, longest: int) -> list[str]:
    """A warning where lead time and review of a pair are longer than anything is forecast; none elsewhere.

    Such a pair has a forecast, but its levels rest on the smoothed history and the errors measured in it.

    Args:
        lake: the tables.
        longest: the longest horizon there may be.
    """
    needed = (pl.col("lead_time_days") + pl.col("review_period_days")).ceil().cast(pl.Int64)
    far = (
        lake.scan(INVENTORY_POLICY)
        .filter(pl.col("demand_from") == "trailing", pl.col("null_reason").is_null())
        .join(lake.scan(CUMULATIVE_DEMAND_FORECAST).select(PAIR).unique(), on=list(PAIR), how="semi")
        .filter(needed > longest)
        .select(*PAIR, needed=needed, wanted=needed + pl.col("review_period_days"))
        .sort("needed", *PAIR, descending=[True, False, False])
        .collect()
    )
    if far.is_empty():
        return []
    item, place, days, _ = far.row(0)
    raised = min(far["wanted"].max(), LONGEST_HORIZON)  # type: ignore[type-var]
    advice = f"Set INVENTORY_FORECAST__LONGEST_HORIZON_DAYS={raised} or correct" if raised > longest else "Correct"
    return [
        f"{far.height} pairs order for longer than the {longest} days that are forecast at most, {item} at {place} for "
        f"{days}: their levels rest on smoothed history instead. {advice} their lead_time or review_period"
    ]


def demand_of(
    lake: Lake, pins: Mapping[str, int], today: date, settings: pl.DataFrame
) -> tuple[pl.DataFrame, History | None]:
    """The daily summary, and the demand history made of it; today is not over and is left out."""
    daily = (
        lake.scan(DAILY_INVENTORY_SUMMARY, pins.get(DAILY_INVENTORY_SUMMARY.path))
        .select(SOLD)
        .filter(pl.col("transaction_date") < today)
        .collect()
    )
    moved = (
        lake.scan(STOCK_MOVEMENTS, pins.get(STOCK_MOVEMENTS.path))
        .filter(pl.col("kind").is_in(["transfer_out", "issue"]), pl.col("event_date") < today)
        .select("kind", "product_sku", "location_id", "quantity", "event_date")
        .collect()
    )
    demand = daily_demand(daily, moved, current(lake, LOCATIONS, pins))
    last = demand["day"].max()
    if not isinstance(last, date):
        return daily, None
    return daily, history(demand, last, HISTORY_DAYS, outlier_days(settings, today))


def refresh_proposals(workspace: Workspace, *, anew: bool = False) -> Report:
    """Propose orders and transfers when a policy, a position, a decision, a report or the day changed, or `anew`.

    First what was sent and a supplier reports by its number is noted as confirmed.
    """
    lake, today = workspace.lake, workspace.now().date()
    report = Report((ORDER_PROPOSALS,))
    confirmed = confirmed_by(lake.scan(PROPOSAL_DECISIONS).collect(), ordered(lake, {}), workspace.now())
    if confirmed.height:
        lake.append(PROPOSAL_DECISIONS, confirmed)
    pins = stale(lake, (ORDER_PROPOSALS,), PROPOSAL_INPUTS, today, anew=anew)
    if pins is None:
        return report
    rows = proposals(proposal_inputs(workspace, pins))
    report.add(ORDER_PROPOSALS, lake.replace(ORDER_PROPOSALS, rows, Scope(), {**pins, DAY: today.toordinal()}), None)
    return report


def proposal_inputs(workspace: Workspace, pins: Mapping[str, int]) -> Inputs:
    """What proposals, alerts and exceptions are made from, at these versions."""
    lake, today = workspace.lake, workspace.now().date()

    def rows(table: Table) -> pl.LazyFrame:
        return lake.scan(table, pins.get(table.path))

    decisions = rows(PROPOSAL_DECISIONS).collect()
    since = today - timedelta(days=workspace.stop_counting_after_days + 366)
    moved = rows(STOCK_MOVEMENTS).filter(
        pl.col("kind").is_in(["transfer_in", "transfer_out"]), pl.col("event_date") >= since
    )
    places = current(lake, LOCATIONS, pins).filter(pl.col("location_type") == "warehouse")
    return Inputs(
        policy=rows(INVENTORY_POLICY).collect(),
        position=rows(INVENTORY_POSITION).collect(),
        under_way=under_way(
            decisions,
            ordered(lake, pins),
            moved.select("product_sku", "location_id", "kind", "quantity", "event_time").collect(),
            today,
            workspace.stop_counting_after_days,
        ),
        decisions=decisions,
        last=lake.scan(ORDER_PROPOSALS).collect(),
        warehouses=frozenset(places["location_id"].to_list()),
        today=today,
        emergencies=emergencies(lake, pins, today),
    )


def ordered(lake: Lake, pins: Mapping[str, int]) -> pl.DataFrame:
    """Numbers of the orders suppliers have: order_id. One they only plan, or have yet to approve, is not among them.

    Args:
        lake: the tables.
        pins: their versions; the newest where none is named.
    """
    reported = lake.scan(SUPPLIER_ORDERS, pins.get(SUPPLIER_ORDERS.path)).select("order_id").unique()
    planned = pl.col("reason").eq_missing(pl.lit("not_ordered_yet")).all()
    before = (
        lake.scan(OPEN_SUPPLIER_ORDERS, pins.get(OPEN_SUPPLIER_ORDERS.path))
        .group_by("order_id")
        .agg(planned=planned)
        .filter(pl.col("planned"))
    )
    return reported.join(before, on="order_id", how="anti").collect()


def stale(
    lake: Lake, tables: Collection[Table], inputs: Collection[Table], today: date, *, anew: bool
) -> dict[str, int] | None:
    """Versions to compute from; None where nothing changed since the tables were computed and it is still their day.

    Nothing is computed before gold exists: a nightly job of an empty installation writes nothing.
    """
    pins = lake.pins(inputs)
    if not pins:
        return None
    if not anew:
        fresh = all(lake.noted(table, DAY) == today.toordinal() and nothing_new(lake, table, pins) for table in tables)
        if fresh:
            return None
    return pins


def current(lake: Lake, master: Table, pins: Mapping[str, int]) -> pl.DataFrame:
    """Rows of a master that hold now."""
    return lake.scan(master, pins.get(master.path)).filter(pl.col("is_current")).collect()
