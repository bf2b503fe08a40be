"""Bronze: one step takes the planned landing files into the bronze tables of their feeds."""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from inventory_assets.contracts.bronze import BRONZE
from inventory_assets.defs.resources import Store
from inventory_assets.defs.steps import Step, as_asset

if TYPE_CHECKING:
    from inventory_assets.pipeline.workspace import Report


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


def _run(store: Store, days: set[date] | None, config: dict[str, Any]) -> tuple["Report", Sequence[str]]:
    from inventory_assets.pipeline.ingest import ingest, plan

    batch, workspace, settings = Batch(**config), store.workspace(), store.settings()
    files = batch.files or [file.path for file in plan(workspace, settings.ingest).files]
    taken = ingest(
        workspace, files, batch_rows=settings.block_rows, last_attempt=batch.last_attempt, reread=batch.reread
    )
    return taken.report, taken.warnings


BRONZE_STEP = Step(
    "bronze", tuple(BRONZE.values()), _run, "Every row of the planned landing files, appended once.", config=Batch
)
bronze = as_asset(BRONZE_STEP)
