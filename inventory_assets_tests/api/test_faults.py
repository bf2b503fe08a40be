from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine, event, text

from inventory_assets.api.gate import Bounds, Gate, Watch
from inventory_assets.api.hosts import OpenAddressError
from inventory_assets.api.serving import PortTakenError, bound
from inventory_assets.live.database.opening import open_engine
from inventory_assets.live.database.problems import DatabaseDownError
from inventory_assets.live.database.ready import bring_up
from inventory_assets.live.database.server import EmbeddedServer
from inventory_assets.live.locks import APPEND, SPACE
from inventory_assets.live.log.reading import ranges
from inventory_assets.operate.live_log import live_engine
from inventory_assets.settings import DatabaseSettings, ListenerSettings, Settings
from inventory_assets_tests.api.calling import EVENTS, Calls, calls_of, sale, served, until
from inventory_assets_tests.faults.campaign import LONG
from inventory_assets_tests.live.databases import installation, open_folder


@pytest.mark.parametrize("options", [ListenerSettings(least_free_bytes=2**62, look_seconds=0.1)])
def test_a_disk_under_its_limit_is_503_and_reading_goes_on(calls: Calls):
    answer = calls.post(sale(1))
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/disk_full")
    assert answer.headers["Retry-After"] == "5"
    assert calls.get("/readyz").status_code == 503
    assert calls.get("/healthz").status_code == 200
    assert calls.get(EVENTS).json()["events"] == []


@pytest.mark.parametrize("options", [ListenerSettings(max_queued=3, look_seconds=0.1, least_free_bytes=0)])
def test_a_full_queue_is_429_until_it_is_worked_off(calls: Calls):
    assert calls.post([sale(number) for number in range(3)]).status_code == 202
    answer = calls.post(sale(4))
    assert (answer.status_code, answer.json()["type"]) == (429, "/problems/queue_full")
    assert "Retry-After" in answer.headers
    assert calls.sql("SELECT count(*) FROM event_log") == [(3,)]
    calls.sql("DELETE FROM event_queue")
    until(lambda: calls.get("/readyz").status_code == 200)
    assert calls.post(sale(4)).status_code == 202


@pytest.mark.parametrize(
    "options", [ListenerSettings(deadline_seconds=0.5, wait_seconds=0, look_seconds=30, least_free_bytes=0)]
)
def test_a_request_that_takes_too_long_is_503_and_tells_itself_apart_when_sent_again(calls: Calls):
    with calls.engine.connect() as other:
        other.execute(text(f"SELECT pg_advisory_xact_lock({SPACE}, {APPEND})"))
        answer = calls.post(sale(1))
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/deadline_passed")
    until(lambda: calls.post(sale(1)).json()["status"] == "duplicate")
    assert calls.sql("SELECT count(*) FROM event_log") == [(1,)]


@pytest.fixture(scope="module")
def own() -> Iterator[tuple[Settings, EmbeddedServer, Engine]]:
    """An installation whose server the test may hurt."""
    with open_folder() as folder:
        options = ListenerSettings(look_seconds=0.1, deadline_seconds=1, least_free_bytes=0)
        settings = installation(folder).model_copy(update={"listener": options})
        server = EmbeddedServer(settings)
        server.start()
        bring_up(settings)
        engine = open_engine(server.place.url, DatabaseSettings(connect_seconds=2))
        yield settings, server, engine
        engine.dispose()
        server.stop(force=True)


def test_a_frozen_database_does_not_freeze_the_service(own: tuple[Settings, EmbeddedServer, Engine]):
    settings, server, engine = own
    with calls_of(settings, engine) as calls:
        assert calls.post(sale(1)).status_code == 202
        processes = _family(server.place.folder)
        for pid in processes:
            os.kill(pid, signal.SIGSTOP)
        try:
            answer = calls.post(sale(2))
            assert (answer.status_code, answer.json()["type"]) == (503, "/problems/deadline_passed")
            assert calls.get("/healthz").status_code == 200
            until(lambda: calls.get("/readyz").status_code == 503)
            assert "it has not answered for" in calls.get("/readyz").json()["detail"]
            assert "inventory_database_up 0.0" in calls.get("/metrics").text
        finally:
            for pid in processes:
                os.kill(pid, signal.SIGCONT)
        until(lambda: calls.post(sale(2)).status_code == 202)
        assert calls.get("/readyz").status_code == 200


def test_the_watch_looks_again_after_its_connection_was_taken_from_it(own: tuple[Settings, EmbeddedServer, Engine]):
    _, _, engine = own
    left = [True]

    @event.listens_for(engine, "checkout")
    def cut(connection, *_):
        if left.pop() if left else False:
            with engine.connect() as other:
                other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": connection.info.backend_pid})

    gate = Gate(Bounds(1, 0, 10))
    watch = Watch(gate, engine, None, 0.05, 10)
    try:
        assert "terminat" in gate.database, "the first look met the end of its connection"
        until(lambda: not gate.database)
    finally:
        event.remove(engine, "checkout", cut)
        watch.close()


def test_a_log_that_goes_away_while_the_lake_reads_it_is_a_database_that_is_down(own):
    settings, server, _ = own

    def read() -> None:
        with live_engine(settings):
            server.stop(force=True)
            list(ranges(server.place.url, 0, 10))

    try:
        with pytest.raises(DatabaseDownError, match="the live database went away"):
            read()
    finally:
        server.start()


@pytest.mark.slow
def test_a_database_stopped_under_load_is_503_and_nothing_acknowledged_is_lost(
    own: tuple[Settings, EmbeddedServer, Engine],
):
    settings, server, engine = own
    patient = ListenerSettings(look_seconds=0.1, least_free_bytes=0)
    with served(settings.model_copy(update={"listener": patient}), engine) as running:
        asyncio.run(_load_over_a_stop(running.address, server, engine))


async def _load_over_a_stop(address: str, server: EmbeddedServer, engine: Engine) -> None:
    acknowledged: set[str] = set()
    statuses: set[int] = set()
    ended = asyncio.Event()

    async def send(first: int) -> None:
        async with httpx.AsyncClient(base_url=address, timeout=20, verify=False) as client:
            number = first
            while not ended.is_set():
                answer = await client.post(EVENTS, json=sale(number))
                statuses.add(answer.status_code)
                if answer.status_code == 202:
                    acknowledged.add(f"sale-{number}")
                    number += 8
                else:
                    assert answer.status_code == 503
                    assert answer.headers["Retry-After"]
                    await asyncio.sleep(0.05)

    async def fault() -> None:
        while len(acknowledged) < 50:
            await asyncio.sleep(0.02)
        await asyncio.to_thread(server.stop, force=True)
        await asyncio.sleep(20 if LONG else 0.7)
        async with httpx.AsyncClient(base_url=address, verify=False) as client:
            assert (await client.get(f"{EVENTS}/sale-1")).status_code == 503
        await asyncio.to_thread(server.start)
        begun, at_start = time.monotonic(), len(acknowledged)
        while len(acknowledged) <= at_start + 50:
            assert time.monotonic() < begun + 20, "it did not recover"
            await asyncio.sleep(0.02)
        ended.set()

    await asyncio.gather(fault(), *(send(first) for first in range(8)))
    assert statuses == {202, 503}
    with engine.connect() as connection:
        kept = {row[0] for row in connection.execute(text("SELECT event_id FROM event_log"))}
    assert acknowledged <= kept


def test_fifty_open_requests_are_answered_and_the_stop_takes_less_than_two_seconds(installed: Settings, engine: Engine):
    slow = installed.model_copy(
        update={"listener": ListenerSettings(wait_seconds=60, deadline_seconds=60, least_free_bytes=0, readers=4)}
    )
    with served(slow, engine) as running:
        adjust = json.dumps({"quantity": 1, "reason": "FOUND", "storeId": "S1"}).encode()
        head = f"Host: 127.0.0.1:{running.port}\r\nContent-Type: application/json\r\n"
        opened = []
        for number in range(50):
            connection = socket.create_connection(("127.0.0.1", running.port))
            if number % 2:  # waits for a worker nobody started
                request = f"POST /api/v1/inventory/A/adjust HTTP/1.1\r\n{head}Content-Length: {len(adjust)}\r\n\r\n"
                connection.sendall(request.encode() + adjust)
            else:  # never sends its body
                connection.sendall(f"POST {EVENTS} HTTP/1.1\r\n{head}Content-Length: 100\r\n\r\n".encode())
            opened.append(connection)
        until(lambda: len(running.application.front._open) == 50)
        took = running.stop()
        assert took < 2, took
        for connection in opened:
            connection.settimeout(5)
            answer = connection.recv(65_536)
            assert answer.startswith(b"HTTP/1.1 503"), answer[:200]
            assert b"/problems/stopping" in answer + connection.recv(65_536)
            connection.close()


def test_a_stop_does_not_wait_for_a_write_that_cannot_end(installed: Settings, engine: Engine):
    patient = installed.model_copy(update={"listener": ListenerSettings(least_free_bytes=0)})
    with served(patient, engine) as running, engine.connect() as other:
        other.execute(text(f"SELECT pg_advisory_xact_lock({SPACE}, {APPEND})"))
        body = json.dumps(sale(1)).encode()
        head = f"POST {EVENTS} HTTP/1.1\r\nHost: 127.0.0.1:{running.port}\r\nContent-Type: application/json\r\n"
        with socket.create_connection(("127.0.0.1", running.port)) as connection:
            connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            waits = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            until(lambda: other.execute(waits).scalar_one() == 1)
            took = running.stop()
        assert took < 2, took


def _family(folder: Path) -> list[int]:
    import psutil

    main = psutil.Process(int(next(folder.rglob("postmaster.pid")).read_text().split()[0]))
    return [main.pid, *(each.pid for each in main.children(recursive=True))]


def test_addresses_others_can_reach_are_refused():
    for host in ("0.0.0.0", "192.168.1.4", "::", "example.com"):
        with pytest.raises(OpenAddressError, match="no authentication yet"):
            bound(host, 0)


def test_a_taken_port_is_named():
    with bound("127.0.0.1", 0) as first:
        first.listen()
        with pytest.raises(PortTakenError, match="INVENTORY_LISTENER__PORT"):
            bound("127.0.0.1", first.getsockname()[1])
