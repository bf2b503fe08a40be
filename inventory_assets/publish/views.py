"""Views of the DuckDB file: every table with its publish id, the dense stock history, and the KPIs.

Tables are written by `build`. Invariant: views are a function of this module alone, refer to tables by schema and name
(so that the file may be attached under any name), each ends with `publish_id`, and each view and column has a comment.
A KPI whose input is missing is null and says why; it is never 0.
"""

# ruff: noqa: S608 - names in SQL come from the declared tables, values are bound

from __future__ import annotations

from typing import TYPE_CHECKING

from inventory_assets.publish.kpis import KPIS, View
from inventory_assets.publish.tables import PUBLISHED
from inventory_assets.publish.words import PUBLISH_ID, column_comment, literal, qualified, quoted, table_comment

if TYPE_CHECKING:
    import duckdb

DAILY_INVENTORY = View(
    "daily_inventory",
    "Closing stock of each item and location on every day from its first known row to the newest day of the data: "
    "gold.daily_inventory_snapshot with the days between filled. One row: item × location × day.",
    {
        "product_sku": "Item.",
        "location_id": "Location.",
        "event_date": "Business day of the location.",
        "opening_book": "Book at the start of the day; null while unknown. (unit: units)",
        "sold": "Units sold or given away; 0 on filled days. (unit: units)",
        "returned": "Units that came back; 0 on filled days. (unit: units)",
        "received": "Units received from suppliers; 0 on filled days. (unit: units)",
        "transferred": "Signed units of transfers; 0 on filled days. (unit: units)",
        "adjusted": "Signed units of adjustments and issues; 0 on filled days. (unit: units)",
        "count_variance": "Counted less expected; 0 on filled days with known stock, null while unknown. (unit: units)",
        "closing_book": "Book at the end of the day; null while unknown. (unit: units)",
        "closing_on_hand": "max(0, closing_book); null while unknown. (unit: units)",
        "closing_unavailable": "Unavailable part at the end of the day. (unit: units)",
        "stock_basis": "How the stock is known at the end of the day.",
        "null_reason": "Why the stock is null.",
        "is_filled": "The day had no row of its own: nothing changed on it.",
    },
    """
    WITH pairs AS (
        SELECT product_sku, location_id, min(event_date) AS first_day
        FROM gold.daily_inventory_snapshot GROUP BY ALL
    ), days AS (
        SELECT unnest(generate_series(min(event_date), max(event_date), INTERVAL 1 DAY))::DATE AS event_date
        FROM gold.daily_inventory_snapshot
    ), dense AS (
        SELECT p.product_sku, p.location_id, d.event_date
        FROM pairs p JOIN days d ON d.event_date >= p.first_day
    ), filled AS (
        SELECT d.product_sku, d.location_id, d.event_date, d.event_date > s.event_date AS is_filled, s.* EXCLUDE
            (product_sku, location_id, event_date)
        FROM dense d ASOF JOIN gold.daily_inventory_snapshot s
            ON d.product_sku = s.product_sku AND d.location_id = s.location_id AND d.event_date >= s.event_date
    )
    SELECT product_sku, location_id, event_date,
        CASE WHEN is_filled THEN closing_book ELSE opening_book END AS opening_book,
        CASE WHEN is_filled THEN 0 ELSE sold END AS sold,
        CASE WHEN is_filled THEN 0 ELSE returned END AS returned,
        CASE WHEN is_filled THEN 0 ELSE received END AS received,
        CASE WHEN is_filled THEN 0 ELSE transferred END AS transferred,
        CASE WHEN is_filled THEN 0 ELSE adjusted END AS adjusted,
        CASE WHEN NOT is_filled THEN count_variance WHEN closing_book IS NOT NULL THEN 0 END AS count_variance,
        closing_book, CASE WHEN closing_book IS NOT NULL THEN greatest(closing_book, 0) END AS closing_on_hand,
        closing_unavailable, stock_basis,
        CASE WHEN closing_book IS NULL THEN 'stock unknown: no opening or count up to this day' END AS null_reason,
        is_filled
    FROM filled""",
    ("gold.daily_inventory_snapshot", ("product_sku", "location_id")),
)


def table_views() -> tuple[View, ...]:
    """A view in `main` for every published table, under its name."""
    return tuple(
        View(
            table.name,
            table_comment(table),
            {column.name: column_comment(column) for column in table.columns},
            f"SELECT {', '.join(quoted(name) for name in table.column_names)} FROM {qualified(table)}",
        )
        for table in PUBLISHED
    )


def all_views() -> tuple[View, ...]:
    """Every view of the file, in the order they are made."""
    return (*table_views(), DAILY_INVENTORY, *KPIS)


def write_views(connection: duckdb.DuckDBPyConnection) -> None:
    """Make every view anew, with comments, each with the publish id as last column.

    Args:
        connection: open on the file, tables and `main.publication` written.
    """
    for view in all_views():
        name = f"main.{quoted(view.name)}"
        connection.execute(
            f"CREATE OR REPLACE VIEW {name} AS SELECT v.*, p.publish_id FROM ({view.sql}) v "
            "CROSS JOIN main.publication p"
        )
        connection.execute(f"COMMENT ON VIEW {name} IS {literal(view.comment)}")
        for column, meaning in {**view.columns, "publish_id": PUBLISH_ID}.items():
            connection.execute(f"COMMENT ON COLUMN {name}.{quoted(column)} IS {literal(meaning)}")
