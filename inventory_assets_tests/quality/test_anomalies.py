"""Injected anomalies are found; regular, seasonal and simulated histories are silent."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random

import polars as pl
import pytest

from inventory_assets.contracts.silver import DAY_BALANCE
from inventory_assets.lakehouse.lake import Lake, Scope
from inventory_assets.quality.anomalies import (
    Counts,
    accepted_rows,
    no_source_is_silent,
    silent_sources,
    unusual_days,
    volumes_are_usual,
)
from inventory_assets.settings import Settings
from inventory_assets.simulator import HistoryConfig, simulate_history, sources_toml, write_history
from inventory_assets_tests.pipeline.running import refresh_everything, workspace_at

LAST = date(2024, 6, 30)
TILL = ("pos", "till")


def history(seed: int, days: int = 90, base: int = 400, noise: float = 0.1) -> dict[date, int]:
    """Rows by day: three times as many on Saturdays, none on Sundays, some growth and noise."""
    dice = Random(seed)
    weekly = (1.0, 1.0, 1.1, 1.2, 1.6, 3.0, 0.0)
    found = {}
    for back in range(days):
        day = LAST - timedelta(days=back)
        rows = round(base * weekly[day.weekday()] * (1 - 0.002 * back) * (1 + dice.gauss(0, noise)))
        if rows > 0:
            found[day] = rows
    return found


@pytest.mark.parametrize("seed", range(20))
def test_a_regular_week_with_growth_and_noise_raises_nothing(seed):
    counts: Counts = {TILL: history(seed), ("warehouse", "wms"): history(seed + 100, base=15)}
    assert list(unusual_days(counts)) == []
    assert list(silent_sources(counts)) == []


@pytest.mark.parametrize("factor", [0.0, 0.2, 4.0, 10.0])
@pytest.mark.parametrize("back", [1, 2, 4, 5])
def test_a_recent_day_with_far_too_many_or_too_few_rows_is_found_and_no_other(factor, back):
    rows, day = history(3), LAST - timedelta(days=back + 1)
    rows[day] = round(rows[day] * factor)
    if not rows[day]:
        del rows[day]
    newest = max(rows)
    found = list(unusual_days({TILL: rows}))
    assert [(each.day, each.source_system) for each in found if newest != day] == [(day, "till")]


def test_rows_on_a_weekday_that_never_has_any_are_unusual():
    rows = history(4)
    sunday = LAST - timedelta(days=7)
    assert sunday.weekday() == 6
    assert sunday not in rows
    rows |= {sunday: 300, LAST: 1}
    assert [each.day for each in unusual_days({TILL: rows})] == [sunday]


def test_the_newest_day_may_still_be_arriving_and_a_short_history_says_nothing():
    rows = history(5)
    rows[max(rows)] = 1
    assert list(unusual_days({TILL: rows})) == []
    short = {day: n for day, n in history(6).items() if day > LAST - timedelta(days=21)}
    short[LAST - timedelta(days=3)] = 100_000
    assert list(unusual_days({TILL: short})) == []


def test_a_silent_source_is_found_seen_from_the_others_until_it_counts_as_ended():
    for silence, found in ((2, False), (3, True), (28, True), (29, False)):
        stopped = {day - timedelta(days=silence): 50 for day in (LAST - timedelta(days=n) for n in range(40))}
        counts = {TILL: dict.fromkeys((LAST - timedelta(days=n) for n in range(40)), 9), ("pos", "web"): stopped}
        assert [each.source_system for each in silent_sources(counts)] == ["web"] * found, silence


def test_a_source_that_pauses_for_weeks_is_not_silent_after_days():
    monthly = dict.fromkeys((LAST - timedelta(days=10 + 14 * n) for n in range(20)), 5)
    daily = dict.fromkeys((LAST - timedelta(days=n) for n in range(300)), 5)
    assert list(silent_sources({TILL: daily, ("warehouse", "yard"): monthly})) == []


def test_only_accepted_rows_of_watched_feeds_count():
    frame = pl.DataFrame(
        [("pos", "till", LAST, outcome, 2) for outcome in ("bronze", "quarantine", "exact_repeat", "returns")]
        + [("pos", "till", None, "returns", 2), ("pos", "till", date(2099, 1, 1), "quarantine", 1)]
        + [("products", "pim", LAST, "products", 5)],
        schema=["feed", "source_system", "event_date", "outcome", "rows"],
        orient="row",
    )
    assert accepted_rows(frame) == {TILL: {LAST: 2}}


def test_a_stored_balance_is_judged_with_words_and_numbers(tmp_path):
    lake = Lake(str(tmp_path))
    assert volumes_are_usual(lake).passed
    rows = history(7, days=45) | {LAST - timedelta(days=2): 1}
    stopped = dict.fromkeys((LAST - timedelta(days=5 + n) for n in range(20)), 50)
    frame = pl.DataFrame(
        [("pos", "till", day, "inventory_transactions", n) for day, n in rows.items()]
        + [("pos", "web", day, "inventory_transactions", n) for day, n in stopped.items()],
        schema=["feed", "source_system", "event_date", "outcome", "rows"],
        orient="row",
    ).select(DAY_BALANCE.column_names)
    lake.replace(DAY_BALANCE, frame, Scope())
    volume, silence = volumes_are_usual(lake), no_source_is_silent(lake)
    assert (volume.passed, silence.passed) == (False, False)
    assert f"pos/till {LAST - timedelta(days=2)}: 1 rows" in volume.description
    assert silence.description.startswith("pos/web: nothing since 2024-06-25")
    assert (volume.numbers, silence.numbers) == ({"unusual_days": 1}, {"silent_sources": 1})


@pytest.mark.parametrize("seed", [101, 102, 103])
def test_a_clean_simulated_history_raises_nothing_in_any_of_its_weeks(seed):
    """Sales of small shops with promotions; each week from the fifth on is judged as if it were the last."""
    made = simulate_history(
        HistoryConfig(
            start=date(2026, 1, 5), days=75, stores=2, items=10, lines_per_store_day=25.0, dirt=0.0, seed=seed
        )
    )
    by_day = made.rows["pos"].group_by(pl.col("timestamp").str.slice(0, 10).str.to_date()).len().sort("timestamp")
    rows = dict(by_day.rows())
    for last in range(36, 75, 7):
        counts: Counts = {TILL: {day: n for day, n in rows.items() if (day - min(rows)).days <= last}}
        assert list(unusual_days(counts)) == [], last
        assert list(silent_sources(counts)) == []


def test_a_clean_history_through_the_pipeline_raises_nothing(tmp_path):
    made = simulate_history(
        HistoryConfig(start=date(2026, 1, 5), days=45, stores=2, items=10, lines_per_store_day=25.0, dirt=0.0)
    )
    settings = Settings(data_dir=tmp_path)
    write_history(made, tmp_path / "landing", tmp_path / "truth")
    settings.sources_file.write_text(sources_toml(made), encoding="utf-8")
    workspace = workspace_at(settings, datetime(2027, 1, 1, tzinfo=UTC))
    refresh_everything(workspace, settings)
    counts = accepted_rows(workspace.lake.scan(DAY_BALANCE).collect())
    assert max(len(days) for days in counts.values()) > 40
    for finding in (volumes_are_usual(workspace.lake), no_source_is_silent(workspace.lake)):
        assert finding.passed, finding.description
