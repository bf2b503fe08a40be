"""Jobs: the refresh carries whatever is new from landing files to the published DuckDB file, in one process."""

from __future__ import annotations

import dagster as dg

from inventory_assets.defs.lane import LANE, LANE_TAG

refresh = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.all(),
    executor_def=dg.in_process_executor,
    tags={LANE_TAG: LANE},
    description="Takes new landing files into bronze and rebuilds exactly the days that changed, up to the DuckDB "
    "file. Running it with nothing new writes nothing.",
)
