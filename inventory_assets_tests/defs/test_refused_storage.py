"""A full disk and a folder that cannot be written: a clear error, nothing lost, and the next run goes on by itself."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable

from inventory_assets.contracts.tables import TABLES
from inventory_assets.lakehouse.refusals import StorageRefusedError, refusal, refusals_told
from inventory_assets.lakehouse.stores import list_files
from inventory_assets.pipeline import ingest as ingestion
from inventory_assets_tests.conftest import ROOT
from inventory_assets_tests.defs.installation import NOW, Installation, failed_steps, line
from inventory_assets_tests.faults.campaign import LONG
from inventory_assets_tests.pipeline.running import workspace_at

DISK_BYTES = 6_000_000
ROOMS = (0, 20_000, 60_000, 150_000) if LONG else (0, 60_000)
"""Bytes that are left when a run begins: different room, different place at which it ends."""


@pytest.fixture
def disk(installation, tmp_path, monkeypatch) -> Iterator[Path]:
    """A small disk that holds the lake; Dagster's own files lie elsewhere."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", str(folder)],
        capture_output=True,
        text=True,
        check=False,
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
    for step, leave in enumerate(ROOMS):
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
    assert len(installation.rows("silver/inventory_transactions")) == 19 + len(ROOMS) * 199


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(28, "No space left on device"), "room"),
        (PermissionError(13, "Permission denied"), "rights"),
        (OSError(30, "Read-only file system"), "rights"),
        (RuntimeError("Generic LocalFileSystem error: No space left on device (os error 28)"), "room"),
        (FileNotFoundError(2, "No such file or directory"), None),
        (ValueError("a row breaks the contract"), None),
    ],
)
def test_a_refusal_is_told_from_other_errors_also_behind_them(error, kind):
    assert refusal(error) == kind
    outer = RuntimeError("the step failed")
    outer.__cause__ = error
    assert refusal(outer) == kind
    with pytest.raises(StorageRefusedError if kind else type(error)), refusals_told(["/"]):
        raise error


UNPRIVILEGED = """
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from inventory_assets.contracts.tables import TABLES
from inventory_assets.lakehouse.refusals import StorageRefusedError, refusals_told
from inventory_assets.operate.doctor import folders
from inventory_assets.pipeline.ingest import plan
from inventory_assets.settings import Settings
from inventory_assets_tests.pipeline.running import publish_everything, refresh_everything, workspace_at


def use(folder):
    global settings, workspace
    settings = Settings(data_dir=folder)
    workspace = workspace_at(settings, datetime(2024, 6, 1, 12, tzinfo=UTC))


def refresh():
    with refusals_told([settings.lake]):
        refresh_everything(workspace, settings)
        publish_everything(workspace, settings)


def land(name, receipt):
    file = settings.data_dir / "landing" / "pos" / "source=till" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    head = "transaction_id,line_number,store_id,product_sku,quantity_sold,unit_price,timestamp"
    file.write_text(f"{head}\\n{receipt},1,S1,A,2,1.50,2024-05-01T10:00:00Z\\n")
    return file


use(Path(sys.argv[1], "root"))  # everything is imported while the interpreter's own files can be read
land("a.csv", "A")
refresh()
list(folders(settings))
if sys.argv[2]:
    os.setgroups([])
    os.setgid(int(sys.argv[2]))
    os.setuid(int(sys.argv[2]))
use(Path(sys.argv[1], "own"))
land("a.csv", "A")
refresh()
for top in (Path(settings.lake), settings.serving):
    land(f"{top.name}.csv", top.name)
    inside = [top, *(path for path in top.rglob("*") if path.is_dir())]
    for folder in inside:
        folder.chmod(0o555)
    try:
        refresh()
    except StorageRefusedError as error:
        print(top.name, error)
    print(top.name, [finding.what for finding in folders(settings)])
    for folder in inside:
        folder.chmod(0o755)
    refresh()
locked = land("b.csv", "B")
locked.chmod(0)
print("locked", plan(workspace, settings.ingest).locked, [finding.what for finding in folders(settings)])
refresh()
locked.chmod(0o644)
refresh()
print("rows", workspace.lake.scan(TABLES["silver/inventory_transactions"]).collect()["transaction_id"].sort().to_list())
"""


@pytest.mark.slow
def test_a_folder_without_rights_fails_with_a_clear_error_is_named_by_the_doctor_and_is_gone_on_with_later():
    with tempfile.TemporaryDirectory(prefix="inventory-") as folder:
        own, nobody = Path(folder, "own"), ""
        own.mkdir()
        if os.geteuid() == 0:  # root may write everywhere
            nobody = str(pwd.getpwnam("nobody").pw_uid)
            Path(folder).chmod(0o755)
            shutil.chown(own, "nobody")
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", UNPRIVILEGED, folder, nobody]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]
    said = ran.stdout
    for name in ("lakehouse", "serving"):
        assert re.search(rf"{name} a folder cannot be used: .*[Pp]ermission denied.*goes on by itself", said), said
        assert re.search(rf"{name} \['/.*/{name} cannot be written'", said), said
    assert "locked ('pos/source=till/b.csv',) ['1 files or folders of the landing folder cannot be read" in said, said
    assert "rows ['A', 'B', 'lakehouse', 'serving']" in said, said


def test_a_file_that_vanishes_between_listing_and_reading_is_named_and_the_others_are_taken(installation):
    kept = installation.land_lines("kept", line(1, receipt="K"))
    gone = installation.land_lines("gone", line(1, receipt="G"))
    (installation.data / "landing" / gone).unlink()
    result = installation.refresh(files=[gone, kept])
    assert result.success
    assert installation.rows("silver/inventory_transactions")["transaction_id"].to_list() == ["K"]
    assert installation.quarantined() == {}


def test_a_file_that_vanishes_while_the_batch_is_read_is_named_and_the_others_are_taken(installation, monkeypatch):
    kept = installation.land_lines("kept", line(1, receipt="K"))
    gone = installation.land_lines("gone", line(1, receipt="G"))
    workspace = workspace_at(installation.settings, NOW)
    listed = ingestion.find_landing

    def list_then_lose(*given):
        found = listed(*given)
        (installation.data / "landing" / gone).unlink()
        return found

    monkeypatch.setattr(ingestion, "find_landing", list_then_lose)
    done = ingestion.ingest(workspace, [gone, kept], batch_rows=100)
    assert done.files == 1
    assert any(
        warning.startswith(f"{gone} was not read: landing file {gone} cannot be read") for warning in done.warnings
    )
    monkeypatch.setattr(ingestion, "find_landing", listed)
    installation.land_lines("gone", line(1, receipt="G"))
    assert ingestion.ingest(workspace, [gone, kept], batch_rows=100).files == 1, "back again, it is taken"
