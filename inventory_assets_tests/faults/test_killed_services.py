"""SIGKILL of workers, code server, daemon and webserver while files keep coming: the lane moves again by itself."""

from __future__ import annotations

import os
import random
import statistics
import time
from datetime import UTC, date, datetime

import psutil
import pytest
from dagster import DagsterRunStatus, RunsFilter

from inventory_assets.defs import carriers
from inventory_assets.defs.carriers import LAUNCHER_TAG, process_lives
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.operate.progress import Watch
from inventory_assets.settings import Settings
from inventory_assets.simulator import HistoryConfig, simulate_history, sources_toml, write_history
from inventory_assets_tests.faults.campaign import long_only, record
from inventory_assets_tests.faults.serving_installation import Served, serve
from inventory_assets_tests.pipeline.running import (
    BRONZE,
    bronze_rows,
    differences,
    publish_everything,
    published_cells,
    refresh_everything,
    workspace_at,
)

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ENVIRONMENT = {
    "INVENTORY_FIXED_CLOCK": NOW.isoformat(),
    "INVENTORY_PUBLISH__MIN_INTERVAL_SECONDS": "0",
    "INVENTORY_INGEST__READY_AFTER_SECONDS": "0",
    "INVENTORY_INGEST__INTERVAL_SECONDS": "10",
    "INVENTORY_MAINTENANCE__BURST_SECONDS": "1000000",
}
PROMISED_SECONDS = 60.0
LONGEST_REST_SECONDS = 12.0


def kill(world: Served, dice: random.Random) -> str:
    """SIGKILL of a process of a random kind, of those that run; returns what it was."""
    alive = {kind: found for kind, found in world.processes().items() if found}
    kind = dice.choice(sorted(alive))
    try:
        dice.choice(sorted(alive[kind], key=lambda process: process.pid)).kill()
    except psutil.NoSuchProcess:
        return f"{kind}, too late"
    return kind


@pytest.mark.slow
@long_only
@pytest.mark.xdist_group("killed services")
def test_killed_services_and_workers_lose_nothing_and_the_lane_moves_again_by_itself(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "disturbed" / "dagster"))
    kills = int(os.environ.get("INVENTORY_CHAOS_KILLS", "100"))
    seed = int(os.environ.get("INVENTORY_CHAOS_SEED", "20260101"))
    dice = random.Random(seed)
    days = max(30, kills // 2)
    history = simulate_history(
        HistoryConfig(start=date(2026, 1, 20), days=days, stores=2, items=6, lines_per_store_day=6.0, dirt=0.03)
    )
    source = tmp_path / "source"
    write_history(history, source / "landing", tmp_path / "truth")
    files = sorted(
        str(path.relative_to(source / "landing")) for path in (source / "landing").rglob("*") if path.is_file()
    )
    dice.shuffle(files)
    undisturbed, settings = Settings(data_dir=tmp_path / "undisturbed"), Settings(data_dir=tmp_path / "disturbed")
    for each in (undisturbed, settings):
        each.data_dir.mkdir()
        each.sources_file.write_text(sources_toml(history), encoding="utf-8")
    (source / "landing").rename(undisturbed.data_dir / "landing")
    source = undisturbed.data_dir / "landing"
    workspace = workspace_at(undisturbed, NOW)
    refresh_everything(workspace, undisturbed)
    publish_everything(workspace, undisturbed)

    killed: dict[str, int] = {}
    took: list[tuple[float, str]] = []
    with serve(settings, ENVIRONMENT) as world:
        batches = [files[n :: 2 * kills + 1] for n in range(2 * kills + 1)]
        assert all(batches), "a refresh follows each drop only if each brings a file"
        for path in batches.pop():
            world.drop(source, path)
        world.wait(lambda: world.finished_since(0), 120, "the first refresh")
        (first,) = world.instance.get_run_records(RunsFilter(statuses=[DagsterRunStatus.SUCCESS]))
        assert process_lives(first.dagster_run.tags[LAUNCHER_TAG]), "the daemon says that it launches"
        assert carriers._worker(world.instance, first), "Dagster notes the pid of a worker; the sweep relies on it"
        for _ in range(kills):
            for path in batches.pop():
                world.drop(source, path)
            world.rest(dice.uniform(0, LONGEST_REST_SECONDS))
            kind = kill(world, dice)
            at, begun = time.time(), time.monotonic()
            for path in batches.pop():
                world.drop(source, path)
            killed[kind] = killed.get(kind, 0) + 1
            world.wait(
                lambda at=at: world.finished_since(at), 4 * PROMISED_SECONDS, f"a refresh after the end of a {kind}"
            )
            took.append((time.monotonic() - begun, kind))
        look = Watch(settings)
        world.wait(lambda: look.look().stage == "done", 240, "everything is published")

    wanted, found = Lake(undisturbed.lake), Lake(settings.lake)
    assert differences(wanted, found) == {}
    for table in BRONZE:
        assert bronze_rows(wanted, table).equals(bronze_rows(found, table)), table.path
    assert published_cells(undisturbed.serving) == published_cells(settings.serving)
    slowest = max(took)
    record(
        "killed_services",
        "workers, code server, daemon, webserver of a served installation killed with SIGKILL at random moments",
        "tables and DuckDB equal an undisturbed run; a refresh begun after the kill has ended within 60 s",
        f"{kills} kills, seed {seed}; all equal; p50 {statistics.median(each for each, _ in took):.0f} s, slowest "
        f"{slowest[0]:.0f} s",
        reached=slowest[0] <= PROMISED_SECONDS,
        details={"kills": killed, "seed": seed, "seconds": [(round(each, 1), kind) for each, kind in took]},
    )
    assert slowest[0] <= PROMISED_SECONDS, took
