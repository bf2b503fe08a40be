"""Stock of one item at one location, one effect at a time: the book by `rules`, promises and goods under way as sums.

Not here: which effects an event has (`effects`), the same over frames (`effect_frames`), refusing commands
(`deciding`). Every effect is applied once; who calls leaves out events that were applied before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from inventory_assets.contracts.values import Value
from inventory_assets.stock import rules
from inventory_assets.stock.effects import Effect

Pair = tuple[str, str]
"""Item and location."""


class Account(Value, frozen=True):
    """What is known of one item at one location.

    Attributes:
        stock: the book and its unavailable part.
        reserved: units promised.
        in_transit: units under way to it.
        version: number of effects applied.
    """

    stock: rules.Stock = rules.Stock()
    reserved: int = 0
    in_transit: int = 0
    version: int = 0

    @property
    def on_hand(self) -> int | None:
        """Units that are there; None while unknown."""
        return None if self.stock.book is None else max(0, self.stock.book)

    @property
    def shortfall(self) -> int | None:
        """Units that left without having been on record; None while unknown."""
        return None if self.stock.book is None else max(0, -self.stock.book)

    @property
    def available(self) -> int | None:
        """On hand that is neither promised nor unavailable; negative when oversold, None while unknown."""
        if self.on_hand is None or self.stock.unavailable is None:
            return None
        return self.on_hand - self.reserved - self.stock.unavailable


def apply_effect(account: Account, effect: Effect, net_after: Callable[[rules.Count], int] | None = None) -> Account:
    """The account after one more effect, whenever it happened.

    Args:
        account: the account of the effect's pair.
        effect: the effect, not applied before.
        net_after: see `rules.apply`.

    Raises:
        LateCountError: `net_after` is needed and was not given.
    """
    event = as_rule(effect)
    return Account(
        account.stock if event is None else rules.apply(account.stock, event, net_after),
        account.reserved + effect.reserved,
        account.in_transit + effect.in_transit,
        account.version + 1,
    )


def as_rule(effect: Effect) -> rules.Movement | rules.Count | None:
    """The effect as the rules of the book take it; None where it leaves the book alone."""
    if effect.is_count:
        return rules.Count(effect.at, effect.quantity, cast(rules.Kind, effect.kind), effect.source, effect.document)
    if effect.is_movement:
        return rules.Movement(effect.at, effect.quantity, effect.unavailable)
    return None
