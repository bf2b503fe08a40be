"""Maintenance and restore: jobs of the refresh lane, so that nothing else writes or pins versions meanwhile."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from inventory_assets.defs.lane import GROWN_TAG, WRITTEN_TAG
from inventory_assets.defs.lane_jobs import lane_job, scheduled
from inventory_assets.defs.resources import Store
from inventory_assets.defs.specs import LAKE_POOL, op_kinds
from inventory_assets.settings import Settings

if TYPE_CHECKING:
    from inventory_assets.pipeline.maintain import Maintained
    from inventory_assets.pipeline.restore import Restored

TABLES_FIELD = dg.Field(
    [str], default_value=[], description='Tables by path, as in "silver/returns"; none for all that apply.'
)
REPORT_FIELD = dg.Field(str, default_value="", description="File that gets the result as JSON; empty for none.")


def note_refresh(context: dg.OpExecutionContext, store: Store) -> None:
    """Tag the versions a refresh left, and note in its run what it wrote: the sensor paces the next one by it."""
    from inventory_assets.pipeline.maintain import after_refresh

    written = after_refresh(store.workspace(), store.settings().maintenance)
    context.instance.add_run_tags(context.run_id, {WRITTEN_TAG: str(written.written), GROWN_TAG: str(written.grown)})


@dg.op(
    ins={"after": dg.In(dg.Nothing)}, out={"done": dg.Out(dg.Nothing)}, pool=LAKE_POOL, tags=op_kinds("deltalake"),
    config_schema={"tables": TABLES_FIELD, "report": REPORT_FIELD},
    description="Merges small files, removes files that no kept version needs, writes checkpoints, shortens the logs. "
    "No row changes and no day counts as changed.",
)  # fmt: skip
def maintain_lake(context: dg.OpExecutionContext, store: Store) -> None:
    """Maintain the tables and say what it brought."""
    from inventory_assets.pipeline.maintain import maintain

    done = maintain(store.workspace(), store.settings().maintenance, context.op_config["tables"])
    _report(context, done)
    after = [each.after for each in done if each.after is not None]
    context.add_output_metadata(
        {
            "live_bytes": sum(each.live_bytes for each in after),
            "disk_bytes_before": sum(each.before.disk_bytes for each in done),
            "disk_bytes_after": sum(each.disk_bytes for each in after),
            "files_before": sum(each.before.files for each in done),
            "files_after": sum(each.files for each in after),
            "tables": dg.MetadataValue.md(_maintained_table(done)),
        },
        "done",
    )
    problems = [f"{each.table}: {each.problem}" for each in done if each.problem]
    if problems:
        raise dg.Failure(f"tables that could not be maintained: {'; '.join(problems)}", allow_retries=False)


@dg.op(
    ins={"after": dg.In(dg.Nothing)}, out={"done": dg.Out(dg.Nothing)}, pool=LAKE_POOL, tags=op_kinds("deltalake"),
    config_schema={
        "day": dg.Field(
            str, default_value="", description="UTC day, as in 2026-05-31: its last state comes back. Never guessed."
        ),
        "tables": TABLES_FIELD,
        "report": REPORT_FIELD,
    },
    description="Sets computed tables (or those named) back to how a tagged day left them, as new versions. The next "
    "refresh computes again what came in since.",
)  # fmt: skip
def restore_tables(context: dg.OpExecutionContext, store: Store) -> None:
    """Set tables back and say which."""
    from inventory_assets.lakehouse.tags import TagsError
    from inventory_assets.pipeline.restore import RestoreError, restore

    if not context.op_config["day"]:
        raise dg.Failure("name the day to go back to, as in `day: 2026-05-31`", allow_retries=False)
    try:
        day = date.fromisoformat(context.op_config["day"])
        done = restore(store.workspace(), day, context.op_config["tables"])
    except (ValueError, RestoreError, TagsError) as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    _report(context, done)
    context.add_output_metadata({"restored": sum(each.outcome == "restored" for each in done)}, "done")


def _report(context: dg.OpExecutionContext, done: "Sequence[Maintained | Restored]") -> None:
    target = context.op_config["report"]
    if target:
        Path(target).write_text(json.dumps([asdict(each) for each in done]), encoding="utf-8")


def _maintained_table(done: "Sequence[Maintained]") -> str:
    lines = ["| table | files | bytes on disk | live bytes |", "|---|---|---|---|"]
    lines += [
        f"| {each.table} | {each.before.files} → {each.after.files} | {each.before.disk_bytes:,} → "
        f"{each.after.disk_bytes:,} | {each.after.live_bytes:,} |"
        for each in done
        if each.after is not None
    ]
    return "\n".join(lines)


maintain = lane_job(
    "maintain",
    "Keeps the Delta tables small: compaction, removal of replaced files, checkpoints, logs. docs/maintenance.md says "
    "what stays readable for how long.",
    maintain_lake,
)
restore = lane_job(
    "restore",
    "Sets tables back to a tagged day. Run `refresh` afterwards, or wait for the sensor to do so.",
    restore_tables,
)
weekly_maintenance = scheduled(
    "weekly_maintenance",
    maintain,
    Settings().maintenance.schedule,
    "Maintenance once a week, in the lane: it waits for a refresh under way and holds up the next one.",
)
