"""Replenishment: policies, alerts, order proposals, and what planners look at every morning.

Computed by the nightly job `replenish` for the day it runs on, as whole tables; two of them hold people's work and only
grow. Invariant: every quantity stands beside the inputs it was made from, and a null beside its reason.
"""

from __future__ import annotations

from inventory_assets.contracts.gold import PROCESSED
from inventory_assets.contracts.model import Column, Reach, Table, count, day, flag, instant, money, ratio, text, units
from inventory_assets.contracts.parameters import PLANNING_PARAMETERS

URGENCIES = ("emergency", "order_now", "reorder", "ok")
"""Somebody asked for it as an emergency; out of stock before a new order can arrive; at or below the reorder point;
none of these."""
KINDS = ("purchase", "transfer")
PROPOSAL_STATES = ("proposed", "approved", "rejected", "sent", "confirmed")
"""States a proposal may have here; once the supplier reports the order, its reports tell the state
(contracts.orders)."""
DECISION_ACTIONS = ("approve", "reject", "send", "confirm", "refuse")
"""What is recorded about a proposal; `refuse` is the answer of an ordering system that did not take it."""
EXCEPTION_KINDS = (
    "stock_unknown", "overdue", "expedite", "postpone", "cancel", "excess", "no_policy", "limits_contradict",
    "shortfall",
)  # fmt: skip
DEMAND_FROM = ("demand_forecast", "trailing", "override")
LEAD_TIME_FROM = ("parameter", "supplier_performance", "supplier_master", "transfer")
_NIGHT = Reach(rule="the whole table, every night and when a parameter changes")

_PAIR: tuple[Column, ...] = (text("product_sku", "Item."), text("location_id", "Location."))


def nightly_table(name: str, description: str, grain: str, key: tuple[str, ...], columns: tuple[Column, ...],
           upstream: tuple[str, ...]) -> Table:  # fmt: skip
    """A table that the nightly job computes whole."""
    return Table(
        "replenishment", name, description, grain, key, (*columns, PROCESSED), cadence="whole", reach=_NIGHT,
        upstream=upstream,
    )  # fmt: skip


INVENTORY_POLICY = nightly_table(
    "inventory_policy",
    "When to order and up to where, for every item at every location that sells or ships it, with every number that "
    "went in. Null with a reason where an input is missing.",
    "item × location",
    ("product_sku", "location_id"),
    (
        *_PAIR,
        text("supplier_id", "Usual supplier.", nullable=True),
        text("currency", "ISO 4217 code.", nullable=True),
        day("as_of", "Last day whose demand was looked at."),
        text("abc", "Class by yearly usage at cost.", allowed=("A", "B", "C")),
        text("xyz", "Class by steadiness of weekly demand.", allowed=("X", "Y", "Z")),
        text("pattern", "How demand comes.", allowed=("smooth", "erratic", "intermittent", "lumpy", "none")),
        text("rule", "How the order is found.", allowed=("calculated", "fixed_quantity", "period_of_cover")),
        text("demand_from", "Where expected demand comes from.", allowed=DEMAND_FROM),
        count("history_days", "Days of demand it rests on."),
        day("last_demand_day", "Last day with demand.", nullable=True),
        ratio("demand_mean_day", "Expected demand a day.", unit="units/day", nullable=True, minimum=0),
        ratio("lead_time_days", "Expected lead time L.", unit="days", nullable=True, minimum=0),
        ratio("lead_time_sd_days", "Standard deviation of the lead time.", unit="days", nullable=True, minimum=0),
        text("lead_time_from", "Where the lead time comes from.", nullable=True, allowed=LEAD_TIME_FROM),
        count("review_period_days", "Days between two looks, R."),
        text("service", "What the service target means.", allowed=("fill_rate", "cycle_service")),
        ratio("service_target", "The wanted service.", minimum=0, maximum=1),
        ratio("lead_demand_mean", "Expected demand over L.", unit="units", nullable=True),
        ratio("lead_demand_sd", "Deviation of demand over L, that of the lead time included.", unit="units",
              nullable=True),
        ratio("protected_mean", "Expected demand over L + R.", unit="units", nullable=True),
        ratio("protected_sd", "Deviation of demand over L + R, that of the lead time included.", unit="units",
              nullable=True),
        ratio("safety_stock", "Order-up-to level less expected demand over L + R.", unit="units", nullable=True),
        units("reorder_point", "Position at or below which an order is due at a review.", nullable=True, minimum=0),
        units("order_up_to", "Position after the order.", nullable=True, minimum=0),
        units("live_reorder_point", "Reorder point of a watched position, r = F(L) + SS(L): for live alerts.",
              nullable=True, minimum=0),
        units("economic_quantity", "Economic order quantity; 0 where an order costs nothing.", nullable=True,
              minimum=0),
        units("fixed_quantity", "Units of an order under the rule fixed_quantity.", nullable=True, minimum=1),
        units("minimum_order", "Least units of an order.", minimum=0),
        units("pack", "Units of a pack.", minimum=1),
        ratio("shelf_life_days", "Days a unit can be sold; null: unlimited.", unit="days", nullable=True),
        units("maximum_stock", "Most units of position after an order; null: unlimited.", nullable=True, minimum=0),
        money("unit_cost", "Cost of one unit.", nullable=True, minimum=0, data_class="confidential"),
        ratio("holding_cost_rate", "Cost of keeping goods, share of value a year."),
        ratio("fixed_cost", "Cost of an order line."),
        ratio("transfer_days", "Days a transfer between our locations takes.", unit="days"),
        flag("may_transfer", "Whether stock of our other locations is taken first."),
        ratio("keep_within", "Share by which a quantity may differ before an earlier proposal is replaced."),
        text("order_days", "Days of the week on which orders are taken, 1 = Monday; null: all.", nullable=True),
        text("closed_days", "Days on which no orders are taken; null: none.", nullable=True),
        ratio("supplier_minimum", "Least value of an order to the supplier; null: any.", unit="currency",
              nullable=True),
        ratio("budget", "Most money for new orders to the supplier a day; null: any.", unit="currency",
              nullable=True),
        count("count_interval_days", "Days between two counts of the item."),
        ratio("overstock_cover_days", "Days of cover above which stock is excess.", unit="days"),
        units("seed_reorder_point", "For comparison: mean·L + z·σ·√L.", nullable=True),
        units("textbook_order_up_to", "For comparison: mean·(L + R) + z·σ·√(L + R).", nullable=True),
        text("set_by", "Parameters that are not the default, each with the scope that set it.", nullable=True),
        text("null_reason", "Why there are no levels.", nullable=True),
    ),
    ("gold/daily_inventory_summary", "analytics/cumulative_demand_forecast",
     "silver/stock_movements", "gold/supplier_performance", "silver/products",
     "silver/suppliers", "silver/locations", "replenishment/planning_parameters"),
)  # fmt: skip
ORDER_PROPOSALS = nightly_table(
    "order_proposals",
    "What to order or to move today, each with its arithmetic; and what was decided about it. The same inputs give the "
    "same proposal.",
    "one proposal",
    ("proposal_id",),
    (
        text("proposal_id", "Identity: hash of the inputs and of the last approved proposal for the pair."),
        text("kind", "Bought from a supplier, or moved from a location of ours.", allowed=KINDS),
        *_PAIR,
        text("supplier_id", "Supplier of a purchase; null: the item master names none.", nullable=True),
        text("from_location_id", "Location a transfer comes from.", nullable=True),
        text("state", "Where it stands.", allowed=PROPOSAL_STATES),
        text("urgency", "How pressing it is.", allowed=URGENCIES),
        day("made_on", "Day whose figures these are: a proposal stands while little changes."),
        units("quantity", "Units.", minimum=1),
        money("unit_cost", "Cost of one unit.", nullable=True, minimum=0, data_class="confidential"),
        money("value", "Quantity × unit cost.", nullable=True, minimum=0),
        text("currency", "ISO 4217 code.", nullable=True),
        day("order_on", "Next day on which the order can be placed."),
        day("expected_on", "Day it should arrive."),
        units("on_hand", "On hand; an emergency may have none of the figures of stock and policy.", nullable=True,
              minimum=0),
        units("unavailable", "Of these unavailable.", nullable=True),
        units("reserved", "Promised to customers; 0 where no live log is read.", nullable=True, minimum=0),
        units("on_order", "On order.", nullable=True, minimum=0),
        units("in_transit", "In transit.", nullable=True, minimum=0),
        units("approved_before", "Units of approved proposals no supplier report shows yet.", minimum=0),
        units("position", "Sum of these: the inventory position.", nullable=True),
        units("reorder_point", "Position at or below which an order is due.", nullable=True, minimum=0),
        units("order_up_to", "Position after the order.", nullable=True, minimum=0),
        units("wanted", "Units missing, or the fixed quantity.", minimum=1),
        units("transferred", "Units of these that other locations give.", minimum=0),
        text("changes", "Why the quantity is not what is missing: codes, comma between.", nullable=True),
        text("sentence", "The arithmetic in words; its figures give the quantity."),
        text("warning", "Overstock or another doubt.", nullable=True),
        text("held", "Why it waits: below the supplier's minimum value, over the budget, or refused by the ordering "
             "system.", nullable=True),
        text("stock_basis", "How the stock is known; `assumed` is an assumption of the settings."),
        text("order_id", "Purchase order it was sent in.", nullable=True),
        text("decided_by", "Who approved or rejected it.", nullable=True, data_class="personal"),
        instant("decided_at", "When.", nullable=True),
    ),
    ("replenishment/inventory_policy", "gold/inventory_position", "replenishment/proposal_decisions",
     "bronze/retail_events"),
)  # fmt: skip
PROPOSAL_DECISIONS = Table(
    "replenishment",
    "proposal_decisions",
    "What was decided about proposals: approved, rejected, sent, confirmed, refused by the ordering system. Appended, "
    "never rewritten: its own audit.",
    "one decision",
    ("decision_id",),
    (
        text(
            "decision_id",
            "Identity: proposal and action (and what was said, of a refusal), so that deciding twice is one decision.",
        ),
        text("proposal_id", "Proposal."),
        text("action", "What was decided.", allowed=DECISION_ACTIONS),
        text("kind", "Purchase or transfer.", allowed=KINDS),
        *_PAIR,
        text("supplier_id", "Supplier of a purchase.", nullable=True),
        text("from_location_id", "Location a transfer comes from.", nullable=True),
        units("quantity", "Units decided about; may differ from the proposed ones.", minimum=1),
        units("proposed_quantity", "Units that were proposed.", minimum=1),
        money("unit_cost", "Cost of one unit.", nullable=True, minimum=0, data_class="confidential"),
        text("currency", "ISO 4217 code.", nullable=True),
        text("order_id", "Purchase order or transfer it was sent in.", nullable=True),
        count("line_number", "Line of that order.", nullable=True),
        day("expected_on", "Day it should arrive."),
        text("sentence", "The arithmetic, as it was shown."),
        text("author", "Who decided.", data_class="personal"),
        text("reason", "Why."),
        instant("decided_at", "When."),
    ),
    cadence="whole",
    reach=Reach(rule="appended, never rewritten"),
)
REORDER_ALERTS = nightly_table(
    "reorder_alerts",
    "Items at or below their reorder point or about to run out, the most urgent first. On-order aware: what is under "
    "way counts.",
    "item × location that needs attention",
    ("product_sku", "location_id"),
    (
        *_PAIR,
        text("urgency", "How pressing it is.", allowed=URGENCIES[1:3]),
        units("on_hand", "On hand.", minimum=0),
        units("position", "Inventory position."),
        units("reorder_point", "Position at or below which an order is due.", minimum=0),
        units("live_reorder_point", "The same for a watched position.", nullable=True, minimum=0),
        ratio("days_of_cover", "Days the available stock lasts; null without demand.", unit="days", nullable=True),
        day("out_of_stock_on", "First day the expected demand is not covered, as far as the projection looks.",
            nullable=True),
        units("proposed", "Units proposed or approved for it.", minimum=0),
        text("message", "What to do, in words."),
    ),
    ("replenishment/inventory_policy", "replenishment/order_proposals", "gold/inventory_position"),
)  # fmt: skip
STOCK_PROJECTION = nightly_table(
    "stock_projection",
    "Stock of the coming days as things stand: what is there, what is due, what is expected to sell. Nothing that is "
    "only proposed is in it.",
    "item × location × day",
    ("product_sku", "location_id", "day"),
    (
        *_PAIR,
        day("day", "Day."),
        ratio("opening", "Expected stock in the morning, before receipts.", unit="units", minimum=0),
        units("receipts_due", "Units due on the day.", minimum=0),
        ratio("demand_p10", "Demand of the day: below it on one day of ten.", unit="units"),
        ratio("demand_p50", "Middle of the demand of the day.", unit="units"),
        ratio("demand_p90", "Demand of the day: above it on one day of ten.", unit="units"),
        ratio("demand_mean", "Expected demand of the day.", unit="units", minimum=0),
        ratio("projected_stock", "Expected stock in the evening.", unit="units", minimum=0),
        ratio("low_stock", "Stock if demand since today is as high as in one case of ten.", unit="units", minimum=0),
        ratio("high_stock", "Stock if demand since today is as low as in one case of ten.", unit="units", minimum=0),
        units("reorder_line", "Reorder point.", minimum=0),
        ratio("safety_line", "Safety stock.", unit="units"),
        flag("first_stock_out", "The first day whose expected demand is not covered."),
    ),
    ("replenishment/inventory_policy", "gold/inventory_position", "gold/open_supplier_orders"),
)
EXCEPTIONS = nightly_table(
    "exceptions",
    "What does not fit: orders overdue, too late, too early or not needed, stock unknown or too much, items without a "
    "policy.",
    "one exception",
    ("kind", "product_sku", "location_id", "order_id", "line_number"),
    (
        text("kind", "What does not fit.", allowed=EXCEPTION_KINDS),
        *_PAIR,
        text("order_id", "Order concerned; empty where none is."),
        count("line_number", "Line of that order."),
        text("supplier_id", "Supplier.", nullable=True),
        Column("severity", "Int64", "1 = today, 2 = this week, 3 = when there is time.", minimum=1, maximum=3),
        units("quantity", "Units concerned; null where unknown.", nullable=True),
        money("value", "These at cost; null where unknown.", nullable=True),
        day("due_on", "Day concerned.", nullable=True),
        day("needed_on", "Day on which the goods are needed.", nullable=True),
        text("message", "What to do, in words."),
    ),
    ("replenishment/inventory_policy", "gold/inventory_position", "gold/open_supplier_orders",
     "replenishment/order_proposals"),
)  # fmt: skip
CYCLE_COUNT_PROPOSALS = nightly_table(
    "cycle_count_proposals",
    "What to count next, by class and doubt.",
    "item × location due for a count",
    ("product_sku", "location_id"),
    (
        *_PAIR,
        count("rank", "1 = first, over all locations."),
        ratio("doubt", "Score the rank follows: doubts in points, plus the share of the counting interval that has "
              "passed.", minimum=0),
        text("abc", "Class by usage.", allowed=("A", "B", "C")),
        units("book", "Book stock; null while unknown.", nullable=True),
        instant("last_count_at", "Last count.", nullable=True),
        count("days_since_count", "Days since; null: never counted.", nullable=True),
        count("interval_days", "Days between two counts of its class."),
        units("movements_since", "Units moved since, regardless of sign.", minimum=0),
        text("reasons", "Why, codes with comma between."),
        text("message", "The same in words."),
    ),
    ("replenishment/inventory_policy", "gold/inventory_position", "silver/stock_counts", "silver/stock_movements"),
)  # fmt: skip

REPLENISHMENT: tuple[Table, ...] = (
    PLANNING_PARAMETERS,
    PROPOSAL_DECISIONS,
    INVENTORY_POLICY,
    ORDER_PROPOSALS,
    REORDER_ALERTS,
    STOCK_PROJECTION,
    EXCEPTIONS,
    CYCLE_COUNT_PROPOSALS,
)
"""Its tables, in the order data flows; figures on them are `contracts.planning_figures`."""
