"""A transaction whose client stopped is ended by others, wherever it stopped, and nobody else is."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress

import psycopg
import pytest

from inventory_assets.live.locks import APPEND, SPACE, lane_key
from inventory_assets.live.queue.claiming import claim
from inventory_assets.live.standing import end_standing

LEASE = 0.4
LONGER = 1.2
"""Seconds behind which a transaction that stands still is to be ended."""


def holds(connection, key):
    connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", (SPACE, key))


@contextmanager
def stopped_after_a_pipeline(url):
    with psycopg.connect(url) as client:
        claim(client, [1], 1, LEASE)
        holds(client, lane_key(1))
        with client.pipeline():
            client.execute("SELECT 1")
        yield client


@contextmanager
def stopped_in_a_pipeline(url):
    with psycopg.connect(url) as client, client.pipeline():
        holds(client, APPEND)
        client.execute("SELECT 1").fetchone()
        yield client


def here(connection, client):
    found = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s"
    return connection.execute(found, (client.info.backend_pid,)).fetchone() == (1,)


@pytest.mark.parametrize("stopped", [stopped_after_a_pipeline, stopped_in_a_pipeline])
def test_a_client_that_stopped_in_or_behind_a_pipeline_is_ended_and_its_lock_is_free(connection, url, stopped):
    with suppress(psycopg.Error), stopped(url) as client:
        time.sleep(LONGER)
        end_standing(connection, LEASE)
        deadline = time.monotonic() + 10
        while here(connection, client):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        holds(connection, lane_key(1))
        holds(connection, APPEND)
        with pytest.raises(psycopg.Error):
            client.execute("SELECT 1").fetchone()


def test_who_works_waits_holds_nothing_or_has_just_begun_is_left_alone(connection, url):
    with (
        psycopg.connect(url) as holder,
        psycopg.connect(url) as waiting,
        psycopg.connect(url) as working,
        psycopg.connect(url) as reader,
    ):
        holds(holder, APPEND)
        reader.execute("SELECT 1")
        holds(working, lane_key(2))
        busy = [
            threading.Thread(target=lambda: holds(waiting, APPEND)),
            threading.Thread(target=lambda: working.execute("SELECT pg_sleep(2)")),
        ]
        for each in busy:
            each.start()
        time.sleep(LONGER)
        holder.execute("SELECT 1")
        assert end_standing(connection, LEASE) == 0
        assert all(here(connection, each) for each in (holder, waiting, working, reader))
        holder.rollback()
        for each in busy:
            each.join()
