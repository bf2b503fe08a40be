"""Bronze assets: one step takes the planned landing files into the bronze tables of their feeds."""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from inventory_assets.contracts.bronze import BRONZE
from inventory_assets.defs.events import results, stored_check, stored_results
from inventory_assets.defs.lane import mark_process
from inventory_assets.defs.resources import Store
from inventory_assets.defs.specs import LAKE_POOL, spec


class Batch(dg.Config):
    """Which files to take in; the defaults take everything that is complete and new.

    Attributes:
        files: paths relative to the landing folder; empty takes everything that is complete and new.
        last_attempt: a file that cannot be read is recorded as unreadable instead of failing the run.
        reread: whether a named file whose content changed under its name is taken in as a new one.
    """

    files: list[str] = Field(default_factory=list)
    last_attempt: bool = False
    reread: bool = False


@dg.multi_asset(
    specs=[spec(table) for table in BRONZE.values()],
    check_specs=[stored_check(table) for table in BRONZE.values()],
    pool=LAKE_POOL,
)
def bronze(context: dg.AssetExecutionContext, config: Batch, store: Store) -> Iterator[dg.MaterializeResult]:
    """Every row of the planned files, appended once."""
    from inventory_assets.pipeline.ingest import ingest, plan

    mark_process(context.instance, context.run_id)
    workspace, settings = store.workspace(), store.settings()
    files = config.files or [file.path for file in plan(workspace, settings.ingest).files]
    taken = ingest(
        workspace, files, batch_rows=settings.block_rows, last_attempt=config.last_attempt, reread=config.reread
    )
    for warning in taken.warnings:
        context.log.warning(warning)
    yield from results(context, taken.report, stored_results(workspace.lake, taken.report))
