"""Real servers and databases for the tests of the live layer, and events to put into them."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from inventory_assets.contracts.values import changed
from inventory_assets.live.database.binaries import installed
from inventory_assets.live.log.entries import Entry, fingerprint
from inventory_assets.settings import DatabaseSettings, Settings

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder every user can enter; pytest's own are closed to the user a server of root runs as."""
    folder = Path(tempfile.mkdtemp(prefix="inventory-test-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def installation(folder: Path, **options: object) -> Settings:
    """Settings of an installation with an embedded server of its own."""
    return Settings(data_dir=folder, database=DatabaseSettings(shared_buffers_mb=32, **options))


def made_from(url: str, name: str, template: str) -> str:
    """A database that is a copy of another one; its URL."""
    with psycopg.connect(url, dbname="postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return url.replace("@/inventory?", f"@/{name}?")


def schema_text(url: str) -> str:
    """What pg_dump says of the schema, without Alembic's own table and the random key of newer versions."""
    dump = subprocess.run(
        [installed() / "bin" / "pg_dump", "--schema-only", "--exclude-table=alembic_version", url],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return "\n".join(line for line in dump.splitlines() if not line.startswith("\\"))


def entry(number: int, **changes: object) -> Entry:
    """A small sale, different for each number."""
    at = NOON + timedelta(seconds=number)
    data = {"sku": f"SKU-{number % 500}", "quantity": number % 7 + 1}
    plain = Entry(
        source="till",
        event_id=f"event-{number}",
        type="sale",
        event_time=at,
        received_at=at,
        priority=5,
        items=(data["sku"],),
        envelope='{"traceid": "t"}',
        data=json.dumps(data),
        fingerprint=fingerprint("sale", data),
    )
    return changed(plain, **changes)
