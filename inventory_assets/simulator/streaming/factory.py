"""Makes events on demand (004's `EventFactory`): single ones, mixed ones, and the correlated flow.

Without weights events come from the flow: what belongs together comes together. With weights, or one at a time, each
event is a sample that stands for itself: what would follow it is not told, so the shops' figures drift away from what
was. Invariant: an id is given once; the same seed, start and calls give the same events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

from inventory_assets.simulator.happenings import EventType, Happening, StreamEvent
from inventory_assets.simulator.shop import Shop
from inventory_assets.simulator.streaming.flow import Flow
from inventory_assets.simulator.streaming.patterns import CLOSES, OPENS, activity, is_open

if TYPE_CHECKING:
    from inventory_assets.simulator.config import HistoryConfig

DEFAULT_DELAY = timedelta(minutes=5)
NATURAL_RATE = 10.0
DOOR_MINUTES = 15
FIRST_SINGLE = 500_000
"""Receipts of single events are numbered from here on, away from those of the flow."""


class Source(Protocol):
    """Where a streamer gets its events."""

    def take(self, count: int, at: datetime) -> list[StreamEvent]:
        """The next events, fewer only at the end.

        Args:
            count: how many.
            at: instant they are for; sources with times of their own do not look at it.
        """
        ...

    def activity(self, at: datetime) -> float:
        """How busy things are at an instant, from 0 to 1."""
        ...


class EventFactory:
    """Events of a simulated retailer."""

    def __init__(
        self,
        config: HistoryConfig,
        start: datetime,
        *,
        rate: float = NATURAL_RATE,
        delay: timedelta = DEFAULT_DELAY,
        opening: bool = True,
    ) -> None:
        """Build the retailer.

        Args:
            config: its size and seed.
            start: instant of the first events; part of all ids, so that two runs are two.
            rate: events a second that will be taken, about; decides how much the shops have in stock.
            delay: time from a reorder to its truck.
            opening: whether the flow begins by stating what is there.
        """
        self._label = f"{start:%Y%m%dT%H%M%S%f}"
        self._prefix = f"sim-{config.seed}-{self._label}"
        self._flow = Flow(config, start, rate=rate, delay=delay, label=self._label, opening=opening)
        self._number = 0
        self._singles = 0

    def take(self, count: int, at: datetime) -> list[StreamEvent]:
        """The next events of the flow; the same as `generate_mixed_events` without weights."""
        return [self._event(self._flow.next(at)) for _ in range(count)]

    def activity(self, at: datetime) -> float:
        """How busy the retailer is."""
        return self._flow.activity(at)

    def generate_mixed_events(
        self, count: int, timestamp: datetime, weights: Mapping[EventType, float] | None = None
    ) -> list[StreamEvent]:
        """Several events.

        Args:
            count: how many.
            timestamp: when they happen; never before that of an earlier call.
            weights: how often each type comes; without them events are correlated as in a real shop.

        Raises:
            ValueError: no weight is above 0, or one is below.
        """
        if weights is None:
            return self.take(count, timestamp)
        if not weights or min(weights.values()) < 0 or not any(weights.values()):
            raise ValueError("weights: give at least one type a weight above 0, and none a negative one")
        types = self._flow.chance.choices(list(weights), list(weights.values()), k=count)
        return [self.generate_event(each, timestamp) for each in types]

    def generate_event(self, event_type: EventType, timestamp: datetime) -> StreamEvent:
        """One event of a type, at a shop where it can happen now, or else at any; what would follow it is not told."""
        kind = EventType(event_type)
        shops = [shop for shop in self._flow.shops if _can_happen(kind, shop, timestamp)]
        shop = self._flow.chance.choice(shops or self._flow.shops)
        return self._event(self._single(kind, shop, timestamp))

    def should_generate_event(self, event_type: EventType, timestamp: datetime) -> bool:
        """Whether the hour lets an event of the type happen: drawn, the likelier the busier the shops are.

        Trucks and advertisements keep no shop hours; a shop opens and closes within the quarter of an hour it does.
        """
        match event_type:
            case EventType.TRUCK_ARRIVED | EventType.TRUCK_DEPARTED | EventType.AD_IMPRESSION:
                return True
            case EventType.STORE_OPENED | EventType.STORE_CLOSED:
                return any(_can_happen(event_type, shop, timestamp) for shop in self._flow.shops)
            case _:
                busy = max(_busy(shop, timestamp) for shop in self._flow.shops)
                return self._flow.chance.random() < busy

    def _single(self, event_type: EventType, shop: Shop, at: datetime) -> Happening:
        scarcest = shop.stock.index(min(shop.stock))
        makers: dict[EventType, Callable[[], Happening]] = {
            EventType.RECEIPT_CREATED: lambda: self._bought(event_type, shop, at, None),
            EventType.RECEIPT_LINE_ADDED: lambda: self._bought(event_type, shop, at, None),
            EventType.PAYMENT_PROCESSED: lambda: self._bought(event_type, shop, at, None),
            EventType.PROMOTION_APPLIED: lambda: self._bought(event_type, shop, at, shop.campaign()),
            EventType.INVENTORY_UPDATED: lambda: shop.asserted(at, self._flow.chance.randrange(len(shop.codes))),
            EventType.STOCKOUT_DETECTED: lambda: shop.sold_out(at, scarcest),
            EventType.REORDER_TRIGGERED: lambda: shop.reorder(at, scarcest),
            EventType.CUSTOMER_ENTERED: lambda: shop.entrance(at),
            EventType.BLE_PING_DETECTED: lambda: _of_type(event_type, shop.walk(at)),
            EventType.CUSTOMER_ZONE_CHANGED: lambda: _of_type(event_type, shop.walk(at)),
            EventType.TRUCK_ARRIVED: lambda: shop.truck(at, [scarcest])[0],
            EventType.TRUCK_DEPARTED: lambda: shop.departure(at),
            EventType.STORE_OPENED: lambda: shop.door(at, "opened"),
            EventType.STORE_CLOSED: lambda: shop.door(at, "closed"),
            EventType.AD_IMPRESSION: lambda: shop.impression(at, shop.campaign()),
        }
        return replace(makers[event_type](), at=at)

    def _bought(self, event_type: EventType, shop: Shop, at: datetime, campaign: str | None) -> Happening:
        if not any(shop.stock):
            shop.truck(at, range(len(shop.codes)))
        item = self._flow.chance.choice([number for number, units in enumerate(shop.stock) if units])
        self._singles += 1
        wish = (item, 1, self._flow.price(item))
        return _of_type(event_type, shop.receipt(FIRST_SINGLE + self._singles, at, [wish], campaign))

    def _event(self, what: Happening) -> StreamEvent:
        self._number += 1
        return StreamEvent(f"{self._prefix}-{self._number:09d}", what)


class Replay:
    """Events with times of their own, handed out in order: a simulated day, or dead letters."""

    def __init__(self, events: Iterator[StreamEvent]) -> None:
        """Nothing is read yet.

        Args:
            events: in the order in which to send them.
        """
        self._events = events

    def take(self, count: int, at: datetime) -> list[StreamEvent]:
        """The next events, whatever the time."""
        del at
        return list(islice(self._events, count))

    def activity(self, at: datetime) -> float:
        """Always busy: the times lie in the events."""
        del at
        return 1.0


def _of_type(event_type: EventType, happenings: Iterable[Happening]) -> Happening:
    return next(each for each in happenings if each.type == event_type)


def _busy(shop: Shop, at: datetime) -> float:
    return activity(at.astimezone(ZoneInfo(shop.location.zone)), shop.location.kind)


def _can_happen(event_type: EventType, shop: Shop, at: datetime) -> bool:
    """Whether a shop's clock lets it happen there."""
    local = at.astimezone(ZoneInfo(shop.location.zone))
    minute = local.hour * 60 + local.minute
    match event_type:
        case EventType.TRUCK_ARRIVED | EventType.TRUCK_DEPARTED | EventType.AD_IMPRESSION:
            return True
        case EventType.STORE_OPENED:
            return shop.location.kind == "store" and 0 <= minute - OPENS < DOOR_MINUTES
        case EventType.STORE_CLOSED:
            return shop.location.kind == "store" and 0 <= minute - CLOSES < DOOR_MINUTES
        case EventType.CUSTOMER_ENTERED | EventType.BLE_PING_DETECTED | EventType.CUSTOMER_ZONE_CHANGED:
            return shop.location.kind == "store" and is_open(local, shop.location.kind)
        case _:
            return is_open(local, shop.location.kind)
