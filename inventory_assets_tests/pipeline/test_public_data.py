"""The public data sets through landing files and every step: control totals to the last digit."""

from __future__ import annotations

import csv
import statistics
from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest

from inventory_assets.contracts.tables import TABLES
from inventory_assets.ingest.loaders import load_online_retail, load_scms
from inventory_assets.pipeline.refresh import STEPS
from inventory_assets.pipeline.stock import refresh_position
from inventory_assets.pipeline.workspace import Workspace
from inventory_assets.settings import Settings
from inventory_assets_tests.pipeline.running import take_in, workspace_at

pytestmark = [pytest.mark.shared_data, pytest.mark.xdist_group("public data")]

CLASSES = {
    "inventory_transactions": (690_165, 7_755_040, "13335881.950"),
    "cancellations": (922, -116_067, "-149419.86"),
    "returns": (11_873, -202_178, "-261962.77"),
    "stock_adjustments": (4_697, -224_012, "0"),
    "given_away": (40, 1_066, "0"),
    "non_merchandise": (4_270, 2_088, "-55675.495"),
}
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def build(workspace: Workspace, settings: Settings) -> None:
    """Landing to the position of stock; years of scores and features would take as long again."""
    take_in(workspace, settings)
    for step in STEPS[: STEPS.index(refresh_position) + 1]:
        step(workspace)


@pytest.fixture(scope="module")
def retail(shared_data, tmp_path_factory):
    """The lake of Online Retail II."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("retail"))
    workspace = workspace_at(settings, NOW)
    file = shared_data / "online_retail_ii" / "online_retail_ii_to_2011-05-31.parquet"
    load_online_retail(file, settings.data_dir / "landing", workspace.profiles)
    build(workspace, settings)
    return workspace.lake


@pytest.mark.parametrize("name", CLASSES)
def test_online_retail_classes_have_their_published_totals(retail, name):
    lines, units, amount = CLASSES[name]
    found = retail.scan(TABLES[f"silver/{name}"]).select(
        pl.len(), pl.col("quantity_sold").sum(), pl.col("total_amount").sum()
    )
    assert found.collect().rows() == [(lines, units, Decimal(amount).quantize(Decimal("0.0001")))]


def test_online_retail_counts_doubles_once_and_finds_no_conflict(retail):
    rows = retail.scan(TABLES["silver/day_balance"]).filter(pl.col("feed") == "pos")
    outcomes = dict(rows.group_by("outcome").agg(pl.col("rows").sum()).collect().rows())
    assert outcomes["bronze"] == 734_490
    assert outcomes["exact_repeat"] == 22_523
    assert retail.scan(TABLES["silver/quarantine"]).collect().is_empty()


@pytest.mark.parametrize(
    ("name", "rows"),
    [("daily_inventory_summary", 400_011), ("product_performance", 367_772), ("store_performance", 1_940)],
)
def test_online_retail_gold_has_a_row_for_each_group_with_a_sale(retail, name, rows):
    assert retail.scan(TABLES[f"gold/{name}"]).select(pl.len()).collect().item() == rows


def test_online_retail_stock_is_unknown_and_never_zero(retail):
    position = retail.scan(TABLES["gold/inventory_position"]).collect()
    assert set(position["stock_basis"]) == {"unknown"}
    assert position["book"].null_count() == position["on_hand"].null_count() == position.height
    assert position["null_reason"].null_count() == 0


def test_scms_supplier_performance_equals_a_plain_computation(shared_data, tmp_path):
    settings = Settings(data_dir=tmp_path)
    workspace = workspace_at(settings, NOW)
    file = shared_data / "scms_lead_times" / "deliveries_to_2012.parquet"
    load_scms(file, tmp_path / "landing", workspace.profiles)
    build(workspace, settings)
    expected: dict[str, list[int]] = {}
    published = pl.read_parquet(file, columns=["Vendor", "PO Sent to Vendor Date", "Delivered to Client Date"])
    for vendor, sent, delivered in csv.reader(published.write_csv().splitlines()[1:]):
        if (ordered := plain_date(sent)) is not None and (received := plain_date(delivered)) is not None:
            days = (received - ordered).days
            if days > 0:
                expected.setdefault(vendor.strip(), []).append(days)
    everything = [days for lead_times in expected.values() for days in lead_times]
    assert (len(everything), round(statistics.mean(everything), 2), statistics.median(everything)) == (
        2_477,
        106.18,
        88,
    )
    found = workspace.lake.scan(TABLES["gold/supplier_performance"]).filter(pl.col("lead_time_lines") > 0).collect()
    assert dict(found.select("supplier_id", "lead_time_lines").rows()) == {v: len(d) for v, d in expected.items()}
    for row in found.iter_rows(named=True):
        days = expected[row["supplier_id"]]
        assert row["lead_time_mean_days"] == pytest.approx(statistics.mean(days), rel=1e-12)
        assert row["lead_time_median_days"] == pytest.approx(statistics.median(days), rel=1e-12)
        if len(days) > 1:
            assert row["lead_time_std_days"] == pytest.approx(statistics.stdev(days), rel=1e-9)
    assert workspace.lake.scan(TABLES["gold/open_supplier_orders"]).collect().is_empty(), "every line was delivered"
    followed = workspace.lake.scan(TABLES["gold/supply_coverage"]).collect()
    countries = pl.read_parquet(file)["Country"]
    assert dict(followed.select("location_id", "order_lines").rows()) == dict(countries.value_counts().rows())


def plain_date(text: str) -> datetime | None:
    """A date as SCMS writes it, in one of its two forms."""
    for form in ("%d-%b-%y", "%m/%d/%y"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None
