"""Whatever the UI shows says what it is, whose it is, and what it is about: a walk over all definitions."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from inventory_assets.contracts.column_lineage import COLUMN_SOURCES
from inventory_assets.contracts.domains import DOMAINS, data_class
from inventory_assets.contracts.tables import TABLES
from inventory_assets.definitions import defs

SHORTEST = 20
"""Letters of a description that says something."""


@pytest.fixture(scope="module")
def loaded() -> dg.Definitions:
    return defs()


def jobs(loaded: dg.Definitions) -> Iterator[dg.JobDefinition]:
    """Jobs people see; those Dagster makes for assets begin with underscores."""
    return (job for job in loaded.resolve_all_job_defs() if not job.name.startswith("__"))


def says_little(words: str | None) -> bool:
    return not words or len(words) < SHORTEST


def test_every_table_has_a_domain():
    assert set(DOMAINS) == set(TABLES), "name the table in contracts/domains.py"


def test_no_asset_is_blank(loaded):
    graph = loaded.resolve_asset_graph()
    blank = []
    for spec in loaded.resolve_all_asset_specs():
        name, path = spec.key.to_user_string(), "/".join(spec.key.path)
        missing = {
            "description": says_little(spec.description),
            "owner": not spec.owners,
            "group": spec.group_name in (None, "default"),
            "kinds": not spec.kinds,
            "domain": not spec.tags.get("domain"),
            "data class": not spec.tags.get("data_class"),
            "grain": "**Grain**" not in (spec.description or ""),
            "reach": "**Late data**" not in (spec.description or ""),
            "key": path in TABLES and f"**Key**: {', '.join(TABLES[path].key)}" not in (spec.description or ""),
            "columns": path in TABLES and not spec.metadata.get("dagster/column_schema"),
            "tables": path not in TABLES and not spec.metadata.get("tables"),
            "pool": graph.get(spec.key).is_materializable and not graph.get(spec.key).pools,
        }
        blank += [f"{name}: {what}" for what, is_missing in missing.items() if is_missing]
    assert blank == []


@pytest.mark.parametrize("path", TABLES)
def test_no_column_is_blank(loaded, path):
    schema = loaded.resolve_asset_graph().get(dg.AssetKey(path.split("/"))).metadata["dagster/column_schema"]
    assert [column.name for column in schema.columns if not column.description or not column.tags] == []


def test_tags_of_an_asset_are_those_of_its_table(loaded):
    for spec in loaded.resolve_all_asset_specs():
        table = TABLES.get("/".join(spec.key.path))
        if table is not None:
            assert spec.tags["domain"] == DOMAINS[table.path]
            assert spec.tags["data_class"] == data_class(table)
    published = next(spec for spec in loaded.resolve_all_asset_specs() if spec.key.path[0] == "serving")
    assert published.tags["data_class"] == "personal", "it holds the features of customers"


@pytest.mark.parametrize("path", COLUMN_SOURCES)
def test_column_lineage_is_the_declared_one(loaded, path):
    lineage = loaded.resolve_asset_graph().get(dg.AssetKey(path.split("/"))).metadata["dagster/column_lineage"]
    found = {
        name: {f"{'/'.join(dep.asset_key.path)}.{dep.column_name}" for dep in deps}
        for name, deps in lineage.deps_by_column.items()
    }
    assert found == {name: set(sources) for name, sources in COLUMN_SOURCES[path].items()}


def test_no_check_is_blank(loaded):
    graph = loaded.resolve_asset_graph()
    assert [key.to_user_string() for key in graph.asset_check_keys if says_little(graph.get(key).description)] == []


def test_no_job_and_no_step_is_blank(loaded):
    blank = []
    for job in jobs(loaded):
        blank += [f"job {job.name}"] if says_little(job.description) or not job.owners or not job.metadata else []
        for node in job.graph.nodes:
            definition = node.definition
            if isinstance(definition, dg.OpDefinition) and not _is_asset_step(loaded, definition):
                kinds = [tag for tag in definition.tags if tag.startswith("dagster/kind/")]
                blank += [f"step {node.name}"] if says_little(definition.description) or not kinds else []
    assert blank == []


def _is_asset_step(loaded: dg.Definitions, op: dg.OpDefinition) -> bool:
    """Whether an op is the one behind assets, which carry its words."""
    return any(isinstance(each, dg.AssetsDefinition) and each.is_executable and each.op is op
               for each in loaded.assets or ())  # fmt: skip


def test_no_schedule_and_no_sensor_is_blank(loaded):
    both = [*(loaded.schedules or ()), *(loaded.sensors or ())]
    assert both
    assert [each.name for each in both if says_little(each.description) or not getattr(each, "owners", None)] == []


def test_no_resource_is_blank(loaded):
    resources = loaded.get_repository_def().get_top_level_resources()
    assert resources
    assert [name for name, resource in resources.items() if says_little(resource.description)] == []


def test_loading_warns_of_nothing():
    """Each process of the code location would repeat it in its log at every start."""
    import subprocess
    import sys

    code = "from inventory_assets.definitions import defs; defs().resolve_job_def('refresh')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
