from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest
from typer.testing import CliRunner

from inventory_assets.cli import app
from inventory_assets.live.database.account import server_account
from inventory_assets.live.database.cluster import orphans, postmaster, serves
from inventory_assets.live.database.keeping import Keeper, keeping
from inventory_assets.live.database.problems import AccountError, ServerStartError, ServerStopError
from inventory_assets.live.database.server import EmbeddedServer
from inventory_assets_tests.conftest import ROOT
from inventory_assets_tests.live.databases import installation, open_folder

OWNING = """
import sys, time
from pathlib import Path
from inventory_assets.live.database.server import EmbeddedServer
from inventory_assets_tests.conftest import ROOT
from inventory_assets_tests.live.databases import installation
with EmbeddedServer(installation(Path(sys.argv[1]))).owned():
    print("serving", flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def made():
    """A folder in which a server was made once and stopped."""
    with open_folder() as folder:
        embedded = EmbeddedServer(installation(folder))
        embedded.start()
        embedded.stop()
        yield folder


@pytest.fixture
def embedded(made):
    """That server, stopped before and after."""
    embedded = EmbeddedServer(installation(made))
    yield embedded
    embedded.stop(force=True)


@pytest.fixture
def owner(made):
    """Another process that owns it."""
    process = subprocess.Popen([sys.executable, "-c", OWNING, str(made)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "serving\n"
    yield process
    process.kill()
    process.wait()


def answer(embedded, question="SELECT 1"):
    with psycopg.connect(embedded.place.url) as connection:
        return connection.execute(question).fetchone()[0]


def until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_a_server_opens_no_port_and_only_its_user_reaches_it(embedded, made):
    parents = {parent: parent.stat().st_mode for parent in (made, *made.parents)}
    assert embedded.start()
    process = postmaster(embedded.place.cluster)
    assert [each for each in process.net_connections(kind="inet") if each.status == psutil.CONN_LISTEN] == []
    assert process.uids().real == embedded.account.uid != 0
    for folder in (embedded.place.folder, embedded.place.cluster, embedded.place.sockets):
        assert folder.stat().st_mode & 0o077 == 0
        assert folder.stat().st_uid == embedded.account.uid
    assert {parent: parent.stat().st_mode for parent in parents} == parents
    assert answer(embedded, "SHOW fsync") == "on"
    assert answer(embedded, "SHOW data_checksums") == "on"
    assert embedded.stop()
    assert not embedded.place.sockets.exists()


def test_starting_a_running_server_changes_nothing(embedded):
    assert embedded.start()
    pid = embedded.status().pid
    assert not EmbeddedServer(embedded_settings := installation(embedded.place.folder.parent)).start()
    assert EmbeddedServer(embedded_settings).status().pid == pid
    assert embedded.stop()
    assert not embedded.stop()
    assert embedded.status().state == "stopped"


def test_many_starters_at_once_make_one_server(folder):
    servers = [EmbeddedServer(installation(folder)) for _ in range(4)]
    try:
        with ThreadPoolExecutor(len(servers)) as pool:
            began = list(pool.map(lambda each: each.start(), servers))
        assert sorted(began) == [False, False, False, True]
        assert answer(servers[0]) == 1
    finally:
        servers[0].stop()


def test_a_killed_server_is_started_again_at_once_with_all_it_acknowledged(embedded):
    embedded.start()
    busy = psycopg.connect(embedded.place.url)
    with psycopg.connect(embedded.place.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (number int)")
        connection.execute("INSERT INTO kept VALUES (7)")

    def spin():
        with pytest.raises(psycopg.OperationalError):
            busy.execute(SPIN)
        busy.close()

    spinning = threading.Thread(target=spin)
    spinning.start()
    until(lambda: answer(embedded, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%generate%' ") > 1)
    postmaster(embedded.place.cluster).kill()
    assert list(orphans(embedded.place.cluster)) != []
    until(lambda: embedded.status().state == "stale")
    assert embedded.look()
    assert answer(embedded, "SELECT number FROM kept") == 7
    spinning.join(30)
    assert not spinning.is_alive()
    assert not embedded.look()


def test_whoever_serves_from_a_killed_server_starts_it_again_unless_another_process_owns_it(embedded, owner):
    said: list[str] = []
    with keeping(embedded, said.append, 0.05):
        main = postmaster(embedded.place.cluster)
        main.kill()
        main.wait(20)
        time.sleep(0.3)
        assert embedded.status().state == "stale"
        owner.kill()
        owner.wait()
        until(lambda: said)
        assert answer(embedded) == 1
    assert said == ["the database was killed and was started again"]
    with keeping(embedded, said.append, 0.05):
        embedded.stop()
        time.sleep(0.2)
    assert embedded.status().state == "stopped"


def test_a_server_that_ended_itself_in_disorder_is_started_again(embedded):
    """On a full disk it cannot write its log, cannot recover either, ends, and takes its file of the process away."""
    embedded.start()
    main = postmaster(embedded.place.cluster)
    main.kill()
    main.wait(20)
    (embedded.place.cluster / "postmaster.pid").unlink()
    assert embedded.status().state == "stale"
    assert embedded.look()
    assert answer(embedded) == 1
    embedded.stop()
    assert embedded.status().state == "stopped"
    assert not embedded.look()


def test_what_stands_in_the_way_of_a_start_is_said_and_tried_again_after_growing_pauses(embedded, monkeypatch):
    """No room; killed again at once; then it comes up."""
    embedded.start()
    postmaster(embedded.place.cluster).kill()
    until(lambda: embedded.status().state == "stale")
    launch, tries = embedded._launch, []

    def hampered(*given):
        tries.append(time.monotonic())
        if len(tries) == 1:
            return 1, "No space left on device"
        done = launch(*given)
        if len(tries) == 2:
            postmaster(embedded.place.cluster).kill()
        return done

    monkeypatch.setattr(embedded, "_launch", hampered)
    said: list[str] = []
    keeper = Keeper(embedded, said.append, 0.2)

    def up() -> bool:
        keeper.look()
        return len(tries) == 3

    until(up)
    assert answer(embedded) == 1
    assert ["next try in 0.4 s" in said[0], "next try in 0.8 s" in said[1]] == [True, True]
    assert "No space left" in said[0]
    assert "went away again" in said[1]
    assert said[2:] == ["the database was killed and was started again"]
    assert tries[2] - tries[1] >= 0.8


def test_a_dispatcher_of_webhooks_alone_starts_a_killed_server_again(embedded, made, monkeypatch):
    monkeypatch.setenv("INVENTORY_DATA_DIR", str(made))
    monkeypatch.setenv("INVENTORY_WEBHOOKS__POLL_SECONDS", "0.1")
    killed: list[int] = []

    def kill() -> None:
        try:
            until(lambda: listens(embedded))
            main = postmaster(embedded.place.cluster)
            killed.append(main.pid)
            main.kill()
            main.wait(20)
            until(lambda: embedded.status().state == "running" and listens(embedded))
            killed.append(embedded.status().pid)
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    killing = threading.Thread(target=kill)
    killing.start()
    result = CliRunner().invoke(app, ["webhook", "run"])
    killing.join()
    assert (result.exit_code, len(set(killed))) == (0, 2), result.output
    assert "the database was killed and was started again" in result.output
    assert embedded.status().state == "stopped"


def listens(embedded) -> bool:
    """Whether somebody waits for rows of the outbox."""
    with suppress(psycopg.OperationalError):
        return answer(embedded, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'inventory outbox'") > 0
    return False


SPIN = "SELECT count(*) FROM generate_series(1, 1000000000)"


def test_a_stale_pid_file_that_names_a_stranger_harms_nobody(embedded):
    embedded.start()
    victim = postmaster(embedded.place.cluster)
    victim.kill()
    until(lambda: not victim.is_running() or victim.status() == psutil.STATUS_ZOMBIE)
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        pid_file = embedded.place.cluster / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        assert embedded.status().state == "stale"
        assert not embedded.stop()
        assert embedded.start()
        assert answer(embedded) == 1
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_postgres_of_another_folder_is_not_ours(tmp_path):
    assert serves(["/x/bin/postgres", "-D", str(tmp_path)], tmp_path)
    assert not serves(["/x/bin/postgres", "-D", str(tmp_path / "other")], tmp_path)
    assert not serves(["/usr/bin/vim", "-D", str(tmp_path)], tmp_path)
    assert not serves([], tmp_path)


def test_the_server_of_a_killed_owner_is_taken_over_and_stopped_in_the_end(embedded, owner):
    pid = embedded.status().pid
    assert embedded.status().owner == owner.pid
    owner.kill()
    owner.wait()
    assert embedded.status().owner is None
    with embedded.owned():
        assert embedded.status().pid == pid
        assert embedded.status().owner == os.getpid()
    assert embedded.status().state == "stopped"


def test_only_its_owner_stops_a_server(embedded, owner):
    with pytest.raises(ServerStopError, match=str(owner.pid)):
        embedded.stop()
    with embedded.owned() as url:
        psycopg.connect(url).close()
    assert embedded.status().state == "running"
    assert embedded.stop(force=True)


def test_a_server_started_by_hand_outlives_those_who_use_it(embedded):
    embedded.start()
    with embedded.owned():
        assert embedded.status().owner is None
    assert embedded.status().state == "running"


def test_what_a_killed_initdb_left_is_made_anew(folder):
    embedded = EmbeddedServer(installation(folder))
    killed = threading.Event()

    def kill_initdb():
        while not killed.is_set():
            for process in psutil.process_iter(["cmdline"]):
                command = process.info["cmdline"] or []
                ours = command and Path(command[0]).name == "initdb" and str(embedded.place.unfinished) in command
                if ours and (embedded.place.unfinished / "base").exists():
                    process.send_signal(signal.SIGKILL)
                    killed.set()
            time.sleep(0.005)

    thread = threading.Thread(target=kill_initdb)
    thread.start()
    try:
        with pytest.raises(ServerStartError, match="initdb"):
            embedded.start()
    finally:
        killed.set()
        thread.join()
    assert embedded.status().state == "absent"
    assert embedded.start()
    assert embedded.stop()


def test_a_socket_folder_others_can_enter_is_refused(folder):
    sockets = folder / "sockets"
    sockets.mkdir(mode=0o755)
    embedded = EmbeddedServer(installation(folder, socket_folder=sockets))
    with pytest.raises(ServerStartError, match="INVENTORY_DATABASE__SOCKET_FOLDER"):
        embedded.start()
    assert sockets.stat().st_mode & 0o777 == 0o755
    shutil.rmtree(sockets)


def test_a_socket_path_no_system_takes_is_refused_by_name(folder):
    with pytest.raises(ServerStartError, match="INVENTORY_DATABASE__SOCKET_FOLDER"):
        EmbeddedServer(installation(folder, socket_folder=folder / ("x" * 100))).start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to another user")
def test_root_leaves_closed_parents_closed_and_says_so(folder):
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(AccountError, match="INVENTORY_DATABASE__FOLDER") as raised:
        EmbeddedServer(installation(closed)).start()
    assert str(closed) in str(raised.value)
    assert closed.stat().st_mode & 0o777 == 0o700
    assert list(closed.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to another user")
def test_root_runs_the_server_as_the_named_user_and_its_folder_decides_later(folder):
    assert server_account("nobody", folder / "none").name == "nobody"
    with pytest.raises(AccountError, match="INVENTORY_DATABASE__RUN_AS"):
        server_account("no-such-user", folder / "none")
    theirs = folder / "theirs"
    theirs.mkdir()
    os.chown(theirs, 65_534, 65_534)
    assert server_account("postgres", theirs).uid == 65_534
