"""What the file shows is what the lake holds, whoever reads the Parquet files."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from inventory_assets.contracts.silver import DAY_BALANCE
from inventory_assets.publish.sql import connect
from inventory_assets.publish.tables import AS_STORED
from inventory_assets.settings import Settings
from inventory_assets.simulator import HistoryConfig, simulate_history, sources_toml, write_history
from inventory_assets_tests.pipeline.running import publish_everything, refresh_everything, workspace_at

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path) -> Settings:
    """A dirty history, with rows that give no day, half of it published before the other half came."""
    history = simulate_history(
        HistoryConfig(start=date(2026, 1, 29), days=4, stores=2, items=6, lines_per_store_day=8.0, dirt=0.08)
    )
    settings = Settings(data_dir=tmp_path)
    landing = tmp_path / "landing"
    write_history(history, landing, tmp_path / "truth")
    settings.sources_file.write_text(sources_toml(history), encoding="utf-8")
    files = sorted(path for path in landing.rglob("*") if path.is_file())
    for path in files[::2]:
        path.rename(path.with_name(f"_{path.name}"))
    carry(settings)
    for path in files[::2]:
        path.with_name(f"_{path.name}").rename(path)
    carry(settings)
    return settings


def carry(settings: Settings) -> None:
    workspace = workspace_at(settings, NOW)
    refresh_everything(workspace, settings)
    publish_everything(workspace, settings)


def test_every_cell_of_the_file_is_the_lakes_rows_without_a_day_included(settings):
    lake = workspace_at(settings, NOW).lake
    assert None in lake.day_rows(DAY_BALANCE)
    with connect(settings.serving) as connection:
        for table in AS_STORED:
            columns = ", ".join(f'"{name}"' for name in table.column_names)
            shown = connection.sql(f'SELECT {columns} FROM "{table.layer}"."{table.name}"').pl()
            held = lake.scan(table).collect()
            key = list(table.key)
            shown = shown.cast(dict(held.schema)).sort(key)
            assert shown.equals(held.sort(key), null_equal=True), table.path


def test_files_are_named_by_day(settings):
    lake = workspace_at(settings, NOW).lake
    every, one = lake.stored_files(DAY_BALANCE), lake.stored_files(DAY_BALANCE, days=[None])
    assert every is not None
    assert one is not None
    assert set(one) < set(every)
    rows = pl.read_parquet(one, hive_partitioning=True).height
    assert rows == lake.day_rows(DAY_BALANCE)[None]
