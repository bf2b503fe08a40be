"""The retailer: locations, suppliers, items, prices. Drawn once from the seed; nothing here knows of days passing.

Locations are numbered stores first, then the online channel, then warehouses. All zones lie between UTC−8 and UTC+11,
so that 08:30–12:30 UTC is the same calendar day everywhere: transfers happen then, and both ends agree on their day.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from inventory_assets.simulator.config import HistoryConfig

STORE_ZONES = (
    "America/New_York",
    "Europe/London",
    "America/Los_Angeles",
    "Australia/Sydney",
    "America/Chicago",
    "Europe/Berlin",
)
CITIES = ("New York", "London", "Los Angeles", "Sydney", "Chicago", "Köln")
REGIONS = ("Americas", "Europe", "Americas", "Asia Pacific", "Americas", "Europe")
STORE_SHAPES = ("csv", "jsonl", "parquet", "avro", "csv-bare", "jsonl")
WAREHOUSE_ZONES = ("America/Chicago", "Europe/Berlin")
CATEGORIES = ("Kitchen", "Garden", "Toys", "Stationery", "Café", "Lighting", "Textiles", "Sports")
BRANDS = ("Northwind", "Álamo", "Kestrel", "Brightside", "Ode & Son", "Lumière")
NOUNS = ("Mug", "Lamp", "Puzzle", "Notebook", "Basket", "Lantern", "Towel", "Ball", "Planter", "Candle")
PRICE_CHANGE_SHARE = 0.15
COUNTRIES = ("US", "CN", "DE", "GB", "VN", "PT", "IN", "MX")


@dataclass(frozen=True, slots=True)
class Location:
    """A place with stock; `shape` is how it publishes receipts ("csv-bare" sends no line numbers)."""

    code: str
    name: str
    kind: str
    zone: str
    region: str
    authority: str
    shape: str
    served_by: int


@dataclass(frozen=True, slots=True)
class Supplier:
    """A supplier and the distribution of its lead time, in days."""

    code: str
    name: str
    country: str
    agreed_days: int
    distribution: str
    mean_days: float
    deviation_days: float

    def lead_days(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
        """Whole days from order to delivery, at least 1, drawn from the supplier's distribution."""
        mean, deviation = self.mean_days, self.deviation_days
        if self.distribution == "gamma":
            shape = (mean / deviation) ** 2
            days = rng.gamma(shape, mean / shape, size)
        else:
            sigma = np.sqrt(np.log1p((deviation / mean) ** 2))
            days = rng.lognormal(np.log(mean) - sigma**2 / 2, sigma, size)
        return np.clip(np.ceil(days), 1, None).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Items:
    """Items as columns; prices and costs in cents."""

    codes: np.ndarray
    names: np.ndarray
    category: np.ndarray
    brand: np.ndarray
    supplier: np.ndarray
    cents: np.ndarray
    cost_cents: np.ndarray
    intermittent: np.ndarray
    new_cents: np.ndarray
    new_price_day: np.ndarray
    created_days_before: np.ndarray


@dataclass(frozen=True, slots=True)
class World:
    """Everything that exists before the first day."""

    locations: tuple[Location, ...]
    suppliers: tuple[Supplier, ...]
    items: Items

    @property
    def selling(self) -> int:
        """Number of locations with a till: the first ones."""
        return sum(location.kind != "warehouse" for location in self.locations)

    @property
    def codes(self) -> np.ndarray:
        """Location codes by number."""
        return np.array([location.code for location in self.locations])


def build_world(config: HistoryConfig, rng: np.random.Generator) -> World:
    """Draw the retailer."""
    selling = config.stores + config.online
    locations = []
    for number in range(config.stores):
        turn = number % len(STORE_ZONES)
        name = CITIES[turn] + (f" {number // len(CITIES) + 1}" if number >= len(CITIES) else "")
        locations.append(
            Location(
                f"S{number + 1:03d}",
                name,
                "store",
                STORE_ZONES[turn],
                REGIONS[turn],
                "ledger",
                STORE_SHAPES[turn],
                selling + turn % min(config.warehouses, 2),
            )
        )
    if config.online:
        locations.append(Location("WEB01", "Online", "online", "UTC", "Global", "ledger", "avro", selling))
    for number in range(config.warehouses):
        turn = number % len(WAREHOUSE_ZONES)
        wms = config.wms_authority and number == config.warehouses - 1
        locations.append(
            Location(
                f"WH{number + 1:02d}",
                f"Warehouse {number + 1}",
                "warehouse",
                WAREHOUSE_ZONES[turn],
                ("Americas", "Europe")[turn],
                "wms" if wms else "ledger",
                "",
                -1,
            )
        )
    suppliers = []
    for number in range(max(3, min(8, config.items // 10))):
        agreed = int(rng.integers(4, 15))
        mean = agreed * float(rng.uniform(0.8, 1.25))
        suppliers.append(
            Supplier(
                f"SUP-{number + 1:03d}",
                f"Supplier {number + 1} Ltd",
                COUNTRIES[number % len(COUNTRIES)],
                agreed,
                ("gamma", "lognormal")[number % 2],
                mean,
                mean * float(rng.uniform(0.15, 0.5)),
            )
        )
    return World(tuple(locations), tuple(suppliers), _items(config, rng, len(suppliers)))


def _items(config: HistoryConfig, rng: np.random.Generator, suppliers: int) -> Items:
    n = config.items
    letters = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"))
    codes: dict[str, None] = {}
    while len(codes) < n:
        codes["PROD-" + "".join(letters[rng.integers(0, letters.size, 6)])] = None
    category = np.array(CATEGORIES)[rng.integers(0, len(CATEGORIES), n)]
    brand = np.array(BRANDS)[rng.integers(0, len(BRANDS), n)]
    noun = np.array(NOUNS)[rng.integers(0, len(NOUNS), n)]
    cents = np.round(rng.lognormal(7.2, 0.7, n)).astype(np.int64) // 10 * 10 + 99
    changes = rng.random(n) < PRICE_CHANGE_SHARE
    changes[0] = True
    price_day = np.where(changes, rng.integers(1, max(2, config.days), n), config.days + 1)
    return Items(
        codes=np.array(list(codes)),
        names=np.array([f"{b} {k} {i + 1}" for i, (b, k) in enumerate(zip(brand, noun, strict=True))]),
        category=category,
        brand=brand,
        supplier=rng.integers(0, suppliers, n),
        cents=cents,
        cost_cents=np.round(cents * rng.uniform(0.4, 0.7, n)).astype(np.int64),
        intermittent=rng.random(n) < config.intermittent_share,
        new_cents=np.round(cents * rng.uniform(1.03, 1.15, n)).astype(np.int64),
        new_price_day=price_day,
        created_days_before=rng.integers(30, 300, n),
    )


def list_cents(items: Items, days: int) -> np.ndarray:
    """List price in cents by day and item."""
    day = np.arange(days)[:, None]
    return np.where(day >= items.new_price_day[None, :], items.new_cents[None, :], items.cents[None, :])
