from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from inventory_assets.settings import Settings
from inventory_assets.simulator import History, HistoryConfig, simulate_history, sources_toml, write_history
from inventory_assets_tests.pipeline.running import publish_everything, refresh_everything, workspace_at

NOW = datetime(2026, 6, 1, tzinfo=UTC)
CONFIG = HistoryConfig(
    start=date(2026, 1, 12), days=36, stores=2, items=24, lines_per_store_day=22.0, dirt=0.02, return_share=0.06,
    unknown_share=0.1,
)  # fmt: skip
"""A month end inside, and more than the four weeks the query of slow movers looks back."""


@dataclass(frozen=True)
class Documented:
    """What the examples of the documentation are tried on.

    Attributes:
        data: data folder of an installation that has taken in and published everything.
        history: what is true of it.
    """

    data: Path
    history: History

    @property
    def settings(self) -> Settings:
        return Settings(data_dir=self.data)


@pytest.fixture(scope="session")
def documented(tmp_path_factory) -> Documented:
    """A simulated history, taken in and published once."""
    history = simulate_history(CONFIG)
    settings = Settings(data_dir=tmp_path_factory.mktemp("documented"))
    write_history(history, settings.data_dir / "landing", settings.data_dir / "truth")
    settings.sources_file.write_text(sources_toml(history), encoding="utf-8")
    workspace = workspace_at(settings, NOW)
    refresh_everything(workspace, settings)
    publish_everything(workspace, settings)
    return Documented(settings.data_dir, history)
