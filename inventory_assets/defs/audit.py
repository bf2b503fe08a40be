"""What the checks of a step have not seen yet, and what they found: every commit is looked at once, whoever made it.

An evaluation says up to which version of which Delta table everything is fine. The next look covers the days changed
since: those just written, those a killed run wrote and never checked, those somebody else wrote. A check that failed
keeps its last good version, so nothing downstream runs until it holds again, whatever restarts in between. The days it
refused are built again first (`wrong`), which mends what did not come from our own code.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from inventory_assets.contracts.model import Table
from inventory_assets.defs.specs import key

if TYPE_CHECKING:
    from inventory_assets.lakehouse.lake import Lake
    from inventory_assets.quality.checks import Finding

GOOD_VERSION, TABLE_ID, WRONG_DAYS = "good_version", "delta_table", "wrong_days"

RUNBOOKS = "docs/runbooks"

Days = frozenset[date | None]


def runbook(name: str) -> dict[str, Any]:
    """Metadata that leads to the page about a failure of a check."""
    return {"runbook": dg.MetadataValue.path(f"{RUNBOOKS}/{name}.md")}


def check_spec(name: str, table: Table, description: str, *, blocking: bool) -> dg.AssetCheckSpec:
    """Declaration of a check, which names the page about its failure."""
    return dg.AssetCheckSpec(
        name, asset=key(table.path), blocking=blocking, metadata=runbook(name),
        description=f"{description} What to do when it fails: `{RUNBOOKS}/{name}.md`.",
    )  # fmt: skip


@dataclass(frozen=True)
class Check:
    """A check of a table.

    Attributes:
        name: name in Dagster.
        table: table it is shown at.
        description: what it says.
        find: the finding, from the lake and the days to look at (None: all).
        blocking: whether nothing may come after it while it fails; otherwise it only warns.
    """

    name: str
    table: Table
    description: str
    find: Callable[[Lake, Days | None], Finding]
    blocking: bool = True

    @property
    def key(self) -> dg.AssetCheckKey:
        """Key in Dagster."""
        return dg.AssetCheckKey(key(self.table.path), self.name)

    @property
    def spec(self) -> dg.AssetCheckSpec:
        """Its declaration."""
        return check_spec(self.name, self.table, self.description, blocking=self.blocking)

    @property
    def severity(self) -> dg.AssetCheckSeverity:
        """How bad a failure is."""
        return dg.AssetCheckSeverity.ERROR if self.blocking else dg.AssetCheckSeverity.WARN

    @property
    def runbook(self) -> dict[str, Any]:
        """Metadata that leads to the page about a failure."""
        return runbook(self.name)


@dataclass(frozen=True)
class Known:
    """What the newest evaluation of a check said.

    Attributes:
        passed: whether it held.
        table_id: identity of the Delta table it looked at; a table made anew has another.
        good_version: newest version up to which the check is known to hold, None for none.
        wrong_days: days it refused.
    """

    passed: bool = True
    table_id: str = ""
    good_version: int | None = None
    wrong_days: Days = frozenset()

    @property
    def metadata(self) -> dict[str, Any]:
        """The same as metadata of an evaluation."""
        memory: dict[str, Any] = {TABLE_ID: self.table_id} if self.table_id else {}
        if self.good_version is not None:
            memory[GOOD_VERSION] = self.good_version
        if self.wrong_days:
            memory[WRONG_DAYS] = json.dumps(sorted(day.isoformat() if day else "" for day in self.wrong_days))
        return memory


@dataclass(frozen=True)
class Looked:
    """A finding with what the next look must know."""

    check: Check
    finding: Finding
    table_id: str
    good_version: int | None

    @property
    def known(self) -> Known:
        """What the next look must know."""
        return Known(self.finding.passed, self.table_id, self.good_version, frozenset(self.finding.wrong_days))

    @property
    def metadata(self) -> dict[str, Any]:
        """Numbers to plot, and the memory of the next look."""
        plotted = {name: dg.MetadataValue.float(float(number)) for name, number in self.finding.numbers.items()}
        return {**plotted, **({} if self.finding.passed else self.check.runbook), **self.known.metadata}


def known(instance: dg.DagsterInstance, checks: Iterable[Check]) -> dict[dg.AssetCheckKey, Known]:
    """What the newest evaluation of each check said; absent where there is none."""
    found = {}
    for check in checks:
        record = instance.get_latest_asset_check_evaluation_record(check.key)
        event = record.event.dagster_event if record is not None and record.event is not None else None
        if event is None or event.event_type != dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            continue
        evaluation = event.asset_check_evaluation_data
        said = {name: value.value for name, value in evaluation.metadata.items()}
        days = json.loads(str(said.get(WRONG_DAYS) or "[]"))
        found[check.key] = Known(
            evaluation.passed,
            str(said.get(TABLE_ID) or ""),
            int(str(said[GOOD_VERSION])) if GOOD_VERSION in said else None,
            frozenset(date.fromisoformat(day) if day else None for day in days),
        )
    return found


def look(lake: Lake, check: Check, before: Known) -> Looked | None:
    """Look at what changed since the last good version; None where nothing did."""
    handle = lake.open(check.table)
    if handle is None:
        return None
    version, table_id = handle.version(), str(handle.metadata().id)
    good = before.good_version if before.table_id == table_id else None
    days = None
    if good is not None:
        if good >= version:
            return None
        if "event_date" in check.table.partition_by:
            days = frozenset(lake.changed_days(check.table, good, version))
    finding = check.find(lake, days)
    if days is not None and not days and finding.passed and before.passed:
        return None  # commits without rows, noting what was taken in, are not worth an event
    return Looked(check, finding, table_id, version if finding.passed or not check.blocking else good)


def wrong(checks: Iterable[Check], said: Mapping[dg.AssetCheckKey, Known]) -> tuple[bool, Days]:
    """Whether any blocking check failed when it was last looked at, and the days they refused."""
    failed = [
        said[check.key] for check in checks if check.blocking and check.key in said and not said[check.key].passed
    ]
    return bool(failed), frozenset(day for each in failed for day in each.wrong_days)
