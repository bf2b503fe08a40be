"""The ten questions of docs/queries/ answer what the simulator knows to be true."""

from __future__ import annotations

import re
from datetime import timedelta

import polars as pl
import pytest

from inventory_assets.contracts.gold import DAILY_INVENTORY_SUMMARY
from inventory_assets.publish.as_of import feeds_behind
from inventory_assets.publish.sql import query
from inventory_assets.publish.tables import PUBLISHED
from inventory_assets.publish.views import all_views
from inventory_assets_tests.conftest import ROOT

pytestmark = pytest.mark.xdist_group("documented history")
FOLDER = ROOT / "docs" / "queries"
FILES = sorted(FOLDER.glob("*.sql"))
PAIR = ["location_id", "product_sku"]


def header(name: str) -> dict[str, str]:
    """Question, tables and reading of a query, from its comment."""
    lines = (FOLDER / name).read_text("utf-8").splitlines()
    said = " ".join(line.removeprefix("--").strip() for line in lines if line.startswith("--"))
    return {
        part: text.strip() for part, text in re.findall(r"(Question|Tables|Read): (.*?)(?= Tables:| Read:|$)", said)
    }


@pytest.fixture
def ask(documented):
    """Answer of a query file."""
    return lambda name: query(documented.settings.serving, (FOLDER / name).read_text("utf-8"), limit=100_000)


def last_stock(documented) -> pl.DataFrame:
    """True stock of each pair at the end of the history, as far as anything is known of it."""
    days = documented.history.truth["stock_days"]
    return days.filter(pl.col("business_day") == days["business_day"].max())


def lines(documented, kind: str) -> pl.DataFrame:
    """Clean receipt lines of a class."""
    return documented.history.truth["pos_lines"].filter(pl.col("class") == kind)


def test_there_are_ten_and_the_index_names_each_with_its_question():
    assert len(FILES) == 10
    index = (FOLDER / "index.md").read_text("utf-8")
    for file in FILES:
        assert f"[{header(file.name)['Question']}]({file.name})" in index, file.name


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_says_what_it_asks_which_tables_it_reads_and_how_to_read_it(file):
    said = header(file.name)
    assert list(said) == ["Question", "Tables", "Read"]
    assert said["Question"].endswith("?")
    assert len(said["Read"]) > 100
    published = {"data_as_of", *(table.name for table in PUBLISHED), *(view.name for view in all_views())}
    sql = "\n".join(line for line in file.read_text("utf-8").splitlines() if not line.startswith("--"))
    read = set(re.findall(r"(?:FROM|JOIN)\s+(\w+)", sql)) & published
    assert {name.strip() for name in said["Tables"].split(",")} == read


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_answers_with_its_publish_id(ask, file):
    """Answers of two publications can be told apart."""
    answer = ask(file.name)
    assert answer.columns[-1] == "publish_id"
    assert answer["publish_id"].n_unique() == 1


def test_freshness_names_the_last_sale_and_the_refused_rows_behind_each_table(ask, documented):
    answer = ask("01-freshness.sql")
    assert set(answer["table_name"]) == {f"{table.layer}.{table.name}" for table in PUBLISHED}
    sales = answer.row(by_predicate=pl.col("table_name") == "gold.daily_inventory_summary", named=True)
    assert sales["newest_event_at"] == lines(documented, "sale")["timestamp"].max()
    faults = documented.history.faults
    behind = pl.col("feed").is_in(sorted(feeds_behind(DAILY_INVENTORY_SUMMARY)))
    assert sales["quarantined_rows"] == faults.filter(behind, pl.col("expected") == "quarantine").height > 0
    assert answer["freshness_hours"].drop_nulls().is_sorted(descending=True)


def test_months_add_up_to_the_true_sales(ask, documented):
    truth = (
        lines(documented, "sale")
        .group_by(month=pl.col("business_day").dt.truncate("1mo"))
        .agg(
            pl.col("business_day").n_unique(),
            pl.col("quantity_sold").sum(),
            pl.col("quantity_sold").filter(~pl.col("cancelled")).sum().alias("demanded"),
            pl.col("amount").sum(),
        )
        .sort("month")
    )
    answer = ask("02-sales-by-month.sql")
    found = answer.select("month", "days_with_sales", "units_sold", "units_demanded", "revenue").rows()
    assert found == truth.rows()
    assert len(found) == 2


def test_top_products_are_the_fewest_items_with_four_fifths_of_the_true_revenue(ask, documented):
    answer = ask("03-top-products.sql")
    truth = lines(documented, "sale").group_by("product_sku").agg(pl.col("amount").sum())
    share = answer["revenue"].sum() / truth["amount"].sum()
    assert share >= 0.8
    assert (answer["revenue"].sum() - answer["revenue"][-1]) / truth["amount"].sum() < 0.8
    assert answer["cumulative_share"][-1] == pytest.approx(float(share), abs=1e-4)
    assert dict(answer.select("product_sku", "revenue").rows()).items() <= dict(truth.rows()).items()
    assert (
        answer["revenue"][-1]
        >= truth.filter(~pl.col("product_sku").is_in(answer["product_sku"].to_list()))["amount"].max()
    )


def test_return_rates_are_true_for_the_days_with_a_sale(ask, documented):
    sale, back = lines(documented, "sale"), lines(documented, "return")
    sold = sale.group_by("product_sku").agg(sold=pl.col("quantity_sold").sum())
    came_back = back.join(sale.select("product_sku", "business_day").unique(), on=["product_sku", "business_day"])
    truth = came_back.group_by("product_sku").agg(back=-pl.col("quantity_sold").sum()).join(sold, on="product_sku")
    answer = ask("04-returns.sql")
    found = sorted(answer.select("product_sku", "units_returned", "units_sold").rows())
    assert found == sorted(truth.select("product_sku", "back", "sold").rows())
    assert len(found) > 3
    assert answer["return_rate"].is_sorted(descending=True)
    assert answer["return_rate"].to_list() == pytest.approx((answer["units_returned"] / answer["units_sold"]).round(4))


def test_stockouts_are_the_true_empty_shelves_and_unknown_is_neither(ask, documented):
    position = query(documented.settings.serving, "SELECT location_id, product_sku FROM gold.inventory_position")
    truth = (
        last_stock(documented)
        .join(position, on=PAIR)
        .group_by("location_id")
        .agg(
            known=pl.col("book").count().cast(pl.Int64),
            out=(pl.col("book") <= 0).sum().cast(pl.Int64),
            unknown=pl.col("book").null_count().cast(pl.Int64),
        )
    )
    answer = ask("05-stockouts.sql")
    found = answer.select("location_id", "items_known", "items_out_of_stock", "items_unknown").rows()
    assert sorted(found) == sorted(truth.rows())
    assert answer["items_unknown"].sum() > 0


def test_days_of_cover_divide_true_stock_by_true_demand(ask, documented):
    sale = lines(documented, "sale")
    days = (sale["business_day"].max() - sale["business_day"].min()).days + 1
    demand = (
        sale.filter(~pl.col("cancelled"))
        .group_by(location_id="store_id", product_sku="product_sku")
        .agg(units=pl.col("quantity_sold").sum())
    )
    truth = (
        last_stock(documented)
        .join(demand, on=PAIR)
        .filter(pl.col("book").is_not_null())
        .with_columns(pl.col("book").clip(0).alias("on_hand"), (pl.col("units") / days).alias("rate"))
    )
    answer = ask("06-days-of-cover.sql")
    both = answer.join(truth, on=PAIR, how="full", suffix="_true")
    assert both.height == truth.height == answer.height > 20
    assert both.filter(pl.col("on_hand").ne_missing(pl.col("on_hand_true"))).is_empty()
    cover = (both["on_hand_true"] / both["rate"] - both["days_of_cover"]).abs().max()
    assert cover <= 0.05 + 1e-9, "rounded to a tenth of a day"
    assert answer["days_of_cover"].is_sorted()
    assert (answer["at_reorder_point"] == (answer["on_hand"] <= answer["reorder_point"])).all()


def test_slow_movers_are_the_true_ones(ask, documented):
    sale = lines(documented, "sale")
    newest = sale["business_day"].max()
    last = sale.group_by(location_id="store_id", product_sku="product_sku").agg(last=pl.col("business_day").max())
    truth = (
        last_stock(documented)
        .filter(pl.col("location_id").is_in(last["location_id"].unique().to_list()), pl.col("book") > 0)
        .join(last, on=PAIR, how="left")
        .filter(pl.col("last").is_null() | (pl.col("last") <= newest - timedelta(days=28)))
    )
    answer = ask("07-slow-movers.sql")
    found = answer.select("location_id", "product_sku", "on_hand", "last_sale").rows()
    assert sorted(found, key=str) == sorted(truth.select(*PAIR, "book", "last").rows(), key=str)
    assert len(found) > 2
    assert answer.filter(pl.col("value_at_cost").is_null() & pl.col("currency").is_not_null()).is_empty()


def test_the_stock_history_ends_each_month_with_the_true_stock(ask, documented):
    days = documented.history.truth["stock_days"]
    answer = ask("08-stock-history.sql")
    assert answer["event_date"].n_unique() == 2
    truth = (
        days.filter(pl.col("business_day").is_in(answer["event_date"].unique().to_list()))
        .group_by("location_id", "business_day")
        .agg(pl.col("book").clip(0).sum(), pl.col("book").count().cast(pl.Int64).alias("known"))
    )
    found = answer.select("location_id", "event_date", "units_on_hand", "items_known").rows()
    assert sorted(found) == sorted(truth.rows())


def test_suppliers_are_as_late_as_they_truly_are(ask, documented):
    on_time = pl.col("received_at").dt.date() <= pl.col("expected_delivery").dt.date()
    truth = (
        documented.history.truth["lead_times"]
        .group_by("supplier_id")
        .agg(
            lines=pl.len().cast(pl.Int64),
            on_time=on_time.mean().round(4),
            fill=(pl.col("quantity_received").sum() / pl.col("quantity_ordered").sum()).round(4),
        )
        .sort("on_time", "supplier_id")
    )
    answer = ask("09-suppliers.sql").filter(pl.col("received_lines") > 0)
    assert answer.height > 1
    assert answer.select("supplier_id", "received_lines").rows() == truth.select("supplier_id", "lines").rows()
    assert answer["on_time_rate"].to_list() == pytest.approx(truth["on_time"].to_list(), abs=1e-4)
    assert answer["fill_rate"].to_list() == pytest.approx(truth["fill"].to_list(), abs=1e-4)


def test_every_row_of_every_feed_is_accounted_for(ask, documented):
    faults = documented.history.faults
    counted = {
        outcome: dict(faults.filter(pl.col("expected") == outcome).group_by("feed").len().rows())
        for outcome in ("quarantine", "exact_repeat")
    }
    answer = ask("10-data-quality.sql")
    assert set(answer["rows_unexplained"]) == {0}
    for row in answer.iter_rows(named=True):
        assert row["rows_quarantined"] == counted["quarantine"].get(row["feed"], 0), row["feed"]
        assert row["rows_repeated"] == counted["exact_repeat"].get(row["feed"], 0), row["feed"]
    assert dict(answer.select("feed", "rows_in").rows()) == documented.history.summary["bronze_rows"]
