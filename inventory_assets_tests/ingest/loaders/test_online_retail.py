"""Online Retail II in the landing folder: every published row, exact, numbered alike in both sheets."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.contracts.feeds import LOCATIONS, POS, PRODUCTS
from inventory_assets.contracts.schemas import MONEY
from inventory_assets.contracts.sources import load_profiles
from inventory_assets.ingest.loaders import LoadError, LoadResult, load_online_retail
from inventory_assets.ingest.loaders.online_retail import PUBLISHED, exact_prices
from inventory_assets_tests.ingest.loaders.test_common import files_below

if TYPE_CHECKING:
    from pathlib import Path

MERCHANDISE = re.compile(r"\d{5}[A-Z]{0,2}")
FILE = "online_retail_ii/online_retail_ii_to_2011-05-31.parquet"


@pytest.fixture(scope="module")
def published(shared_data: Path) -> pl.DataFrame:
    return pl.read_parquet(shared_data / FILE)


@pytest.fixture(scope="module")
def loaded(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, LoadResult]:
    root = tmp_path_factory.mktemp("landing")
    return root, load_online_retail(shared_data / FILE, root, load_profiles())


@pytest.fixture(scope="module")
def lines(loaded: tuple[Path, LoadResult]) -> pl.DataFrame:
    return pl.read_parquet(
        loaded[0] / "pos/source=online-retail/**/*.parquet", include_file_paths="file", hive_partitioning=False
    )


@pytest.mark.shared_data
def test_every_published_row_lands_once_with_the_feeds_types(loaded, lines: pl.DataFrame):
    _, result = loaded
    assert result.rows == {"pos": 734_490, "products": 4_288, "locations": 43}
    assert result.written == len(result.files) == 448 + 2
    assert lines.height == 734_490
    assert lines.columns == [*POS.column_names, "file"]
    assert lines.schema["unit_price"] == MONEY
    assert lines.schema["timestamp"] == pl.Datetime("us")


@pytest.mark.shared_data
def test_a_file_holds_one_sheet_and_one_business_day(loaded, published: pl.DataFrame):
    root, result = loaded
    expected = Counter(
        f"pos/source=online-retail/{day:year=%Y/month=%m/day=%d}/{sheet.lower().replace(' ', '-')}.parquet"
        for sheet, day in published.select("Sheet", pl.col("InvoiceDate").dt.date()).iter_rows()
    )
    assert {path for path in result.files if path.startswith("pos/")} == set(expected)
    for path in list(expected)[::40]:
        rows = pl.read_parquet(root / path, hive_partitioning=False)
        assert rows.height == expected[path]
        assert rows["timestamp"].dt.date().unique().to_list() == [date(*map(int, re.findall(r"=(\d+)", path)))]


@pytest.mark.shared_data
def test_class_totals_equal_the_control_totals_of_the_data_set(lines: pl.DataFrame):
    """Counted in plain Python with `decimal`, by the rules as they stand in the data set's description."""
    totals: dict[str, list] = defaultdict(lambda: [0, 0, Decimal(0)])
    seen = set()
    columns = ("transaction_id", "line_number", "product_sku", "quantity_sold", "unit_price", "customer_id")
    for invoice, line, sku, quantity, price, customer in lines.select(columns).iter_rows():
        if (invoice, line) in seen:
            continue
        seen.add((invoice, line))
        if not MERCHANDISE.fullmatch(sku):
            name = "not merchandise"
        elif invoice.startswith("C") and quantity < 0 and price > 0:
            name = "return"
        elif invoice[0].isdigit() and quantity > 0 and price > 0:
            name = "sale"
        elif price == 0 and customer is None:
            name = "adjustment"
        elif quantity > 0 and price == 0:
            name = "given away"
        else:
            name = "unclassified"
        total = totals[name]
        total[0] += 1
        total[1] += quantity
        total[2] += quantity * price
    assert len(seen) == 711_967
    assert dict(totals) == {
        "not merchandise": [4_270, 2_088, Decimal("-55675.495")],
        "return": [12_795, -318_245, Decimal("-411382.630")],
        "sale": [690_165, 7_755_040, Decimal("13335881.950")],
        "adjustment": [4_697, -224_012, Decimal(0)],
        "given away": [40, 1_066, Decimal(0)],
    }


@pytest.mark.shared_data
def test_the_lines_in_both_sheets_have_one_key_and_no_conflict(lines: pl.DataFrame):
    per_key = lines.group_by("store_id", "transaction_id", "line_number").agg(
        pl.len(), pl.col("file").n_unique().alias("files"), pl.struct(POS.column_names).n_unique().alias("contents")
    )
    assert per_key.height == 711_967
    assert per_key.filter(pl.col("len") == 2).height == 22_523
    assert per_key["len"].max() == 2
    assert (per_key["len"] == per_key["files"]).all()
    assert (per_key["contents"] == 1).all()


@pytest.mark.shared_data
def test_line_numbers_are_the_rank_by_content_within_sheet_and_invoice(published: pl.DataFrame, lines: pl.DataFrame):
    """Ranked again in plain Python for the days that stand in both sheets."""
    overlap = published.filter(pl.col("InvoiceDate").dt.date().is_between(date(2010, 12, 1), date(2010, 12, 9)))
    invoices: dict[tuple[str, str], list[tuple]] = defaultdict(list)
    for sheet, invoice, *content in overlap.select(*PUBLISHED).iter_rows():
        invoices[sheet, invoice].append(tuple(content))
    expected = Counter()
    for (_, invoice), contents in invoices.items():
        contents.sort(key=lambda content: [(value is not None, value) for value in content])
        for number, (sku, reason, quantity, at, price, customer, country) in enumerate(contents, 1):
            customer_id = None if customer is None else str(customer)
            expected[
                invoice, number, country, sku.strip().upper(), quantity, Decimal(repr(price)), at, customer_id, reason
            ] += 1
    written = lines.filter(pl.col("timestamp").dt.date().is_between(date(2010, 12, 1), date(2010, 12, 9))).select(
        "transaction_id",
        "line_number",
        "store_id",
        "product_sku",
        "quantity_sold",
        "unit_price",
        "timestamp",
        "customer_id",
        "reason",
    )
    assert Counter(written.iter_rows()) == expected


@pytest.mark.shared_data
def test_nothing_the_data_set_does_not_say_is_written(loaded, lines: pl.DataFrame):
    root, _ = loaded
    for column in ("cashier_id", "payment_method", "disposition", "version"):
        assert lines[column].null_count() == lines.height
    items = pl.read_parquet(root / "products/source=online-retail/*.parquet", hive_partitioning=False)
    assert items.columns == PRODUCTS.column_names
    known = {"product_sku", "product_name", "modified_at"}
    assert {name for name in items.columns if items[name].null_count() < items.height} == known
    assert sorted(path.name for path in root.iterdir()) == ["locations", "pos", "products"]


@pytest.mark.shared_data
def test_the_master_names_every_item_that_was_sold(loaded, lines: pl.DataFrame):
    root, _ = loaded
    items = pl.read_parquet(root / "products/source=online-retail/*.parquet", hive_partitioning=False)
    assert items["product_sku"].is_unique().all()
    assert items["product_name"].null_count() == 0
    sold = lines.filter(pl.col("product_sku").str.contains(r"^\d{5}[A-Z]{0,2}$"), pl.col("unit_price") > 0)
    assert set(items["product_sku"]) == set(sold["product_sku"])
    names = Counter(sold.filter(pl.col("product_sku") == "85123A")["reason"].str.strip_chars().to_list())
    assert items.filter(pl.col("product_sku") == "85123A")["product_name"].item() == names.most_common(1)[0][0]


@pytest.mark.shared_data
def test_countries_are_online_channels_in_london_time(loaded):
    channels = pl.read_parquet(loaded[0] / "locations/source=online-retail/*.parquet", hive_partitioning=False)
    assert channels.columns == LOCATIONS.column_names
    assert channels.height == 43
    assert channels.select("location_type", "time_zone", "currency").unique().rows() == [
        ("online", "Europe/London", "GBP")
    ]
    assert channels["stock_authority"].null_count() == 43


@pytest.mark.shared_data
def test_loading_again_leaves_every_byte_and_time_stamp(loaded, shared_data: Path, tmp_path: Path):
    root, result = loaded
    stamps = {path: (root / path).stat().st_mtime_ns for path in result.files}
    again = load_online_retail(shared_data / FILE, root, load_profiles())
    assert (again.files, again.rows, again.written) == (result.files, result.rows, 0)
    assert {path: (root / path).stat().st_mtime_ns for path in result.files} == stamps
    assert set(files_below(root)) == set(result.files)


def line(sheet: str, invoice: str, code: str, text: str | None, quantity: int, at: str, price: float) -> tuple:
    customer, country = (13085, "United Kingdom") if invoice == "489434" else (None, "France")
    return sheet, invoice, code, text, quantity, at, price, customer, country


SAMPLE = pl.DataFrame(
    [
        line("Year 2009-2010", "489434", "85048", "LIGHTS", 12, "2009-12-01 07:45:00", 6.95),
        line("Year 2009-2010", "489434", "79323w", " WHITE LIGHTS", 12, "2009-12-01 07:45:00", 6.75),
        line("Year 2009-2010", "489434", "79323W", "PINK LIGHTS", 12, "2009-12-01 07:45:00", 6.75),
        line("Year 2009-2010", "489434", "79323W", "PINK LIGHTS", 12, "2009-12-01 07:45:00", 6.75),
        line("Year 2009-2010", "C489435", "POST", "POSTAGE", -1, "2009-12-02 09:00:00", 0.001),
        line("Year 2010-2011", "489436", "22222", None, -5, "2009-12-02 09:01:00", 0.0),
    ],
    schema=PUBLISHED | {"InvoiceDate": pl.String()},
    orient="row",
).with_columns(pl.col("InvoiceDate").str.to_datetime(time_unit="us"))


def write(frame: pl.DataFrame, file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".csv":
        frame.with_columns(
            pl.col("InvoiceDate").dt.strftime("%Y-%m-%d %H:%M:%S"), pl.col("Customer ID").cast(pl.Float64)
        ).write_csv(file)
    else:
        frame.write_parquet(file)
    return file


def test_row_order_and_format_of_the_file_do_not_matter(tmp_path: Path):
    first = load_online_retail(write(SAMPLE, tmp_path / "a" / "data.parquet"), tmp_path / "one", load_profiles())
    shuffled = SAMPLE.sample(fraction=1, shuffle=True, seed=3)
    load_online_retail(write(shuffled, tmp_path / "b" / "data.parquet"), tmp_path / "two", load_profiles())
    load_online_retail(write(SAMPLE.reverse(), tmp_path / "c" / "data.csv"), tmp_path / "three", load_profiles())
    assert files_below(tmp_path / "one") == files_below(tmp_path / "two") == files_below(tmp_path / "three")
    assert first.written == 3 + 2


def test_equal_lines_get_consecutive_numbers(tmp_path: Path):
    load_online_retail(write(SAMPLE, tmp_path / "data.parquet"), tmp_path / "landing", load_profiles())
    rows = pl.read_parquet(tmp_path / "landing/pos/**/*.parquet", hive_partitioning=False).filter(
        pl.col("transaction_id") == "489434"
    )
    assert rows.select("line_number", "product_sku", "reason").rows() == [
        (1, "79323W", "PINK LIGHTS"),
        (2, "79323W", "PINK LIGHTS"),
        (3, "79323W", " WHITE LIGHTS"),
        (4, "85048", "LIGHTS"),
    ]


def test_an_item_has_its_most_frequent_name_and_the_first_of_equals(tmp_path: Path):
    tie = SAMPLE.with_columns(Description=pl.Series(["LIGHTS", "WHITE", "PINK", "WHITE ", None, "lost"]))
    result = load_online_retail(write(tie, tmp_path / "data.parquet"), tmp_path / "landing", load_profiles())
    items = pl.read_parquet(tmp_path / "landing/products/**/*.parquet", hive_partitioning=False)
    assert items.select("product_sku", "product_name").rows() == [("79323W", "WHITE"), ("85048", "LIGHTS")]
    equal = SAMPLE.filter(pl.col("Description") != "PINK LIGHTS").with_columns(StockCode=pl.lit("10000"))
    load_online_retail(write(equal, tmp_path / "equal.parquet"), tmp_path / "other", load_profiles())
    names = pl.read_parquet(tmp_path / "other/products/**/*.parquet", hive_partitioning=False)["product_name"].to_list()
    assert names == ["LIGHTS"]
    assert result.notes[0].startswith("1 items")


def test_without_the_assumption_no_location_is_invented(tmp_path: Path):
    profiles = load_profiles()
    source = profiles["online-retail"]
    bare = source.model_copy(update={"assume": source.assume.model_copy(update={"location_type": None})})
    result = load_online_retail(write(SAMPLE, tmp_path / "data.parquet"), tmp_path / "landing", {"online-retail": bare})
    assert "locations" not in result.rows
    assert "assume.location_type" in result.notes[-1]


@given(st.integers(-(10**11), 10**11))
@settings(max_examples=50)
def test_a_price_of_four_decimals_survives_its_float(ten_thousandths: int):
    exact = Decimal(ten_thousandths).scaleb(-4)
    assert exact_prices(pl.Series("Price", [float(exact)]))["unit_price"].item() == exact


@pytest.mark.parametrize("price", [0.00001, 1.23456, float("nan"), float("inf")])
def test_a_price_without_an_exact_amount_stops_the_load(tmp_path: Path, price: float):
    bad = SAMPLE.with_columns(Price=pl.lit(price))
    with pytest.raises(LoadError, match="1 values have no exact amount of 4 decimals"):
        load_online_retail(write(bad, tmp_path / "data.parquet"), tmp_path / "landing", load_profiles())
    assert not (tmp_path / "landing").exists()


def test_nulls_the_data_set_does_not_have_stop_the_load(tmp_path: Path):
    bad = SAMPLE.with_columns(Invoice=pl.lit(None, dtype=pl.String))
    with pytest.raises(LoadError, match=r"nulls in \['Invoice'\]"):
        load_online_retail(write(bad, tmp_path / "data.parquet"), tmp_path / "landing", load_profiles())
