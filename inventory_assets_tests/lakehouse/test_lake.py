"""Replacing days, reading versions, and what a commit says about its inputs."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.contracts.schemas import ContractError, polars_schema
from inventory_assets.contracts.silver import DAY_BALANCE, PRODUCTS
from inventory_assets.lakehouse.lake import Lake, Scope

FIRST = date(2024, 1, 1)
DAYS = [None, *(FIRST + timedelta(days=n) for n in range(4))]


def balance(*cells: tuple[str, date | None, int]) -> pl.DataFrame:
    """Rows of `silver/day_balance`: feed, day, rows."""
    return pl.DataFrame(
        [(feed, "till", day, "bronze", rows) for feed, day, rows in cells],
        schema=polars_schema(DAY_BALANCE),
        orient="row",
    )


def stored(lake: Lake, version: int | None = None) -> dict[tuple[str, date | None], int]:
    """What the table holds: (feed, day) → rows."""
    frame = lake.scan(DAY_BALANCE, version).select("feed", "event_date", "rows").collect()
    return {(feed, day): rows for feed, day, rows in frame.rows()}


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake(str(tmp_path / "lake"))


actions = st.lists(
    st.tuples(
        st.sampled_from(["pos", "stock"]),
        st.sets(st.sampled_from(DAYS), min_size=1),
        st.dictionaries(st.sampled_from(DAYS), st.integers(1, 9)),
    ),
    max_size=5,
)


@given(actions)
@settings(max_examples=25, deadline=None)
def test_a_replacement_touches_its_feed_and_days_and_nothing_else(tmp_path_factory, steps):
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    expected: dict[tuple[str, date | None], int] = {}
    for feed, days, rows in steps:
        inside = {day: n for day, n in rows.items() if day in days}
        frame = balance(*((feed, day, n) for day, n in inside.items()))
        before = lake.version(DAY_BALANCE)
        commit = lake.replace(DAY_BALANCE, frame, Scope("event_date", frozenset(days), feed))
        touched = {day for day in days if (feed, day) in expected or day in inside}
        expected = {key: n for key, n in expected.items() if key[0] != feed or key[1] not in days}
        expected |= {(feed, day): n for day, n in inside.items()}
        assert lake.changed_days(DAY_BALANCE, before, commit.version, feed) == touched
    assert stored(lake) == expected


def test_rows_outside_the_scope_are_refused(lake):
    with pytest.raises(ContractError, match="outside the part that is replaced"):
        lake.replace(DAY_BALANCE, balance(("pos", DAYS[1], 1)), Scope("event_date", frozenset({DAYS[2]}), "pos"))
    assert stored(lake) == {}


def test_a_float_never_becomes_an_integer(lake):
    frame = balance(("pos", DAYS[1], 1)).with_columns(rows=pl.lit(1.5))
    with pytest.raises(ContractError, match="Float64 instead of Int64"):
        lake.replace(DAY_BALANCE, frame, Scope())
    assert lake.version(DAY_BALANCE) is None


def test_a_bad_value_leaves_the_table_as_it_was(lake):
    lake.replace(DAY_BALANCE, balance(("pos", DAYS[1], 1)), Scope())
    version = lake.version(DAY_BALANCE)
    with pytest.raises(ContractError, match="rows"):
        lake.replace(DAY_BALANCE, balance(("pos", DAYS[1], -1)), Scope())
    assert lake.version(DAY_BALANCE) == version


def test_a_missing_table_reads_as_empty(lake):
    assert lake.scan(DAY_BALANCE).collect().schema == polars_schema(DAY_BALANCE)
    assert lake.version(DAY_BALANCE) is None
    assert lake.consumed(DAY_BALANCE, PRODUCTS) is None
    assert lake.day_rows(DAY_BALANCE) == {}


def test_a_commit_says_which_versions_it_consumed(lake):
    lake.replace(DAY_BALANCE, balance(("pos", DAYS[1], 1)), Scope(), {PRODUCTS.path: 7})
    assert lake.consumed(DAY_BALANCE, PRODUCTS) == 7
    lake.replace(DAY_BALANCE, balance(("pos", DAYS[1], 2)), Scope())
    assert lake.consumed(DAY_BALANCE, PRODUCTS) == 7


def test_noting_consumed_versions_changes_no_day_and_happens_once(lake):
    lake.replace(DAY_BALANCE, balance(("pos", DAYS[1], 1)), Scope(), {PRODUCTS.path: 7})
    before = lake.version(DAY_BALANCE)
    lake.note(DAY_BALANCE, {PRODUCTS.path: 8})
    after = lake.version(DAY_BALANCE)
    lake.note(DAY_BALANCE, {PRODUCTS.path: 8})
    assert lake.consumed(DAY_BALANCE, PRODUCTS) == 8
    assert lake.version(DAY_BALANCE) == after == before + 1
    assert lake.changed_days(DAY_BALANCE, before, after) == set()


def test_compaction_dirties_no_day(lake):
    for n in range(3):
        lake.append(DAY_BALANCE, balance((f"feed{n}", DAYS[1], n), ("pos", DAYS[2], n)))
    before = lake.version(DAY_BALANCE)
    lake.open(DAY_BALANCE).optimize.compact()
    assert lake.version(DAY_BALANCE) > before
    assert lake.changed_days(DAY_BALANCE, before, lake.version(DAY_BALANCE)) == set()


def test_where_the_log_is_gone_every_day_counts_as_changed(lake):
    for n in range(1, 4):
        lake.append(DAY_BALANCE, balance(("pos", DAYS[n], n)))
    version = lake.version(DAY_BALANCE)
    lake.open(DAY_BALANCE).create_checkpoint()
    for commit in Path(lake.uri(DAY_BALANCE), "_delta_log").glob("*.json"):
        if int(commit.stem) < version:
            commit.unlink()
    assert lake.changed_days(DAY_BALANCE, 0, version) == set(DAYS[1:4])


def test_days_are_read_by_partition_null_included(lake):
    lake.append(DAY_BALANCE, balance(*(("pos", day, n) for n, day in enumerate(DAYS))))
    assert set(lake.scan(DAY_BALANCE, days={None, DAYS[1]}).collect()["event_date"]) == {None, DAYS[1]}
    assert lake.scan(DAY_BALANCE, days=set()).collect().is_empty()
    assert lake.day_rows(DAY_BALANCE) == dict.fromkeys(DAYS, 1)


def test_an_older_version_stays_readable(lake):
    first = lake.append(DAY_BALANCE, balance(("pos", DAYS[1], 1)))
    lake.replace(DAY_BALANCE, balance(("pos", DAYS[1], 2)), Scope())
    assert stored(lake, first.version) == {("pos", DAYS[1]): 1}
    assert stored(lake) == {("pos", DAYS[1]): 2}
