"""Every advisory lock of the live layer: two keys, the first says that it is ours, the second what it protects.

Order in which one transaction takes them, so that no two wait for each other: lanes, then rows of the state, then the
log, last before the commit. All of them end with the transaction, so a pooled connection never carries one on.
"""

from __future__ import annotations

SPACE = 1_229_870_660
MIGRATION = 1
APPEND = 2
_FIRST_LANE = 1_000


def lane_key(lane: int) -> int:
    """Second key of the lock of a lane."""
    return _FIRST_LANE + lane
