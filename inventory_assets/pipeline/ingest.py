"""Landing files into bronze: a micro-batch is one commit of one bronze table."""

from __future__ import annotations

from dataclasses import dataclass, field

from inventory_assets.contracts.bronze import BRONZE
from inventory_assets.ingest.planning import Known
from inventory_assets.lakehouse.inputs import Inputs
from inventory_assets.pipeline.workspace import Report, Workspace

MOST_FILES = 200
"""Files of one commit at most."""


@dataclass(slots=True)
class Ingested:
    """What a run of `ingest` took in."""

    report: Report
    warnings: list[str] = field(default_factory=list)
    files: int = 0


def known_inputs(workspace: Workspace) -> dict[str, Known]:
    """What bronze holds, by path."""
    known: dict[str, Known] = {}
    for table in BRONZE.values():
        for row in Inputs(workspace.lake, table).known().iter_rows(named=True):
            known[row["source_file"]] = Known(row["content_hash"], row["size"], row["modified"])
    return known
