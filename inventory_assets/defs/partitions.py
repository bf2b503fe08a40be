"""The one partitions definition: business days from the frozen start until today."""

from __future__ import annotations

import dagster as dg

from inventory_assets.settings import Settings

DAILY = dg.DailyPartitionsDefinition(start_date=Settings().partitions_start.isoformat(), end_offset=1)
