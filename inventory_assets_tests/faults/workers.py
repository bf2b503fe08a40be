"""A micro-batch in a process of its own, which can be killed at any moment as the kernel or a person kills one."""

from __future__ import annotations

import multiprocessing
from datetime import datetime

from inventory_assets.settings import Settings
from inventory_assets_tests.pipeline.running import publish_everything, refresh_everything, workspace_at

_SPAWNING = multiprocessing.get_context("forkserver")
_SPAWNING.set_forkserver_preload([__name__])


def micro_batch(settings: Settings, now: datetime) -> None:
    """Landing to DuckDB."""
    refresh_everything(workspace_at(settings, now), settings)
    publish_everything(workspace_at(settings, now), settings)


def killed_micro_batch(settings: Settings, now: datetime, seconds: float) -> bool:
    """Start a micro-batch and kill it (SIGKILL) after some seconds; False where it had ended by then."""
    worker = _SPAWNING.Process(target=micro_batch, args=(settings, now))
    worker.start()
    worker.join(seconds)
    killed = worker.is_alive()
    worker.kill()
    worker.join()
    return killed
