"""The state once more from the log: `python -m benchmarks.rebuild`.

Events of a simulated day, folded by the frame rules and compared with the state, as `inventory live rebuild --verify`
does. The state is written from the fold first, so that there is something to compare; beside it only reading the log.
"""

from __future__ import annotations

import argparse
import statistics
import time

import psycopg

from benchmarks.live_events import fill, served
from benchmarks.report import figure, publish
from inventory_assets.lakehouse.lake import Lake
from inventory_assets.live.database.opening import open_engine
from inventory_assets.live.rebuilding import events_of_log, folded, snapshot
from inventory_assets.operate.live_history import verify

LEAST = 100_000
_COPY = """
COPY inventory_state (item, location, version, book, net, reserved, unavailable, in_transit, on_order, basis,
                      count_time, count_kind, count_quantity, first_known_at, last_movement_at, conflict_status,
                      last_sequence)
FROM STDIN
"""


def write_state(url: str) -> None:
    """The state as the processor would have left it."""
    at = snapshot(url)
    with psycopg.connect(url) as connection, connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        for row in folded(events_of_log(url, 0, at.upto), at.unapplied).iter_rows(named=True):
            kind = None if row["last_count_at"] is None else "opening"
            copy.write_row(
                (
                    row["product_sku"], row["location_id"], row["version"], row["book"], row["net_quantity"],
                    row["reserved"], row["net_unavailable"], row["in_transit"], 0, row["stock_basis"],
                    row["last_count_at"], kind, row["last_count_quantity"], row["first_known_at"],
                    row["last_movement_at"], "None", 1,
                )
            )  # fmt: skip


def main() -> int:
    """Measure and print; with --save into the results."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=1_000_000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--save", action="store_true")
    chosen = options.parse_args()
    rates, reads = [], []
    with served() as (settings, url):
        events = fill(settings, url, chosen.events)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("TRUNCATE event_queue")
        write_state(url)
        engine = open_engine(url, settings.database)
        for _ in range(chosen.rounds):
            began = time.perf_counter()
            effective = sum(frame.height for frame in events_of_log(url, 0, 2**62))
            reads.append(events / (time.perf_counter() - began))
            began = time.perf_counter()
            found = verify(engine, url, Lake(settings.lake))
            rates.append(events / (time.perf_counter() - began))
            assert not found.differing, found.differing[0].text
        engine.dispose()
    rate = statistics.median(rates)
    result = figure(
        "rebuild",
        "rebuild of the state from the log through the frame rules, compared row by row",
        f"≥ {LEAST:,} events/s",
        f"{rate:,.0f}/s of {events:,} events, {effective:,} of them with an effect on {found.pairs:,} pairs; only "
        f"read {statistics.median(reads):,.0f}/s",
        reached=rate >= LEAST,
        details={"rebuilt": rates, "read": reads, "pairs": found.pairs, "with_effect": effective},
    )
    return publish(result, save=chosen.save)


if __name__ == "__main__":
    raise SystemExit(main())
