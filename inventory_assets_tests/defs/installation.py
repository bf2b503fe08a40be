"""An installation in a temporary folder: landing files, the real refresh job, and what it left behind."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import dagster as dg
import polars as pl

from inventory_assets.contracts.tables import TABLES
from inventory_assets.definitions import defs
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.settings import Settings

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
DAY = date(2024, 5, 1)
HEADER = "transaction_id,line_number,store_id,product_sku,quantity_sold,unit_price,timestamp"


@cache
def loaded() -> dg.Definitions:
    """The definitions, once: called where the clock stands at `NOW` already."""
    assert Settings().fixed_clock == NOW.isoformat()
    return defs()


def line(number: int, *, day: date = DAY, quantity: str = "2", price: str = "1.50", receipt: str = "R1") -> str:
    """A line of a till receipt as CSV."""
    return f"{receipt},{number},S1,A{number % 3},{quantity},{price},{day}T10:00:00Z"


@dataclass
class Installation:
    """A data folder and a Dagster instance."""

    data: Path
    instance: dg.DagsterInstance

    @property
    def settings(self) -> Settings:
        return Settings()

    @property
    def lake(self) -> Lake:
        return Lake(self.settings.lake)

    def land(self, path: str, content: str | bytes, *, age_seconds: float = 60) -> str:
        """Write a landing file that was last written so long before the clock's instant."""
        file = self.data / "landing" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        written = (NOW - timedelta(seconds=age_seconds)).timestamp()
        os.utime(file, (written, written))
        return path

    def settle(self, age_seconds: float = 60) -> None:
        """Let every landing file have been written so long before the clock's instant."""
        written = (NOW - timedelta(seconds=age_seconds)).timestamp()
        for file in (self.data / "landing").rglob("*"):
            os.utime(file, (written, written))

    def land_lines(self, name: str, *lines: str) -> str:
        """Land receipts of the till."""
        return self.land(f"pos/source=till/{name}.csv", "\n".join([HEADER, *lines, ""]))

    def refresh(self, only: Sequence[str] | None = None, **config: object) -> dg.ExecuteInProcessResult:
        """Run the refresh job, or only some of its steps."""
        return (
            loaded()
            .resolve_job_def("refresh")
            .execute_in_process(
                instance=self.instance,
                raise_on_error=False,
                op_selection=only,
                run_config={"ops": {"refresh_bronze": {"config": config}}},
            )
        )

    def materialise(self, step: str, first: date | None = None, last: date | None = None) -> dg.ExecuteInProcessResult:
        """Materialise the assets of a step, as a person does in the UI; over a range of days in one run."""
        assets = next(each for each in loaded().assets or () if getattr(each, "op", None) and each.op.name == step)
        tags = {}
        if first is not None and last is not None:
            tags = {"dagster/asset_partition_range_start": f"{first}", "dagster/asset_partition_range_end": f"{last}"}
        job = loaded().resolve_implicit_job_def_def_for_assets(list(assets.keys))
        assert job is not None
        return job.execute_in_process(
            instance=self.instance, raise_on_error=False, tags=tags, asset_selection=list(assets.keys)
        )

    def rows(self, path: str) -> pl.DataFrame:
        """Rows of a table of the lake."""
        return self.lake.scan(TABLES[path]).collect()

    def versions(self) -> dict[str, int]:
        """Newest version of every table."""
        return self.lake.pins(TABLES.values())

    def quarantined(self) -> dict[str, int]:
        """Quarantined rows by reason."""
        return dict(self.rows("silver/quarantine").group_by("reason").len().sort("reason").rows())


def evaluations(result: dg.ExecuteInProcessResult) -> dict[tuple[str, str], bool]:
    """Check results of a run, by table path and check."""
    found = [
        event.asset_check_evaluation_data
        for event in result.all_events
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
    ]
    return {("/".join(each.asset_key.path), each.check_name): each.passed for each in found}


def failed_checks(result: dg.ExecuteInProcessResult) -> set[tuple[str, str]]:
    """Checks of a run that do not hold."""
    return {which for which, passed in evaluations(result).items() if not passed}


def materialised(result: dg.ExecuteInProcessResult) -> dict[str, list[str | None]]:
    """Partitions (None: the whole table) a run logged, by table path."""
    found: dict[str, list[str | None]] = {}
    for event in result.all_events:
        if event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION:
            assert event.asset_key is not None
            found.setdefault("/".join(event.asset_key.path), []).append(event.partition)
    return found


def failed_steps(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """Message by failed step."""
    return {
        str(event.step_key): str(event.step_failure_data.error)
        for event in result.all_events
        if event.event_type == dg.DagsterEventType.STEP_FAILURE
    }


def skipped_steps(result: dg.ExecuteInProcessResult) -> set[str]:
    """Steps that did not run because an earlier one failed."""
    begun = {event.step_key for event in result.all_events if event.event_type == dg.DagsterEventType.STEP_START}
    return {node.name for node in result.job_def.graph.nodes} - begun
