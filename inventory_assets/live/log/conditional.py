"""Appends an event only if the stock it was decided on is still what it was: `If-Match` of an adjustment.

The append lock is held while version and queue are read in one statement. No event can come in meanwhile, and one that
is applied leaves the queue in the transaction that raises the version, so one snapshot sees it on one side or the
other. Invariant: of two events with the same expected version one is stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from inventory_assets.live.database.driver import driver_of, milliseconds, set_parameters
from inventory_assets.live.locks import APPEND, SPACE, TAKE
from inventory_assets.live.log.appending import Outcome, append_within, prepared_group
from inventory_assets.live.log.entries import Entry

if TYPE_CHECKING:
    from psycopg import Connection
    from sqlalchemy import Engine

LOOK_SECONDS = 2.0
"""How long a look at what waits may take, as nobody appends meanwhile; a longer one ends the attempt."""
_STANDING = """
SELECT (SELECT version FROM inventory_state WHERE item = %(item)s AND location = %(location)s),
       EXISTS (
           SELECT 1 FROM event_queue AS w JOIN event_log AS l USING (sequence)
           WHERE l.items @> ARRAY[%(item)s::text]
       ),
       EXISTS (SELECT 1 FROM event_ids WHERE source = %(source)s AND event_id = %(event_id)s)
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands in the way of a conditional event.

    Attributes:
        version: version of the pair; 0 where nothing is known of it.
        waiting: whether events of the item wait, so that the version is about to change.
    """

    version: int
    waiting: bool


def append_if(
    engine: Engine, entry: Entry, pair: tuple[str, str], expected: int, wait_seconds: float = 5.0
) -> Outcome | Standing:
    """Append an event if its pair has the expected version and nothing of its item waits; a repeat is told as such.

    Args:
        engine: the database.
        entry: the event.
        pair: item and location.
        expected: version the event was decided on.
        wait_seconds: how long other appenders may be waited for.

    Returns:
        What became of it, or what stands in the way; then nothing was stored.
    """
    ready, refused = prepared_group([entry])
    if refused:
        return refused[0]
    asked = {"item": pair[0], "location": pair[1], "source": entry.source, "event_id": entry.event_id}
    with engine.connect() as connection:
        driver = driver_of(connection)
        with driver.transaction():
            limits = {"lock_timeout": milliseconds(wait_seconds), "statement_timeout": milliseconds(LOOK_SECONDS)}
            set_parameters(driver, limits, within=True)
            early = _in_the_way(driver, asked, expected)  # most are sent away without having stopped anybody
            if early is not None:
                return early
            driver.execute(TAKE, (SPACE, APPEND))
            return _in_the_way(driver, asked, expected) or append_within(driver, ready)[0]


def _in_the_way(connection: Connection, asked: dict[str, str], expected: int) -> Standing | None:
    row = connection.execute(_STANDING, asked).fetchone()
    version, waiting, taken = row or (None, False, False)
    found = Standing(version or 0, waiting)
    return found if not taken and (found.waiting or found.version != expected) else None
