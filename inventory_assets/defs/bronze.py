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
    """Which files to take in.

    Attributes:
        files: paths relative to the landing folder; empty takes everything that is complete and new.
        refuse: paths to record as unreadable, after they failed again and again.
        reread: whether a file whose content changed under its name is taken in as a new one.
    """

    files: list[str] = Field(default_factory=list)
    refuse: list[str] = Field(default_factory=list)
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
    files, refuse = config.files, config.refuse
    if not files and not refuse:
        planned = plan(workspace, settings.ingest)
        files, refuse = [file.path for file in planned.files], [file.path for file in planned.refuse]
    taken = ingest(workspace, files, refuse, reread=config.reread)
    for warning in taken.warnings:
        context.log.warning(warning)
    yield from results(context, taken.report, stored_results(workspace.lake, taken.report))
