"""Line numbers on the real till: two overlapping deliveries of the same receipts, in another order of lines."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import polars as pl
import pytest

from inventory_assets.contracts.feeds import FEEDS
from inventory_assets.contracts.sources import load_profiles
from inventory_assets.ingest.bronze import read_file
from inventory_assets.ingest.landing import file_at
from inventory_assets_tests.ingest.samples import NOW

if TYPE_CHECKING:
    from pathlib import Path

KEY = ["store_id", "transaction_id", "line_number"]


@pytest.mark.shared_data
def test_lines_in_both_sheets_get_the_same_number_and_content(shared_data: Path) -> None:
    published = pl.read_parquet(shared_data / "online_retail_ii" / "online_retail_ii_to_2011-05-31.parquet")
    sheets = []
    for _, sheet in published.group_by("Sheet", maintain_order=True):
        out = io.BytesIO()
        sheet.select(
            transaction_id="Invoice", store_id="Country", product_sku="StockCode", quantity_sold="Quantity",
            unit_price="Price", timestamp="InvoiceDate", customer_id="Customer ID", reason="Description",
        ).write_parquet(out)  # fmt: skip
        file = file_at("pos/source=online-retail/sheet.parquet", out.getvalue(), NOW)
        read = read_file(out.getvalue(), file, load_profiles(), NOW)
        assert (read.refused, read.warnings) == (None, ())
        sheets.append(read.frame.select(FEEDS["pos"].column_names))
    first, second = sheets
    assert first.height + second.height == 734_490
    assert pl.concat(sheets).select(KEY).unique().height == 711_967
    assert first.join(second, on=KEY, how="semi").height == 22_523
    assert first.join(second, on=first.columns, how="semi", nulls_equal=True).height == 22_523
