"""What a step tells Dagster: materialisations by day, numbers to plot, and check results."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

import dagster as dg

from inventory_assets.contracts.model import Table
from inventory_assets.contracts.tables import TABLES
from inventory_assets.defs.partitions import DAILY
from inventory_assets.defs.specs import is_daily, key

if TYPE_CHECKING:
    from inventory_assets.lakehouse.lake import Lake
    from inventory_assets.pipeline.workspace import Day, Report
    from inventory_assets.quality.checks import Finding

STORED_CHECK = "keeps_contract"
NO_DAY = "rows without a readable date"


def requested_days(context: dg.AssetExecutionContext) -> set[date] | None:
    """Days of the partitions asked for; None when the run names none and the dirty days are to be found."""
    if not (context.has_partition_key or context.has_partition_key_range):
        return None
    return {date.fromisoformat(day) for day in context.partition_keys}


def stored_check(table: Table) -> dg.AssetCheckSpec:
    """Spec of the blocking check that the stored table keeps its contract."""
    return dg.AssetCheckSpec(
        STORED_CHECK,
        asset=key(table.path),
        blocking=True,
        description="The stored schema equals the declared one and the key is unique in the days just written. "
        "Rows are held against the contract before they are written; this check looks at what is on disk.",
    )


def check_result(path: str, name: str, finding: Finding, *, warn: bool = False) -> dg.AssetCheckResult:
    """A finding as a check result."""
    severity = dg.AssetCheckSeverity.WARN if warn else dg.AssetCheckSeverity.ERROR
    return dg.AssetCheckResult(
        passed=finding.passed,
        asset_key=key(path),
        check_name=name,
        severity=severity,
        description=finding.description,
        metadata=finding.numbers,
    )


def stored_results(lake: Lake, report: Report) -> dict[str, list[dg.AssetCheckResult]]:
    """Contract checks of what a step left on disk, by table path."""
    from inventory_assets.quality.checks import keeps_contract

    return {
        path: [check_result(path, STORED_CHECK, keeps_contract(lake, TABLES[path], set(done.days)))]
        for path, done in report.replaced.items()
    }


def results(
    context: dg.AssetExecutionContext, report: Report, checks: dict[str, list[dg.AssetCheckResult]]
) -> Iterator[dg.MaterializeResult]:
    """Materialisations of a step.

    A run without partitions replaces whatever days are dirty; each of them is logged as a materialisation of its own,
    so that the partition view of the UI is true.
    """
    by_range = context.has_partition_key or context.has_partition_key_range
    for path, done in report.replaced.items():
        table = TABLES.get(path)
        if table is not None and is_daily(table) and not by_range:
            _log_days(context, path, done.days)
        metadata: dict[str, dg.RawMetadataValue] = {"rows_written": done.rows, "days_written": len(done.days)}
        if done.version is not None:
            metadata["delta_version"] = done.version
        yield dg.MaterializeResult(key(path), metadata=metadata, check_results=checks.get(path, []))


def _log_days(context: dg.AssetExecutionContext, path: str, days: dict[Day, int]) -> None:
    known = set(DAILY.get_partition_keys())
    for day, rows in sorted((day, rows) for day, rows in days.items() if day is not None):
        if day.isoformat() not in known:
            context.log.info(f"{path}: {rows} rows of {day}, a day outside the partitions")
            continue
        context.log_event(
            dg.AssetMaterialization(
                key(path), partition=day.isoformat(), metadata={"dagster/partition_row_count": rows}
            )
        )
    if days.get(None):
        context.log.info(f"{path}: {days[None]} {NO_DAY}")
