"""Jobs of the refresh lane and schedules, made one way: a job waits for its turn, then runs its ops one by one."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import dagster as dg

from inventory_assets.defs.lane import LANE, LANE_TAG, await_turn, mark_process
from inventory_assets.defs.specs import OWNER, WHEN_IT_FAILS, op_kinds

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition


@dg.op(
    ins={"after": dg.In(dg.Nothing)}, out={"done": dg.Out(dg.Nothing)}, tags=op_kinds("python"),
    description="Notes which process carries this run, so that its death can be told from slowness, and waits for "
    "older runs of the lane.",
)  # fmt: skip
def begin(context: dg.OpExecutionContext) -> None:
    """Mark the run with its process and wait for its turn."""
    mark_process(context.instance, context.run_id)
    await_turn(context.instance, context.run_id)


def lane_job(name: str, description: str, *ops: dg.OpDefinition) -> dg.JobDefinition:
    """A job of the lane: it waits for its turn, then runs the ops in their order, each behind the one before."""
    after = {
        following.name: {"after": dg.MultiDependencyDefinition([dg.DependencyDefinition(before.name, "done")])}
        for before, following in pairwise((begin, *ops))
    }
    return graph_job(name, description, [begin, *ops], after)


def graph_job(
    name: str,
    description: str,
    ops: Sequence[dg.OpDefinition],
    after: Mapping[str, Mapping[str, dg.MultiDependencyDefinition]],
) -> dg.JobDefinition:
    """A job of the lane whose ops have an order of their own; `begin` is one of them."""
    return dg.GraphDefinition(name, node_defs=ops, dependencies=after, description=description).to_job(
        executor_def=dg.in_process_executor, tags={LANE_TAG: LANE}, owners=[OWNER], metadata=WHEN_IT_FAILS
    )


def scheduled(
    name: str, job: "dg.JobDefinition | UnresolvedAssetJobDefinition", cron: str, description: str
) -> dg.ScheduleDefinition:
    """A schedule that is on from the start; `cron` is in UTC."""
    return dg.ScheduleDefinition(
        name=name,
        job=job,
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        owners=[OWNER],
        description=description,
    )
