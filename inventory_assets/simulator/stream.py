"""A simulated day as events: the 15 retail types of 004 with what connects them, in the order in which they happen.

A receipt brings its lines and payment; lines lower the stock, low stock triggers a reorder and a truck, none left is a
stock-out that loses sales; people enter before they buy; promotions follow advertisements. Every event is a CloudEvent
in structured mode, as JSON can hold it. Pure: the same configuration and day give the same events. Sending them at a
rate is in the command.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from inventory_assets.contracts.events.envelope import DEFAULT_PRIORITY, subject_of
from inventory_assets.simulator.demand import draw_lines
from inventory_assets.simulator.world import Location, World, build_world

if TYPE_CHECKING:
    from inventory_assets.simulator.config import HistoryConfig

OPEN_SECOND, CLOSE_SECOND = 8 * 3600 + 1800, 22 * 3600 + 1800
ZONES = ("ENTRANCE", "KITCHEN", "GARDEN", "TOYS", "CHECKOUT")
TRUCK_DELAY = timedelta(hours=2)
PACK = 24
SHEET = 500
"""Lines of one list of opening stock."""
ENTERS_SHARE, PINGS_SHARE, PROMOTION_SHARE, ASSERTS_SHARE = 1.4, 0.5, 0.06, 0.1


@dataclass(frozen=True, slots=True)
class _Draft:
    """An event before it is numbered."""

    at: datetime
    type: str
    location: str
    data: dict[str, Any]
    item: str | None = None
    correlation: str | None = None
    priority: int = DEFAULT_PRIORITY


def stream_day(config: HistoryConfig, day: date) -> Iterator[dict[str, Any]]:
    """Events of a day at every location with a till, by time; it begins by stating what is there.

    Args:
        config: sizes and seed of the retailer; its start and number of days do not matter.
        day: business day, at every location.
    """
    one = replace(config, start=day, days=1)
    world = build_world(one, np.random.default_rng(one.seed))
    drawn = np.random.default_rng([one.seed, day.toordinal()])
    lines, _ = draw_lines(one, world, drawn)
    chance = random.Random(f"{one.seed}/{day}")  # noqa: S311 - a simulation
    makers = [_Day(one, world, world.locations[number], day, chance) for number in range(world.selling)]
    drafts = [draft for maker in makers for draft in maker.frame()]
    first = 0
    for last in range(1, lines.receipt.size + 1):
        if last == lines.receipt.size or lines.receipt[last] != lines.receipt[first]:
            basket = lines.take(np.arange(first, last))
            maker = makers[int(basket.location[0])]
            wanted = list(zip(basket.item.tolist(), basket.units.tolist(), basket.cents.tolist(), strict=True))
            drafts += maker.receipt(int(basket.receipt[0]), int(basket.second[0]), wanted)
            first = last
    for number, draft in enumerate(sorted(drafts, key=lambda draft: draft.at), 1):
        yield _cloud_event(draft, f"sim-{one.seed}-{day:%Y%m%d}-{number:07d}")


class _Day:
    """A day of one location: its stock as its own system sees it, and what happens there."""

    def __init__(
        self, config: HistoryConfig, world: World, location: Location, day: date, chance: random.Random
    ) -> None:
        self.config, self.location, self.chance = config, location, chance
        self.codes: list[str] = world.items.codes.tolist()
        self.midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(location.zone))
        self.stock = [chance.randint(6, 60) for _ in self.codes]
        self.point = [chance.randint(4, 12) for _ in self.codes]
        self.due: dict[int, datetime] = {}
        self.shipment = 0

    def at(self, second: int) -> datetime:
        """UTC instant of a second of the local day."""
        return (self.midnight + timedelta(seconds=second)).astimezone(UTC)

    def frame(self) -> list[_Draft]:
        """The stock at midnight, and the store's opening and closing."""
        place = {"location_id": self.location.code}
        drafts = [
            self._draft(self.at(OPEN_SECOND), "store_opened", {**place, "operation_type": "opened"}),
            self._draft(self.at(CLOSE_SECOND), "store_closed", {**place, "operation_type": "closed"}),
        ]
        stated = [{"product_sku": code, "quantity": units} for code, units in zip(self.codes, self.stock, strict=True)]
        sheets = [{**place, "lines": stated[first : first + SHEET]} for first in range(0, len(stated), SHEET)]
        return [*(self._draft(self.at(0), "stock.opened", sheet) for sheet in sheets), *drafts]

    def receipt(self, number: int, second: int, wanted: list[tuple[int, int, int]]) -> list[_Draft]:
        """A visit: people, the receipt with what was there, the payment, and what it does to the stock.

        Args:
            number: number of the basket.
            second: second of the local day.
            wanted: item number, units and price in cents of each line.
        """
        at = self.at(second)
        drafts = [*self._deliveries(at), *self._visit(at)]
        reference = f"{self.location.code}-{self.midnight:%Y%m%d}-{number:06d}"
        lines: list[dict[str, Any]] = []
        rung: list[_Draft] = []
        total = 0
        for item, units, cents in wanted:
            sold = min(units, self.stock[item])
            if sold == 0:
                continue
            self.stock[item] -= sold
            total += sold * cents
            data = {
                "receipt_id": reference,
                "line_number": len(lines) + 1,
                "location_id": self.location.code,
                "product_sku": self.codes[item],
                "quantity": sold,
                "unit_price": _money(cents),
                "currency": self.config.currency,
            }
            lines.append(data)
            rung.append(self._draft(at, "receipt_line_added", data, item=item, correlation=reference))
            rung += self._after_sale(at, item)
        if not lines:
            return drafts
        head = {
            "receipt_id": reference,
            "location_id": self.location.code,
            "total": _money(total),
            "currency": self.config.currency,
            "tender_type": self.chance.choice(("CARD", "CASH")),
            "item_count": len(lines),
        }
        paid = {
            "receipt_id": reference,
            "payment_method": head["tender_type"],
            "amount": _money(total),
            "currency": self.config.currency,
            "transaction_id": f"PAY-{reference}",
        }
        drafts.append(self._draft(at, "receipt_created", head, correlation=reference))
        drafts += rung
        if self.chance.random() < PROMOTION_SHARE:
            drafts += self._promotion(at, reference, lines)
        drafts.append(self._draft(at + timedelta(seconds=20), "payment_processed", paid, correlation=reference))
        return drafts

    def _visit(self, at: datetime) -> list[_Draft]:
        place = {"location_id": self.location.code}
        if self.location.kind != "store" or self.chance.random() * ENTERS_SHARE > 1:
            return []
        entered = at - timedelta(seconds=self.chance.randint(240, 1500))
        data = {**place, "sensor_id": "DOOR-1", "zone": ZONES[0], "customer_count": self.chance.randint(1, 3)}
        drafts = [self._draft(entered, "customer_entered", data)]
        if self.chance.random() < PINGS_SHARE:
            device = {"customer_ble_id": f"BLE-{self.chance.randrange(10**6):06d}"}
            zone = self.chance.choice(ZONES[1:])
            ping = {**place, **device, "beacon_id": f"B-{zone}", "rssi": -self.chance.randint(40, 95), "zone": zone}
            walked = {**place, **device, "from_zone": ZONES[0], "to_zone": zone}
            drafts.append(self._draft(entered + timedelta(seconds=60), "ble_ping_detected", ping))
            drafts.append(self._draft(entered + timedelta(seconds=61), "customer_zone_changed", walked))
        return drafts

    def _promotion(self, at: datetime, reference: str, lines: list[dict[str, Any]]) -> list[_Draft]:
        campaign = f"C-{self.chance.randint(1, 5)}"
        shown = {
            "channel": self.chance.choice(("SOCIAL", "SEARCH", "EMAIL")),
            "campaign_id": campaign,
            "creative_id": f"{campaign}-1",
            "customer_ad_id": f"AD-{self.chance.randrange(10**6):06d}",
            "impression_id": f"I-{reference}",
            "cost": "0.0125",
            "device_type": "MOBILE",
        }
        applied = {
            "receipt_id": reference,
            "location_id": self.location.code,
            "promo_code": campaign,
            "discount_amount": "1.00",
            "discount_type": "fixed",
            "product_ids": [line["product_sku"] for line in lines],
        }
        return [
            self._draft(at - timedelta(minutes=self.chance.randint(5, 90)), "ad_impression", shown, priority=2),
            self._draft(at, "promotion_applied", applied, correlation=reference),
        ]

    def _after_sale(self, at: datetime, item: int) -> list[_Draft]:
        """What the store's own system says about the stock, and what it orders."""
        pair = {"product_sku": self.codes[item], "location_id": self.location.code}
        left = self.stock[item]
        drafts = []
        if self.chance.random() < ASSERTS_SHARE:
            data = {**pair, "quantity": left, "reason": "SALE", "source": "store-system"}
            drafts.append(self._draft(at, "inventory_updated", data, item=item))
        if left == 0:
            gone = {**pair, "last_known_quantity": 0}
            drafts.append(self._draft(at, "stockout_detected", gone, item=item, priority=8))
        if left <= self.point[item] and item not in self.due:
            self.due[item] = at + TRUCK_DELAY
            order = {"current_quantity": left, "reorder_quantity": PACK, "reorder_point": self.point[item]}
            drafts.append(self._draft(at, "reorder_triggered", {**pair, **order}, item=item, priority=7))
        return drafts

    def _deliveries(self, at: datetime) -> list[_Draft]:
        """A truck with everything that is due by now; it arrived when the first of it was."""
        due = sorted(item for item, when in self.due.items() if when <= at)
        if not due:
            return []
        arrived = max(self.due.pop(item) for item in due)
        for item in due:
            self.stock[item] += PACK
        self.shipment += 1
        truck = {
            "truck_id": f"TRK-{self.location.code}",
            "shipment_id": f"SHP-{self.location.code}-{self.midnight:%Y%m%d}-{self.shipment}",
            "location_id": self.location.code,
        }
        lines = [{"product_sku": self.codes[item], "quantity": PACK} for item in due]
        return [
            self._draft(arrived, "truck_arrived", {**truck, "lines": lines}, priority=6),
            self._draft(arrived + timedelta(minutes=25), "truck_departed", truck),
        ]

    def _draft(
        self,
        at: datetime,
        type_: str,
        data: dict[str, Any],
        *,
        item: int | None = None,
        correlation: str | None = None,
        priority: int = DEFAULT_PRIORITY,
    ) -> _Draft:
        code = None if item is None else self.codes[item]
        return _Draft(at, type_, self.location.code, data, code, correlation, priority)


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _cloud_event(draft: _Draft, event_id: str) -> dict[str, Any]:
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": event_id,
        "source": f"/simulator/{draft.location}",
        "type": draft.type,
        "time": draft.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "schemaversion": "1",
        "partitionkey": draft.location,
        "data": draft.data,
    }
    if draft.item is not None:
        event["subject"] = subject_of(draft.item, draft.location)
    if draft.correlation is not None:
        event["correlationid"] = draft.correlation
    if draft.priority != DEFAULT_PRIORITY:
        event["priority"] = draft.priority
    return event
