"""Old runs of the sensor and the schedules are deleted, so that Dagster's databases do not grow for ever.

Dagster derives what it shows from events: a partition is materialised because some run says so. So a run stays, however
old, while it holds the newest materialisation of an asset or of one of its partitions, or the newest evaluation of a
check. Runs people started on assets (backfills, materialisations by hand) stay. Invariant: partitions, newest
materialisations and newest evaluations are the same before and after.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
from dagster import DagsterRunStatus, RunsFilter
from dagster._core.events import DagsterEventType
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.runs import SqlRunStorage
from dagster._core.storage.runs.schema import RunTagsTable
from sqlalchemy import func, select

from inventory_assets.defs.lane import RECENT_RUNS, REFRESH
from inventory_assets.defs.lane_jobs import lane_job, scheduled
from inventory_assets.defs.live_upkeep import live_upkeep
from inventory_assets.defs.maintenance import maintain
from inventory_assets.defs.nightly import nightly_key_check
from inventory_assets.defs.resources import Clock
from inventory_assets.defs.specs import op_kinds
from inventory_assets.defs.storage import EventLog, give_back
from inventory_assets.defs.watch import WATCH
from inventory_assets.settings import Settings

PURGE = "purge"
JOBS = (REFRESH, maintain.name, nightly_key_check.name, live_upkeep.name, WATCH, PURGE)
"""Jobs whose old runs are deleted: those that run by themselves, again and again."""
OVER = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]
EMPTY_SHARE = 0.2
"""Share of a database file that must be empty before the file is written anew."""
TOGETHER = 500
"""Runs deleted between two looks at the log of this run; also below SQLite's limit of variables."""


@dataclass(frozen=True)
class Purged:
    """What a purge did.

    Attributes:
        runs_deleted: runs that are gone.
        runs_still_shown: runs as old that stay, because the UI shows what they hold.
        events_before: rows of the event log before.
        events_after: rows of it afterwards.
        bytes_given_back: bytes the database files shrank by.
    """

    runs_deleted: int
    runs_still_shown: int
    events_before: int
    events_after: int
    bytes_given_back: int


def shown_runs(log: SqlEventLogStorage) -> set[str]:
    """Runs that hold the newest materialisation of an asset or partition, or the newest evaluation of a check."""
    events, checks = SqlEventLogStorageTable.c, AssetCheckExecutionsTable.c
    made = events.dagster_event_type == DagsterEventType.ASSET_MATERIALIZATION.value
    newest = select(func.max(events.id)).where(made, events.asset_key.is_not(None))
    looked = select(func.max(checks.id)).group_by(
        checks.asset_key, checks.check_name, checks.partition, checks.execution_status
    )
    asked = (
        select(events.run_id).where(events.id.in_(newest.group_by(events.asset_key, events.partition))),
        select(checks.run_id).where(checks.id.in_(looked)),
    )
    with log.index_connection() as connection:
        return {run_id for query in asked for (run_id,) in connection.execute(query) if run_id}


def deletable(instance: dg.DagsterInstance, before: datetime) -> tuple[list[str], int]:
    """Finished runs older than `before` that nothing needs, oldest first, and how many as old stay because of the UI.

    The newest refreshes stay as well: the sensor reads from them how often it failed, and how fast the lake grew.
    """
    storage, log = sql_storages(instance)
    old = [
        run_id
        for job in JOBS
        for run_id in storage.get_run_ids(RunsFilter(job_name=job, statuses=OVER, updated_before=before))
    ]
    read_by_sensor = set(storage.get_run_ids(RunsFilter(job_name=REFRESH), limit=RECENT_RUNS))
    shown = shown_runs(log)
    wanted = [run_id for run_id in reversed(old) if run_id not in shown and run_id not in read_by_sensor]
    return wanted, sum(run_id in shown for run_id in old)


def delete(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> Iterator[int]:
    """Delete runs with all that is stored of them; yields how many are gone. May be killed anywhere and called again.

    Dagster's own `delete_run` leaves tags (SQLite does not follow its foreign keys unless told to), evaluations of
    checks and captured output behind, and deletes the run before its events, which nobody would find again.
    """
    storage, log = sql_storages(instance)
    for begin in range(0, len(run_ids), TOGETHER):
        some = run_ids[begin : begin + TOGETHER]
        with log.index_connection() as connection:
            connection.execute(AssetCheckExecutionsTable.delete().where(AssetCheckExecutionsTable.c.run_id.in_(some)))
        for run_id in some:
            instance.compute_log_manager.delete_logs(prefix=[run_id])
            log.delete_events(run_id)
        with storage.connect() as connection:
            connection.execute(RunTagsTable.delete().where(RunTagsTable.c.run_id.in_(some)))
        for run_id in some:
            storage.delete_run(run_id)
        yield begin + len(some)


def sql_storages(instance: dg.DagsterInstance) -> tuple[SqlRunStorage, SqlEventLogStorage]:
    """Storages of runs and events, which are SQL in every instance this project describes.

    Raises:
        dg.Failure: they are others.
    """
    storage, log = instance.run_storage, instance.event_log_storage
    if not isinstance(storage, SqlRunStorage) or not isinstance(log, SqlEventLogStorage):
        raise dg.Failure(f"cannot purge {type(storage).__name__} and {type(log).__name__}: they are no SQL storages")
    return storage, log


def shrink(log: SqlEventLogStorage) -> int:
    """Give the space of deleted rows back; other databases than SQLite do so by themselves."""
    if not isinstance(log, EventLog):
        return 0
    return sum(give_back(file, EMPTY_SHARE) for file in sorted(Path(log.get_db_path()).parent.glob("*.db")))


def count_events(log: SqlEventLogStorage) -> int:
    """Rows of the event log."""
    with log.index_connection() as connection:
        return int(connection.execute(select(func.count()).select_from(SqlEventLogStorageTable)).scalar_one())


@dg.op(
    ins={"after": dg.In(dg.Nothing)}, out={"done": dg.Out(dg.Nothing)}, tags=op_kinds("sqlite"),
    config_schema={
        "keep_days": dg.Field(
            int, default_value=Settings().runs.keep_days, description="Runs that ended longer ago are deleted."
        )
    },
    description="Deletes finished runs of the sensor and the schedules that are older than `keep_days`, with their "
    "events, evaluations, tags and output, and gives the space back. Runs that hold what the UI shows stay.",
)  # fmt: skip
def delete_old_runs(context: dg.OpExecutionContext) -> None:
    """Delete, shrink, say what it brought."""
    instance = context.instance
    _, log = sql_storages(instance)
    now = Clock().now()  # runs are stamped by the machine's clock
    before = count_events(log)
    wanted, still_shown = deletable(instance, now - timedelta(days=context.op_config["keep_days"]))
    for done in delete(instance, wanted):
        context.log.info(f"{done} of {len(wanted)} runs deleted")
    purged = Purged(len(wanted), still_shown, before, count_events(log), shrink(log))
    context.add_output_metadata(asdict(purged), "done")


purge = lane_job(
    PURGE,
    "Deletes old runs of the sensor and the schedules, so that Dagster's databases do not grow for ever. What the UI "
    "shows of assets, partitions and checks stays.",
    delete_old_runs,
)
nightly_purge = scheduled(
    "nightly_purge",
    purge,
    Settings().runs.purge,
    "Once a night, in the lane: it waits for a refresh under way and holds up the next one.",
)
