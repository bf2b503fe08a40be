"""A commit that fails, before or after it took effect, at any place of a load: running again gives the same tables."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from inventory_assets.lakehouse.lake import Lake
from inventory_assets.settings import Settings
from inventory_assets.simulator import HistoryConfig, simulate_history, sources_toml, write_history
from inventory_assets_tests.pipeline.running import BRONZE, bronze_rows, differences, refresh_everything, workspace_at

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PLACES = [0, 1, 5, 11, 17, 30, 37]
"""Commits that fail in the normal suite: bronze, masters, facts, movements, gold, analytics."""


class PowerCutError(RuntimeError):
    """The commit of the moment."""


class FailingLake(Lake):
    """A lake whose n-th commit fails, before it is made or just after."""

    def __init__(self, root: str, fail_at: int, *, after: bool) -> None:
        super().__init__(root)
        self.commits = 0
        self._fail_at, self._after = fail_at, after

    def _commit(self, *arguments, **options) -> int:
        number, self.commits = self.commits, self.commits + 1
        if number == self._fail_at and not self._after:
            raise PowerCutError
        version = super()._commit(*arguments, **options)
        if number == self._fail_at:
            raise PowerCutError
        return version


@pytest.fixture(scope="module")
def history():
    return simulate_history(
        HistoryConfig(start=date(2026, 1, 28), days=6, stores=3, items=12, lines_per_store_day=12.0, dirt=0.05)
    )


def installation(history, folder) -> Settings:
    settings = Settings(data_dir=folder)
    write_history(history, folder / "landing", folder / "truth")
    settings.sources_file.write_text(sources_toml(history), encoding="utf-8")
    return settings


@pytest.fixture(scope="module")
def undisturbed(history, tmp_path_factory):
    settings = installation(history, tmp_path_factory.mktemp("undisturbed"))
    workspace = workspace_at(settings, NOW)
    lake = FailingLake(settings.lake, -1, after=False)
    refresh_everything(replace(workspace, lake=lake), settings)
    return lake


def holds_after_a_failure(history, undisturbed, folder, place: int, *, after: bool) -> None:
    settings = installation(history, folder)
    workspace = workspace_at(settings, NOW)
    failing = replace(workspace, lake=FailingLake(settings.lake, place, after=after))
    with pytest.raises(PowerCutError):
        refresh_everything(failing, settings)
    refresh_everything(workspace, settings)
    assert differences(undisturbed, workspace.lake) == {}
    for table in BRONZE:
        assert bronze_rows(undisturbed, table).equals(bronze_rows(workspace.lake, table)), table.path


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("place", PLACES)
def test_a_failing_commit_loses_and_doubles_nothing(history, undisturbed, tmp_path, place, after):
    assert max(PLACES) < undisturbed.commits
    holds_after_a_failure(history, undisturbed, tmp_path, place, after=after)


@pytest.mark.slow
@pytest.mark.skipif("INVENTORY_TEST_PROFILE" not in os.environ, reason="a long campaign; make chaos runs it")
def test_every_commit_may_fail(history, undisturbed, tmp_path_factory):
    for place in range(undisturbed.commits):
        for after in (False, True):
            holds_after_a_failure(history, undisturbed, tmp_path_factory.mktemp("cut"), place, after=after)
