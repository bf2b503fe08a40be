"""Silver into stock: movements by day, month-end checkpoints, position and snapshot of the keys that changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import date, timedelta

import polars as pl

from inventory_assets.contracts.gold import (
    DAILY_INVENTORY_SNAPSHOT,
    INVENTORY_POSITION,
    OPEN_SUPPLIER_ORDERS,
    STOCK_CHECKPOINTS,
    SUPPLY_COVERAGE,
)
from inventory_assets.contracts.log_tables import LOG_SILVER, STOCK_EVENTS, STOCK_RESERVATIONS, STOCK_STATEMENTS
from inventory_assets.contracts.model import Table
from inventory_assets.contracts.schemas import empty
from inventory_assets.contracts.silver import (
    CANCELLATIONS,
    GIVEN_AWAY,
    QUARANTINE,
    RETURNS,
    SALES,
    STOCK_ADJUSTMENTS,
    STOCK_MOVEMENTS,
    WAREHOUSE_UPDATES,
)
from inventory_assets.contracts.tables import TABLES
from inventory_assets.lakehouse.lake import Lake, Scope
from inventory_assets.medallion.silver_live import (
    counted_once,
    live_effects,
    live_movements,
    live_reservations,
    live_statements,
)
from inventory_assets.pipeline.stock_events import STOCK_INPUTS, Changed, all_counts, changed_since, movements_since
from inventory_assets.pipeline.workspace import Day, Report, Workspace, blocks, day_scope, dirty_from, nothing_new
from inventory_assets.stock.checkpoints import build_checkpoints, checkpoint_at, month_after, month_before, since_month
from inventory_assets.stock.counts import PAIR
from inventory_assets.stock.fold import fold, no_state
from inventory_assets.stock.movements import movements_of_pos, movements_of_warehouse
from inventory_assets.stock.position import KEPT, position, quarantined_units, shown_states
from inventory_assets.stock.snapshot import SPANS, affected_spans, changed_events, opening_month, snapshot

POS_TABLES = (SALES, RETURNS, CANCELLATIONS, GIVEN_AWAY, STOCK_ADJUSTMENTS)
FILE_INPUTS = (*POS_TABLES, WAREHOUSE_UPDATES)
MOVEMENT_INPUTS = (*FILE_INPUTS, STOCK_EVENTS)
SUPPLIES = (OPEN_SUPPLIER_ORDERS, SUPPLY_COVERAGE)
"""What is under way, beside the events of stock."""


def refresh_movements(workspace: Workspace, days: Collection[Day] | None = None) -> Report:
    """Rebuild movements, live statements and reservations of the days whose facts changed, or of the days asked for."""
    lake = workspace.lake
    outputs = (*LOG_SILVER, STOCK_MOVEMENTS)
    report = Report(outputs)
    pins = lake.pins(MOVEMENT_INPUTS)
    live = {path: version for path, version in pins.items() if path == STOCK_EVENTS.path}
    dirty = dirty_from(lake, (STOCK_MOVEMENTS,), FILE_INPUTS, pins) - {None}
    dirty |= dirty_from(lake, outputs, (STOCK_EVENTS,), live) - {None}
    wanted = dirty if days is None else set(days) - {None}
    weights = Counter(lake.day_rows(SALES, pins.get(SALES.path)))
    weights.update(lake.day_rows(STOCK_EVENTS, pins.get(STOCK_EVENTS.path)))
    planned = list(blocks(wanted, weights, workspace.block_days, workspace.block_rows))
    for block in planned:
        last = dirty <= wanted and block is planned[-1]
        effects = live_effects(
            lake.scan(STOCK_EVENTS, pins.get(STOCK_EVENTS.path), block).collect(), workspace.profiles
        )
        if live:
            for table, rows in (
                (STOCK_STATEMENTS, live_statements(effects)),
                (STOCK_RESERVATIONS, live_reservations(effects)),
            ):
                commit = lake.replace(table, rows, day_scope(block), live if last else None)
                report.add(table, commit, block)
        frame = counted_once(movements_by_file(lake, pins, block), live_movements(effects), workspace.profiles)
        commit = lake.replace(STOCK_MOVEMENTS, frame, day_scope(block), pins if last else None)
        report.add(STOCK_MOVEMENTS, commit, block)
    return report


def movements_by_file(
    lake: Lake, pins: Mapping[str, int], days: Collection[Day], absent: Collection[str] = ()
) -> pl.LazyFrame:
    """Movements that silver has from files, of some days.

    Args:
        lake: the tables.
        pins: their versions; a table without one is read as it is now.
        days: the days.
        absent: paths of tables that count as empty.
    """
    facts = {
        table: empty(table).lazy() if table.path in absent else lake.scan(table, pins.get(table.path), days)
        for table in FILE_INPUTS
    }
    return pl.concat(
        [
            movements_of_pos(*(facts[table] for table in POS_TABLES)),
            movements_of_warehouse(facts[WAREHOUSE_UPDATES]),
        ]
    )


def refresh_position(workspace: Workspace, *, anew: bool = False) -> Report:
    """Fold the pairs whose events changed (all of them `anew`), and show the position of every pair."""
    lake = workspace.lake
    report = Report((STOCK_CHECKPOINTS, INVENTORY_POSITION))
    pins = lake.pins((*STOCK_INPUTS, STOCK_RESERVATIONS, QUARANTINE, *SUPPLIES))
    if not anew and nothing_new(lake, INVENTORY_POSITION, pins):
        lake.note(INVENTORY_POSITION, pins)
        return report
    states = _states(workspace, pins, report, anew=anew)
    held = quarantined_units(
        lake.scan(QUARANTINE, pins.get(QUARANTINE.path)).filter(pl.col("feed").is_in(["pos", "warehouse"])).collect()
    )
    awaited, followed = (lake.scan(table, pins.get(table.path)).collect() for table in SUPPLIES)
    frame = position(states, held, awaited, followed, _promised(lake, pins), workspace.now().date())
    commit = lake.replace(INVENTORY_POSITION, frame, Scope(), pins)
    report.add(INVENTORY_POSITION, commit, None)
    return report


def _promised(lake: Lake, pins: dict[str, int]) -> pl.DataFrame | None:
    """Units reserved by pair; None where no live log was ever read."""
    if STOCK_RESERVATIONS.path not in pins:
        return None
    changes = lake.scan(STOCK_RESERVATIONS, pins[STOCK_RESERVATIONS.path])
    return changes.group_by(PAIR).agg(reserved=pl.col("quantity").sum()).collect()


def _states(workspace: Workspace, pins: dict[str, int], report: Report, *, anew: bool) -> pl.DataFrame:
    """State of every pair now: folded from the last checkpoint where events changed, otherwise as shown last."""
    lake = workspace.lake
    counts = all_counts(workspace, pins)
    newest = _newest_day(lake, pins, counts)
    if newest is None:
        _empty(lake, STOCK_CHECKPOINTS, _stock_pins(pins), report)
        return no_state().select(KEPT)
    closed = _close_months(workspace, pins, counts, newest, report, anew=anew)
    changed = None if anew else changed_since(workspace, INVENTORY_POSITION, pins, counts)
    last_month = month_before(_month(newest))
    # a business day begins up to 14 hours before the UTC day of the same date
    movements = since_month(movements_since(lake, pins, month_after(last_month) - timedelta(days=2)), last_month)
    counts, checkpoint = since_month(counts, last_month), checkpoint_at(closed, last_month)
    if changed is None:
        return fold(checkpoint, movements, counts).select(KEPT)
    pairs = changed.pairs
    of_changed = (frame.join(pairs, on=PAIR, how="semi") for frame in (checkpoint, movements, counts))
    others = shown_states(lake.scan(INVENTORY_POSITION).collect()).join(pairs, on=PAIR, how="anti")
    return pl.concat([fold(*of_changed).select(KEPT), others])


def _close_months(
    workspace: Workspace, pins: dict[str, int], counts: pl.DataFrame, newest: date, report: Report, *, anew: bool
) -> pl.DataFrame:
    """Checkpoints up to the month before the newest event; writes those that changed, or all `anew`."""
    lake = workspace.lake
    last_month = month_before(_month(newest))
    inputs = _stock_pins(pins)
    months = {month for month, rows in lake.day_rows(STOCK_CHECKPOINTS, column="month").items() if month and rows}
    changed = changed_since(workspace, STOCK_CHECKPOINTS, pins, counts) if months and not anew else None
    existing = lake.scan(STOCK_CHECKPOINTS)
    if changed is None:
        first, pairs = _first_month(lake, pins, counts), None
    else:
        first = changed.first_month or month_after(last_month)
        pairs = changed.pairs
        if last_month > max(months):
            first, pairs = min(first, month_after(max(months))), None
    beyond = {month for month in months if month > last_month}  # the newest event may have been taken back
    if first > last_month:
        if beyond:
            commit = lake.replace(
                STOCK_CHECKPOINTS, empty(STOCK_CHECKPOINTS), Scope("month", frozenset(beyond)), inputs
            )
            report.add(STOCK_CHECKPOINTS, commit, None)
        else:
            lake.note(STOCK_CHECKPOINTS, inputs)
        return existing.filter(pl.col("month") == last_month).collect()
    base = existing.filter(pl.col("month") >= month_before(first)).collect()
    movements = movements_since(lake, pins, first - timedelta(days=2))
    if pairs is None:
        pairs = pl.concat([base.select(PAIR), movements.select(PAIR), counts.select(PAIR)]).unique()
    rows = build_checkpoints(base, movements, counts, pairs, first, last_month)
    others = base.filter(pl.col("month").is_between(first, last_month)).join(pairs, on=PAIR, how="anti")
    frame = pl.concat([others, rows]).sort(*PAIR, "month")
    replaced = {first, *frame["month"].unique().to_list(), *(month for month in months if month >= first)}
    commit = lake.replace(STOCK_CHECKPOINTS, frame, Scope("month", frozenset(replaced)), inputs)
    report.add(STOCK_CHECKPOINTS, commit, None)
    return frame.filter(pl.col("month") == last_month)


def refresh_snapshot(workspace: Workspace, days: Collection[Day] | None = None) -> Report:
    """Rebuild the snapshot rows that changed events reach, or those of the days asked for."""
    lake = workspace.lake
    report = Report((DAILY_INVENTORY_SNAPSHOT,))
    pins = lake.pins(STOCK_INPUTS)
    inputs = dict(pins)
    if days is None and all(lake.consumed(DAILY_INVENTORY_SNAPSHOT, TABLES[p]) == v for p, v in pins.items()):
        return report
    counts = all_counts(workspace, pins)
    newest = _newest_day(lake, pins, counts)
    if newest is None:
        _empty(lake, DAILY_INVENTORY_SNAPSHOT, pins, report)
        return report
    held = {day for day, rows in lake.day_rows(DAILY_INVENTORY_SNAPSHOT).items() if day and rows}
    changed = changed_since(workspace, DAILY_INVENTORY_SNAPSHOT, pins, counts) if held else None
    wanted = {day for day in days if day is not None} if days is not None else None
    spans = _spans(lake, pins, counts, changed, held, newest, wanted)
    if spans.is_empty():
        lake.note(DAILY_INVENTORY_SNAPSHOT, inputs)
        return report
    first = spans["first_day"].min()
    if not isinstance(first, date):
        first = newest
    base = opening_month(first)
    opening = checkpoint_at(lake.scan(STOCK_CHECKPOINTS).filter(pl.col("month") == base).collect(), base)
    movements = since_month(movements_since(lake, pins, base), base)
    frame = snapshot(spans, opening, movements, since_month(counts, base), newest)
    beyond = {day for day in held if day > newest} if wanted is None else set()
    _replace_changed(lake, frame, spans, wanted, beyond, inputs if days is None else None, report)
    return report


def _empty(lake: Lake, table: Table, inputs: dict[str, int], report: Report) -> None:
    """Say that there is no stock event any more, or none yet."""
    commit = lake.replace(table, empty(table), Scope(), inputs)
    report.add(table, commit, None)


def _spans(
    lake: Lake,
    pins: dict[str, int],
    counts: pl.DataFrame,
    changed: Changed | None,
    held: set[date],
    newest: date,
    wanted: set[date] | None,
) -> pl.DataFrame:
    """Days of each pair to rebuild: all, those asked for, or those that changed events and new months reach."""
    if changed is None or wanted is not None:
        first = min(wanted) if wanted else _first_day(lake, pins, counts)
        last = max(wanted) if wanted else None
        return _every_pair(lake, pins, counts, first, last)
    spans = affected_spans(changed.movements, changed.counts, counts.join(changed.pairs, on=PAIR, how="semi"))
    if _month(newest) <= _month(max(held)):
        return spans
    # A new month: every pair gets its opening row, so everything from there on is rebuilt for all pairs.
    opening = _every_pair(lake, pins, counts, month_after(_month(max(held))), None)
    return (
        pl.concat([spans, opening])
        .group_by(PAIR)
        .agg(pl.col("first_day").min(), last_day=pl.lit(None, dtype=pl.Date))
        .select(list(SPANS))
        .sort(*PAIR, "first_day")
    )


def _replace_changed(
    lake: Lake,
    frame: pl.DataFrame,
    spans: pl.DataFrame,
    wanted: set[date] | None,
    beyond: set[date],
    inputs: dict[str, int] | None,
    report: Report,
) -> None:
    """Write the days on which rows inside the spans differ from those on disk; other days stay untouched.

    Days beyond the newest event are emptied: it may have been taken back.
    """
    table = DAILY_INVENTORY_SNAPSHOT
    first = spans["first_day"].min()
    stored = lake.scan(table).filter(pl.col("event_date") >= first).collect()
    inside = (
        stored.join(spans, on=PAIR)
        .filter(
            pl.col("event_date") >= pl.col("first_day"),
            pl.col("last_day").is_null() | (pl.col("event_date") <= pl.col("last_day")),
        )
        .select(table.column_names)
    )
    days: set[Day] = set(changed_events(inside, frame)["event_date"].unique().to_list())
    if wanted is not None:
        days |= wanted
    days |= beyond
    if not days:
        lake.note(table, inputs or {})
        return
    named = [day for day in days if day is not None]
    kept = [day for day in named if day not in beyond]
    outside = stored.filter(pl.col("event_date").is_in(kept)).join(inside, on=list(table.key), how="anti")
    rows = pl.concat([outside, frame.filter(pl.col("event_date").is_in(named))])
    commit = lake.replace(table, rows, day_scope(days), inputs)
    report.add(table, commit, days)


def _every_pair(lake: Lake, pins: dict[str, int], counts: pl.DataFrame, first: date, last: date | None) -> pl.DataFrame:
    moved = lake.scan(STOCK_MOVEMENTS, pins.get(STOCK_MOVEMENTS.path)).select(PAIR).unique().collect()
    return (
        pl.concat([moved, counts.select(PAIR)])
        .unique()
        .with_columns(first_day=pl.lit(first), last_day=pl.lit(last, dtype=pl.Date))
        .select(list(SPANS))
        .sort(PAIR)
    )


def _stock_pins(pins: dict[str, int]) -> dict[str, int]:
    """Pins of the events of stock."""
    return {table.path: pins[table.path] for table in STOCK_INPUTS if table.path in pins}


def _month(day: date) -> date:
    return day.replace(day=1)


def _event_days(lake: Lake, pins: dict[str, int], counts: pl.DataFrame) -> list[date]:
    moved = lake.day_rows(STOCK_MOVEMENTS, pins.get(STOCK_MOVEMENTS.path))
    return [*(day for day, rows in moved.items() if day and rows), *counts["event_date"].drop_nulls().unique()]


def _newest_day(lake: Lake, pins: dict[str, int], counts: pl.DataFrame) -> date | None:
    return max(_event_days(lake, pins, counts), default=None)


def _first_day(lake: Lake, pins: dict[str, int], counts: pl.DataFrame) -> date:
    return min(_event_days(lake, pins, counts))


def _first_month(lake: Lake, pins: dict[str, int], counts: pl.DataFrame) -> date:
    return month_before(_month(_first_day(lake, pins, counts)))
