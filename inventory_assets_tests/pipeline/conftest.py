"""What several modules of this room build upon."""

from __future__ import annotations

import pytest

from inventory_assets.settings import Settings
from inventory_assets.simulator import simulate_history, sources_toml, write_history
from inventory_assets_tests.pipeline.planned_history import CONFIG, plan
from inventory_assets_tests.pipeline.running import refresh_everything, workspace_at


@pytest.fixture(scope="session")
def planned(tmp_path_factory):
    """History, workspace and settings after one load and one night."""
    history = simulate_history(CONFIG)
    settings = Settings(data_dir=tmp_path_factory.mktemp("planned"))
    write_history(history, settings.data_dir / "landing", settings.data_dir / "truth")
    settings.sources_file.write_text(sources_toml(history), encoding="utf-8")
    workspace = workspace_at(settings, history.config.end)
    refresh_everything(workspace, settings)
    assert plan(workspace)
    return history, workspace, settings
