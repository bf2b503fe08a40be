"""Findings about stored tables, as values; `defs` turns them into Dagster check results."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from inventory_assets.contracts.model import Table
from inventory_assets.contracts.schemas import delta_schema, duplicated_keys
from inventory_assets.contracts.silver import DAY_BALANCE
from inventory_assets.lakehouse.lake import Lake


@dataclass(frozen=True, slots=True)
class Finding:
    """Outcome of a check.

    Attributes:
        passed: whether it holds.
        description: the same in words, with the first offenders.
        numbers: numbers to plot.
        wrong_days: days that break it and that building them again could mend.
    """

    passed: bool
    description: str
    numbers: dict[str, int | float] = field(default_factory=dict)
    wrong_days: tuple[date | None, ...] = ()


def keeps_contract(lake: Lake, table: Table, days: Collection[date | None] | None = None) -> Finding:
    """Whether the stored table has the declared schema and a key stands once in each of the days (None: all).

    A key on two days is the nightly check's to settle (`pipeline.duplicate_keys`); building the days again would not
    mend it, so it must not hold up the lane.
    """
    handle = lake.open(table)
    if handle is None:
        return Finding(passed=True, description="not written yet")
    found = {f.name: (str(f.type), f.nullable) for f in handle.schema().fields}
    declared = {f.name: (str(f.type), f.nullable) for f in delta_schema(table).fields}
    if found != declared:
        wrong = sorted(name for name in {*found, *declared} if found.get(name) != declared.get(name))
        return Finding(passed=False, description=f"{table.path}: stored columns differ from the contract: {wrong}")
    by_day = "event_date" in table.partition_by
    stored = lake.scan(table, days=days if by_day else None)
    within = ["event_date"] if by_day else []
    columns = list(dict.fromkeys([*table.key, *within]))
    mark = pl.struct(columns).hash()
    marks = stored.select(mark=mark).collect(engine="streaming")["mark"]
    numbers: dict[str, int | float] = {"rows": marks.len(), "doubled_keys": 0}
    suspect = marks.filter(marks.is_duplicated()).unique()
    if suspect.is_empty():
        return Finding(passed=True, description=f"{marks.len()} rows, every key once", numbers=numbers)
    keys = stored.select(columns).filter(mark.is_in(suspect.implode())).collect()
    doubled = duplicated_keys(keys, table, within)
    days_of = keys.join(doubled, on=columns, how="semi", nulls_equal=True) if by_day else keys.clear()
    return Finding(
        doubled.is_empty(),
        f"{table.path}: {doubled.height} keys stand more than once, first: {doubled.head(3).to_dicts()}",
        {**numbers, "doubled_keys": doubled.height},
        tuple(days_of["event_date"].unique().sort().to_list()) if by_day else (),
    )


def every_row_accounted(lake: Lake, days: Collection[date | None] | None = None) -> Finding:
    """Whether every bronze row of the days stands in a silver table, in quarantine or is an exact repeat."""
    balance = lake.scan(DAY_BALANCE, days=days)
    rows = pl.col("rows")
    into, repeats = pl.col("outcome") == "bronze", pl.col("outcome") == "exact_repeat"
    sums = (
        balance.group_by("feed", "source_system", "event_date")
        .agg(
            bronze=rows.filter(into).sum(),
            placed=rows.filter(~into).sum(),
            repeats=rows.filter(repeats).sum(),
            quarantined=rows.filter(pl.col("outcome") == "quarantine").sum(),
        )
        .collect()
    )
    lost = sums.filter(pl.col("bronze") != pl.col("placed")).sort("feed", "source_system", "event_date")
    words = f"{sums['bronze'].sum()} bronze rows, each in exactly one place"
    if lost.height:
        words = f"{lost.height} days do not balance, first: {lost.head(3).to_dicts()}"
    numbers = {name: int(sums[name].sum()) for name in ("bronze", "repeats", "quarantined")}
    wrong = tuple(lost["event_date"].unique().sort().to_list())
    return Finding(lost.is_empty(), words, {**numbers, "unbalanced_days": lost.height}, wrong)
