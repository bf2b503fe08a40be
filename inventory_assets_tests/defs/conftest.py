from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from inventory_assets_tests.defs.installation import NOW, Installation


@pytest.fixture
def installation(tmp_path, monkeypatch) -> Iterator[Installation]:
    """An empty installation whose clock stands still and which publishes whenever something changed."""
    for name in ("INVENTORY_LANDING_URI", "INVENTORY_LAKE_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("INVENTORY_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("INVENTORY_FIXED_CLOCK", NOW.isoformat())
    monkeypatch.setenv("INVENTORY_PUBLISH__MIN_INTERVAL_SECONDS", "0")
    with dg.DagsterInstance.ephemeral() as instance:
        yield Installation(tmp_path, instance)
