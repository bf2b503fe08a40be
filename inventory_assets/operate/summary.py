"""The result in a few figures: rows a layer, quarantine by reason, data quality score, best sellers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from inventory_assets.contracts.gold import PRODUCT_PERFORMANCE
from inventory_assets.contracts.silver import PRODUCTS, QUARANTINE, SALES
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.operate.progress import Progress


@dataclass(frozen=True, slots=True)
class Summary:
    """What a person wants to know first.

    Attributes:
        rows_by_layer: rows of all tables of a layer.
        rows_by_table: rows by table path.
        quarantined: quarantined rows by deciding reason, most first.
        quality_score: mean row score of the sale lines, 0 to 1; None without a sale.
        top_products: best sellers by revenue: product_sku, product_name, currency, units, revenue.
        seconds: from the start of the work to the publication.
    """

    rows_by_layer: dict[str, int]
    rows_by_table: dict[str, int]
    quarantined: dict[str, int]
    quality_score: float | None
    top_products: list[dict[str, Any]]
    seconds: float

    @property
    def quarantined_rows(self) -> int:
        """Quarantined rows of all reasons."""
        return sum(self.quarantined.values())


def summarise(lake: Lake, now: Progress, seconds: float, top: int = 5) -> Summary:
    """Read the figures of the newest versions.

    Args:
        lake: the Delta tables.
        now: where the work stands; gives the rows.
        seconds: how long the work took.
        top: best sellers wanted.
    """
    reasons = (
        lake.scan(QUARANTINE).group_by("reason").len("rows").sort("rows", "reason", descending=[True, False]).collect()
    )
    score = lake.scan(SALES).select(pl.col("data_quality_score").mean()).collect().item()
    return Summary(
        rows_by_layer=now.layer_rows,
        rows_by_table=dict(now.rows),
        quarantined=dict(reasons.rows()),
        quality_score=score,
        top_products=best_sellers(lake, top),
        seconds=round(seconds, 1),
    )


def best_sellers(lake: Lake, top: int) -> list[dict[str, Any]]:
    """Items with the highest revenue in a currency."""
    names = lake.scan(PRODUCTS).filter(pl.col("is_current")).select("product_sku", "product_name")
    return (
        lake.scan(PRODUCT_PERFORMANCE)
        .group_by("product_sku", "currency")
        .agg(units=pl.col("daily_quantity_sold").sum(), revenue=pl.col("daily_revenue").sum())
        .sort("revenue", "product_sku", descending=[True, False])
        .head(top)
        .join(names, on="product_sku", how="left", maintain_order="left")
        .select("product_sku", "product_name", "currency", "units", "revenue")
        .collect()
        .to_dicts()
    )
