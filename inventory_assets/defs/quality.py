"""Quality: scores of the days that changed."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from inventory_assets.contracts.quality import QUALITY_SCORES
from inventory_assets.defs.audit import Days
from inventory_assets.defs.resources import Store
from inventory_assets.defs.steps import Ask, Step, as_asset

if TYPE_CHECKING:
    from inventory_assets.lakehouse.lake import Lake
    from inventory_assets.pipeline.workspace import Day, Report


def _scores(store: Store, ask: Ask) -> tuple["Report", Sequence[str]]:
    from inventory_assets.pipeline.quality import refresh_scores

    return refresh_scores(store.workspace(), ask.days), ()


def _plotted(lake: "Lake", days: Days) -> Mapping["Day", Mapping[str, float]]:
    from inventory_assets.quality.scores import day_scores

    return day_scores(lake.scan(QUALITY_SCORES, days=days).collect())


def _shown(lake: "Lake", days: Days) -> Mapping[str, Any]:
    from inventory_assets.quality.scores import score_table

    scores = lake.scan(QUALITY_SCORES, days=days).collect()
    return {"scores": dg.MetadataValue.md(score_table(scores))}


SCORES_STEP = Step(
    "quality_scores",
    (QUALITY_SCORES,),
    _scores,
    "Six dimensions of quality by table, of the days that changed.",
    plotted=_plotted,
    shown=_shown,
)

quality_scores = as_asset(SCORES_STEP)
