"""What several modules of this room build upon."""

from __future__ import annotations

import pytest

from inventory_assets_tests.pipeline.planned_history import CONFIG, plan
from inventory_assets_tests.pipeline.running import simulated


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """History, workspace and settings after one load and one night."""
    history, settings, workspace = simulated(CONFIG, tmp_path_factory.mktemp("planned"))
    assert plan(workspace)
    return history, workspace, settings
