"""Figures on planning: key figures of inventory, how risky suppliers are, what order policies would have reached."""

from __future__ import annotations

from inventory_assets.contracts.model import Column, Table, count, day, flag, ratio, text
from inventory_assets.contracts.replenishment import nightly_table

INVENTORY_KPIS = nightly_table(
    "inventory_kpis",
    "The key figures of inventory, over all locations and by location, over the days named. Null with a reason where "
    "an input is missing.",
    "figure × location",
    ("kpi", "location_id", "currency"),
    (
        text("kpi", "Figure; docs/replenishment.md gives its formula."),
        text("location_id", "Location; * for all."),
        text("currency", "ISO 4217 code of figures of money; * where it does not matter."),
        day("first_day", "First day looked at.", nullable=True),
        day("last_day", "Last day looked at.", nullable=True),
        ratio("value", "The figure.", nullable=True),
        ratio("numerator", "What stands above the line.", nullable=True),
        ratio("denominator", "What stands below it.", nullable=True),
        text("unit", "Unit of the value."),
        ratio("target", "Wanted value.", nullable=True),
        flag("meets_target", "Whether it is met; null without value or target.", nullable=True),
        text("null_reason", "Why it is null.", nullable=True),
    ),
    ("gold/daily_inventory_snapshot", "gold/inventory_position", "gold/daily_inventory_summary", "silver/products",
     "silver/stock_counts", "silver/supplier_orders", "replenishment/inventory_policy"),
)  # fmt: skip
SUPPLIER_RISK = nightly_table(
    "supplier_risk",
    "How risky a supplier is: probability × impact × detection, each 1 to 10 from what was measured.",
    "supplier",
    ("supplier_id",),
    (
        text("supplier_id", "Supplier."),
        Column("probability", "Int64", "From the share of late and short lines.", nullable=True, minimum=1,
               maximum=10),
        Column("impact", "Int64", "From the share of daily sales value that hangs on it.", nullable=True, minimum=1,
               maximum=10),
        Column("detection", "Int64", "From how many lines promise a day and report again: 1 = seen at once.",
               nullable=True, minimum=1, maximum=10),
        count("risk", "Product of the three; 1,000 at most.", nullable=True),
        ratio("late_share", "Promised lines that came late.", nullable=True),
        ratio("short_share", "Units ordered that did not come.", nullable=True),
        count("items", "Items whose usual supplier it is."),
        ratio("daily_value", "Their expected sales a day, at cost.", unit="currency/day", nullable=True),
        ratio("expected_loss", "Daily value × mean days late × late share: cost of goods a late order keeps away.",
              unit="currency", nullable=True),
        text("null_reason", "Why figures are null.", nullable=True),
    ),
    ("gold/supplier_performance", "silver/supplier_orders", "replenishment/inventory_policy"),
)  # fmt: skip

POLICY_BACKTEST = nightly_table(
    "policy_backtest",
    "What formulas for the order-up-to level would have reached on the demand of this installation: the seed formula, "
    "the textbook's, and the one in use; computed on demand.",
    "formula",
    ("policy",),
    (
        text("policy", "Formula."),
        day("first_day", "First measured day."),
        day("last_day", "Last measured day."),
        count("pairs", "Items × locations."),
        count("lead_time_days", "Lead time of the trial."),
        count("review_period_days", "Review period of the trial."),
        ratio("target", "Wanted fill rate.", minimum=0, maximum=1),
        ratio("fill_units", "Units delivered on the day ÷ units asked for.", nullable=True),
        ratio("fill_value", "The same at cost.", nullable=True),
        ratio("fill_value_low", "Lower end of its 95 % interval over items.", nullable=True),
        ratio("fill_value_high", "Upper end.", nullable=True),
        ratio("fill_item_mean", "Mean fill rate of the items.", nullable=True),
        ratio("cycle_service", "Share of cycles in which nothing was short.", nullable=True),
        ratio("stock_value", "Mean stock at cost.", unit="currency", nullable=True),
        ratio("stock_value_low", "Lower end of its 95 % interval over items.", unit="currency", nullable=True),
        ratio("stock_value_high", "Upper end.", unit="currency", nullable=True),
        ratio("days_of_cover", "Mean stock ÷ demand a day, at cost.", unit="days", nullable=True),
        ratio("turns", "Goods delivered a year ÷ mean stock, at cost.", nullable=True),
        ratio("orders", "Order lines a year.", nullable=True),
    ),
    ("gold/daily_inventory_summary", "silver/stock_movements", "silver/products", "silver/locations"),
)  # fmt: skip

PLANNING_FIGURES: tuple[Table, ...] = (INVENTORY_KPIS, SUPPLIER_RISK, POLICY_BACKTEST)
"""Its tables."""
