"""A late file rewrites the partitions its tables declare and no other, and everything equals a fresh build."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from inventory_assets.contracts.tables import TABLES
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.pipeline.workspace import Workspace
from inventory_assets.settings import Settings
from inventory_assets_tests.faults.campaign import LONG
from inventory_assets_tests.pipeline.late import (
    BEGIN,
    COUNTED,
    LATE,
    NOW,
    SOURCES,
    Expectation,
    Late,
    book_by_day,
    counted,
    land,
    land_history,
    rewritten,
    sale,
    transfer,
)
from inventory_assets_tests.pipeline.running import (
    differences,
    publish_everything,
    published_cells,
    refresh_everything,
    versions,
    workspace_at,
)

pytestmark = pytest.mark.xdist_group("late data")
BEFORE, NEXT = BEGIN - timedelta(days=12), LATE + timedelta(days=1)
MONTH_END = date(2026, 2, 28)
FEW = 6
"""Kinds of late files the suite tries; the campaigns try all."""


def start_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


FILES = {
    "a sale 200 days back": Late(
        "pos", (sale("FAR", LATE),), frozenset({LATE}),
        pairs={("A", "S1"): (LATE, None)}, first_instant=start_of(LATE),
    ),
    "a sale with a count after it": Late(
        "pos", (sale("COUNTED", LATE, item="B"),), frozenset({LATE}),
        pairs={("B", "S1"): (LATE, COUNTED)}, first_instant=start_of(LATE),
    ),
    "a transfer between two locations": Late(
        "warehouse", (transfer("LATE", LATE, "W1", "S1"),), frozenset({LATE}),
        pairs={("A", "W1"): (LATE, None), ("A", "S1"): (LATE, None)},
        first_instant=start_of(LATE),
    ),
    "a cancellation of a sale of the evening before": Late(
        "pos", (sale("BACK", NEXT, units=-1, at="09:00:00Z", customer="C1"),), frozenset({NEXT}), frozenset({LATE}),
        pairs={("A", "S1"): (NEXT, None)}, first_instant=start_of(NEXT),
    ),
    "a sale tied to the evening before by that return, which changes nothing there": Late(
        "pos", (sale("AGAIN", NEXT, units=1, at="10:00:00Z", customer="C1"),), frozenset({NEXT}), frozenset({LATE}),
        pairs={("A", "S1"): (NEXT, None)}, first_instant=start_of(NEXT),
    ),
    "a sale on the last evening of a month where the UTC month is the next": Late(
        "pos", (sale("EDGE", date(2026, 3, 1), "S2", at="02:00:00Z"),), frozenset({MONTH_END}),
        pairs={("A", "S2"): (MONTH_END, None)}, first_instant=datetime(2026, 3, 1, 2, tzinfo=UTC),
    ),
    "a count with a count after it": Late(
        "warehouse", (counted("LATE", LATE, "S1", "B", 77),), frozenset({LATE}),
        pairs={("B", "S1"): (LATE, COUNTED)}, first_instant=start_of(LATE),
    ),
    "a sale before the first event": Late(
        "pos", (sale("FIRST", BEFORE),), frozenset({BEFORE}),
        pairs={("A", "S1"): (BEFORE, BEGIN)}, first_instant=start_of(BEFORE),
    ),
    "a version of a known item": Late("products", (f"A,Thing A,1.10,{LATE}T00:00:00Z",), frozenset({LATE})),
}  # fmt: skip


@pytest.fixture(scope="module")
def on_time(tmp_path_factory) -> Settings:
    """The shop without any late file, published."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("on-time"))
    settings.sources_file.write_text(SOURCES, encoding="utf-8")
    land_history(settings.data_dir / "landing")
    workspace = workspace_at(settings, NOW)
    refresh_everything(workspace, settings)
    publish_everything(workspace, settings)
    return settings


def copied(source: Settings, folder: Path) -> tuple[Settings, Workspace]:
    """An installation of its own with the same tables."""
    shutil.copytree(source.data_dir, folder, symlinks=True)
    settings = Settings(data_dir=folder)
    return settings, workspace_at(settings, NOW)


@pytest.mark.slow
def test_exactly_the_declared_partitions_are_rewritten_and_all_equals_a_fresh_build(on_time, tmp_path):
    """One late file after the other, each held against every table; then lake and DuckDB against one load of all."""
    settings, workspace = copied(on_time, tmp_path / "late")
    wrong: dict[str, dict] = {}
    for number, (name, late) in enumerate(FILES.items() if LONG else list(FILES.items())[:FEW]):
        old = Lake(str(shutil.copytree(settings.lake, tmp_path / f"before-{number}")))
        land(settings.data_dir / "landing", late.feed, f"late-{number}", *late.rows)
        refresh_everything(workspace, settings)
        publish_everything(workspace, settings)
        changed = rewritten(workspace.lake, versions(old))
        expected = Expectation(late, old, workspace.lake, changed)
        for path, table in TABLES.items():
            wanted = expected.of(table)
            if changed[path] != wanted:
                wrong[f"{path} after {name}"] = {"too many": changed[path] - wanted, "too few": wanted - changed[path]}
    assert wrong == {}

    fresh = Settings(data_dir=tmp_path / "fresh", landing_uri=settings.landing)
    fresh.data_dir.mkdir()
    fresh.sources_file.write_text(SOURCES, encoding="utf-8")
    whole = workspace_at(fresh, NOW)
    refresh_everything(whole, fresh)
    publish_everything(whole, fresh)
    assert differences(whole.lake, workspace.lake) == {}
    assert published_cells(settings.serving) == published_cells(fresh.serving)


def test_a_late_sale_lowers_stock_up_to_the_next_count_and_not_after_it(on_time, tmp_path):
    settings, workspace = copied(on_time, tmp_path / "late")
    old = workspace_at(on_time, NOW).lake
    land(settings.data_dir / "landing", "pos", "late", sale("LATE", LATE), sale("LATE2", LATE, item="B"))
    refresh_everything(workspace, settings)
    for item, until in (("A", date.max), ("B", COUNTED)):
        before, after = (book_by_day(lake, item, "S1") for lake in (old, workspace.lake))
        moved = {day: after[day] - before[day] for day in before if after[day] != before[day]}
        assert set(moved.values()) == {-2}
        assert set(moved) == {day for day in before if LATE <= day < until}
