"""Which tables the DuckDB file holds and where their rows come from.

How they get there is `build`. Invariant: every published table has a contract; all but the summary of quarantine have
the one of the lake's table of the same path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.contracts.analytics import ANALYTICS
from inventory_assets.contracts.forecast import FORECAST_TABLES
from inventory_assets.contracts.gold import GOLD
from inventory_assets.contracts.model import Reach, Table, count, day, text, units
from inventory_assets.contracts.silver import DAY_BALANCE, LOCATIONS, PRODUCTS, QUARANTINE, SUPPLIERS
from inventory_assets.contracts.tables import PLANNED

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import date

    Days = Collection[date | None]

QUARANTINE_SUMMARY = Table(
    "silver",
    "quarantine_summary",
    "Refused rows a day and deciding reason; the rows themselves stay in the lake.",
    "feed × source × day × reason",
    ("feed", "source_system", "event_date", "reason"),
    (
        text("feed", "Feed the rows came from."),
        text("source_system", "System that produced them."),
        day("event_date", "Business day; null where the rows give none.", nullable=True),
        text("reason", "The reason that decides, by precedence."),
        count("rows", "Refused rows."),
        units(
            "held_units",
            "Units on them regardless of sign; null where no row gives a quantity.",
            nullable=True,
            minimum=0,
        ),
    ),
    partition_by=("event_date",),
    reach=Reach(rule="with the day of its feed"),
    upstream=(QUARANTINE.path,),
)
MASTERS: tuple[Table, ...] = (PRODUCTS, LOCATIONS, SUPPLIERS)
"""Masters; the file holds their current versions only."""

PUBLISHED: tuple[Table, ...] = (
    *GOLD, *ANALYTICS, *FORECAST_TABLES, *PLANNED, *MASTERS, DAY_BALANCE, QUARANTINE_SUMMARY,
)  # fmt: skip
"""Every table of the file, in the order it is written."""

AS_STORED: tuple[Table, ...] = tuple(table for table in PUBLISHED if table not in (*MASTERS, QUARANTINE_SUMMARY))
"""Those that hold every row of their lake table as it stands there."""

SOURCES: dict[str, str] = {
    table.path: QUARANTINE.path if table is QUARANTINE_SUMMARY else table.path for table in PUBLISHED
}
"""Lake table behind each published one."""


def day_column(table: Table) -> str | None:
    """Column by whose days a table is replaced; None for tables replaced as a whole."""
    types = {column.name: column.type for column in table.columns}
    return next((name for name in table.partition_by if types[name] == "Date"), None)


def summarise_quarantine(quarantine: pl.LazyFrame) -> pl.LazyFrame:
    """Rows and units of quarantine a day and reason.

    Args:
        quarantine: rows of `silver/quarantine`.

    Returns:
        Rows of `QUARANTINE_SUMMARY`.
    """
    known = pl.col("quantity").is_not_null().any()
    return quarantine.group_by(list(QUARANTINE_SUMMARY.key)).agg(
        pl.len().cast(pl.Int64).alias("rows"),
        pl.when(known).then(pl.col("quantity").abs().sum()).alias("held_units"),
    )


def published_frames(scan: Callable[[str], pl.LazyFrame]) -> dict[str, pl.LazyFrame]:
    """Frame of every published table.

    Args:
        scan: lazy frame of a lake table by path, at the version that is to be published.

    Returns:
        Lazy frames by path of the published table.
    """
    frames = {table.path: scan(SOURCES[table.path]) for table in PUBLISHED}
    for table in MASTERS:
        frames[table.path] = frames[table.path].filter(pl.col("is_current"))
    frames[QUARANTINE_SUMMARY.path] = summarise_quarantine(frames[QUARANTINE_SUMMARY.path])
    return frames


def published_changes(changed: Mapping[str, Days | None]) -> dict[str, Days | None]:
    """Changes of lake tables as changes of published ones.

    Args:
        changed: for each lake table that changed since the last publication its changed days, None for all of it.

    Returns:
        The same by path of the published table; tables without a change are absent.
    """
    return {path: changed[source] for path, source in SOURCES.items() if source in changed}
