"""Reads the outbox by id, and remembers where each consumer stands.

Ids are drawn under the append lock, so their order is the order of commits: a reader that goes on after the last id it
saw skips nothing. Invariant: a position only moves with what was done for the rows before it, in the same transaction;
after a crash a row may come again, none is left out.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from inventory_assets.contracts.events.wire import loads
from inventory_assets.live.database.driver import connect

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select

CHANNEL = "inventory_outbox"
"""Channel of the notice every commit with rows of the outbox sends."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the outbox.

    Attributes:
        id: its place.
        sequence: the event it belongs to, where there is one.
        type: type of the event.
        item: item it is about.
        location: location it is about.
        created_at: when it was written.
        data: the event as a CloudEvent in structured mode, numbers exact.
    """

    id: int
    sequence: int | None
    type: str
    item: str | None
    location: str | None
    created_at: datetime
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a consumer wants; None for everything.

    Attributes:
        types: types of events.
        items: items; events about none are left out where items are named.
        locations: locations; the same.
    """

    types: Collection[str] | None = None
    items: Collection[str] | None = None
    locations: Collection[str] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Rows a consumer wants, and up to where it has seen the outbox with them.

    Attributes:
        rows: in order.
        seen: position once all of them are done: beyond the last row where what follows is not wanted.
    """

    rows: tuple[Row, ...]
    seen: int


def head(connection: Connection) -> int:
    """The last id there is; 0 before the first."""
    from sqlalchemy import func, select

    from inventory_assets.live.tables import OUTBOX

    return connection.execute(select(func.coalesce(func.max(OUTBOX.c.id), 0))).scalar_one()


def page(connection: Connection, after: int, wanted: Wanted, most: int) -> Page:
    """Rows after an id.

    Args:
        connection: the database; one snapshot is enough.
        after: id of the last row that was done.
        wanted: which rows.
        most: rows at most.
    """
    from inventory_assets.live.tables import OUTBOX

    last = head(connection)
    query = _rows().where(OUTBOX.c.id > after, OUTBOX.c.id <= last)
    for column, values in ((OUTBOX.c.type, wanted.types), (OUTBOX.c.item, wanted.items)):
        if values is not None:
            query = query.where(column.in_(list(values)))
    if wanted.locations is not None:
        query = query.where(OUTBOX.c.location.in_(list(wanted.locations)))
    found = connection.execute(query.order_by(OUTBOX.c.id).limit(most))
    rows = tuple(_row(row) for row in found)
    return Page(rows, rows[-1].id if len(rows) == most else max(last, after))


def row_of(connection: Connection, row_id: int) -> Row | None:
    """One row, or None where it is gone."""
    from inventory_assets.live.tables import OUTBOX

    found = connection.execute(_rows().where(OUTBOX.c.id == row_id)).one_or_none()
    return _row(found) if found is not None else None


def position(connection: Connection, consumer: str) -> int | None:
    """Id up to which a consumer is done; None for one that never said."""
    from sqlalchemy import select

    from inventory_assets.live.tables import OUTBOX_POSITIONS

    query = select(OUTBOX_POSITIONS.c.position).where(OUTBOX_POSITIONS.c.consumer == consumer)
    return connection.execute(query).scalar_one_or_none()


def advance(connection: Connection, consumer: str, to: int, now: datetime) -> None:
    """Note that a consumer is done up to an id; with what it did, in one transaction of the caller.

    Args:
        connection: a connection in a transaction.
        consumer: its name.
        to: the id.
        now: the time.
    """
    from sqlalchemy.dialects.postgresql import insert

    from inventory_assets.live.tables import OUTBOX_POSITIONS

    statement = insert(OUTBOX_POSITIONS).values(consumer=consumer, position=to, updated_at=now)
    changed = {"position": statement.excluded.position, "updated_at": statement.excluded.updated_at}
    connection.execute(statement.on_conflict_do_update(index_elements=["consumer"], set_=changed))


def forget(connection: Connection, consumer: str) -> None:
    """Remove a consumer."""
    from sqlalchemy import delete

    from inventory_assets.live.tables import OUTBOX_POSITIONS

    connection.execute(delete(OUTBOX_POSITIONS).where(OUTBOX_POSITIONS.c.consumer == consumer))


def least_position(connection: Connection) -> int | None:
    """Id up to which every consumer is done: rows up to it may be removed. None where nobody reads."""
    from sqlalchemy import func, select

    from inventory_assets.live.tables import OUTBOX_POSITIONS

    return connection.execute(select(func.min(OUTBOX_POSITIONS.c.position))).scalar_one()


def _rows() -> Select:
    """All columns; the event as text, because the driver would make its numbers floats."""
    from sqlalchemy import Text, cast, select

    from inventory_assets.live.tables import OUTBOX

    return select(*(OUTBOX.c[name] for name in Row.__slots__ if name != "data"), cast(OUTBOX.c.data, Text))


def _row(found: Sequence[Any]) -> Row:
    *columns, data = found
    return Row(*columns, data=loads(data))  # type: ignore[arg-type]


class Ear:
    """Listens for new rows; a lost notice costs one wait."""

    def __init__(self, url: str) -> None:
        """Connect and listen.

        Args:
            url: the database, as libpq takes it.
        """
        self._connection = connect(url, "inventory outbox")
        self._connection.execute(f"LISTEN {CHANNEL}")

    def wait(self, seconds: float) -> bool:
        """Wait until something was told, at most so long; whether it was.

        Raises:
            psycopg.OperationalError: the connection is gone.
        """
        return any(True for _ in self._connection.notifies(timeout=seconds, stop_after=1))

    def close(self) -> None:
        """Stop listening."""
        self._connection.close()
