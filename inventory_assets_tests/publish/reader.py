"""A reader process: queries the published file until told to stop, and prints what it saw as one JSON object.

Arguments: serving folder, "long-lived" or "reconnecting", "pointer" or "stable" (by which name), stop file.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import closing
from pathlib import Path

import duckdb

from inventory_assets.publish.layout import STABLE
from inventory_assets.publish.sql import connect

QUESTION = """
    SELECT list(DISTINCT publish_id), list(DISTINCT mark), count(*) FROM (
        SELECT publish_id, store_id AS mark FROM daily_inventory_summary
        UNION ALL SELECT publish_id, store_id FROM store_performance
        UNION ALL SELECT publish_id, publish_id FROM data_as_of)
"""
"""Two tables are filled with the publish id as store, so that an answer mixed from two files would show."""


SECONDS_BETWEEN_QUESTIONS = 0.3
"""Eight readers without a pause would leave the publisher no processor, and prove nothing more."""


def open_by(folder: Path, name: str) -> duckdb.DuckDBPyConnection:
    connection = connect(folder) if name == "pointer" else duckdb.connect(str(folder / STABLE), read_only=True)
    connection.execute("SET threads = 1")
    return connection


def main(folder: Path, habit: str, name: str, stop: Path) -> None:
    seen, answers, wrong = [], 0, []
    connection = open_by(folder, name)
    print("ready", flush=True)
    while True:
        last_round = stop.exists()
        ids, marks, rows = connection.execute(QUESTION).fetchall()[0]
        answers += 1
        if len(ids) != 1 or marks != ids or not rows:
            wrong.append([ids, marks, rows])
        seen.extend(ids)
        if habit == "reconnecting":
            connection.close()
            connection = open_by(folder, name)
        if last_round:
            break
        time.sleep(SECONDS_BETWEEN_QUESTIONS)
    with closing(connection):
        print(
            json.dumps(
                {"answers": answers, "seen": sorted(set(seen)), "in_order": seen == sorted(seen), "wrong": wrong}
            )
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4]))
