from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from inventory_assets.contracts.bronze import BRONZE
from inventory_assets.contracts.model import Table
from inventory_assets.contracts.schemas import polars_schema
from inventory_assets.contracts.tables import TABLES
from inventory_assets.lakehouse.lake import Lake, Scope
from inventory_assets.operate.progress import Watch
from inventory_assets.settings import Settings

SUPPLIERS = TABLES["silver/suppliers"]
DEPENDENT = ("silver/quarantine", "silver/day_balance")
NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
SAMPLES = {
    "String": "x", "Int64": 1, "Int32": 1, "Int8": 1, "Float64": 0.5, "Boolean": True, "Date": date(2024, 5, 1),
    "Datetime": NOW, "Money": 1,
}  # fmt: skip


def row(table: Table, **values: object) -> pl.DataFrame:
    """One row that keeps the contract: null where allowed, else a sample."""
    cells = {
        column.name: values.get(
            column.name,
            None if column.nullable else (column.allowed[0] if column.allowed else SAMPLES[column.type]),
        )
        for column in table.columns
    }
    return pl.DataFrame([cells], schema=polars_schema(table), orient="row")


@pytest.fixture
def settings(tmp_path, monkeypatch) -> Settings:
    monkeypatch.delenv("INVENTORY_LANDING_URI", raising=False)
    monkeypatch.delenv("INVENTORY_LAKE_URI", raising=False)
    return Settings(data_dir=tmp_path)


def land(settings: Settings, name: str) -> str:
    path = f"suppliers/{name}"
    file = settings.data_dir / "landing" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("supplier_id,supplier_name\nS1,One\n")
    return path


def test_an_empty_folder_is_the_empty_stage(settings):
    now = Watch(settings).look()
    assert (now.stage, now.files_found, now.rows) == ("empty", 0, {})


def test_a_file_is_followed_from_landing_to_the_tables_behind(settings):
    path = land(settings, "may.csv")
    watch, lake, bronze = Watch(settings), Lake(settings.lake), BRONZE["suppliers"]
    assert watch.look().files_waiting == (path,)
    assert watch.look().stage == "ingesting"

    first = lake.append(bronze, row(bronze, source_file=path))
    now = watch.look()
    assert now.files_waiting == ()
    assert now.rows == {bronze.path: 1}
    assert set(now.behind) == {SUPPLIERS.path, *DEPENDENT}
    assert now.stage == "computing"

    consumed = {bronze.path: first.version}
    lake.replace(SUPPLIERS, row(SUPPLIERS), Scope(), consumed)
    for name in DEPENDENT:
        lake.note(TABLES[name], consumed)
    now = watch.look()
    assert now.behind == ()
    assert now.stage == "publishing"
    assert SUPPLIERS.path in now.unpublished

    lake.append(bronze, row(bronze, source_file=land(settings, "june.csv")))
    assert SUPPLIERS.path in watch.look().behind


@pytest.mark.parametrize("feed", ["products", "locations"])
def test_a_master_alone_leaves_no_table_of_tills_and_orders_behind(settings, feed):
    lake, bronze, master = Lake(settings.lake), BRONZE[feed], TABLES[f"silver/{feed}"]
    first = lake.append(bronze, row(bronze, source_file=f"{feed}/a.csv"))
    consumed = {bronze.path: first.version}
    lake.replace(master, row(master), Scope(), consumed)
    for name in DEPENDENT:
        lake.note(TABLES[name], consumed)
    assert Watch(settings).look().behind == ()


def test_a_commit_that_changes_no_data_leaves_nothing_behind(settings):
    lake, bronze = Lake(settings.lake), BRONZE["suppliers"]
    watch = Watch(settings)
    first = lake.append(bronze, row(bronze, source_file=land(settings, "may.csv")))
    consumed = {bronze.path: first.version}
    for name in (SUPPLIERS.path, *DEPENDENT):
        lake.note(TABLES[name], consumed)
    lake.append(bronze, row(bronze, source_file="suppliers/may.csv", row_number=2))
    assert watch.look().behind != ()
    for name in (SUPPLIERS.path, *DEPENDENT):
        lake.note(TABLES[name], {bronze.path: first.version + 1})
    handle = lake.open(bronze)
    assert handle is not None
    handle.optimize.compact()
    assert lake.version(bronze) == first.version + 2
    assert watch.look().behind == ()


def test_every_look_has_a_mark_that_moves_with_the_work(settings):
    land(settings, "may.csv")
    watch, lake, bronze = Watch(settings), Lake(settings.lake), BRONZE["suppliers"]
    before = watch.look().mark
    assert watch.look().mark == before
    lake.append(bronze, row(bronze, source_file="suppliers/may.csv"))
    assert watch.look().mark != before
