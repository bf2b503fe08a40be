"""Bronze into silver: each feed's dirty days, in blocks, every table of the feed replaced for the same days."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import polars as pl

from inventory_assets.contracts.bronze import BRONZE
from inventory_assets.contracts.feeds import FEEDS
from inventory_assets.contracts.model import Table
from inventory_assets.contracts.schemas import empty
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
from inventory_assets.ingest.bronze import ROW_BY_ROW
from inventory_assets.lakehouse.inputs import Inputs
from inventory_assets.lakehouse.lake import Lake, Scope
from inventory_assets.medallion.silver_common import Rows, in_days
from inventory_assets.medallion.silver_decisions import IDENTITY, days_moved_to, days_to_read, days_with_fixes
from inventory_assets.medallion.silver_masters import build_locations, build_products, build_suppliers
from inventory_assets.medallion.silver_matching import (
    SLIM,
    MatchingDays,
    chain_days,
    matching_days,
    tied_together,
    tying_lines,
)
from inventory_assets.medallion.silver_pos import plan_pos
from inventory_assets.medallion.silver_stock import build_stock
from inventory_assets.medallion.silver_supplier import build_supplier
from inventory_assets.medallion.silver_warehouse import build_warehouse
from inventory_assets.pipeline.workspace import (
    VERSION_GONE,
    Day,
    Report,
    Workspace,
    blocks,
    day_scope,
    dirty_days,
    shifted,
)
from inventory_assets.stock.snapshot import changed_events

Frames = Mapping[str, Rows]
SHARED = (QUARANTINE, DAY_BALANCE)
DISCARDED = "discarded"


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
        """Every table a block of it replaces.

        The shared ones come first: what they consumed of masters and decisions may be another feed's progress, so a
        run that dies between two commits must leave behind a table of the feed's own that is behind.
        """
        return (*SHARED, *self.tables)


DAY_FEEDS: dict[str, DayFeed] = {
    feed.name: feed
    for feed in (
        DayFeed(
            "pos",
            (SALES, RETURNS, CANCELLATIONS, GIVEN_AWAY, STOCK_ADJUSTMENTS, NON_MERCHANDISE),
            plan_pos,
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


def refresh_master(workspace: Workspace, name: str, *, anew: bool = False) -> Report:
    """Rebuild a master table from all of its bronze rows when they or decisions about them changed, or `anew`."""
    lake = workspace.lake
    table, build = MASTERS[name]
    bronze = BRONZE[name]
    report = Report((table, *SHARED))
    pins = lake.pins((bronze, DECISIONS))
    stale = (anew and bronze.path in pins) or _stale(lake, (table, *SHARED), pins, bronze)
    if not stale and not decided_days(lake, (table,), name, pins):
        if lake.version(table) is not None:
            lake.note(table, pins)
        return report
    decisions = _decisions(lake, name, pins)
    frames = build(lake.scan(bronze, pins.get(bronze.path)).collect(), decisions, workspace.profiles)
    for output in SHARED:  # first, see DayFeed.outputs
        rows = frames[output.path].lazy().collect()
        days = _differing(lake, output, name, rows) if not anew else None
        if days == set():
            lake.note(output, pins)
            continue
        scope = Scope(feed=name) if days is None else day_scope(days, name)
        commit = lake.replace(output, rows if days is None else rows.filter(in_days(days)), scope, pins)
        report.add(output, commit, list(commit.days) if days is None else days)
    report.add(table, lake.replace(table, frames[table.path], Scope(), pins), None)
    return report


def _differing(lake: Lake, output: Table, feed: str, rows: pl.DataFrame) -> set[Day]:
    """Days on which a table holds other rows of a feed than these: the feed is built as a whole, its days are not."""
    stored = lake.scan(output).filter(pl.col("feed") == feed).collect()
    return set(changed_events(stored, rows)["event_date"].to_list())


def refresh_masters(workspace: Workspace, *, anew: bool = False) -> Report:
    """Rebuild every master whose bronze rows or decisions changed, or all of them `anew`."""
    report = Report((*(table for table, _ in MASTERS.values()), *SHARED))
    for name in MASTERS:
        report.merge(refresh_master(workspace, name, anew=anew))
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
    decisions = _decisions(lake, name, pins)
    dirty = dirty_days(lake, feed.outputs, feed.bronze, pins[feed.bronze.path], feed=None)
    dirty |= decided_days(lake, feed.tables, name, pins)
    dirty |= reflagged_days(lake, feed, known, pins)
    dirty |= days_of_read_files(lake, name, decisions)
    dirty |= days_moved_to(decisions, dirty)
    wanted: set[Day] = dirty if days is None else set(days)
    if days is None and not wanted:
        for output in feed.outputs:
            lake.note(output, pins)
        return report
    planned = _plan(workspace, feed, pins, wanted, decisions)
    for part in planned:
        block = part.days
        bronze = _bronze_rows(lake, feed, pins, part, decisions)
        read = days_to_read(decisions, FEEDS[name], {*block, *part.window})
        frames = feed.build(bronze, decisions.filter(in_days(read)), known, workspace.profiles, block)
        consumed = pins if dirty <= wanted and part is planned[-1] else None
        for output in feed.outputs:
            shared = name if output in SHARED else None
            if part.tied and _holds(lake, output, shared, block, frames[output.path]):
                lake.note(output, consumed or {})
                continue
            commit = lake.replace(output, frames[output.path], day_scope(block, shared), consumed)
            report.add(output, commit, block)
    return report


def _holds(lake: Lake, output: Table, feed: str | None, days: Collection[Day], rows: Rows) -> bool:
    """Whether a table holds these rows, of a feed, on these days; no side is ever in memory as a whole."""
    if lake.version(output) is None:
        return False
    stored = lake.scan(output).filter(in_days(days))
    if feed is not None:
        stored = stored.filter(pl.col("feed") == feed)
    row = pl.struct(output.column_names)
    marks = (pl.len(), *(row.hash(seed).sum().alias(f"of seed {seed}") for seed in (1, 2)))
    held, wanted = (each.lazy().select(marks).collect(engine="streaming") for each in (stored, rows))
    return held.equals(wanted)


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


def decided_days(lake: Lake, outputs: Collection[Table], feed: str, pins: dict[str, int]) -> set[Day]:
    """Days that decisions of a feed touch and one of its own tables has not taken in yet."""
    if DECISIONS.path not in pins:
        return set()
    days: set[Day] = set()
    decisions = _decisions(lake, feed, pins)
    for after in {lake.consumed(output, DECISIONS) for output in outputs} - {pins[DECISIONS.path]}:
        fresh = decisions
        if after is not None:
            fresh = decisions.join(_decided_before(lake, after), on="decision_id", how="anti")
        days |= {*fresh["event_date"].to_list(), *fresh["new_event_date"].drop_nulls().to_list()}
    return days


def decisions_waiting(lake: Lake) -> bool:
    """Whether a decision is not carried out in silver yet."""
    pins = lake.pins((DECISIONS,))
    if not pins:
        return False
    own = {name: feed.tables for name, feed in DAY_FEEDS.items()} | {name: (t,) for name, (t, _) in MASTERS.items()}
    there = (name for name in own if lake.version(BRONZE[name]) is not None)
    return any(decided_days(lake, own[name], name, pins) for name in there)


def days_of_read_files(lake: Lake, feed: str, decisions: pl.DataFrame) -> set[Day]:
    """The null partition, where quarantine still shows a refused file whose rows bronze holds by now."""
    files = decisions.filter(pl.col("row_number") == 0, pl.col("action") == "release")
    if files.is_empty():
        return set()
    shown = (pl.col("feed") == feed) & (pl.col("row_number") == 0) & (pl.col("reason") != DISCARDED)
    held = lake.scan(QUARANTINE).filter(shown)
    return {None} if held.collect().join(files, on=IDENTITY, how="semi").height else set()


@dataclass(frozen=True, slots=True)
class Part:
    """Days built together, and what must be read for them.

    Attributes:
        days: the days.
        window: further days that hold lines which decide about lines of these days.
        receipts: receipt numbers of these lines; None where all rows of the window are needed.
        tied: whether the days are built only because a chain of equal lines ties them to a changed day.
    """

    days: list[Day]
    window: frozenset[Day] = frozenset()
    receipts: pl.Series | None = None
    tied: bool = False


def match_days(
    workspace: Workspace, bronze: Table, version: int, days: Collection[Day], decisions: pl.DataFrame
) -> tuple[MatchingDays, pl.DataFrame]:
    """Days whose split of returns and cancellations hangs together with `days`, and the lines that say so."""
    lake = workspace.lake
    present, fixed = set(lake.day_rows(bronze, version)), days_with_fixes(decisions)
    looked_at: set[Day] = {*days, *shifted(days, 1, 1)}
    while True:
        read = days_to_read(decisions, FEEDS["pos"], looked_at)
        rows = lake.scan(bronze, version, read & present).select(SLIM)
        slim = rows.collect() if fixed & read else tying_lines(rows)
        matching = matching_days(slim, days, looked_at, decisions, workspace.profiles)
        if not matching.missing & present:
            return matching, slim
        looked_at |= matching.missing


def _plan(
    workspace: Workspace, feed: DayFeed, pins: dict[str, int], wanted: set[Day], decisions: pl.DataFrame
) -> list[Part]:
    """Days to build, cut into parts.

    Days tied to a wanted day by a chain of equal lines are built too, and written where a row of them changes; they tie
    no further ones, because the whole chain is among them already.
    """
    rows = workspace.lake.day_rows(feed.bronze, pins[feed.bronze.path])
    if not feed.matched:
        return [Part(block) for block in blocks(wanted, rows, workspace.block_days, workspace.block_rows)]
    fixed = days_with_fixes(decisions)
    planned: list[Part] = []
    tied: set[Day] = set()
    for days in (wanted, tied):
        cut = list(blocks(days, rows, workspace.block_days, workspace.block_rows))
        # a fix may make any line a return: there all lines are looked at, hence only those of one block at a time
        near_fix = bool(fixed & {*days, *shifted(days, 1, 1)})
        for several in [[block] for block in cut] if near_fix else [cut] * bool(cut):
            together = {day for block in several for day in block}
            matching, lines = match_days(workspace, feed.bronze, pins[feed.bronze.path], together, decisions)
            chains = chain_days(lines, decisions, workspace.profiles)
            for block in several:
                window = frozenset(tied_together(block, chains) - set(block))
                receipts = None if fixed & {*block, *window} else _receipts(lines, window)
                planned.append(Part(block, window, receipts, tied=days is tied))
            if days is wanted:
                tied |= matching.rebuild - wanted
    return planned


def _receipts(lines: pl.DataFrame, days: Collection[Day]) -> pl.Series:
    return lines.filter(pl.col("event_date").is_in(list(days)))["transaction_id"].str.strip_chars().unique()


def _bronze_rows(lake: Lake, feed: DayFeed, pins: dict[str, int], part: Part, decisions: pl.DataFrame) -> pl.LazyFrame:
    """Bronze rows of the days of a part, and of its window those that matter."""
    version = pins[feed.bronze.path]
    days = days_to_read(decisions, FEEDS[feed.name], part.days)
    rows = [lake.scan(feed.bronze, version, days)]
    further = days_to_read(decisions, FEEDS[feed.name], part.window) - days
    if further:
        outside = lake.scan(feed.bronze, version, further)
        if part.receipts is not None:
            outside = outside.filter(pl.col("transaction_id").str.strip_chars().is_in(part.receipts.implode()))
        rows.append(outside)
    return pl.concat(rows)


def _stale(lake: Lake, outputs: Collection[Table], pins: dict[str, int], source: Table) -> bool:
    return source.path in pins and any(lake.consumed(output, source) != pins[source.path] for output in outputs)


def _decided_before(lake: Lake, version: int) -> pl.DataFrame:
    """Decisions at a version; none where its files are gone, so that all count as new."""
    try:
        return lake.scan(DECISIONS, version).select("decision_id").collect()
    except VERSION_GONE:
        return empty(DECISIONS).select("decision_id")


def _decisions(lake: Lake, feed: str, pins: Mapping[str, int]) -> pl.DataFrame:
    """Decisions of a feed that can be carried out; a released file waits until bronze holds its rows."""
    stored = lake.scan(DECISIONS, pins.get(DECISIONS.path)).filter(pl.col("feed") == feed)
    found = stored.unique("decision_id").collect()
    files = found.filter(pl.col("row_number") == 0, pl.col("action") == "release")
    if files.is_empty():
        return found
    rows = pl.col("content_hash").str.strip_suffix(ROW_BY_ROW)
    read = Inputs(lake, BRONZE[feed]).known().filter(rows != pl.col("content_hash")).with_columns(rows)
    waiting = files.join(read, on=["source_file", "content_hash"], how="anti")
    return found.join(waiting, on="decision_id", how="anti")
