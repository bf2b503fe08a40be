"""Every advisory lock of the live layer: two keys, the first says that it is ours, the second what it protects.

Order in which one transaction takes them, so that no two wait for each other: lanes, then names (ascending), then rows
of the state (by item, location), then the log, then the audit log, last before the commit. All end with it, so a
pooled connection never carries one on.
"""

from __future__ import annotations

import zlib

SPACE = 1_229_870_660
NAMES = SPACE + 1
"""First key of the locks of names: reservations and transaction numbers, which no row stands for before they are."""
TAKE = "SELECT pg_advisory_xact_lock(%s, %s)"
"""Waits for a lock, by both of its keys, and holds it until the transaction ends."""
MIGRATION = 1
APPEND = 2
AUDIT = 3
REPLAY = 4
"""Of replays: alone in its transaction, beside no other lock."""
_FIRST_LANE = 1_000


def lane_key(lane: int) -> int:
    """Second key of the lock of a lane."""
    return _FIRST_LANE + lane


def name_key(kind: str, *name: str) -> int:
    """Second key of the lock of a name. Two names of one key wait for each other without need, no more.

    Args:
        kind: what it names.
        name: its parts.
    """
    return zlib.crc32("\n".join((kind, *name)).encode()) - 2**31
