"""The code location: everything below `defs/`. No logic lives here."""

from __future__ import annotations

from pathlib import Path

import dagster as dg


@dg.definitions
def defs() -> dg.Definitions:
    """All assets, checks, jobs, sensors and resources."""
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
