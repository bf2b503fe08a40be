"""Promotions that people named, against demand: what is usual, and by how much the days ahead are raised.

Items belong to categories and suppliers as of today. Without a promotion on any day that is looked at there is nothing
here to be found, and forecasts are what they would be without this module.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
import polars as pl

from inventory_assets.contracts.silver import PRODUCTS
from inventory_assets.forecast.locations import totals
from inventory_assets.forecast.promotions import taken_apart
from inventory_assets.pipeline.demand import Demand
from inventory_assets.pipeline.replenishment import current
from inventory_assets.replenishment.promotions import Promoted, promoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from inventory_assets.forecast.issue import Issued
    from inventory_assets.lakehouse.lake import Lake

    FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Promotions:
    """Promotions of a demand.

    Attributes:
        usual: demand with promoted days missing.
        flat: demand with promoted days as they would have been without.
        ahead: whether a day ahead is promoted, shape (pairs, days ahead).
        lift: factor of each day ahead, same shape.
        factor: factor of each kind of promotion, the first of none.
    """

    usual: Demand
    flat: Demand
    ahead: NDArray[np.bool_]
    lift: FloatArray
    factor: FloatArray

    def raised(self, issued: Issued) -> Issued:
        """The forecast of the pairs with its promotions."""
        return replace(issued, mean=issued.mean * self.lift[:, : issued.mean.shape[1]], plain=issued.mean)


def promotions_of(demand: Demand, members: pl.DataFrame, settings: pl.DataFrame, ahead: int) -> Promotions | None:
    """Promotions that people named, told apart from usual demand; None where none is known.

    Args:
        demand: what is known.
        members: product_sku with category and supplier_id, as `members_of` gives them.
        settings: rows of `replenishment.promotions.settings_of`.
        ahead: days ahead.
    """
    pairs = demand.pairs
    if settings.is_empty():
        return None
    keyed = pairs.keys.join(members, on="product_sku", how="left", maintain_order="left")
    found = promoted(settings, keyed, pairs.first_day, pairs.days + ahead)
    return None if found is None else told_apart(demand, found)


def told_apart(demand: Demand, found: Promoted) -> Promotions:
    """Take promotions out of demand and learn what they do.

    Args:
        demand: what is known.
        found: promotions of its pairs, of the days known and of those ahead.
    """
    pairs = demand.pairs
    effect = taken_apart(pairs.units, found.kind[:, : pairs.days], len(found.names))
    coming = found.kind[:, pairs.days :]
    return Promotions(
        _with(demand, effect.usual), _with(demand, effect.flat), coming > 0, effect.lift(coming), effect.factor,
    )  # fmt: skip


def members_of(lake: Lake, pins: Mapping[str, int]) -> pl.DataFrame:
    """Category and supplier of each item."""
    items = current(lake, PRODUCTS, pins).select("product_sku", "category", "supplier_id")
    return items.unique("product_sku", keep="last", maintain_order=True)


def promotions_checksum(settings: pl.DataFrame) -> int:
    """A number that changes when a promotion is set or cancelled."""
    return crc32(settings.select("parameter_id").write_csv().encode())


def _with(demand: Demand, units: FloatArray) -> Demand:
    """The demand with other units."""
    items = replace(demand.items, units=totals(units, demand.item))
    return replace(demand, pairs=replace(demand.pairs, units=units), items=items)
