"""Data quality by table and business day: the measured counts and the six scores they give.

Formulas stand in docs/quality.md, their code in `quality.scores`. Invariant: columns that depend on when or how often
a row was sent are lineage, so that two deliveries of the same facts agree in all others.
"""

from __future__ import annotations

from inventory_assets.contracts.model import Column, Table, count, day, ratio, text
from inventory_assets.contracts.silver import (
    CANCELLATIONS,
    DAY_BALANCE,
    GIVEN_AWAY,
    NON_MERCHANDISE,
    QUARANTINE,
    RETURNS,
    SALES,
    STOCK_ADJUSTMENTS,
    STOCK_COUNTS,
    STOCK_OPENINGS,
    SUPPLIER_ORDERS,
    WAREHOUSE_UPDATES,
)

DIMENSIONS = ("completeness", "accuracy", "consistency", "timeliness", "validity", "uniqueness")
SCORED_BY_DAY: tuple[Table, ...] = (
    SALES,
    RETURNS,
    CANCELLATIONS,
    GIVEN_AWAY,
    STOCK_ADJUSTMENTS,
    NON_MERCHANDISE,
    WAREHOUSE_UPDATES,
    STOCK_COUNTS,
    SUPPLIER_ORDERS,
    STOCK_OPENINGS,
)
"""Silver tables whose rows are measured; masters are measured by what came in for them."""


def _sent(column: Column) -> Column:
    """The column, declared to depend on when or how often rows were sent."""
    return Column(
        column.name,
        column.type,
        column.description,
        nullable=column.nullable,
        minimum=column.minimum,
        maximum=column.maximum,
        lineage=True,
    )


def _score(name: str, description: str) -> Column:
    return ratio(name, description, nullable=True, minimum=0, maximum=1)


QUALITY_SCORES = Table(
    "gold",
    "quality_scores",
    "How good the rows of a silver table are on a day, in six dimensions between 0 and 1, with the counts behind them. "
    "What a feed refused or sent twice belongs to none of its tables and is counted at the first of them.",
    "scored table × business day",
    ("table_name", "event_date"),
    (
        text("table_name", "Path of the scored table."),
        day("event_date", "Business day; null for rows without one.", nullable=True),
        count("rows", "Rows of the table."),
        count("rows_accurate", "Rows with a row score of at least 0.9."),
        count("rows_consistent", "Rows whose amount is quantity × price."),
        _sent(count("rows_timely", "Rows read within the allowed hours after their event.")),
        count("rows_accepted", "Rows of the feed that stand in a silver table."),
        count("rows_refused", "Rows of the feed in quarantine."),
        count("rows_incomplete", "Rows in quarantine because a required value is missing."),
        count("rows_conflicting", "Rows in quarantine because their key stands already with other content."),
        _sent(count("rows_in", "Rows of the feed that came in, repeats included.")),
        _sent(count("rows_repeated", "Exact repeats among them.")),
        _score("completeness", "Accepted rows ÷ (accepted rows + rows refused for a missing value)."),
        _score("accuracy", "Accurate rows ÷ rows."),
        _score("consistency", "Consistent rows ÷ rows."),
        _sent(_score("timeliness", "Timely rows ÷ rows.")),
        _score("validity", "Accepted rows ÷ (accepted + refused rows)."),
        _sent(_score("uniqueness", "1 − (repeated + conflicting rows) ÷ rows in.")),
        _sent(_score("dq_score", "Mean of the dimensions that apply.")),
        text("not_applicable", "Dimensions that are null and why, separated by semicolons.", nullable=True),
        day("processing_date", "UTC day this row was computed.", lineage=True),
    ),
    partition_by=("event_date",),
    upstream=(*(table.path for table in SCORED_BY_DAY), QUARANTINE.path, DAY_BALANCE.path),
)
