"""A full disk and a folder that cannot be written: a clear error, nothing lost, and the next run goes on by itself."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable

from inventory_assets.contracts.tables import TABLES
from inventory_assets.lakehouse.refusals import StorageRefusedError, refusal, refusals_told
from inventory_assets.lakehouse.stores import list_files
from inventory_assets_tests.conftest import ROOT
from inventory_assets_tests.defs.installation import DAY, Installation, failed_steps, line
from inventory_assets_tests.pipeline.running import differences, workspace_at
from inventory_assets.settings import Settings

DISK_BYTES = 6_000_000


@pytest.fixture
def disk(installation, tmp_path, monkeypatch) -> Iterator[Path]:
    """A small disk that holds the lake; Dagster's own files lie elsewhere."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", str(folder)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    try:
        monkeypatch.setenv("INVENTORY_LAKE_URI", str(folder / "lake"))
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path, leave: int) -> Path:
    """A file that leaves so many bytes of the disk."""
    ballast = disk / "ballast"
    state = os.statvfs(disk)
    with ballast.open("wb") as file:
        file.write(b"\0" * max(0, state.f_bavail * state.f_frsize - leave))
    return ballast


def strays(installation: Installation) -> list[str]:
    """Data files of the lake that no version of their table names."""
    found = []
    for table in TABLES.values():
        handle = installation.lake.open(table)
        if handle is None:
            continue
        named: set[str] = set()
        for version in range(handle.version() + 1):
            actions = pl.DataFrame(DeltaTable(installation.lake.uri(table), version=version).get_add_actions())
            named |= set(actions["path"].to_list()) if actions.width else set()
        stored = {each.path for each in list_files(installation.lake.uri(table), {})}
        found += [f"{table.path}/{path}" for path in stored - named if not path.startswith("_delta_log")]
    return found


def test_a_full_disk_fails_the_run_with_a_clear_error_and_the_next_one_finishes_once_there_is_room(installation, disk):
    installation.land_lines("first", *(line(n, receipt="F") for n in range(1, 20)))
    assert installation.refresh().success
    errors = {}
    for step, leave in enumerate((0, 20_000, 60_000, 150_000)):
        installation.land_lines(f"next{step}", *(line(n, receipt=f"N{step}") for n in range(1, 200)))
        ballast = fill(disk, leave)
        result = installation.refresh()
        ballast.unlink()
        assert not result.success, leave
        for name, error in failed_steps(result).items():
            assert "StorageRefusedError: no space left" in error, error
            assert "goes on by itself" in error
            errors[name] = error
        assert strays(installation) == []
    assert len(errors) > 1, "different room, different place"
    assert installation.refresh().success
    assert len(installation.rows("silver/inventory_transactions")) == 19 + 4 * 199
