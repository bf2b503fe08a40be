from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from inventory_assets.contracts.analytics import CUSTOMER_BEHAVIOR_FEATURES
from inventory_assets.contracts.gold import STORE_PERFORMANCE
from inventory_assets.contracts.silver import PRODUCTS
from inventory_assets.contracts.tables import TABLES
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.lakehouse.preview import COVERED, count_rows, markdown, preview
from inventory_assets_tests.frames import DAYS, random_frame


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake(str(tmp_path))


def cells(text: str) -> list[list[str]]:
    return [line.strip("| ").split(" | ") for line in text.splitlines()]


def test_the_first_rows_by_key_show_and_no_lineage(lake):
    rows = random_frame(STORE_PERFORMANCE, 1, 40)
    lake.append(STORE_PERFORMANCE, rows)
    head, _, *shown = cells(preview(lake, STORE_PERFORMANCE))
    assert len(shown) == 5
    assert "processing_date" not in head
    expected = rows.sort(list(STORE_PERFORMANCE.key)).head(5)["store_id"].to_list()
    assert [row[0] for row in shown] == expected
    assert count_rows(lake, STORE_PERFORMANCE) == rows.height


def test_rows_of_the_asked_days_only(lake):
    lake.append(STORE_PERFORMANCE, random_frame(STORE_PERFORMANCE, 2, 60))
    day = DAYS[1]
    head, _, *shown = cells(preview(lake, STORE_PERFORMANCE, [day]))
    found = lake.scan(STORE_PERFORMANCE, days=[day]).select(pl.len()).collect().item()
    assert len(shown) == min(5, found) > 0
    assert preview(lake, STORE_PERFORMANCE, [date(1999, 1, 1)]) == "no rows"
    assert head[0] == "store_id"


def test_how_the_stock_is_known_shows_beside_every_figure_that_rests_on_it(lake):
    resting = [table for table in TABLES.values() if "stock_basis" in table.column_names]
    assert len(resting) > 2
    for table in resting:
        lake.append(table, random_frame(table, 4, 3))
        head, *_ = cells(preview(lake, table))
        assert head.count("stock_basis") == 1, table.path


@pytest.mark.parametrize(("table", "sensitive"), [(CUSTOMER_BEHAVIOR_FEATURES, "customer_id"), (PRODUCTS, "unit_cost")])
def test_a_sensitive_cell_never_shows(lake, table, sensitive):
    rows = random_frame(table, 3, 30)
    lake.append(table, rows)
    text = preview(lake, table)
    head, _, *shown = cells(text)
    assert {row[head.index(sensitive)] for row in shown} <= {COVERED, "–"}
    assert not any(str(value) in text for value in rows[sensitive].drop_nulls())


def test_markdown_keeps_its_columns_whatever_stands_in_a_cell():
    text = markdown(pl.DataFrame({"a": ["x|y\nz", None], "b": [0.123456, 2.0]}))
    assert text.splitlines()[2:] == ["| x\\|y z | 0.1235 |", "| – | 2 |"]
