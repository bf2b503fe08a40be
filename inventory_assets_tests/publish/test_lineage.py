from __future__ import annotations

import re
from contextlib import closing

from inventory_assets.contracts.column_lineage import COLUMN_SOURCES
from inventory_assets.contracts.feeds import FEEDS
from inventory_assets.contracts.tables import TABLES
from inventory_assets.publish.lineage import PAGE, downstream, page, views
from inventory_assets.publish.sql import connect
from inventory_assets_tests.conftest import ROOT
from inventory_assets_tests.publish.support import publish_number, some_tables


def test_the_committed_page_is_current():
    assert (ROOT / "docs" / PAGE).read_text("utf-8") == page(), "run make docs"


def test_every_table_feed_and_traced_column_is_on_the_page():
    text = page()
    for path, table in TABLES.items():
        assert f"| [{path}](data-dictionary.md#{path.replace('/', '')}) |" in text
        assert path in ("silver/decisions", "silver/quarantine", "silver/day_balance") or f'["{table.name}"]' in text
    assert all(f'feed_{name}["{name}"]' in text for name in FEEDS)
    for path, columns in COLUMN_SOURCES.items():
        section = text.split(f"### {path}\n")[1].split("\n### ")[0]
        assert all(f"| `{column}` | `{sources[0]}`" in section for column, sources in columns.items())


def test_every_edge_of_the_picture_is_declared_and_every_node_is_named():
    graph = re.search(r"```mermaid\n(.*?)```", page(), re.DOTALL)[1]
    nodes = set(re.findall(r"^\s+(\w+)\[", graph, re.MULTILINE))
    paths = {path.replace("/", "_"): path for path in TABLES}
    edges = re.findall(r"^  (\w+) --> (\w+)$", graph, re.MULTILINE)
    assert len(edges) > 40
    assert {end for edge in edges for end in edge} <= nodes
    for source, target in edges:
        if source in paths and target in paths:
            assert paths[source] in TABLES[paths[target]].upstream


def test_downstream_follows_every_step():
    assert "analytics/customer_behavior_features" in downstream("bronze/inventory_transactions")
    assert downstream("gold/quality_scores") == []
    assert "replenishment/order_proposals" in downstream("gold/inventory_position")
    assert "gold/supplier_performance" not in downstream("silver/inventory_transactions")


def test_the_views_of_the_file_are_those_of_the_page(tmp_path):
    """Every view of a published file that is not just a table with its publish id."""
    publish_number(tmp_path, 1, some_tables(1))
    with closing(connect(tmp_path)) as connection:
        found = connection.execute(
            "SELECT view_name FROM duckdb_views() WHERE NOT internal AND schema_name = 'main'"
        ).fetchall()
    plain = {table.name for table in TABLES.values()} | {"quarantine_summary"}
    assert {name for (name,) in found} - plain == set(views()) - {"data_as_of"}
    assert all(views().values())
