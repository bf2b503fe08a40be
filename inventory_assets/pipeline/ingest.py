"""Landing files into bronze: a micro-batch is one commit of one bronze table."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

import polars as pl

from inventory_assets.contracts.bronze import BRONZE
from inventory_assets.contracts.feeds import FEEDS
from inventory_assets.ingest.bronze import FileRead, read_file, refused_file
from inventory_assets.ingest.landing import LandingFile, content_hash, list_landing, read_bytes
from inventory_assets.ingest.planning import Known, Limits, TickPlan, plan_tick
from inventory_assets.lakehouse.inputs import Input, Inputs
from inventory_assets.pipeline.workspace import Report, Workspace
from inventory_assets.settings import IngestSettings

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
