"""`data_as_of`: how fresh each table of the file is, from which lake version, and what is missing from it.

Everything is computed from the file itself, except the lake versions and the sources' time zones. Invariant: one row a
published table, null where a table cannot say.
"""

# ruff: noqa: S608 - names in SQL come from the declared tables, values are bound

from __future__ import annotations

from typing import TYPE_CHECKING

from inventory_assets.contracts import gold
from inventory_assets.contracts.analytics import (
    CUSTOMER_BEHAVIOR_FEATURES,
    DEMAND_FORECASTING_FEATURES,
    INVENTORY_OPTIMIZATION_FEATURES,
)
from inventory_assets.contracts.feeds import FEEDS
from inventory_assets.contracts.tables import TABLES
from inventory_assets.publish.tables import PUBLISHED, QUARANTINE_SUMMARY, SOURCES, day_column
from inventory_assets.publish.words import literal, qualified, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    import duckdb

    from inventory_assets.contracts.model import Table

_SALES = (gold.DAILY_INVENTORY_SUMMARY, ("last_transaction_time",))
_STOCK = (gold.INVENTORY_POSITION, ("last_movement_at", "last_count_at"))
NEWEST_EVENT: dict[str, tuple[Table, tuple[str, ...]]] = {
    gold.DAILY_INVENTORY_SUMMARY.path: _SALES,
    gold.PRODUCT_PERFORMANCE.path: _SALES,
    gold.STORE_PERFORMANCE.path: _SALES,
    DEMAND_FORECASTING_FEATURES.path: _SALES,
    INVENTORY_OPTIMIZATION_FEATURES.path: _SALES,
    gold.SUPPLIER_PERFORMANCE.path: (gold.SUPPLIER_PERFORMANCE, ("first_ordered_at", "last_received_at")),
    gold.OPEN_SUPPLIER_ORDERS.path: (gold.OPEN_SUPPLIER_ORDERS, ("updated_at",)),
    gold.INVENTORY_POSITION.path: _STOCK,
    gold.DAILY_INVENTORY_SNAPSHOT.path: _STOCK,
    gold.STOCK_CHECKPOINTS.path: (gold.STOCK_CHECKPOINTS, ("last_movement_at", "last_count_at")),
    CUSTOMER_BEHAVIOR_FEATURES.path: (CUSTOMER_BEHAVIOR_FEATURES, ("last_purchase_at",)),
}
"""Columns whose largest value is the newest event in a table; tables of days borrow from the one with instants."""

COLUMNS: dict[str, tuple[str, str]] = {
    "publish_id": ("VARCHAR", "Publication; one id in every table and view of a file."),
    "published_at": ("TIMESTAMPTZ", "When the file was built."),
    "table_name": ("VARCHAR", "Table of the file, with its schema."),
    "lake_table": ("VARCHAR", "Delta table it was read from."),
    "lake_version": ("BIGINT", "Version of that table: the position the rows stand for; null where there was none."),
    "row_count": ("BIGINT", "Rows in the file."),
    "newest_event_at": ("TIMESTAMPTZ", "Newest event in the table; null where it keeps no times."),
    "newest_day": ("DATE", "Newest business day in the table; null where it keeps no days."),
    "freshness_seconds": ("BIGINT", "Seconds from the newest event to the publication; null where it is unknown."),
    "quarantined_rows": ("BIGINT", "Refused rows of the feeds behind the table: they are missing from it."),
    "quarantined_units": ("BIGINT", "Units on these rows; null where no such row gives a quantity."),
    "currencies": ("VARCHAR[]", "Currencies in the table; null where it holds no money."),
    "time_zones": ("VARCHAR[]", "Zones that give business days: of the location master and the sources."),
}
"""Type and meaning of each column."""
COMMENT = "Freshness, position and gaps of every table of this file. One row: a table. Key: table_name."


def feeds_behind(table: Table) -> frozenset[str]:
    """Names of the feeds whose rows a table is computed from, through all layers."""
    by_bronze = {f"bronze/{feed.bronze}": name for name, feed in FEEDS.items()}
    feeds, seen, waiting = set(), set(), [SOURCES.get(table.path, table.path)]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        if path in by_bronze:
            feeds.add(by_bronze[path])
        elif path in TABLES:
            waiting.extend(TABLES[path].upstream)
    return frozenset(feeds)


def write_data_as_of(
    connection: duckdb.DuckDBPyConnection, versions: Mapping[str, int | None], time_zones: Iterable[str]
) -> None:
    """Write `main.data_as_of` from the tables of the file.

    Args:
        connection: open on the file, tables and `main.publication` written.
        versions: lake version by path of the lake table.
        time_zones: zones of the sources.
    """
    columns = ", ".join(f"{name} {kind}" for name, (kind, _) in COLUMNS.items())
    connection.execute(f"CREATE OR REPLACE TABLE main.data_as_of ({columns})")
    refused = _refused_by_feed(connection)
    zones = sorted({*time_zones, *_location_zones(connection)})
    rows = []
    for table in PUBLISHED:
        count, newest_event, newest_day, currencies = _facts(connection, table)
        behind = [refused[feed] for feed in sorted(feeds_behind(table)) if feed in refused]
        held = [units for _, units in behind if units is not None]
        source = SOURCES[table.path]
        rows.append(
            (
                f"{table.layer}.{table.name}", source, versions.get(source), count, newest_event, newest_day,
                newest_event, sum(number for number, _ in behind), sum(held) if held else None, currencies, zones,
            )
        )  # fmt: skip
    connection.executemany(
        "INSERT INTO main.data_as_of SELECT publish_id, published_at, ?, ?, ?, ?, make_timestamptz(?), ?, "
        "date_diff('second', make_timestamptz(?), published_at), ?, ?, ?, ? FROM main.publication",
        rows,
    )
    connection.execute(f"COMMENT ON TABLE main.data_as_of IS {literal(COMMENT)}")
    for name, (_, meaning) in COLUMNS.items():
        connection.execute(f"COMMENT ON COLUMN main.data_as_of.{name} IS {literal(meaning)}")


def _refused_by_feed(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[int, int | None]]:
    """Quarantined rows and units by feed."""
    found = connection.execute(
        f"SELECT feed, sum(rows)::BIGINT, sum(held_units)::BIGINT FROM {qualified(QUARANTINE_SUMMARY)} GROUP BY feed"
    )
    return {feed: (rows, units) for feed, rows, units in found.fetchall()}


def _location_zones(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Zones of the location master."""
    found = connection.execute("SELECT DISTINCT time_zone FROM silver.locations WHERE time_zone IS NOT NULL")
    return [zone for (zone,) in found.fetchall()]


def _facts(
    connection: duckdb.DuckDBPyConnection, table: Table
) -> tuple[int, int | None, date | None, list[str] | None]:
    """Rows, microsecond of the newest event, newest day and currencies of a table; None for what it does not keep."""
    day = day_column(table)
    newest_day = f"max({quoted(day)})" if day else "NULL::DATE"
    newest = "NULL::TIMESTAMPTZ"
    if table.path in NEWEST_EVENT:
        source, names = NEWEST_EVENT[table.path]
        latest = ", ".join(f"max({quoted(name)})" for name in names)
        newest = f"(SELECT greatest({latest}) FROM {qualified(source)})"
    has_money = "currency" in table.column_names
    currencies = "list(DISTINCT currency) FILTER (currency IS NOT NULL)" if has_money else "NULL::VARCHAR[]"
    rows, event, last_day, found = connection.execute(
        f"SELECT count(*), epoch_us({newest}), {newest_day}, {currencies} FROM {qualified(table)}"
    ).fetchall()[0]
    return rows, event, last_day, sorted(found or ()) if has_money else None
