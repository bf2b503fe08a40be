"""Fixtures shared by all rooms."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest

from inventory_assets_tests.faults.campaign import long_only

ROOT = Path(__file__).resolve().parent.parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Tests that share what their module builds run on one worker, so that it is built once; `make chaos` finds all."""
    for item in items:
        if any(each == long_only.mark for each in item.iter_markers()) and item.get_closest_marker("slow") is None:
            raise pytest.UsageError(f"{item.nodeid} is a campaign, but make chaos takes what is marked as slow")
        fixtures = item._fixtureinfo.name2fixturedefs.values()
        if any(found[-1].scope == "module" for found in fixtures) and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.module.__name__))


def pytest_collection_finish():
    """Leave what is imported by now out of garbage collection: every full one would walk through all of Dagster."""
    gc.freeze()


def pytest_sessionfinish():
    """Give it back, so that libraries find nothing left over when the process ends."""
    gc.unfreeze()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the public data sets; skips where it is absent, fails if INVENTORY_REQUIRE_SHARED_DATA is set."""
    folder = Path(os.environ.get("INVENTORY_SHARED_DATA") or ROOT.parent / "shared" / "data").resolve()
    if not folder.is_dir():
        message = f"the public data sets are not at {folder}; set INVENTORY_SHARED_DATA to their folder"
        if os.environ.get("INVENTORY_REQUIRE_SHARED_DATA"):
            pytest.fail(message)
        pytest.skip(message)
    return folder
