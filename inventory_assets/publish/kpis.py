"""The KPI views: what a planner asks first, in SQL over gold and the balances of silver.

Invariant: rates are null with a reason where their denominator is missing; money stays decimal.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class View:
    """One view.

    Attributes:
        name: name in `main`.
        comment: what a row is, for people.
        columns: meaning of each column, in order; `publish_id` is added.
        sql: the query.
        sample: table and columns of which one row is enough to try the view; it would be computed as a whole without.
    """

    name: str
    comment: str
    columns: dict[str, str] = field(hash=False)
    sql: str
    sample: tuple[str, tuple[str, ...]] | None = None


SALES_BY_DAY = View(
    "kpi_sales_by_day",
    "Sales of all stores on a day. One row: day × currency with a sale.",
    {
        "transaction_date": "Business day.",
        "currency": "ISO 4217 code.",
        "units_sold": "Units sold. (unit: units)",
        "revenue": "Amount of the sales. (unit: currency)",
        "sale_lines": "Sale lines.",
        "items_sold": "Items with a sale.",
        "units_returned": "Units returned on this day, of items that also sold on it. (unit: units)",
        "units_cancelled": "Units of this day's sales that were cancelled later. (unit: units)",
        "revenue_cancelled": "Amount of these. (unit: currency)",
        "units_demanded": "Units sold less those cancelled. (unit: units)",
        "revenue_change_week": "Revenue less that of the same day of the week before. (unit: currency)",
        "null_reason": "Why the change is null.",
    },
    """
    WITH day AS (
        SELECT transaction_date, currency, sum(daily_quantity_sold)::BIGINT AS units_sold,
            sum(daily_revenue) AS revenue, sum(daily_transactions)::BIGINT AS sale_lines, count(*) AS items_sold,
            sum(returned_quantity)::BIGINT AS units_returned, sum(cancelled_quantity)::BIGINT AS units_cancelled,
            sum(cancelled_amount) AS revenue_cancelled, sum(demand_quantity)::BIGINT AS units_demanded
        FROM gold.product_performance GROUP BY ALL
    )
    SELECT d.*, d.revenue - w.revenue AS revenue_change_week,
        CASE WHEN w.revenue IS NULL THEN 'no sale in this currency seven days before' END AS null_reason
    FROM day d LEFT JOIN day w ON w.currency = d.currency AND w.transaction_date = d.transaction_date - 7""",
)
TOP_PRODUCTS = View(
    "kpi_top_products",
    "Items by revenue over all history. One row: item × currency.",
    {
        "revenue_rank": "1 = most revenue in its currency; equal revenue shares a rank.",
        "product_sku": "Item.",
        "product_name": "Name from the item master.",
        "category": "Category from the item master.",
        "currency": "ISO 4217 code.",
        "units_sold": "Units sold. (unit: units)",
        "revenue": "Amount of the sales. (unit: currency)",
        "revenue_share": "Revenue ÷ revenue of all items in the currency; null where that is 0.",
        "days_with_sales": "Days with a sale.",
        "last_sale_date": "Last day with a sale.",
        "null_reason": "Why name and category are null.",
    },
    """
    WITH item AS (
        SELECT product_sku, currency, sum(daily_quantity_sold)::BIGINT AS units_sold, sum(daily_revenue) AS revenue,
            count(*) AS days_with_sales, max(transaction_date) AS last_sale_date
        FROM gold.product_performance GROUP BY ALL
    )
    SELECT rank() OVER (PARTITION BY i.currency ORDER BY i.revenue DESC) AS revenue_rank, i.product_sku,
        m.product_name, m.category, i.currency, i.units_sold, i.revenue,
        i.revenue::DOUBLE / nullif(sum(i.revenue) OVER (PARTITION BY i.currency), 0)::DOUBLE AS revenue_share,
        i.days_with_sales, i.last_sale_date,
        CASE WHEN m.product_sku IS NULL THEN 'item is absent from the item master'
            WHEN m.category IS NULL THEN 'item master gives no category' END AS null_reason
    FROM item i LEFT JOIN silver.products m USING (product_sku)""",
)
STOCK_UNKNOWN = View(
    "kpi_stock_unknown",
    "How much of the stock is known, and how. One row: location.",
    {
        "location_id": "Location.",
        "items": "Items with any movement, count or opening here.",
        "items_unknown": "Items whose stock is unknown: no opening or count yet.",
        "items_counted": "Items known by a count.",
        "items_opening": "Items known by an opening balance.",
        "items_assumed": "Items whose opening is assumed by the settings.",
        "unknown_share": "Items unknown ÷ items.",
        "oldest_count_at": "Oldest last count among counted items.",
        "units_quarantined": "Units of this location held in quarantine. (unit: units)",
    },
    """
    SELECT location_id, count(*) AS items, count(*) FILTER (stock_basis = 'unknown') AS items_unknown,
        count(*) FILTER (stock_basis = 'counted') AS items_counted,
        count(*) FILTER (stock_basis = 'opening') AS items_opening,
        count(*) FILTER (stock_basis = 'assumed') AS items_assumed,
        count(*) FILTER (stock_basis = 'unknown') / count(*)::DOUBLE AS unknown_share,
        min(last_count_at) AS oldest_count_at, sum(quarantined_quantity)::BIGINT AS units_quarantined
    FROM gold.inventory_position GROUP BY location_id""",
)
STOCKOUT = View(
    "kpi_stockout",
    "Items out of stock now. One row: location.",
    {
        "location_id": "Location.",
        "items_known": "Items whose stock is known.",
        "items_out_of_stock": "Known items with nothing on hand.",
        "items_with_shortfall": "Known items whose book is negative: errors of the record.",
        "units_short": "Sum of these shortfalls. (unit: units)",
        "stockout_rate": "Items out of stock ÷ items known.",
        "null_reason": "Why the rate is null.",
    },
    """
    SELECT location_id, count(on_hand) AS items_known, count(*) FILTER (on_hand = 0) AS items_out_of_stock,
        count(*) FILTER (shortfall > 0) AS items_with_shortfall, sum(shortfall)::BIGINT AS units_short,
        count(*) FILTER (on_hand = 0) / nullif(count(on_hand), 0)::DOUBLE AS stockout_rate,
        CASE WHEN count(on_hand) = 0 THEN 'no item of this location has an opening or a count' END AS null_reason
    FROM gold.inventory_position GROUP BY location_id""",
)
RETURN_RATE = View(
    "kpi_return_rate",
    "Goods that came back in a month, over the store days with a sale. One row: store × month × currency.",
    {
        "store_id": "Store or sales channel.",
        "month": "First day of the month.",
        "currency": "ISO 4217 code.",
        "units_sold": "Units sold. (unit: units)",
        "units_returned": "Units returned, other than cancellations. (unit: units)",
        "units_cancelled": "Units of sales cancelled within 24 hours. (unit: units)",
        "amount_returned": "Amount of the returns. (unit: currency)",
        "return_rate": "Units returned ÷ units sold.",
        "cancellation_rate": "Units cancelled ÷ units sold.",
        "null_reason": "Why the rates are null.",
    },
    """
    WITH month AS (
        SELECT store_id, date_trunc('month', transaction_date)::DATE AS month, currency,
            sum(daily_quantity_sold)::BIGINT AS units_sold, sum(returned_quantity)::BIGINT AS units_returned,
            sum(cancelled_quantity)::BIGINT AS units_cancelled, sum(returned_amount) AS amount_returned
        FROM gold.store_performance GROUP BY ALL
    )
    SELECT *, units_returned / nullif(units_sold, 0)::DOUBLE AS return_rate,
        units_cancelled / nullif(units_sold, 0)::DOUBLE AS cancellation_rate,
        CASE WHEN units_sold = 0 THEN 'nothing sold in this month' END AS null_reason
    FROM month""",
)
SUPPLIER_ON_TIME = View(
    "kpi_supplier_on_time",
    "How reliably suppliers deliver, over all history. One row: source × supplier.",
    {
        "source_system": "System that produced the orders.",
        "supplier_id": "Supplier.",
        "supplier_name": "Name from the supplier master; null where it is absent there.",
        "order_lines": "Order lines.",
        "received_lines": "Lines that arrived.",
        "on_time_rate": "Lines on or before the promised day ÷ lines that arrived and had one.",
        "fill_rate": "Units received ÷ units ordered on lines that arrived.",
        "lead_time_mean_days": "Mean lead time. (unit: days)",
        "lead_time_std_days": "Sample standard deviation of the lead time. (unit: days)",
        "agreed_lead_time_days": "Lead time agreed in the supplier master. (unit: days)",
        "last_received_at": "Last receipt.",
        "null_reason": "Why the rates are null.",
    },
    """
    SELECT p.source_system, p.supplier_id, m.supplier_name, p.order_lines, p.received_lines, p.on_time_rate,
        p.fill_rate, p.lead_time_mean_days, p.lead_time_std_days, m.lead_time_days AS agreed_lead_time_days,
        p.last_received_at,
        CASE WHEN p.received_lines = 0 THEN 'no order line has arrived'
            WHEN p.promised_lines = 0 THEN 'no line that arrived had a promised day' END AS null_reason
    FROM gold.supplier_performance p LEFT JOIN silver.suppliers m USING (supplier_id)""",
)
OPEN_ORDERS = View(
    "kpi_open_orders",
    "What suppliers are still to deliver. One row: source × supplier × currency with an open order line.",
    {
        "source_system": "System that produced the orders.",
        "supplier_id": "Supplier.",
        "supplier_name": "Name from the supplier master; null where it is absent there.",
        "currency": "ISO 4217 code.",
        "open_lines": "Order lines of which something is still to come.",
        "counted_lines": "Those of them that count as on order.",
        "units_on_order": "Open units of these. (unit: units)",
        "units_shipped": "Those of them the supplier has shipped. (unit: units)",
        "value_on_order": "Open units × unit cost of the counted lines. (unit: currency; confidential)",
        "overdue_lines": "Open lines whose expected day has passed.",
        "stopped_lines": "Overdue lines that count no more.",
        "stopped_units": "Open units of these. (unit: units)",
        "most_overdue_days": "Days since the earliest expected day of an open line. (unit: days)",
        "next_expected_at": "When the next counted line is expected; one that is overdue lies in the past.",
        "null_reason": "Why the value is null.",
    },
    """
    WITH line AS (
        SELECT *, counts_as = 'on_order' AS counts, reason IS NOT DISTINCT FROM 'overdue' AS stopped
        FROM gold.open_supplier_orders
    )
    SELECT l.source_system, l.supplier_id, any_value(m.supplier_name) AS supplier_name, l.currency,
        count(*) AS open_lines, count(*) FILTER (counts) AS counted_lines,
        coalesce(sum(open_quantity) FILTER (counts), 0)::BIGINT AS units_on_order,
        coalesce(sum(open_quantity) FILTER (counts AND state = 'shipped'), 0)::BIGINT AS units_shipped,
        CASE WHEN count(*) FILTER (counts AND unit_cost IS NULL) = 0
            THEN coalesce(sum(open_quantity * unit_cost) FILTER (counts), 0) END AS value_on_order,
        count(*) FILTER (overdue_days > 0) AS overdue_lines, count(*) FILTER (stopped) AS stopped_lines,
        coalesce(sum(open_quantity) FILTER (stopped), 0)::BIGINT AS stopped_units,
        max(overdue_days) AS most_overdue_days, min(expected_at) FILTER (counts) AS next_expected_at,
        CASE WHEN count(*) FILTER (counts AND unit_cost IS NULL) > 0 THEN 'a counted line gives no unit cost' END
            AS null_reason
    FROM line l LEFT JOIN silver.suppliers m USING (supplier_id)
    GROUP BY l.source_system, l.supplier_id, l.currency""",
)
OVERDUE_ORDERS = View(
    "overdue_orders",
    "Open order lines whose expected day has passed, the longest overdue first. Those overdue by more than the setting "
    "`orders.stop_counting_after_days` count as on order no more (reason overdue). One row: open order line.",
    {
        "source_system": "System that produced the order.",
        "supplier_id": "Supplier.",
        "order_id": "Order.",
        "line_number": "Line of the order.",
        "product_sku": "Item.",
        "location_id": "Where the goods go.",
        "state": "Current state.",
        "open_quantity": "Units still to come; null where that is unknown. (unit: units)",
        "ordered_at": "When the order was sent.",
        "expected_at": "When the goods were expected.",
        "expected_from": "Where that comes from: promised or lead_time.",
        "overdue_days": "UTC days since the expected day. (unit: days)",
        "counts_as": "What the open units add to in the inventory position.",
        "reason": "Why they add to nothing; null where they count.",
        "updated_at": "Last report of the line.",
    },
    """
    SELECT source_system, supplier_id, order_id, line_number, product_sku, location_id, state, open_quantity,
        ordered_at, expected_at, expected_from, overdue_days, counts_as, reason, updated_at
    FROM gold.open_supplier_orders WHERE overdue_days > 0 ORDER BY overdue_days DESC, order_id, line_number""",
)
DATA_QUALITY = View(
    "kpi_data_quality",
    "Where the rows of each feed went. One row: feed × source.",
    {
        "feed": "Feed.",
        "source_system": "System that produced the rows.",
        "rows_in": "Rows of its files.",
        "rows_used": "Rows that stand in a silver table.",
        "rows_quarantined": "Rows refused, each with a reason.",
        "rows_repeated": "Exact repeats of a row that is used.",
        "rows_unexplained": "Rows in less all the others; anything but 0 is an error of the platform.",
        "accepted_share": "Rows used ÷ (rows in − rows repeated).",
        "main_reason": "Reason of most refused rows.",
        "main_reason_rows": "Rows refused for it.",
        "units_quarantined": "Units on refused rows; null where no such row gives a quantity. (unit: units)",
        "null_reason": "Why the share is null.",
    },
    """
    WITH balance AS (
        SELECT feed, source_system, coalesce(sum(rows) FILTER (outcome = 'bronze'), 0)::BIGINT AS rows_in,
            coalesce(sum(rows) FILTER (outcome NOT IN ('bronze', 'quarantine', 'exact_repeat')), 0)::BIGINT
                AS rows_used,
            coalesce(sum(rows) FILTER (outcome = 'quarantine'), 0)::BIGINT AS rows_quarantined,
            coalesce(sum(rows) FILTER (outcome = 'exact_repeat'), 0)::BIGINT AS rows_repeated
        FROM silver.day_balance GROUP BY ALL
    ), reasons AS (
        SELECT feed, source_system, reason, sum(rows)::BIGINT AS rows, sum(held_units)::BIGINT AS held_units
        FROM silver.quarantine_summary GROUP BY ALL
    ), worst AS (
        SELECT feed, source_system, reason AS main_reason, rows AS main_reason_rows,
            sum(held_units) OVER (PARTITION BY feed, source_system)::BIGINT AS units_quarantined
        FROM reasons
        QUALIFY row_number() OVER (PARTITION BY feed, source_system ORDER BY rows DESC, reason) = 1
    )
    SELECT b.feed, b.source_system, b.rows_in, b.rows_used, b.rows_quarantined, b.rows_repeated,
        b.rows_in - b.rows_used - b.rows_quarantined - b.rows_repeated AS rows_unexplained,
        b.rows_used / nullif(b.rows_in - b.rows_repeated, 0)::DOUBLE AS accepted_share,
        w.main_reason, w.main_reason_rows, w.units_quarantined,
        CASE WHEN b.rows_in = b.rows_repeated THEN 'no row that is not a repeat' END AS null_reason
    FROM balance b LEFT JOIN worst w USING (feed, source_system)""",
)

KPIS: tuple[View, ...] = (
    SALES_BY_DAY,
    TOP_PRODUCTS,
    STOCK_UNKNOWN,
    STOCKOUT,
    RETURN_RATE,
    SUPPLIER_ON_TIME,
    OPEN_ORDERS,
    OVERDUE_ORDERS,
    DATA_QUALITY,
)
"""Every KPI view."""
