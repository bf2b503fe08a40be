"""Faults: present, at the set rate, where the truth says, with exactly one deciding reason."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from inventory_assets.contracts.feeds import DISPOSITIONS
from inventory_assets.contracts.silver import REASONS
from inventory_assets.simulator import History, HistoryConfig, simulate_history
from inventory_assets.simulator.faults import BAD_ROWS
from inventory_assets_tests.simulator import plain
from inventory_assets_tests.simulator.conftest import SMALL

if TYPE_CHECKING:
    from pathlib import Path

KINDS = {kind.kind for kind in BAD_ROWS} | {
    "broken_line",
    "nonexistent_time",
    "contradiction",
    "repeat_in_file",
    "repeat_in_later_file",
    "late",
    "out_of_order",
    "resent_file",
    "wrong_encoding",
    "missing_column",
    "mostly_unreadable",
}


@pytest.fixture(scope="module")
def pos_files(history: History, landing: Path) -> dict[str, list[plain.Row | None]]:
    refused = set(history.faults.filter(pl.col("row_number") == 0)["file"])
    return {
        path: plain.read(landing / path)
        for path, spec in history.files.items()
        if spec.feed == "pos" and path not in refused
    }


def test_every_kind_of_fault_is_in_a_history_of_default_rates():
    default = simulate_history(HistoryConfig(start=SMALL.start))
    assert set(default.faults["fault"]) == KINDS
    per_feed = {(kind.feed, kind.kind) for kind in BAD_ROWS}
    assert per_feed <= set(default.faults.select("feed", "fault").iter_rows())
    rows = default.faults.filter(
        (pl.col("feed") == "pos") & (pl.col("row_number") > 0) & (pl.col("fault") != "resent_file")
    ).height
    assert rows == pytest.approx(default.config.dirt * default.summary["clean_rows"]["pos"], rel=0.2)


def test_reasons_are_those_of_the_contract(history: History):
    bad = history.faults.filter(pl.col("expected") == "quarantine")
    assert set(bad["reason"].str.replace(r"^type:.*", "type")) <= set(REASONS)
    assert history.faults.filter(pl.col("expected") != "quarantine")["reason"].null_count() == (
        history.faults.height - bad.height
    )


def _reasons(row: plain.Row, zones: dict[str, str]) -> list[str]:
    """Every rule of a till row that it breaks, in the words of the contract."""
    found = []
    if not row["transaction_id"] or not row["store_id"] or not row["product_sku"]:
        found.append("key:null")
    quantity, price, moment = row["quantity_sold"], row["unit_price"], row["timestamp"]
    if quantity and not re.fullmatch(r"-?\d+", quantity):
        found.append("type:quantity_sold")
    if price and not re.fullmatch(r"-?\d+(\.\d+)?", price):
        found.append("type:unit_price")
    found += _time_reasons(moment, zones.get(row["store_id"] or "", "UTC"))
    if quantity is None or price is None:
        found += ["quantity:null"] * (quantity is None) + ["price:null"] * (price is None)
        return found
    if any(reason.startswith("type:") for reason in found if reason != "type:timestamp"):
        return found
    units, cost = int(quantity), Decimal(price)
    found += ["quantity:zero"] * (units == 0) + ["price:negative"] * (cost < 0)
    found += ["value:out_of_range"] * (abs(units) > 10_000_000)
    found += ["value:not_allowed"] * (row["disposition"] not in (None, *DISPOSITIONS))
    found += ["unclassified"] * (units < 0 and cost == 0)
    return found


def _time_reasons(text: str | None, zone: str) -> list[str]:
    if text is None:
        return ["time:missing"]
    try:
        moment = plain.instant(text, zone)
    except ValueError:
        return ["type:timestamp"]
    local = datetime.fromisoformat(text)
    if local.tzinfo is None and moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != local:
        return ["time:nonexistent"]
    return ["event_time_ahead"] * (moment > SMALL.end) + ["date_out_of_range"] * (moment.year < 2005)


def test_each_bad_till_row_breaks_one_deciding_rule_and_no_other_row_breaks_any(
    history: History, pos_files: dict[str, list[plain.Row | None]]
):
    zones = {p.code: p.zone for p in history.world.locations}
    expected = {
        (r["file"], r["row_number"]): r["reason"]
        for r in history.faults.filter(
            (pl.col("feed") == "pos") & (pl.col("row_number") > 0) & (pl.col("reason") != "conflict")
        ).iter_rows(named=True)
        if r["reason"]
    }
    found = {}
    for path, rows in pos_files.items():
        for number, row in enumerate(rows, 1):
            reasons = ["line:unreadable"] if row is None else _reasons(row, zones)
            if reasons:
                found[path, number] = min(
                    reasons,
                    key=lambda reason: (
                        REASONS.index(reason.split(":")[0]) if reason.startswith("type:") else REASONS.index(reason)
                    ),
                )
    assert found == expected


def test_what_remains_without_the_faulty_rows_is_the_truth(
    history: History, pos_files: dict[str, list[plain.Row | None]]
):
    zones = {p.code: p.zone for p in history.world.locations}
    dropped = {
        (r["file"], r["row_number"])
        for r in history.faults.filter(pl.col("expected") != "accepted").iter_rows(named=True)
    }
    landed: Counter[tuple] = Counter()
    for path, rows in pos_files.items():
        for number, row in enumerate(rows, 1):
            if (path, number) not in dropped:
                assert row is not None
                landed[
                    row["store_id"],
                    row["transaction_id"],
                    row.get("line_number"),
                    row["product_sku"],
                    int(row["quantity_sold"]),
                    Decimal(row["unit_price"]),
                    plain.instant(row["timestamp"], zones[row["store_id"]]),
                    row["customer_id"],
                ] += 1
    columns = [
        "store_id",
        "transaction_id",
        pl.col("line_number").cast(pl.String),
        "product_sku",
        "quantity_sold",
        "unit_price",
        "timestamp",
        "customer_id",
    ]
    assert landed == Counter(history.truth["pos_lines"].select(columns).iter_rows())


def test_exact_repeats_equal_a_row_that_is_kept(history: History, pos_files: dict[str, list[plain.Row | None]]):
    faults = {
        (r["file"], r["row_number"]): r["expected"]
        for r in history.faults.filter(pl.col("feed") == "pos").iter_rows(named=True)
    }
    kept, repeats = set(), set()
    for path, rows in pos_files.items():
        for number, row in enumerate(rows, 1):
            outcome = faults.get((path, number), "accepted")
            if row is not None and outcome != "quarantine":
                (repeats if outcome == "exact_repeat" else kept).add(tuple(sorted(row.items(), key=str)))
    assert repeats
    assert repeats <= kept


def test_a_contradiction_has_the_key_of_a_clean_row_and_loses_by_its_time(history: History):
    rows = history.rows["pos"]
    clean = rows.filter(pl.col("expected").fill_null("accepted") == "accepted")
    other = rows.filter(pl.col("fault") == "contradiction").join(clean, on="business_key", suffix="_clean")
    assert other["business_key"].n_unique() == rows.filter(pl.col("fault") == "contradiction").height
    assert (other["time"] > other["time_clean"]).all()
    assert (other["event_date"] == other["event_date_clean"]).all()


def test_late_rows_land_in_a_file_of_a_later_day(history: History):
    late = history.rows["pos"].filter(pl.col("fault") == "late")
    on_time = history.rows["pos"].filter(pl.col("fault").is_null() & pl.col("file").is_in(late["file"].implode()))
    days = on_time.group_by("file").agg(pl.col("day").max().alias("file_day"))
    assert (late.join(days, on="file")["file_day"] > late.join(days, on="file")["day"]).all()


def test_receipts_of_tills_without_line_numbers_never_travel_in_parts(history: History):
    refused = history.faults.filter(pl.col("row_number") == 0)["file"]
    rows = (
        history.rows["pos"]
        .filter(~pl.col("file").is_in(refused.implode()))
        .filter((pl.col("shape") == "csv-bare") & (pl.col("expected").fill_null("accepted") == "accepted"))
    )
    assert rows.group_by("store_id", "transaction_id").agg(pl.col("file").n_unique())["file"].max() == 1


def test_files_that_must_be_refused_are_wrong_as_a_whole(history: History, landing: Path):
    refused = dict(history.faults.filter(pl.col("row_number") == 0).select("fault", "file").iter_rows())
    with pytest.raises(UnicodeDecodeError):
        (landing / refused["wrong_encoding"]).read_text("utf-8")
    assert "Größe" in (landing / refused["wrong_encoding"]).read_text("latin-1")
    short = plain.read(landing / refused["missing_column"])
    assert short[0] is not None
    assert "unit_price" not in short[0]
    draft = plain.read(landing / refused["mostly_unreadable"])
    assert all(row is not None and row["quantity_sold"] == "see list" for row in draft)


def test_other_feeds_hold_their_clean_rows_and_the_faults_where_stated(history: History, landing: Path):
    for feed, frame in history.rows.items():
        if feed == "pos":
            continue
        files = {path: plain.read(landing / path) for path in frame["file"].unique()}
        assert sum(map(len, files.values())) == frame.height == history.summary["bronze_rows"][feed]
        injected = frame.filter(pl.col("expected").is_in(["quarantine", "exact_repeat"])).height
        assert frame.height - injected == history.summary["clean_rows"][feed]
        for row in frame.filter(pl.col("fault").is_not_null()).iter_rows(named=True):
            cells = files[row["file"]][row["row_number"] - 1]
            assert cells is not None
            assert all((value or None) == row[name] for name, value in cells.items())


def test_no_file_has_so_many_bad_cells_that_it_would_be_refused(history: History):
    for frame in history.rows.values():
        share = (
            frame.filter(~pl.col("file").str.contains("-draft"))
            .group_by("file")
            .agg(pl.col("because").str.starts_with("type:").fill_null(value=False).mean().alias("share"))
        )
        assert share["share"].max() < 0.4
