from __future__ import annotations

import difflib
import subprocess
import sys

import dagster as dg
import pytest

from inventory_assets.contracts.tables import PEOPLES_TABLES, TABLES
from inventory_assets.definitions import defs
from inventory_assets.defs.jobs import STEPS
from inventory_assets.defs.specs import is_daily
from inventory_assets.settings import Settings
from inventory_assets_tests.defs.asset_graph import FILE, as_lines

HEAVY = ("polars", "pandera", "deltalake", "duckdb", "pandas", "pyarrow", "fastavro", "statsmodels", "statsforecast")


@pytest.fixture(scope="module")
def loaded() -> dg.Definitions:
    return defs()


def test_the_asset_graph_is_the_committed_one():
    committed = FILE.read_text("utf-8").splitlines()
    difference = "\n".join(difflib.unified_diff(committed, as_lines(), "committed", "now", lineterm="", n=2))
    assert not difference, f"if meant: python -m inventory_assets_tests.defs.asset_graph\n{difference}"


def test_every_declared_table_is_an_asset_and_no_other_but_the_published_file(loaded):
    keys = {"/".join(key.path) for key in loaded.resolve_asset_graph().get_all_asset_keys()}
    assert keys == {*TABLES, "serving/inventory_duckdb"}


def test_every_asset_depends_on_what_its_table_declares_and_on_days_of_the_step_that_writes_it(loaded):
    of_step = {table.path: {path for each in step.tables for path in each.upstream} for step in STEPS
               for table in step.tables}  # fmt: skip
    for spec in loaded.resolve_all_asset_specs():
        path = "/".join(spec.key.path)
        if path in TABLES:
            found, declared = {"/".join(dep.asset_key.path) for dep in spec.deps}, set(TABLES[path].upstream)
            assert found >= declared, path
            assert all(is_daily(TABLES[each]) and each in of_step.get(path, ()) for each in found - declared), path


def test_the_ui_may_backfill_whatever_is_kept_by_day(loaded):
    """It refuses a selection in which one table of a step is behind another chosen one and its sibling is not."""
    graph = loaded.resolve_asset_graph()
    daily = {key for key in graph.get_all_asset_keys() if graph.get(key).is_partitioned}
    for chosen in (daily, *({dg.AssetKey(["gold", "daily_inventory_summary"]), key} for key in daily)):
        for key in chosen:
            siblings = graph.get(key).execution_set_asset_keys
            whole = chosen | siblings
            behind = {bool(graph.get(each).parent_keys & (whole - siblings)) for each in siblings}
            assert len(behind) == 1, (key, chosen)


def test_everything_in_the_ui_says_what_it_is(loaded):
    graph = loaded.resolve_asset_graph()
    refresh = loaded.resolve_job_def("refresh")
    described = {
        **{f"asset {spec.key.to_user_string()}": spec.description for spec in loaded.resolve_all_asset_specs()},
        **{f"check {key.to_user_string()}": graph.get(key).description for key in graph.asset_check_keys},
        **{f"sensor {sensor.name}": sensor.description for sensor in loaded.sensors or ()},
        **{f"step {node.name}": node.definition.description for node in refresh.graph.nodes},
        "job refresh": refresh.description,
    }
    assert len(described) > 80
    assert [name for name, words in described.items() if not words or len(words) < 20] == []


@pytest.mark.parametrize("path", TABLES)
def test_the_column_schema_of_an_asset_is_the_contract(loaded, path):
    table = TABLES[path]
    schema = loaded.resolve_asset_graph().get(dg.AssetKey(path.split("/"))).metadata["dagster/column_schema"]
    types = {
        "Money": "decimal(18,4)", "Datetime": "timestamp (UTC)", "String": "string", "Int64": "int64",
        "Int32": "int32", "Int8": "int8", "Float64": "float64", "Boolean": "boolean", "Date": "date",
    }  # fmt: skip
    assert [(c.name, c.type, c.constraints.nullable, c.tags) for c in schema.columns] == [
        (c.name, types[c.type], c.nullable, {"data_class": c.data_class}) for c in table.columns
    ]
    for shown, declared in zip(schema.columns, table.columns, strict=True):
        assert shown.description.startswith(declared.description)
        assert declared.unit in shown.description
    assert schema.constraints.other == [f"unique: {', '.join(table.key)}"]


def test_every_written_table_is_checked_and_every_check_but_warnings_blocks(loaded):
    graph = loaded.resolve_asset_graph()
    for key in graph.materializable_asset_keys:
        names = {check.name for check in graph.get(key).check_keys}
        path = "/".join(key.path)
        assert path == "serving/inventory_duckdb" or "keeps_contract" in names, path
    warnings = {check.name for check in graph.asset_check_keys if not graph.get(check).blocking}
    assert warnings == {
        "volumes_are_usual", "no_source_is_silent", "sources_keep_sending", "newest_day_is_current"
    }  # fmt: skip


def test_a_step_runs_after_all_that_write_what_it_reads(loaded):
    job = loaded.resolve_job_def("refresh")
    order = [node.name for node in job.graph.nodes_in_topological_order]
    assert order[0] == "begin"
    assert order[-1] == "serving"
    from inventory_assets.defs.forecast import NIGHT_STEPS
    from inventory_assets.defs.jobs import STEPS
    from inventory_assets.defs.replenishment import NIGHTLY_STEPS, ON_DEMAND_STEPS
    from inventory_assets.defs.steps import op_of

    steps = (*STEPS, *NIGHT_STEPS, *NIGHTLY_STEPS, *ON_DEMAND_STEPS)
    assert {table.path for step in steps for table in step.tables} == set(TABLES) - {
        table.path for table in PEOPLES_TABLES
    }
    writer = {table.path: op_of(step) for step in STEPS for table in step.tables}
    for path, step in writer.items():
        sources = {writer[source] for source in TABLES[path].upstream if source in writer} - {step}
        assert all(order.index(source) < order.index(step) for source in sources), path


def test_the_launchpad_needs_no_typing(loaded):
    from dagster._core.execution.api import create_execution_plan

    for job in loaded.resolve_all_job_defs():
        if job.partitions_def is None:
            create_execution_plan(job, run_config={})


def test_a_reader_of_the_graph_waits_for_no_data_library():
    code = (
        "import sys\n"
        "from inventory_assets.definitions import defs\n"
        "defs().resolve_job_def('refresh')\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_partitions_start_where_the_settings_say_and_end_today(loaded):
    node = loaded.resolve_asset_graph().get(dg.AssetKey(["silver", "inventory_transactions"]))
    days = node.partitions_def.get_partition_keys()
    assert days[0] == Settings().partitions_start.isoformat()
    from datetime import UTC, datetime

    assert days[-1] == datetime.now(UTC).date().isoformat()
