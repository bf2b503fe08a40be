"""What the clock says: an hourly job looks whether sources still send and whether the newest days are current.

Other checks are looked at when something arrives, so that nobody would ask them when everything stops; and a policy
(`defs.freshness`) passes when any old day is built again. These look at business days. Invariant: a finished history
warns of nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

import dagster as dg

from inventory_assets.contracts.model import Table
from inventory_assets.contracts.silver import DAY_BALANCE
from inventory_assets.contracts.tables import TABLES
from inventory_assets.defs.audit import check_spec, runbook
from inventory_assets.defs.freshness import READ_LAYERS
from inventory_assets.defs.lane_jobs import scheduled
from inventory_assets.defs.resources import Store
from inventory_assets.defs.specs import OWNER, WHEN_IT_FAILS, is_daily, key, op_kinds
from inventory_assets.settings import Settings

if TYPE_CHECKING:
    from inventory_assets.lakehouse.lake import Lake
    from inventory_assets.quality.checks import Finding

WATCH = "watch"


@dataclass(frozen=True)
class Watched:
    """A question the clock asks.

    Attributes:
        name: name of the check.
        table: table it is shown at.
        description: what it says.
        find: the finding, from the lake and the day it is.
    """

    name: str
    table: Table
    description: str
    find: Callable[["Lake", date], "Finding"]

    @property
    def key(self) -> dg.AssetCheckKey:
        """Key in Dagster."""
        return dg.AssetCheckKey(key(self.table.path), self.name)


def _sources(lake: "Lake", today: date) -> "Finding":
    from inventory_assets.quality.currency import sources_keep_sending

    return sources_keep_sending(lake, today)


def _newest_day(table: Table, lake: "Lake", today: date) -> "Finding":
    from inventory_assets.quality.currency import newest_day_is_current

    return newest_day_is_current(lake, table, today)


WATCHED = (
    Watched(
        "sources_keep_sending",
        DAY_BALANCE,
        "No source is silent for longer than it ever pauses, seen from the clock: all of them may stop together.",
        _sources,
    ),
    *(
        Watched(
            "newest_day_is_current",
            table,
            "The newest business day with rows is as near to the clock as the days of this table usually are.",
            partial(_newest_day, table),
        )
        for table in TABLES.values()
        if is_daily(table) and table.layer in READ_LAYERS
    ),
)


@dg.multi_asset_check(
    name="look_at_newest_days",
    specs=[check_spec(each.name, each.table, each.description, blocking=False) for each in WATCHED],
    description="Compares the newest business days of sources and tables with the clock. Reads, writes nothing.",
    can_subset=True,
    op_tags=op_kinds("deltalake"),
)
def newest_days(context: dg.AssetCheckExecutionContext, store: Store) -> Iterator[dg.AssetCheckResult]:
    """Ask what is selected."""
    workspace = store.workspace()
    today = workspace.now().date()
    for each in WATCHED:
        if each.key not in context.selected_asset_check_keys:
            continue
        finding = each.find(workspace.lake, today)
        plotted = {name: dg.MetadataValue.float(float(number)) for name, number in finding.numbers.items()}
        yield dg.AssetCheckResult(
            passed=finding.passed, asset_key=each.key.asset_key, check_name=each.name,
            severity=dg.AssetCheckSeverity.WARN, description=finding.description,
            metadata={**plotted, **({} if finding.passed else runbook(each.name))},
        )  # fmt: skip


watch = dg.define_asset_job(
    WATCH,
    selection=dg.AssetSelection.checks(newest_days),
    executor_def=dg.in_process_executor,
    owners=[OWNER],
    metadata=WHEN_IT_FAILS,
    description="Asks by the clock whether sources still send and whether the newest day of each daily table is "
    "current, so that silence is noticed although nothing arrives.",
)
hourly_watch = scheduled(
    "hourly_watch",
    watch,
    Settings().freshness.watch,
    "Looks for silence once an hour. It reads what the lake holds and needs nothing to arrive.",
)
