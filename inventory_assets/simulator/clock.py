"""Local time at a location to UTC, for whole columns. Records are written between 00:30 and 23:59, away from gaps."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from inventory_assets.simulator.world import World

EPOCH = date(1970, 1, 1)
INSTANT = pl.Datetime("us", "UTC")


def utc(world: World, start: date, location: np.ndarray, day: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Microseconds since 1970 UTC of a local second of a business day.

    Args:
        world: gives each location's zone.
        start: business day 0.
        location: location numbers.
        day: business day numbers.
        second: second of the local day.
    """
    naive = (((start - EPOCH).days + day.astype(np.int64)) * 86_400 + second.astype(np.int64)) * 1_000_000
    result = np.empty(naive.size, dtype=np.int64)
    for number in np.unique(location):
        mask = location == number
        local = pl.Series(naive[mask]).cast(pl.Datetime("us"))
        zoned = local.dt.replace_time_zone(world.locations[int(number)].zone, ambiguous="earliest")
        result[mask] = zoned.dt.convert_time_zone("UTC").to_physical().to_numpy()
    return result


def local_day(world: World, start: date, location: np.ndarray, micros: np.ndarray) -> np.ndarray:
    """Business day number of an instant at a location."""
    result = np.empty(micros.size, dtype=np.int64)
    for number in np.unique(location):
        mask = location == number
        zoned = pl.Series(micros[mask]).cast(INSTANT).dt.convert_time_zone(world.locations[int(number)].zone)
        result[mask] = zoned.dt.date().to_physical().to_numpy() - (start - EPOCH).days
    return result
