"""Analytics: features for forecasting, replenishment and customer analysis."""

from __future__ import annotations

from inventory_assets.contracts.gold import PROCESSED
from inventory_assets.contracts.model import Column, Reach, Table, count, day, flag, instant, money, ratio, text, units

ROLLING_DAYS = 90

DEMAND_FORECASTING_FEATURES = Table(
    "analytics",
    "demand_forecasting_features",
    "Calendar, lags and rolling figures of each store, item and day with a sale. Lags and windows run over calendar "
    "days; a day without a sale counts as 0.",
    "store × item × day × currency with a sale",
    ("store_id", "product_sku", "transaction_date", "currency"),
    (
        text("store_id", "Store or sales channel."),
        text("product_sku", "Item."),
        day("transaction_date", "Business day."),
        text("currency", "ISO 4217 code."),
        units("total_quantity_sold", "Units sold.", minimum=0),
        money("total_revenue", "Amount of the sales.", minimum=0),
        units("demand_quantity", "Units sold less those cancelled.", minimum=0),
        Column("day_of_week", "Int8", "ISO day of the week, 1 = Monday.", minimum=1, maximum=7),
        flag("is_weekend", "Saturday or Sunday."),
        flag("is_month_end", "Day 28 or later."),
        flag("is_quarter_end", "Day 28 or later of March, June, September, December."),
        Column("month", "Int8", "Month of the year.", minimum=1, maximum=12),
        flag("is_holiday", "The day is in the store's holiday calendar."),
        units("quantity_sold_lag_1", "Units sold 1 day before; null before the data begins.", nullable=True),
        units("quantity_sold_lag_7", "Units sold 7 days before; null before the data begins.", nullable=True),
        units("quantity_sold_lag_14", "Units sold 14 days before; null before the data begins.", nullable=True),
        ratio(
            "rolling_mean_30",
            "Mean units a day over this day and the 29 before, from the first day of data on.",
            unit="units/day",
        ),
        ratio(
            "rolling_std_30",
            "Sample standard deviation over the same days; null below two.",
            unit="units/day",
            nullable=True,
        ),
        ratio(
            "rolling_mean_90",
            "Mean units a day over this day and the 89 before, from the first day of data on.",
            unit="units/day",
        ),
        ratio(
            "rolling_std_90",
            "Sample standard deviation over the same days; null below two.",
            unit="units/day",
            nullable=True,
        ),
        count("days_with_sales_30", "Days with a sale among the 30."),
        count("days_with_sales_90", "Days with a sale among the 90."),
        flag(
            "revenue_trend",
            "Revenue above yesterday's units at today's mean price; null before the data begins.",
            nullable=True,
        ),
        day("event_date", "Business day, the partition."),
        PROCESSED,
    ),
    partition_by=("event_date",),
    reach=Reach(
        0,
        ROLLING_DAYS - 1,
        "the day and the 89 days after it; where the first day of data moves, also the 88 days after the old one",
    ),
    upstream=("gold/daily_inventory_summary",),
)
INVENTORY_OPTIMIZATION_FEATURES = Table(
    "analytics",
    "inventory_optimization_features",
    "Demand of each store and item over the last 90 days of data, as safety stock and reorder rules need it.",
    "store × item × currency",
    ("store_id", "product_sku", "currency"),
    (
        text("store_id", "Store or sales channel."),
        text("product_sku", "Item."),
        text("currency", "ISO 4217 code."),
        day("window_end", "Last day of the window: the last day with a sale of any item."),
        ratio("avg_daily_sales", "Mean demand a day, days without a sale as 0.", unit="units/day"),
        ratio(
            "sales_volatility",
            "Sample standard deviation of daily demand; null in a window of one day.",
            unit="units/day",
            nullable=True,
        ),
        count("days_with_sales", "Days with demand."),
        ratio(
            "average_demand_interval",
            "Days of the window ÷ days with demand; null without demand.",
            unit="days",
            nullable=True,
        ),
        ratio(
            "squared_coefficient_of_variation",
            "Squared CV of the demand on days with demand; null below two.",
            nullable=True,
        ),
        money("revenue", "Revenue in the window."),
        day("last_sale_date", "Last day with a sale."),
        PROCESSED,
    ),
    cadence="whole",
    reach=Reach(rule="the whole table"),
    upstream=("gold/daily_inventory_summary",),
)
CUSTOMER_BEHAVIOR_FEATURES = Table(
    "analytics",
    "customer_behavior_features",
    "How each known customer buys, over all history.",
    "customer × currency",
    ("source_system", "customer_id", "currency"),
    (
        text("source_system", "System that produced the rows."),
        text("customer_id", "Customer.", data_class="personal"),
        text("currency", "ISO 4217 code."),
        instant("first_purchase_at", "First sale."),
        instant("last_purchase_at", "Last sale."),
        count("recency_days", "Days from the last sale to the last sale of anyone."),
        count("transactions", "Receipts with a sale."),
        count("lines", "Sale lines."),
        units("units_bought", "Units sold.", minimum=0),
        money("revenue", "Amount of the sales.", minimum=0),
        money("average_basket", "Revenue ÷ receipts, rounded half even to four decimals.", minimum=0),
        count("distinct_items", "Items bought."),
        units("units_returned", "Units returned or cancelled.", minimum=0),
        ratio("return_rate", "Units returned ÷ units bought.", minimum=0),
        ratio(
            "days_between_purchases",
            "Mean days between days with a purchase; null below two.",
            unit="days",
            nullable=True,
        ),
        PROCESSED,
    ),
    cadence="whole",
    reach=Reach(rule="the whole table"),
    upstream=("silver/inventory_transactions", "silver/returns", "silver/cancellations"),
)

ANALYTICS: tuple[Table, ...] = (
    DEMAND_FORECASTING_FEATURES,
    INVENTORY_OPTIMIZATION_FEATURES,
    CUSTOMER_BEHAVIOR_FEATURES,
)
