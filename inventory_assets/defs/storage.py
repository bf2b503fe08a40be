"""Dagster's SQLite storage with one event log file, written in batches; `dagster.yaml` names it.

Dagster's own keeps a file a run, mirrors asset events into a second one, and makes a new engine for every statement,
so that SQLAlchemy compiles each anew: 23 ms of processor time and 7 kB an event. A backfill of a year writes thousands
of events. This one keeps the engine, does not mirror, and writes the events of a step in one transaction. Tables and
their meaning are Dagster's; nothing here decides what is stored.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from dagster._core.events import ASSET_CHECK_EVENTS, ASSET_EVENTS
from dagster._core.storage.event_log import ConsolidatedSqliteEventLogStorage
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.runs.sqlite import SqliteRunStorage
from dagster._core.storage.schedules.sqlite import SqliteScheduleStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

if TYPE_CHECKING:
    from dagster import EventLogEntry
    from sqlalchemy.engine import Connection, Engine

BATCH_VARIABLE, BATCH_EVENTS = "DAGSTER_EVENT_BATCH_SIZE", "500"
"""Dagster hands events of one step over together only where this variable is set; it is set unless it is already."""


def give_back(file: Path, least_share: float) -> int:
    """Shrink a SQLite file when at least so large a share of it is empty; returns the bytes given back.

    Readers go on meanwhile, writers wait: as long as copying what is left of the file takes.
    """
    before = file.stat().st_size
    with closing(sqlite3.connect(file, timeout=SQLITE_BUSY_TIMEOUT_SECONDS, isolation_level=None)) as connection:
        pages, free = (connection.execute(f"PRAGMA {what}").fetchone()[0] for what in ("page_count", "freelist_count"))
        if not free or free < least_share * pages:
            return 0
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return before - file.stat().st_size


class EventLog(ConsolidatedSqliteEventLogStorage):
    """Events of all runs in one file."""

    @cached_property
    def _engine(self) -> Engine:
        """One engine a process: it remembers compiled statements. It holds no open connection."""
        waiting = {"timeout": SQLITE_BUSY_TIMEOUT_SECONDS}
        return create_engine(self._conn_string, poolclass=NullPool, connect_args=waiting)

    @contextmanager
    def _connect(self) -> Iterator[Connection]:
        with self._engine.connect() as connection, connection.begin():
            yield connection

    def _has_asset_key_index_cols_on_connection(self, conn: Connection) -> bool:
        """Whether a column exists that every database made by this release has; Dagster asks the file each time."""
        return True

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events of one run in one transaction, and what other tables say of them."""
        with self._connect() as connection:
            insert = SqlEventLogStorageTable.insert()
            results = [connection.execute(insert, self._event_to_row(event)) for event in events]
            stored = [(event, int(result.lastrowid)) for event, result in zip(events, results, strict=True)]
            of_assets = [
                (event, number)
                for event, number in stored
                if event.dagster_event_type in ASSET_EVENTS and event.get_dagster_event().asset_key
            ]
            self._store_asset_event_tags(connection, [event for event, _ in of_assets], [n for _, n in of_assets])
            newest = {
                (event.get_dagster_event().asset_key, event.dagster_event_type): (event, number)
                for event, number in of_assets
            }
            for event, number in newest.values():
                self._store_asset_event(connection, event, number)
        for event, number in stored:
            if event.dagster_event_type in ASSET_CHECK_EVENTS:
                self.store_asset_check_event(event, number)


class Storage(DagsterSqliteStorage):
    """Runs, schedules and events of an instance below one folder."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        """Open what is there, or make it."""
        os.environ.setdefault(BATCH_VARIABLE, BATCH_EVENTS)
        self.base_dir = base_dir
        self._inst_data = inst_data
        self._run_storage = SqliteRunStorage.from_local(str(Path(base_dir, "history")))
        self._event_log_storage = EventLog(str(Path(base_dir, "history")))
        self._schedule_storage = SqliteScheduleStorage.from_local(str(Path(base_dir, "schedules")))
        super(DagsterSqliteStorage, self).__init__()

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> Self:
        """The storage as `dagster.yaml` describes it."""
        return cls.from_local(inst_data=inst_data, **config_value)

    @property
    def event_storage_data(self) -> ConfigurableClassData:
        """How another process opens the event log."""
        return ConfigurableClassData(__name__, EventLog.__name__, f"base_dir: {Path(self.base_dir, 'history')}\n")
