"""The policy simulator: what a policy would have done with demand that came, or that is simulated, day by day.

A day begins with what arrives, then the policy may order, then customers come. An order of day t with a lead time of L
days arrives at the beginning of day t + L. Decisions see only what lay before them: the policy gets the days before
today, as the shop saw them (sales, where sales are lost and `observes` says so).

Not here: policies (`policies`), figures of a run (`outcome`). No randomness: demand and lead times are handed in, drawn
beforehand where they are to be random. Invariant: units are whole and conserved exactly, which `conserved` says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from inventory_assets.replenishment.domain import BoolArray, FloatArray, require
from inventory_assets.replenishment.rounding import round_order

Units: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Today:
    """What a policy may know on the morning of a day, after what arrived.

    Attributes:
        day: number of the day, from 0.
        reviewed: items whose review is today; orders of others are ignored.
        position: on hand + on order − backorders, units, shape (items,).
        on_hand: units, shape (items,).
        past: what was observed before today, units a day, shape (items, day); may not be written to.
        in_stock: days before today that began with stock, same shape: elsewhere sales say little about demand.
    """

    day: int
    reviewed: BoolArray
    position: Units
    on_hand: Units
    past: Units
    in_stock: BoolArray


Policy: TypeAlias = Callable[[Today], FloatArray]
"""Wanted units of each item, before minimum order and pack; 0 or less for none."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which terms goods are ordered and sold.

    Attributes:
        unmet: what happens to demand beyond the stock: it waits, or is lost.
        observes: what the policy is shown of the past: true demand, or sales (then stock-outs hide demand).
        review_period: whole days between two reviews of an item, 1 or more, a number or shape (items,).
        review_offset: day of the first review, 0 or more; so items of one supplier can share a day.
        minimum_order: whole units, 0 or more.
        pack: whole units, 1 or more.
    """

    unmet: Literal["backordered", "lost"] = "lost"
    observes: Literal["demand", "sales"] = "demand"
    review_period: ArrayLike = 1
    review_offset: ArrayLike = 0
    minimum_order: ArrayLike = 0
    pack: ArrayLike = 1


@dataclass(frozen=True, slots=True)
class Run:
    """What happened to each item in the measured days; all units are whole, every array has shape (items,).

    Attributes:
        days: measured days.
        opening: on hand when measuring began.
        opening_backlog: units that waited then.
        opening_on_order: units ordered and not received then.
        demanded: units customers asked for.
        at_once: units of these they got on the day.
        late: units handed out to customers who had waited.
        lost: units nobody will ask for again.
        ordered: units ordered.
        received: units that arrived.
        closing: on hand at the end.
        closing_backlog: units that wait at the end.
        closing_on_order: units under way at the end.
        orders: orders placed.
        stock_days: Σ of stock at the end of each day.
        middle_stock_days: Σ of the mean of stock after arrivals and at the end of each day.
        days_out: days that ended without stock.
        cycles: times goods arrived, each the end of a cycle.
        clean_cycles: cycles in which nothing was short.
    """

    days: int
    opening: Units
    opening_backlog: Units
    opening_on_order: Units
    demanded: Units
    at_once: Units
    late: Units
    lost: Units
    ordered: Units
    received: Units
    closing: Units
    closing_backlog: Units
    closing_on_order: Units
    orders: Units
    stock_days: Units
    middle_stock_days: FloatArray
    days_out: Units
    cycles: Units
    clean_cycles: Units

    @property
    def conserved(self) -> bool:
        """Whether no unit of any item appeared or vanished: goods, orders and customers each add up."""
        goods = self.opening + self.received - self.at_once - self.late - self.closing
        orders = self.opening_on_order + self.ordered - self.received - self.closing_on_order
        customers = self.opening_backlog + self.demanded - self.at_once - self.late - self.lost - self.closing_backlog
        return not (goods.any() or orders.any() or customers.any())


def replay(
    demand: NDArray[np.integer],
    policy: Policy,
    lead_times: ArrayLike,
    terms: Terms | None = None,
    *,
    opening: ArrayLike = 0,
    measure_from: int = 0,
) -> Run:
    """Let a policy run the stock of all items through a history of demand.

    Args:
        demand: whole units, 0 or more, shape (items, days).
        policy: asked every morning.
        lead_times: whole days, 0 or more: a number, shape (items,), or (items, days) where an order of an item on a
            day has its own (`drawn_lead_times`); orders may overtake each other.
        terms: see there; by default every day is a review and unmet demand is lost.
        opening: on hand before the first day, whole units, a number or shape (items,).
        measure_from: first measured day; those before let the stock settle and the policy learn.

    Returns:
        What happened in the measured days.

    Raises:
        InvalidInput: outside these domains.

    Source: requirement R6; the order of events of a day is that of Zipkin (2000), section 9.3, so that base stock under
        backorders has exactly the fill rate of `service.periodic_review_service`.
    """
    terms = terms or Terms()
    wanted = np.asarray(demand)
    require("demand", "negative", wanted >= 0)
    items, days = wanted.shape
    require("measure_from", "too_high", np.asarray(0 <= measure_from < days))
    lead = _lead_times(lead_times, items, days)
    shop = _Shop(items, int(lead.max(initial=0)), _each(opening, items), terms)
    seen = np.zeros((items, days), dtype=np.int64)
    began_with_stock = np.zeros((items, days), dtype=bool)
    for day in range(days):
        if day == measure_from:
            shop.begin_measuring()
        shop.receive(day)
        began_with_stock[:, day] = shop.on_hand > 0
        reviewed = shop.reviews(day)
        if reviewed.any():
            past, in_stock = seen[:, :day], began_with_stock[:, :day]
            past.flags.writeable = in_stock.flags.writeable = False
            now = Today(day, reviewed, shop.position, shop.on_hand.copy(), past, in_stock)
            shop.order(np.where(reviewed, policy(now), 0.0), day, lead[:, day])
        asked = wanted[:, day].astype(np.int64)
        sold = shop.serve(asked)
        seen[:, day] = asked if terms.observes == "demand" else sold
    return shop.told(days - measure_from)


class _Shop:
    """Stock, backlog and pipeline of all items, and the counts of what happened since measuring began."""

    COUNTED = ("demanded", "at_once", "late", "lost", "ordered", "received", "orders", "stock_days",
               "days_out", "cycles", "clean_cycles")  # fmt: skip

    def __init__(self, items: int, longest: int, opening: Units, terms: Terms) -> None:
        self.terms = terms
        self.on_hand = opening.copy()
        self.backlog = np.zeros(items, dtype=np.int64)
        self.pipeline = np.zeros((longest + 1, items), dtype=np.int64)
        self.on_order = np.zeros(items, dtype=np.int64)
        self.period, self.offset = _each(terms.review_period, items), _each(terms.review_offset, items)
        require("review_period", "not_positive", self.period > 0)
        self.least, self.pack = _each(terms.minimum_order, items), _each(terms.pack, items)
        self.clean = np.ones(items, dtype=bool)
        self.begin_measuring()

    def begin_measuring(self) -> None:
        """Forget what happened, keep where things stand."""
        self.opening = (self.on_hand.copy(), self.backlog.copy(), self.on_order.copy())
        self.counts = {name: np.zeros(self.on_hand.size, dtype=np.int64) for name in self.COUNTED}
        self.middle = np.zeros(self.on_hand.size, dtype=np.float64)

    @property
    def position(self) -> Units:
        return self.on_hand + self.on_order - self.backlog

    def reviews(self, day: int) -> BoolArray:
        return (day >= self.offset) & ((day - self.offset) % self.period == 0)

    def receive(self, day: int) -> None:
        """What is due today arrives; who waits is served first."""
        slot = self.pipeline[day % len(self.pipeline)]
        self._take_in(slot.copy())
        slot[:] = 0

    def _take_in(self, arrived: Units) -> None:
        came = arrived > 0
        self.counts["cycles"] += came
        self.counts["clean_cycles"] += came & self.clean
        self.clean |= came
        self.on_order -= arrived
        late = np.minimum(self.on_hand + arrived, self.backlog)
        self.on_hand += arrived - late
        self.backlog -= late
        self.counts["received"] += arrived
        self.counts["late"] += late

    def order(self, wanted: FloatArray, day: int, lead: Units) -> None:
        """Order what the policy wants, in lots; without a lead time it is there before the first customer."""
        quantity = round_order(np.maximum(wanted, 0), self.least, self.pack).quantity
        self.on_order += quantity
        self.counts["ordered"] += quantity
        self.counts["orders"] += quantity > 0
        at_once = np.where(lead == 0, quantity, 0)
        if at_once.any():
            self._take_in(at_once)
        slots = (day + lead) % len(self.pipeline)
        self.pipeline[slots, np.arange(quantity.size)] += quantity - at_once

    def serve(self, asked: Units) -> Units:
        """Customers of a day; returns what they took."""
        before = self.on_hand
        sold = np.minimum(asked, before)
        short = asked - sold
        self.on_hand = before - sold
        self.clean &= short == 0
        self.counts["demanded"] += asked
        self.counts["at_once"] += sold
        if self.terms.unmet == "lost":
            self.counts["lost"] += short
        else:
            self.backlog += short
        self.counts["stock_days"] += self.on_hand
        self.middle += (before + self.on_hand) / 2
        self.counts["days_out"] += self.on_hand == 0
        return sold

    def told(self, days: int) -> Run:
        stock, backlog, under_way = self.opening
        return Run(
            days=days, opening=stock, opening_backlog=backlog, opening_on_order=under_way, closing=self.on_hand,
            closing_backlog=self.backlog, closing_on_order=self.on_order, middle_stock_days=self.middle, **self.counts,
        )  # fmt: skip


def drawn_lead_times(samples: ArrayLike, items: int, days: int, rng: np.random.Generator) -> Units:
    """A lead time for an order of each item on each day, drawn from those that were observed.

    Args:
        samples: whole days, 0 or more, shape (samples,) for all items or (items, samples).
        items: number of items.
        days: number of days.
        rng: source of randomness.

    Returns:
        Whole days, shape (items, days).
    """
    observed = np.asarray(samples, dtype=np.int64)
    require("lead_time", "negative", observed >= 0)
    require("lead_time", "too_few", np.asarray(observed.shape[-1] > 0))
    table = np.broadcast_to(observed, (items, observed.shape[-1]))
    return np.take_along_axis(table, rng.integers(0, table.shape[1], (items, days)), axis=1)


def _lead_times(lead_times: ArrayLike, items: int, days: int) -> Units:
    given = np.asarray(lead_times, dtype=np.float64)
    require("lead_time", "missing", ~np.isnan(given))
    require("lead_time", "negative", given >= 0)
    require("lead_time", "not_whole", given == np.floor(given))
    whole = given.astype(np.int64)
    return np.broadcast_to(whole[:, None] if whole.ndim == 1 else whole, (items, days))


def _each(value: ArrayLike, items: int) -> Units:
    """A number or one an item, as whole units of every item."""
    given = np.asarray(value, dtype=np.float64)
    require("opening", "not_whole", given == np.floor(given))
    return np.broadcast_to(given.astype(np.int64), (items,)).copy()
