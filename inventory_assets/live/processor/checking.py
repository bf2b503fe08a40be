"""Whether the ledger is what was written: every row's hash follows from its columns and the row before it.

A row that was changed, removed or put in later breaks the chain of its pair. Reads everything; for audits and restores.
"""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from inventory_assets.live.processor.ledger_rows import chained, said_by

if TYPE_CHECKING:
    from psycopg import Connection

    from inventory_assets.stock.accounts import Pair

_ROWS = """
SELECT item, location, previous_hash, hash, part, bucket, kind, event_time, recorded_at, quantity, effect,
       resulting_book, resulting_version, actor, reason, event_id, document
FROM ledger ORDER BY item, location, resulting_version, id
"""
_HEADS = "SELECT item, location, ledger_hash FROM inventory_state"


def broken_chains(connection: Connection) -> list[Pair]:
    """Pairs whose ledger is not what was written.

    Args:
        connection: a psycopg connection; the state and the ledger are read in one snapshot.
    """
    broken: list[Pair] = []
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        heads = {(item, location): head for item, location, head in connection.execute(_HEADS)}
        with connection.cursor("chains") as rows:
            rows.execute(_ROWS)
            for pair, chain in groupby(rows, key=itemgetter(0, 1)):
                last: bytes | None = None
                whole = True
                for item, location, previous, made, part, *said in chain:
                    whole &= previous == last and made == chained(last, said_by(part, item, location, *said))
                    last = made
                if not whole or heads.pop(pair, None) != last:
                    broken.append(pair)
    return broken + [pair for pair, head in heads.items() if head is not None]
