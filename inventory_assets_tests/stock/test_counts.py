"""What counts as a count: sheets, openings, levels of an authoritative system, visible assumptions."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl

from inventory_assets.contracts import silver
from inventory_assets.contracts.schemas import polars_schema
from inventory_assets.contracts.sources import Assumptions, Profiles, SourceProfile
from inventory_assets.stock.counts import COUNTS, assumed_openings, authoritative_levels, counts_of
from inventory_assets.stock.fold import fold, no_state

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)
COMMON = {"source_system": "s", "event_date": date(2024, 3, 1), "product_sku": "A", "location_id": "W"}


def at(hour: int) -> datetime:
    return NOON + timedelta(hours=hour)


def levels(*stated: tuple[int, str, int]) -> pl.DataFrame:
    rows = [
        {
            **COMMON,
            "record_type": "level",
            "event_time": at(hour),
            "location_zone": zone,
            "current_stock": stock,
            "document_id": "",
            "line_number": 0,
        }
        for hour, zone, stock in stated
    ]
    return pl.DataFrame(rows, schema=polars_schema(silver.WAREHOUSE_UPDATES))


def locations(*versions: tuple[int, str]) -> pl.DataFrame:
    rows = [{"location_id": "W", "stock_authority": authority, "valid_from": at(hour)} for hour, authority in versions]
    return pl.DataFrame(rows, schema=polars_schema(silver.LOCATIONS))


def totals(counts: pl.DataFrame) -> list[tuple]:
    return counts.sort("event_time").select("event_time", "quantity").rows()


def test_levels_are_assertions_unless_the_warehouse_system_has_authority():
    assert authoritative_levels(levels((1, "", 5)), locations((0, "ledger"))).is_empty()
    assert authoritative_levels(levels((1, "", 5)), locations().clear()).is_empty()
    assert totals(authoritative_levels(levels((1, "", 5)), locations((0, "wms")))) == [(at(1), 5)]


def test_authority_is_that_of_the_time_and_the_first_version_holds_from_the_start():
    changed = locations((0, "wms"), (4, "ledger"))
    assert totals(authoritative_levels(levels((-9, "", 1), (3, "", 2), (4, "", 3)), changed)) == [
        (at(-9), 1),
        (at(3), 2),
    ]


def test_the_level_of_a_location_is_the_sum_of_the_latest_levels_of_its_zones():
    stated = levels((1, "front", 5), (2, "back", 7), (3, "front", 4), (3, "back", 6))
    found = authoritative_levels(stated.sample(fraction=1, shuffle=True, seed=1), locations((0, "wms")))
    assert found.schema == COUNTS
    assert totals(found) == [(at(1), 5), (at(2), 12), (at(3), 10)]


def test_of_two_levels_of_a_zone_at_one_instant_the_later_document_holds():
    both = levels((1, "", 5), (1, "", 8)).with_columns(document_id=pl.Series(["b", "a"]))
    assert totals(authoritative_levels(both, locations((0, "wms")))) == [(at(1), 5)]


def test_counts_and_openings_become_statements_with_their_kind():
    counted = pl.DataFrame(
        [
            {**COMMON, "event_time": at(2), "location_zone": zone, "quantity": 3, "document_id": "d", "line_number": 1}
            for zone in ("front", "back")
        ],
        schema=polars_schema(silver.STOCK_COUNTS),
    )
    opened = pl.DataFrame([{**COMMON, "event_time": at(1), "quantity": 9}], schema=polars_schema(silver.STOCK_OPENINGS))
    stated = counts_of(counted, opened)
    assert stated.schema == COUNTS
    assert stated.select("kind", "quantity", "document_id").rows() == [
        ("count", 3, "d"),
        ("count", 3, "d"),
        ("opening", 9, ""),
    ]
    state = fold(no_state(), pl.DataFrame(schema=polars_schema(silver.STOCK_MOVEMENTS)), stated).row(0, named=True)
    assert (state["book"], state["stock_basis"], state["first_known_at"]) == (6, "counted", at(1))


def test_nothing_is_assumed_unless_a_profile_says_so():
    pairs = pl.DataFrame({"source_system": ["till"], "product_sku": ["A"], "location_id": ["W"]})
    assert assumed_openings(pairs, Profiles({})).is_empty()
    assume = Assumptions(opening_quantity=100, opening_date=date(2024, 7, 1))
    profiles = Profiles({"till": SourceProfile(time_zone="Europe/London", assume=assume)})
    found = assumed_openings(pairs, profiles)
    assert found.schema == COUNTS
    assert found.select("kind", "quantity", "event_time", "event_date").row(0) == (
        "assumed",
        100,
        datetime(2024, 6, 30, 23, tzinfo=UTC),
        date(2024, 7, 1),
    )


def test_a_pair_known_to_two_systems_gets_the_earliest_assumption_once():
    pairs = pl.DataFrame({"source_system": ["a", "b", "b"], "product_sku": ["A"] * 3, "location_id": ["W"] * 3})
    profiles = Profiles(
        {
            "a": SourceProfile(assume=Assumptions(opening_quantity=1, opening_date=date(2024, 7, 2))),
            "b": SourceProfile(assume=Assumptions(opening_quantity=2, opening_date=date(2024, 7, 1))),
        }
    )
    assert assumed_openings(pairs, profiles).get_column("quantity").to_list() == [2]
