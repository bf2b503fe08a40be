"""Sharing what is there: fair shares of a short stock, and what a location can give without going short itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from inventory_assets.replenishment.domain import require


def fair_shares(available: int, needs: ArrayLike, pack: int = 1) -> NDArray[np.int64]:
    """Split a stock over needs: all of them where it suffices, else everybody the same share of its need.

    Shares are whole packs, by the largest remainder; among equal remainders the earlier need comes first. A need that
    is no whole number of packs gets the last pack too where there is enough for all.

    Args:
        available: units, 0 or more.
        needs: units, 0 or more, shape (takers,).
        pack: units of a pack.

    Returns:
        Units for each taker: never more than available together, never more than its need in full packs.

    Source: Silver, Pyke & Thomas (2017), section 11.4 (allocation by equal shares); largest remainder after Hamilton.
    """
    wanted = np.asarray(needs, dtype=np.int64)
    require("needs", "negative", wanted >= 0)
    require("available", "negative", np.asarray(available >= 0))
    require("pack", "not_positive", np.asarray(pack > 0))
    packs, there = -(-wanted // pack), available // pack
    total = int(packs.sum())
    if total <= there:
        return packs * pack
    exact = packs * there  # in parts of `total`, so that nothing is rounded
    shares, rest = exact // total, exact % total
    left = there - int(shares.sum())
    shares[np.argsort(-rest, kind="stable")[:left]] += 1
    return shares * pack


@dataclass(frozen=True, slots=True)
class Place:
    """A location as a giver or taker of one item.

    Attributes:
        location_id: which.
        free: units that lie there and are promised to nobody.
        position: inventory position.
        reorder_point: of its policy.
        order_up_to: of its policy.
        is_warehouse: warehouses give down to their reorder point, others only what lies above their level.
    """

    location_id: str
    free: int
    position: int
    reorder_point: int
    order_up_to: int
    is_warehouse: bool

    @property
    def surplus(self) -> int:
        """Units it can give; afterwards its position is not below its own reorder point."""
        kept = self.reorder_point if self.is_warehouse else max(self.order_up_to, self.reorder_point)
        return max(0, min(self.free, self.position - kept))


def transfers(givers: list[Place], needs: dict[str, int], pack: int = 1) -> list[tuple[str, str, int]]:
    """Who gives how much to whom: warehouses first, then the largest surplus; each shares fairly.

    Args:
        givers: places that may give; those that need something themselves are left out.
        needs: units by location.
        pack: units that move together.

    Returns:
        Giver, taker, units; units above 0.
    """
    open_needs = {place: need for place, need in sorted(needs.items()) if need > 0}
    moves: list[tuple[str, str, int]] = []
    able = [giver for giver in givers if giver.surplus > 0 and giver.location_id not in open_needs]
    for giver in sorted(able, key=lambda each: (not each.is_warehouse, -each.surplus, each.location_id)):
        takers = [place for place, need in open_needs.items() if need >= pack]
        if not takers:
            break
        # whole packs below the need: the last, broken pack is bought with what else is missing
        whole = [open_needs[place] // pack * pack for place in takers]
        for place, units in zip(takers, fair_shares(giver.surplus, whole, pack).tolist(), strict=True):
            if units:
                moves.append((giver.location_id, place, units))
                open_needs[place] -= units
    return moves
