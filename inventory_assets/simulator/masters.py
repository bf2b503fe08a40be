"""Clean records of the masters: items, locations, suppliers, and their few later versions."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from inventory_assets.simulator.clock import INSTANT
from inventory_assets.simulator.records import by_day, instant_text, money_text

if TYPE_CHECKING:
    from inventory_assets.simulator.config import HistoryConfig
    from inventory_assets.simulator.world import World


def product_rows(config: HistoryConfig, world: World, daily_units: np.ndarray) -> pl.DataFrame:
    """The item master: everything on the first day, changed prices when they change."""
    items = world.items
    start = datetime.combine(config.start, time(), UTC)
    created = pl.Series([start - timedelta(days=int(n)) for n in items.created_days_before], dtype=INSTANT)
    busy = daily_units.max(axis=0)
    first = pl.DataFrame(
        {
            "product_sku": items.codes,
            "product_name": items.names,
            "category": items.category,
            "brand": items.brand,
            "reorder_point": np.ceil(busy * 6 + 2).astype(np.int64),
            "max_stock": np.ceil(busy * 20 + 20).astype(np.int64),
            "supplier_id": [world.suppliers[n].code for n in items.supplier],
            "cost": items.cost_cents,
            "cents": items.cents,
            "created": created,
            "time": created,
        }
    )
    changed = items.new_price_day < config.days
    later = first.filter(pl.Series(changed)).with_columns(
        cents=pl.Series(items.new_cents[changed]),
        time=pl.Series([start + timedelta(days=int(n)) for n in items.new_price_day[changed]], dtype=INSTANT),
    )
    return by_day(
        _on_utc_day(pl.concat([first, later]), config).with_columns(
            unit_of_measure=pl.lit("EA"),
            unit_cost=money_text("cost"),
            unit_price=money_text("cents"),
            currency=pl.lit(config.currency),
            created_at=instant_text("created"),
            modified_at=instant_text("time"),
        ),
        "products",
        config,
    ).with_columns(event_date=pl.col("time").dt.date())


def location_rows(config: HistoryConfig, world: World) -> pl.DataFrame:
    """The location master; the first store is renamed half way."""
    since = datetime.combine(config.start, time(12), UTC) - timedelta(days=300)
    first = pl.DataFrame(
        [
            {
                "location": n,
                "location_id": p.code,
                "location_name": p.name,
                "location_type": p.kind,
                "time_zone": p.zone,
                "stock_authority": p.authority,
                "region": p.region,
                "time": since,
            }
            for n, p in enumerate(world.locations)
        ]
    )
    later = first.head(1).with_columns(
        location_name=pl.col("location_name") + " Arcade",
        time=pl.lit(datetime.combine(config.day(config.days // 2), time(12), UTC)),
    )
    return _masters("locations", config, first, later)


def supplier_master_rows(config: HistoryConfig, world: World) -> pl.DataFrame:
    """The supplier master; the first supplier is renamed half way."""
    since = datetime.combine(config.start, time(12), UTC) - timedelta(days=300)
    first = pl.DataFrame(
        [
            {
                "supplier_id": s.code,
                "supplier_name": s.name,
                "country": s.country,
                "lead_time_days": s.agreed_days,
                "active": "true",
                "time": since,
            }
            for s in world.suppliers
        ]
    )
    later = first.head(1).with_columns(
        supplier_name=pl.lit("Supplier 1 International Ltd"),
        time=pl.lit(datetime.combine(config.day(config.days // 2), time(12), UTC)),
    )
    return _masters("suppliers", config, first, later)


def _masters(feed: str, config: HistoryConfig, first: pl.DataFrame, later: pl.DataFrame) -> pl.DataFrame:
    frame = pl.concat([first, later]).with_columns(pl.col("time").cast(INSTANT), currency=pl.lit(config.currency))
    frame = _on_utc_day(frame, config).with_columns(modified_at=instant_text("time"))
    return by_day(frame, feed, config).with_columns(event_date=pl.col("time").dt.date())


def _on_utc_day(frame: pl.DataFrame, config: HistoryConfig) -> pl.DataFrame:
    return frame.with_columns(
        day=(pl.col("time").dt.date() - pl.lit(config.start)).dt.total_days(),
        location=pl.lit(-1, pl.Int64) if "location" not in frame.columns else pl.col("location"),
    )
