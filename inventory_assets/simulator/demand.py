"""What customers want to buy: receipt lines by day, store and item, before stock limits them.

Demand = base × trend × week × season × holidays × promotions; the number of lines is negative binomial (a Poisson whose
mean is gamma distributed). Intermittent items are asked for on few days, then in number.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from inventory_assets.simulator.world import World, list_cents

if TYPE_CHECKING:
    from inventory_assets.simulator.config import HistoryConfig

HOLIDAYS = ((1, 1), (2, 14), (5, 1), (7, 4), (10, 31), (11, 11), (12, 24), (12, 25), (12, 26), (12, 31))
WEEK = np.array([0.85, 0.85, 0.9, 0.95, 1.15, 1.35, 0.95])
HOURS = np.arange(9, 22)
HOUR_WEIGHTS = np.array([3, 4, 6, 9, 8, 7, 7, 8, 10, 11, 8, 5, 3]) / 89
PROMOTION_DAYS = 7
PROMOTION_LIFT = 2.0
DISPERSION = 6.0
OCCASION_RATE = 0.08
NEW_RECEIPT_SHARE = 0.45


@dataclass(frozen=True, slots=True)
class Lines:
    """Wished-for receipt lines as columns, sorted by day, location, second; `receipt` numbers the baskets."""

    day: np.ndarray
    location: np.ndarray
    item: np.ndarray
    second: np.ndarray
    receipt: np.ndarray
    units: np.ndarray
    cents: np.ndarray

    def take(self, rows: np.ndarray) -> Lines:
        """The lines at these positions (or under this mask)."""
        return Lines(*(getattr(self, name)[rows] for name in self.__slots__))


def holidays(config: HistoryConfig) -> list[date]:
    """Holidays of the years the history touches, and of the following one."""
    return [date(year, *md) for year in range(config.start.year, config.last_day.year + 2) for md in HOLIDAYS]


def expected_lines(config: HistoryConfig, world: World, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Mean number of lines by day × selling location × item, and where a promotion runs by day × item."""
    days, stores, items = config.days, world.selling, config.items
    size = rng.uniform(0.7, 1.3, stores)
    popularity = rng.lognormal(0, 0.8, items)[None, :] * rng.lognormal(0, 0.3, (stores, items))
    base = popularity / popularity.sum(axis=1, keepdims=True) * (size / size.mean())[:, None]
    base *= config.lines_per_store_day
    calendar = [config.day(index) for index in range(days)]
    number = np.arange(days)
    trend = 1 + rng.normal(0.05, 0.2, items)[None, :] * number[:, None] / 365
    weekday = np.array([day.weekday() for day in calendar])
    week = WEEK[weekday][:, None] ** rng.uniform(0.5, 1.5, stores)[None, :]
    year_day = np.array([day.timetuple().tm_yday for day in calendar])
    season = 1 + rng.uniform(0, 0.3, items)[None, :] * np.sin(
        2 * np.pi * (year_day[:, None] - rng.integers(0, 365, items)[None, :]) / 365
    )
    free = set(holidays(config))
    holiday = np.array(
        [0.6 if day in free else 1.5 if config.day(index + 1) in free else 1.0 for index, day in enumerate(calendar)]
    )
    promoted = np.zeros((days, items), dtype=bool)
    for item, first in zip(
        rng.integers(0, items, max(1, items // 6)), rng.integers(0, days, max(1, items // 6)), strict=True
    ):
        promoted[first : first + PROMOTION_DAYS, item] = True
    by_item = np.clip(trend, 0.2, None) * season * np.where(promoted, PROMOTION_LIFT, 1.0)
    return base[None] * by_item[:, None, :] * (week * holiday[:, None])[:, :, None], promoted


def draw_lines(config: HistoryConfig, world: World, rng: np.random.Generator) -> tuple[Lines, np.ndarray]:
    """Wished-for lines, and the mean units a day by selling location × item that replenishment plans with."""
    mean, promoted = expected_lines(config, world, rng)
    occasion = rng.random(mean.shape) < OCCASION_RATE
    actual = mean * np.where(world.items.intermittent, occasion / OCCASION_RATE, 1.0)
    number = rng.poisson(actual * rng.gamma(DISPERSION, 1 / DISPERSION, mean.shape))
    day, location, item = (np.repeat(index, number.ravel()) for index in map(np.ravel, np.indices(mean.shape)))
    second = rng.choice(HOURS, day.size, p=HOUR_WEIGHTS) * 3600 + rng.integers(0, 3600, day.size)
    order = np.lexsort((second, location, day))
    day, location, item, second = day[order], location[order], item[order], second[order]
    opens = rng.random(day.size) < NEW_RECEIPT_SHARE
    opens[1:] |= (day[1:] != day[:-1]) | (location[1:] != location[:-1])
    opens[:1] = True
    receipt = np.cumsum(opens) - 1
    units = rng.geometric(0.7, day.size)
    cents = list_cents(world.items, config.days)[day, item]
    cents = np.where(promoted[day, item], np.round(cents * 0.8).astype(np.int64), cents)
    cents = np.where(rng.random(day.size) < config.given_away_share, 0, cents)
    lines = Lines(day, location, item, second[np.flatnonzero(opens)][receipt], receipt, units, cents)
    return lines, mean.mean(axis=0) / 0.7
