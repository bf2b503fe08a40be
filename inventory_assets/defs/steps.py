"""A step of the pipeline, declared once and worn twice: as assets, and as an op of the refresh job.

Assets are for people: materialise, backfill a range, look at lineage. The refresh job is for the sensor: one run that
replaces any set of days. A run of partitioned assets without a partition key cannot be made (Dagster asks for the key
of every partitioned upstream), so the job is made of ops that call the same functions and log the same events.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

import dagster as dg

from inventory_assets.contracts.model import Table
from inventory_assets.contracts.tables import TABLES
from inventory_assets.defs.audit import Check, Days, Known, Looked, known, look, wrong
from inventory_assets.defs.lane import carried_here
from inventory_assets.defs.partitions import DAILY
from inventory_assets.defs.resources import Store
from inventory_assets.defs.shown import details
from inventory_assets.defs.specs import LAKE_POOL, is_daily, key, op_kinds, spec

if TYPE_CHECKING:
    from inventory_assets.lakehouse.lake import Lake
    from inventory_assets.pipeline.workspace import Day, Replaced, Report
    from inventory_assets.quality.checks import Finding

Event = dg.AssetMaterialization | dg.AssetCheckEvaluation | dg.Output

FEW_DAYS = 7
"""Days of a range up to which each shows numbers and a preview: metadata are stored once for every day."""
STORED_CHECK = "keeps_contract"
STORED_MEANING = (
    "The stored schema equals the declared one and the key is unique in the days written since the last look. Rows "
    "are held against the contract before they are written; this check looks at what is on disk."
)


@dataclass(frozen=True)
class Ask:
    """What a step is asked to do; by default what is dirty.

    Attributes:
        days: days to build again in tables that are replaced by day, None for the dirty ones.
        anew: build tables that are replaced as a whole although nothing changed.
        config: configuration of the step.
    """

    days: Days | None = None
    anew: bool = False
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One step of the pipeline.

    Attributes:
        name: name of the op and of the node in the asset graph.
        tables: tables it writes.
        run: the pipeline function: what was done, and warnings.
        description: what it does, for people.
        further: checks beyond the stored contract of each table.
        config: its configuration, with defaults that work.
        mends: whether building days again replaces what is stored; bronze only ever grows.
        plotted: further numbers of its written days, to plot, at the events these days have anyway.
        shown: further metadata of a table materialised by hand for some days.
        drawn: pictures of a table that is written as a whole.
    """

    name: str
    tables: tuple[Table, ...]
    run: Callable[[Store, Ask], tuple["Report", Sequence[str]]]
    description: str
    further: tuple[Check, ...] = ()
    config: Mapping[str, dg.Field] = field(default_factory=dict)
    mends: bool = True
    plotted: Callable[["Lake", Days], Mapping["Day", Mapping[str, float]]] | None = None
    shown: Callable[["Lake", Days], Mapping[str, Any]] | None = None
    drawn: Callable[["Lake", Table], Mapping[str, Any]] | None = None

    @property
    def checks(self) -> tuple[Check, ...]:
        """Every check of its tables."""
        stored = (Check(STORED_CHECK, table, STORED_MEANING, partial(_stored, table)) for table in self.tables)
        return (*stored, *self.further)

    @property
    def daily(self) -> bool:
        """Whether its tables are replaced by business day."""
        return any(is_daily(table) for table in self.tables)


def op_of(step: Step) -> str:
    """Name of a step's op; the asset graph has the step's own name already."""
    return f"refresh_{step.name}"


def specs(step: Step) -> list[dg.AssetSpec]:
    """Specs of the tables of a step; where they are kept by day, each has every upstream by day of all of them.

    They are replaced for the same days whichever upstream changed. And the UI refuses a backfill in which one table of
    a step follows from a chosen table and another does not: it holds their equal days for different ones (Dagster
    1.13, `assert_valid_asset_partition_backfill`).
    """
    own = {table.path for table in step.tables}
    read = {path for table in step.tables for path in table.upstream}
    by_day = {path for path in read - own if is_daily(TABLES[path])} if step.daily else set()
    return [spec(table, sorted({*table.upstream, *by_day})) for table in step.tables]


def as_asset(step: Step) -> dg.AssetsDefinition:
    """The assets of a step: materialised by hand or by backfill over any range, whether anything changed or not."""
    daily = step.daily

    @dg.multi_asset(
        name=step.name,
        description=step.description,
        specs=specs(step),
        check_specs=[check.spec for check in step.checks],
        config_schema=dict(step.config),
        partitions_def=DAILY if daily else None,
        backfill_policy=dg.BackfillPolicy.single_run() if daily else None,
        pool=LAKE_POOL,
    )
    def assets(context: dg.AssetExecutionContext, store: Store) -> Iterator[dg.MaterializeResult]:
        carried_here(context)
        days = frozenset(date.fromisoformat(day) for day in context.partition_keys) if daily else None
        lake = store.workspace().lake
        begun = perf_counter()
        report = _run(context, store, step, Ask(days, anew=True, config=context.op_execution_context.op_config or {}))
        seconds = round(perf_counter() - begun, 3)
        said = known(context.instance, step.checks)
        results: dict[str, list[dg.AssetCheckResult]] = {table.path: [] for table in step.tables}
        for check in step.checks:
            before = said.get(check.key, Known())
            results[check.table.path].append(_result(check, look(lake, check, before), before))
        for path, checked in results.items():
            if is_daily(TABLES[path]):
                _count_days(context, lake, TABLES[path])
            shown: dict[str, Any] = {}
            if days is None or len(days) <= FEW_DAYS:
                shown = {**_numbers(lake, report.replaced[path]), "seconds": seconds}
                shown |= details(lake, TABLES[path], days)
                if step.shown is not None and days is not None:
                    shown |= step.shown(lake, days)
                if step.drawn is not None:
                    shown |= step.drawn(lake, TABLES[path])
            yield dg.MaterializeResult(key(path), metadata=shown, check_results=checked)

    return assets


def as_op(step: Step) -> dg.OpDefinition:
    """The op of a step: dirty days only; each replaced day is a materialisation of its table.

    Events are yielded, not logged: the result of a failed run names only those that were yielded.
    """

    @dg.op(
        name=op_of(step),
        description=step.description,
        ins={"after": dg.In(dg.Nothing)},
        out={"done": dg.Out(dg.Nothing)},
        config_schema=dict(step.config),
        tags=op_kinds("polars", "deltalake"),
        pool=LAKE_POOL,
    )
    def refresh_step(context: dg.OpExecutionContext, store: Store) -> Iterator[Event]:
        lake = store.workspace().lake
        said = known(context.instance, step.checks)
        failed, days = wrong(step.checks, said)
        if failed and step.mends:
            context.log.warning(f"checks failed when last looked at; building again what they refused: {_say(days)}")
            yield from _written(context, step, lake, _run(context, store, step, Ask(days, anew=True)))
        yield from _written(context, step, lake, _run(context, store, step, Ask(config=context.op_config or {})))
        refused = []
        for check in step.checks:
            looked = look(lake, check, said.get(check.key, Known()))
            if looked is not None:
                yield _evaluation(looked)
                holds = looked.finding.passed or not check.blocking
                refused += [] if holds else [f"{check.table.path}: {looked.finding.description}"]
        if refused:
            raise dg.Failure(f"blocking checks failed: {'; '.join(refused)}", allow_retries=False)
        yield dg.Output(None, "done")

    return refresh_step


def _stored(table: Table, lake: "Lake", days: Days | None) -> "Finding":
    from inventory_assets.quality.checks import keeps_contract

    return keeps_contract(lake, table, days)


def _run(context: dg.OpExecutionContext | dg.AssetExecutionContext, store: Store, step: Step, ask: Ask) -> "Report":
    from inventory_assets.lakehouse.refusals import refusals_told
    from inventory_assets.lakehouse.writing import sole_writer

    settings = store.settings()
    lock = settings.writer_lock
    waiting = f"another process writes the lake; waiting for {lock}"
    with refusals_told([settings.lake]), sole_writer(lock, lambda: context.log.info(waiting)):
        report, warnings = step.run(store, ask)
    for warning in warnings:
        context.log.warning(warning)
    return report


def _say(days: Days) -> str:
    return ", ".join(sorted(str(day) for day in days)) or "whole tables"


def _count_days(context: dg.AssetExecutionContext, lake: "Lake", table: Table) -> None:
    """Rows of each day asked for; nothing else, because it is stored for each day of a year."""
    counted = {str(day): rows for day, rows in lake.day_rows(table).items()}
    for day in context.partition_keys:
        numbers = {"dagster/partition_row_count": counted.get(day, 0)}
        context.add_asset_metadata(numbers, asset_key=key(table.path), partition_key=day)


def _numbers(lake: "Lake", done: "Replaced") -> dict[str, Any]:
    numbers: dict[str, Any] = {"rows_written": done.rows}
    if is_daily(TABLES[done.table]):
        numbers["days_written"] = len(done.days)
    if done.version is not None:
        numbers["delta_version"] = done.version
        numbers["dagster/uri"] = lake.uri(TABLES[done.table])
    return numbers


def _written(
    context: dg.OpExecutionContext, step: Step, lake: "Lake", report: "Report"
) -> Iterator[dg.AssetMaterialization]:
    """What was written: a materialisation a day, or one for a table that is no daily one."""
    for path, done in report.replaced.items():
        if done.version is None:
            continue
        if is_daily(TABLES[path]):
            plotted = step.plotted(lake, frozenset(done.days)) if step.plotted is not None else {}
            yield from _written_days(context, lake, TABLES[path], done.days, plotted)
        else:
            drawn = step.drawn(lake, TABLES[path]) if step.drawn is not None else {}
            yield dg.AssetMaterialization(key(path), metadata={**_numbers(lake, done), **drawn})


def _written_days(
    context: dg.OpExecutionContext,
    lake: "Lake",
    table: Table,
    days: Collection["Day"],
    plotted: Mapping["Day", Mapping[str, float]],
) -> Iterator[dg.AssetMaterialization]:
    """Days with rows, and those that had some before; an event costs more than most days do."""
    counted = lake.day_rows(table)
    emptied = any(not counted.get(day) for day in days)
    held = context.instance.get_materialized_partitions(key(table.path)) if emptied else set()
    first, last = DAILY.get_first_partition_key(), DAILY.get_last_partition_key()  # all keys of 20 years take 0.3 s
    outside = []
    for day in sorted(days, key=str):
        rows, name = counted.get(day) or 0, str(day)
        if day is None or first is None or last is None or not first <= name <= last:
            outside.append(f"{rows} rows of {day or 'no readable day'}")
        elif rows or name in held:
            numbers = {"dagster/partition_row_count": rows, **plotted.get(day, {})}
            yield dg.AssetMaterialization(key(table.path), partition=name, metadata=numbers)
    if outside:
        context.log.info(f"{table.path}: written, but outside the partitions Dagster shows: {'; '.join(outside)}")


def _result(check: Check, looked: Looked | None, before: Known) -> dg.AssetCheckResult:
    if looked is None:
        return dg.AssetCheckResult(
            passed=before.passed, asset_key=key(check.table.path), check_name=check.name, severity=check.severity,
            description="nothing was written since the last look", metadata=before.metadata,
        )  # fmt: skip
    return dg.AssetCheckResult(
        passed=looked.finding.passed, asset_key=key(check.table.path), check_name=check.name,
        severity=check.severity, description=looked.finding.description, metadata=looked.metadata,
    )  # fmt: skip


def _evaluation(looked: Looked) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=key(looked.check.table.path), check_name=looked.check.name, passed=looked.finding.passed,
        description=looked.finding.description, metadata=looked.metadata, blocking=looked.check.blocking,
        severity=looked.check.severity,
    )  # fmt: skip
