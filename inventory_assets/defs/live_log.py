"""Bronze of the live log: one step takes what the log holds and bronze does not, where there is a live database."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from inventory_assets.contracts.log_tables import LOG_BRONZE
from inventory_assets.defs.resources import Store
from inventory_assets.defs.steps import Ask, Step, as_asset

if TYPE_CHECKING:
    from inventory_assets.pipeline.workspace import Report, Workspace
    from inventory_assets.settings import Settings


def _run(store: Store, ask: Ask) -> tuple["Report", Sequence[str]]:
    from inventory_assets.pipeline.workspace import Report

    settings = store.settings()
    if not settings.has_live_database:
        return Report(LOG_BRONZE), ()

    from inventory_assets.live.database.problems import DatabaseError
    from inventory_assets.live.log.reading import LogBehindError
    from inventory_assets.operate.live_log import live_log
    from inventory_assets.pipeline.live_log import take_in_log
    from inventory_assets.pipeline.maintain import relieve

    workspace = store.workspace()
    try:
        with live_log(settings) as log:
            report = take_in_log(workspace, log)
    except LogBehindError:
        raise
    except DatabaseError as error:
        return Report(LOG_BRONZE), (f"the live log was not read: {error}",)
    relieve(workspace, settings.maintenance, report, LOG_BRONZE)
    return report, ()


def tell_files(settings: "Settings", workspace: "Workspace") -> Sequence[str]:
    """Tell the live log what came by file, where the live layer was opened; returns warnings.

    A database that rests is told by the next refresh: what it knows is noted only after it was told.
    """
    from inventory_assets.pipeline.forwarding import is_open

    if not settings.has_live_database or not is_open(workspace.lake):
        return ()

    from inventory_assets.live.database.problems import DatabaseError
    from inventory_assets.operate.forwarding import forward_files
    from inventory_assets.operate.live_log import live_engine

    try:
        with live_engine(settings) as engine:
            return forward_files(workspace, engine).warnings
    except DatabaseError as error:
        return (f"the live log was not told of files: {error}",)


def tell_masters(settings: "Settings", workspace: "Workspace") -> Sequence[str]:
    """Tell the live layer what the lake knows of items and locations now; returns warnings.

    A database that rests is told by the next refresh.
    """
    if not settings.has_live_database:
        return ()

    from inventory_assets.live.database.problems import DatabaseError
    from inventory_assets.operate.live_log import live_engine
    from inventory_assets.operate.live_masters import tell_masters as told

    try:
        with live_engine(settings) as engine:
            told(workspace, engine)
    except DatabaseError as error:
        return (f"the live layer was not told of items and locations: {error}",)
    return ()


EVENTS_STEP = Step(
    "bronze_events",
    LOG_BRONZE,
    _run,
    "Every event of the live log, appended once; nothing where no live database is configured.",
    mends=False,
)
bronze_events = as_asset(EVENTS_STEP)
