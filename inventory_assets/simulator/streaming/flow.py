"""The endless flow of a retailer: what happens next, wherever the hour makes it likely.

Customers are seen at the door, walk, pay some minutes later; advertisements bring some of them; trucks follow reorders;
shops open and close by their own clocks. Pure but for its state: the same seed and the same instants asked for give the
same happenings. Invariant: times never fall, and none lies after the instant asked for.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import accumulate, count
from math import ceil
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from inventory_assets.simulator.happenings import Happening
from inventory_assets.simulator.shop import Shelves, Shop, Wish
from inventory_assets.simulator.streaming.patterns import CLOSES, OPENS, activity, is_open
from inventory_assets.simulator.world import build_world

if TYPE_CHECKING:
    from inventory_assets.simulator.config import HistoryConfig
    from inventory_assets.simulator.world import Items

SEEN_SHARE, BUYS_SHARE, AD_SHARE, WON_SHARE = 0.7, 0.75, 0.08, 0.3
"""Of people coming: seen at the door; of these: buying; of episodes: an advertisement; of these: bringing somebody."""
MOST_UNDER_WAY = 5_000
"""Customers who are in the shops; whoever comes then is not seen at the door and pays at once."""
ANOTHER_LINE, ANOTHER_UNIT = 0.55, 0.3
UNITS_AN_EVENT = 0.6
"""Units sold for each event told, about; says how much stock a rate needs."""
OPENING_BEFORE = timedelta(milliseconds=1)
"""A movement at the instant of an opening lies before it; the first sale must not."""
LOOK_AGAIN = timedelta(minutes=5)
PROMOTED_SHARE, PROMOTION_PRICE, PROMOTION_LIFT = 6, 0.8, 2.0

Action = Callable[[datetime], list[Happening]]


@dataclass(slots=True)
class _Branch:
    """A shop, how large it is, and what its customers like."""

    shop: Shop
    zone: ZoneInfo
    size: float
    liked: list[float]
    """Popularity of the items, summed up."""
    receipts: int = 0


class Flow:
    """What happens at all shops, one happening after the other."""

    def __init__(
        self, config: HistoryConfig, start: datetime, *, rate: float, delay: timedelta, label: str, opening: bool = True
    ) -> None:
        """Build the retailer.

        Args:
            config: its size and seed; its items and locations are those of the simulated history with these.
            start: instant of the first happenings.
            rate: happenings a second that will be asked for; the shelves are filled for it.
            delay: time from a reorder to its truck.
            label: tells this run's receipts from those of others.
            opening: whether to begin by stating what is there.
        """
        self.chance = random.Random(f"{config.seed}/{label}")  # noqa: S311 - a simulation
        world = build_world(config, np.random.default_rng(config.seed))
        drawn = np.random.default_rng([config.seed, 4])
        self._prices = _prices(world.items, drawn)
        sizes = drawn.uniform(0.4, 1.6, world.selling)
        popular = drawn.lognormal(0, 0.8, config.items) * _season(start, drawn, config.items)
        popular[self._prices < world.items.cents] *= PROMOTION_LIFT
        self._branches: list[_Branch] = []
        for location, size in zip(world.locations[: world.selling], sizes / sizes.sum(), strict=True):
            liked = popular * drawn.lognormal(0, 0.3, config.items)
            units = liked / liked.sum() * size * rate * UNITS_AN_EVENT * delay.total_seconds()
            shelves = _shelves(units.tolist(), delay, self.chance)
            shop = Shop(location, world.items.codes.tolist(), config.currency, shelves, label, self.chance)
            summed = list(accumulate(liked.tolist()))
            self._branches.append(_Branch(shop, ZoneInfo(location.zone), float(size), summed))
        self._order = count()
        self._due: list[tuple[datetime, int, Happening | Action]] = []
        self._under_way = 0
        self._looked_at: datetime | None = None
        self._busy: list[float] = []
        self.now = start
        for branch in self._branches:
            if opening:
                self._later(branch.shop.opening(start - OPENING_BEFORE))
            if branch.shop.location.kind == "store":
                self._at_the_door(branch, start)

    @property
    def shops(self) -> list[Shop]:
        """All shops with a till."""
        return [branch.shop for branch in self._branches]

    def price(self, item: int) -> int:
        """Price of an item in cents."""
        return int(self._prices[item])

    def activity(self, at: datetime) -> float:
        """How busy the retailer is, from 0 to 1: shops by their size, each by its own clock."""
        return sum(
            branch.size * activity(at.astimezone(branch.zone), branch.shop.location.kind) for branch in self._branches
        )

    def next(self, at: datetime) -> Happening:
        """What happens next, by an instant.

        Args:
            at: no earlier than the one asked for before.
        """
        while True:
            if self._due and self._due[0][0] <= at:
                due, _, what = heappop(self._due)
                self.now = max(self.now, due)
                if isinstance(what, Happening):
                    return what
                self._later(what(self.now))
            else:
                self.now = max(self.now, at)
                self._later(self._episode())

    def _episode(self) -> list[Happening]:
        """Something begins now, at a shop that is open."""
        at, chance = self.now, self.chance
        branch = self._somewhere(at)
        shop = branch.shop
        if chance.random() < AD_SHARE:
            campaign = shop.campaign()
            if chance.random() < WON_SHARE and self._under_way < MOST_UNDER_WAY:
                self._pay_later(branch, timedelta(seconds=chance.randint(300, 5400)), campaign)
            return [shop.impression(at, campaign)]
        seen = shop.location.kind == "store" and chance.random() < SEEN_SHARE and self._under_way < MOST_UNDER_WAY
        if not seen:
            return self._pay(branch, at, None)
        if chance.random() < BUYS_SHARE:
            self._pay_later(branch, timedelta(seconds=chance.randint(240, 1500)), None)
        return shop.visit(at)

    def _pay_later(self, branch: _Branch, stay: timedelta, campaign: str | None) -> None:
        def pays(at: datetime) -> list[Happening]:
            self._under_way -= 1
            return self._pay(branch, at, campaign)

        self._under_way += 1
        heappush(self._due, (self.now + stay, next(self._order), pays))

    def _pay(self, branch: _Branch, at: datetime, campaign: str | None) -> list[Happening]:
        branch.receipts += 1
        shop = branch.shop
        waiting = len(shop.due)
        bought = shop.receipt(branch.receipts, at, self._basket(branch), campaign)
        if len(shop.due) > waiting:
            heappush(self._due, (at + shop.shelves.delay, next(self._order), shop.deliveries))
        return bought

    def _basket(self, branch: _Branch) -> list[Wish]:
        chance, liked = self.chance, branch.liked
        wishes: dict[int, Wish] = {}
        while True:
            item = min(bisect_right(liked, chance.random() * liked[-1]), len(liked) - 1)
            units = 1
            while chance.random() < ANOTHER_UNIT:
                units += 1
            wishes[item] = (item, units, self.price(item))
            if chance.random() >= ANOTHER_LINE:
                return list(wishes.values())

    def _somewhere(self, at: datetime) -> _Branch:
        """A shop, the likelier the larger and the busier it is now."""
        if self._looked_at is None or at - self._looked_at >= LOOK_AGAIN:
            busy = [each.size * activity(at.astimezone(each.zone), each.shop.location.kind) for each in self._branches]
            if not any(busy):  # all doors are closed: who still wants something was in before
                busy = [each.size for each in self._branches]
            self._busy, self._looked_at = list(accumulate(busy)), at
        found = bisect_right(self._busy, self.chance.random() * self._busy[-1])
        return self._branches[min(found, len(self._branches) - 1)]

    def _at_the_door(self, branch: _Branch, at: datetime) -> None:
        """Tell the next time this shop opens or closes, and then the one after."""
        local = at.astimezone(branch.zone)
        opens = not is_open(local, branch.shop.location.kind)
        then = _next_minute(local, OPENS if opens else CLOSES)

        def turns(now: datetime) -> list[Happening]:
            self._looked_at = None
            self._at_the_door(branch, then)
            return [branch.shop.door(now, "opened" if opens else "closed")]

        heappush(self._due, (then, next(self._order), turns))

    def _later(self, happenings: Sequence[Happening]) -> None:
        for each in happenings:
            heappush(self._due, (max(each.at, self.now), next(self._order), each))


def _next_minute(local: datetime, minute: int) -> datetime:
    """The next time a local clock shows a minute of the day, in UTC."""
    then = local.replace(hour=minute // 60, minute=minute % 60, second=0, microsecond=0)
    if then <= local:
        then += timedelta(days=1)
    return then.astimezone(UTC)


def _prices(items: Items, drawn: np.random.Generator) -> np.ndarray:
    """Prices in cents; some items are on promotion."""
    prices = items.cents.copy()
    promoted = drawn.integers(0, prices.size, max(1, prices.size // PROMOTED_SHARE))
    prices[promoted] = np.round(prices[promoted] * PROMOTION_PRICE).astype(np.int64)
    return prices


def _season(start: datetime, drawn: np.random.Generator, items: int) -> np.ndarray:
    """How much each item is in season."""
    turn = 2 * np.pi * (start.timetuple().tm_yday - drawn.integers(0, 365, items)) / 365
    return 1 + drawn.uniform(0, 0.3, items) * np.sin(turn)


def _shelves(units: list[float], delay: timedelta, chance: random.Random) -> Shelves:
    """Shelves that mostly last until the truck comes, given the units sold until then; sometimes they do not."""
    point = [ceil(each * chance.uniform(0.85, 1.8)) + chance.randint(2, 6) for each in units]
    pack = [ceil(each * 1.5) + 12 for each in units]
    stock = [level + ceil(bring * chance.random()) for level, bring in zip(point, pack, strict=True)]
    return Shelves(stock, point, pack, delay)
