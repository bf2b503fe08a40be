"""The events stock is folded from, as the lake holds them, and which of them changed since a table was built."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from inventory_assets.contracts.log_tables import STOCK_STATEMENTS
from inventory_assets.contracts.model import Table
from inventory_assets.contracts.schemas import empty
from inventory_assets.contracts.silver import (
    LOCATIONS,
    STOCK_COUNTS,
    STOCK_MOVEMENTS,
    STOCK_OPENINGS,
    WAREHOUSE_UPDATES,
)
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.pipeline.workspace import VERSION_GONE, Workspace
from inventory_assets.stock.checkpoints import month_of
from inventory_assets.stock.counts import COUNTS, PAIR, assumed_openings, authoritative_levels, believed, counts_of
from inventory_assets.stock.snapshot import changed_events

STOCK_INPUTS = (STOCK_MOVEMENTS, STOCK_COUNTS, STOCK_OPENINGS, STOCK_STATEMENTS, WAREHOUSE_UPDATES, LOCATIONS)


@dataclass(frozen=True, slots=True)
class Changed:
    """Events that came, went or changed.

    Attributes:
        movements: rows of `silver/stock_movements`.
        counts: rows of `counts.COUNTS`.
    """

    movements: pl.DataFrame
    counts: pl.DataFrame

    @property
    def pairs(self) -> pl.DataFrame:
        """Item × location of these events."""
        return pl.concat([self.movements.select(PAIR), self.counts.select(PAIR)]).unique()

    @property
    def first_month(self) -> date | None:
        """UTC month of the earliest among them; its business day may lie in another month."""
        first = pl.concat([self.movements["event_time"], self.counts["event_time"]]).min()
        return month_of(first) if isinstance(first, datetime) else None


def movements_since(lake: Lake, pins: dict[str, int], first_day: date | None = None) -> pl.DataFrame:
    """Movements from a business day on, None for all."""
    rows = lake.scan(STOCK_MOVEMENTS, pins.get(STOCK_MOVEMENTS.path))
    return (rows if first_day is None else rows.filter(pl.col("event_date") >= first_day)).collect()


def assumes(workspace: Workspace) -> bool:
    """Whether any source profile assumes opening balances."""
    return any(workspace.profiles[name].assume.opening_quantity is not None for name in workspace.profiles)


def all_counts(workspace: Workspace, pins: dict[str, int]) -> pl.DataFrame:
    """Every statement of stock: counts, openings, levels of locations that a WMS rules, assumptions of the profiles."""
    lake = workspace.lake

    def read(table: Table) -> pl.LazyFrame:
        return lake.scan(table, pins[table.path]) if table.path in pins else empty(table).lazy()

    locations = read(LOCATIONS).collect()
    statements = [
        counts_of(read(STOCK_COUNTS).collect(), read(STOCK_OPENINGS).collect()),
        believed(read(STOCK_STATEMENTS).collect(), locations),
    ]
    ruled = locations.filter(pl.col("stock_authority") == "wms")["location_id"].unique()
    if ruled.len():
        levels = read(WAREHOUSE_UPDATES).filter(
            pl.col("record_type") == "level", pl.col("location_id").is_in(ruled.implode())
        )
        statements.append(authoritative_levels(levels.collect(), locations))
    if assumes(workspace):
        pairs = read(STOCK_MOVEMENTS).select("source_system", *PAIR).unique().collect()
        statements.append(assumed_openings(pairs, workspace.profiles))
    return pl.concat([frame.select(list(COUNTS)) for frame in statements])


def changed_since(workspace: Workspace, output: Table, pins: dict[str, int], counts: pl.DataFrame) -> Changed | None:
    """Events that differ between the versions a table was built from and the pinned ones.

    Args:
        workspace: stores and profiles.
        output: the table.
        pins: pinned versions of `STOCK_INPUTS`.
        counts: `all_counts` at the pins.

    Returns:
        The events, None where the old versions cannot be read any more or the table was never built.
    """
    lake = workspace.lake
    before = {table.path: lake.consumed(output, table) for table in STOCK_INPUTS}
    after = before[STOCK_MOVEMENTS.path]
    if all(version is None for version in before.values()):
        return None
    known = {path: version for path, version in before.items() if version is not None}
    moved = {STOCK_MOVEMENTS.path} if not assumes(workspace) else set()  # assumptions hang on movements
    recounted = any(pins.get(path) != version for path, version in before.items() if path not in moved)
    try:
        old_counts = all_counts(workspace, known) if recounted else counts
        days = (
            lake.changed_days(STOCK_MOVEMENTS, after, pins[STOCK_MOVEMENTS.path])
            if STOCK_MOVEMENTS.path in pins
            else set()
        )
        new = lake.scan(STOCK_MOVEMENTS, pins.get(STOCK_MOVEMENTS.path), days).collect()
        old = lake.scan(STOCK_MOVEMENTS, after, days).collect() if after is not None else new.clear()
    except VERSION_GONE:
        return None
    return Changed(changed_events(old, new), changed_events(old_counts, counts) if recounted else counts.clear())
