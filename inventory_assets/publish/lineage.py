"""docs/lineage.md: what every table is made from and what is made from it, down to columns where they change names.

`python -m inventory_assets.publish.lineage [FOLDER]` writes it (FOLDER is docs by default); a test holds the committed
page against the declarations. Dagster's open-source UI shows tables and not columns; this page shows both.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from inventory_assets.contracts.column_lineage import sources_of
from inventory_assets.contracts.domains import DOMAINS
from inventory_assets.contracts.feeds import FEEDS
from inventory_assets.contracts.silver import DAY_BALANCE, DECISIONS, QUARANTINE
from inventory_assets.contracts.tables import TABLES
from inventory_assets.publish.as_of import feeds_behind
from inventory_assets.publish.tables import PUBLISHED, SOURCES
from inventory_assets.publish.views import DAILY_INVENTORY, KPIS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inventory_assets.contracts.model import Table

PAGE = "lineage.md"
_NOTICE = "<!-- Written by `python -m inventory_assets.publish.lineage`. Change the declarations, not this page. -->"
_EVERYWHERE = {DECISIONS.path, QUARANTINE.path, DAY_BALANCE.path}
"""Tables that touch every feed; drawn, they would hide all others."""
_SCHEMAS = "gold|analytics|replenishment|silver"


def page() -> str:
    """The page, as Markdown."""
    lines = [
        _NOTICE,
        "# Lineage",
        "",
        "Where each table comes from and where it goes, from the declarations. What a change of one day rebuilds "
        "stands in [tables](tables.md), what a column means in the [data dictionary](data-dictionary.md).",
        "",
        "## The picture",
        "",
        "Left out, because they touch everything: each feed's rows also go to `silver/quarantine` (refused) and "
        "`silver/day_balance` (counted), every silver table reads `silver/decisions`, and facts are flagged by "
        "`silver/products`. Gold, analytics and the masters are published into the DuckDB file as they are; arrows to "
        "it are drawn where nothing else follows.",
        "",
        "```mermaid",
        *_graph(),
        "```",
        "",
        "## Table by table",
        "",
        "*Everything behind* names the feeds whose files end up in the table, through all layers: a wrong figure is "
        "looked for there. *Everything after* is what a change of the table can change.",
        "",
        "| table | domain | made from | everything behind | everything after |",
        "|---|---|---|---|---|",
        *(_row(table) for table in TABLES.values()),
        "",
        "## Views of the DuckDB file",
        "",
        "| view | reads |",
        "|---|---|",
        *(f"| `{name}` | {', '.join(f'`{table}`' for table in tables)} |" for name, tables in views().items()),
        "",
        "## Column by column",
        "",
        "For the tables whose columns change names on the way. A source is a column whose value decides the cell; rows "
        "that are only counted have none. Bronze and silver keep the names of their feed, and the tables of stock fold "
        "all columns of the movements, counts and openings they read.",
    ]
    for table in TABLES.values():
        lines += _columns(table)
    return "\n".join(lines) + "\n"


def downstream(path: str) -> list[str]:
    """Tables a change of a table can change, in the order data flows."""
    found, waiting = set(), [path]
    while waiting:
        source = waiting.pop()
        after = {table.path for table in TABLES.values() if source in table.upstream} - found
        found |= after
        waiting.extend(after)
    return [each for each in TABLES if each in found]


def views() -> dict[str, list[str]]:
    """Tables each view of the DuckDB file reads, besides the plain view of every table."""
    names = {f"{table.layer}.{table.name}" for table in PUBLISHED}
    reading = {view.name: set(re.findall(rf"\b(?:{_SCHEMAS})\.\w+", view.sql)) for view in (DAILY_INVENTORY, *KPIS)}
    return {**{name: sorted(read & names) for name, read in reading.items()}, "data_as_of": sorted(names)}


def write_page(folder: Path) -> Path:
    """Write the page into a folder."""
    path = folder / PAGE
    path.write_text(page(), encoding="utf-8")
    return path


def _graph() -> Iterator[str]:
    yield "flowchart LR"
    yield "  subgraph landing"
    yield from (f'    feed_{feed.name}["{feed.name}"]' for feed in FEEDS.values())
    yield "  end"
    drawn = [table for table in TABLES.values() if table.path not in _EVERYWHERE]
    for layer in dict.fromkeys(table.layer for table in drawn):
        yield f"  subgraph {layer}"
        yield from (f'    {_node(table.path)}["{table.name}"]' for table in drawn if table.layer == layer)
        yield "  end"
    yield '  duckdb[("inventory.duckdb")]'
    yield from (f"  feed_{feed.name} --> {_node(f'bronze/{feed.bronze}')}" for feed in FEEDS.values())
    edges = [
        (path, table.path)
        for table in drawn
        for path in table.upstream
        if path not in _EVERYWHERE and not (table.layer == "silver" and path == "silver/products")
    ]
    yield from (f"  {_node(source)} --> {_node(target)}" for source, target in edges)
    onward = {source for source, _ in edges}
    ends = {SOURCES[table.path] for table in PUBLISHED} - onward - _EVERYWHERE
    yield from (f"  {_node(path)} --> duckdb" for path in TABLES if path in ends)


def _node(path: str) -> str:
    return path.replace("/", "_")


def _row(table: Table) -> str:
    made = ", ".join(_link(path) for path in table.upstream)
    feeds = ", ".join(f"`{name}`" for name in sorted(feeds_behind(table)))
    feed = next((name for name, feed in FEEDS.items() if f"bronze/{feed.bronze}" == table.path), "")
    after = ", ".join(_link(path) for path in downstream(table.path))
    origin = made or (f"files of `{feed}`" if feed else "people and nightly checks")
    return f"| {_link(table.path)} | {DOMAINS.get(table.path, '')} | {origin} | {feeds or '–'} | {after or '–'} |"


def _link(path: str) -> str:
    return f"[{path}](data-dictionary.md#{path.replace('/', '')})"


def _columns(table: Table) -> list[str]:
    sources = sources_of(table)
    if not sources:
        return []
    rows = (
        f"| `{column.name}` | {', '.join(f'`{source}`' for source in sources.get(column.name, ())) or '–'} |"
        for column in table.columns
    )
    return ["", f"### {table.path}", "", "| column | computed from |", "|---|---|", *rows]


if __name__ == "__main__":
    print(write_page(Path(sys.argv[1] if len(sys.argv) > 1 else "docs")))
