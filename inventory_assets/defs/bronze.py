"""Bronze: one step takes the planned landing files into the bronze tables of their feeds."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import dagster as dg

from inventory_assets.contracts.bronze import BRONZE
from inventory_assets.defs.resources import Store
from inventory_assets.defs.steps import Ask, Step, as_asset

if TYPE_CHECKING:
    from inventory_assets.pipeline.workspace import Report


BATCH = {
    "files": dg.Field(
        [str], default_value=[],
        description="Paths relative to the landing folder; empty takes everything that is complete and new.",
    ),
    "last_attempt": dg.Field(
        bool, default_value=False,
        description="A file that cannot be read is recorded as unreadable instead of failing the run.",
    ),
    "reread": dg.Field(
        bool, default_value=False,
        description="Take in a named file again whose content changed under its name.",
    ),
}  # fmt: skip
"""Which files to take in."""


def _run(store: Store, ask: Ask) -> tuple["Report", Sequence[str]]:
    from inventory_assets.pipeline.ingest import ingest, plan
    from inventory_assets.pipeline.maintain import relieve

    workspace, settings = store.workspace(), store.settings()
    files = ask.config["files"] or [file.path for file in plan(workspace, settings.ingest).files]
    last_attempt, reread = ask.config["last_attempt"], ask.config["reread"]
    taken = ingest(workspace, files, batch_rows=settings.block_rows, last_attempt=last_attempt, reread=reread)
    relieve(workspace, settings.maintenance, taken.report)
    return taken.report, taken.warnings


BRONZE_STEP = Step(
    "bronze",
    tuple(BRONZE.values()),
    _run,
    "Every row of the planned landing files, appended once.",
    config=BATCH,
    mends=False,
)
bronze = as_asset(BRONZE_STEP)
