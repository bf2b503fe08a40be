"""A workspace from settings: the only place where the pipeline reads configuration."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from inventory_assets.contracts.sources import Profiles, load_profiles
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.pipeline.workspace import Workspace
from inventory_assets.settings import Settings


def open_profiles(settings: Settings) -> Profiles:
    """Source profiles: the built-in ones with those of the data folder laid over them."""
    own = settings.sources_file
    return load_profiles(own.read_text("utf-8")) if own.is_file() else load_profiles()


def open_workspace(settings: Settings, now: Callable[[], datetime]) -> Workspace:
    """The workspace of an installation."""
    return Workspace(
        lake=Lake(settings.lake, settings.secret_options),
        landing=settings.landing,
        profiles=open_profiles(settings),
        now=now,
        block_days=settings.block_days,
        block_rows=settings.block_rows,
        stop_counting_after_days=settings.orders.stop_counting_after_days,
        timely_hours=settings.quality.timely_hours,
    )
