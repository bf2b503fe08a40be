"""Dagster's launcher, which also notes who launches: a run whose launcher died before its worker spoke is never begun.

`dagster.yaml` names it. How a run is launched is Dagster's; what is made of the note is `carriers`.
"""

from __future__ import annotations

import os

from dagster import DefaultRunLauncher
from dagster._core.launcher import LaunchRunContext

from inventory_assets.defs.carriers import LAUNCHER_TAG, process_mark


class Launcher(DefaultRunLauncher):
    """Starts each run in a process of its own, by the code server."""

    def launch_run(self, context: LaunchRunContext) -> None:
        """Note this process in the run, then launch it; returns when its worker has begun."""
        self._instance.add_run_tags(context.dagster_run.run_id, {LAUNCHER_TAG: process_mark(os.getpid())})
        super().launch_run(context)
