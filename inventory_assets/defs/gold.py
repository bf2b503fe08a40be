"""Gold: sales by day, suppliers, and stock."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from inventory_assets.contracts import gold as tables
from inventory_assets.defs.resources import Store
from inventory_assets.defs.steps import Ask, Step, as_asset

if TYPE_CHECKING:
    from inventory_assets.pipeline.workspace import Report


def _sales(store: Store, ask: Ask) -> tuple["Report", Sequence[str]]:
    from inventory_assets.pipeline.gold import refresh_sales

    return refresh_sales(store.workspace(), ask.days), ()


def _suppliers(store: Store, ask: Ask) -> tuple["Report", Sequence[str]]:
    from inventory_assets.pipeline.gold import refresh_suppliers

    return refresh_suppliers(store.workspace(), anew=ask.anew), ()


def _orders(store: Store, ask: Ask) -> tuple["Report", Sequence[str]]:
    from inventory_assets.pipeline.orders import refresh_orders

    return refresh_orders(store.workspace(), anew=ask.anew), ()


def _position(store: Store, ask: Ask) -> tuple["Report", Sequence[str]]:
    from inventory_assets.defs.live_log import tell_masters
    from inventory_assets.pipeline.stock import refresh_position

    workspace = store.workspace()
    report = refresh_position(workspace, anew=ask.anew)
    return report, tell_masters(store.settings(), workspace)


def _snapshot(store: Store, ask: Ask) -> tuple["Report", Sequence[str]]:
    from inventory_assets.pipeline.stock import refresh_snapshot

    return refresh_snapshot(store.workspace(), ask.days), ()


SALES_STEP = Step(
    "gold_sales",
    (tables.DAILY_INVENTORY_SUMMARY, tables.PRODUCT_PERFORMANCE, tables.STORE_PERFORMANCE),
    _sales,
    "Sales by store and item, by item and by store, of the days that changed.",
)
SUPPLIERS_STEP = Step("gold_suppliers", (tables.SUPPLIER_PERFORMANCE,), _suppliers, "How well suppliers deliver.")
ORDERS_STEP = Step(
    "gold_orders",
    (tables.OPEN_SUPPLIER_ORDERS, tables.SUPPLY_COVERAGE),
    _orders,
    "Supplier order lines of which something is still to come, and the locations whose supplies we are told of.",
)
POSITION_STEP = Step(
    "gold_stock",
    (tables.STOCK_CHECKPOINTS, tables.INVENTORY_POSITION),
    _position,
    "Month-end checkpoints of the keys that changed, and the position of every item at every location.",
)
SNAPSHOT_STEP = Step(
    "gold_snapshot",
    (tables.DAILY_INVENTORY_SNAPSHOT,),
    _snapshot,
    "Closing stock of the days that changed, forward to the next count of their keys.",
)

gold_sales = as_asset(SALES_STEP)
gold_suppliers = as_asset(SUPPLIERS_STEP)
gold_orders = as_asset(ORDERS_STEP)
gold_stock = as_asset(POSITION_STEP)
gold_snapshot = as_asset(SNAPSHOT_STEP)
