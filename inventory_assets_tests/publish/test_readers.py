"""Readers in other processes are never disturbed by publications, and never see two at once (issue acceptance)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing

import duckdb
import polars as pl
import pytest

from inventory_assets.contracts import gold
from inventory_assets.publish.layout import STABLE
from inventory_assets.publish.sql import connect
from inventory_assets_tests.conftest import ROOT
from inventory_assets_tests.faults.campaign import LONG
from inventory_assets_tests.frames import DAYS
from inventory_assets_tests.publish.support import meta, publish_number, some_tables

MARKED = (gold.DAILY_INVENTORY_SUMMARY.path, gold.STORE_PERFORMANCE.path)


def marked(tables, number):
    """Frames in which every store is the publish id."""
    mark = pl.lit(meta(number).publish_id).alias("store_id")
    keys = {path: list(table.key) for path, table in ((table.path, table) for table in gold.GOLD)}
    return tables | {path: tables[path].with_columns(mark).unique(keys[path]) for path in MARKED}


def start_reader(folder, habit, name, stop):
    command = [sys.executable, "-m", "inventory_assets_tests.publish.reader", str(folder), habit, name, str(stop)]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


@pytest.mark.slow
@pytest.mark.parametrize(("each", "publications", "keep_files"), [(4, 20, 1) if LONG else (2, 6, 1)])
def test_long_lived_and_reconnecting_readers_see_no_error_and_one_publish_id(tmp_path, each, publications, keep_files):
    """`keep_files=1`, `keep_seconds=0`: the file a reader is about to open may vanish at any moment."""
    serving, stop = tmp_path / "serving", tmp_path / "stop"
    tables = some_tables(1)
    publish_number(serving, 0, marked(tables, 0))
    names = ("pointer", "stable") if os.name == "posix" else ("pointer",)
    habits = [(habit, names[place % len(names)]) for habit in ("long-lived", "reconnecting") for place in range(each)]
    readers = [start_reader(serving, habit, name, stop) for habit, name in habits]
    try:
        for reader in readers:
            assert reader.stdout.readline() == "ready\n", reader.stderr.read()
        for number in range(1, publications + 1):
            days = None if number % 5 == 0 else {path: set(DAYS) for path in MARKED}
            publish_number(serving, number, marked(tables, number), days, keep_files=keep_files, keep_seconds=0)
        stop.touch()
        reports = [reader.communicate(timeout=60) for reader in readers]
    finally:
        for reader in readers:
            reader.kill()
            reader.wait()
    last = meta(publications).publish_id
    for (habit, _), reader, (output, errors) in zip(habits, readers, reports, strict=True):
        assert reader.returncode == 0, errors
        report = json.loads(output)
        assert report["wrong"] == []
        assert report["answers"] > 1
        assert report["in_order"]
        if habit == "long-lived":
            assert report["seen"] == [meta(0).publish_id]
        else:
            assert len(report["seen"]) > 2
    with closing(connect(serving)) as connection:
        assert connection.execute("SELECT publish_id FROM publication").fetchall() == [(last,)]
    assert len(list(serving.glob("inventory-*"))) == 1


def test_connect_sees_the_new_file_while_an_old_connection_of_this_process_is_open(tmp_path):
    tables = some_tables(2)
    publish_number(tmp_path, 1, tables)
    with closing(connect(tmp_path)) as old:
        publish_number(tmp_path, 2, tables, {}, keep_files=1, keep_seconds=0)
        with closing(connect(tmp_path)) as new:
            assert new.execute("SELECT publish_id FROM publication").fetchall() == [("p0002",)]
            assert old.execute("SELECT publish_id FROM publication").fetchall() == [("p0001",)]


@pytest.mark.skipif(os.name != "posix", reason="the stable name exists on POSIX")
def test_upstream_a_second_open_of_the_stable_name_in_one_process_shows_old_data(tmp_path):
    """Pins the trap `connect` avoids, so that a failure reads as DuckDB changed."""
    tables = some_tables(3)
    publish_number(tmp_path, 1, tables)
    with closing(duckdb.connect(str(tmp_path / STABLE), read_only=True)):
        publish_number(tmp_path, 2, tables, {})
        with closing(duckdb.connect(str(tmp_path / STABLE), read_only=True)) as again:
            assert again.execute("SELECT publish_id FROM publication").fetchall() == [("p0001",)]
    with closing(duckdb.connect(str(tmp_path / STABLE), read_only=True)) as later:
        assert later.execute("SELECT publish_id FROM publication").fetchall() == [("p0002",)]
