"""Bronze into silver: each feed's dirty days, in blocks, every table of the feed replaced for the same days."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import polars as pl

from inventory_assets.contracts.bronze import BRONZE
from inventory_assets.contracts.model import Table
from inventory_assets.contracts.silver import (
    CANCELLATIONS,
    DAY_BALANCE,
    DECISIONS,
    GIVEN_AWAY,
    LOCATIONS,
    NON_MERCHANDISE,
    PRODUCTS,
    QUARANTINE,
    RETURNS,
    SALES,
    STOCK_ADJUSTMENTS,
    STOCK_COUNTS,
    STOCK_OPENINGS,
    SUPPLIER_ORDERS,
    SUPPLIERS,
    WAREHOUSE_UPDATES,
)
from inventory_assets.lakehouse.lake import Lake, Scope
from inventory_assets.medallion.silver_masters import build_locations, build_products, build_suppliers
from inventory_assets.medallion.silver_matching import matching_days
from inventory_assets.medallion.silver_pos import build_pos
from inventory_assets.medallion.silver_stock import build_stock
from inventory_assets.medallion.silver_supplier import build_supplier
from inventory_assets.medallion.silver_warehouse import build_warehouse
from inventory_assets.pipeline.workspace import Day, Report, Workspace, blocks, day_scope, dirty_days, shifted

Frames = dict[str, pl.DataFrame]
SHARED = (QUARANTINE, DAY_BALANCE)
IDENTITY = ["source_file", "content_hash", "row_number"]
MATCH_COLUMNS = [
    "source_system", "customer_id", "product_sku", "unit_price", "quantity_sold", "timestamp", "event_date",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class DayFeed:
    """A feed whose silver tables are functions of a day.

    Attributes:
        name: feed.
        tables: its own silver tables, the shared ones apart.
        build: the pure function.
        matched: whether lines are matched across days.
    """

    name: str
    tables: tuple[Table, ...]
    build: Callable[..., Frames]
    matched: bool = False

    @property
    def bronze(self) -> Table:
        """Its bronze table."""
        return BRONZE[self.name]

    @property
    def outputs(self) -> tuple[Table, ...]:
        """Every table a block of it replaces; the shared ones last, so that they name the feed's progress."""
        return (*self.tables, *SHARED)


DAY_FEEDS: dict[str, DayFeed] = {
    feed.name: feed
    for feed in (
        DayFeed(
            "pos",
            (SALES, RETURNS, CANCELLATIONS, GIVEN_AWAY, STOCK_ADJUSTMENTS, NON_MERCHANDISE),
            build_pos,
            matched=True,
        ),
        DayFeed("warehouse", (WAREHOUSE_UPDATES, STOCK_COUNTS), build_warehouse),
        DayFeed("supplier", (SUPPLIER_ORDERS,), build_supplier),
        DayFeed("stock", (STOCK_OPENINGS,), build_stock),
    )
}
MASTERS: dict[str, tuple[Table, Callable[..., Frames]]] = {
    "products": (PRODUCTS, build_products),
    "locations": (LOCATIONS, build_locations),
    "suppliers": (SUPPLIERS, build_suppliers),
}


def refresh_master(workspace: Workspace, name: str) -> Report:
    """Rebuild a master table from all of its bronze rows when they or decisions about them changed."""
    lake = workspace.lake
    table, build = MASTERS[name]
    bronze = BRONZE[name]
    report = Report((table, *SHARED))
    pins = lake.pins((bronze, DECISIONS))
    if not _stale(lake, (table, *SHARED), pins, bronze) and not decided_days(lake, table, name, pins):
        return report
    decisions = _decisions(lake, name, pins)
    frames = build(lake.scan(bronze, pins.get(bronze.path)).collect(), decisions, workspace.profiles)
    for output in (table, *SHARED):
        scope = Scope(feed=name) if output in SHARED else Scope()
        commit = lake.replace(output, frames[output.path], scope, pins)
        report.add(output, commit.version, frames[output.path], None)
    return report


def refresh_days(workspace: Workspace, name: str, days: Collection[Day] | None = None) -> Report:
    """Rebuild the silver tables of a feed for its dirty days, or for the days asked for.

    Args:
        workspace: stores, profiles, clock.
        name: feed.
        days: days to rebuild whatever changed; None for those that are dirty.

    Returns:
        What was replaced.
    """
    lake, feed = workspace.lake, DAY_FEEDS[name]
    report = Report(feed.outputs)
    pins = lake.pins((feed.bronze, DECISIONS, PRODUCTS))
    if feed.bronze.path not in pins:
        return report
    known = known_items(lake, pins)
    wanted: set[Day] = set(days or ())
    if days is None:
        wanted = dirty_days(lake, feed.outputs, feed.bronze, pins[feed.bronze.path], feed=None)
        wanted |= decided_days(lake, feed.outputs[0], name, pins)
        wanted |= reflagged_days(lake, feed, known, pins)
    decisions = _decisions(lake, name, pins)
    if feed.matched:
        wanted |= match_window(lake, feed.bronze, pins[feed.bronze.path], wanted)[0]
    rows = lake.day_rows(feed.bronze, pins[feed.bronze.path])
    if days is None and not wanted:
        for output in feed.tables:
            lake.note(output, pins)
        return report
    planned = list(blocks(wanted, rows, workspace.block_days, workspace.block_rows))
    for block in planned:
        window: set[Day] = set(block)
        if feed.matched:
            window |= match_window(lake, feed.bronze, pins[feed.bronze.path], block)[1]
        bronze = _bronze_rows(lake, feed, pins, window, decisions)
        frames = feed.build(bronze, decisions, known, workspace.profiles, block)
        consumed = pins if days is None and block is planned[-1] else None
        for output in feed.outputs:
            scope = day_scope(block, name if output in SHARED else None)
            commit = lake.replace(output, frames[output.path], scope, consumed)
            report.add(output, commit.version, frames[output.path], block)
    return report


def refresh_facts(workspace: Workspace, days: Collection[Day] | None = None) -> Report:
    """Rebuild the silver tables of every day feed; see `refresh_days`."""
    report = Report((*(table for feed in DAY_FEEDS.values() for table in feed.tables), *SHARED))
    for name in DAY_FEEDS:
        report.merge(refresh_days(workspace, name, days))
    return report


def known_items(lake: Lake, pins: dict[str, int]) -> pl.Series:
    """Items of the product master, whatever their version."""
    return lake.scan(PRODUCTS, pins.get(PRODUCTS.path)).select("product_sku").unique().collect().to_series()


def reflagged_days(lake: Lake, feed: DayFeed, known: pl.Series, pins: dict[str, int]) -> set[Day]:
    """Days with a row whose `item_unknown` the newest product master contradicts."""
    flagged = [table for table in feed.tables if "item_unknown" in table.column_names]
    days: set[Day] = set()
    for table in flagged:
        if lake.version(table) is None or lake.consumed(table, PRODUCTS) == pins.get(PRODUCTS.path):
            continue
        wrong = pl.col("item_unknown") == pl.col("product_sku").is_in(known.implode())
        days |= set(lake.scan(table).filter(wrong).select("event_date").unique().collect().to_series().to_list())
    return days


def decided_days(lake: Lake, output: Table, feed: str, pins: dict[str, int]) -> set[Day]:
    """Days that decisions of a feed touch and the output has not taken in yet."""
    if pins.get(DECISIONS.path) is None or lake.consumed(output, DECISIONS) == pins[DECISIONS.path]:
        return set()
    decisions = _decisions(lake, feed, pins)
    after = lake.consumed(output, DECISIONS)
    if after is not None:
        decisions = decisions.join(lake.scan(DECISIONS, after).collect(), on="decision_id", how="anti")
    moved = decisions.filter(pl.col("new_event_date").is_not_null())["new_event_date"].to_list()
    return {*decisions["event_date"].to_list(), *moved}


def match_window(lake: Lake, bronze: Table, version: int, days: Collection[Day]) -> tuple[set[Day], set[Day]]:
    """Days whose split of returns and cancellations hangs together with `days`, and the days to read for them.

    Returns:
        Days to rebuild, and the window of days their matching needs.
    """
    reach = 1
    while True:
        slim = lake.scan(bronze, version, shifted(days, reach, reach)).select(MATCH_COLUMNS).collect()
        touched, needed, grow = matching_days(slim, {day for day in days if day is not None})
        if not grow:
            return set(touched), set(needed)
        reach += 1


def _stale(lake: Lake, outputs: Collection[Table], pins: dict[str, int], source: Table) -> bool:
    return source.path in pins and any(lake.consumed(output, source) != pins[source.path] for output in outputs)


def _decisions(lake: Lake, feed: str, pins: dict[str, int]) -> pl.DataFrame:
    return lake.scan(DECISIONS, pins.get(DECISIONS.path)).filter(pl.col("feed") == feed).collect()


def _bronze_rows(
    lake: Lake, feed: DayFeed, pins: dict[str, int], window: set[Day], decisions: pl.DataFrame
) -> pl.DataFrame:
    version = pins[feed.bronze.path]
    rows = lake.scan(feed.bronze, version, window).collect()
    moved_in = decisions.filter(pl.col("new_event_date").is_in([day for day in window if day is not None]))
    origins = set(moved_in["event_date"].to_list()) - window
    if not origins:
        return rows
    guests = lake.scan(feed.bronze, version, origins).collect().join(moved_in, on=IDENTITY, how="semi")
    return pl.concat([rows, guests])

