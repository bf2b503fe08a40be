"""Silver: masters as a whole, facts and movements by day."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from inventory_assets.contracts import silver as tables
from inventory_assets.contracts.log_tables import LOG_SILVER
from inventory_assets.defs.audit import Check, Days
from inventory_assets.defs.resources import Store
from inventory_assets.defs.specs import spec
from inventory_assets.defs.steps import Ask, Step, as_asset

if TYPE_CHECKING:
    from inventory_assets.lakehouse.lake import Lake
    from inventory_assets.pipeline.workspace import Report
    from inventory_assets.quality.checks import Finding

MASTERS = (tables.PRODUCTS, tables.LOCATIONS, tables.SUPPLIERS)
FACTS = (
    tables.SALES, tables.RETURNS, tables.CANCELLATIONS, tables.GIVEN_AWAY, tables.STOCK_ADJUSTMENTS,
    tables.NON_MERCHANDISE, tables.WAREHOUSE_UPDATES, tables.STOCK_COUNTS, tables.SUPPLIER_ORDERS,
    tables.STOCK_OPENINGS, tables.QUARANTINE, tables.DAY_BALANCE,
)  # fmt: skip


def _masters(store: Store, ask: Ask) -> tuple["Report", Sequence[str]]:
    from inventory_assets.pipeline.silver import refresh_masters

    return refresh_masters(store.workspace(), anew=ask.anew), ()


def _facts(store: Store, ask: Ask) -> tuple["Report", Sequence[str]]:
    from inventory_assets.pipeline.silver import refresh_facts

    return refresh_facts(store.workspace(), ask.days), ()


def _movements(store: Store, ask: Ask) -> tuple["Report", Sequence[str]]:
    from inventory_assets.defs.live_log import tell_files
    from inventory_assets.pipeline.stock import refresh_movements

    workspace = store.workspace()
    report = refresh_movements(workspace, ask.days)
    return report, tell_files(store.settings(), workspace)


def _balance(lake: "Lake", days: Days | None) -> "Finding":
    from inventory_assets.quality.checks import every_row_accounted

    return every_row_accounted(lake, days)


def _volumes(lake: "Lake", days: Days | None) -> "Finding":
    from inventory_assets.quality.anomalies import volumes_are_usual

    return volumes_are_usual(lake, days)


def _silence(lake: "Lake", days: Days | None) -> "Finding":
    from inventory_assets.quality.anomalies import no_source_is_silent

    return no_source_is_silent(lake, days)


MASTERS_STEP = Step("silver_masters", MASTERS, _masters, "Item, location and supplier masters with their history.")
FACTS_STEP = Step(
    "silver_facts",
    FACTS,
    _facts,
    "Sales, returns, warehouse records, orders and openings of the days that changed, and what was refused.",
    further=(
        Check(
            "every_row_accounted",
            tables.DAY_BALANCE,
            "Every bronze row is in one silver table, in quarantine, or an exact repeat of a kept row.",
            _balance,
        ),
        Check(
            "volumes_are_usual",
            tables.DAY_BALANCE,
            "The last seven days of each source have as many accepted rows as that weekday usually has.",
            _volumes,
            blocking=False,
        ),
        Check(
            "no_source_is_silent",
            tables.DAY_BALANCE,
            "No source lies further behind the newest day of all sources than its longest usual gap.",
            _silence,
            blocking=False,
        ),
    ),
)
MOVEMENTS_STEP = Step(
    "silver_movements",
    (*LOG_SILVER, tables.STOCK_MOVEMENTS),
    _movements,
    "Signed stock movements of the days that changed, and what live events state about stock and promise.",
)

decisions = spec(tables.DECISIONS)
silver_masters = as_asset(MASTERS_STEP)
silver_facts = as_asset(FACTS_STEP)
silver_movements = as_asset(MOVEMENTS_STEP)
