"""Replenishment: the nightly job that turns gold into policies, proposals and what planners look at."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from inventory_assets.contracts import parameters, planning_figures
from inventory_assets.contracts import replenishment as tables
from inventory_assets.defs.jobs import serving
from inventory_assets.defs.lane_jobs import lane_job, scheduled
from inventory_assets.defs.resources import Store
from inventory_assets.defs.specs import spec
from inventory_assets.defs.steps import Ask, Step, as_asset, as_op

if TYPE_CHECKING:
    from inventory_assets.pipeline.workspace import Report


def _policy(store: Store, ask: Ask) -> tuple["Report", Sequence[str]]:
    from inventory_assets.pipeline.replenishment import beyond_horizon, refresh_policy

    workspace = store.workspace()
    report = refresh_policy(workspace, anew=ask.anew)
    longest = store.settings().forecast.longest_horizon_days
    return report, beyond_horizon(workspace.lake, longest) if report.changed else ()


def _proposals(store: Store, ask: Ask) -> tuple["Report", Sequence[str]]:
    from inventory_assets.pipeline.replenishment import refresh_proposals

    return refresh_proposals(store.workspace(), anew=ask.anew), ()


def _watched(store: Store, ask: Ask) -> tuple["Report", Sequence[str]]:
    from inventory_assets.pipeline.planning_figures import refresh_watched

    return refresh_watched(store.workspace(), anew=ask.anew), ()


def _figures(store: Store, ask: Ask) -> tuple["Report", Sequence[str]]:
    from inventory_assets.pipeline.planning_figures import refresh_figures

    return refresh_figures(store.workspace(), anew=ask.anew), ()


def _backtest(store: Store, ask: Ask) -> tuple["Report", Sequence[str]]:
    from inventory_assets.pipeline.backtest import refresh_backtest

    return refresh_backtest(store.workspace()), ()


POLICY_STEP = Step(
    "inventory_policy",
    (tables.INVENTORY_POLICY,),
    _policy,
    "Reorder point, order-up-to level and safety stock of every item and location, with the inputs of each.",
)
PROPOSALS_STEP = Step(
    "order_proposals",
    (tables.ORDER_PROPOSALS,),
    _proposals,
    "What to order or to move today, each with its arithmetic, and what was decided about it.",
)
WATCHED_STEP = Step(
    "planning_board",
    (tables.STOCK_PROJECTION, tables.REORDER_ALERTS, tables.EXCEPTIONS, tables.CYCLE_COUNT_PROPOSALS),
    _watched,
    "Stock of the coming days, alerts, what does not fit, and what to count next.",
)
FIGURES_STEP = Step(
    "inventory_figures",
    (planning_figures.INVENTORY_KPIS, planning_figures.SUPPLIER_RISK),
    _figures,
    "Key figures of inventory by location, and how risky suppliers are.",
)
NIGHTLY_STEPS = (POLICY_STEP, PROPOSALS_STEP, WATCHED_STEP, FIGURES_STEP)
"""Steps of the nightly job, in the order data flows."""

BACKTEST_STEP = Step(
    "policy_backtest",
    (planning_figures.POLICY_BACKTEST,),
    _backtest,
    "Formulas for the order-up-to level side by side on the demand of this installation; on demand, not at night.",
)
ON_DEMAND_STEPS = (BACKTEST_STEP,)
"""Steps nobody runs but people: materialise them, or `inventory backtest`."""

planning_parameters = spec(parameters.PLANNING_PARAMETERS)
proposal_decisions = spec(tables.PROPOSAL_DECISIONS)
inventory_policy = as_asset(POLICY_STEP)
order_proposals = as_asset(PROPOSALS_STEP)
planning_board = as_asset(WATCHED_STEP)
inventory_figures = as_asset(FIGURES_STEP)
policy_backtest = as_asset(BACKTEST_STEP)


replenish = lane_job(
    "replenish",
    "Policies, order proposals, alerts, projection, exceptions and key figures of the day, from what gold "
    "holds; then the DuckDB file. Run again with nothing new it writes nothing.",
    *(as_op(step) for step in NIGHTLY_STEPS),
    serving,
)

every_night = scheduled(
    "nightly_replenishment",
    replenish,
    "50 4 * * *",
    "Policies and proposals for the new day, every night at 04:50 UTC, after the forecasts.",
)
