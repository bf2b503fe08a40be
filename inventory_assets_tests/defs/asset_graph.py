"""The definitions as text that `git diff` can show; written by `python -m inventory_assets_tests.defs.asset_graph`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dagster as dg

from inventory_assets.definitions import defs

FILE = Path(__file__).with_name("asset_graph.json")


def described() -> dict[str, Any]:
    """Everything of the definitions that somebody could rely on; column schemas are held by a test of their own."""
    loaded = defs()
    graph = loaded.resolve_asset_graph()
    specs = sorted(loaded.resolve_all_asset_specs(), key=lambda spec: spec.key.to_user_string())
    refresh = loaded.resolve_job_def("refresh")
    return {
        "assets": {spec.key.to_user_string(): _asset(spec, graph) for spec in specs},
        "steps": {node.name: _step(loaded, node.name) for node in refresh.graph.nodes},
        "jobs": {
            job.name: {"tags": dict(job.tags), "executor": job.executor_def.name, "owners": list(job.owners or ())}
            for job in loaded.resolve_all_job_defs()
            if not job.name.startswith("__")
        },
        "sensors": {
            sensor.name: {
                "job": sensor.job_name,
                "interval_seconds": sensor.minimum_interval_seconds,
                "default": sensor.default_status.value,
                "owners": list(sensor.owners or ()),
            }
            for sensor in loaded.sensors or ()
            if isinstance(sensor, dg.SensorDefinition)
        },
        "schedules": {
            schedule.name: {
                "job": schedule.job_name,
                "cron": schedule.cron_schedule,
                "time_zone": schedule.execution_timezone,
                "default": schedule.default_status.value,
                "owners": list(schedule.owners or ()),
            }
            for schedule in loaded.schedules or ()
            if isinstance(schedule, dg.ScheduleDefinition)
        },
        "resources": sorted(loaded.resources or ()),
    }


def _asset(spec: dg.AssetSpec, graph: Any) -> dict[str, Any]:
    node = graph.get(spec.key)
    return {
        "deps": sorted(dep.asset_key.to_user_string() for dep in spec.deps),
        "group": spec.group_name,
        "kinds": sorted(spec.kinds),
        "owners": sorted(spec.owners),
        "tags": {name: value for name, value in spec.tags.items() if not name.startswith("dagster/")},
        "partitions": _partitions(node.partitions_def),
        "backfill": node.backfill_policy.policy_type.value if node.backfill_policy else None,
        "checks": {check.name: "blocking" if graph.get(check).blocking else "" for check in node.check_keys},
        "pools": sorted(node.pools or ()),
        "automation": str(spec.automation_condition) if spec.automation_condition else None,
        "materializable": node.is_materializable,
    }


def _partitions(partitions: dg.PartitionsDefinition | None) -> str | None:
    if not isinstance(partitions, dg.DailyPartitionsDefinition):
        return None
    return (
        f"daily from {partitions.start:%Y-%m-%d} ({partitions.timezone}), today included: {partitions.end_offset == 1}"
    )


def _step(loaded: dg.Definitions, name: str) -> dict[str, Any]:
    job = loaded.resolve_job_def("refresh")
    node = job.graph.node_named(name)
    before = job.graph.dependency_structure.input_to_upstream_outputs_for_node(name)
    return {
        "after": sorted({output.node_name for outputs in before.values() for output in outputs}),
        "pools": sorted(node.definition.pools),
    }


def as_lines() -> list[str]:
    """The snapshot, line by line."""
    return json.dumps(described(), indent=1, sort_keys=True, ensure_ascii=False).splitlines()


if __name__ == "__main__":
    FILE.write_text("\n".join(as_lines()) + "\n", encoding="utf-8")
