"""Gold and silver into features: demand by day, items and customers as a whole."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, timedelta

import polars as pl

from inventory_assets.contracts.analytics import (
    CUSTOMER_BEHAVIOR_FEATURES,
    DEMAND_FORECASTING_FEATURES,
    INVENTORY_OPTIMIZATION_FEATURES,
    ROLLING_DAYS,
)
from inventory_assets.contracts.gold import DAILY_INVENTORY_SUMMARY
from inventory_assets.contracts.model import Table
from inventory_assets.contracts.schemas import empty
from inventory_assets.contracts.silver import CANCELLATIONS, RETURNS, SALES
from inventory_assets.lakehouse.lake import Lake, Scope
from inventory_assets.medallion.analytics_customers import CUSTOMER, customer_behavior_features
from inventory_assets.medallion.analytics_demand import demand_forecasting_features
from inventory_assets.medallion.analytics_items import inventory_optimization_features
from inventory_assets.pipeline.workspace import (
    VERSION_GONE,
    Day,
    Report,
    Workspace,
    blocks,
    day_scope,
    dirty_from,
    nothing_new,
    shifted,
)

CUSTOMER_SOURCES = (SALES, RETURNS, CANCELLATIONS)
FEATURE_BLOCK_DAYS = 31
"""Days of features computed together: each block reads the 89 days before it, so larger blocks read less twice."""


def refresh_demand_features(workspace: Workspace, days: Collection[Day] | None = None) -> Report:
    """Rebuild demand features of the dirty days and of the days whose windows hold them."""
    lake, table, source = workspace.lake, DEMAND_FORECASTING_FEATURES, DAILY_INVENTORY_SUMMARY
    report = Report((table,))
    pins = lake.pins((source,))
    if not pins:
        return report
    rows = lake.day_rows(source, pins[source.path])
    present = {day for day in rows if day is not None}
    first = min(present, default=workspace.now().date())  # without data there is nothing to count days from
    changed = dirty_from(lake, (table,), (source,), pins)
    dirty = shifted(changed, 0, table.reach.days_forward) & present
    dirty |= {day for day in changed if day is not None}
    dirty |= _reached_by_first_day(lake, first) & present
    wanted = dirty if days is None else {day for day in days if day is not None}
    planned = list(blocks(wanted, rows, FEATURE_BLOCK_DAYS, workspace.block_rows))
    for block in planned:
        window = set(block) | {day for day in shifted(block, ROLLING_DAYS - 1, 0) if day in present}
        frame = demand_forecasting_features(
            lake.scan(source, pins[source.path], window),
            [day for day in block if day is not None],
            first,
            _holidays(workspace, block),
            workspace.now().date(),
        ).collect()
        consumed = pins if dirty <= wanted and block is planned[-1] else None
        commit = lake.replace(table, frame, day_scope(block), consumed)
        report.add(table, commit, block)
    return report


def _reached_by_first_day(lake: Lake, first: date) -> set[date]:
    """Days whose windows began before the data does, when the first day of data moved since they were built."""
    consumed = lake.consumed(DEMAND_FORECASTING_FEATURES, DAILY_INVENTORY_SUMMARY)
    if consumed is None:
        return set()
    before = min(
        (day for day, n in lake.day_rows(DAILY_INVENTORY_SUMMARY, consumed).items() if day and n), default=first
    )
    if before == first:
        return set()
    span = abs((before - first).days) + ROLLING_DAYS - 1
    return {min(before, first) + timedelta(days=n) for n in range(span)}


def _holidays(workspace: Workspace, days: Collection[Day]) -> dict[str, frozenset[date]]:
    """Holiday calendar of each store, by the profile of the systems its sales come from."""
    profiles = workspace.profiles
    if not any(profiles[name].holidays for name in profiles):
        return {}
    pairs = workspace.lake.scan(SALES, days=days).select("store_id", "source_system").unique().collect()
    calendars: dict[str, frozenset[date]] = {}
    for store, system in pairs.iter_rows():
        calendars[store] = calendars.get(store, frozenset()) | profiles[system].holidays
    return calendars


def refresh_item_features(workspace: Workspace, *, anew: bool = False) -> Report:
    """Rebuild item features when the daily summary changed, or `anew`."""
    lake, table, source = workspace.lake, INVENTORY_OPTIMIZATION_FEATURES, DAILY_INVENTORY_SUMMARY
    report = Report((table,))
    pins = lake.pins((source,))
    if not pins or (not anew and lake.consumed(table, source) == pins[source.path]):
        return report
    present = [day for day, rows in lake.day_rows(source, pins[source.path]).items() if day is not None and rows]
    if not present:
        commit = lake.replace(table, empty(table), Scope(), pins)
        report.add(table, commit, None)
        return report
    last = max(present)
    window = {day for day in present if day > last - timedelta(days=ROLLING_DAYS)}
    rows = inventory_optimization_features(
        lake.scan(source, pins[source.path], window), last, min(present), workspace.now().date()
    ).collect()
    commit = lake.replace(table, rows, Scope(), pins)
    report.add(table, commit, None)
    return report


def refresh_customer_features(workspace: Workspace, *, anew: bool = False) -> Report:
    """Compute the customers of whom a sale, return or cancellation changed, or all of them `anew`."""
    lake, table = workspace.lake, CUSTOMER_BEHAVIOR_FEATURES
    report = Report((table,))
    pins = lake.pins(CUSTOMER_SOURCES)
    if not pins:
        return report
    if not anew and nothing_new(lake, table, pins):
        lake.note(table, pins)
        return report
    last_sale_day, processed = _last_day(lake, SALES, pins.get(SALES.path)), workspace.now().date()
    if last_sale_day is None:
        commit = lake.replace(table, empty(table), Scope(), pins)
        report.add(table, commit, None)
        return report
    changed = None if anew else _changed_customers(lake, pins)
    facts = [lake.scan(source, pins.get(source.path)) for source in CUSTOMER_SOURCES]
    if changed is not None:
        facts = [rows.join(changed.lazy(), on=CUSTOMER, how="semi") for rows in facts]
    sales, returns, cancellations = (rows.filter(pl.col("customer_id").is_not_null()) for rows in facts)
    rows = customer_behavior_features(sales, returns, cancellations, last_sale_day, processed).collect()
    before = _last_day(lake, SALES, lake.consumed(table, SALES))
    if changed is not None and before is not None:
        others = lake.scan(table).collect().join(changed, on=CUSTOMER, how="anti")
        moved = pl.col("recency_days") + (last_sale_day - before).days
        rows = pl.concat([rows, others.with_columns(moved, processing_date=pl.lit(processed))])
    commit = lake.replace(table, rows, Scope(), pins)
    report.add(table, commit, None)
    return report


def _last_day(lake: Lake, table: Table, version: int | None) -> date | None:
    """Last business day with a row at a version."""
    return max((day for day, rows in lake.day_rows(table, version).items() if day and rows), default=None)


def _changed_customers(lake: Lake, pins: Mapping[str, int]) -> pl.DataFrame | None:
    """Customers with a row on a day that changed, before or now; None where nobody can tell, or there were none yet."""
    found = []
    try:
        for source in (each for each in CUSTOMER_SOURCES if each.path in pins):
            after, upto = lake.consumed(CUSTOMER_BEHAVIOR_FEATURES, source), pins[source.path]
            if after is None:
                return None
            days = lake.changed_days(source, after, upto)
            found += [lake.scan(source, version, days).select(CUSTOMER) for version in (after, upto)]
        return pl.concat(found).unique().collect()
    except VERSION_GONE:
        return None  # the versions taken in last were removed
