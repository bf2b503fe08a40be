"""Every type of event, once: what it means, who sends it, what it does to stock, its versions and an example each.

Not here: reading a payload (`payloads`), its effect (`inventory_assets.stock.effects`). Types nobody declared are
welcome: they go to the generic handler, stored and never dropped.
"""

from __future__ import annotations

from collections.abc import Mapping

from inventory_assets.contracts.events.catalogue_life import NOTICES, RETAIL, SIGNALS
from inventory_assets.contracts.events.catalogue_stock import COMMANDS, FACTS
from inventory_assets.contracts.events.kinds import EventType

GROUPS: Mapping[str, tuple[EventType, ...]] = {
    "Asking for something": COMMANDS,
    "What happened to stock": FACTS,
    "Retail life (004)": RETAIL,
    "Prices, orders, sensors": SIGNALS,
    "What this service tells others": NOTICES,
}
"""Every declared type, for people."""

TYPES: Mapping[str, EventType] = {each.name: each for group in GROUPS.values() for each in group}
"""Every declared type by its name."""

RETAIL_TYPES = tuple(each.name for each in RETAIL)
"""The 15 types of 004."""

ALIASES: Mapping[str, str] = {alias: each.name for each in TYPES.values() for alias in each.aliases}
"""Declared name of each other name."""


def canonical(name: str) -> str:
    """Declared name of a type, the name itself where nobody declared it."""
    return ALIASES.get(name, name)
