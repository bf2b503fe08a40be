"""Silver into quality scores: the days any scored table, quarantine or the balance changed on."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

import polars as pl

from inventory_assets.contracts.quality import QUALITY_SCORES, SCORED_BY_DAY
from inventory_assets.contracts.silver import DAY_BALANCE, QUARANTINE
from inventory_assets.pipeline.workspace import Day, Report, Workspace, blocks, day_scope, dirty_from
from inventory_assets.quality.scores import SCORED, feed_counts, row_counts, score

SOURCES = (*SCORED_BY_DAY, QUARANTINE, DAY_BALANCE)


def refresh_scores(workspace: Workspace, days: Collection[Day] | None = None) -> Report:
    """Score the dirty days again, or the days asked for."""
    lake, table = workspace.lake, QUALITY_SCORES
    report = Report((table,))
    pins = lake.pins(SOURCES)
    wanted = set(days) if days is not None else dirty_from(lake, (table,), SOURCES, pins)
    within, processed = timedelta(hours=workspace.timely_hours), workspace.now().date()
    by_day = [scored for scored in SCORED if scored.time is not None and scored.table.path in pins]
    planned = list(blocks(wanted, {}, workspace.block_days, workspace.block_rows))  # counting needs no memory
    for block in planned:
        plans = [row_counts(lake.scan(s.table, pins[s.table.path], block), s, within) for s in by_day]
        balance, refused = (lake.scan(each, pins.get(each.path), block) for each in (DAY_BALANCE, QUARANTINE))
        counts = pl.collect_all([*plans, *feed_counts(balance, refused)], engine="streaming")
        consumed = pins if days is None and block is planned[-1] else None
        commit = lake.replace(table, score(counts, processed), day_scope(block), consumed)
        report.add(table, commit, block)
    return report
