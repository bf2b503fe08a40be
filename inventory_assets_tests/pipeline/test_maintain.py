"""Maintenance, tagged days and restore on a whole lake: no row changes, no day counts as changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from inventory_assets.contracts.bronze import BRONZE
from inventory_assets.contracts.gold import DAILY_INVENTORY_SUMMARY as SUMMARY
from inventory_assets.contracts.schemas import empty
from inventory_assets.contracts.silver import DECISIONS, SALES
from inventory_assets.contracts.tables import TABLES
from inventory_assets.lakehouse.lake import Lake, Scope
from inventory_assets.lakehouse.maintenance import figures, mergeable
from inventory_assets.lakehouse.tags import Tags, TagsError
from inventory_assets.pipeline import maintain as room
from inventory_assets.pipeline.ingest import ingest, plan
from inventory_assets.pipeline.maintain import after_refresh, maintain, relieve, tag_versions, tidy
from inventory_assets.pipeline.publish import publish_as_of
from inventory_assets.pipeline.refresh import refresh_all
from inventory_assets.pipeline.restore import RestoreError, restore, versions_on
from inventory_assets.pipeline.workspace import Workspace
from inventory_assets.settings import MaintenanceSettings, Settings
from inventory_assets.simulator import HistoryConfig, simulate_history, sources_toml, write_history
from inventory_assets_tests.faults.campaign import campaign_only
from inventory_assets_tests.pipeline.running import differences, published_cells, versions, workspace_at

FIRST = datetime(2026, 6, 1, 22, tzinfo=UTC)
SECOND = FIRST + timedelta(days=1)
LATER = SECOND + timedelta(hours=1)
LIMITS = MaintenanceSettings()
POS = BRONZE["pos"]
SOME = [POS.path, SALES.path, SUMMARY.path, "gold/inventory_position"]


def take_in(workspace: Workspace, settings: Settings, share: slice, at_once: int) -> None:
    """Some of the landing files into bronze, so many a commit."""
    files = [file.path for file in plan(workspace, settings.ingest).files][share]
    for n in range(0, len(files), at_once):
        ingest(workspace, files[n : n + at_once], batch_rows=settings.block_rows)


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """Two days of work: most files on the first, the rest on the second; each tagged."""
    folder = tmp_path_factory.mktemp("built")
    history = simulate_history(
        HistoryConfig(start=date(2026, 1, 28), days=3, stores=2, items=6, lines_per_store_day=6.0, dirt=0.04)
    )
    settings = Settings(data_dir=folder)
    write_history(history, folder / "landing", folder / "truth")
    settings.sources_file.write_text(sources_toml(history), encoding="utf-8")
    first, second = workspace_at(settings, FIRST), workspace_at(settings, SECOND)
    take_in(first, settings, slice(0, None, 2), 2)
    refresh_all(first)
    after_refresh(first, LIMITS)
    take_in(second, settings, slice(0, None), 40)
    refresh_all(second)
    after_refresh(second, LIMITS)
    return folder


@pytest.fixture
def settings(built, tmp_path) -> Settings:
    shutil.copytree(built, tmp_path / "data")
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def workspace(settings) -> Workspace:
    return workspace_at(settings, LATER)


def every_cell(lake: Lake, pins: dict[str, int] | None = None) -> dict[str, pl.DataFrame]:
    """All rows of all tables, lineage included."""
    pins = lake.pins(TABLES.values()) if pins is None else pins
    return {
        path: lake.scan(TABLES[path], version).collect().sort(TABLES[path].column_names)
        for path, version in pins.items()
    }


def same(one: dict[str, pl.DataFrame], other: dict[str, pl.DataFrame]) -> bool:
    return one.keys() == other.keys() and all(one[path].equals(other[path]) for path in one)


def age(lake: Lake, days: float = 3) -> None:
    """Let every file of the lake have been written, and every removal have happened, so many days ago."""
    then = time.time() - days * 86_400
    for path in Path(lake.root).rglob("*"):
        if path.is_file():
            os.utime(path, (then, then))


def hurried(**changes: int) -> MaintenanceSettings:
    """Settings that let replaced files go at once."""
    return LIMITS.model_copy(update={"longest_reader_hours": -1, **changes})


def test_no_cell_changes_no_day_counts_as_changed_and_a_refresh_writes_nothing(workspace):
    lake = workspace.lake
    cells, pins = every_cell(lake), versions(lake)
    done = {each.table: each for each in maintain(workspace, hurried())}
    assert done[POS.path].merged > 0
    assert sum(each.removed for each in done.values()) > 0
    assert not any(each.problem for each in done.values())
    assert same(cells, every_cell(lake))
    for path, table in TABLES.items():
        if table.partition_by and path in pins:
            assert lake.changed_days(table, pins[path], lake.version(table)) == set(), path
    after = versions(lake)
    assert not refresh_all(workspace).changed
    assert versions(lake) == after
    again = maintain(workspace, hurried())
    assert {(each.merged, each.removed) for each in again} == {(0, 0)}
    assert {each.before for each in again} == {each.after for each in again}
    assert versions(lake) == after, "a second time there is nothing to do"


def test_a_dry_run_says_what_would_go_and_touches_nothing(workspace):
    Tags(workspace.lake).write(Tags(workspace.lake).all()[-1:])
    stored = {path: path.read_bytes() for path in Path(workspace.lake.root).rglob("*") if path.is_file()}
    said = {each.table: each for each in maintain(workspace, hurried(), dry_run=True)}
    assert said[POS.path].merged == sum(mergeable(workspace.lake, POS, LIMITS.target_bytes).values()) > 0
    assert sum(each.removed for each in said.values()) > 0
    assert all(each.after is None for each in said.values())
    assert stored == {path: path.read_bytes() for path in Path(workspace.lake.root).rglob("*") if path.is_file()}


def test_files_no_commit_names_go_once_they_are_old_enough(workspace):
    lake = workspace.lake
    some = next(Path(lake.uri(SALES)).rglob("*.parquet"))
    orphan = some.with_name("part-00000-orphan.zstd.parquet")
    shutil.copy(some, orphan)
    maintain(workspace, LIMITS, [SALES.path])
    assert orphan.exists(), "a writer may still be about to name it"
    age(lake)
    maintain(workspace, LIMITS, [SALES.path])
    assert not orphan.exists()


def test_what_was_replaced_a_moment_ago_stays_for_its_readers(workspace):
    pins = versions(workspace.lake)
    cells = every_cell(workspace.lake, pins)
    Tags(workspace.lake).write([])
    maintain(workspace, LIMITS, SOME)
    assert same(cells, every_cell(workspace.lake, pins))


def test_tagged_days_are_read_after_everything_else_went(workspace, tmp_path):
    lake = workspace.lake
    first = every_cell(lake, versions_on(lake, FIRST.date()))
    maintain(workspace, hurried())
    before = figures(lake, SUMMARY)
    assert same(first, every_cell(lake, versions_on(lake, FIRST.date())))
    assert not same(first, every_cell(lake, versions_on(lake, SECOND.date())))
    with pytest.raises(TagsError, match="2026-06-01"):
        versions_on(lake, date(2026, 5, 31))
    publish_as_of(workspace, FIRST.date(), tmp_path / "then")
    rows = published_cells(tmp_path / "then")["gold.daily_inventory_summary"]
    assert len(rows) == first[SUMMARY.path].height
    Tags(lake).write(Tags(lake).all()[-1:])
    maintain(workspace, hurried())
    assert figures(lake, SUMMARY).disk_bytes < before.disk_bytes


def test_restored_tables_and_a_refresh_equal_an_undisturbed_lake(built, workspace):
    undisturbed, lake = Lake(Settings(data_dir=built).lake), workspace.lake
    for table in TABLES.values():  # a release went wrong: it emptied every computed table
        if table.layer != "bronze" and table is not DECISIONS and lake.version(table) is not None:
            lake.replace(table, empty(table), Scope())
    assert differences(undisturbed, lake) != {}
    done = {each.table: each.outcome for each in restore(workspace, FIRST.date())}
    assert done[SALES.path] == "restored"
    assert not any(path.startswith("bronze/") or path == DECISIONS.path for path in done)
    assert lake.consumed(SALES, POS) == versions_on(lake, FIRST.date())[POS.path]
    refresh_all(workspace)
    assert differences(undisturbed, lake) == {}
    assert not refresh_all(workspace).changed


@pytest.mark.parametrize(
    "path",
    ["silver/inventory_transactions", campaign_only("gold/inventory_position"), campaign_only("silver/quarantine")],
)
def test_one_restored_table_catches_up_by_itself(built, workspace, path):
    undisturbed, lake = Lake(Settings(data_dir=built).lake), workspace.lake
    maintain(workspace, hurried())
    lake.replace(TABLES[path], empty(TABLES[path]), Scope())
    assert [(each.table, each.outcome) for each in restore(workspace, FIRST.date(), [path])] == [(path, "restored")]
    refresh_all(workspace)
    assert differences(undisturbed, lake) == {}


def test_restored_bronze_takes_the_lost_files_in_again(built, workspace, settings):
    undisturbed, lake = Lake(Settings(data_dir=built).lake), workspace.lake
    held = lake.scan(POS).collect().height
    restore(workspace, FIRST.date(), [POS.path])
    assert lake.scan(POS).collect().height < held
    refresh_all(workspace)
    assert differences(undisturbed, lake) != {}
    take_in(workspace, settings, slice(0, None), 40)
    refresh_all(workspace)
    assert differences(undisturbed, lake) == {}


def test_decisions_and_unknown_tables_are_not_restored(workspace):
    with pytest.raises(RestoreError, match="people's work"):
        restore(workspace, FIRST.date(), [DECISIONS.path])
    with pytest.raises(RestoreError, match="silver/nonsense"):
        restore(workspace, FIRST.date(), ["silver/nonsense"])


def test_old_tags_go_and_the_one_before_them_stays(workspace):
    tags = Tags(workspace.lake)
    pins = versions(workspace.lake)
    for n in range(1, 12):
        tags.put(SECOND + timedelta(days=n), {**pins, SALES.path: n}, keep_days=3)
    kept = [tag.day - SECOND.date() for tag in tags.all()]
    assert [each.days for each in kept] == [8, 9, 10, 11]
    assert tags.on(SECOND.date() + timedelta(days=9)).versions[SALES.path] == 9
    assert tags.on(SECOND.date() + timedelta(days=40)).versions[SALES.path] == 11


def test_a_day_of_rewrites_keeps_the_disk_below_three_times_what_lives(workspace, settings):
    lake = workspace.lake
    rows = lake.scan(SALES).collect()
    Tags(lake).write([])
    for n in range(12):
        lake.replace(SALES, rows, Scope())
        tag_versions(workspace_at(settings, SECOND.replace(hour=n)), LIMITS)
    wasted = figures(lake, SALES)
    assert wasted.disk_bytes > 12 * wasted.live_bytes
    tidy(workspace, hurried())
    tidied = figures(lake, SALES)
    assert tidied.disk_bytes <= 3 * tidied.live_bytes
    assert lake.scan(SALES).collect().equals(rows)


def test_a_crowded_bronze_day_is_merged_by_the_refresh_that_meets_it(workspace, settings):
    lake = workspace.lake
    cells = every_cell(lake)
    crowd = LIMITS.model_copy(update={"crowded_files": 2})
    sample = lake.scan(POS).filter(pl.col("event_date").is_not_null()).head(1).collect()
    day = sample["event_date"][0]
    landed = [file.path for file in plan(workspace, settings.ingest).files]
    done = ingest(workspace, landed, batch_rows=settings.block_rows)
    assert relieve(workspace, crowd, done.report) == 0, "nothing was written, so nothing is looked at"
    done.report.replaced[POS.path].days = {day: 1, None: 1}
    assert relieve(workspace, crowd, done.report) > 2
    assert (day.isoformat(),) not in mergeable(lake, POS, LIMITS.crowded_bytes)
    assert same(cells, every_cell(lake))


class PowerCutError(RuntimeError):
    """The call of the moment."""


@pytest.mark.parametrize(
    "call", ["compact", "settle", "remove", *(campaign_only(call) for call in ("move_tags", "leftovers", "trim_log"))]
)
def test_a_failing_call_leaves_a_readable_lake_and_the_next_time_mends(workspace, monkeypatch, call):
    lake = workspace.lake
    cells = every_cell(lake)
    first = every_cell(lake, versions_on(lake, FIRST.date()))
    real, calls = getattr(room, call), []

    def failing(*arguments, **options):
        calls.append(arguments)
        if len(calls) == (1 if call in {"settle", "move_tags"} else 3):
            raise PowerCutError(call)
        return real(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(room, call, failing)
        with pytest.raises(PowerCutError):
            maintain(workspace, hurried(), SOME)
    assert same(cells, every_cell(lake))
    maintain(workspace, hurried(), SOME)
    assert same(cells, every_cell(lake))
    assert same(first, every_cell(lake, versions_on(lake, FIRST.date())))
    assert all(each.merged == each.removed == 0 for each in maintain(workspace, hurried(), SOME, dry_run=True))


KILLED = """
import sys
from datetime import datetime
from inventory_assets.pipeline.maintain import maintain
from inventory_assets.pipeline.open import open_workspace
from inventory_assets.settings import Settings

settings = Settings(maintenance={"longest_reader_hours": 0})
now = datetime.fromisoformat(sys.argv[1])
workspace = open_workspace(settings, lambda: now)
print("ready", flush=True)
maintain(workspace, settings.maintenance)
"""


def test_killed_maintenance_leaves_a_readable_lake_and_the_next_time_mends(workspace, settings):
    lake = workspace.lake
    cells = every_cell(lake)
    for seconds in (0.2, 0.6):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, LATER.isoformat()],
            env={**os.environ, "INVENTORY_DATA_DIR": str(settings.data_dir)},
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(seconds)
        process.kill()
        process.wait()
        process.stdout.close()
        assert same(cells, every_cell(lake))
    age(lake)
    maintain(workspace, hurried())
    assert same(cells, every_cell(lake))
    assert all(each.merged == each.removed == 0 for each in maintain(workspace, hurried(), dry_run=True))
    assert not refresh_all(workspace).changed
    for path in lake.pins(TABLES.values()):
        known = figures(lake, TABLES[path])
        assert known.disk_files >= known.files
