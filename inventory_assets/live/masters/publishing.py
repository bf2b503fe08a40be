"""Masters published to the live database: replaced as a whole, in one transaction, under a new version.

Rows that did not change are not written, as a table rewritten with every refresh would be vacuumed all day. A rule is
added only where what counts has changed, and holds behind the position the log has then: it is read and written under
the lock of the log, so that no event is appended between. Invariant: a worker that sees an event sees its rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from inventory_assets.live.database.driver import driver_of
from inventory_assets.live.locks import APPEND, SPACE, TAKE
from inventory_assets.live.masters.rules import EVERYTHING_COUNTS, Rule

if TYPE_CHECKING:
    from sqlalchemy import Engine

ITEMS = ("item", "category", "maximum", "reorder_point")
LOCATIONS = ("location", "stock_authority")
PAIRS = ("item", "location", "maximum", "reorder_point", "pack", "on_order", "receipts", "unknown_reason")
_KEYS = {"live_items": ("item",), "live_locations": ("location",), "live_pairs": ("item", "location")}
_INPUTS = "SELECT inputs FROM live_masters"
_ALONE = "LOCK TABLE live_masters IN SHARE ROW EXCLUSIVE MODE"
_RULE = "SELECT rule FROM live_rules ORDER BY version DESC LIMIT 1"
_ADD = """
INSERT INTO live_rules (version, after_sequence, published_at, rule)
SELECT (SELECT coalesce(max(version), 0) + 1 FROM live_rules), coalesce(max(sequence), 0), %s, %s FROM event_log
"""
_REPLACE = """
WITH last AS (DELETE FROM live_masters RETURNING version)
INSERT INTO live_masters (version, published_at, knows_items, knows_locations, inputs)
SELECT coalesce((SELECT max(version) FROM last), 0) + 1, %s, %s, %s, %s RETURNING version
"""


@dataclass(frozen=True, slots=True)
class Published:
    """Everything the lake knows.

    Attributes:
        inputs: what it was made from, as a text to compare.
        rule: what counts.
        items: rows of `ITEMS`.
        locations: rows of `LOCATIONS`.
        pairs: rows of `PAIRS`.
    """

    inputs: str
    rule: Rule
    items: Sequence[tuple]
    locations: Sequence[tuple]
    pairs: Sequence[tuple]


def published_inputs(engine: Engine) -> str | None:
    """What the masters were made from; None where none were published."""
    from sqlalchemy import text

    with engine.connect() as connection:
        return connection.execute(text(_INPUTS)).scalar()


def publish(engine: Engine, found: Published, now: datetime) -> int:
    """Replace the masters; returns their version.

    Args:
        engine: the live database.
        found: the masters.
        now: the time.
    """
    with engine.begin() as outer, driver_of(outer).cursor() as cursor:
        cursor.execute(_ALONE)
        for table, columns, rows in (
            ("live_items", ITEMS, found.items),
            ("live_locations", LOCATIONS, found.locations),
            ("live_pairs", PAIRS, found.pairs),
        ):
            _replace(cursor, table, columns, rows)
        cursor.execute(_REPLACE, (now, bool(found.items), bool(found.locations), found.inputs))
        ((version,),) = cursor.fetchall()
        cursor.execute(_RULE)
        last = cursor.fetchone()
        if found.rule.text() != (EVERYTHING_COUNTS.text() if last is None else last[0]):
            cursor.execute(TAKE, (SPACE, APPEND))
            cursor.execute(_ADD, (now, found.rule.text()))
    return version


def _replace(cursor, table: str, columns: Sequence[str], rows: Iterable[tuple]) -> None:  # noqa: ANN001 - psycopg's
    """Make a table hold exactly these rows."""
    key = _KEYS[table]
    same = " AND ".join(f"new.{name} = {table}.{name}" for name in key)
    named, rest = ", ".join(columns), [name for name in columns if name not in key]
    cursor.execute(f"CREATE TEMP TABLE new_{table} (LIKE {table}) ON COMMIT DROP")
    with cursor.copy(f"COPY new_{table} ({named}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
    cursor.execute(f"DELETE FROM {table} WHERE NOT EXISTS (SELECT FROM new_{table} AS new WHERE {same})")  # noqa: S608 - names of ours
    cursor.execute(
        f"INSERT INTO {table} ({named}) SELECT {named} FROM new_{table}"  # noqa: S608 - names of ours
        f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in rest)}"
        f" WHERE ({', '.join(f'{table}.{name}' for name in rest)})"
        f" IS DISTINCT FROM ({', '.join(f'excluded.{name}' for name in rest)})"
    )
