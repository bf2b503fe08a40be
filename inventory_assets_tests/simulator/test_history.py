"""What a simulated history promises about itself: repeatable, bounded in time, independent of its dirt."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.contracts.feeds import FEEDS
from inventory_assets.contracts.sources import load_profiles
from inventory_assets.simulator import History, HistoryConfig, simulate_history, sources_toml, write_history
from inventory_assets.simulator.config import SimulatorError
from inventory_assets.simulator.files import landing_files, truth_files
from inventory_assets.simulator.records import COLUMNS
from inventory_assets_tests.simulator.conftest import SMALL


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_same_seed_writes_the_same_bytes(tmp_path: Path, landing: Path):
    write_history(simulate_history(SMALL), tmp_path / "landing", tmp_path / "truth")
    assert _bytes(tmp_path) == _bytes(landing.parent)


def test_another_seed_writes_another_history(history: History):
    other = simulate_history(replace(SMALL, seed=SMALL.seed + 1))
    assert not other.truth["pos_lines"].equals(history.truth["pos_lines"])


def test_dirt_does_not_change_the_truth(history: History):
    clean = simulate_history(replace(SMALL, dirt=0.0))
    assert all(frame.equals(history.truth[name]) for name, frame in clean.truth.items())


def test_without_dirt_there_is_no_fault_and_every_row_is_clean():
    clean = simulate_history(replace(SMALL, dirt=0.0))
    assert clean.faults.is_empty()
    assert clean.summary["bronze_rows"] == clean.summary["clean_rows"]
    assert all(spec.fault is None and spec.encoding == "utf-8" for spec in clean.files.values())


def test_nothing_clean_happens_after_the_end(history: History):
    for name, column in (("pos_lines", "timestamp"), ("stock_events", "event_time"), ("lead_times", "received_at")):
        assert history.truth[name][column].max() < SMALL.end
    for frame in history.rows.values():
        assert frame["time"].max() < SMALL.end


def test_a_history_ending_on_a_day_is_over_before_it():
    config = HistoryConfig.ending(date(2026, 6, 1), days=30)
    assert config.end.date() == date(2026, 6, 1)
    assert config.last_day == date(2026, 5, 30)


def test_published_columns_are_those_of_the_contracts():
    for feed, columns in COLUMNS.items():
        assert set(columns) <= set(FEEDS[feed].column_names)
        assert set(FEEDS[feed].required) <= set(columns)


def test_sources_toml_gives_every_location_its_zone(history: History):
    profile = load_profiles(sources_toml(history))["simulated"]
    assert {p.code: p.zone for p in history.world.locations} == profile.location_time_zones
    assert date(2026, 12, 25) in profile.holidays
    assert profile.currency == "USD"


def test_receipts_and_items_have_the_form_their_profile_names(history: History):
    profile = load_profiles(sources_toml(history))["simulated"]
    lines = history.truth["pos_lines"]
    assert lines["transaction_id"].str.contains(profile.transaction_pattern or "").all()
    assert lines["product_sku"].str.contains(profile.sku_pattern or "").all()


def test_the_keys_of_clean_lines_are_unique(history: History):
    numbered = history.truth["pos_lines"].filter(pl.col("line_number").is_not_null())
    assert not numbered.select("store_id", "transaction_id", "line_number").is_duplicated().any()


def test_the_history_has_everything_a_retailer_has(history: History):
    assert set(history.truth["pos_lines"]["class"].unique()) == {"sale", "return", "cancellation", "given_away"}
    assert set(history.truth["stock_events"]["kind"].unique()) == {
        "opening",
        "count",
        "sale",
        "return",
        "cancellation",
        "given_away",
        "receipt",
        "transfer_out",
        "transfer_in",
        "adjustment",
        "issue",
        "shrinkage",
    }
    assert {Path(path).suffix for path in history.files} == {".csv", ".jsonl", ".parquet", ".avro"}
    assert history.rows["warehouse"]["record_type"].n_unique() >= 6


@pytest.mark.parametrize("wrong", [{"stores": 0}, {"dirt": 0.5}, {"return_share": 1.5}, {"start": date(2004, 1, 1)}])
def test_a_configuration_that_cannot_be_simulated_is_refused(wrong: dict):
    with pytest.raises(SimulatorError):
        replace(SMALL, **wrong)


@settings(max_examples=8, deadline=None)
@given(
    config=st.builds(
        HistoryConfig,
        start=st.dates(date(2010, 1, 1), date(2030, 1, 1)),
        days=st.integers(1, 9),
        stores=st.integers(1, 8),
        items=st.integers(1, 12),
        warehouses=st.integers(1, 3),
        online=st.booleans(),
        lines_per_store_day=st.floats(0.5, 20),
        dirt=st.sampled_from([0.0, 0.01, 0.2]),
        seed=st.integers(0, 9),
        wms_authority=st.booleans(),
    )
)
def test_every_size_can_be_simulated_and_written(config: HistoryConfig):
    history = simulate_history(config)
    paths = [path for path, content in landing_files(history) if content]
    assert sorted(paths) == sorted(history.files)
    assert "truth.json" in truth_files(history)
    assert (history.truth["stock_days"]["physical"] >= 0).all()
