"""Queries answer from the published file and can do nothing else."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from inventory_assets.contracts import gold
from inventory_assets.publish.layout import NothingPublishedError
from inventory_assets.publish.sql import QueryError, connect, query
from inventory_assets_tests.publish.support import publish_number, some_tables


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    folder = tmp_path_factory.mktemp("it's serving")
    publish_number(folder, 1, some_tables(1, rows=40))
    return folder


def test_answers_are_frames_in_the_types_of_the_contracts(serving):
    answer = query(serving, "SELECT currency, daily_revenue, publish_id FROM product_performance")
    assert answer.schema == {"currency": pl.String, "daily_revenue": pl.Decimal(18, 4), "publish_id": pl.String}
    assert answer.height == some_tables(1, rows=40)[gold.PRODUCT_PERFORMANCE.path].height


def test_times_are_utc_whatever_the_zone_of_the_machine(serving):
    answer = query(serving, "SELECT DISTINCT published_at, published_at::VARCHAR AS text FROM data_as_of")
    assert answer["published_at"].to_list() == [datetime(2024, 1, 15, 12, 1, tzinfo=UTC)]
    assert answer["text"].to_list() == ["2024-01-15 12:01:00+00"]


def test_limit_is_kept(serving):
    assert query(serving, "SELECT * FROM range(50)", limit=7).height == 7


@pytest.mark.parametrize(
    "sql",
    [
        "DESCRIBE gold.product_performance",
        "SHOW TABLES",
        "FROM products",
        "SUMMARIZE products",
        "EXPLAIN SELECT 1",
        "SELECT count(*) FROM inventory.gold.store_performance",
    ],
)
def test_questions_of_every_form_are_answered(serving, sql):
    assert query(serving, sql).width > 0


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELEC 1", "syntax error"),
        ("SELECT nothing FROM products", "nothing"),
        ("SELECT 1 // 'x'::INT", "failed"),
        ("", "0 statements"),
        ("SELECT 1; SELECT 2", "2 statements"),
        ("DELETE FROM gold.product_performance", "read-only"),
        ("CREATE TABLE gold.mine (a INT)", "read-only"),
        ("COPY (SELECT 1) TO '/tmp/stolen.csv'", "disabled by configuration"),
        ("SELECT * FROM read_text('/etc/hostname')", "disabled by configuration"),
        ("ATTACH 'other.duckdb'", "disabled by configuration"),
        ("SET enable_external_access = true", "failed"),
        ("SET memory_limit = '90GB'", "locked"),
        ("SELECT * FROM sql", "sql does not exist"),
        ("SELECT list(a ORDER BY a DESC) FROM (SELECT random() AS a FROM range(100_000_000))", "failed"),
    ],
)
def test_what_is_wrong_or_does_more_than_ask_is_refused_with_the_reason(serving, sql, reason):
    with pytest.raises(QueryError, match=reason):
        query(serving, sql, memory_limit="50MB")


def test_nothing_published_yet_is_its_own_error(tmp_path):
    with pytest.raises(NothingPublishedError, match="nothing is published"):
        query(tmp_path, "SELECT 1")


def test_a_query_works_beside_an_open_connection_of_the_same_process(serving):
    """DuckDB refuses to open one file twice with different options in a process."""
    with connect(serving) as connection:
        connection.execute("SELECT 1").fetchall()
        assert query(serving, "SELECT 1 AS one").to_dicts() == [{"one": 1}]
