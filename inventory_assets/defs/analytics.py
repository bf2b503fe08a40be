"""Analytics: features by day, by item and by customer."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from inventory_assets.contracts import analytics as tables
from inventory_assets.defs.resources import Store
from inventory_assets.defs.steps import Ask, Step, as_asset

if TYPE_CHECKING:
    from inventory_assets.pipeline.workspace import Report


def _demand(store: Store, ask: Ask) -> tuple["Report", Sequence[str]]:
    from inventory_assets.pipeline.analytics import refresh_demand_features

    return refresh_demand_features(store.workspace(), ask.days), ()


def _items(store: Store, ask: Ask) -> tuple["Report", Sequence[str]]:
    from inventory_assets.pipeline.analytics import refresh_item_features

    return refresh_item_features(store.workspace(), anew=ask.anew), ()


def _customers(store: Store, ask: Ask) -> tuple["Report", Sequence[str]]:
    from inventory_assets.pipeline.analytics import refresh_customer_features

    return refresh_customer_features(store.workspace(), anew=ask.anew), ()


DEMAND_STEP = Step(
    "demand_features",
    (tables.DEMAND_FORECASTING_FEATURES,),
    _demand,
    "Calendar, lags and windows of the days whose last 90 days changed.",
)
ITEMS_STEP = Step(
    "item_features", (tables.INVENTORY_OPTIMIZATION_FEATURES,), _items, "How items sell, over the last 90 days of data."
)
CUSTOMERS_STEP = Step(
    "customer_features", (tables.CUSTOMER_BEHAVIOR_FEATURES,), _customers, "How customers buy, over all history."
)

demand_features = as_asset(DEMAND_STEP)
item_features = as_asset(ITEMS_STEP)
customer_features = as_asset(CUSTOMERS_STEP)
