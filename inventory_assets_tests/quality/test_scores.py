"""Scores by hand, whatever the order of rows, and over the real pipeline."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from inventory_assets.contracts.quality import DIMENSIONS, QUALITY_SCORES
from inventory_assets.contracts.schemas import check
from inventory_assets.contracts.silver import (
    DAY_BALANCE,
    NON_MERCHANDISE,
    PRODUCTS,
    QUARANTINE,
    RETURNS,
    SALES,
    STOCK_COUNTS,
)
from inventory_assets.pipeline.quality import refresh_scores
from inventory_assets.quality.scores import SCORED, feed_counts, row_counts, score, why_not
from inventory_assets.settings import IngestSettings, Settings
from inventory_assets_tests.frames import random_frame
from inventory_assets_tests.pipeline.running import facts, refresh_everything, workspace_at

DAY = date(2024, 5, 1)
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
OF = {scored.table.path: scored for scored in SCORED}


def sales(*changes: dict) -> pl.LazyFrame:
    """Consistent, accurate lines read an hour after their event, with some cells changed."""
    base = random_frame(SALES, 1, len(changes)).with_columns(
        event_date=pl.lit(DAY), timestamp=pl.lit(NOON), ingestion_timestamp=pl.lit(NOON + timedelta(hours=1)),
        quantity_sold=pl.lit(3, pl.Int64), unit_price=pl.lit("2.5000").cast(pl.Decimal(18, 4)),
        total_amount=pl.lit("7.5000").cast(pl.Decimal(18, 4)), data_quality_score=pl.lit(1.0),
    )  # fmt: skip
    rows = [{**row, **changed} for row, changed in zip(base.to_dicts(), changes, strict=True)]
    return pl.DataFrame(rows, schema=base.schema).lazy()


def balance(*rows: tuple[str, date | None, str, int]) -> pl.LazyFrame:
    frame = pl.DataFrame(rows, schema=["feed", "event_date", "outcome", "rows"], orient="row")
    return frame.with_columns(pl.col("event_date").cast(pl.Date), source_system=pl.lit("till")).lazy()


def refused(*reasons: str, feed: str = "pos", day: date | None = DAY) -> pl.LazyFrame:
    rows = random_frame(QUARANTINE, 2, max(len(reasons), 1)).head(len(reasons))
    return rows.with_columns(
        feed=pl.lit(feed), event_date=pl.lit(day, pl.Date), reasons=pl.Series(reasons, dtype=pl.String),
        reason=pl.Series([each.split(",")[0] for each in reasons], dtype=pl.String),
    ).lazy()  # fmt: skip


def scores(*counts: pl.LazyFrame) -> pl.DataFrame:
    """Scores that keep their contract."""
    return check(score(pl.collect_all(counts), DAY), QUALITY_SCORES)


def test_each_dimension_by_hand():
    lines = sales(
        {},
        {"data_quality_score": 0.89},
        {"data_quality_score": 0.9, "total_amount": None},
        {"ingestion_timestamp": NOON + timedelta(hours=24, microseconds=1)},
    )
    came = balance(("pos", DAY, "bronze", 12), ("pos", DAY, "inventory_transactions", 4), ("pos", DAY, "returns", 2),
                   ("pos", DAY, "quarantine", 4), ("pos", DAY, "exact_repeat", 2))  # fmt: skip
    bad = refused("key:null,price:negative", "type:unit_price,quantity:null", "conflict", "date_out_of_range")
    row = scores(row_counts(lines, OF[SALES.path], timedelta(hours=24)), *feed_counts(came, bad)).row(0, named=True)
    expected = {
        "completeness": 6 / 8, "accuracy": 3 / 4, "consistency": 3 / 4, "timeliness": 3 / 4, "validity": 6 / 10,
        "uniqueness": 9 / 12,
    }  # fmt: skip
    assert {name: row[name] for name in DIMENSIONS} == expected
    assert row["dq_score"] == pytest.approx(sum(expected.values()) / 6, abs=1e-15)
    assert row["not_applicable"] is None


def test_a_day_on_which_everything_was_refused_has_scores():
    for day in (DAY, None):
        came = balance(("pos", day, "bronze", 2), ("pos", day, "quarantine", 2))
        row = scores(*feed_counts(came, refused("time:missing", "conflict", day=day))).row(0, named=True)
        assert (row["table_name"], row["event_date"], row["rows"]) == (SALES.path, day, 0)
        assert (row["completeness"], row["validity"], row["uniqueness"], row["accuracy"]) == (0.0, 0.0, 0.5, None)
        assert row["not_applicable"].startswith("accuracy: no rows on this day; consistency: no rows")


def test_a_dimension_is_null_exactly_where_the_reason_names_it():
    frames = [row_counts(random_frame(s.table, 5).lazy(), s, timedelta(1)) for s in SCORED if s.time]
    feeds = {scored.feed for scored in SCORED}
    came = balance(*((feed, DAY, "bronze", 3) for feed in feeds), *((feed, DAY, "any_table", 3) for feed in feeds))
    found = scores(*frames, *feed_counts(came, refused()))
    for row in found.iter_rows(named=True):
        named = {part.split(":")[0] for part in (row["not_applicable"] or "").split("; ")} - {""}
        assert named == {name for name in DIMENSIONS if row[name] is None}, row
    assert set(found["table_name"]) == set(OF)
    assert why_not(OF[RETURNS.path], "validity") == "counted for the feed at silver/inventory_transactions"
    assert why_not(OF[STOCK_COUNTS.path], "consistency") == "rows carry no amount"
    assert why_not(OF[PRODUCTS.path], "timeliness") == "versions of a master have no business day"


def test_an_amount_that_is_missing_is_consistent_only_where_quantity_or_price_is_missing():
    rows = random_frame(NON_MERCHANDISE, 3, 3).with_columns(
        event_date=pl.lit(DAY), quantity_sold=pl.Series([2, 2, None], dtype=pl.Int64),
        unit_price=pl.Series(["1.5", "1.5", "1.5"]).cast(pl.Decimal(18, 4)),
        total_amount=pl.Series(["3.0", None, None], dtype=pl.String).cast(pl.Decimal(18, 4)),
    )  # fmt: skip
    counted = row_counts(rows.lazy(), OF[NON_MERCHANDISE.path], timedelta(1)).collect()
    assert counted["rows_consistent"].to_list() == [2]


def test_the_order_of_rows_changes_no_cell():
    frame = random_frame(SALES, 7, 60)
    plenty = pl.when(pl.col("outcome") == "bronze").then(10_000).otherwise(pl.col("rows") % 50).cast(pl.Int64)
    came, bad = random_frame(DAY_BALANCE, 8, 40).with_columns(rows=plenty), random_frame(QUARANTINE, 9, 40)
    came = came.vstack(came.with_columns(outcome=pl.lit("bronze"), rows=pl.lit(10_000, pl.Int64)))
    made = [
        scores(
            row_counts(frame.sample(fraction=1.0, shuffle=True, seed=seed).lazy(), OF[SALES.path], timedelta(1)),
            *feed_counts(*(each.sample(fraction=1.0, shuffle=True, seed=seed).lazy() for each in (came, bad))),
        )
        for seed in range(5)
    ]
    assert all(each.equals(made[0]) for each in made[1:])


HEADER = "transaction_id,line_number,store_id,product_sku,quantity_sold,unit_price,timestamp\n"


def test_only_days_that_changed_are_scored_again_and_a_repeat_lowers_uniqueness_alone(tmp_path):
    settings = Settings(data_dir=tmp_path, ingest=IngestSettings(ready_after_seconds=0))
    workspace = workspace_at(settings, datetime(2024, 5, 3, tzinfo=UTC))
    folder = settings.data_dir / "landing" / "pos" / "source=till"
    folder.mkdir(parents=True)
    line = "R{0},1,S1,A1,2,1.50,2024-05-0{1}T10:00:00Z\n"
    (folder / "a.csv").write_text(HEADER + line.format(1, 1) + line.format(2, 2) + "R9,1,S1,A1,,1.50,2024-05-02\n")
    refresh_everything(workspace, settings)
    before, version = facts(workspace.lake, QUALITY_SCORES), workspace.lake.version(QUALITY_SCORES)
    (folder / "b.csv").write_text(HEADER + line.format(2, 2))
    refresh_everything(workspace, settings)
    after = workspace.lake.version(QUALITY_SCORES)
    assert version is not None
    assert after is not None
    assert workspace.lake.changed_days(QUALITY_SCORES, version, after) == {date(2024, 5, 2)}
    assert facts(workspace.lake, QUALITY_SCORES).equals(before), "what was sent twice is the same fact"
    rows = workspace.lake.scan(QUALITY_SCORES).filter(pl.col("table_name") == SALES.path).sort("event_date").collect()
    assert rows["uniqueness"].to_list() == [1.0, pytest.approx(2 / 3)]
    assert rows["validity"].to_list() == [1.0, 0.5]
    assert rows["timeliness"].to_list() == [0.0, 1.0], "read 38 and 14 hours after their event"
    assert not refresh_scores(workspace).changed
