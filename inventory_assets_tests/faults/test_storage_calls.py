"""A storage call that fails, before or after it took effect, at any place: running again gives the same tables."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import polars as pl
import pytest

from inventory_assets.settings import Settings
from inventory_assets.simulator import HistoryConfig, simulate_history, sources_toml, write_history
from inventory_assets_tests.faults.campaign import LONG, record
from inventory_assets_tests.faults.storage import Call, PowerCutError, Storage
from inventory_assets_tests.pipeline.running import (
    BRONZE,
    all_facts,
    bronze_rows,
    differences,
    publish_everything,
    published_cells,
    refresh_everything,
    workspace_at,
)

SEED, FEW = 20260101, 2
FIRST = int(os.environ.get("INVENTORY_CHAOS_FIRST", "0"))
"""Cut a campaign begins with, where an earlier one was stopped."""
KEPT_EVERY = 20
NOW = datetime(2026, 6, 1, tzinfo=UTC)
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("storage calls")]


@pytest.fixture(scope="module")
def history():
    return simulate_history(
        HistoryConfig(start=date(2026, 1, 30), days=3, stores=2, items=6, lines_per_store_day=6.0, dirt=0.05)
    )


def installation(history, folder) -> Settings:
    settings = Settings(data_dir=folder)
    write_history(history, folder / "landing", folder / "truth")
    settings.sources_file.write_text(sources_toml(history), encoding="utf-8")
    return settings


def everything(settings: Settings) -> None:
    """One micro-batch, one refresh, one publication."""
    workspace = workspace_at(settings, NOW)
    refresh_everything(workspace, settings)
    publish_everything(workspace, settings)


@dataclass(frozen=True)
class Undisturbed:
    """What a run that nothing disturbed did and left."""

    calls: Sequence[Call]
    facts: Mapping[str, pl.DataFrame]
    bronze: Mapping[str, pl.DataFrame]
    published: Mapping[str, list[tuple]]


@pytest.fixture(scope="module")
def undisturbed(history, tmp_path_factory) -> Undisturbed:
    settings = installation(history, tmp_path_factory.mktemp("undisturbed"))
    storage = Storage()
    with storage.installed():
        everything(settings)
    lake = workspace_at(settings, NOW).lake
    bronze = {table.path: bronze_rows(lake, table) for table in BRONZE}
    return Undisturbed(storage.calls, all_facts(lake), bronze, published_cells(settings.serving))


def holds_after_a_cut(history, wanted: Undisturbed, folder, place: int, *, after: bool) -> bool:
    """Cut one call, run again, compare; whether the cut was felt at all: a cache that cannot be read is made anew."""
    settings = installation(history, folder)
    felt = False
    with Storage(place, after=after).installed():
        try:
            everything(settings)
        except PowerCutError:
            felt = True
    everything(settings)
    lake = workspace_at(settings, NOW).lake
    assert differences(wanted.facts, lake) == {}
    for table in BRONZE:
        assert wanted.bronze[table.path].equals(bronze_rows(lake, table)), table.path
    assert wanted.published == published_cells(settings.serving)
    shutil.rmtree(folder)
    return felt


def test_a_failing_storage_call_loses_and_doubles_nothing(history, undisturbed, tmp_path_factory):
    calls = undisturbed.calls
    places = [(call, after) for call in calls for after in ((False, True) if call.writes else (False,))]
    if not LONG:  # a few kinds, before or after, wherever the dice say
        kinds = {call.name: (call, after) for call, after in random.Random(SEED).sample(places, len(places))}
        places = random.Random(SEED).sample(list(kinds.values()), FEW)
    felt = 0
    for done, (call, after) in enumerate(places[FIRST:], 1):
        folder = tmp_path_factory.mktemp("cut")
        try:
            felt += holds_after_a_cut(history, undisturbed, folder, call.place, after=after)
        except AssertionError as error:
            raise AssertionError(f"{call} cut {'after' if after else 'before'}: {error}") from error
        last = FIRST + done == len(places)
        if done % KEPT_EVERY == 0 or last:  # a campaign that is stopped has shown what it has shown
            record(
                "storage_calls",
                "each storage call of a micro-batch, refresh and publication failing, before and after it took effect",
                "every call; tables and DuckDB equal an undisturbed run",
                f"{done} of {len(places)} cuts of {len(calls)} calls from the {FIRST + 1}. on, {felt} of them felt; "
                "all equal",
                reached=last and not FIRST,
                details={"first": FIRST, "cuts": done, "wanted": len(places), "calls": len(calls), "felt": felt},
            )
    assert felt > (len(places) - FIRST) / 2
