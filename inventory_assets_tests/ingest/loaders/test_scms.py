"""SCMS deliveries in the landing folder: lead times, lateness and every text that is no date."""

from __future__ import annotations

import csv
import statistics
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl
import pytest

from inventory_assets.contracts.feeds import PRODUCTS, SUPPLIER, SUPPLIERS
from inventory_assets.contracts.sources import Assumptions, Profiles, SourceProfile, load_profiles
from inventory_assets.ingest.loaders import LoadError, LoadResult, load_scms
from inventory_assets.ingest.loaders.scms import PUBLISHED, item_codes
from inventory_assets_tests.ingest.loaders.test_common import files_below

if TYPE_CHECKING:
    from pathlib import Path

TOKENS = load_profiles()["scms"].null_tokens["*"]
FILE = "scms_lead_times/deliveries_to_2012.parquet"


@pytest.fixture(scope="module")
def loaded(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, LoadResult]:
    root = tmp_path_factory.mktemp("landing")
    return root, load_scms(shared_data / FILE, root)


def rows_of(root: Path, feed: str) -> list[dict[str, str]]:
    (file,) = (root / feed / "source=scms").iterdir()
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def instant(text: str) -> datetime | None:
    return None if text in TOKENS else datetime.fromisoformat(text)


@pytest.mark.shared_data
def test_lead_times_equal_the_control_figures(loaded):
    """The published figures, computed from what was written with the standard library alone."""
    lead = [
        (instant(row["received_at"]) - ordered).days
        for row in rows_of(loaded[0], "supplier")
        if (ordered := instant(row["ordered_at"])) is not None
    ]
    positive = [days for days in lead if days > 0]
    assert (len(lead), len(positive)) == (2_497, 2_477)
    assert round(statistics.mean(positive), 2) == 106.18
    assert round(statistics.stdev(positive), 2) == 74.86
    assert statistics.median(positive) == 88


@pytest.mark.shared_data
def test_lateness_equals_the_control_figure(loaded):
    rows = rows_of(loaded[0], "supplier")
    late = sum(instant(row["received_at"]) > instant(row["expected_delivery"]) for row in rows)
    assert len(rows) == 6_514
    assert f"{late / len(rows):.2%}" == "9.24%"


@pytest.mark.shared_data
def test_every_text_that_is_no_date_is_a_declared_null_token(loaded, shared_data: Path):
    published = pl.read_parquet(shared_data / FILE).sort(pl.col("ID").cast(pl.Int64))
    written = rows_of(loaded[0], "supplier")
    no_date = [row["ordered_at"] for row in written if instant(row["ordered_at"]) is None]
    assert {token: no_date.count(token) for token in set(no_date)} == {
        "N/A - From RDC": 3_746,
        "Date Not Captured": 271,
    }
    for row, text in zip(written, published["PO Sent to Vendor Date"], strict=True):
        at = instant(row["ordered_at"])
        assert (row["ordered_at"] if at is None else f"{at.month}/{at.day}/{at:%y}") == text


@pytest.mark.shared_data
def test_quantities_costs_and_identities_are_as_published(loaded, shared_data: Path):
    published = pl.read_parquet(shared_data / FILE).sort(pl.col("ID").cast(pl.Int64))
    written = rows_of(loaded[0], "supplier")
    names = {row["product_sku"]: row["product_name"] for row in rows_of(loaded[0], "products")}
    ours = [
        (
            r["line_number"],
            r["order_id"],
            r["supplier_id"],
            names[r["product_sku"]],
            r["quantity_ordered"],
            r["unit_cost"],
            r["location_id"],
        )
        for r in written
    ]
    columns = ("ID", "PO / SO #", "Vendor", "Item Description", "Line Item Quantity", "Pack Price", "Country")
    assert ours == published.select(columns).rows()
    assert list(written[0]) == [name for name in SUPPLIER.column_names if name in written[0]]
    assert {row["currency"] for row in written} == {"USD"}
    spent = sum(int(row["quantity_ordered"]) * Decimal(row["unit_cost"]) for row in written)
    assert abs(spent / sum(Decimal(value) for value in published["Line Item Value"]) - 1) < Decimal("0.01")


@pytest.mark.shared_data
def test_masters_name_every_supplier_and_item_once(loaded):
    suppliers, items = rows_of(loaded[0], "suppliers"), rows_of(loaded[0], "products")
    assert loaded[1].rows == {"supplier": 6_514, "suppliers": 61, "products": 161}
    assert len({row["supplier_id"] for row in suppliers}) == 61
    assert len({row["product_sku"] for row in items}) == len({row["product_name"] for row in items}) == 161
    assert {row["supplier_id"] for row in rows_of(loaded[0], "supplier")} == {row["supplier_id"] for row in suppliers}
    assert set(suppliers[0]) <= set(SUPPLIERS.column_names)
    assert set(items[0]) <= set(PRODUCTS.column_names)


@pytest.mark.shared_data
def test_loading_again_writes_nothing(loaded, shared_data: Path):
    before = files_below(loaded[0])
    assert load_scms(shared_data / FILE, loaded[0]).written == 0
    assert files_below(loaded[0]) == before


def sample(**changes: str) -> pl.DataFrame:
    row = dict.fromkeys(PUBLISHED, "1") | {
        "PO Sent to Vendor Date": "11/21/06",
        "Scheduled Delivery Date": "2-Jun-07",
        "Delivered to Client Date": "14-Jun-07",
        "Delivery Recorded Date": "14-Jun-07",
        "Vendor": "V",
        "Item Description": "Nevirapine",
    }
    return pl.DataFrame([row | changes])


def test_without_the_assumption_nothing_is_said_about_what_arrived(tmp_path: Path):
    file = tmp_path / "data.parquet"
    sample().write_parquet(file)
    profiles = Profiles({"scms": SourceProfile(assume=Assumptions(received_in_full=False))})
    result = load_scms(file, tmp_path / "landing", profiles)
    (row,) = rows_of(tmp_path / "landing", "supplier")
    assert (row["quantity_ordered"], row["quantity_received"]) == ("1", "")
    assert any("quantity_received stays null" in note for note in result.notes)


def test_a_text_that_is_neither_date_nor_token_reaches_the_ingest_as_published(tmp_path: Path):
    file = tmp_path / "data.csv"
    sample(**{"Delivered to Client Date": "See ASN-93 (ID#:1281)"}).write_csv(file)
    load_scms(file, tmp_path / "landing")
    (row,) = rows_of(tmp_path / "landing", "supplier")
    assert row["received_at"] == "See ASN-93 (ID#:1281)"
    assert (row["order_status"], row["quantity_received"]) == ("", "")
    assert (row["ordered_at"], row["expected_delivery"]) == ("2006-11-21T00:00:00", "2007-06-02T00:00:00")


def test_a_line_that_stands_twice_is_refused(tmp_path: Path):
    file = tmp_path / "data.parquet"
    pl.concat([sample(), sample()]).write_parquet(file)
    with pytest.raises(LoadError, match="the ID of a line must be unique; repeated: 1"):
        load_scms(file, tmp_path / "landing")


def test_the_code_of_an_item_depends_on_its_description_alone():
    codes = item_codes(pl.Series("Item Description", ["Nevirapine 10mg/ml, oral suspension, Bottle, 240 ml", "b"]))
    assert dict(codes.rows())["Nevirapine 10mg/ml, oral suspension, Bottle, 240 ml"] == "SCMS-8B697187"
