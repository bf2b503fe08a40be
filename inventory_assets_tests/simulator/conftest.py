"""One small dirty history, written once for all tests of this room."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from inventory_assets.simulator import History, HistoryConfig, simulate_history, write_history

if TYPE_CHECKING:
    from pathlib import Path

SMALL = HistoryConfig(start=date(2026, 3, 1), days=24, stores=6, items=25, lines_per_store_day=30, dirt=0.03, seed=11)


@pytest.fixture(scope="session")
def history() -> History:
    return simulate_history(SMALL)


@pytest.fixture(scope="session")
def landing(history: History, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated")
    write_history(history, folder / "landing", folder / "truth")
    return folder / "landing"
