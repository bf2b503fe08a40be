"""A step of the pipeline, declared once and worn twice: as assets, and as an op of the refresh job.

Assets are for people: materialise, backfill a range, look at lineage. The refresh job is for the sensor: one run that
replaces any set of days. A run of partitioned assets without a partition key cannot be made (Dagster asks for the key
of every partitioned upstream), so the job is made of ops that call the same functions and log the same events.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from inventory_assets.contracts.model import Table
from inventory_assets.contracts.tables import TABLES
from inventory_assets.defs.partitions import DAILY
from inventory_assets.defs.resources import Store
from inventory_assets.defs.specs import LAKE_POOL, is_daily, key, spec

if TYPE_CHECKING:
    from inventory_assets.lakehouse.lake import Lake
    from inventory_assets.pipeline.workspace import Day, Replaced, Report
    from inventory_assets.quality.checks import Finding

STORED_CHECK = "keeps_contract"
STORED_MEANING = (
    "The stored schema equals the declared one and the key is unique in the days just written. Rows are held against "
    "the contract before they are written; this check looks at what is on disk."
)


@dataclass(frozen=True)
class Check:
    """A check of a step's tables beyond the one every table has.

    Attributes:
        name: name in Dagster.
        table: table it is shown at.
        description: what it says.
        find: the finding, from the lake and what the step did.
    """

    name: str
    table: Table
    description: str
    find: Callable[["Lake", "Report"], "Finding"]


@dataclass(frozen=True)
class Step:
    """One step of the pipeline.

    Attributes:
        name: name of the op and of the node in the asset graph.
        tables: tables it writes.
        run: the pipeline function: store, days (None = dirty ones), configuration → what was done and warnings.
        description: what it does, for people.
        checks: checks beyond the stored contract of each table.
        config: its configuration, with defaults that work.
    """

    name: str
    tables: tuple[Table, ...]
    run: Callable[[Store, set[date] | None, dict[str, Any]], tuple["Report", Sequence[str]]]
    description: str
    checks: tuple[Check, ...] = ()
    config: Mapping[str, dg.Field] = field(default_factory=dict)


def op_of(step: Step) -> str:
    """Name of a step's op; the asset graph has the step's own name already."""
    return f"refresh_{step.name}"


def findings(step: Step, lake: "Lake", report: "Report") -> Iterator[tuple[str, str, "Finding"]]:
    """Table path, check name and finding of every check of a step."""
    from inventory_assets.quality.checks import keeps_contract

    for path, done in report.replaced.items():
        yield path, STORED_CHECK, keeps_contract(lake, TABLES[path], set(done.days))
    for check in step.checks:
        yield check.table.path, check.name, check.find(lake, report)


def as_asset(step: Step) -> dg.AssetsDefinition:
    """The assets of a step: materialised by hand, by backfill over any range, or for all dirty days."""
    stored = [
        dg.AssetCheckSpec(STORED_CHECK, asset=key(table.path), blocking=True, description=STORED_MEANING)
        for table in step.tables
    ]
    further = [
        dg.AssetCheckSpec(check.name, asset=key(check.table.path), blocking=True, description=check.description)
        for check in step.checks
    ]
    daily = any(is_daily(table) for table in step.tables)

    @dg.multi_asset(
        name=step.name,
        description=step.description,
        specs=[spec(table) for table in step.tables],
        check_specs=[*stored, *further],
        config_schema=dict(step.config),
        partitions_def=DAILY if daily else None,
        backfill_policy=dg.BackfillPolicy.single_run() if daily else None,
        pool=LAKE_POOL,
    )
    def assets(context: dg.AssetExecutionContext, store: Store) -> Iterator[dg.MaterializeResult]:
        days = {date.fromisoformat(day) for day in context.partition_keys} if daily else None
        report, warnings = step.run(store, days, context.op_execution_context.op_config or {})
        for warning in warnings:
            context.log.warning(warning)
        checks: dict[str, list[dg.AssetCheckResult]] = {path: [] for path in report.replaced}
        for path, name, finding in findings(step, store.workspace().lake, report):
            checks[path].append(
                dg.AssetCheckResult(
                    passed=finding.passed, asset_key=key(path), check_name=name, description=finding.description,
                    metadata=finding.numbers,
                )
            )  # fmt: skip
        for path, done in report.replaced.items():
            yield dg.MaterializeResult(key(path), metadata=_numbers(done), check_results=checks[path])

    return assets


def as_op(step: Step) -> dg.OpDefinition:
    """The op of a step: dirty days only; each replaced day is logged as a materialisation of its table."""

    @dg.op(
        name=op_of(step),
        description=step.description,
        ins={"after": dg.In(dg.Nothing)},
        out={"done": dg.Out(dg.Nothing)},
        config_schema=dict(step.config),
        pool=LAKE_POOL,
    )
    def refresh_step(context: dg.OpExecutionContext, store: Store) -> None:
        report, warnings = step.run(store, None, context.op_config or {})
        for warning in warnings:
            context.log.warning(warning)
        for path, done in report.replaced.items():
            if done.version is None:
                continue
            if is_daily(TABLES[path]):
                _log_days(context, path, done.days)
            else:
                context.log_event(dg.AssetMaterialization(key(path), metadata=_numbers(done)))
        if not report.changed:
            return
        failed = [
            f"{path}: {finding.description}"
            for path, name, finding in findings(step, store.workspace().lake, report)
            if not _log_check(context, path, name, finding)
        ]
        if failed:
            raise dg.Failure("blocking checks failed: " + "; ".join(failed), allow_retries=False)

    return refresh_step


def _numbers(done: "Replaced") -> dict[str, Any]:
    numbers: dict[str, Any] = {"rows_written": done.rows, "days_written": len(done.days)}
    if done.version is not None:
        numbers["delta_version"] = done.version
    return numbers


def _log_days(context: dg.OpExecutionContext, path: str, days: dict["Day", int]) -> None:
    known = set(DAILY.get_partition_keys())
    for day, rows in sorted((day, rows) for day, rows in days.items() if day is not None):
        if day.isoformat() in known:
            numbers = {"dagster/partition_row_count": rows}
            context.log_event(dg.AssetMaterialization(key(path), partition=day.isoformat(), metadata=numbers))
        else:
            context.log.info(f"{path}: {rows} rows of {day}, a day outside the partitions")
    if days.get(None):
        context.log.info(f"{path}: {days[None]} rows without a readable date")


def _log_check(context: dg.OpExecutionContext, path: str, name: str, finding: "Finding") -> bool:
    context.log_event(
        dg.AssetCheckEvaluation(
            asset_key=key(path), check_name=name, passed=finding.passed, description=finding.description,
            metadata={label: dg.MetadataValue.float(float(number)) for label, number in finding.numbers.items()},
            blocking=True,
        )
    )  # fmt: skip
    return finding.passed
