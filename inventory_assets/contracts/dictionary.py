"""The pages of the docs that derive from the declared tables: the data dictionary, and one table of all tables.

`python -m inventory_assets.contracts.dictionary [FOLDER]` writes them (FOLDER is docs by default). A test holds the
committed pages against the declarations. Everything said here stands in a declaration; nothing is added.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from inventory_assets.contracts.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from inventory_assets.contracts.model import Column, Table

_NOTICE = (
    "<!-- Written by `python -m inventory_assets.contracts.dictionary`. Change the declarations, not this page. -->"
)
_WHOLE_TABLE_DAYS = 10_000
"""A reach of more days than this stands for "without end"."""


def data_dictionary(tables: Mapping[str, Table] = TABLES) -> str:
    """Every table with its columns, as a page in Markdown."""
    lines = [
        _NOTICE,
        "# Data dictionary",
        "",
        "Every table and column of the lake, from the declarations in `inventory_assets/contracts/`. Money is "
        "Decimal(18, 4) in the currency of its row, instants are UTC in microseconds, and unknown is null, never 0. "
        "Columns marked *lineage* say where a row came from and when; two histories of the same facts agree in all "
        "others. How tables are rebuilt stands in [tables](tables.md).",
    ]
    layer = ""
    for table in tables.values():
        if table.layer != layer:
            layer = table.layer
            lines += ["", f"## {layer.capitalize()}"]
        lines += ["", *_section(table)]
    return "\n".join(lines) + "\n"


def table_of_tables(tables: Mapping[str, Table] = TABLES) -> str:
    """Grain, key, partitioning, cadence and reach of every table in one table, as a page in Markdown."""
    lines = [
        _NOTICE,
        "# Tables",
        "",
        "What a row is, how each table is kept, and how far a change of one day reaches in it. Reach is in business "
        "days before and after the changed day; the rule decides where the numbers are only a bound. Columns stand in "
        "the [data dictionary](data-dictionary.md).",
        "",
        *_rows(
            ("Table", "Grain", "Key", "Partitioned by", "Cadence", "Back", "Forward", "Rule"),
            (
                (
                    f"[{table.path}](data-dictionary.md#{_anchor(table.path)})",
                    table.grain,
                    _codes(table.key),
                    _codes(table.partition_by),
                    _cadence(table),
                    *_days(table),
                    table.reach.rule,
                )
                for table in tables.values()
            ),
        ),
    ]
    return "\n".join(lines) + "\n"


PAGES = {"data-dictionary.md": data_dictionary, "tables.md": table_of_tables}
"""File name and renderer of each generated page."""


def write_pages(folder: Path) -> list[Path]:
    """Write all pages into a folder and name them."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / name for name in PAGES]
    for path in written:
        path.write_text(PAGES[path.name](), encoding="utf-8")
    return written


def _section(table: Table) -> list[str]:
    back, forward = _days(table)
    upstream = ", ".join(f"[{path}](#{_anchor(path)})" for path in table.upstream)
    return [
        f"### {table.path}",
        "",
        table.description,
        "",
        f"- Grain: {table.grain}",
        f"- Key: {_codes(table.key)}",
        f"- Partitioned by: {_codes(table.partition_by)}",
        f"- Cadence: {_cadence(table)}",
        f"- Reach of a change: {back} days back, {forward} days forward; {table.reach.rule}",
        f"- Upstream: {upstream or 'none; written from outside'}",
        f"- Owner: {table.owner}",
        "",
        *_rows(
            ("Column", "Type", "Unit", "Null", "Values", "Class", "Meaning"),
            (
                (
                    f"`{column.name}`",
                    column.type,
                    column.unit,
                    "yes" if column.nullable else "no",
                    _values(column),
                    column.data_class,
                    column.description + (" *Lineage.*" if column.lineage else ""),
                )
                for column in table.columns
            ),
        ),
    ]


def _values(column: Column) -> str:
    if column.allowed:
        return ", ".join(f"`{value}`" for value in column.allowed)
    if column.minimum is None and column.maximum is None:
        return ""
    if column.maximum is None:
        return f"≥ {column.minimum:,}"
    if column.minimum is None:
        return f"≤ {column.maximum:,}"
    return f"{column.minimum:,} to {column.maximum:,}"


def _days(table: Table) -> tuple[str, str]:
    """Reach in days; where the table is replaced as a whole, only its rule means anything."""
    if table.cadence == "whole":
        return "–", "–"
    reach = (table.reach.days_back, table.reach.days_forward)
    back, forward = (str(days) if days < _WHOLE_TABLE_DAYS else "all" for days in reach)
    return back, forward


def _cadence(table: Table) -> str:
    words = {"event_date": "day", "month": "month", "whole": "whole table"}
    return words[table.cadence]


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "–"


def _anchor(path: str) -> str:
    """Anchor of the heading "layer/name" as GitHub and most renderers make it."""
    return path.replace("/", "")


def _rows(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    body = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return ["| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *body)]


if __name__ == "__main__":
    for page in write_pages(Path(sys.argv[1] if len(sys.argv) > 1 else "docs")):
        print(page)
