"""What a worker has to know of the items and locations of a micro-batch, read with it.

Only what the batch touches is read, by key, so that nothing is held and nothing can be stale. Where no masters were
ever published everything is known and the thresholds are the default ones. Invariant: nothing here writes or locks.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from inventory_assets.live.processor.work import Masters
from inventory_assets.stock.deciding import Known
from inventory_assets.stock.notices import DEFAULT_THRESHOLDS, Thresholds

if TYPE_CHECKING:
    from psycopg import Connection

    from inventory_assets.stock.accounts import Account, Pair

_STANDING = "SELECT knows_items, knows_locations FROM live_masters"
_ITEMS = "SELECT item, category, maximum, reorder_point FROM live_items WHERE item = ANY(%s::text[])"
_LOCATIONS = "SELECT location FROM live_locations WHERE location = ANY(%s::text[])"
_PAIRS = """
SELECT item, location, maximum, reorder_point, pack, on_order
FROM live_pairs JOIN unnest(%s::text[], %s::text[]) AS asked (item, location) USING (item, location)
"""


def read_masters(connection: Connection, pairs: Collection[Pair]) -> Masters:
    """What is known of pairs.

    Args:
        connection: in the transaction of the batch.
        pairs: every pair the batch touches.
    """
    row = connection.execute(_STANDING).fetchone()
    if row is None or not pairs:
        return Masters()
    all_items, all_locations = row
    names, places = sorted({item for item, _ in pairs}), sorted({place for _, place in pairs})
    with connection.pipeline():
        items = connection.execute(_ITEMS, (names,))
        locations = connection.execute(_LOCATIONS, (places,))
        rows = connection.execute(_PAIRS, ([item for item, _ in pairs], [place for _, place in pairs]))
        known = {item: rest for item, *rest in items.fetchall()}
        there = {location for (location,) in locations.fetchall()}
        held = {(item, location): rest for item, location, *rest in rows.fetchall()}

    def thresholds(pair: Pair) -> Thresholds:
        _, item_maximum, item_point = known.get(pair[0], (None, None, None))
        maximum, pair_point, pack, _ = held.get(pair, (None, None, DEFAULT_THRESHOLDS.pack, None))
        point = item_point if pair_point is None else pair_point
        return Thresholds(
            low=DEFAULT_THRESHOLDS.low if point is None else point,
            maximum=item_maximum if maximum is None else maximum,
            reorder_point=point,
            pack=pack,
        )

    def position(pair: Pair, account: Account) -> int | None:
        on_order = held[pair][3] if pair in held else None
        available = account.available
        return None if on_order is None or available is None else available + on_order + account.in_transit

    return Masters(
        known=Known(
            item=lambda item: item in known or not all_items,
            location=lambda location: location in there or not all_locations,
        ),
        thresholds=thresholds,
        category=lambda item: known[item][0] if item in known else None,
        position=position,
    )
