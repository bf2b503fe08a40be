"""A few rows of a table as Markdown, for people who look at a materialisation.

Nothing is computed from them. Invariant: a cell of a personal or confidential column never shows.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import TYPE_CHECKING

import polars as pl

from inventory_assets.contracts.model import Table

if TYPE_CHECKING:
    from inventory_assets.lakehouse.lake import Lake

ROWS, COLUMNS = 5, 12
OPEN_CLASSES = ("public", "internal")
COVERED = "•••"
ALWAYS = ("stock_basis",)
"""Columns shown however far to the right they stand: without them the others say more than is known."""


def count_rows(lake: Lake, table: Table) -> int:
    """Rows of a table, from the footers of its files."""
    return lake.scan(table).select(pl.len()).collect().item()


def preview(lake: Lake, table: Table, days: Collection[date | None] | None = None) -> str:
    """The first rows by key, as a Markdown table.

    Args:
        lake: where the table is.
        table: which one.
        days: days to take the rows from, None for all.
    """
    told = [column for column in table.columns if not column.lineage]
    shown = [*told[:COLUMNS], *(column for column in told[COLUMNS:] if column.name in ALWAYS)]
    names = [column.name for column in shown]
    first = lake.scan(table, days=days).bottom_k(ROWS, by=list(table.key)).select(names).collect()
    return markdown(first, covered=[c.name for c in shown if c.data_class not in OPEN_CLASSES])


def markdown(rows: pl.DataFrame, covered: Collection[str] = ()) -> str:
    """Rows as a Markdown table; cells of covered columns are hidden, null shows as a dash."""
    if rows.is_empty():
        return "no rows"
    lines = [" | ".join(rows.columns), " | ".join("---" for _ in rows.columns)]
    for row in rows.iter_rows(named=True):
        cells = (COVERED if name in covered and value is not None else _text(value) for name, value in row.items())
        lines.append(" | ".join(cells))
    return "\n".join(f"| {line} |" for line in lines)


def _text(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds").replace("+00:00", " UTC")
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value).replace("|", "\\|").replace("\n", " ")
