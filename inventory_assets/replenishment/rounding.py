"""From a wanted quantity to one that can be ordered and sold: minimum order, pack, shelf life, maximum stock.

Minimum order and pack push up, shelf life and maximum stock cut down. Where no quantity satisfies both, nothing is
ordered and the reasons say what contradicts what: breaking a limit is a person's decision. Every change to the wanted
quantity has a reason, from a closed enumeration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from inventory_assets.replenishment.domain import BoolArray, FloatArray, checked, require, whole

Reason = Literal[
    "raised_to_minimum_order",
    "raised_to_full_packs",
    "cut_to_shelf_life",
    "cut_to_maximum_stock",
    "minimum_order_exceeds_shelf_life",
    "minimum_order_exceeds_maximum_stock",
    "pack_exceeds_shelf_life",
    "pack_exceeds_maximum_stock",
    "no_room_by_shelf_life",
    "no_room_by_maximum_stock",
]
"""Every reason why the ordered quantity is not the wanted one. The last six mean: nothing is ordered."""

REASONS: tuple[Reason, ...] = get_args(Reason)
STOPPED: tuple[Reason, ...] = REASONS[4:]
"""The reasons that leave a wanted order at 0."""

WORDS: dict[Reason, str] = {
    "raised_to_minimum_order": "raised to the supplier's minimum order",
    "raised_to_full_packs": "raised to full packs",
    "cut_to_shelf_life": "cut to what sells within its shelf life",
    "cut_to_maximum_stock": "cut to the maximum stock",
    "minimum_order_exceeds_shelf_life": "not ordered: the minimum order does not sell within its shelf life",
    "minimum_order_exceeds_maximum_stock": "not ordered: the minimum order exceeds the maximum stock",
    "pack_exceeds_shelf_life": "not ordered: one pack does not sell within its shelf life",
    "pack_exceeds_maximum_stock": "not ordered: one pack exceeds the maximum stock",
    "no_room_by_shelf_life": "not ordered: what is there and on order already lasts the shelf life",
    "no_room_by_maximum_stock": "not ordered: what is there and on order already reaches the maximum stock",
}
"""The reasons in words, for a proposal's sentence."""

_ROUNDING = 1e-9
"""Share of a pack that counts as noise of floating point, so that 12.000000001 units are one pack of 12."""


@dataclass(frozen=True, slots=True)
class Rounded:
    """Quantities that can be ordered.

    Attributes:
        quantity: whole units, a multiple of the pack; 0 where nothing is wanted or may be ordered.
        reasons: for each reason, the items it applies to.
    """

    quantity: NDArray[np.int64]
    reasons: dict[Reason, BoolArray]

    def of(self, item: int) -> tuple[Reason, ...]:
        """The reasons of one item, in the order of the enumeration."""
        return tuple(reason for reason, items in self.reasons.items() if items.reshape(-1)[item])


def round_order(
    wanted: ArrayLike,
    minimum_order: ArrayLike = 0.0,
    pack: ArrayLike = 1.0,
    *,
    position: ArrayLike = 0.0,
    shelf_life: ArrayLike = np.nan,
    day_demand: ArrayLike = 0.0,
    maximum_stock: ArrayLike = np.nan,
) -> Rounded:
    """The smallest order that covers the wanted quantity and respects minimum and pack, cut to what the limits allow.

    q = ⌈max(wanted, minimum)/pack⌉·pack; room = min(shelf life × demand a day, maximum stock) − position; where q does
    not fit, ⌊room/pack⌋·pack if that is at least the smallest order, otherwise 0.

    Args:
        wanted: units; 0 or less means that nothing is wanted. Fractions round up.
        minimum_order: whole units a supplier accepts at least, 0 or more.
        pack: whole units in a pack, 1 or more.
        position: inventory position, units: what will be sold before the new goods, first in, first out.
        shelf_life: days a unit can be sold after it arrives; nan: unlimited.
        day_demand: expected demand a day, units, 0 or more; used where there is a shelf life.
        maximum_stock: units of position allowed after the order; nan: unlimited.

    Returns:
        Quantities and reasons.

    Raises:
        InvalidInput: outside these domains.

    Source: Silver, Pyke & Thomas (2017), chapter 4; notes on van Donselaar & Broekmeulen (lot sizes, perishables).
    """
    want, least, unit, here, demand = checked(
        wanted=wanted, minimum_order=minimum_order, pack=pack, position=position, day_demand=day_demand
    )
    whole("minimum_order", least)
    whole("pack", unit)
    life, most = _limit("shelf_life", shelf_life), _limit("maximum_stock", maximum_stock)
    sold = np.where(np.isinf(life), np.inf, np.where(np.isinf(life), 0, life) * demand)
    want, least, unit, for_life, for_stock = np.broadcast_arrays(want, least, unit, sold - here, most - here)
    wanting = want > 0
    asked = np.maximum(want, least)
    full, smallest = _packs_up(asked, unit), np.maximum(_packs_up(least, unit), unit)
    fits_life, fits_stock = _packs_down(for_life, unit), _packs_down(for_stock, unit)
    fits = np.minimum(fits_life, fits_stock)
    possible = wanting & (fits >= smallest)
    whole_order = possible & (full <= fits)
    quantity = np.where(possible, np.minimum(full, fits), 0)

    def stopped(room: FloatArray, fitting: FloatArray) -> tuple[BoolArray, BoolArray, BoolArray]:
        """Where minimum order, pack, or what is there already leave no possible order under one limit."""
        no_order, full_up = wanting & (fitting < smallest), room <= 0
        return (
            no_order & ~full_up & (fitting >= unit),
            no_order & ~full_up & (fitting < unit),
            no_order & full_up,
        )

    minimum_life, pack_life, none_life = stopped(for_life, fits_life)
    minimum_stock, pack_stock, none_stock = stopped(for_stock, fits_stock)
    return Rounded(
        quantity.astype(np.int64),
        {
            "raised_to_minimum_order": whole_order & (least > want),
            "raised_to_full_packs": whole_order & (full > asked * (1 + _ROUNDING)),
            "cut_to_shelf_life": possible & (fits_life < full),
            "cut_to_maximum_stock": possible & (fits_stock < full),
            "minimum_order_exceeds_shelf_life": minimum_life,
            "minimum_order_exceeds_maximum_stock": minimum_stock,
            "pack_exceeds_shelf_life": pack_life,
            "pack_exceeds_maximum_stock": pack_stock,
            "no_room_by_shelf_life": none_life,
            "no_room_by_maximum_stock": none_stock,
        },
    )


def _limit(name: str, value: ArrayLike) -> FloatArray:
    """A limit, infinite where there is none."""
    limit = np.asarray(value, dtype=np.float64)
    require(name, "negative", ~(limit < 0))
    return np.where(np.isnan(limit), np.inf, limit)


def _packs_up(units: FloatArray, pack: FloatArray) -> FloatArray:
    return np.ceil(units / pack - _ROUNDING) * pack


def _packs_down(units: FloatArray, pack: FloatArray) -> FloatArray:
    return np.floor(units / pack + _ROUNDING) * pack
