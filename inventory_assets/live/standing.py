"""Ends transactions that hold a lock of ours and stand still: their process was stopped, or its machine hangs.

The server ends an idle transaction by itself (`idle_in_transaction_session_timeout`), but not one whose client stopped
inside a pipeline, and not one that stopped behind it: psycopg closes a pipeline with Sync and Flush, and a server that
reads Flush after Sync counts no longer. So workers and listener look for each other. Invariant: nobody is ended who
holds nothing, works, or waits for a lock; times are the server's, on both sides of the comparison.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from inventory_assets.live.locks import SPACE

if TYPE_CHECKING:
    from psycopg import Connection

LOG = logging.getLogger(__name__)
PATIENCE = 2
"""Leases a transaction may stand still; the server's own limit, where it holds, comes first."""
_END = """
SELECT application_name, state_change, pg_terminate_backend(pid)
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND wait_event = 'ClientRead'
  AND state_change < clock_timestamp() - make_interval(secs => %(seconds)s)
  AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = %(space)s)
"""


def end_standing(connection: Connection, lease_seconds: float) -> int:
    """End what holds an advisory lock of the live layer and has waited for its client for too long.

    Args:
        connection: a psycopg connection.
        lease_seconds: how long a transaction may stand still.

    Returns:
        How many were ended.
    """
    found = connection.execute(_END, {"seconds": PATIENCE * lease_seconds, "space": SPACE}).fetchall()
    for name, since, _ in found:
        LOG.warning("%s stood still in a transaction since %s and was ended; its work is done by others", name, since)
    return len(found)
