"""A range of days built again in one run: `python -m inventory_assets.defs.backfill`, what `inventory backfill` starts.

Where the daemon is alive the request is a backfill of Dagster's own, the same as a click in the UI: it waits in the
queue, and the pool lets it write alone. Otherwise the run is carried here, followed by the refresh that takes what it
changed to the tables without days and to DuckDB. What happens is told as JSON lines. Invariant: one request, one run.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import dagster as dg
from dagster import DagsterRunStatus, RunsFilter
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    BACKFILL_ID_TAG,
)
from dagster._core.utils import make_new_backfill_id
from dagster._daemon.controller import get_daemon_statuses

from inventory_assets.contracts.tables import TABLES
from inventory_assets.defs.jobs import STEPS
from inventory_assets.defs.partitions import DAILY
from inventory_assets.defs.specs import is_daily, key
from inventory_assets.defs.steps import Step

DAEMONS = ("BACKFILL", "QUEUED_RUN_COORDINATOR")
HEARTBEAT_SECONDS, LATE_SECONDS = 30, 15
LOOK_SECONDS = 1.0
OVER = {BulkActionStatus.COMPLETED, BulkActionStatus.COMPLETED_SUCCESS}
FAILED = {BulkActionStatus.COMPLETED_FAILED, BulkActionStatus.FAILED, BulkActionStatus.CANCELED}


class BackfillError(ValueError):
    """The request makes no sense; the message says why and what to ask for instead."""


@dataclass(frozen=True)
class Request:
    """A range of days of some tables.

    Attributes:
        first: first day.
        last: last day.
        steps: the steps that write the tables, in the order data flows.
    """

    first: date
    last: date
    steps: tuple[Step, ...]

    @property
    def tables(self) -> list[str]:
        """Tables the steps write."""
        return [table.path for step in self.steps for table in step.tables]

    @property
    def keys(self) -> list[dg.AssetKey]:
        """Their asset keys."""
        return [key(path) for path in self.tables]

    @property
    def days(self) -> list[str]:
        """Every day of the range."""
        return [str(self.first + timedelta(days=n)) for n in range((self.last - self.first).days + 1)]

    @property
    def tags(self) -> dict[str, str]:
        """Tags of the one run."""
        return {ASSET_PARTITION_RANGE_START_TAG: str(self.first), ASSET_PARTITION_RANGE_END_TAG: str(self.last)}


def request(first: date, last: date, tables: Collection[str] = (), layers: Collection[str] = ()) -> Request:
    """What to build for the tables or layers named, by default every table that is kept by day.

    A step writes its tables together, so that a table brings the others of its step.

    Raises:
        BackfillError: unknown names, tables without days, or days outside the partitions.
    """
    start, today = DAILY.get_first_partition_key(), DAILY.get_last_partition_key()
    if first > last:
        raise BackfillError(f"the range is empty: {first} is after {last}")
    if str(first) < str(start) or str(last) > str(today):
        raise BackfillError(f"{first} to {last} leaves the partitions, which run from {start} to {today}")
    daily = [step for step in STEPS if step.daily]
    paths = [table.path for step in daily for table in step.tables]
    for path in tables:
        if path not in TABLES:
            raise BackfillError(f"there is no table {path!r}; kept by day are: {', '.join(paths)}")
        if not is_daily(TABLES[path]):
            raise BackfillError(f"{path} is replaced as a whole: materialise it in Dagster, no range is needed")
    known = {TABLES[path].layer for path in paths}
    if strange := sorted(set(layers) - known):
        raise BackfillError(f"no table of {', '.join(strange)} is kept by day; layers: {', '.join(sorted(known))}")
    chosen = [
        step
        for step in daily
        if not (tables or layers) or any(table.path in tables or table.layer in layers for table in step.tables)
    ]
    return Request(first, last, tuple(chosen))


def daemon_lives(instance: dg.DagsterInstance) -> bool:
    """Whether a daemon took the last chance to say that it will launch what is requested."""
    statuses = get_daemon_statuses(
        instance, DAEMONS, ignore_errors=True,
        heartbeat_interval_seconds=HEARTBEAT_SECONDS, heartbeat_tolerance_seconds=LATE_SECONDS,
    )  # fmt: skip
    return all(status.healthy for status in statuses.values())


def submit(instance: dg.DagsterInstance, asked: Request, now: float) -> str:
    """Ask Dagster for the backfill; its daemon makes the run. Returns the id of the backfill."""
    backfill = PartitionBackfill.from_asset_partitions(
        backfill_id=make_new_backfill_id(),
        asset_graph=_repository().asset_graph,
        partition_names=asked.days,
        asset_selection=asked.keys,
        backfill_timestamp=now,
        tags={},
        dynamic_partitions_store=instance,
        all_partitions=False,
        title=None,
        description=f"inventory backfill {asked.first} to {asked.last}",
        run_config=None,
    )
    instance.add_backfill(backfill)
    return backfill.backfill_id


def follow(instance: dg.DagsterInstance, backfill_id: str) -> Iterator[dict[str, Any]]:
    """What becomes of a backfill, until it is over or nobody is there to carry it."""
    said: dict[str, Any] = {}
    while True:
        backfill = instance.get_backfill(backfill_id)
        runs = list(instance.get_runs(RunsFilter(tags={BACKFILL_ID_TAG: backfill_id})))
        status = backfill.status if backfill is not None else BulkActionStatus.CANCELED
        now = {"backfill": backfill_id, "runs": [run.run_id for run in runs], **_done(instance, runs)}
        if now != said:
            yield {"event": "progress", **now}
            said = now
        if status in OVER or status in FAILED:
            ended = all(run.status == DagsterRunStatus.SUCCESS for run in runs) and status in OVER
            yield {"event": "ended", **now, "success": ended}
            return
        if not daemon_lives(instance):
            yield {"event": "ended", **now, "success": False, "reason": "the daemon is gone; it goes on with it later"}
            return
        time.sleep(LOOK_SECONDS)


def _done(instance: dg.DagsterInstance, runs: Sequence[dg.DagsterRun]) -> dict[str, Any]:
    steps = [
        stats.step_key
        for run in runs
        for stats in instance.get_run_step_stats(run.run_id)
        if stats.status is not None and stats.status.value == "SUCCESS"
    ]
    return {"status": ", ".join(run.status.value for run in runs) or "REQUESTED", "steps": steps}


def carry(instance: dg.DagsterInstance, asked: Request) -> Iterator[dict[str, Any]]:
    """Run the backfill in this process, and the refresh after it."""
    repository = _repository()
    job = repository.get_implicit_job_def_for_assets(asked.keys)
    if job is None:
        raise BackfillError(f"no job holds the assets {', '.join(asked.tables)}")
    yield {"event": "progress", "status": "STARTED", "steps": []}
    result = job.execute_in_process(
        instance=instance, tags=asked.tags, asset_selection=asked.keys, raise_on_error=False
    )
    steps = [event.step_key for event in result.all_events if event.is_step_success]
    now = {"runs": [result.run_id], "status": "SUCCESS" if result.success else "FAILURE", "steps": steps}
    yield {"event": "progress", **now}
    after = repository.get_job("refresh").execute_in_process(instance=instance, raise_on_error=False)
    reasons = [
        f"{event.step_key}: {event.step_failure_data.error_display_string.splitlines()[0]}"
        for event in (*result.all_events, *after.all_events)
        if event.is_step_failure
    ]
    ended = {"event": "ended", **now, "success": result.success and after.success}
    yield ended | ({"reason": "; ".join(reasons)} if reasons else {})


def _repository() -> dg.RepositoryDefinition:
    """The code location as Dagster loads it."""
    return ReconstructableRepository.for_module("inventory_assets.definitions", "defs").get_definition()


def main(arguments: Sequence[str] | None = None) -> int:
    """Plan, and unless only the plan is wanted, launch and follow; 2 where the request makes no sense."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("first", type=date.fromisoformat)
    options.add_argument("last", type=date.fromisoformat)
    options.add_argument("--table", action="append", default=[])
    options.add_argument("--layer", action="append", default=[])
    options.add_argument("--dry-run", action="store_true")
    chosen = options.parse_args(arguments)
    try:
        asked = request(chosen.first, chosen.last, chosen.table, chosen.layer)
    except BackfillError as error:
        _say({"event": "refused", "reason": str(error)})
        return 2
    with dg.DagsterInstance.get() as instance:
        queued = daemon_lives(instance)
        _say(
            {
                "event": "planned", "tables": asked.tables, "steps": [step.name for step in asked.steps],
                "days": len(asked.days), "by": "daemon" if queued else "this process",
            }
        )  # fmt: skip
        if chosen.dry_run:
            return 0
        last: dict[str, Any] = {}
        for last in follow(instance, submit(instance, asked, time.time())) if queued else carry(instance, asked):
            _say(last)
    return 0 if last.get("success") else 1


def _say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
