"""The same facts delivered otherwise: twice, shuffled, split, merged, late, in any order of refreshes."""

from __future__ import annotations

import io
import random
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from inventory_assets.contracts.bronze import BRONZE
from inventory_assets.contracts.tables import TABLES
from inventory_assets.lakehouse.inputs import Inputs
from inventory_assets.pipeline.workspace import Workspace
from inventory_assets.settings import Settings
from inventory_assets.simulator import HistoryConfig, simulate_history, sources_toml, write_history
from inventory_assets_tests.faults.campaign import campaign_only
from inventory_assets_tests.pipeline.running import (
    bronze_rows,
    differences,
    refresh_everything,
    take_in,
    versions,
    workspace_at,
)

pytestmark = pytest.mark.xdist_group("deliveries")
NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def clean(tmp_path_factory) -> tuple[Settings, Workspace]:
    """One load of everything."""
    history = simulate_history(
        HistoryConfig(start=date(2026, 1, 20), days=16, stores=5, items=20, lines_per_store_day=30.0, dirt=0.03)
    )
    settings = Settings(data_dir=tmp_path_factory.mktemp("clean"))
    write_history(history, settings.data_dir / "landing", settings.data_dir / "truth")
    settings.sources_file.write_text(sources_toml(history), encoding="utf-8")
    workspace = workspace_at(settings, NOW)
    refresh_everything(workspace, settings)
    return settings, workspace


def fresh(tmp_path: Path, clean: tuple[Settings, Workspace]) -> tuple[Settings, Workspace, Path]:
    """An empty installation with the same sources, and the landing folder of the clean one."""
    settings = Settings(data_dir=tmp_path / "data")
    settings.data_dir.mkdir()
    settings.sources_file.write_text(clean[0].sources_file.read_text("utf-8"), encoding="utf-8")
    return settings, workspace_at(settings, NOW), clean[0].data_dir / "landing"


def drop(settings: Settings, path: Path, content: bytes) -> None:
    """Put a file into the landing folder."""
    target = settings.data_dir / "landing" / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


def landed(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def shuffled(content: bytes, path: Path, dice: random.Random) -> bytes:
    """The same rows of a CSV, JSON lines or Parquet file in another order; other files as they are.

    A file with a quoted line break or another encoding stays as it is: its lines are not its rows.
    """
    if path.suffix == ".parquet":
        frame = pl.read_parquet(content)
        out = io.BytesIO()
        frame.sample(fraction=1.0, shuffle=True, seed=dice.randrange(1000)).write_parquet(out)
        return out.getvalue()
    if path.suffix not in {".csv", ".jsonl"} or b'"\n' in content.replace(b'}"', b""):
        return content
    head, lines = (content.splitlines(keepends=True)[:1], content.splitlines(keepends=True)[1:])
    if path.suffix == ".jsonl":
        head, lines = [], content.splitlines(keepends=True)
    if lines and not lines[-1].endswith(b"\n"):
        return content
    dice.shuffle(lines)
    return b"".join([*head, *lines])


def test_dropped_twice_under_the_same_name_is_taken_once(clean, tmp_path):
    settings, workspace, source = fresh(tmp_path, clean)
    for path in landed(source):
        drop(settings, path.relative_to(source), path.read_bytes())
    take_in(workspace, settings)
    before = versions(workspace.lake)
    for path in landed(source):
        drop(settings, path.relative_to(source), path.read_bytes())
    take_in(workspace, settings)
    assert versions(workspace.lake) == before
    for table in BRONZE.values():
        assert bronze_rows(workspace.lake, table).equals(bronze_rows(clean[1].lake, table))


@pytest.mark.parametrize("seed", [1, campaign_only(2)])
def test_doubled_shuffled_and_dealt_over_refreshes_gives_equal_cells(clean, tmp_path, seed):
    settings, workspace, source = fresh(tmp_path, clean)
    dice = random.Random(seed)
    deliveries = [(path.relative_to(source), path.read_bytes()) for path in landed(source)]
    quarantine = clean[1].lake.scan(TABLES["silver/quarantine"]).collect()
    # A refused file under two names is two refused files: its rows were never read.
    refused = set(quarantine.filter(pl.col("reason").str.starts_with("file:"))["source_file"])
    doubles = [
        (path.with_stem(path.stem + "-again"), shuffled(content, path, dice))
        for path, content in deliveries
        if path.suffix != ".avro" and path.as_posix() not in refused and dice.random() < 0.5
    ]
    everything = deliveries + doubles
    dice.shuffle(everything)
    cuts = sorted(dice.sample(range(1, len(everything)), 3))
    for first, last in zip([0, *cuts], [*cuts, len(everything)], strict=True):
        for path, content in everything[first:last]:
            drop(settings, path, content)
        refresh_everything(workspace, settings)
    assert differences(clean[1].lake, workspace.lake) == {}
    held = [Inputs(workspace.lake, table).known() for table in BRONZE.values()]
    assert sum(known.height for known in held) == len(everything)


def test_files_split_between_receipts_and_merged_over_days_give_equal_cells(clean, tmp_path):
    settings, workspace, source = fresh(tmp_path, clean)
    merged: dict[str, list[pl.DataFrame]] = {}
    for path in landed(source):
        relative = path.relative_to(source)
        if path.suffix == ".parquet" and relative.parts[0] == "pos":
            merged.setdefault("all", []).append(pl.read_parquet(path))
        elif path.suffix == ".jsonl" and relative.parts[0] == "pos":
            lines = path.read_bytes().splitlines(keepends=True)
            half = len(lines) // 2
            drop(settings, relative.with_stem(path.stem + "-a"), b"".join(lines[:half]))
            drop(settings, relative.with_stem(path.stem + "-b"), b"".join(lines[half:]))
        else:
            drop(settings, relative, path.read_bytes())
    out = io.BytesIO()
    pl.concat(merged["all"], how="vertical_relaxed").write_parquet(out)
    drop(settings, Path("pos/source=simulated/merged.parquet"), out.getvalue())
    refresh_everything(workspace, settings)
    assert differences(clean[1].lake, workspace.lake) == {}


def test_a_late_file_changes_the_days_it_reaches_and_no_other(clean, tmp_path):
    settings, workspace, source = fresh(tmp_path, clean)
    files = landed(source)
    late = next(p for p in files if p.suffix == ".parquet" and p.relative_to(source).parts[0] == "pos")
    for path in files:
        if path != late:
            drop(settings, path.relative_to(source), path.read_bytes())
    refresh_everything(workspace, settings)
    before = versions(workspace.lake)
    drop(settings, late.relative_to(source), late.read_bytes())
    refresh_everything(workspace, settings)
    assert differences(clean[1].lake, workspace.lake) == {}
    bronze = TABLES["bronze/inventory_transactions"]
    after = versions(workspace.lake)
    touched = workspace.lake.changed_days(bronze, before[bronze.path], after[bronze.path])
    days = {day for day in touched if day is not None}
    for path in ("silver/given_away", "silver/inventory_transactions", "gold/daily_inventory_summary"):
        table = TABLES[path]
        changed = workspace.lake.changed_days(table, before[path], after[path])
        reach = max(1, table.reach.days_back)
        assert {d for d in changed if d} <= {
            date.fromordinal(day.toordinal() + n) for day in days for n in range(-reach, reach + 1)
        }
    for path in ("silver/stock_counts", "silver/stock_openings", "silver/supplier_orders", "silver/products"):
        assert after[path] == before[path], path
