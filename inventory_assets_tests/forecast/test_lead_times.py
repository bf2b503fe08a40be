"""Lead times by supplier and item, and how few deliveries lean on the supplier's."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from inventory_assets.contracts.forecast import LEAD_TIME_STATS
from inventory_assets.contracts.schemas import check
from inventory_assets.forecast.lead_times import lead_time_stats

ORDERED = datetime(2026, 1, 1, tzinfo=UTC)


def stats(**days: list[float | None]) -> pl.DataFrame:
    """Statistics of deliveries of items after so many days; None was not received."""
    rows = [
        ("erp", "SUP", item, ORDERED, None if each is None else ORDERED + timedelta(days=each))
        for item, taken in days.items()
        for each in taken
    ]
    columns = ["source_system", "supplier_id", "product_sku", "ordered_at", "received_at"]
    instant = pl.Datetime("us", "UTC")
    lines = pl.DataFrame(rows, schema=columns, orient="row").cast({"ordered_at": instant, "received_at": instant})
    return check(lead_time_stats(lines.lazy(), date(2026, 2, 1)), LEAD_TIME_STATS)


def test_figures_equal_those_worked_by_hand():
    row = stats(A=[2.0, 4.0, 9.0]).row(0, named=True)
    assert (row["deliveries"], row["mean_days"], row["median_days"]) == (3, 5.0, 4.0)
    assert row["sd_days"] == pytest.approx(13**0.5)
    assert row["expected_days"] == 5.0
    assert row["expected_sd_days"] == pytest.approx((26 / 3) ** 0.5)


def test_one_delivery_leans_on_the_supplier():
    found = {row["product_sku"]: row for row in stats(A=[10.0] * 99, B=[40.0]).iter_rows(named=True)}
    assert found["B"]["sd_days"] is None
    assert found["B"]["expected_days"] == pytest.approx((40 + 5 * 10.3) / 6)
    assert found["A"]["expected_days"] == pytest.approx(10, abs=0.02)


def test_a_line_not_received_or_received_at_once_is_no_lead_time():
    assert stats(A=[None, 0.0, 3.0])["deliveries"].to_list() == [1]
    assert stats(A=[None]).is_empty()
