"""The file holds what was handed in, in the contracts' types and words, however it was built."""

from __future__ import annotations

from contextlib import closing
from datetime import date, timedelta
from decimal import Decimal
from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from inventory_assets.contracts import gold
from inventory_assets.contracts.schemas import check, polars_schema
from inventory_assets.contracts.silver import QUARANTINE
from inventory_assets.publish.build import actual_columns, declared_columns
from inventory_assets.publish.checks import PublicationCheckError, check_file
from inventory_assets.publish.layout import PublishError, resolve
from inventory_assets.publish.publication import last_publication, publish
from inventory_assets.publish.sql import connect
from inventory_assets.publish.tables import (
    MASTERS,
    PUBLISHED,
    QUARANTINE_SUMMARY,
    day_column,
    published_changes,
    published_frames,
    summarise_quarantine,
)
from inventory_assets.publish.views import all_views
from inventory_assets_tests.frames import DAYS, random_frame
from inventory_assets_tests.publish.support import meta, open_for_writing, publish_number, some_tables


def cells(folder, relations=None):
    """Every cell of every table and view, rows in order of all columns."""
    with closing(connect(folder)) as connection:
        names = relations or [
            *(f"{table.layer}.{table.name}" for table in PUBLISHED),
            *(f"main.{view.name}" for view in all_views()),
            "main.data_as_of",
            "main.publication",
        ]
        return {name: connection.sql(f"SELECT * FROM {name} ORDER BY ALL").pl() for name in names}


def changed_tables(tables, seed):
    """Other rows on some days of some tables, and what changed."""
    random = Random(seed)
    after, changed = dict(tables), {}
    for place, table in enumerate(PUBLISHED):
        fresh, column = random_frame(table, seed * 1_000 + place, random.choice([0, 5, 25])), day_column(table)
        choice = random.random()
        if choice < 0.3:
            continue
        if column is None or choice < 0.4:
            after[table.path], changed[table.path] = fresh, None
            continue
        pool = [*DAYS, None]
        days = set(random.sample(pool, random.randint(0, 4)))
        hit = pl.col(column).is_in(list(days), nulls_equal=True)
        after[table.path] = pl.concat([tables[table.path].filter(~hit), fresh.filter(hit)]).unique(list(table.key))
        changed[table.path] = days
    return after, changed


@pytest.mark.parametrize("lazy", [False, True])
def test_file_holds_the_frames_cell_by_cell_in_the_types_of_the_contracts(tmp_path, lazy):
    tables = some_tables(1)
    publish_number(tmp_path, 1, {path: frame.lazy() if lazy else frame for path, frame in tables.items()})
    with closing(connect(tmp_path)) as connection:
        for table in PUBLISHED:
            assert actual_columns(connection)[table.path] == declared_columns(table)
            read = connection.sql(f"SELECT * FROM {table.layer}.{table.name} ORDER BY ALL").pl()
            assert read.schema == polars_schema(table)
            assert_frame_equal(read, tables[table.path], check_row_order=False)


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 10_000), steps=st.integers(1, 2))
def test_incremental_and_full_builds_give_equal_cells(tmp_path_factory, seed, steps):
    one, other = tmp_path_factory.mktemp("incremental"), tmp_path_factory.mktemp("full")
    tables = some_tables(seed)
    publish_number(one, 0, tables)
    for step in range(1, steps + 1):
        tables, changed = changed_tables(tables, seed * 10 + step)
        assert publish_number(one, step, tables, changed).incremental
    publish_number(other, steps, tables)
    left, right = cells(one), cells(other)
    assert left.keys() == right.keys()
    for name, frame in left.items():
        assert_frame_equal(frame, right[name], check_exact=True)


def test_a_change_reads_only_the_changed_days_of_the_frame(tmp_path):
    tables = some_tables(2)
    publish_number(tmp_path, 1, tables)
    path, day = gold.PRODUCT_PERFORMANCE.path, DAYS[3]
    only_that_day = {path: tables[path].filter(pl.col("event_date") == day)}
    done = publish_number(tmp_path, 2, only_that_day, {path: {day}})
    assert done.rows_written[path] == only_that_day[path].height
    assert {name: rows for name, rows in done.rows_written.items() if rows} == {path: only_that_day[path].height}
    assert done.rows == {name: frame.height for name, frame in tables.items()}


def test_a_table_with_other_columns_than_the_contract_is_written_wholly(tmp_path):
    tables = some_tables(4)
    first = publish_number(tmp_path, 1, tables)
    first.path.chmod(0o644)
    with open_for_writing(first.path) as connection:
        connection.execute("DROP VIEW main.store_performance")
        connection.execute("ALTER TABLE gold.store_performance DROP COLUMN active_cashiers")
    done = publish_number(tmp_path, 2, tables, {})
    assert done.rows_written == {
        name: frame.height if name == "gold/store_performance" else 0 for name, frame in tables.items()
    }


def test_a_file_described_by_an_older_release_is_described_anew(tmp_path):
    tables = some_tables(6)
    first = publish_number(tmp_path, 1, tables)
    first.path.chmod(0o644)
    with open_for_writing(first.path) as connection:
        connection.execute("UPDATE main.publication SET layout = 'an older one'")
        connection.execute("CREATE OR REPLACE VIEW main.daily_inventory AS SELECT 1 AS of_old")
        connection.execute("COMMENT ON COLUMN gold.store_performance.store_id IS 'of old'")
    done = publish_number(tmp_path, 2, tables, {})
    assert not any(done.rows_written.values())
    with closing(connect(tmp_path)) as connection:  # its comments were checked before it was published
        assert "of_old" not in connection.sql("FROM main.daily_inventory").columns


def test_without_a_file_to_continue_everything_is_built(tmp_path):
    tables = some_tables(5)
    done = publish_number(tmp_path, 1, tables, {})
    assert not done.incremental
    assert done.rows == {name: frame.height for name, frame in tables.items()}


def test_money_is_exact(tmp_path):
    table = gold.PRODUCT_PERFORMANCE
    prices = [Decimal("0.1000"), Decimal("0.2000"), Decimal("99999999999999.9999"), Decimal("0.0001")]
    frame = random_frame(table, 9, 200).unique("product_sku").head(4)
    frame = frame.with_columns(pl.Series("daily_revenue", prices[: frame.height], pl.Decimal(18, 4)))
    publish_number(tmp_path, 1, some_tables() | {table.path: frame})
    with closing(connect(tmp_path)) as connection:
        total = connection.sql("SELECT sum(daily_revenue) FROM product_performance").fetchall()[0]
        by_currency = connection.sql("SELECT sum(revenue) FROM kpi_sales_by_day").fetchall()[0]
    assert total == by_currency == (sum(prices[: frame.height]),)


def test_wrong_dtype_or_missing_frame_is_refused_and_readers_keep_the_old_file(tmp_path):
    tables = some_tables(6)
    publish_number(tmp_path, 1, tables)
    path = gold.PRODUCT_PERFORMANCE.path
    with pytest.raises(PublishError, match=r"gold/product_performance.*daily_quantity_sold.*Float64"):
        publish_number(tmp_path, 2, tables | {path: tables[path].cast({"daily_quantity_sold": pl.Float64})})
    with pytest.raises(PublishError, match="gold/product_performance: its frame is missing"):
        publish_number(tmp_path, 3, {name: frame for name, frame in tables.items() if name != path})
    assert resolve(tmp_path).name == "inventory-p0001.duckdb"


def test_one_publish_id_stands_in_every_table_and_view(tmp_path):
    tables = some_tables(7)
    publish_number(tmp_path, 1, tables)
    publish_number(tmp_path, 2, tables, {})
    for name, frame in cells(tmp_path).items():
        if name.startswith("main."):
            assert set(frame["publish_id"]) == {"p0002"}, name


def test_every_table_view_and_column_has_a_comment(tmp_path):
    publish_number(tmp_path, 1, some_tables(8))
    with closing(connect(tmp_path)) as connection:
        silent = connection.execute(
            "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = 'inventory' AND NOT internal "
            "AND table_name <> 'publication' AND comment IS NULL "
            "UNION ALL SELECT table_name, '' FROM duckdb_tables() WHERE database_name = 'inventory' "
            "AND table_name <> 'publication' AND comment IS NULL "
            "UNION ALL SELECT view_name, '' FROM duckdb_views() WHERE database_name = 'inventory' AND NOT internal "
            "AND comment IS NULL"
        ).fetchall()
        revenue = connection.execute(
            "SELECT comment FROM duckdb_columns() WHERE schema_name = 'gold' AND table_name = 'product_performance' "
            "AND column_name = 'daily_revenue'"
        ).fetchall()[0]
    assert silent == []
    assert revenue == ("Amount of the sales. (unit: currency)",)


def test_data_as_of_states_freshness_position_and_gaps(tmp_path):
    tables = some_tables(9)
    publish_number(tmp_path, 5, tables)
    rows = {row["lake_table"]: row for row in cells(tmp_path, ["data_as_of"])["data_as_of"].to_dicts()}
    assert len(rows) == len(PUBLISHED)
    sales, product = tables[gold.DAILY_INVENTORY_SUMMARY.path], rows[gold.PRODUCT_PERFORMANCE.path]
    newest = sales["last_transaction_time"].max()
    assert product["newest_event_at"] == newest
    assert product["freshness_seconds"] == pytest.approx((product["published_at"] - newest).total_seconds(), abs=1)
    assert product["newest_day"] == tables[gold.PRODUCT_PERFORMANCE.path]["event_date"].max()
    assert product["row_count"] == tables[gold.PRODUCT_PERFORMANCE.path].height
    assert product["lake_version"] == 5
    assert product["currencies"] == sorted(set(tables[gold.PRODUCT_PERFORMANCE.path]["currency"]))
    assert "Europe/London" in product["time_zones"]
    refused = tables[QUARANTINE_SUMMARY.path]
    of_feeds = refused.filter(pl.col("feed") == "supplier")
    assert rows[gold.SUPPLIER_PERFORMANCE.path]["quarantined_rows"] == of_feeds["rows"].sum()
    assert rows[gold.SUPPLIER_PERFORMANCE.path]["quarantined_units"] == of_feeds["held_units"].sum()
    assert rows["silver/products"]["newest_event_at"] is None
    assert rows["silver/products"]["currencies"] is not None
    assert rows["silver/day_balance"]["currencies"] is None


def test_the_file_says_from_where_the_next_publication_goes_on(tmp_path):
    assert last_publication(tmp_path) is None
    publish_number(tmp_path, 7, some_tables())
    last = last_publication(tmp_path)
    assert last is not None
    assert (last.publish_id, last.published_at) == (meta(7).publish_id, meta(7).published_at)
    assert last.versions == meta(7).versions


def test_published_frames_keep_current_masters_and_sum_quarantine():
    lake = {table.path: random_frame(table, place, 30) for place, table in enumerate((*PUBLISHED, QUARANTINE))}
    frames = published_frames(lambda path: lake[path].lazy())
    assert frames.keys() == {table.path for table in PUBLISHED}
    for table in MASTERS:
        assert frames[table.path].collect()["is_current"].all()
    summary = check(frames[QUARANTINE_SUMMARY.path], QUARANTINE_SUMMARY)
    assert summary["rows"].sum() == lake[QUARANTINE.path].height
    assert summary["held_units"].sum() == lake[QUARANTINE.path]["quantity"].abs().sum()


def test_units_of_quarantine_are_null_where_no_row_gives_a_quantity():
    rows = random_frame(QUARANTINE, 1, 30).with_columns(pl.lit(None, pl.Int64).alias("quantity"))
    assert summarise_quarantine(rows.lazy()).collect()["held_units"].null_count() > 0


def test_changes_of_quarantine_are_changes_of_its_summary():
    day = date(2024, 1, 2)
    assert published_changes({"silver/quarantine": {day, None}, "silver/returns": {day}}) == {
        "silver/quarantine_summary": {day, None}
    }


@pytest.mark.parametrize(
    ("damage", "finding"),
    [
        ("INSERT INTO gold.product_performance SELECT * FROM gold.product_performance LIMIT 1", "rows in all"),
        ("COMMENT ON COLUMN gold.product_performance.currency IS NULL", "currency: comment is None"),
        ("COMMENT ON VIEW main.kpi_stockout IS 'x'", "kpi_stockout: comment"),
        ("ALTER TABLE silver.suppliers DROP COLUMN active", "silver/suppliers: columns"),
        ("UPDATE main.publication SET publish_id = 'other'", "carries the ids"),
        ("DROP VIEW main.daily_inventory", "daily_inventory does not run"),
    ],
)
def test_a_damaged_file_is_not_published(tmp_path, damage, finding):
    from inventory_assets.publish.build import build

    path = tmp_path / "private.duckdb"
    with open_for_writing(path) as connection:
        written = build(connection, some_tables(10), None, meta(1))
    check_file(path, written, "p0001")
    with open_for_writing(path) as connection:
        if "DROP COLUMN" in damage:
            connection.execute("DROP VIEW main.suppliers")
        connection.execute(damage)
    with pytest.raises(PublicationCheckError, match=finding):
        check_file(path, written, "p0001")


def test_a_failed_build_leaves_no_connection_behind(tmp_path):
    """The same publish id can be tried again in the same process."""
    tables = some_tables(11)

    def opened_without_care(path):
        return open_and_forget(path)

    with pytest.raises(PublishError):
        publish(tmp_path, opened_without_care, {}, None, meta(1))
    assert publish(tmp_path, opened_without_care, tables, None, meta(1)).publish_id == "p0001"


def test_the_dagster_resource_opens_the_private_path(tmp_path):
    from dagster_duckdb import DuckDBResource

    tables = some_tables(12)
    done = publish(tmp_path, lambda path: DuckDBResource(database=str(path)).get_connection(), tables, None, meta(1))
    with DuckDBResource(
        database=str(done.path), connection_config={"access_mode": "read_only"}
    ).get_connection() as connection:
        assert connection.execute("SELECT publish_id FROM publication").fetchall()[0] == ("p0001",)


def open_and_forget(path):
    """As dagster-duckdb does: the connection stays open when the block raises."""
    from contextlib import contextmanager

    import duckdb

    @contextmanager
    def opened():
        connection = duckdb.connect(str(path))
        yield connection
        connection.close()

    return opened()


def test_days_far_outside_are_replaced_too(tmp_path):
    tables = some_tables(13)
    publish_number(tmp_path, 1, tables)
    path, day = gold.STORE_PERFORMANCE.path, DAYS[-1] + timedelta(days=900)
    later = random_frame(gold.STORE_PERFORMANCE, 99, 4, days=[day])
    done = publish_number(tmp_path, 2, {path: later}, {path: [day]})
    assert done.rows[path] == tables[path].height + later.height
