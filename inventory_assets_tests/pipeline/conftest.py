"""Two simulated histories and a clean load of each, made once for all tests of this room and never changed."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from inventory_assets.simulator import History, HistoryConfig, simulate_history, sources_toml
from inventory_assets.simulator.files import landing_files
from inventory_assets_tests.pipeline.running import published, run, workspace_at

if TYPE_CHECKING:
    from inventory_assets.pipeline.workspace import Workspace

DIRTY = HistoryConfig(
    start=date(2026, 2, 18), days=22, stores=4, items=25, warehouses=1, lines_per_store_day=16, dirt=0.03, seed=5,
    count_interval_days=12, unknown_share=0.1, return_share=0.05, cancellation_share=0.03,
)  # fmt: skip
"""Crosses a month end and a change to summer time; tills of every format, one without line numbers."""
TINY = HistoryConfig(
    start=date(2026, 2, 25), days=8, stores=2, items=8, warehouses=1, lines_per_store_day=8, dirt=0.05, seed=3,
    count_interval_days=5, return_share=0.08, cancellation_share=0.05,
)  # fmt: skip


@pytest.fixture(scope="session")
def history() -> History:
    return simulate_history(DIRTY)


@pytest.fixture(scope="session")
def sources(history: History) -> str:
    return sources_toml(history)


@pytest.fixture(scope="session")
def loaded(history: History, sources: str, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """One clean load of the dirty history, published."""
    workspace = workspace_at(tmp_path_factory.mktemp("loaded"), sources=sources)
    run(workspace, dict(landing_files(history)))
    published(workspace)
    return workspace


@pytest.fixture(scope="session")
def tiny() -> History:
    return simulate_history(TINY)


@pytest.fixture(scope="session")
def tiny_files(tiny: History) -> dict[str, bytes]:
    return dict(landing_files(tiny))


@pytest.fixture(scope="session")
def tiny_loaded(tiny: History, tiny_files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """One clean load of the tiny history."""
    return run(workspace_at(tmp_path_factory.mktemp("tiny"), sources=sources_toml(tiny)), tiny_files)
