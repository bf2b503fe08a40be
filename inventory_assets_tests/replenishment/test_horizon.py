"""Items that order for longer than is forecast are named, with the horizon they want."""

from __future__ import annotations

import polars as pl

from inventory_assets.contracts.forecast import CUMULATIVE_DEMAND_FORECAST
from inventory_assets.contracts.replenishment import INVENTORY_POLICY
from inventory_assets.lakehouse.lake import Lake, Scope
from inventory_assets.pipeline.replenishment import beyond_horizon
from inventory_assets_tests.pipeline.gold_rows import filled
from inventory_assets_tests.replenishment.plans import policies


def issued(*pairs: tuple[str, str]) -> pl.DataFrame:
    rows = [{"product_sku": item, "location_id": place, "horizon_days": 28} for item, place in pairs]
    return filled(pl.DataFrame(rows), CUMULATIVE_DEMAND_FORECAST)


def test_a_lead_time_and_review_beyond_the_longest_horizon_is_a_warning_with_what_to_set(tmp_path):
    lake = Lake(str(tmp_path))
    assert beyond_horizon(lake, 28) == []
    far = {"demand_from": "trailing", "lead_time_days": 30.2, "review_period_days": 7, "null_reason": None}
    rows = policies(
        {"product_sku": "P1", **far},
        {"product_sku": "P2", **far, "lead_time_days": 45.0},
        {"product_sku": "P3", **far, "lead_time_days": 21.0},
        {"product_sku": "P4", **far, "null_reason": "no lead time"},
        {"product_sku": "P5", **far, "demand_from": "demand_forecast"},
        {"product_sku": "P6", **far, "lead_time_days": 99.0},
    )
    lake.replace(INVENTORY_POLICY, rows, Scope())
    assert beyond_horizon(lake, 28) == [], "nothing is forecast, so nothing is too short"
    lake.replace(CUMULATIVE_DEMAND_FORECAST, issued(*((f"P{number}", "S1") for number in range(1, 6))), Scope())
    (said,) = beyond_horizon(lake, 28)
    assert said.startswith("2 pairs order for longer than the 28 days that are forecast at most, P2 at S1 for 52: ")
    assert "INVENTORY_FORECAST__LONGEST_HORIZON_DAYS=59" in said
    assert beyond_horizon(lake, 52) == [], "a horizon that can be reached is no reason to warn"
    lake.replace(INVENTORY_POLICY, policies({"product_sku": "P2", **far, "lead_time_days": 500.0}), Scope())
    (said,) = beyond_horizon(lake, 364)
    assert "LONGEST_HORIZON_DAYS" not in said, "no setting goes so far"
    assert "Correct their lead_time" in said
