from __future__ import annotations

import random
import statistics
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.contracts import gold, silver
from inventory_assets.contracts.schemas import check
from inventory_assets.medallion.gold_suppliers import supplier_performance
from inventory_assets.medallion.supplier_orders import ORDER_LINE, SUPPLIER
from inventory_assets_tests.medallion.frames import PROCESSED, by_key, frame

if TYPE_CHECKING:
    import polars as pl

START = datetime(2026, 1, 1, tzinfo=UTC)
times = st.integers(0, 60 * 24 * 40).map(lambda minutes: START + timedelta(minutes=minutes))
reports = st.lists(
    st.fixed_dictionaries(
        {
            "source_system": st.sampled_from(["erp", "edi"]),
            "supplier_id": st.sampled_from(["V1", "V2"]),
            "order_id": st.sampled_from(["O1", "O2", "O3"]),
            "line_number": st.integers(0, 2),
            "product_sku": st.sampled_from(["A", "B"]),
            "expected_delivery": st.none() | times,
            "ordered_at": st.none() | times,
            "received_at": st.none() | times,
            "quantity_ordered": st.integers(0, 100),
            "quantity_received": st.none() | st.integers(0, 100),
            "updated_at": st.integers(0, 3).map(lambda day: START + timedelta(days=day)),
        }
    ),
    max_size=30,
    unique_by=lambda row: tuple(row[name] for name in (*ORDER_LINE, "updated_at")),
)


def performance(rows: list[dict]) -> pl.DataFrame:
    return supplier_performance(frame(silver.SUPPLIER_ORDERS, rows).lazy(), PROCESSED).collect()


def looped(rows: list[dict]) -> dict[tuple, dict]:
    latest: dict[tuple, dict] = {}
    for row in sorted(rows, key=lambda row: row["updated_at"]):
        line = latest.setdefault(tuple(row[name] for name in ORDER_LINE), dict.fromkeys(row))
        line.update({name: value for name, value in row.items() if value is not None})
    result = {}
    for supplier in {tuple(row[name] for name in SUPPLIER) for row in rows}:
        lines = [row for row in latest.values() if tuple(row[name] for name in SUPPLIER) == supplier]
        came = [row for row in lines if row["received_at"]]
        leads = [
            (row["received_at"] - row["ordered_at"]).total_seconds() / 86_400
            for row in came
            if row["ordered_at"] and row["received_at"] > row["ordered_at"]
        ]
        promised = [row for row in came if row["expected_delivery"]]
        on_time = sum(row["received_at"].date() <= row["expected_delivery"].date() for row in promised)
        stated = [row for row in came if row["quantity_received"] is not None]
        ordered = sum(row["quantity_ordered"] for row in stated)
        arrived = sum(row["quantity_received"] for row in stated)
        result[supplier] = {
            "order_lines": len(lines),
            "received_lines": len(came),
            "promised_lines": len(promised),
            "on_time_lines": on_time,
            "on_time_rate": on_time / len(promised) if promised else None,
            "lead_time_lines": len(leads),
            "lead_time_mean_days": statistics.fmean(leads) if leads else None,
            "lead_time_std_days": statistics.stdev(leads) if len(leads) > 1 else None,
            "lead_time_median_days": statistics.median(leads) if leads else None,
            "quantity_ordered": ordered,
            "quantity_received": arrived,
            "fill_rate": arrived / ordered if ordered else None,
            "first_ordered_at": min((row["ordered_at"] for row in lines if row["ordered_at"]), default=None),
            "last_received_at": max((row["received_at"] for row in came), default=None),
            "processing_date": PROCESSED,
        }
    return result


@given(reports)
@settings(max_examples=50, deadline=None)
def test_supplier_performance_equals_loops_over_the_lines_as_last_said(rows):
    found = performance(rows)
    check(found, gold.SUPPLIER_PERFORMANCE)
    found = by_key(found, SUPPLIER)
    expected = looped(rows)
    assert found.keys() == expected.keys()
    for supplier, values in expected.items():
        for name, value in values.items():
            same = pytest.approx(value, rel=1e-9, abs=1e-9) if isinstance(value, float) else value
            assert found[supplier][name] == same, name


@given(reports, st.randoms())
@settings(max_examples=20, deadline=None)
def test_order_of_the_reports_changes_no_bit(rows, source):
    shuffled = rows.copy()
    source.shuffle(shuffled)
    assert performance(rows).sort(SUPPLIER).equals(performance(shuffled).sort(SUPPLIER))


def test_reports_of_one_instant_are_decided_by_content_not_by_order():
    # silver never holds two, so this guards against a caller that unions two versions of it
    line = {"supplier_id": "V", "updated_at": START, "ordered_at": START, "expected_delivery": START}
    rows = [{**line, "received_at": START + timedelta(days=n)} for n in range(1, 6)]
    results = set()
    for seed in range(5):
        random.Random(seed).shuffle(rows)
        results.add(performance(rows).rows()[0])
    assert len(results) == 1


@pytest.mark.parametrize(
    ("received", "expected", "on_time"),
    [
        ("2026-01-10T23:59", "2026-01-10T00:00", 1),
        ("2026-01-11T00:00", "2026-01-10T23:59", 0),
        ("2026-01-09T12:00", "2026-01-10T00:00", 1),
    ],
)
def test_on_time_compares_days_not_hours(received, expected, on_time):
    row = {
        "received_at": datetime.fromisoformat(received).replace(tzinfo=UTC),
        "expected_delivery": datetime.fromisoformat(expected).replace(tzinfo=UTC),
    }
    assert performance([row])["on_time_lines"].to_list() == [on_time]


def test_a_supplier_with_nothing_received_has_null_rates_not_zero():
    row = performance([{"supplier_id": "V", "ordered_at": START, "expected_delivery": START}]).row(0, named=True)
    assert row["order_lines"] == 1
    assert [row[name] for name in ("on_time_rate", "fill_rate", "lead_time_mean_days")] == [None, None, None]


def test_long_lead_times_of_many_lines_stay_exact():
    lines = [
        {"line_number": n, "ordered_at": START, "received_at": START + timedelta(days=3_000 + n % 2),
         "expected_delivery": START}
        for n in range(2_000)
    ]  # fmt: skip
    row = performance(lines).row(0, named=True)
    assert row["lead_time_mean_days"] == 3_000.5
    assert row["lead_time_std_days"] == pytest.approx(statistics.stdev([0, 1] * 1_000), rel=1e-12)
