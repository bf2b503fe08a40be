"""Landing folder and lake in an S3-compatible store: nothing assumes a local path."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from datetime import UTC, date, datetime

import pytest
from pydantic import SecretStr

from inventory_assets.contracts.gold import STORE_PERFORMANCE
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.operate.doctor import conditional_put
from inventory_assets.settings import Settings
from inventory_assets.simulator import HistoryConfig, simulate_history, sources_toml, write_history
from inventory_assets_tests.frames import random_frame
from inventory_assets_tests.pipeline.running import differences, publish_everything, refresh_everything, workspace_at

NOW = datetime(2026, 6, 1, tzinfo=UTC)
BUCKET = "retail"


@pytest.fixture(scope="module")
def store():
    """Options of an empty store on loopback."""
    from pyarrow import fs

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert server.poll() is None, "the store did not start"
                assert time.monotonic() < deadline, "the store did not answer in time"
                time.sleep(0.1)
        bucket = fs.S3FileSystem(
            access_key="analyst", secret_key="secret", scheme="http", endpoint_override=f"127.0.0.1:{port}",
            region="eu-central-1", allow_bucket_creation=True,
        )  # fmt: skip
        bucket.create_dir(BUCKET)
        yield bucket, {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_ALLOW_HTTP": "true", "AWS_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "analyst", "AWS_SECRET_ACCESS_KEY": "secret",
        }  # fmt: skip
    finally:
        server.kill()
        server.wait()


def test_a_history_in_an_object_store_gives_the_tables_of_a_local_folder(store, tmp_path):
    from pyarrow import fs

    bucket, options = store
    history = simulate_history(
        HistoryConfig(start=date(2026, 1, 31), days=1, stores=1, items=4, lines_per_store_day=8.0, dirt=0.05)
    )
    local = Settings(data_dir=tmp_path)
    write_history(history, tmp_path / "landing", tmp_path / "truth")
    local.sources_file.write_text(sources_toml(history), encoding="utf-8")
    workspace = workspace_at(local, NOW)
    refresh_everything(workspace, local)

    fs.copy_files(
        str(tmp_path / "landing"), f"{BUCKET}/landing", source_filesystem=fs.LocalFileSystem(),
        destination_filesystem=bucket,
    )  # fmt: skip
    remote = Settings(
        data_dir=tmp_path / "remote",
        landing_uri=f"s3://{BUCKET}/landing",
        lake_uri=f"s3://{BUCKET}/lakehouse",
        storage_options={name: SecretStr(value) for name, value in options.items()},
    )
    remote.data_dir.mkdir()
    remote.sources_file.write_text(sources_toml(history), encoding="utf-8")
    there = workspace_at(remote, NOW)
    refresh_everything(there, remote)
    assert differences(workspace.lake, there.lake) == {}
    assert not refresh_everything(there, remote).changed
    publish_everything(there, remote)
    assert list((tmp_path / "remote" / "serving").glob("*.duckdb"))
    assert not (tmp_path / "remote" / "lakehouse").exists()


def test_the_newest_version_is_kept_until_another_writer_commits_and_an_older_one_stays_readable(store):
    _, options = store
    reader, writer = (Lake(f"s3://{BUCKET}/shared", options) for _ in range(2))
    for rows in (2, 3):
        first = reader.open(STORE_PERFORMANCE)
        written = writer.append(STORE_PERFORMANCE, random_frame(STORE_PERFORMANCE, rows, rows)).version
        kept = reader.open(STORE_PERFORMANCE)
        assert kept is not None
        assert kept is not first
        assert kept.version() == written
        assert reader.open(STORE_PERFORMANCE) is reader.open(STORE_PERFORMANCE, written) is kept
    before = reader.scan(STORE_PERFORMANCE, written - 1).collect().height
    assert (before, reader.scan(STORE_PERFORMANCE).collect().height) == (2, 5)


def test_the_probe_sees_that_the_store_honours_conditional_puts(store):
    _, options = store
    (finding,) = conditional_put(f"s3://{BUCKET}/probed", options)
    assert finding.severity == "ok"


def test_a_lake_without_tables_reads_as_empty(store):
    _, options = store
    lake = Lake(f"s3://{BUCKET}/nothing", options)
    from inventory_assets.contracts.silver import SALES

    assert lake.version(SALES) is None
    assert lake.scan(SALES).collect().is_empty()
