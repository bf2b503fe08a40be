"""Masters keep their history: versions in order, no gap, no overlap."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from inventory_assets.contracts import silver
from inventory_assets.medallion.silver_masters import build_locations, build_products, build_suppliers
from inventory_assets_tests.medallion.builders import (
    NOON,
    PROFILES,
    READ_AT,
    assert_sound,
    bronze,
    decisions,
    facts,
    money,
    places,
)

START = datetime(2005, 1, 1, tzinfo=UTC)
BUILD = {"products": build_products, "locations": build_locations, "suppliers": build_suppliers}
ROW = {
    "products": {"product_sku": "85048", "product_name": "Lights"},
    "locations": {"location_id": "UK", "location_type": "Online"},
    "suppliers": {"supplier_id": "S1", "supplier_name": "Acme"},
}


def build(feed, *changes):
    found = BUILD[feed](bronze(feed, money([{**ROW[feed], **change} for change in changes])), decisions(), PROFILES)
    assert_sound(found)
    return found


def versions(found, *columns):
    shown = ["valid_from", "valid_to", "is_current", *columns]
    return found[silver.PRODUCTS.path].sort("valid_from").select(shown).rows()


LATER, LATEST = NOON + timedelta(days=1), NOON + timedelta(days=2)


def test_versions_follow_each_other_from_the_start_without_gap():
    found = build(
        "products",
        {"modified_at": LATER, "unit_price": "2"},
        {"modified_at": LATEST, "unit_price": "3", "product_sku": " 85048"},
        {"created_at": NOON, "unit_price": "1"},
    )
    assert [row[:3] for row in versions(found)] == [
        (START, LATER, False), (LATER, LATEST, False), (LATEST, None, True),
    ]  # fmt: skip
    assert [int(row[3]) for row in versions(found, "unit_price")] == [1, 2, 3]


def test_a_version_that_says_nothing_new_is_a_repeat():
    same = [{"modified_at": NOON, "brand": "A"}, {"modified_at": LATER, "brand": "A"}, {"modified_at": LATEST}]
    found = build("products", *same)
    assert [row[:2] for row in versions(found)] == [(START, LATEST), (LATEST, None)]
    assert places(found) == {"bronze": 3, "products": 2, "exact_repeat": 1}


def test_a_value_that_comes_back_is_a_version_of_its_own():
    found = build("products", *[{"modified_at": NOON + timedelta(days=d), "brand": b} for d, b in enumerate("ABA")])
    assert [row[3] for row in versions(found, "brand")] == ["A", "B", "A"]


def test_a_row_without_time_holds_from_the_start():
    assert versions(build("products", {})) == [(START, None, True)]


def test_versions_of_one_instant_are_a_contradiction_whatever_system_sent_them():
    rows = [{"modified_at": NOON, "brand": "B"}, {"modified_at": NOON, "brand": "A", "source_system": "plain"}]
    found = build("products", *rows)
    assert [row[3] for row in versions(found, "brand")] == ["A"]
    assert found[silver.QUARANTINE.path]["reasons"].to_list() == ["conflict"]


def test_history_does_not_depend_on_the_order_of_deliveries():
    rows = [
        {"modified_at": NOON + timedelta(days=day % 5), "brand": "AB"[day % 2], "source_file": str(day)}
        for day in range(12)
    ]
    shuffled = random.Random(5).sample(rows, len(rows))
    assert facts(build("products", *shuffled)) == facts(build("products", *rows))


@pytest.mark.parametrize(
    ("feed", "change", "listed"),
    [
        ("products", {"product_sku": None}, "key:null"),
        ("products", {"product_name": " "}, "value:not_allowed"),
        ("products", {"unit_cost": "-1"}, "price:negative,value:out_of_range"),
        ("products", {"reorder_point": 1_000_000}, "value:out_of_range"),
        ("products", {"modified_at": READ_AT + timedelta(days=1)}, "event_time_ahead"),
        ("products", {"modified_at": None, "cast_errors": "modified_at"}, "type:modified_at"),
        ("locations", {"location_type": "kiosk"}, "value:not_allowed"),
        ("locations", {"location_type": None}, "value:not_allowed"),
        ("locations", {"time_zone": "Mars/Olympus"}, "value:not_allowed"),
        ("locations", {"stock_authority": "boss"}, "value:not_allowed"),
        ("suppliers", {"lead_time_days": 4000}, "value:out_of_range"),
    ],
)
def test_a_bad_row_lists_its_reasons(feed, change, listed):
    assert build(feed, change)[silver.QUARANTINE.path]["reasons"].to_list() == [listed]


def test_a_location_has_the_ledger_as_authority_unless_it_says_otherwise():
    found = build("locations", {"time_zone": "Europe/London"}, {"location_id": "DC", "stock_authority": "WMS"})
    rows = found[silver.LOCATIONS.path].sort("location_id").select("location_id", "location_type", "stock_authority")
    assert rows.rows() == [("DC", "online", "wms"), ("UK", "online", "ledger")]


def test_no_rows_give_empty_masters():
    for feed, make in BUILD.items():
        found = make(bronze(feed, []), decisions(), PROFILES)
        assert all(frame.is_empty() for frame in found.values())
        assert all(isinstance(frame, pl.DataFrame) for frame in found.values())
