"""Quality: scores of the days that changed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from inventory_assets.contracts.quality import QUALITY_SCORES
from inventory_assets.defs.resources import Store
from inventory_assets.defs.steps import Ask, Step, as_asset

if TYPE_CHECKING:
    from inventory_assets.pipeline.workspace import Report


def _scores(store: Store, ask: Ask) -> tuple["Report", Sequence[str]]:
    from inventory_assets.pipeline.quality import refresh_scores

    return refresh_scores(store.workspace(), ask.days), ()


SCORES_STEP = Step(
    "quality_scores", (QUALITY_SCORES,), _scores, "Six dimensions of quality by table, of the days that changed."
)

quality_scores = as_asset(SCORES_STEP)
