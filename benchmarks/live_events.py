"""A log full of simulated events, for the benchmarks that read it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg

from inventory_assets.contracts.events.reading import Event, read_request
from inventory_assets.contracts.events.wire import dumps
from inventory_assets.live.database.opening import open_engine
from inventory_assets.live.database.ready import bring_up
from inventory_assets.live.database.server import EmbeddedServer
from inventory_assets.live.log.accepting import entry_of
from inventory_assets.live.log.appending import append
from inventory_assets.settings import Settings
from inventory_assets.simulator.config import HistoryConfig
from inventory_assets.simulator.stream import stream_day

DAY, RECEIVED = date(2026, 3, 2), datetime(2026, 3, 4, tzinfo=UTC)
SEEDS = 20_000
GROUP = 1_000

_MORE = """
INSERT INTO event_log (sequence, epoch, source, event_id, type, event_time, received_at, priority, items, disposition,
                       envelope, data, effects)
SELECT sequence + %(stride)s * copy, epoch, source, event_id || '/' || copy, type, event_time + copy * interval '1 s',
       received_at, priority, items, disposition, envelope, data, effects
FROM event_log, generate_series(1, %(copies)s) AS copy
"""


@contextmanager
def served() -> Iterator[tuple[Settings, str]]:
    """An installation whose server runs, and its URL."""
    folder = Path(tempfile.mkdtemp(prefix="inventory-bench-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        settings = Settings(data_dir=folder)
        with EmbeddedServer(settings).owned() as url:
            bring_up(settings)
            yield settings, url
    finally:
        shutil.rmtree(folder)


def fill(settings: Settings, url: str, events: int) -> int:
    """Put about so many events of a simulated day into the log, copies of a part of them; returns their number."""
    made = []
    for document in stream_day(HistoryConfig(start=DAY, days=1, stores=20, items=500, lines_per_store_day=300), DAY):
        headers = {"content-type": "application/cloudevents+json"}
        (found,) = read_request(headers, dumps(document).encode(), RECEIVED, lambda: "").events
        assert isinstance(found, Event), found
        made.append(entry_of(found))
        if len(made) == SEEDS:
            break
    engine = open_engine(url, settings.database)
    for first in range(0, len(made), GROUP):
        append(engine, made[first : first + GROUP])
    engine.dispose()
    with psycopg.connect(url, autocommit=True) as connection:
        copies = max(0, events // len(made) - 1)
        connection.execute(_MORE, {"stride": len(made), "copies": copies})
        connection.execute("VACUUM ANALYZE event_log")
    return len(made) * (copies + 1)
