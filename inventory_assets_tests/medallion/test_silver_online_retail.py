"""Online Retail II to the last digit: the control totals of the published data."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pytest

from inventory_assets.contracts import silver
from inventory_assets.contracts.sources import load_profiles
from inventory_assets.medallion.silver_matching import SLIM, matching_days
from inventory_assets.medallion.silver_pos import build_pos
from inventory_assets_tests.medallion.builders import assert_sound, decisions, facts, places
from inventory_assets_tests.medallion.online_retail import online_retail_bronze

pytestmark = pytest.mark.shared_data
NO_ITEMS = pl.Series([], dtype=pl.String)
PROFILES = load_profiles()


@pytest.fixture(scope="module")
def bronze(shared_data):
    return online_retail_bronze(shared_data)


def build(bronze, days):
    return build_pos(bronze, decisions(), NO_ITEMS, PROFILES, days)


@pytest.fixture(scope="module")
def found(bronze):
    found = build(bronze, bronze["event_date"].unique().to_list())
    assert_sound(found)
    return found


@pytest.mark.parametrize(
    ("table", "lines", "units", "amount"),
    [
        (silver.SALES, 690_165, 7_755_040, "13335881.950"),
        (silver.RETURNS, 11_873, -202_178, "-261962.77"),
        (silver.CANCELLATIONS, 922, -116_067, "-149419.86"),
        (silver.STOCK_ADJUSTMENTS, 4_697, -224_012, "0"),
        (silver.GIVEN_AWAY, 40, 1_066, "0"),
        (silver.NON_MERCHANDISE, 4_270, 2_088, "-55675.495"),
    ],
)
def test_classes_have_the_published_totals(found, table, lines, units, amount):
    frame = found[table.path]
    totals = (frame.height, frame["quantity_sold"].sum(), frame["total_amount"].sum())
    assert totals == (lines, units, Decimal(amount))


def test_doubles_of_the_overlapping_sheets_are_counted_once_without_a_conflict(found):
    assert places(found)["bronze"] == 734_490
    assert places(found)["exact_repeat"] == 22_523
    assert found[silver.QUARANTINE.path].is_empty()


def test_cancellations_name_their_sales(found):
    cancelled = found[silver.CANCELLATIONS.path]
    assert cancelled.filter(pl.col("sale_date") != pl.col("event_date")).height == 72
    large = cancelled.filter(pl.col("transaction_id") == "C541433")
    assert large.select("quantity_sold", "sale_transaction_id").rows() == [(-74_215, "541431")]
    sales = found[silver.SALES.path].filter(pl.col("cancelled_by_transaction_id").is_not_null())
    assert (sales.height, sales["quantity_sold"].sum()) == (922, 116_067)


def test_two_weeks_built_day_by_day_with_windows_equal_the_whole(bronze, found):
    first = date(2010, 12, 1)
    for step in range(14):
        day, looked = first + timedelta(days=step), {first + timedelta(days=step)}
        while True:
            slim = bronze.filter(pl.col("event_date").is_in(sorted(looked))).select(SLIM)
            answer = matching_days(slim, {day}, looked, decisions(), PROFILES)
            if not answer.missing:
                break
            looked |= answer.missing
        alone = build(bronze.filter(pl.col("event_date").is_in(sorted(answer.window))), [day])
        whole = {path: frame.filter(pl.col("event_date") == day) for path, frame in found.items()}
        assert facts(alone) == facts(whole)


def test_shuffled_rows_in_other_files_give_the_same_december(bronze):
    december = bronze.filter(pl.col("event_date").is_between(date(2010, 12, 1), date(2010, 12, 5)))
    days = december["event_date"].unique().to_list()
    dealt = december.sample(fraction=1, shuffle=True, seed=7).with_columns(
        source_file=(pl.col("transaction_id").hash(seed=3) % 5).cast(pl.String),
        row_number=pl.int_range(1, pl.len() + 1),
    )
    assert facts(build(dealt, days)) == facts(build(december, days))
