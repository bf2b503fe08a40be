"""A simulated day as events: the 15 retail types of 004 with what connects them, in the order in which they happen.

A receipt brings its lines and payment; lines lower the stock, low stock triggers a reorder and a truck, none left is a
stock-out that loses sales; people enter before they buy; promotions follow advertisements. Pure: the same configuration
and day give the same events. The endless flow and the sending are in `streaming`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from inventory_assets.simulator.demand import draw_lines
from inventory_assets.simulator.happenings import Happening, StreamEvent
from inventory_assets.simulator.shop import PROMOTION_SHARE, Shelves, Shop, Wish
from inventory_assets.simulator.world import build_world

if TYPE_CHECKING:
    from inventory_assets.simulator.config import HistoryConfig

OPEN_SECOND, CLOSE_SECOND = 8 * 3600 + 1800, 22 * 3600 + 1800
TRUCK_DELAY = timedelta(hours=2)
PACK = 24
ENTERS_SHARE = 1.4


def stream_day(config: HistoryConfig, day: date) -> Iterator[dict[str, Any]]:
    """Events of a day at every location with a till, by time; it begins by stating what is there.

    Args:
        config: sizes and seed of the retailer; its start and number of days do not matter.
        day: business day, at every location.

    Yields:
        CloudEvents in structured mode, as JSON can hold them.
    """
    return (event.cloud_event() for event in day_events(config, day))


def day_events(config: HistoryConfig, day: date) -> Iterator[StreamEvent]:
    """The same events as values."""
    one = replace(config, start=day, days=1)
    world = build_world(one, np.random.default_rng(one.seed))
    lines, _ = draw_lines(one, world, np.random.default_rng([one.seed, day.toordinal()]))
    chance = random.Random(f"{one.seed}/{day}")  # noqa: S311 - a simulation
    codes: list[str] = world.items.codes.tolist()
    makers = []
    for location in world.locations[: world.selling]:
        stock = [chance.randint(6, 60) for _ in codes]
        point = [chance.randint(4, 12) for _ in codes]
        shelves = Shelves(stock, point, [PACK] * len(codes), TRUCK_DELAY)
        shop = Shop(location, codes, one.currency, shelves, f"{day:%Y%m%d}", chance)
        makers.append(_Day(shop, datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(location.zone))))
    happenings = [each for maker in makers for each in maker.frame()]
    first = 0
    for last in range(1, lines.receipt.size + 1):
        if last == lines.receipt.size or lines.receipt[last] != lines.receipt[first]:
            basket = lines.take(np.arange(first, last))
            wishes = list(zip(basket.item.tolist(), basket.units.tolist(), basket.cents.tolist(), strict=True))
            maker = makers[int(basket.location[0])]
            happenings += maker.customer(int(basket.receipt[0]), int(basket.second[0]), wishes)
            first = last
    for number, happening in enumerate(sorted(happenings, key=lambda each: each.at), 1):
        yield StreamEvent(f"sim-{one.seed}-{day:%Y%m%d}-{number:07d}", happening)


class _Day:
    """A day of one shop, in seconds since its midnight."""

    def __init__(self, shop: Shop, midnight: datetime) -> None:
        self.shop, self.midnight = shop, midnight

    def at(self, second: int) -> datetime:
        """UTC instant of a second of the local day."""
        return (self.midnight + timedelta(seconds=second)).astimezone(UTC)

    def frame(self) -> list[Happening]:
        """The stock at midnight, and the store's opening and closing."""
        doors = [self.shop.door(self.at(OPEN_SECOND), "opened"), self.shop.door(self.at(CLOSE_SECOND), "closed")]
        return [*self.shop.opening(self.at(0)), *doors]

    def customer(self, number: int, second: int, wishes: list[Wish]) -> list[Happening]:
        """Somebody comes, perhaps seen by a sensor, perhaps after an advertisement, and buys."""
        at, shop, chance = self.at(second), self.shop, self.shop.chance
        found = shop.deliveries(at)
        if shop.location.kind == "store" and chance.random() * ENTERS_SHARE <= 1:
            found += shop.visit(at - timedelta(seconds=chance.randint(240, 1500)))
        campaign = shop.campaign() if chance.random() < PROMOTION_SHARE else None
        bought = shop.receipt(number, at, wishes, campaign)
        if bought and campaign is not None:
            found.append(shop.impression(at - timedelta(minutes=chance.randint(5, 90)), campaign))
        return [*found, *bought]
