"""Ten questions analysts ask, as SQL that runs on every published file; the documentation shows the same ones.

Invariant: each answers with its publish id, so that figures from two answers can be told apart.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Example:
    """One question and its answer.

    Attributes:
        name: short name, for the command line.
        question: in words.
        sql: runs on any published file.
    """

    name: str
    question: str
    sql: str


EXAMPLES: tuple[Example, ...] = (
    Example(
        "freshness",
        "How fresh is each table, and what is missing from it?",
        "SELECT table_name, row_count, newest_event_at, freshness_seconds, quarantined_rows, quarantined_units, "
        "lake_version, publish_id\nFROM data_as_of ORDER BY freshness_seconds DESC NULLS LAST, table_name",
    ),
    Example(
        "top-products",
        "Which ten items bring the most revenue in each currency?",
        "SELECT currency, revenue_rank, product_sku, product_name, units_sold, revenue, revenue_share, publish_id\n"
        "FROM kpi_top_products WHERE revenue_rank <= 10 ORDER BY currency, revenue_rank, product_sku",
    ),
    Example(
        "sales-by-month",
        "How do revenue and units develop by month?",
        "SELECT date_trunc('month', transaction_date)::DATE AS month, currency, sum(units_sold) AS units, "
        "sum(revenue) AS revenue, publish_id\nFROM kpi_sales_by_day GROUP BY ALL ORDER BY month, currency",
    ),
    Example(
        "weekdays",
        "On which days of the week does each store sell most?",
        "SELECT store_id, isodow(transaction_date) AS day_of_week, avg(daily_quantity_sold) AS units_a_day, "
        "publish_id\nFROM store_performance GROUP BY ALL ORDER BY store_id, day_of_week",
    ),
    Example(
        "stockouts",
        "Where are items out of stock, and where does nobody know?",
        "SELECT s.location_id, s.items_known, s.items_out_of_stock, s.stockout_rate, s.null_reason, "
        "u.items_unknown, u.unknown_share, s.publish_id\nFROM kpi_stockout s JOIN kpi_stock_unknown u "
        "USING (location_id) ORDER BY s.stockout_rate DESC NULLS LAST, s.location_id",
    ),
    Example(
        "below-reorder-point",
        "Which items are at or below their reorder point, as far as the stock is known?",
        "SELECT p.location_id, p.product_sku, m.product_name, p.on_hand, m.reorder_point, p.stock_basis, "
        "p.publish_id\nFROM inventory_position p JOIN products m USING (product_sku)\n"
        "WHERE p.on_hand <= m.reorder_point ORDER BY p.on_hand - m.reorder_point, p.location_id, p.product_sku",
    ),
    Example(
        "stock-history",
        "What stock did each location hold at the end of each month?",
        "SELECT location_id, event_date, sum(closing_on_hand) AS units_on_hand, "
        "count(*) FILTER (closing_book IS NULL) AS items_unknown, publish_id\nFROM daily_inventory "
        "WHERE event_date = last_day(event_date) GROUP BY ALL ORDER BY location_id, event_date",
    ),
    Example(
        "returns",
        "Which items come back most often?",
        "SELECT product_sku, currency, sum(daily_quantity_sold) AS units_sold, sum(returned_quantity) AS units_back, "
        "units_back / nullif(units_sold, 0) AS return_rate, publish_id\nFROM product_performance GROUP BY ALL "
        "HAVING units_back > 0 ORDER BY return_rate DESC NULLS LAST, product_sku, currency",
    ),
    Example(
        "suppliers",
        "Which suppliers deliver late or short?",
        "SELECT supplier_id, supplier_name, received_lines, on_time_rate, fill_rate, lead_time_mean_days, "
        "agreed_lead_time_days, null_reason, publish_id\nFROM kpi_supplier_on_time "
        "ORDER BY on_time_rate NULLS LAST, supplier_id",
    ),
    Example(
        "data-quality",
        "How many rows of each source are used, refused, repeated?",
        "SELECT feed, source_system, rows_in, rows_used, rows_quarantined, rows_repeated, rows_unexplained, "
        "accepted_share, main_reason, publish_id\nFROM kpi_data_quality ORDER BY accepted_share NULLS LAST, feed, "
        "source_system",
    ),
)
"""Every example."""
