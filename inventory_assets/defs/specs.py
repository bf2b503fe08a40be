"""Asset specs derived from the contracts: one way to describe a table to Dagster."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import dagster as dg

from inventory_assets.contracts.column_lineage import sources_of
from inventory_assets.contracts.domains import DOMAINS, data_class
from inventory_assets.contracts.model import Column, Table
from inventory_assets.contracts.tables import NIGHTLY
from inventory_assets.defs.freshness import policy
from inventory_assets.defs.partitions import DAILY

# owners of jobs and sensors are in beta; without this every process of the code location says so at every start
warnings.filterwarnings("ignore", message="Parameter `owners`", category=dg.BetaWarning)

LAKE_POOL = "lake"
"""Every step that writes Delta tables takes this pool, so that each table has one writer."""
KEEPER = "the sensor `landing` through the job `refresh`; materialising it here builds it again, changed or not"
KEEPERS = {
    "silver/decisions": "people and nightly checks, through `inventory quarantine`",
    **dict.fromkeys(NIGHTLY, "a job of the night, also on demand; materialising it here builds it again"),
    "replenishment/policy_backtest": "nobody: materialise it here, or `inventory backtest`",
    "replenishment/planning_parameters": "people, through `inventory params`",
    "replenishment/proposal_decisions": "people, through `inventory proposals`",
}
"""Who writes a table that is no step of the refresh."""

OWNER = "team:inventory-data"
"""Who answers for what is no table: jobs, sensors, schedules, the published file."""
WHEN_IT_FAILS = {"when it fails": "docs/failures.md"}
"""Metadata of every job."""
DAGSTER_TYPES = {"Money": "decimal(18,4)", "Datetime": "timestamp (UTC)"}
KINDS = {
    "bronze": {"deltalake", "bronze"},
    "silver": {"deltalake", "polars", "silver"},
    "gold": {"deltalake", "polars", "gold"},
    "analytics": {"deltalake", "polars"},
    "replenishment": {"deltalake", "polars"},
}


def key(path: str) -> dg.AssetKey:
    """Asset key of a table path."""
    return dg.AssetKey(path.split("/"))


def _column(column: Column) -> dg.TableColumn:
    constraints = dg.TableColumnConstraints(nullable=column.nullable)
    description = f"{column.description}{f' [{column.unit}]' if column.unit else ''}"
    return dg.TableColumn(
        column.name,
        DAGSTER_TYPES.get(column.type, column.type.lower()),
        description,
        constraints,
        tags={"data_class": column.data_class},
    )


def _column_lineage(table: Table) -> dict[str, dg.TableColumnLineage]:
    """Sources of each column, where they are declared; the open-source UI keeps them and does not draw them."""
    sources = sources_of(table)
    if not sources:
        return {}
    split = {name: [each.rpartition(".") for each in found] for name, found in sources.items()}
    deps = {name: [dg.TableColumnDep(key(path), column) for path, _, column in found] for name, found in split.items()}
    return {"dagster/column_lineage": dg.TableColumnLineage(deps_by_column=deps)}


def is_daily(table: Table) -> bool:
    """Whether Dagster partitions the table by business day."""
    return table.layer != "bronze" and "event_date" in table.partition_by


def describe(table: Table) -> str:
    """Description of a table with grain, key, reach and upstream."""
    upstream = ", ".join(f"`{path}`" for path in table.upstream) or "landing files"
    keeper = KEEPERS.get(table.path, KEEPER)
    return (
        f"{table.description}\n\n**Grain**: {table.grain}\n\n**Key**: {', '.join(table.key)}\n\n"
        f"**Late data**: {table.reach.rule} ({table.reach.days_back} days back, {table.reach.days_forward} forward)\n\n"
        f"**From**: {upstream}\n\n**Kept current by**: {keeper}"
    )


def tags(table: Table) -> dict[str, str]:
    """What the catalogue can be filtered by: layer, cadence, domain, data class."""
    found = {"layer": table.layer, "cadence": table.cadence, "data_class": data_class(table)}
    return {**found, "domain": DOMAINS[table.path]} if table.path in DOMAINS else found


def op_kinds(*kinds: str) -> dict[str, str]:
    """Kinds of an op: Dagster shows them as it shows those of an asset."""
    return {f"dagster/kind/{kind}": "" for kind in kinds}


def spec(table: Table, upstream: Sequence[str] | None = None) -> dg.AssetSpec:
    """Asset spec of a declared table, downstream of the tables it is computed from or of others."""
    return dg.AssetSpec(
        key(table.path),
        deps=[key(path) for path in (table.upstream if upstream is None else upstream)],
        description=describe(table),
        group_name=table.layer,
        kinds=KINDS[table.layer],
        owners=[table.owner],
        tags=tags(table),
        partitions_def=DAILY if is_daily(table) else None,
        freshness_policy=policy(table.path),
        metadata={
            "dagster/column_schema": dg.TableSchema(
                columns=[_column(column) for column in table.columns],
                constraints=dg.TableConstraints(other=[f"unique: {', '.join(table.key)}"]),
            ),
            "dagster/table_name": table.path,
            **_column_lineage(table),
        },
    )
