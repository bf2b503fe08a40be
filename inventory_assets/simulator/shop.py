"""A simulated shop: its stock as its own system sees it, and what happens when people come, buy, and trucks arrive.

Used by the day of `stream` and by the endless flow of `streaming`. Pure but for its stock and its source of chance.
Invariant: never sells what is not there, so the shop's own figures are those the rules of stock arrive at.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from inventory_assets.contracts.events.envelope import DEFAULT_PRIORITY
from inventory_assets.simulator.happenings import Happening
from inventory_assets.simulator.world import Location

ZONES = ("ENTRANCE", "KITCHEN", "GARDEN", "TOYS", "CHECKOUT")
PINGS_SHARE, PROMOTION_SHARE, ASSERTS_SHARE = 0.5, 0.06, 0.1
CAMPAIGNS = 5
UNLOADING = timedelta(minutes=25)
PAYING = timedelta(seconds=20)
SHEET = 500
"""Lines of one list of opening stock."""

Wish = tuple[int, int, int]
"""Item number, units, price of a unit in cents."""


@dataclass(frozen=True, slots=True)
class Shelves:
    """Stock and replenishment of every item of a shop, by item number.

    Attributes:
        stock: units there at the beginning.
        point: units at or below which the shop reorders.
        pack: units a truck brings.
        delay: time from the reorder to the truck.
    """

    stock: Sequence[int]
    point: Sequence[int]
    pack: Sequence[int]
    delay: timedelta


class Shop:
    """One location with a till."""

    def __init__(
        self,
        location: Location,
        codes: Sequence[str],
        currency: str,
        shelves: Shelves,
        label: str,
        chance: random.Random,
    ) -> None:
        """Put the stock on the shelves.

        Args:
            location: where it is.
            codes: item codes by number.
            currency: ISO 4217 code of all prices.
            shelves: its stock; copied.
            label: tells receipts and shipments of this run from those of others.
            chance: source of everything random.
        """
        self.location, self.codes, self.currency, self.label, self.chance = location, codes, currency, label, chance
        self.shelves = shelves
        self.stock = list(shelves.stock)
        self.due: dict[int, datetime] = {}
        self.shipment = 0

    @property
    def code(self) -> str:
        """Code of the location."""
        return self.location.code

    def opening(self, at: datetime) -> list[Happening]:
        """States what is there."""
        stated = [{"product_sku": code, "quantity": units} for code, units in zip(self.codes, self.stock, strict=True)]
        return [
            self.happening(at, "stock.opened", {"location_id": self.code, "lines": stated[first : first + SHEET]})
            for first in range(0, len(stated), SHEET)
        ]

    def door(self, at: datetime, done: str) -> Happening:
        """The store opened or closed.

        Args:
            at: when.
            done: opened or closed.
        """
        return self.happening(at, f"store_{done}", {"location_id": self.code, "operation_type": done})

    def visit(self, entered: datetime) -> list[Happening]:
        """People come in, and half of them are seen walking to another part of the shop."""
        found = [self.entrance(entered)]
        if self.chance.random() < PINGS_SHARE:
            found += self.walk(entered + timedelta(seconds=60))
        return found

    def entrance(self, at: datetime) -> Happening:
        """People come in."""
        data = {
            "location_id": self.code,
            "sensor_id": "DOOR-1",
            "zone": ZONES[0],
            "customer_count": self.chance.randint(1, 3),
        }
        return self.happening(at, "customer_entered", data)

    def walk(self, at: datetime) -> list[Happening]:
        """A beacon sees a customer who walked from the entrance to another part of the shop."""
        place = {"location_id": self.code, "customer_ble_id": f"BLE-{self.chance.randrange(10**6):06d}"}
        zone = self.chance.choice(ZONES[1:])
        ping = {**place, "beacon_id": f"B-{zone}", "rssi": -self.chance.randint(40, 95), "zone": zone}
        walked = {**place, "from_zone": ZONES[0], "to_zone": zone}
        return [
            self.happening(at, "ble_ping_detected", ping),
            self.happening(at + timedelta(seconds=1), "customer_zone_changed", walked),
        ]

    def impression(self, at: datetime, campaign: str) -> Happening:
        """An advertisement of a campaign was shown to somebody who lives near the shop."""
        data = {
            "channel": self.chance.choice(("SOCIAL", "SEARCH", "EMAIL")),
            "campaign_id": campaign,
            "creative_id": f"{campaign}-1",
            "customer_ad_id": f"AD-{self.chance.randrange(10**6):06d}",
            "impression_id": f"I-{self.chance.getrandbits(48):012x}",
            "cost": "0.0125",
            "device_type": "MOBILE",
        }
        return self.happening(at, "ad_impression", data, priority=2)

    def campaign(self) -> str:
        """One of the campaigns that run."""
        return f"C-{self.chance.randint(1, CAMPAIGNS)}"

    def receipt(self, number: int, at: datetime, wishes: Sequence[Wish], campaign: str | None) -> list[Happening]:
        """A customer pays: the receipt with what was there, what it does to the stock, the payment.

        Args:
            number: number of the basket.
            at: when.
            wishes: what the customer wants.
            campaign: campaign whose promotion is applied, None for none.

        Returns:
            In order of their times; nothing where nothing wanted was there.
        """
        reference = f"{self.code}-{self.label}-{number:06d}"
        lines: list[dict[str, Any]] = []
        rung: list[Happening] = []
        total = 0
        for item, units, cents in wishes:
            sold = min(units, self.stock[item])
            if sold == 0:
                continue
            self.stock[item] -= sold
            total += sold * cents
            data = {
                "receipt_id": reference,
                "line_number": len(lines) + 1,
                "location_id": self.code,
                "product_sku": self.codes[item],
                "quantity": sold,
                "unit_price": money(cents),
                "currency": self.currency,
            }
            lines.append(data)
            rung.append(self.happening(at, "receipt_line_added", data, item=item, correlation=reference))
            rung += self.after_sale(at, item)
        if not lines:
            return []
        head = {
            "receipt_id": reference,
            "location_id": self.code,
            "total": money(total),
            "currency": self.currency,
            "tender_type": self.chance.choice(("CARD", "CASH")),
            "item_count": len(lines),
        }
        paid = {
            "receipt_id": reference,
            "payment_method": head["tender_type"],
            "amount": money(total),
            "currency": self.currency,
            "transaction_id": f"PAY-{reference}",
        }
        found = [self.happening(at, "receipt_created", head, correlation=reference), *rung]
        if campaign is not None:
            applied = {
                "receipt_id": reference,
                "location_id": self.code,
                "promo_code": campaign,
                "discount_amount": "1.00",
                "discount_type": "fixed",
                "product_ids": [line["product_sku"] for line in lines],
            }
            found.append(self.happening(at, "promotion_applied", applied, correlation=reference))
        found.append(self.happening(at + PAYING, "payment_processed", paid, correlation=reference))
        return found

    def after_sale(self, at: datetime, item: int) -> list[Happening]:
        """What the shop's own system says about the stock, and what it orders."""
        left = self.stock[item]
        found = []
        if self.chance.random() < ASSERTS_SHARE:
            found.append(self.asserted(at, item))
        if left == 0:
            found.append(self.sold_out(at, item))
        if left <= self.shelves.point[item] and item not in self.due:
            self.due[item] = at + self.shelves.delay
            found.append(self.reorder(at, item))
        return found

    def asserted(self, at: datetime, item: int) -> Happening:
        """The shop's system says how much there is."""
        data = {**self._pair(item), "quantity": self.stock[item], "reason": "SALE", "source": "store-system"}
        return self.happening(at, "inventory_updated", data, item=item)

    def sold_out(self, at: datetime, item: int) -> Happening:
        """The shelf is empty, or all but empty."""
        data = {**self._pair(item), "last_known_quantity": self.stock[item]}
        return self.happening(at, "stockout_detected", data, item=item, priority=8)

    def reorder(self, at: datetime, item: int) -> Happening:
        """The shop orders an item."""
        order = {
            "current_quantity": self.stock[item],
            "reorder_quantity": self.shelves.pack[item],
            "reorder_point": self.shelves.point[item],
        }
        return self.happening(at, "reorder_triggered", {**self._pair(item), **order}, item=item, priority=7)

    def deliveries(self, at: datetime) -> list[Happening]:
        """A truck with everything that is due by now; it arrived when the last of it was due."""
        due = sorted(item for item, when in self.due.items() if when <= at)
        return self.truck(max(self.due.pop(item) for item in due), due) if due else []

    def truck(self, arrived: datetime, items: Sequence[int]) -> list[Happening]:
        """A truck brings a pack of each item and leaves again."""
        for item in items:
            self.stock[item] += self.shelves.pack[item]
        self.shipment += 1
        lines = [{"product_sku": self.codes[item], "quantity": self.shelves.pack[item]} for item in items]
        return [
            self.happening(arrived, "truck_arrived", {**self._truck(), "lines": lines}, priority=6),
            self.departure(arrived + UNLOADING),
        ]

    def departure(self, at: datetime) -> Happening:
        """The last truck leaves."""
        return self.happening(at, "truck_departed", self._truck())

    def happening(
        self,
        at: datetime,
        type_: str,
        data: dict[str, Any],
        *,
        item: int | None = None,
        correlation: str | None = None,
        priority: int = DEFAULT_PRIORITY,
    ) -> Happening:
        """Something that happened here."""
        code = None if item is None else self.codes[item]
        return Happening(at, type_, self.code, data, code, correlation, priority)

    def _truck(self) -> dict[str, Any]:
        return {
            "truck_id": f"TRK-{self.code}",
            "shipment_id": f"SHP-{self.code}-{self.label}-{self.shipment}",
            "location_id": self.code,
        }

    def _pair(self, item: int) -> dict[str, Any]:
        return {"product_sku": self.codes[item], "location_id": self.code}


def money(cents: int) -> str:
    """Cents as a decimal text."""
    return f"{cents // 100}.{cents % 100:02d}"
